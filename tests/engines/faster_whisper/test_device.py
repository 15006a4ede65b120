import pytest

from engines.faster_whisper import device
from engines.sdk.contract import ModelUnavailable

CARD = {"float32", "float16", "bfloat16", "int8", "int8_float32", "int8_float16", "int8_bfloat16"}
OLD = {"float32", "int8", "int8_float32"}
CPU = {"float32", "int8", "int8_float32"}


@pytest.mark.parametrize(
    ("place", "supported", "wanted", "types"),
    [
        ("cuda", CARD, "", ("float16", "int8_float16", "int8")),
        ("cuda", OLD, "", ("float32", "int8_float32", "int8")),
        ("cuda", CARD, "bfloat16", ("bfloat16", "float16", "int8_float32", "int8_float16", "int8")),
        ("cuda", CARD, "int8", ("int8",)),
        ("cuda", OLD, "float16", ("float16", "int8_float32", "int8")),
        ("cpu", CPU, "", ("int8",)),
        ("cpu", CPU, "float32", ("float32", "int8_float32", "int8")),
        ("cpu", {"float32"}, "", ("float32",)),
        ("cpu", CPU, "int3", ("int3",)),
    ],
)
def test_types_get_smaller_and_are_those_of_the_device(
    place: str, supported: set[str], wanted: str, types: tuple[str, ...]
) -> None:
    assert device.types(place, supported, wanted) == types


def test_auto_takes_the_card_only_where_it_works(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(device, "preload", lambda: "")
    assert device.choose("auto", 1) == "cuda"
    assert device.choose("auto", 0) == "cpu"
    assert device.choose("cpu", 1) == "cpu"
    monkeypatch.setattr(device, "preload", lambda: "libcublas.so.12: cannot open")
    assert device.choose("auto", 1) == "cpu"


def test_a_card_that_was_wanted_and_does_not_work_is_an_error_with_the_cure(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with pytest.raises(ModelUnavailable, match=r"no card is to be seen: check nvidia-smi"):
        device.choose("cuda", 0)
    monkeypatch.setattr(device, "preload", lambda: "libcublas.so.12: cannot open")
    with pytest.raises(ModelUnavailable, match=r"cuBLAS 12 is missing .*requirements-gpu.lock"):
        device.choose("cuda", 1)


def test_what_is_missing_is_named_where_there_is_no_cublas(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(device, "CUBLAS", ("libcublasLt-of-nobody.so.12",))
    assert "libcublasLt-of-nobody.so.12" in device.preload()
