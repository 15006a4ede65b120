"""Environment → one frozen value. Read once, where a process starts, and handed down from there.

Every field is the variable ``DALSTON_<FIELD>``; its description here is its documentation. A value
that nobody else is to see can stand in a file, which ``DALSTON_<FIELD>_FILE`` names.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Literal, TypeVar

import msgspec
from msgspec import Meta

from streams.errors import InvalidSetting

PREFIX = "DALSTON_"
SECRET = frozenset(
    {"redis_url", "postgres_dsn", "postgres_web_password", "s3_access_key", "s3_secret_key"}
)


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """Where the servers are and how patient everybody is; the same for every process of a stack."""

    redis_url: Annotated[
        str, Meta(description="Redis or Valkey: redis://…, rediss://… or unix:///path")
    ] = "redis://127.0.0.1:6379/0"
    postgres_dsn: Annotated[
        str, Meta(description="Postgres: postgresql://user:password@host/database")
    ] = "postgresql://dalston@127.0.0.1:5432/dalston"
    s3_url: Annotated[str, Meta(description="S3 endpoint; empty means Amazon's own")] = ""
    s3_access_key: Annotated[str, Meta(description="S3 access key id")] = ""
    s3_secret_key: Annotated[str, Meta(description="S3 secret access key")] = ""
    s3_region: Annotated[str, Meta(description="S3 region")] = "us-east-1"
    s3_bucket: Annotated[str, Meta(description="S3 bucket of all artifacts")] = "dalston"
    key_prefix: Annotated[
        str, Meta(description="first part of every Redis key", pattern="^[a-z0-9_-]+$")
    ] = "dalston"
    partition: Annotated[int, Meta(description="partition of the log", ge=0)] = 0
    profile: Annotated[
        Literal["single", "ha", "dev"],
        Meta(description="durability: single (fsync always), ha (replicas too), dev (everysec)"),
    ] = "single"
    lease_s: Annotated[
        float, Meta(description="seconds after which a silent engine's task is given away", gt=0)
    ] = 20.0
    tick_s: Annotated[float, Meta(description="seconds between two looks at the timers", gt=0)] = (
        0.5
    )
    log_window: Annotated[
        int, Meta(description="archived events that stay in Redis for live readers", ge=0)
    ] = 20_000
    log_level: Annotated[
        Literal["debug", "info", "warning", "error"], Meta(description="what the logs show")
    ] = "info"

    def __repr__(self) -> str:
        """Without what opens a door: settings may end up in a log."""
        shown = [f"{n}={getattr(self, n)!r}" for n in self.__struct_fields__ if n not in SECRET]
        return f"{type(self).__name__}({', '.join(shown)})"

    @classmethod
    def from_env(cls, environ: Mapping[str, str]) -> "Settings":
        """Read every field's variable; raise InvalidSetting naming the one that does not fit."""
        return read(cls, environ)


S = TypeVar("S", bound=msgspec.Struct)


def read(kind: type[S], environ: Mapping[str, str]) -> S:
    """Any frozen settings class from its ``DALSTON_`` variables; empty ones count as unset.

    Raises:
        InvalidSetting: a value does not convert, or its file cannot be read; the message names the
            variable.
    """
    values = {}
    for field in msgspec.structs.fields(kind):
        variable = PREFIX + field.name.upper()
        text = environ.get(variable, "") or _in_file(f"{variable}_FILE", environ)
        if not text:
            if field.required:
                raise InvalidSetting(f"{variable} is not set")
            continue
        try:
            values[field.name] = msgspec.convert(text, field.type, strict=False)
        except msgspec.ValidationError as error:
            raise InvalidSetting(f"{variable}={text!r}: {error}") from None
    return kind(**values)


def _in_file(variable: str, environ: Mapping[str, str]) -> str:
    path = environ.get(variable, "")
    try:
        return Path(path).read_text().strip() if path else ""
    except OSError as error:
        raise InvalidSetting(f"{variable}={path!r}: {error.strerror}") from None
