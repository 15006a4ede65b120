import random
from pathlib import Path

import av
import numpy as np
import pytest

from engines.sdk.contract import InvalidInput
from tests.engines.audio_prepare.conftest import Prepare
from tests.engines.media import cut, encode, patched, tone

PLAYLIST = "#EXTM3U\n#EXT-X-TARGETDURATION:10\n#EXTINF:10,\n{}\n#EXT-X-ENDLIST\n"


def test_nothing_at_all(prepare: Prepare, tmp_path: Path) -> None:
    (tmp_path / "a.wav").touch()
    with pytest.raises(InvalidInput, match=r"a\.wav is empty \(0 bytes\)"):
        prepare(tmp_path / "a.wav")


def test_text_that_calls_itself_music(prepare: Prepare, tmp_path: Path) -> None:
    (tmp_path / "song.mp3").write_text("This is not audio.\n" * 500)
    with pytest.raises(InvalidInput, match=r"song\.mp3 is not audio or video that can be read"):
        prepare(tmp_path / "song.mp3")


def test_noise_that_calls_itself_music(prepare: Prepare, tmp_path: Path) -> None:
    (tmp_path / "noise.mp3").write_bytes(random.Random(2).randbytes(100_000))
    with pytest.raises(InvalidInput):
        prepare(tmp_path / "noise.mp3")


def test_a_video_without_sound(prepare: Prepare, tmp_path: Path) -> None:
    with av.open(str(tmp_path / "mute.mp4"), "w") as file:
        stream = file.add_stream("mpeg4", rate=10)
        stream.width = stream.height = 64
        stream.pix_fmt = "yuv420p"
        for _ in range(10):
            picture = av.VideoFrame.from_ndarray(np.zeros((64, 64, 3), np.uint8), "rgb24")
            file.mux(stream.encode(picture))
        file.mux(stream.encode(None))
    with pytest.raises(InvalidInput, match="no audio in it: only video"):
        prepare(tmp_path / "mute.mp4")


@pytest.mark.parametrize(
    ("name", "codec", "says"),
    [
        ("a.wav", "pcm_s16le", "the file is cut off: it ends after 6.00 s"),
        ("a.flac", "flac", "of the 10.00 s that it declares"),
        ("a.mp3", "libmp3lame", "the file is cut off: it ends after"),
        ("a.ogg", "libopus", "the file is cut off: it ends after"),
        ("a.mka", "flac", "of the 10.00 s that it declares"),
    ],
)
def test_half_a_file_is_taken_and_said_where_it_breaks(
    prepare: Prepare, tmp_path: Path, name: str, codec: str, says: str
) -> None:
    rate = 48_000 if codec == "libopus" else 44_100
    rng = np.random.default_rng(1)
    noise = rng.uniform(-0.3, 0.3, (1, 10 * rate)).astype(np.float32)
    whole = encode(tmp_path / name, noise, rate, codec)
    prepared = prepare(cut(whole, 0.6)).output
    assert 4.5 < prepared.duration < 7.0
    assert any(says in warning for warning in prepared.warnings)


def test_half_a_file_without_its_index_is_refused(prepare: Prepare, tmp_path: Path) -> None:
    whole = encode(tmp_path / "a.m4a", tone(10, 44_100), 44_100, "aac")
    with pytest.raises(InvalidInput, match="cut off before its index"):
        prepare(cut(whole, 0.6))


def test_half_a_file_with_its_index_in_front_is_taken(prepare: Prepare, tmp_path: Path) -> None:
    whole = encode(
        tmp_path / "a.m4a", tone(10, 44_100), 44_100, "aac", container={"movflags": "faststart"}
    )
    prepared = prepare(cut(whole, 0.6)).output
    assert 4.0 < prepared.duration < 8.0
    assert "cut off" in prepared.warnings[0]


def test_only_a_header(prepare: Prepare, tmp_path: Path) -> None:
    whole = encode(tmp_path / "a.wav", tone(1))
    data = whole.read_bytes()
    whole.write_bytes(data[: data.index(b"data") + 8])
    with pytest.raises(InvalidInput):
        prepare(whole)


def test_damage_in_the_middle_keeps_the_time_of_what_follows(
    prepare: Prepare, tmp_path: Path
) -> None:
    whole = encode(tmp_path / "a.ogg", tone(10, 48_000), 48_000, "libopus")
    hurt = patched(whole, whole.stat().st_size // 2, random.Random(1).randbytes(3_000))
    prepared = prepare(hurt).output
    assert prepared.duration == pytest.approx(10.0, abs=0.1)
    assert any("missing in the file" in warning for warning in prepared.warnings)


@pytest.mark.parametrize(
    ("at", "value", "says"),
    [
        (22, (0).to_bytes(2, "little"), "no channels"),
        (22, (60_000).to_bytes(2, "little"), "damaged"),
        (24, (1).to_bytes(4, "little"), "sample rate 1 Hz"),
        (24, (2_000_000_000).to_bytes(4, "little"), "sample rate 2000000000 Hz"),
        (24, (4_000_000_000).to_bytes(4, "little"), "cannot|not audio"),
    ],
)
def test_headers_that_cannot_be(
    prepare: Prepare, tmp_path: Path, at: int, value: bytes, says: str
) -> None:
    whole = encode(tmp_path / "a.wav", tone(1, 8_000, 2), 8_000)
    with pytest.raises(InvalidInput, match=says):
        prepare(patched(whole, at, value))


@pytest.mark.parametrize("target", ["/etc/passwd", "file:///etc/passwd", "http://127.0.0.1:9/a.ts"])
def test_a_playlist_reaches_nothing(prepare: Prepare, tmp_path: Path, target: str) -> None:
    (tmp_path / "list.m3u8").write_text(PLAYLIST.format(target))
    with pytest.raises(InvalidInput):
        prepare(tmp_path / "list.m3u8")


def test_a_playlist_of_real_audio_reaches_nothing_either(prepare: Prepare, tmp_path: Path) -> None:
    song = encode(tmp_path / "a.mp3", tone(3, 44_100), 44_100, "libmp3lame")
    (tmp_path / "list.m3u8").write_text(PLAYLIST.format(song.as_uri()))
    with pytest.raises(InvalidInput, match="refers to another one"):
        prepare(tmp_path / "list.m3u8")


def test_a_concat_script_reaches_nothing(prepare: Prepare, tmp_path: Path) -> None:
    encode(tmp_path / "a.mp3", tone(3, 44_100), 44_100, "libmp3lame")
    (tmp_path / "both.ffconcat").write_text("ffconcat version 1.0\nfile a.mp3\n")
    with pytest.raises(InvalidInput):
        prepare(tmp_path / "both.ffconcat")


def test_a_second_stream_is_not_used_and_said_so(prepare: Prepare, tmp_path: Path) -> None:
    with av.open(str(tmp_path / "two.mka"), "w") as file:
        for stream in [file.add_stream("flac", rate=16_000, layout="mono") for _ in range(2)]:
            samples = (tone(2) * 32_767).astype(np.int16)
            frame = av.AudioFrame.from_ndarray(samples, "s16", "mono")
            frame.sample_rate, frame.pts = 16_000, 0
            file.mux(stream.encode(frame))
            file.mux(stream.encode(None))
    assert prepare(tmp_path / "two.mka").output.warnings == (
        "the file has 2 audio streams: only one is used",
    )


def test_files_put_one_after_the_other_are_taken_whole(prepare: Prepare, tmp_path: Path) -> None:
    one = encode(tmp_path / "1.mp3", tone(3, 22_050), 22_050, "libmp3lame")
    two = encode(tmp_path / "2.mp3", tone(3, 44_100, 2), 44_100, "libmp3lame")
    both = tmp_path / "both.mp3"
    both.write_bytes(one.read_bytes() + two.read_bytes())
    assert prepare(both).output.duration == pytest.approx(6.0, abs=0.1)


def test_far_beyond_full_scale_is_cut_and_said_so(prepare: Prepare, tmp_path: Path) -> None:
    loud = encode(tmp_path / "a.wav", tone(2, level=4.0), codec="pcm_f32le")
    prepared = prepare(loud).output
    assert prepared.tracks[0].peak_dbfs == pytest.approx(12.04, abs=0.05)
    assert "beyond full scale" in prepared.warnings[0]


def test_an_unknown_option_is_named(prepare: Prepare, tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match=r"channels"):
        prepare(encode(tmp_path / "a.wav", tone(1)), channels="both")
