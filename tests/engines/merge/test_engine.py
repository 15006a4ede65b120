from pathlib import Path

import msgspec
import pytest

from engines.merge.engine import Merge
from engines.sdk import testing
from engines.sdk.contract import InvalidInput
from streams.transcript import Transcript
from tests.engines.conftest import Alone
from tests.engines.words import SAID, SAMPLE, error_rate

pytestmark = pytest.mark.timeout(600)  # the first of them builds the environments


def test_a_plan_without_transcribe_cannot_be_merged() -> None:
    with pytest.raises(InvalidInput, match="merge needs the output of: prepare, transcribe"):
        testing.run(Merge())


async def test_three_engines_in_three_environments_make_a_transcript(
    alone: Alone, tmp_path: Path
) -> None:
    assert (await alone("audio_prepare", SAMPLE, "--out", tmp_path / "prepared")).code == 0
    prepare = tmp_path / "prepare.json"
    prepare.write_bytes((tmp_path / "prepared" / "output.json").read_bytes())
    track = tmp_path / "prepared" / "track-0.wav"
    transcribe = tmp_path / "transcribe.json"
    transcribe.write_bytes((await alone("faster_whisper", track, prepare)).output)

    ran = await alone("merge", prepare, transcribe)

    assert ran.code == 0, ran.errors
    transcript = msgspec.json.decode(ran.output, type=Transcript)
    assert transcript.duration == 28.93
    assert error_rate(SAID, transcript.text) < 0.1
    assert [one.stage for one in transcript.provenance] == ["prepare", "transcribe", "merge"]
    assert transcript.provenance[1].model == "tiny.en"
