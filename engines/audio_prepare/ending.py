"""Whether a file ends where its own container says so: what FFmpeg does not tell."""

import struct
from pathlib import Path

UNKNOWN_SIZES = {0, 0xFFFFFFFF}
"""What writers that cannot seek back leave in a WAV header."""
OGG_PAGE = 65_307
OGG_LAST = 4


def is_cut_off(path: Path, container: str) -> bool:
    """By the sizes in a WAV, by the last mark in an Ogg; False where nothing can be told."""
    match container:
        case "wav":
            return _wav(path)
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


def _ogg(path: Path) -> bool:
    """The last page does not say that it is the last."""
    with path.open("rb") as file:
        file.seek(max(0, path.stat().st_size - OGG_PAGE))
        tail = file.read()
    page = tail.rfind(b"OggS")
    return page >= 0 and page + 5 < len(tail) and not tail[page + 5] & OGG_LAST
