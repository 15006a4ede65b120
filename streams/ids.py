"""Ids that sort by time: ULIDs, 26 characters, 48 bits of milliseconds and 80 of chance."""

import os
import re
import time

_ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"
_ID = re.compile(r"[0-9a-hjkmnp-tv-z]{26}")


def new_id() -> str:
    """A fresh id, lower case so that it reads well in keys and URLs."""
    return encode(time.time_ns() // 1_000_000, int.from_bytes(os.urandom(10), "big"))


def encode(milliseconds: int, chance: int) -> str:
    """The ULID of a time and 80 random bits."""
    number = (milliseconds << 80) | chance
    return "".join(_ALPHABET[(number >> shift) & 31] for shift in range(125, -1, -5))


def is_id(text: str) -> bool:
    """Whether the text has the form of an id; what comes from outside is checked with it."""
    return _ID.fullmatch(text) is not None
