"""What a local stack is asked to be."""

import shlex
from collections.abc import Mapping, Sequence
from pathlib import Path

import msgspec

from infra.local.environment import NAME
from infra.local.errors import LocalError

DEFAULT_ENGINES = {"audio_prepare": 1, "faster_whisper": 1, "merge": 1}


class Options(msgspec.Struct, frozen=True, kw_only=True):
    """One value that says it all; it also travels to a supervisor in the background.

    home: where all state lies. engines: replicas by name; none of one with 0.
    commands: how an engine of somebody else's is served, by its name: a program that does what
        `python -m engines.NAME` does, in whatever environment it brings along. The others are of
        this checkout, and get an environment each.
    environments: where the engines' virtual environments are; in `home` unless given, and then
        shared by all homes.
    web_port: 0 takes a free one.
    auth: DALSTON_AUTH of the web; empty means the one of `environ`, if any.
    valkey, postgres, s3: URLs of real servers; empty ones are embedded. The keys of a real S3 come
        from DALSTON_S3_ACCESS_KEY and DALSTON_S3_SECRET_KEY of `environ`.
    environ: the environment that the children inherit.
    """

    home: Path
    environ: Mapping[str, str]
    engines: Mapping[str, int] = msgspec.field(default_factory=lambda: dict(DEFAULT_ENGINES))
    commands: Mapping[str, Sequence[str]] = {}
    environments: Path | None = None
    web_host: str = "127.0.0.1"
    web_port: int = 0
    auth: str = ""
    valkey: str = ""
    postgres: str = ""
    s3: str = ""


def encode(options: Options) -> bytes:
    """The options as JSON."""
    return msgspec.json.encode(options, enc_hook=str)


def decode(data: bytes) -> Options:
    """The options from JSON."""
    return msgspec.json.decode(data, type=Options, dec_hook=lambda kind, text: kind(text))


def home_of(environ: Mapping[str, str]) -> Path:
    """DALSTON_HOME, or `.dalston` in the working directory."""
    return Path(environ.get("DALSTON_HOME") or ".dalston").absolute()


def with_replicas(words: tuple[str, ...]) -> dict[str, int]:
    """The default engines changed by words such as "faster_whisper=2", "merge=0" or "nemo".

    Raises:
        LocalError: a word does not read so.
    """
    return {**DEFAULT_ENGINES, **counts(words)}


def counts(words: tuple[str, ...]) -> dict[str, int]:
    """Replicas by engine from words such as "faster_whisper=2"; a name alone is one.

    Raises:
        LocalError: a word does not read so.
    """
    engines = {}
    for word in words:
        name, equals, count = word.partition("=")
        count = count if equals else "1"
        if not NAME.fullmatch(name) or not count.isdecimal():
            raise LocalError(f"--engine {word}: write NAME=N, such as faster_whisper=2")
        engines[name] = int(count)
    return engines


def with_commands(words: tuple[str, ...]) -> dict[str, list[str]]:
    """Commands by engine from words such as "nemo=/opt/nemo/bin/python -m my_nemo".

    Raises:
        LocalError: a word does not read so.
    """
    commands = {}
    for word in words:
        name, _, line = word.partition("=")
        command = shlex.split(line)
        if not NAME.fullmatch(name) or not command:
            raise LocalError(f'--serve {word}: write NAME="COMMAND ARGUMENT…"')
        commands[name] = command
    return commands
