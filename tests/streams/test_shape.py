"""The state's shape is part of the contract between versions, so it changes only on purpose."""

from typing import Any

import msgspec

from streams.job import SCHEMA, Job

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


def test_whoever_changes_the_state_raises_its_schema() -> None:
    schemas: dict[str, Any] = msgspec.json.schema_components([Job])[1]
    shape = {name: " ".join(sorted(one["properties"])) for name, one in schemas.items()}
    assert shape == SHAPES[SCHEMA], "raise SCHEMA in streams/job.py and add the new shape here"
