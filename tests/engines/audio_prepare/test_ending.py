from pathlib import Path

import numpy as np
import pytest

from engines.audio_prepare.ending import is_cut_off
from tests.engines.audio_prepare.conftest import Prepare
from tests.engines.media import cut, encode, patched, quiet, tone


@pytest.mark.parametrize(
    ("name", "codec", "container"),
    [("a.wav", "pcm_s16le", "wav"), ("a.mp3", "libmp3lame", "mp3"), ("a.ogg", "libopus", "ogg")],
)
def test_a_whole_file_is_told_from_a_broken_one(
    tmp_path: Path, name: str, codec: str, container: str
) -> None:
    whole = encode(tmp_path / name, tone(10, 48_000), 48_000, codec)
    assert not is_cut_off(whole, container)
    assert is_cut_off(cut(whole, 0.7), container)


def test_a_wav_that_was_streamed_declares_no_size(tmp_path: Path) -> None:
    whole = encode(tmp_path / "a.wav", tone(1))
    at = whole.read_bytes().index(b"data") + 4
    assert not is_cut_off(patched(whole, at, b"\xff\xff\xff\xff"), "wav")


def test_an_mp3_without_a_count_may_end_anywhere(tmp_path: Path) -> None:
    stream = encode(tmp_path / "a.mp3", tone(10), codec="libmp3lame", container={"write_xing": "0"})
    assert not is_cut_off(cut(stream, 0.5), "mp3")


@pytest.mark.parametrize("container", ["wav", "mp3", "ogg", "flac"])
def test_nothing_is_no_broken_file(tmp_path: Path, container: str) -> None:
    (tmp_path / "empty").touch()
    assert not is_cut_off(tmp_path / "empty", container)


@pytest.mark.parametrize("name", ["a.aac", "a.ts", "a.ac3", "a.mp3"])
def test_a_length_that_ffmpeg_only_guesses_is_not_held_against_the_file(
    prepare: Prepare, tmp_path: Path, name: str
) -> None:
    rng = np.random.default_rng(1)
    noise = rng.uniform(-0.5, 0.5, (1, 5 * 48_000)).astype(np.float32)
    codec = {"a.ac3": "ac3", "a.mp3": "libmp3lame"}.get(name, "aac")
    extra = {"write_xing": "0"} if codec == "libmp3lame" else {}
    samples = np.concatenate([quiet(20, 48_000), noise], axis=1)
    source = encode(tmp_path / name, samples, 48_000, codec, container=extra)
    prepared = prepare(source).output
    assert prepared.warnings == ()
    assert prepared.duration == pytest.approx(25.0, abs=0.1)
