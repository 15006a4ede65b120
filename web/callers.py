"""Who asks, as one value: the tenant they see, and what they may do there."""

from typing import Literal

import msgspec

Scope = Literal["read", "write", "admin"]
"""What a key may do: see; change (submit, edit, cancel, erase, share); run the whole stack."""
Need = Scope | Literal["any"] | None
"""What a route wants: a scope, a key of whatever scopes, or nothing at all."""
SCOPES: tuple[Scope, ...] = ("read", "write", "admin")
DEFAULT = "default"
"""The tenant of all that is done without keys."""


class Caller(msgspec.Struct, frozen=True, kw_only=True):
    """Whoever asks; ``key`` is the shown part of their key, ``key_id`` names its row.

    ``auth`` is how they are known: ``open`` (a stack without keys), by a ``key``, a ``session`` of
    the page, a ``share`` link (of one job, which was checked), or not at all: ``nobody``.
    """

    auth: Literal["open", "key", "session", "share", "nobody"]
    tenant: str = ""
    scopes: tuple[str, ...] = ()
    name: str = ""
    key: str | None = None
    key_id: str | None = None

    @property
    def admin(self) -> bool:
        """Whether they run the stack: they see what is of all tenants."""
        return "admin" in self.scopes

    @property
    def signature(self) -> dict[str, str]:
        """What events keep of who brought them about: the name of the key, and its prefix."""
        said = {"by": self.name, "key": self.key or ""}
        return {word: value for word, value in said.items() if value}

    def may(self, need: Need) -> bool:
        """Whether they may do what wants that; an admin may do all."""
        return need is None or need == "any" or need in self.scopes or self.admin


NOBODY = Caller(auth="nobody")
OPEN = Caller(auth="open", tenant=DEFAULT, scopes=SCOPES)


def sharing(tenant: str) -> Caller:
    """Whoever has a link to one job of a tenant."""
    return Caller(auth="share", tenant=tenant, scopes=("read",), name="a shared link")
