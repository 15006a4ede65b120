"""What each view shows, column by column: for people, for the API, and for docs/analytics.md.

`python -m projector.analytics.catalog` prints the part of that document that is made from here.
"""

from typing import TypeAlias

import msgspec

from projector.analytics.queries import QUERIES, Column, Type

Line: TypeAlias = tuple[str, Type, str, str]

JOB: Line = ("job", "text", "", "id of the job")
TENANT: Line = ("tenant", "text", "", "whose it is: yours")
STAGE: Line = ("stage", "text", "", "of the job's plan: prepare, transcribe, align, diarize, …")
ENGINE: Line = ("engine", "text", "", "who does it")
ERASED = "empty once the job is erased"
OUTCOMES = (
    "completed, failed, lost, preempted; waiting or running; stopped with its job; void: "
    "Redis was recovered, and another began in its place"
)


class View(msgspec.Struct, frozen=True):
    """A view in the schema analytics; a row is one of what ``summary`` says."""

    name: str
    summary: str
    columns: tuple[Column, ...]


def _view(name: str, summary: str, *lines: Line) -> View:
    return View(name, summary, tuple(Column(*line) for line in lines))


EVENTS = _view(
    "events",
    "Everything that happened, as docs/events.md describes it: one row an event, for ever",
    ("seq", "integer", "", "place in the log: dense, from 1"),
    ("epoch", "integer", "", "grows when the log was recovered from the archive"),
    ("id", "text", "", "of the event, unique for ever"),
    ("type", "text", "", "as in stage.completed"),
    ("time", "time", "", "when it was decided"),
    ("job", "text", "", "id of the job; of an engine's event its replica"),
    ("rev", "integer", "", "number of the event among those of its job"),
    TENANT,
    ("meta", "json", "", f"who and why; {ERASED}"),
    ("data", "json", "", f"what happened: the fields of the type; {ERASED}"),
)
JOBS = _view(
    "jobs",
    "Jobs as they are now",
    JOB,
    TENANT,
    ("status", "text", "", "queued, running, blocked, cancelling, succeeded, failed, cancelled"),
    ("filename", "text", "", f"of the audio; {ERASED}"),
    ("submitted_at", "time", "", "when it came"),
    ("ended_at", "time", "", "when it succeeded, failed or was cancelled"),
    ("deadline", "time", "", "by when it was to end"),
    ("took_s", "number", "s", "from submission to end"),
    ("audio_s", "number", "s", "of audio, once it was measured"),
    ("language", "text", "", "that was asked for; empty: to be found out"),
    ("labels", "json", "", "of the request: text by name"),
    ("request", "json", "", f"all that was asked for, where it differs from the rule; {ERASED}"),
    ("warnings", "json", "", "what was left out, and why: a list of texts"),
    ("reason", "text", "", "why it failed or was cancelled"),
    ("again_from", "text", "", "the job that it repeats"),
    ("rev", "integer", "", "number of its events"),
    ("erased", "boolean", "", "whether its words are gone"),
)
STAGES = _view(
    "stages",
    "Stages of jobs as they are now: of those tried more than once, the last attempt",
    JOB,
    STAGE,
    TENANT,
    ENGINE,
    ("model", "text", "", "with which model"),
    ("status", "text", "", "pending, ready, running, retrying, parked, completed, skipped, failed"),
    ("attempt", "integer", "", "token of the current attempt; it only grows"),
    ("ready_at", "time", "", "when it came into the engine's queue"),
    ("started_at", "time", "", "when a replica began"),
    ("ended_at", "time", "", "when it ended, or was skipped"),
    ("wait_s", "number", "s", "from ready to started"),
    ("wall_s", "number", "s", "of work, without loading the model"),
    ("audio_s", "number", "s", "of audio"),
    ("peak_rss", "integer", "bytes", "of memory, at most"),
    ("failed", "integer", "", "attempts that failed, since the budget was last filled"),
    ("lost", "integer", "", "attempts whose engine fell silent, likewise"),
    ("preempted", "integer", "", "attempts whose engine was told to leave, likewise"),
    ("reason", "text", "", "why it is as it is, when that is no good news"),
)
ATTEMPTS = _view(
    "attempts",
    "Every attempt of every stage, from its events",
    JOB,
    STAGE,
    ("attempt", "integer", "", "its token: 1, 2, … and far higher after a recovery of Redis"),
    TENANT,
    ENGINE,
    ("model", "text", "", "with which model; of one that failed, only if it was loaded"),
    ("engine_version", "text", "", "of the engine"),
    ("owner", "text", "", "the replica"),
    ("ready_at", "time", "", "when it came into the engine's queue"),
    ("started_at", "time", "", "when a replica began"),
    ("ended_at", "time", "", "when it completed, failed or was lost"),
    ("wait_s", "number", "s", "from ready to started"),
    ("outcome", "text", "", OUTCOMES),
    ("kind", "text", "", "of a failure: input, unavailable, error, timeout, crash, memory"),
    ("reason", "text", "", f"of a failure; {ERASED}"),
    ("wall_s", "number", "s", "of work, without loading the model"),
    ("load_s", "number", "s", "of loading the model"),
    ("audio_s", "number", "s", "of audio"),
    ("rtf", "number", "", "wall_s / audio_s: below 1 is faster than speech"),
    ("device", "text", "", "cpu or cuda"),
    ("peak_rss", "integer", "bytes", "of memory, at most"),
    ("peak_gpu", "integer", "bytes", "of the card's memory, at most"),
    ("tokens_in", "integer", "tokens", "that a language model read"),
    ("tokens_out", "integer", "tokens", "that it wrote"),
    ("cost_usd", "number", "USD", "what it says that it cost"),
)
SEGMENTS = _view(
    "segments",
    "Stretches of finished transcripts; none of an erased job",
    JOB,
    ("n", "integer", "", "number in the transcript, from 0"),
    TENANT,
    ("start_s", "number", "s", "from the beginning of the audio"),
    ("end_s", "number", "s", "likewise"),
    ("seconds", "number", "s", "that it lasts"),
    ("speaker", "text", "", "as named in the transcript; empty without speakers"),
    ("text", "text", "", "what was said"),
)
TALK = _view(
    "talk",
    "Who spoke for how long: one row a job and speaker",
    JOB,
    TENANT,
    ("speaker", "text", "", "as named in the transcript; empty without speakers"),
    ("segments", "integer", "", "stretches of talk"),
    ("talk_s", "number", "s", "of talk"),
    ("first_s", "number", "s", "when the speaker is first heard"),
    ("last_s", "number", "s", "when the speaker is last heard"),
)
EDITS = _view(
    "edits",
    "What people changed: names of speakers, texts of segments",
    JOB,
    ("rev", "integer", "", "number of the event among those of its job"),
    TENANT,
    ("time", "time", "", "when"),
    ("type", "text", "", "speaker.renamed or transcript.edited"),
    ("speaker", "text", "", "who was renamed"),
    ("name", "text", "", f"the new name; {ERASED}"),
    ("segment", "integer", "", "which text was edited, by its number"),
    ("text", "text", "", f"the new text; empty: the original stands again; {ERASED}"),
    ("meta", "json", "", f"by whom; {ERASED}"),
)
VIEWS = (EVENTS, JOBS, STAGES, ATTEMPTS, SEGMENTS, TALK, EDITS)


def lines() -> list[str]:
    """The views and the questions as Markdown."""
    told = ["## Views", ""]
    for view in VIEWS:
        told += [f"### analytics.{view.name}", "", f"{view.summary}.", "", *_table(view.columns)]
    told += ["## Questions that have a name", ""]
    for query in QUERIES.values():
        told += [f"### {query.name}", "", f"{query.summary}.", "", *_table(query.columns)]
    return told


def _table(columns: tuple[Column, ...]) -> list[str]:
    rows = [f"| `{one.name}` | {one.type} | {one.unit} | {one.summary} |" for one in columns]
    return ["| column | type | unit | |", "| --- | --- | --- | --- |", *rows, ""]


if __name__ == "__main__":
    print("\n".join(lines()), end="")
