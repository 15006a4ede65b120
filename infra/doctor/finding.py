"""One thing that was looked at, and how it is."""

from typing import Literal

import msgspec

Level = Literal["ok", "warn", "fail"]


class Finding(msgspec.Struct, frozen=True):
    """warn: it works, but may not for long; fail: something does not. ``cure``: what to do."""

    part: str
    level: Level
    detail: str
    cure: str = ""


def ok(part: str, detail: str) -> Finding:
    """All is well."""
    return Finding(part, "ok", detail)


def warn(part: str, detail: str, cure: str) -> Finding:
    """It works for now."""
    return Finding(part, "warn", detail, cure)


def fail(part: str, detail: str, cure: str) -> Finding:
    """It does not work."""
    return Finding(part, "fail", detail, cure)
