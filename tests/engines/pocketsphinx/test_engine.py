from pathlib import Path

import msgspec
import numpy as np
import pytest

from engines.audio_prepare.engine import AudioPrepare
from engines.sdk import testing
from streams.transcript import Segment, Transcript, Word
from tests.engines.conftest import Alone, Ran
from tests.engines.media import encode, quiet
from tests.engines.words import SAID, SAMPLE

pytestmark = [pytest.mark.engines, pytest.mark.timeout(600)]

LINES = SAID.splitlines()
EDGES = ((0.90, 7.49), (8.72, 11.24), (12.47, 17.27), (18.42, 24.02), (25.15, 27.95))
"""Where the sentences begin and end, in seconds: within 0.07 s of the turns that pyannote finds."""
WHOLE = (0.0, 28.93)
HEARD = {
    "mister": 1.17,
    "john": 1.55,
    "dashwood": 1.81,
    "had": 2.37,
    "consider": 3.89,
    "power": 6.57,
}
"""Where words of the first sentence begin, as faster-whisper's tiny.en hears it: roughly."""


def document(folder: Path, *segments: Segment, language: str | None = "en") -> Path:
    path = folder / "transcribe.json"
    path.write_bytes(msgspec.json.encode(Transcript(28.93, segments, language)))
    return path


def lines(texts: list[str]) -> list[Segment]:
    return [Segment(*edges, text) for edges, text in zip(EDGES, texts, strict=True)]


def transcript(ran: Ran) -> Transcript:
    assert ran.code == 0, ran.errors
    return msgspec.json.decode(ran.output, type=Transcript)


def assert_ordered(found: Transcript) -> None:
    for segment in found.segments:
        at = segment.start - 0.2
        for word in segment.words:
            assert at <= word.start <= word.end <= segment.end + 0.2
            at = word.end


async def test_every_word_gets_its_time_and_no_text_changes(alone: Alone, tmp_path: Path) -> None:
    heard = document(tmp_path, *lines(LINES))
    found = transcript(await alone("pocketsphinx", SAMPLE, heard))
    assert [segment.text for segment in found.segments] == LINES
    assert_ordered(found)
    for segment, (start, end) in zip(found.segments, EDGES, strict=True):
        assert (segment.start, segment.end) == (start, end)
        assert " ".join(word.text for word in segment.words) == segment.text
        assert all(word.probability is None for word in segment.words)
    starts = {word.text: word.start for word in reversed(found.segments[0].words)}
    assert all(abs(starts[word] - at) < 0.4 for word, at in HEARD.items())
    assert found.warnings == ()
    assert [mark.stage for mark in found.provenance] == ["align"]


async def test_a_text_without_any_cut_is_put_into_its_places(alone: Alone, tmp_path: Path) -> None:
    heard = document(tmp_path, Segment(*WHOLE, " ".join(LINES)))
    found = transcript(await alone("pocketsphinx", SAMPLE, heard))
    words, at = found.segments[0].words, 0
    for line, (start, end) in zip(LINES, EDGES, strict=True):
        count = len(line.split())
        assert abs(words[at].start - start) < 0.15
        assert abs(words[at + count - 1].end - end) < 0.15
        at += count


@pytest.mark.long
async def test_minutes_without_a_cut_keep_their_times(alone: Alone, tmp_path: Path) -> None:
    workdir = tmp_path / "work"
    workdir.mkdir()
    testing.run(AudioPrepare(), source=SAMPLE, workdir=workdir)
    row = np.frombuffer((workdir / "track-0.wav").read_bytes()[44:], "<i2").astype(np.float32)
    many = np.concatenate([row / np.float32(32_768)] * 8)[None, :]
    audio = encode(tmp_path / "long.flac", many, codec="flac")
    heard = document(tmp_path, Segment(0.0, 8 * 28.93, " ".join(LINES * 8)))
    found = transcript(await alone("pocketsphinx", audio, heard))
    first = [word.start for word in found.segments[0].words]
    count = len(" ".join(LINES).split())
    for turn in range(8):
        for n in range(count):
            assert abs(first[turn * count + n] - turn * 28.93 - first[n]) < 0.2


async def test_numbers_signs_and_names_get_times_too(alone: Alone, tmp_path: Path) -> None:
    texts = LINES.copy()
    texts[0] = (
        texts[0].replace("mister john dashwood", "Mr. John Dashwoode —").replace("how", "♪ how")
    )
    texts[2] = texts[2].replace("cold hearted", "cold-hearted,")
    found = transcript(await alone("pocketsphinx", SAMPLE, document(tmp_path, *lines(texts))))
    assert [segment.text for segment in found.segments] == texts
    assert_ordered(found)
    starts = {word.text: word.start for word in reversed(found.segments[0].words)}
    assert abs(starts["Mr."] - HEARD["mister"]) < 0.4
    assert abs(starts["Dashwoode"] - HEARD["dashwood"]) < 0.4
    assert abs(starts["had"] - HEARD["had"]) < 0.4
    assert starts["Dashwoode"] < starts["—"] <= starts["had"]
    assert found.warnings == ()


async def test_text_that_was_not_said_keeps_times_and_is_counted(
    alone: Alone, tmp_path: Path
) -> None:
    wrong = "colourless green ideas sleep furiously beneath seventeen purple elephants tomorrow"
    segments = lines(LINES)
    segments[1] = Segment(*EDGES[1], f"{wrong} {wrong}")
    known = Word("无线电", 12.5, 13.0, 0.4)
    segments[2] = Segment(12.47, 17.27, "无线电", words=(known,))
    found = transcript(await alone("pocketsphinx", SAMPLE, document(tmp_path, *segments)))
    assert found.warnings[0].startswith("2 of 5 segments were not aligned (the text does not fit")
    assert found.segments[1].words[0].start == EDGES[1][0]
    assert found.segments[1].words[-1].end == EDGES[1][1]
    assert found.segments[2].words == (known,)
    assert_ordered(found)


async def test_other_languages_and_empty_ones_pass_through(alone: Alone, tmp_path: Path) -> None:
    german = Segment(*EDGES[0], "Guten Tag", words=(Word("Guten Tag", 1.0, 2.0, 0.5),))
    ran = await alone("pocketsphinx", SAMPLE, document(tmp_path, german, language="de"))
    assert transcript(ran).segments == (german,)
    assert transcript(ran).warnings == (
        "words were not aligned: pocketsphinx knows only English, not 'de'",
    )
    empty = transcript(await alone("pocketsphinx", SAMPLE, document(tmp_path)))
    assert (empty.segments, empty.warnings) == ((), ())


async def test_each_channel_is_listened_to_on_its_own(alone: Alone, tmp_path: Path) -> None:
    silence = encode(tmp_path / "silence.flac", quiet(29), codec="flac")
    heard = document(tmp_path, Segment(*EDGES[0], LINES[0], channel=0))
    found = transcript(await alone("pocketsphinx", silence, heard))
    assert len(found.segments[0].words) == len(LINES[0].split())
    assert_ordered(found)


async def test_characters_are_not_to_be_had_and_it_says_so(alone: Alone, tmp_path: Path) -> None:
    heard = document(tmp_path, *lines(LINES)[:1])
    ran = await alone("pocketsphinx", SAMPLE, heard, "--option", "character_timestamps=true")
    assert "knows no times of characters" in transcript(ran).warnings[0]
    ran = await alone("pocketsphinx", SAMPLE, heard, "--model", "fr-fr")
    assert ran.code == 1
    assert "pocketsphinx has no model 'fr-fr'; it has: en-us" in ran.errors
