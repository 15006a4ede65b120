"""A moment as people write it: RFC 3339, or how long ago."""

import re
from datetime import UTC, datetime, timedelta

from web.errors import BadRequest

AGO = re.compile(r"(\d{1,6})\s*([smhdw])")
UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days", "w": "weeks"}


def parse(name: str, text: str, now: datetime) -> datetime:
    """The moment of a parameter: "2026-03-01T12:00:00Z", "2026-03-01", "24h" or "7d" (ago).

    Raises:
        BadRequest: it reads like none of them.
    """
    try:
        if found := AGO.fullmatch(text.strip()):
            return now - timedelta(**{UNITS[found[2]]: int(found[1])})
        # A plus in a query is a space, unless it was encoded.
        moment = datetime.fromisoformat(text.strip().replace(" ", "+"))
        return moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)
    except (ValueError, OverflowError):
        raise BadRequest(
            f"Parameter {name!r} takes a time such as 2026-03-01T12:00:00Z, or how long ago: 90m, "
            f"24h, 7d; not {text[:40]!r}."
        ) from None
