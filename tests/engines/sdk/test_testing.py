import array
from pathlib import Path

import msgspec
import pytest

from engines.sdk import testing, wav
from engines.sdk.contract import InvalidInput, Task, UnknownOption
from streams.transcript import Transcript
from tests.engines.sdk.toys import Ear, Last, Toy


def test_an_engine_runs_on_a_file_and_gives_its_output_and_files(tmp_path: Path) -> None:
    source = tmp_path / "a.txt"
    source.write_text("hello")
    outcome = testing.run(Toy(), source=source)
    assert outcome.output.text == "hello"
    assert outcome.files["kept.txt"].read_text() == "HELLO"
    assert outcome.model == "small"


def test_progress_is_collected(tmp_path: Path) -> None:
    outcome = testing.run(Toy(), options={"do": "walk", "steps": 4, "pause": 0}, workdir=tmp_path)
    assert outcome.progress == [0.25, 0.5, 0.75, 1.0]


def test_what_the_engine_raises_comes_out() -> None:
    with pytest.raises(InvalidInput, match="not speech"):
        testing.run(Toy(), options={"do": "refuse"})


def test_a_model_that_is_not_there_names_those_that_are() -> None:
    with pytest.raises(InvalidInput, match="no model 'huge'; it has: small, large"):
        testing.run(Toy(), options={"model": "huge"})


def test_a_cancel_reaches_the_engine_through_progress() -> None:
    with pytest.raises(testing.Cancelled):
        testing.run(Toy(), options={"do": "walk", "pause": 0}, cancel_at=0.5)


def test_an_engine_that_hears_gets_a_track_of_any_wav(tmp_path: Path) -> None:
    source = tmp_path / "speech.wav"
    wav.write(source, array.array("h", [100] * 16_000))
    outcome = testing.run(Ear(), source=source, workdir=tmp_path)
    assert outcome.output.duration == pytest.approx(1.0)
    assert outcome.output.text == str(44 + 32_000)


def test_documents_of_earlier_stages_are_given() -> None:
    said = testing.run(Toy(), options={"do": "echo"}).output
    outcome = testing.run(Last(), documents={"transcribe": said})
    assert outcome.output == Transcript(duration=1.0, segments=said.segments)


class Wishes(msgspec.Struct, frozen=True):
    beam: int = 5


def asked(**options: int | str) -> Task:
    return Task(
        job="j", stage="s", token=1, engine="ear", version="1", workdir=Path(), base_uri="",
        options=dict(options),
    )  # fmt: skip


def test_an_option_of_a_later_version_waits_for_an_upgrade_and_does_not_fail_the_job() -> None:
    assert asked(beam=2).parsed(Wishes) == Wishes(2)
    with pytest.raises(UnknownOption, match="ear 1 does not know the option mood: upgrade it"):
        asked(beam=2, mood="calm").parsed(Wishes)
    assert UnknownOption.kind == "error"  # which is retried, then parked
    with pytest.raises(InvalidInput, match="option not taken by ear"):
        asked(beam="wide").parsed(Wishes)
