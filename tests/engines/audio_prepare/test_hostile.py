"""Files that want the decoder to open other files or hosts, or to fill memory and disk."""

import os
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import numpy as np
import psutil
import pytest

from engines.audio_prepare import prepare as preparing
from engines.sdk.contract import InvalidInput
from tests.engines.audio_prepare.conftest import Prepare
from tests.engines.media import encode, tone


class Canary:
    """A host that hears of every connection, and a file that nobody is to read."""

    def __init__(self, folder: Path) -> None:
        self.file = encode(folder / "secret.wav", tone(3))
        self.calls: list[str] = []
        self._tcp = socket.create_server(("127.0.0.1", 0))
        self._udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._udp.bind(("127.0.0.1", self.port))
        self._udp.settimeout(0.2)
        self._ends = threading.Event()
        self._threads = [threading.Thread(target=self._accept), threading.Thread(target=self._hear)]
        self._tcp.settimeout(0.2)
        for thread in self._threads:
            thread.start()

    @property
    def port(self) -> int:
        port: int = self._tcp.getsockname()[1]
        return port

    def _accept(self) -> None:
        while not self._ends.is_set():
            try:
                connection, _ = self._tcp.accept()
            except TimeoutError:
                continue
            self.calls.append("tcp")
            connection.close()

    def _hear(self) -> None:
        while not self._ends.is_set():
            try:
                self._udp.recv(100)
            except TimeoutError:
                continue
            self.calls.append("udp")

    def close(self) -> None:
        self._ends.set()
        for thread in self._threads:
            thread.join()
        self._tcp.close()
        self._udp.close()


@pytest.fixture
def canary(tmp_path: Path) -> Iterator[Canary]:
    found = Canary(tmp_path)
    yield found
    found.close()


MASTER = "#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=1\n{target}\n"
KEYED = (
    '#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXT-X-KEY:METHOD=AES-128,URI="{target}"\n'
    '#EXT-X-MAP:URI="{target}"\n#EXTINF:1,\n{target}\n#EXT-X-ENDLIST\n'
)
DASH = (
    '<?xml version="1.0"?><!DOCTYPE MPD [<!ENTITY x SYSTEM "{target}">]>'
    '<MPD xmlns="urn:mpeg:dash:schema:mpd:2011" type="static" mediaPresentationDuration="PT3S">'
    "<BaseURL>{target}</BaseURL><Period><AdaptationSet mimeType='audio/mp4'><Representation id='1'"
    " bandwidth='1'><BaseURL>{target}</BaseURL></Representation></AdaptationSet></Period></MPD>"
)
SDP = (
    "v=0\no=- 0 0 IN IP4 127.0.0.1\ns=x\nc=IN IP4 127.0.0.1\nt=0 0\n"
    "m=audio {port} RTP/AVP 0\na=control:{target}\n"
)
ASX = '<asx version="3.0"><entry><ref href="{target}"/></entry></asx>'
REFERRING = {
    "list.m3u8": MASTER,
    "keyed.m3u8": KEYED,
    "song.mp3": KEYED,
    "clip.mp4": "#EXTM3U\n#EXTINF:1,\n{target}\n",
    "both.ffconcat": "ffconcat version 1.0\nfile {target}\n",
    "loop.wav": "ffconcat version 1.0\nfile '{target}'\nduration 5\nstream\nexact_stream_id 1\n",
    "manifest.mpd": DASH,
    "talk.sdp": SDP,
    "radio.pls": "[playlist]\nFile1={target}\nNumberOfEntries=1\n",
    "radio.asx": ASX,
    "link.ram": "{target}\n",
    "movie.smil": '<smil><body><audio src="{target}"/></body></smil>',
    "image%03d.png": "{target}",
    "x.avs": 'DirectShowSource("{target}")',
    "x.vpy": "import os\nos.system('id')\n",
    "x.lrc": "[00:00.00]{target}\n",
    "x.rtsp": "{target}",
}
TARGETS = (
    "{file}", "file://{file}", "file:{file}", "secret.wav", "concat:{file}|{file}",
    "subfile,,start,0,end,0,,:{file}", "data:audio/wav;base64,UklGRg==", "pipe:0", "fd:0",
    "http://127.0.0.1:{port}/a.ts", "tcp://127.0.0.1:{port}", "udp://127.0.0.1:{port}",
    "rtp://127.0.0.1:{port}", "rtmp://127.0.0.1:{port}/x", "rtsp://127.0.0.1:{port}/x",
    "gopher://127.0.0.1:{port}/x", "ftp://127.0.0.1:{port}/x", "unix:{file}", "async:{file}",
    "cache:{file}", "crypto:{file}", "hls+http://127.0.0.1:{port}/x", "tls://127.0.0.1:{port}",
    "mmsh://127.0.0.1:{port}/x", "srt://127.0.0.1:{port}", "lavfi:sine",
)  # fmt: skip


@pytest.mark.parametrize("name", REFERRING)
def test_a_file_that_names_another_file_or_host_reaches_neither(
    prepare: Prepare, canary: Canary, tmp_path: Path, name: str
) -> None:
    for target in TARGETS:
        pointed = target.format(file=canary.file, port=canary.port)
        path = tmp_path / name
        path.write_text(REFERRING[name].format(target=pointed, port=canary.port))
        with pytest.raises(InvalidInput), no_other_file(canary.file):
            prepare(path)
    assert canary.calls == []


@contextmanager
def no_other_file(path: Path) -> Iterator[None]:
    """The time at which a file was last read does not change meanwhile."""
    old = path.stat().st_mtime_ns - 10**12
    os.utime(path, ns=(old, path.stat().st_mtime_ns))
    try:
        yield
    finally:
        assert path.stat().st_atime_ns == old, "the other file was read"


def test_the_canary_would_sing(canary: Canary) -> None:
    with pytest.raises(AssertionError, match="was read"), no_other_file(canary.file):
        canary.file.read_bytes()
    socket.create_connection(("127.0.0.1", canary.port)).close()
    while not canary.calls:
        pass
    assert canary.calls == ["tcp"]


def test_hours_of_silence_in_a_small_file_stop_at_the_limit(
    prepare: Prepare, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bomb = encode(tmp_path / "bomb.flac", np.zeros((2, 600 * 8_000), np.float32), 8_000, "flac")
    assert bomb.stat().st_size < 600_000
    monkeypatch.setattr(preparing, "MAX_HOURS", 0.02)
    before = psutil.Process().memory_info().rss
    for channels in ("mix", "separate"):
        with pytest.raises(InvalidInput, match="cut it into parts"):
            prepare(bomb, channels=channels)
    assert psutil.Process().memory_info().rss - before < 200_000_000
    written = sum(file.stat().st_size for file in (tmp_path / "work").rglob("*"))
    assert written < 2 * 0.02 * 3600 * 32_000 + 5_000_000


@pytest.mark.parametrize("seed", range(6))
def test_a_file_with_any_of_its_bytes_changed_is_taken_or_refused(
    prepare: Prepare, tmp_path: Path, seed: int
) -> None:
    chance = np.random.default_rng(seed)
    names = (("a.wav", "pcm_s16le"), ("a.flac", "flac"), ("a.mp3", "libmp3lame"),
             ("a.ogg", "libopus"), ("a.m4a", "aac"), ("a.mka", "flac"))  # fmt: skip
    name, codec = names[seed]
    rate = 48_000 if codec == "libopus" else 44_100
    whole = encode(tmp_path / name, tone(2, rate), rate, codec).read_bytes()
    for _ in range(40):
        data = bytearray(whole)
        for at in chance.integers(0, len(data), 8):
            data[int(at)] = int(chance.integers(0, 256))
        hurt = tmp_path / f"hurt-{name}"
        hurt.write_bytes(data)
        with suppress(InvalidInput):
            assert 0 <= prepare(hurt).output.duration < 60
