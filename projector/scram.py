"""Passwords as Postgres keeps them."""

import base64
import hashlib
import hmac
import secrets

from streams.errors import InvalidSetting

ROUNDS = 4096
"""Of a password's hash, as Postgres's own."""


def verifier(password: str) -> str:
    """What Postgres keeps of a password (SCRAM, RFC 5803): it is never told the password itself,
    which would stand in its log when the statement fails.

    Raises:
        InvalidSetting: it is not of ASCII's characters, of which alone each client thinks the same.
    """
    if not (password.isascii() and password.isprintable()):
        raise InvalidSetting("DALSTON_POSTGRES_WEB_PASSWORD takes plain ASCII characters alone")
    salt = secrets.token_bytes(16)
    salted = hashlib.pbkdf2_hmac("sha256", password.encode(), salt, ROUNDS)
    client, server = (
        hmac.digest(salted, name, "sha256") for name in (b"Client Key", b"Server Key")
    )
    stored = hashlib.sha256(client).digest()
    shown = [base64.b64encode(part).decode() for part in (salt, stored, server)]
    return f"SCRAM-SHA-256${ROUNDS}:{shown[0]}${shown[1]}:{shown[2]}"
