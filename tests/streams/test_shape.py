"""The state's shape is part of the contract between versions, so it changes only on purpose."""

from typing import Any

import msgspec
from msgspec.structs import replace

from streams.events import JobErased, JobRequest, Usage
from streams.job import NEW_IN_2, SCHEMA, Job, Stage, envelopes, evolve, schema_of
from tests.streams.story import CHAIN, NOW, Story

ERASED = envelopes(Story(request=JobRequest(diarize=True)).job, [JobErased()], now=NOW)[0]

# A process that does not know a field drops it when it writes the state again. So whoever adds one
# raises SCHEMA, which makes older processes leave such states alone, and writes the shape here.
SHAPES: dict[int, dict[str, str]] = {
    1: {
        "Artifact": "bytes media_type sha256 uri",
        "Budget": "failed lost preempted",
        "Job": "again_from deadline ended_at erased filename id plan reason request rev source "
        "stages status submitted_at tenant transcript warnings",
        "JobRequest": "channels deadline_s hotwords initial_prompt labels language model priority "
        "task vad word_timestamps",
        "PlannedStage": "budget engine name needs options required stall_s",
        "Stage": "due_at ended_at failed kind lost output owner preempted progress ready_at "
        "reason started_at status token usage warnings",
        "Usage": "audio_s device engine_version load_s model peak_rss wall_s",
    }
}
SHAPES[2] = SHAPES[1] | {
    name: " ".join(sorted(f"{SHAPES[1][name]} {more}".split()))
    for name, more in {kind.__name__: names for kind, names in NEW_IN_2.items()}.items()
}
SHAPES[3] = SHAPES[2] | {"Job": " ".join(sorted([*SHAPES[2]["Job"].split(), "edits", "names"]))}


def test_whoever_changes_the_state_raises_its_schema() -> None:
    schemas: dict[str, Any] = msgspec.json.schema_components([Job])[1]
    shape = {name: " ".join(sorted(one["properties"])) for name, one in schemas.items()}
    assert shape == SHAPES[SCHEMA], "raise SCHEMA in streams/job.py and add the new shape here"


def test_a_state_that_uses_nothing_new_is_of_the_schema_that_older_processes_write() -> None:
    assert schema_of(Story().job) == 1
    asked = Story(request=JobRequest(diarize=True))
    assert schema_of(asked.job) == 2
    spent = Stage(usage=Usage(tokens_in=1))
    counted = replace(asked.job, request=JobRequest(), stages={"x": spent})
    assert schema_of(counted) == 2
    left_out = tuple(replace(node, left_out="nobody does it") for node in CHAIN)
    assert schema_of(replace(asked.job, request=JobRequest(), plan=left_out)) == 2
    assert schema_of(replace(asked.job, names={"S1": "Ann"})) == 3
    assert schema_of(replace(asked.job, edits={"0": "Hello."})) == 3


def test_the_schema_of_a_job_does_not_fall_when_it_is_erased() -> None:
    named = replace(Story(request=JobRequest(diarize=True)).job, names={"S1": "Ann"})
    erased = evolve(named, ERASED)
    assert erased is not None
    assert schema_of(erased) == 3
