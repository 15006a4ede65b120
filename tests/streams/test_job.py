import pytest

from streams import decide
from streams.events import (
    EngineDrained,
    EngineExpired,
    EngineRegistered,
    Event,
    LogRecovered,
    StageStarted,
    Unknown,
)
from streams.job import decode, encode, envelopes, evolve, fold
from tests.streams.story import FORK, HEARD, NOW, SOLO, Story


def test_the_state_counts_its_events() -> None:
    story = Story()
    assert story.job.rev == 3
    story.start("prepare")
    assert story.job.rev == 4


def test_the_state_at_any_revision_is_the_fold_of_the_events_until_then() -> None:
    story = Story()
    story.run("prepare", "transcribe", "merge")
    statuses = []
    for rev in range(1, len(story.events) + 1):
        job = fold(story.events[:rev])
        assert job is not None
        statuses.append(job.status)
    assert statuses == ["queued"] * 3 + ["running"] * 8 + ["succeeded"]


def test_a_fact_of_a_later_version_changes_nothing_but_is_counted() -> None:
    story = Story()
    later = Event(
        id="x", type="stage.dreamed", time=NOW, job="j", rev=4, tenant="t", fact=Unknown(b"{}")
    )
    after = evolve(story.job, later)
    assert after is not None
    assert after.rev == 4
    assert after.stages == story.job.stages


def test_facts_that_are_no_jobs_leave_no_state() -> None:
    facts = [
        EngineRegistered(engine="e", stage="s", engine_version="1", replica="e@h-0"),
        EngineDrained(engine="e", replica="e@h-0"),
        EngineExpired(engine="e", replica="e@h-0"),
        LogRecovered(at_seq=1, at_id="a", reason="wiped"),
    ]
    assert fold(envelopes(None, facts, now=NOW, job_id="e@h-0")) is None


def test_a_job_whose_beginning_is_not_there_has_no_state() -> None:
    assert fold(Story().events[1:]) is None


def test_times_are_those_of_the_events() -> None:
    story = Story(SOLO)
    story.wait(5)
    story.start("only")
    story.wait(5)
    story.finish("only")
    stage = story.job.stages["only"]
    assert stage.ready_at == NOW == story.job.submitted_at
    assert stage.started_at is not None
    assert (stage.started_at - NOW).total_seconds() == 5
    assert stage.ended_at == story.job.ended_at == story.now


def test_a_new_attempt_starts_afresh_but_keeps_the_last_ones_reason() -> None:
    story = Story(SOLO)
    story.start("only")
    story.when(decide.progress, stage="only", token=1, fraction=0.5)
    story.fail("only", "crash", "signal 9")
    story.wait(2)
    story.retry("only")
    stage = story.job.stages["only"]
    assert (stage.status, stage.progress, stage.owner, stage.due_at) == ("ready", 0.0, "", None)
    assert (stage.reason, stage.kind, stage.failed) == ("signal 9", "crash", 1)
    story.run("only")
    stage = story.job.stages["only"]
    assert (stage.reason, stage.kind, stage.usage) == ("", None, HEARD)


def test_a_started_sibling_does_not_unblock_a_blocked_job() -> None:
    story = Story(FORK)
    story.run("prepare")
    for _ in range(4):
        story.lose("transcribe")
    assert isinstance(story.start("diarize")[0], StageStarted)
    assert story.status() == "blocked"


def test_a_plan_is_asked_by_name() -> None:
    job = Story().job
    assert job.planned("merge").needs == ("prepare", "transcribe")
    with pytest.raises(KeyError):
        job.planned("nope")


def test_a_state_comes_back_as_it_went_and_tolerates_what_came_later() -> None:
    story = Story(FORK)
    story.run("prepare", "transcribe")
    assert decode(encode(story.job)) == story.job
    later = encode(story.job)[:-1] + b',"mood":"fine"}'
    assert decode(later) == story.job
    assert decode(later.decode()) == story.job
