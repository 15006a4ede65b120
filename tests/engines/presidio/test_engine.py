"""The real Presidio and spaCy's model, in the engine's own environment."""

import array
import wave
from pathlib import Path

import msgspec
import pytest

from engines.presidio.engine import Presidio
from engines.sdk import testing, wav
from engines.sdk.contract import InvalidInput, ModelUnavailable
from streams.transcript import Clean, Notes, Segment, Speaker, Transcript, Word
from tests.engines.conftest import Alone
from tests.engines.words import SAMPLE

SECRETS = ("maria", "jensen", "london", "jensen@example.com", "two one", "five five", "four one")
SAID = (
    "Hello, my name is Maria Jensen and I live in London.",
    "My phone number is two one two five five five",
    "oh one four two, and my card is four one one one one one one one",
    "one one one one one one one one, thank you.",
    "Write to maria dot jensen at example dot com. The weather is nice today.",
)


def transcript(language: str | None = "en") -> Transcript:
    """Half a second a word, one segment after the other."""
    segments, at = [], 0.0
    for text in SAID:
        words = []
        for word in text.split():
            words.append(Word(word, at, at + 0.5, 0.9, "S1"))
            at += 0.5
        clean = Clean(text, tuple(msgspec.structs.replace(word, speaker=None) for word in words))
        start = words[0].start
        segments.append(Segment(start, at, text, tuple(words), speaker="S1", clean=clean))
    return Transcript(
        duration=at,
        segments=tuple(segments),
        language=language,
        speakers=(Speaker("S1", "Maria Jensen"),),
        notes=Notes("Maria Jensen from London gives her number, 212-555-0142."),
    )


@pytest.fixture
def files(tmp_path: Path) -> tuple[Path, Path]:
    """The transcript and a track as loud all along."""
    paper, track = tmp_path / "merge.json", tmp_path / "track.wav"
    paper.write_bytes(msgspec.json.encode(transcript()))
    loud = array.array("h", [5000, -5000] * 8000)
    wav.write(track, loud * round(transcript().duration))
    return paper, track


@pytest.mark.engines
@pytest.mark.timeout(600)  # the first of them builds the environment
async def test_nothing_personal_is_left_in_text_or_audio(
    alone: Alone, files: tuple[Path, Path], tmp_path: Path
) -> None:
    ran = await alone(
        "presidio", *files, "--option", "audio=silence", "--out", tmp_path / "made"
    )  # fmt: skip
    assert ran.code == 0, ran.errors
    output = (tmp_path / "made" / "output.json").read_bytes()
    made = msgspec.json.decode(output, type=Transcript)

    written = output.decode().lower()
    assert not [secret for secret in SECRETS if secret in written]
    assert made.segments[0].text == "Hello, my name is [PERSON] and I live in [LOCATION]."
    assert made.segments[1].text == "My phone number is [PHONE_NUMBER]"
    assert made.segments[2].text == "[PHONE_NUMBER], and my card is [CREDIT_CARD]"
    assert made.segments[3].text == "[CREDIT_CARD], thank you."
    assert made.segments[4].text == "Write to [EMAIL_ADDRESS]. The weather is nice today."
    assert made.speakers == (Speaker("S1"),)
    kinds = [one.kind for one in made.redactions]
    assert kinds == ["PERSON", "LOCATION", "PHONE_NUMBER", "PHONE_NUMBER", "CREDIT_CARD",
                     "CREDIT_CARD", "EMAIL_ADDRESS"]  # fmt: skip

    with wave.open(str(tmp_path / "made" / "redacted-0.wav"), "rb") as file:
        heard = array.array("h", file.readframes(file.getnframes()))
    for one in made.redactions:
        assert set(heard[round(one.start * wav.RATE) : round(one.end * wav.RATE)]) == {0}
    assert heard[:1000] == array.array("h", [5000, -5000] * 500)
    assert [one.media_type for one in made.audio] == ["audio/wav"]


@pytest.mark.engines
@pytest.mark.timeout(600)
async def test_only_the_kinds_that_were_asked_for_are_masked(
    alone: Alone, files: tuple[Path, Path]
) -> None:
    ran = await alone("presidio", *files, "--option", 'kinds=["LOCATION"]')
    made = msgspec.json.decode(ran.output, type=Transcript)
    assert made.segments[0].text == "Hello, my name is Maria Jensen and I live in [LOCATION]."
    assert {one.kind for one in made.redactions} == {"LOCATION"}
    assert made.audio == ()
    ran = await alone("presidio", *files, "--option", 'kinds=["SECRETS"]')
    assert ran.code == 1
    assert "presidio: unknown kind SECRETS; there are: PERSON, LOCATION" in ran.errors


@pytest.mark.engines
@pytest.mark.timeout(600)
async def test_a_transcript_in_another_language_is_refused(
    alone: Alone, files: tuple[Path, Path]
) -> None:
    paper, track = files
    paper.write_bytes(msgspec.json.encode(transcript("de")))
    ran = await alone("presidio", paper, track)
    assert (ran.code, ran.output) == (1, b"")
    assert "redact reads English only, and this transcript is in 'de'" in ran.errors


def test_without_its_model_it_refuses_to_load_and_says_how_to_have_it(tmp_path: Path) -> None:
    with pytest.raises(ModelUnavailable, match=r"no spaCy model .* here: build the environment"):
        testing.run(Presidio(), documents={"merge": transcript()})


def test_a_model_that_is_not_here_is_named() -> None:
    with pytest.raises(InvalidInput, match="presidio has no model 'huge'"):
        testing.run(Presidio(), documents={"merge": transcript()}, options={"model": "huge"})


@pytest.mark.engines
@pytest.mark.timeout(600)
async def test_a_name_that_was_silenced_is_heard_by_no_transcriber(
    alone: Alone, tmp_path: Path
) -> None:
    paper = tmp_path / "merge.json"
    paper.write_bytes((await alone("faster_whisper", SAMPLE, "--model", "tiny.en")).output)
    assert "John Dashwood" in msgspec.json.decode(paper.read_bytes(), type=Transcript).text
    track = tmp_path / "track.wav"
    wav.convert(SAMPLE, track)
    made = tmp_path / "made"
    ran = await alone("presidio", paper, track, "--option", "audio=silence", "--out", made)
    assert ran.code == 0, ran.errors
    again = await alone("faster_whisper", made / "redacted-0.wav", "--model", "tiny.en")
    text = msgspec.json.decode(again.output, type=Transcript).text
    assert "John" not in text
    assert "Dashwood" not in text
    assert "then leisure to consider how much" in text.lower()
