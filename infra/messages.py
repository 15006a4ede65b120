"""What the live stream of the API says, as typed values, and how its events become facts again."""

from typing import TypeAlias

import msgspec

from streams.events import AnyFact, Unknown, decode_fact
from streams.job import TERMINAL
from web.views import CloudEvent, JobView

PREFIX, SUFFIX = "dev.dalston.", ".v1"


class Snapshot(msgspec.Struct, frozen=True, tag="snapshot"):
    """Where a live stream begins: the jobs as they are at ``seq``."""

    epoch: int
    seq: int
    jobs: tuple[JobView, ...] = ()


class Happened(msgspec.Struct, frozen=True, tag="event"):
    """One event."""

    event: CloudEvent


class FellBehind(msgspec.Struct, frozen=True, tag="fell_behind"):
    """This reader was too slow; what it missed follows, or a snapshot."""


class CaughtUp(msgspec.Struct, frozen=True, tag="caught_up"):
    """The stream is live again from ``seq``."""

    epoch: int = 0
    seq: int = 0


Message: TypeAlias = Snapshot | Happened | FellBehind | CaughtUp


def name_of(event: CloudEvent) -> str:
    """The short type name, as in "stage.started"."""
    return event.type.removeprefix(PREFIX).removesuffix(SUFFIX)


def fact_of(event: CloudEvent) -> AnyFact | Unknown:
    """What happened."""
    return decode_fact(name_of(event), msgspec.json.encode(event.data))


def ended(view: JobView) -> bool:
    """Whether nothing more happens to a job by itself: it is over, or waits for a person."""
    return view.status in TERMINAL or view.status == "blocked"
