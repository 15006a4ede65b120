"""docs/events.md, made from the code: ``python -m streams.docs > docs/events.md``."""

import json
import sys
from datetime import UTC, datetime
from typing import Any, Literal, get_args, get_origin

import msgspec

from streams.cloudevents import cloud_event
from streams.events import (
    FACTS,
    SOFT_LIMIT,
    Artifact,
    Budget,
    Event,
    Heard,
    JobRequest,
    PlannedStage,
    StageCompleted,
    Usage,
)

NAMES = {str: "text", int: "integer", float: "number", bool: "true or false", datetime: "time"}
SHAPES: tuple[type[msgspec.Struct], ...] = (
    Artifact,
    JobRequest,
    PlannedStage,
    Budget,
    Usage,
    Heard,
)
EXAMPLE = Event(
    id="01kp4z7r3nq0c5v8w2t6x9y1ab",
    type="stage.completed",
    time=datetime(2026, 3, 1, 12, 0, 7, 250_000, tzinfo=UTC),
    job="01kp4z7hm2d3e4f5g6h7j8k9mn",
    rev=9,
    tenant="default",
    seq=4711,
    epoch=1,
    prev="01kp4z7r1mfx2e3d4c5b6a7z8y",
    fact=StageCompleted(
        stage="transcribe",
        token=1,
        engine="faster_whisper",
        output=Artifact(
            uri="s3://dalston/jobs/01kp4z7hm2d3e4f5g6h7j8k9mn/transcribe/1/output.json",
            sha256="9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
            bytes=18_204,
            media_type="application/json",
        ),
        usage=Usage(engine_version="0.1.0", model="base", wall_s=5.2, audio_s=33.4),
    ),
)
INTRODUCTION = f"""\
# Events

Everything that happens is an event on one log, and the log is the truth: job state, queues and
tables follow from it. This page is made from `streams/events.py` by `python -m streams.docs`.

## Inside: the log

An event is one entry of the Redis Stream `<prefix>:{{<partition>}}:log`. Its entry id is `<seq>-0`,
and seqs have no gaps. `redis-cli XRANGE` shows its fields:

| field | holds |
| --- | --- |
| `id` | a ULID, once and for ever |
| `type` | one of the types below |
| `time` | when it was decided, RFC 3339 in UTC, by the clock of Redis |
| `job` | the job; for events of an engine its replica |
| `rev` | the number of this event among those of its job |
| `tenant` | whose job it is |
| `prev` | the `id` of the event before it on the log; empty for the first |
| `epoch` | grows by one whenever the log was recovered from the archive |
| `meta` | who and why, as JSON |
| `data` | the payload as JSON, at most {SOFT_LIMIT // 1024} KiB; what is larger goes by Artifact |

## Outside: CloudEvents

HTTP, websockets and exports show the same event as
[CloudEvents 1.0](https://github.com/cloudevents/spec) in JSON. The type is
`dev.dalston.<type>.v1`; attributes without a value are left out.
"""
PROMISES = """\
## What stays

Within a major version a type only gains optional fields; a breaking change is a new type, with an
upcaster from the old one. Readers keep and pass over types and fields that they do not know. The
histories of each release in `tests/history/` must decode and fold for ever. When a job is erased
its events keep their type, place and numbers, and lose every word of their owner.
"""


def document() -> str:
    """The whole page."""
    example = json.dumps(cloud_event(EXAMPLE), indent=2, ensure_ascii=False)
    parts = [INTRODUCTION, f"```json\n{example}\n```\n", PROMISES, "## Types\n"]
    parts += [_section(name, kind) for name, kind in FACTS.items()]
    parts.append("## Shapes\n")
    parts += [_section(kind.__name__, kind) for kind in SHAPES]
    return "\n".join(parts)


def _section(title: str, kind: type[msgspec.Struct]) -> str:
    meaning = " ".join((kind.__doc__ or "").split()).replace("``", "`")
    heading = f"### {title}\n\n{meaning}\n"
    fields = msgspec.structs.fields(kind)
    if not fields:
        return heading
    rows = "".join(f"| `{f.name}` | {_type(f.type)} | {_default(f)} |\n" for f in fields)
    return f"{heading}\n| field | type | unless given |\n| --- | --- | --- |\n{rows}"


def _type(kind: Any) -> str:
    """A type as people read it."""
    arguments = [one for one in get_args(kind) if one not in {type(None), ...}]
    origin = get_origin(kind)
    if not arguments:
        return _plain(kind)
    if origin in {tuple, list}:
        return f"list of {_type(arguments[0])}"
    if origin is dict:
        return f"map to {_type(arguments[-1])}"
    if words := _words(kind):
        return "one of " + ", ".join(f"`{word}`" for word in words)
    return " or ".join(_type(one) for one in arguments)


def _plain(kind: type) -> str:
    if issubclass(kind, msgspec.Struct):
        return f"[{kind.__name__}](#{kind.__name__.lower()})"
    return NAMES[kind]


def _words(kind: Any) -> list[str]:
    """The words of a Literal or of a union of them, [] of anything else."""
    parts = get_args(kind)
    if get_origin(kind) is Literal:
        return list(parts)
    found = [_words(part) for part in parts]
    return [word for words in found for word in words] if all(found) else []


def _default(field: msgspec.structs.FieldInfo) -> str:
    if field.required:
        return "required"
    if field.default is msgspec.NODEFAULT or isinstance(field.default, msgspec.Struct):
        return "empty" if field.default is msgspec.NODEFAULT else "its own defaults"
    if field.default in (None, "", ()):
        return "absent"
    return f"`{msgspec.json.encode(field.default).decode()}`"


if __name__ == "__main__":
    sys.stdout.write(document())
