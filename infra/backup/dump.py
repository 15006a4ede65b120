"""Postgres's own tools: a dump of one snapshot, and a dump put into an empty database."""

from collections.abc import Mapping
from pathlib import Path
from urllib.parse import unquote, urlsplit, urlunsplit

from infra.backup.errors import BackupError
from infra.local import once
from infra.local.postgres import PLAIN, binary
from projector.shadow import OLD, SHADOW

FOREIGN = [f"--exclude-schema={schema}" for schema in (SHADOW, OLD)]
"""A rebuild's tables: it may be under way, and is begun again where it was cut off."""


async def dump(dsn: str, snapshot: str, path: Path, environ: Mapping[str, str]) -> None:
    """Write what a snapshot shows, compressed, without owners, in pg_dump's own format."""
    command = [
        str(binary("pg_dump", environ)), "--format=custom", "--no-owner", "--no-privileges",
        f"--snapshot={snapshot}", *FOREIGN, f"--file={path}",
    ]  # fmt: skip
    await run(command, dsn)


async def load(dsn: str, path: Path, environ: Mapping[str, str]) -> None:
    """Put a dump into an empty database: all of it, or nothing."""
    command = [
        str(binary("pg_restore", environ)), "--single-transaction", "--no-owner", "--no-privileges",
        str(path),
    ]  # fmt: skip
    await run(command, dsn)


async def run(command: list[str], dsn: str) -> None:
    """Run a tool on a database; its password goes by the environment, where no `ps` shows it."""
    address, password = without_password(dsn)
    env = {**PLAIN, **({"PGPASSWORD": password} if password else {})}
    await once.run([*command, f"--dbname={address}"], env=env, failure=BackupError)


def without_password(dsn: str) -> tuple[str, str]:
    """A DSN in two: the address, and the password or ""."""
    parts = urlsplit(dsn)
    if parts.password is None:
        return dsn, ""
    user, _, host = parts.netloc.rpartition("@")
    plain = urlunsplit(parts._replace(netloc=f"{user.partition(':')[0]}@{host}"))
    return plain, unquote(parts.password)
