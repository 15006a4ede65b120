"""Who gets into a stack's Redis: a user for each role, with a new password at each start."""

import secrets
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Self

from streams import acl
from streams.keys import Keys


@dataclass(frozen=True)
class Access:
    """The roles of one partition and their passwords."""

    keys: Keys
    passwords: Mapping[str, str] = field(repr=False)

    @classmethod
    def fresh(cls, keys: Keys, engines: Iterable[str]) -> Self:
        """Random passwords for the operator, projector, web, and each of the engines."""
        roles = [acl.OPERATOR, acl.PROJECTOR, acl.WEB, *map(acl.engine, engines)]
        return cls(keys, {role: new_password() for role in roles})

    def file(self) -> str:
        """The ACL file."""
        return acl.file(self.keys, self.passwords)

    def login(self, role: str) -> tuple[str, str]:
        """User and password of a role."""
        return acl.user(self.keys, role), self.passwords[role]


def new_password() -> str:
    """240 random bits, of characters that mean nothing in a URL."""
    return secrets.token_urlsafe(30)
