"""What the live log says to its readers, over websockets and as server-sent events."""

import msgspec

from web.views import CloudEvent, JobView


class Snapshot(msgspec.Struct, frozen=True, tag="snapshot"):
    """The jobs as of the event ``(epoch, seq)``; every later event follows."""

    epoch: int
    seq: int
    jobs: list[JobView]


class EventMessage(msgspec.Struct, frozen=True, tag="event"):
    """One event, the next one after all that was told before."""

    event: CloudEvent


class FellBehind(msgspec.Struct, frozen=True, tag="fell_behind"):
    """The reader was too slow, or the log was re-joined: what it missed follows all the same."""


class CaughtUp(msgspec.Struct, frozen=True, tag="caught_up"):
    """All up to ``(epoch, seq)`` has been told; what follows is live."""

    epoch: int
    seq: int


Notice = Snapshot | FellBehind | CaughtUp
Message = Snapshot | EventMessage | FellBehind | CaughtUp
