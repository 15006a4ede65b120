"""What a replica says of itself at /healthz and /readyz."""

import msgspec

from streams import __version__


class Health(msgspec.Struct, frozen=True, kw_only=True):
    """What a replica says of itself; ``waits_for`` is empty when it can work."""

    replica: str
    state: str
    profile: str
    version: str = __version__
    """Of Dalston, not of the engine."""
    loaded: tuple[str, ...] = ()
    memory: int = 0
    job: str = ""
    waits_for: str = ""
