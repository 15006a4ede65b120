import json
import subprocess
import sys
import wave
from pathlib import Path

import pytest

from engines.sdk import wav
from engines.sdk.contract import InvalidInput

TOYS = "tests.engines.sdk.toys"


def run(toy: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", TOYS, *arguments], env={"TOY": toy}, capture_output=True, text=True,
        check=False,
    )  # fmt: skip


def test_an_engine_prints_its_output_and_nothing_else(tmp_path: Path) -> None:
    source = tmp_path / "a.txt"
    source.write_text("hello")
    ran = run("toy", str(source), "--option", "do=walk", "--option", "steps=2")
    assert json.loads(ran.stdout)["segments"][0]["text"] == "hello"
    assert "loading small" in ran.stderr, "what the library prints goes elsewhere"


def test_what_an_engine_keeps_is_kept_in_the_folder_that_is_asked_for(tmp_path: Path) -> None:
    source = tmp_path / "a.txt"
    source.write_text("hello")
    assert run("toy", str(source), "--out", str(tmp_path / "out")).returncode == 0
    assert (tmp_path / "out" / "kept.txt").read_text() == "HELLO"
    assert json.loads((tmp_path / "out" / "output.json").read_text())["duration"] == 0.5


def test_stage_outputs_are_given_as_files_named_for_their_stage(tmp_path: Path) -> None:
    document = tmp_path / "transcribe.json"
    document.write_text('{"duration": 1, "segments": [{"start": 0, "end": 1, "text": "so"}]}')
    assert json.loads(run("last", str(document)).stdout)["segments"][0]["text"] == "so"


@pytest.mark.parametrize(
    ("toy", "arguments", "words"),
    [
        ("toy", ["nowhere.wav"], "toy: no such file: nowhere.wav"),
        ("toy", [__file__, "--option", "do"], "toy: --option do: write KEY=VALUE"),
        (
            "toy",
            [__file__, "--model", "huge"],
            "toy: toy has no model 'huge'; it has: small, large",
        ),
        ("ear", [__file__], "ear: test_alone.py"),
        ("last", ["nowhere.json"], "last: no such file: nowhere.json"),
    ],
)
def test_what_cannot_be_done_is_said_in_a_line(toy: str, arguments: list[str], words: str) -> None:
    ran = run(toy, *arguments)
    assert ran.returncode == 1
    assert ran.stderr.splitlines()[-1].startswith(words)


@pytest.mark.parametrize("rate", [8_000, 16_000, 44_100, 48_000])
def test_a_wav_of_any_rate_becomes_a_track_without_pyav(tmp_path: Path, rate: int) -> None:
    source, track = tmp_path / "stereo.wav", tmp_path / "track.wav"
    with wave.open(str(source), "wb") as file:
        file.setparams((2, 2, rate, 0, "NONE", ""))
        file.writeframes((b"\x10\x27" + b"\xf0\xd8") * rate)
    samples = wav._resample(*wav._read(source))
    wav.write(track, samples)
    assert wav.seconds(track) == pytest.approx(1.0, abs=0.001)
    assert set(samples) == {0}, "left and right cancel out"


def test_what_is_no_wav_says_what_would_help(tmp_path: Path) -> None:
    source = tmp_path / "talk.mp3"
    source.write_bytes(b"not audio")
    with pytest.raises(InvalidInput, match=r"av \(in its requirements\.in\), which reads"):
        wav._read(source)
