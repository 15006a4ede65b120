"""Wrong keys by address: whoever shows too many waits. Per process, and forgotten in a minute."""

import ipaddress
from collections import OrderedDict

MOST = 20
WINDOW_S = 60.0
ADDRESSES = 10_000


class Tries:
    """Failed tries of the last minute; times are those of a monotonic clock, in seconds."""

    def __init__(self) -> None:
        self._failed: OrderedDict[str, tuple[float, int]] = OrderedDict()

    def failed(self, address: str, now: float) -> None:
        """Count one more."""
        place = _network(address)
        began, count = self._failed.pop(place, (now, 0))
        self._failed[place] = (now, 1) if now - began > WINDOW_S else (began, count + 1)
        if len(self._failed) > ADDRESSES:
            self._failed.popitem(last=False)

    def too_many(self, address: str, now: float) -> bool:
        """Whether the address is to wait."""
        began, count = self._failed.get(_network(address), (now, 0))
        return count >= MOST and now - began <= WINDOW_S


def _network(address: str) -> str:
    """Of IPv6 the half that a provider gives out: whoever has one address has all of it."""
    try:
        ip = ipaddress.ip_address(address)
    except ValueError:
        return address
    return str(ipaddress.ip_network((ip, 64), strict=False)) if ip.version == 6 else address
