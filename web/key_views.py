"""What the API takes and answers about keys: none of it shows a secret in its repr."""

from datetime import datetime
from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from web.callers import Scope

# After "$", because Python lets that stand before a last newline, too.
END = r"$(?!\n)"
Tenant = Annotated[
    str, Meta(pattern=f"^[a-z0-9][a-z0-9_.-]{{0,62}}{END}", description="who sees what")
]
Title = Annotated[
    str,
    Meta(
        min_length=1,
        max_length=100,
        pattern=rf"^[^\x00-\x1f\x7f]*{END}",
        description="what it is for",
    ),
]


class Me(msgspec.Struct, frozen=True, kw_only=True):
    """Who asks: ``open`` is a stack without keys; ``key`` is the part of the key that is shown."""

    auth: Literal["open", "key", "session"]
    tenant: str
    scopes: tuple[str, ...]
    name: str
    key: str | None


class SignIn(msgspec.Struct, frozen=True):
    """A key, for which the page gets a session in a cookie that no script can read."""

    key: Annotated[str, Meta(max_length=200)]

    def __repr__(self) -> str:
        """Without the key."""
        return "SignIn(…)"


class Ticket(msgspec.Struct, frozen=True):
    """What opens one socket (``?ticket=``), once and soon."""

    ticket: str
    expires_in_s: float

    def __repr__(self) -> str:
        """Without the ticket."""
        return "Ticket(…)"


class KeyView(msgspec.Struct, frozen=True, kw_only=True):
    """A key: ``prefix`` is how its secret begins; of the rest only a digest is kept."""

    id: str
    prefix: str
    name: str
    tenant: str
    scopes: tuple[str, ...]
    created_at: datetime
    expires_at: datetime | None
    last_used_at: datetime | None
    revoked_at: datetime | None


class KeyList(msgspec.Struct, frozen=True):
    """Every key there ever was, the newest first."""

    keys: list[KeyView]


class NewKey(msgspec.Struct, frozen=True, kw_only=True):
    """A key to be made; of the caller's tenant unless another is named."""

    name: Title
    scopes: Annotated[tuple[Scope, ...], Meta(min_length=1)] = ("read", "write")
    tenant: Tenant | None = None
    expires_at: Annotated[datetime, Meta(tz=True)] | None = None


class MadeKey(msgspec.Struct, frozen=True):
    """A key and its secret, which is shown this one time and kept nowhere."""

    secret: str
    key: KeyView

    def __repr__(self) -> str:
        """Without the secret."""
        return f"MadeKey(…, {self.key.prefix})"
