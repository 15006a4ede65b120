"""Whether a file ends where it says itself that it does: what FFmpeg does not tell."""

import struct
from pathlib import Path

DECLARING = frozenset(
    {
        "aiff",
        "ape",
        "asf",
        "au",
        "avi",
        "caf",
        "flac",
        "flv",
        "matroska,webm",
        "mov,mp4,m4a,3gp,3g2,mj2",
        "tta",
        "wv",
    }
)
"""Containers with their length in the header; for others FFmpeg guesses it from the bit rate."""
UNKNOWN_SIZES = {0, 0xFFFFFFFF}
"""What writers that cannot seek back leave in a WAV header."""
OGG_PAGE = 65_307
OGG_LAST = 4
MP3_COUNTS_FRAMES, MP3_COUNTS_BYTES = 1, 2


def is_cut_off(path: Path, container: str) -> bool:
    """By the sizes in a WAV or MP3, by the last mark in an Ogg; False where nothing can be told."""
    match container:
        case "wav":
            return _wav(path)
        case "mp3":
            return _mp3(path)
        case "ogg":
            return _ogg(path)
        case _:
            return False


def _wav(path: Path) -> bool:
    """The data chunk is longer than what is there."""
    size = path.stat().st_size
    with path.open("rb") as file:
        file.seek(12)
        while len(header := file.read(8)) == 8:
            kind, length = struct.unpack("<4sI", header)
            if kind == b"data":
                return length not in UNKNOWN_SIZES and file.tell() + length > size
            file.seek(length + length % 2, 1)
    return False


def _mp3(path: Path) -> bool:
    """The first frame counts more bytes than follow; encoders write it, streams have none."""
    size = path.stat().st_size
    with path.open("rb") as file:
        head = file.read(10)
        tags = 0
        if head[:3] == b"ID3" and len(head) == 10:
            sizes = zip(head[6:], (21, 14, 7, 0), strict=True)
            tags = 10 + sum(part << shift for part, shift in sizes)
        file.seek(tags)
        frame = file.read(4096)
    mark = max(frame.find(b"Xing"), frame.find(b"Info"))
    if mark < 0 or len(frame) < mark + 16:
        return False
    flags = int.from_bytes(frame[mark + 4 : mark + 8], "big")
    if not flags & MP3_COUNTS_BYTES:
        return False
    at = mark + (12 if flags & MP3_COUNTS_FRAMES else 8)
    return size - tags < int.from_bytes(frame[at : at + 4], "big")


def _ogg(path: Path) -> bool:
    """The last page does not say that it is the last."""
    with path.open("rb") as file:
        file.seek(max(0, path.stat().st_size - OGG_PAGE))
        tail = file.read()
    page = tail.rfind(b"OggS")
    return page >= 0 and page + 5 < len(tail) and not tail[page + 5] & OGG_LAST
