import wave
from pathlib import Path

import numpy as np
import pytest

from engines.sdk.testing import Outcome
from tests.engines.audio_prepare.conftest import Prepare
from tests.engines.media import Samples, encode, quiet, tone

SAMPLE = Path(__file__).parents[3] / "samples" / "sense_and_sensibility.flac"


def samples(outcome: Outcome, track: int = 0) -> Samples:
    with wave.open(str(outcome.files[f"track-{track}.wav"]), "rb") as file:
        assert file.getparams()[:3] == (1, 2, 16_000)
        row = np.frombuffer(file.readframes(file.getnframes()), "<i2").astype(np.float32)
    return row / np.float32(32_767)


def loudness(row: Samples) -> float:
    return float(np.sqrt(np.mean(np.square(row))))


def test_the_sample_is_described_as_it_is(prepare: Prepare) -> None:
    prepared = prepare(SAMPLE).output
    media = prepared.media
    assert (media.container, media.codec, media.sample_rate, media.channels) == (
        "flac",
        "flac",
        16_000,
        1,
    )
    assert media.kind == "audio"
    assert media.duration == prepared.duration == 28.93
    assert not prepared.warnings
    assert not prepared.tracks[0].silent
    assert prepared.provenance[0].engine == "audio_prepare"


@pytest.mark.parametrize(
    ("name", "codec", "rate"),
    [
        ("a.wav", "pcm_s16le", 44_100),
        ("a.flac", "flac", 48_000),
        ("a.mp3", "libmp3lame", 44_100),
        ("a.ogg", "libopus", 48_000),
        ("a.webm", "libopus", 48_000),
        ("a.aiff", "pcm_s16be", 22_050),
        ("a.mka", "ac3", 48_000),
    ],
)
def test_every_container_gives_its_exact_length(
    prepare: Prepare, tmp_path: Path, name: str, codec: str, rate: int
) -> None:
    source = encode(tmp_path / name, tone(3, rate), rate, codec)
    outcome = prepare(source)
    assert outcome.output.duration == pytest.approx(3.0, abs=0.04)  # an AC-3 frame may be padded
    assert outcome.output.media.duration == pytest.approx(outcome.output.duration, abs=1e-3)
    assert len(samples(outcome)) / 16_000 == outcome.output.duration
    assert outcome.output.warnings == ()


def test_a_phone_call_in_stereo_is_mixed_and_called_what_it_is(
    prepare: Prepare, tmp_path: Path
) -> None:
    outcome = prepare(encode(tmp_path / "call.wav", tone(2, 8_000, 2), 8_000))
    media = outcome.output.media
    assert (media.sample_rate, media.channels) == (8_000, 2)
    assert outcome.output.duration == 2.0
    assert len(outcome.output.tracks) == 1
    assert outcome.output.tracks[0].channel is None


def test_the_same_in_both_channels_is_as_loud_in_the_mix(prepare: Prepare, tmp_path: Path) -> None:
    one = tone(2, level=0.9)
    outcome = prepare(encode(tmp_path / "a.wav", np.concatenate([one, one])))
    assert loudness(samples(outcome)) == pytest.approx(0.9 * 2**-0.5, rel=0.01)
    assert outcome.output.tracks[0].peak_dbfs == pytest.approx(-0.92, abs=0.02)


def test_full_scale_everywhere_does_not_clip(prepare: Prepare, tmp_path: Path) -> None:
    loud = np.repeat(tone(2, 48_000, level=1.0), 6, axis=0)
    outcome = prepare(encode(tmp_path / "a.flac", loud, 48_000, "flac", layout="5.1"))
    assert outcome.output.tracks[0].peak_dbfs <= 0.1
    assert outcome.output.warnings == ()


def test_separate_channels_are_tracks_of_their_own(prepare: Prepare, tmp_path: Path) -> None:
    both = np.concatenate([tone(2, hertz=440), tone(2, hertz=1_000, level=0.1)])
    outcome = prepare(encode(tmp_path / "a.wav", both), channels="separate")
    first, second = outcome.output.tracks
    assert (first.channel, second.channel) == (0, 1)
    assert first.peak_dbfs == pytest.approx(-6.02, abs=0.05)
    assert second.peak_dbfs == pytest.approx(-20.0, abs=0.05)
    spectrum = np.abs(np.fft.rfft(samples(outcome, 1)))
    assert int(np.argmax(spectrum)) / 2 == pytest.approx(1_000, abs=1)


def test_one_empty_channel_is_named(prepare: Prepare, tmp_path: Path) -> None:
    both = np.concatenate([tone(2), quiet(2)])
    prepared = prepare(encode(tmp_path / "a.wav", both), channels="separate").output
    assert [track.silent for track in prepared.tracks] == [False, True]
    assert prepared.warnings == ("channel 1 is silent",)


def test_a_video_gives_its_sound(prepare: Prepare, tmp_path: Path) -> None:
    source = encode(tmp_path / "v.mp4", tone(3, 44_100, 2), 44_100, "aac", pictures=3)
    prepared = prepare(source).output
    assert prepared.media.kind == "video"
    assert prepared.media.codec == "aac"
    assert prepared.duration == pytest.approx(3.0, abs=0.05)
    assert prepared.warnings == ()


def test_sound_that_begins_after_the_picture_keeps_its_time(
    prepare: Prepare, tmp_path: Path
) -> None:
    source = encode(tmp_path / "v.mkv", tone(2), codec="flac", pictures=4, begin=1.5)
    outcome = prepare(source)
    assert outcome.output.duration == pytest.approx(3.5, abs=0.01)
    row = samples(outcome)
    assert loudness(row[:23_500]) == 0
    assert loudness(row[24_500:]) > 0.3
    assert outcome.output.warnings == ()


def test_an_hour_of_silence_is_called_silent(prepare: Prepare, tmp_path: Path) -> None:
    source = encode(tmp_path / "hour.flac", quiet(3_600, 8_000), 8_000, "flac")
    prepared = prepare(source).output
    assert prepared.duration == 3_600
    assert prepared.tracks[0].silent
    assert prepared.tracks[0].peak_dbfs is None
    assert prepared.warnings == ("the audio is silent",)


def test_whispered_is_not_silent(prepare: Prepare, tmp_path: Path) -> None:
    prepared = prepare(encode(tmp_path / "a.flac", tone(2, level=0.002), codec="flac")).output
    assert not prepared.tracks[0].silent


def test_progress_grows_to_the_end(prepare: Prepare, tmp_path: Path) -> None:
    outcome = prepare(encode(tmp_path / "a.wav", tone(300)))
    assert outcome.progress == sorted(outcome.progress)
    assert len(outcome.progress) > 3
    assert outcome.progress[-1] > 0.9


def test_memory_does_not_grow_with_the_length(prepare: Prepare, tmp_path: Path) -> None:
    import tracemalloc  # noqa: PLC0415 - it counts from here on

    source = encode(tmp_path / "long.wav", tone(1_200, 8_000), 8_000)
    tracemalloc.start()
    prepare(source)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 8e6  # the track alone has 38 MB
