"""``python -m infra.keys DIRECTORY ENGINE…``: every credential of a stack in containers, made once.

Each role gets a directory of its own, and each container mounts its own alone, so that what breaks
into one finds no other's keys. What is there already stays: remove a directory to change its keys.

    DIRECTORY/valkey/users.acl, probe          the users of Redis, and the health check's password
    DIRECTORY/postgres/password
    DIRECTORY/ROLE/redis_url                   projector, web, operator, each engine
    DIRECTORY/ROLE/s3_access_key, s3_secret_key  these, and the store
    DIRECTORY/ROLE/postgres_dsn                projector, web, operator: no engine has one
    DIRECTORY/projector/postgres_web_password  of the web's role in Postgres, which it makes
    DIRECTORY/llm-cleanup/llm_api_key          of the language model; empty: it wants none
"""

import os
import secrets
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from urllib.parse import quote

from infra.local.access import new_password
from streams import acl
from streams.keys import Keys

SERVERS = (acl.PROJECTOR, acl.WEB, acl.OPERATOR)
LLM = "llm_cleanup"
"""The engine that asks a server of others, whose key no one else is to see."""
REDIS, POSTGRES = "valkey:6379/0", "postgres:5432/dalston"


def make(directory: Path, engines: Sequence[str], environ: Mapping[str, str]) -> None:
    """Write what is missing; passwords of `environ` win over random ones, for stacks of before."""
    keys = Keys()
    postgres = _kept(directory / "postgres" / "password", environ, "DALSTON_POSTGRES_PASSWORD")
    access = _kept(directory / "store" / "s3_access_key", environ, "DALSTON_S3_ACCESS_KEY")
    secret = _kept(directory / "store" / "s3_secret_key", environ, "DALSTON_S3_SECRET_KEY")
    web = _kept(directory / acl.PROJECTOR / "postgres_web_password")
    logins = dict.fromkeys(SERVERS, ("dalston", postgres)) | {acl.WEB: ("dalston_web", web)}
    passwords = {acl.PROBE: _kept(directory / "valkey" / "probe")}
    for role, name in [*((role, role) for role in SERVERS), *((acl.engine(e), e) for e in engines)]:
        own = directory / name.replace("_", "-")
        _put(own / "s3_access_key", access)
        _put(own / "s3_secret_key", secret)
        passwords[role] = _kept(own / "redis_password")
        login = f"{acl.user(keys, role)}:{passwords[role]}"
        _put(own / "redis_url", f"redis://{login}@{REDIS}")
        if role in SERVERS:
            user, password = logins[role]
            login = f"{user}:{quote(password, safe='')}"
            _put(own / "postgres_dsn", f"postgresql://{login}@{POSTGRES}")
        if name == LLM:
            _kept(own / "llm_api_key", environ, "DALSTON_LLM_API_KEY", "")
    _put(directory / "valkey" / "users.acl", acl.file(keys, passwords))


def _kept(
    path: Path,
    environ: Mapping[str, str] | None = None,
    variable: str = "",
    default: str | None = None,
) -> str:
    """What a file holds; a new one holds the variable's value, the default or a random password."""
    given = (environ or {}).get(variable, "")
    if given or not path.exists():
        _put(path, given or (new_password() if default is None else default))
    return path.read_text().strip()


def _put(path: Path, text: str) -> None:
    """Write a file that is never seen half; who may read it is decided by who mounts it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    fresh = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    fresh.write_text(text + ("" if text.endswith("\n") else "\n"))
    fresh.chmod(0o444)
    fresh.replace(path)


if __name__ == "__main__":
    os.umask(0o022)
    make(Path(sys.argv[1]), sys.argv[2:], os.environ)
