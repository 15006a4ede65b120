"""A clock that S3 does not accept: requests are signed by S3's own clock from then on.

S3 refuses what was signed a quarter of an hour off its own time. Engines whose clock is wrong would
fail every task for it, though nothing else here goes by their clock.
"""

import logging
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Any, ClassVar

from botocore.auth import AUTH_TYPE_MAPS, SIGV4_TIMESTAMP, S3SigV4Auth

log = logging.getLogger(__name__)

NOTICED = timedelta(minutes=1)
REFUSED = frozenset({400, 403})
TRIES = 3


class ByTheirClock(S3SigV4Auth):  # type: ignore[misc]
    """Signs with the time that S3 has; ``behind`` is how far ours is behind it."""

    behind: ClassVar[timedelta] = timedelta()

    def _modify_request_before_signing(self, request: Any) -> None:
        request.context["timestamp"] = _theirs().strftime(SIGV4_TIMESTAMP)
        super()._modify_request_before_signing(request)


def correct(client: Any) -> None:
    """Have an S3 client mend its clock when it is told that it is off."""
    AUTH_TYPE_MAPS["s3v4"] = ByTheirClock
    client.meta.events.register_first("needs-retry.s3", _again)


def _theirs() -> datetime:
    return datetime.now(UTC) + ByTheirClock.behind


def _again(response: Any, attempts: int, **_: Any) -> float | None:
    """Seconds to wait before another try; None: this is nothing of ours."""
    if response is None or response[0].status_code not in REFUSED or attempts >= TRIES:
        return None
    date = response[0].headers.get("date")
    if date is None:
        return None
    off = parsedate_to_datetime(date) - _theirs()
    if abs(off) < NOTICED:
        return None
    ByTheirClock.behind += off
    log.warning("the clock of this machine is %s behind that of S3", ByTheirClock.behind)
    return 0.0
