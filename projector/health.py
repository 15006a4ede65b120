"""What the projector says of itself at /healthz and /readyz."""

import msgspec

from streams import __version__


class Health(msgspec.Struct, frozen=True, kw_only=True):
    """How the projector does; ``trouble`` says why it is not ready."""

    ready: bool
    profile: str
    version: str = __version__
    trouble: str | None = None
    seq: int = 0
    epoch: int = 0
    lag_events: int = 0
    lag_seconds: float = 0.0
    leading: bool = False
