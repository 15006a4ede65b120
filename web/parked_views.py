"""What the API says of parked stages, typed."""

from datetime import datetime
from typing import Annotated

import msgspec
from msgspec import Meta

from streams.events import JobRequest

Named = Annotated[str, Meta(max_length=64, pattern=r"^[^\x00]*$")]
"""An engine or a stage; none has a NUL in its name, and Postgres takes none."""


class ParkedView(msgspec.Struct, frozen=True, kw_only=True):
    """A stage that is over its budget and waits for a person; ``request`` is its whole job's."""

    job: str
    filename: str
    stage: str
    engine: str
    model: Annotated[str | None, Meta(description="that it asked for, or was last tried with")]
    kind: Annotated[str | None, Meta(description="of the last failure; null when it was lost")]
    reason: str
    failed: int
    lost: int
    preempted: int
    parked_at: datetime | None
    request: JobRequest


class ParkedList(msgspec.Struct, frozen=True):
    """Parked stages, of the newest jobs first; ``next`` is the ``before`` of the next page."""

    parked: list[ParkedView]
    next: str | None


class RetryBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Which parked stages; all of them when nothing is named."""

    engine: Named | None = None
    stage: Named | None = None


class Retried(msgspec.Struct, frozen=True):
    """How many jobs go on; ``failed`` ones are parked as before, the first for this reason."""

    retried: int
    failed: int
    reason: str
