from pathlib import Path

import pytest

from engines.sdk.settings import EngineSettings
from streams.settings import Settings, read

DOCS = Path(__file__).parents[3] / "docs" / "engines.md"


@pytest.mark.parametrize("name", EngineSettings.__struct_fields__)
def test_every_setting_is_in_the_docs(name: str) -> None:
    assert f"`DALSTON_{name.upper()}`" in DOCS.read_text()


def test_a_replica_is_named_for_its_engine_host_and_slot() -> None:
    own = read(EngineSettings, {"DALSTON_ENGINE_HOST": "box", "DALSTON_ENGINE_SLOT": "3"})
    assert own.replica("merge") == "merge@box-3"


def test_two_stacks_on_one_machine_do_not_share_a_work_folder() -> None:
    own = EngineSettings()
    one, other = Settings(key_prefix="one"), Settings(key_prefix="other")
    assert own.folder("merge@box-0", one) == own.folder("merge@box-0", one)
    assert own.folder("merge@box-0", one) != own.folder("merge@box-0", other)


@pytest.mark.parametrize(
    ("listens", "reached"),
    [
        ("127.0.0.1", "http://127.0.0.1:9100"),
        ("0.0.0.0", "http://box:9100"),
        ("::1", "http://[::1]:9100"),
    ],
)
def test_the_health_address_is_one_that_others_can_use(listens: str, reached: str) -> None:
    own = EngineSettings(engine_host="box", health_host=listens)
    assert own.reached_at(9100) == reached
