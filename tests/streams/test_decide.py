from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pytest
from msgspec.structs import replace

from streams import clip, decide
from streams.errors import Fenced, Refused, UnknownJob
from streams.events import (
    Budget,
    Heard,
    JobFailed,
    JobPlanned,
    JobRequest,
    JobSucceeded,
    PlannedStage,
    SegmentFinalized,
    SpeakerRenamed,
    StageCompleted,
    StageFailed,
    StageParked,
    StageProgressed,
    StageReady,
    StageRetryScheduled,
    StageStarted,
    TranscriptEdited,
    Usage,
    encode_fact,
)
from streams.job import envelopes, fold
from tests.streams.story import FORK, HEARD, NOW, OUTPUT, SOLO, Story, names


def test_a_job_begins_with_the_stages_that_need_nothing() -> None:
    assert names(Story().told) == ["job.submitted", "job.planned", "stage.ready prepare"]


def test_a_submitted_job_is_submitted_no_second_time() -> None:
    story = Story()
    again = story.when(
        decide.submit, job_id="j", tenant="t", request=JobRequest(), source=OUTPUT,
        filename="other.wav", plan=FORK, now=NOW,
    )  # fmt: skip
    assert again == []


def test_a_deadline_counts_from_the_submission() -> None:
    planned = Story(request=JobRequest(deadline_s=60)).told[1]
    assert isinstance(planned, JobPlanned)
    assert planned.deadline == NOW + timedelta(seconds=60)


def test_an_attempt_costs_the_length_that_the_bytes_suggest_until_it_was_measured() -> None:
    story = Story(request=JobRequest(priority=2))
    first = story.told[2]
    assert isinstance(first, StageReady)
    assert (first.cost, first.priority, first.token) == (20.0, 2, 1)
    second = story.run("prepare")[1]
    assert isinstance(second, StageReady)
    assert second.cost == HEARD.audio_s


def test_a_chain_runs_to_success() -> None:
    story = Story()
    assert names(story.start("prepare")) == ["stage.started prepare"]
    assert story.status() == "running"
    assert names(story.finish("prepare")) == ["stage.completed prepare", "stage.ready transcribe"]
    assert names(story.run("transcribe")) == ["stage.completed transcribe", "stage.ready merge"]
    assert names(story.run("merge")) == ["stage.completed merge", "job.succeeded"]
    assert story.status() == "succeeded"
    assert story.job.transcript == OUTPUT
    assert story.job.ended_at == NOW


def test_merge_waits_for_both_branches_in_either_order() -> None:
    for first, second in (("transcribe", "diarize"), ("diarize", "transcribe")):
        story = Story(FORK)
        ready = ["stage.completed prepare", "stage.ready transcribe", "stage.ready diarize"]
        assert names(story.run("prepare")) == ready
        assert names(story.run(first)) == [f"stage.completed {first}"]
        assert names(story.run(second)) == [f"stage.completed {second}", "stage.ready merge"]


def test_progress_only_grows_and_never_over_one() -> None:
    story = Story(SOLO)
    story.start("only")

    def progress(fraction: float) -> list[Any]:
        return story.when(decide.progress, stage="only", token=1, fraction=fraction)

    assert progress(0.5) == [StageProgressed(stage="only", token=1, fraction=0.5)]
    assert progress(0.5) == []
    assert progress(0.2) == []
    assert progress(float("nan")) == []
    assert progress(7.0) == [StageProgressed(stage="only", token=1, fraction=1.0)]
    assert story.job.stages["only"].progress == 1.0
    assert progress(7.0) == []


def test_a_failure_waits_longer_each_time_then_parks() -> None:
    story = Story()
    story.start("prepare")
    scheduled = story.fail("prepare")[1]
    assert scheduled == StageRetryScheduled(stage="prepare", due_at=NOW + timedelta(seconds=1))
    assert story.retry("prepare") == [], "it is not due yet"
    story.wait(1)
    assert names(story.retry("prepare")) == ["stage.ready prepare"]
    assert story.retry("prepare") == [], "the timer may look again"
    story.start("prepare")
    scheduled = story.fail("prepare")[1]
    assert isinstance(scheduled, StageRetryScheduled)
    assert scheduled.due_at == story.now + timedelta(seconds=5)
    story.wait(5)
    story.retry("prepare")
    story.start("prepare")
    assert names(story.fail("prepare", reason="third")) == [
        "stage.failed prepare",
        "stage.parked prepare",
    ]
    assert story.status() == "blocked"
    assert story.job.stages["prepare"].reason == "third"
    assert story.token("prepare") == 3


@pytest.mark.parametrize(("chance", "seconds"), [(0.0, 0.75), (0.999, 1.2495)])
def test_chance_spreads_the_retries(chance: float, seconds: float) -> None:
    story = Story(SOLO)
    story.start("only")
    facts = story.when(
        decide.fail, stage="only", token=1, kind="timeout", reason="", now=NOW, chance=chance
    )
    assert isinstance(facts[1], StageRetryScheduled)
    assert (facts[1].due_at - NOW).total_seconds() == pytest.approx(seconds)


def test_the_longest_wait_is_two_minutes() -> None:
    story = Story((PlannedStage(name="only", engine="toy", budget=Budget(failed=9)),))
    for seconds in (1, 5, 30, 120, 120):
        story.start("only")
        scheduled = story.fail("only")[1]
        assert isinstance(scheduled, StageRetryScheduled)
        assert scheduled.due_at == story.now + timedelta(seconds=seconds)
        story.wait(seconds)
        story.retry("only")


@pytest.mark.parametrize("final", ["input", "unavailable"])
def test_what_no_retry_mends_fails_the_job_at_once(final: Any) -> None:
    story = Story(FORK)
    story.run("prepare")
    story.start("transcribe")
    story.start("diarize")
    facts = story.fail("transcribe", final, "no speech in a text file")
    assert names(facts) == [
        "stage.failed transcribe",
        "stage.skipped diarize",
        "stage.skipped merge",
        "job.failed transcribe",
    ]
    assert facts[-1] == JobFailed(reason="no speech in a text file", kind=final, stage="transcribe")
    assert story.status() == "failed"
    with pytest.raises(Fenced):
        story.finish("diarize")


@pytest.mark.parametrize("final", ["input", "unavailable"])
def test_an_optional_stage_that_cannot_run_is_left_out(final: Any) -> None:
    story = Story(FORK)
    story.run("prepare", "transcribe")
    story.start("diarize")
    facts = story.fail("diarize", final, "no licence")
    assert names(facts) == ["stage.failed diarize", "stage.skipped diarize", "stage.ready merge"]
    end = story.run("merge")[-1]
    assert end == JobSucceeded(transcript=OUTPUT, warnings=("diarize was left out: no licence",))


def test_an_optional_stage_over_its_budget_is_left_out_too() -> None:
    story = Story(FORK)
    story.run("prepare")
    for _ in range(2):
        story.start("diarize")
        assert "stage.retry_scheduled diarize" in names(story.fail("diarize"))
        story.wait(40)
        story.retry("diarize")
    story.start("diarize")
    assert names(story.fail("diarize")) == ["stage.failed diarize", "stage.skipped diarize"]
    assert story.status() == "running"
    for _ in range(3):
        story.lose("transcribe")
    assert names(story.lose("transcribe")) == ["stage.lost transcribe", "stage.parked transcribe"]


def test_a_lost_optional_stage_over_its_budget_lets_the_others_go_on() -> None:
    story = Story(FORK)
    story.run("prepare", "transcribe")
    for _ in range(3):
        assert names(story.lose("diarize")) == ["stage.lost diarize", "stage.ready diarize"]
    facts = names(story.lose("diarize"))
    assert facts == ["stage.lost diarize", "stage.skipped diarize", "stage.ready merge"]


def test_a_lost_attempt_is_tried_again_at_once_and_the_old_one_is_fenced_off() -> None:
    story = Story(SOLO)
    story.start("only")
    assert names(story.lose("only")) == ["stage.lost only", "stage.ready only"]
    assert story.token("only") == 2
    with pytest.raises(Fenced, match="attempt 1 of only was replaced by attempt 2"):
        story.when(decide.finish, stage="only", token=1, output=OUTPUT, usage=HEARD, now=NOW)


def test_lost_and_preempted_attempts_have_budgets_of_their_own() -> None:
    story = Story(SOLO)
    story.start("only")
    story.lose("only")
    story.start("only")
    story.lose("only", preempted=True)
    story.start("only")
    story.fail("only")
    state = story.job.stages["only"]
    assert (state.failed, state.lost, state.preempted, state.status) == (1, 1, 1, "retrying")


@pytest.mark.parametrize(
    ("preempted", "reason"),
    [
        (False, "toy was lost with it 2 times: it may kill its engine"),
        (True, "toy was told to leave 2 times before it was done"),
    ],
)
def test_a_stage_that_is_lost_too_often_parks_and_says_why(preempted: bool, reason: str) -> None:
    story = Story(SOLO)
    story.lose("only", preempted=preempted)
    facts = story.lose("only", preempted=preempted)
    assert facts[-1] == StageParked(stage="only", reason=reason)


def test_siblings_finish_while_a_stage_is_parked() -> None:
    story = Story(FORK)
    story.run("prepare")
    story.start("diarize")
    for _ in range(4):
        story.lose("transcribe")
    assert story.status() == "blocked"
    assert names(story.finish("diarize")) == ["stage.completed diarize"]
    assert story.status() == "blocked"
    assert names(story.when(decide.unpark, now=NOW)) == [
        "stage.unparked transcribe",
        "stage.ready transcribe",
    ]
    assert story.status() == "running"
    assert story.token("transcribe") == 5, "tokens go on"
    assert story.job.stages["transcribe"].lost == 0
    story.run("transcribe")
    assert names(story.run("merge"))[-1] == "job.succeeded"


def test_one_of_two_parked_stages_can_be_tried_again() -> None:
    plan = (
        PlannedStage(name="a", engine="toy", budget=Budget(lost=1)),
        PlannedStage(name="b", engine="toy", budget=Budget(lost=1)),
        PlannedStage(name="c", engine="toy", needs=("a", "b")),
    )
    story = Story(plan)
    story.lose("a")
    story.lose("b")
    facts = names(story.when(decide.unpark, stage="a", now=NOW))
    assert facts == ["stage.unparked a", "stage.ready a"]
    assert story.status() == "blocked", "b is parked still"
    with pytest.raises(Refused, match="no parked stage"):
        story.when(decide.unpark, stage="c", now=NOW)
    story.when(decide.unpark, now=NOW)
    assert story.status() == "running"


def test_a_job_without_a_parked_stage_is_not_retried() -> None:
    with pytest.raises(Refused, match="queued and has no parked stage"):
        Story().when(decide.unpark, now=NOW)


def test_warnings_are_collected_once_and_stay_short() -> None:
    story = Story()
    story.start("prepare")
    story.finish("prepare", warnings=("clipped", "mono", "x" * 500))
    story.start("transcribe")
    done = story.finish("transcribe", warnings=("clipped", *(f"w{n}" for n in range(100))))[0]
    assert isinstance(done, StageCompleted)
    assert len(done.warnings) == clip.WARNINGS
    assert done.warnings[-1] == "… and 87 more warnings"
    end = story.run("merge")[-1]
    assert isinstance(end, JobSucceeded)
    assert end.warnings[:2] == ("clipped", "mono")
    assert len(end.warnings) == clip.WARNINGS
    assert len(end.warnings[2]) == clip.WARNING


def test_the_longest_reason_and_the_most_warnings_still_fit_an_event() -> None:
    story = Story()
    story.start("prepare")
    failed = story.fail("prepare", reason="\U0001f600" * 100_000)[0]
    assert isinstance(failed, StageFailed)
    encode_fact(failed)
    story.wait(2)
    story.retry("prepare")
    story.start("prepare")
    many = tuple("\U0001f600" * 1000 + str(n) for n in range(1000))
    for fact in story.finish("prepare", warnings=many):
        encode_fact(fact)


def test_cancelling_what_waits_ends_the_job_at_once() -> None:
    story = Story()
    facts = names(story.cancel("changed my mind"))
    skipped = [f"stage.skipped {stage}" for stage in ("prepare", "transcribe", "merge")]
    assert facts == ["job.cancel_requested", *skipped, "job.cancelled"]
    assert (story.status(), story.job.reason) == ("cancelled", "changed my mind")
    with pytest.raises(Fenced):
        story.start("prepare")
    assert story.cancel() == []


def test_cancelling_waits_for_what_runs_to_stop() -> None:
    story = Story(FORK)
    story.run("prepare")
    story.start("transcribe")
    facts = names(story.cancel())
    assert facts == ["job.cancel_requested", "stage.skipped diarize", "stage.skipped merge"]
    assert story.status() == "cancelling"
    assert story.cancel() == []
    with pytest.raises(Fenced):
        story.start("diarize")
    assert names(story.stop("transcribe")) == ["stage.skipped transcribe", "job.cancelled"]


@pytest.mark.parametrize("end", ["finish", "fail", "lose"])
def test_a_cancelled_attempt_may_end_in_any_way_and_nothing_follows(end: str) -> None:
    story = Story()
    story.start("prepare")
    story.cancel()
    facts = names(getattr(story, end)("prepare"))
    assert facts[-1] == "job.cancelled"
    assert not {"stage.completed prepare", "stage.ready transcribe"} & set(facts)
    assert story.job.stages["prepare"].output is None


@pytest.mark.parametrize("state", ["retrying", "parked"])
def test_a_job_that_waits_or_is_blocked_is_cancelled_at_once(state: str) -> None:
    story = Story(SOLO)
    story.start("only")
    story.fail("only")
    if state == "parked":
        story.wait(2)
        story.retry("only")
        story.start("only")
        story.fail("only")
    assert story.status("only") == state
    assert names(story.cancel())[-1] == "job.cancelled"
    story.wait(600)
    assert story.retry("only") == []


def test_a_job_that_has_ended_is_not_cancelled() -> None:
    story = Story(SOLO)
    story.run("only")
    with pytest.raises(Refused, match="has succeeded already"):
        story.cancel()


def test_nobody_stops_an_attempt_of_a_job_that_was_not_cancelled() -> None:
    story = Story()
    story.start("prepare")
    with pytest.raises(Refused, match="nobody cancelled it"):
        story.stop("prepare")


def test_a_passed_deadline_fails_the_job_and_fences_off_what_runs() -> None:
    story = Story(FORK, JobRequest(deadline_s=10))
    story.run("prepare")
    story.start("transcribe")
    assert story.when(decide.expire, now=story.now) == []
    story.wait(10)
    facts = story.when(decide.expire, now=story.now)
    skipped = [f"stage.skipped {stage}" for stage in ("transcribe", "diarize", "merge")]
    assert names(facts) == [*skipped, "job.failed"]
    assert isinstance(facts[-1], JobFailed)
    assert facts[-1].kind == "deadline"
    assert story.when(decide.expire, now=story.now) == []
    with pytest.raises(Fenced):
        story.finish("transcribe")


def test_a_job_without_a_deadline_or_in_cancelling_does_not_expire() -> None:
    story = Story()
    story.wait(1e6)
    assert story.when(decide.expire, now=story.now) == []
    story = Story(request=JobRequest(deadline_s=1))
    story.start("prepare")
    story.cancel()
    story.wait(2)
    assert story.when(decide.expire, now=story.now) == []


@dataclass
class Attempt:
    """The commands of an attempt, each with a token."""

    story: Story

    def all(self, token: int) -> dict[str, dict[str, Any]]:
        stage: dict[str, Any] = {"stage": "only", "token": token}
        now = {"now": self.story.now}
        return {
            "start": stage | {"owner": "zombie", "engine_version": "0"},
            "progress": stage | {"fraction": 0.9},
            "finish": stage | now | {"output": OUTPUT, "usage": Usage()},
            "fail": stage | now | {"kind": "error", "reason": "", "chance": 0.0},
            "lose": stage | now,
            "stop": stage | now,
        }


@pytest.mark.parametrize("command", ["start", "progress", "finish", "fail", "lose", "stop"])
@pytest.mark.parametrize("state", ["ready", "running", "retrying", "completed", "parked"])
def test_no_stale_token_changes_anything(command: str, state: str) -> None:
    story = Story((PlannedStage(name="only", engine="toy", budget=Budget(failed=2, lost=9)),))
    for _ in range(3):
        story.lose("only")
    if state != "ready":
        story.start("only")
    if state == "completed":
        story.finish("only")
    if state in {"retrying", "parked"}:
        story.fail("only")
    if state == "parked":
        story.wait(2)
        story.retry("only")
        story.start("only")
        story.fail("only")
    assert story.status("only") == state
    current = story.token("only")
    for token in [-1, *range(current), current + 1]:
        with pytest.raises(Fenced):
            story.when(getattr(decide, command), **Attempt(story).all(token)[command])


@pytest.mark.parametrize("command", ["progress", "fail", "finish", "stop"])
def test_an_attempt_that_did_not_start_has_nothing_to_say(command: str) -> None:
    story = Story(SOLO)
    with pytest.raises(Fenced, match="is ready, not running"):
        story.when(getattr(decide, command), **Attempt(story).all(1)[command])


def test_the_same_owner_may_start_twice_and_another_may_not() -> None:
    story = Story(SOLO)
    started = StageStarted(
        stage="only", token=1, engine="toy", owner="toy@h-0", engine_version="1.0"
    )
    assert story.start("only") == [started]
    assert story.start("only") == []
    with pytest.raises(Fenced):
        story.start("only", owner="toy@h-1")


def test_finishing_twice_changes_nothing_even_after_the_job_has_ended() -> None:
    story = Story(SOLO)
    story.run("only")
    assert story.finish("only") == []
    assert story.job.terminal


def test_an_unknown_stage_or_job_is_refused_by_name() -> None:
    story = Story()
    with pytest.raises(Refused, match="no stage 'nope'"):
        story.when(decide.start, stage="nope", token=1, owner="o", engine_version="1")
    with pytest.raises(Refused, match="no stage 'nope'"):
        story.when(decide.finish, stage="nope", token=1, output=OUTPUT, usage=HEARD, now=NOW)
    for command in (decide.cancel, decide.unpark):
        with pytest.raises(UnknownJob):
            command(None, now=NOW)
    with pytest.raises(UnknownJob):
        decide.erase(None)
    with pytest.raises(UnknownJob):
        decide.start(None, stage="only", token=1, owner="o", engine_version="1")
    assert decide.retry_due(None, stage="only", now=NOW) == ()
    assert decide.expire(None, now=NOW) == ()


def test_only_an_ended_job_is_erased_and_only_once() -> None:
    story = Story(SOLO)
    with pytest.raises(Refused, match="cancel it before"):
        story.when(decide.erase)
    story.run("only")
    assert names(story.when(decide.erase)) == ["job.erased"]
    assert story.when(decide.erase) == []


def test_a_renewal_hears_ok_fenced_or_cancelled() -> None:
    story = Story(FORK)

    def standing(stage: str, token: int) -> str:
        return decide.standing(story.job, stage=stage, token=token)

    assert decide.standing(None, stage="prepare", token=1) == "fenced"
    assert standing("prepare", 1) == "fenced", "it has not started"
    story.start("prepare")
    assert (standing("prepare", 1), standing("prepare", 2)) == ("ok", "fenced")
    assert standing("nope", 1) == "fenced"
    story.finish("prepare")
    assert standing("prepare", 1) == "fenced"
    story.start("transcribe")
    story.start("diarize")
    story.cancel()
    assert standing("transcribe", 1) == "cancelled"
    story.stop("transcribe")
    story.stop("diarize")
    assert story.status() == "cancelled"
    assert standing("transcribe", 1) == "cancelled"


def test_an_attempt_of_a_failed_job_is_fenced() -> None:
    story = Story(FORK)
    story.run("prepare")
    story.start("transcribe")
    story.start("diarize")
    story.fail("transcribe", "input")
    assert decide.standing(story.job, stage="diarize", token=1) == "fenced"


def test_jitter_is_a_chance() -> None:
    assert all(0 <= decide.jitter() < 1 for _ in range(100))


def test_a_rehearsal_leads_where_the_commit_does() -> None:
    story = Story()
    story.start("prepare")
    facts = decide.finish(
        story.job, stage="prepare", token=1, output=OUTPUT, usage=HEARD, now=story.now
    )
    rehearsed = fold(envelopes(story.job, facts, now=story.now), story.job)
    story.finish("prepare")
    assert rehearsed == story.job
    with pytest.raises(Fenced):
        story.lose("merge")


def test_an_attempt_that_had_its_turn_keeps_it_but_not_what_may_kill_its_engine() -> None:
    story = Story((PlannedStage(name="only", engine="toy", budget=Budget(lost=9)),))

    def ahead() -> list[bool]:
        return [f.ahead for f in (e.fact for e in story.events) if isinstance(f, StageReady)]

    story.lose("only", preempted=True)
    story.lose("only")
    assert ahead() == [False, True, True]
    story.lose("only")
    story.lose("only", preempted=True)
    assert ahead()[3:] == [False, False]
    story.start("only")
    story.fail("only")
    story.wait(2)
    story.retry("only")
    assert ahead()[5:] == [False]


def test_no_engine_makes_a_stage_cost_more_than_the_longest_audio_there_is() -> None:
    story = Story()
    story.start("prepare")
    ready = story.finish("prepare", usage=Usage(audio_s=1e300))[1]
    assert isinstance(ready, StageReady)
    assert ready.cost == 1e8


def test_speakers_and_words_of_a_transcript_are_corrected_and_the_original_can_come_back() -> None:
    story = Story()
    story.run(*(node.name for node in story.job.plan))
    said = [
        decide.rename(story.job, speaker="S1", name="  Ann \n Lee "),
        decide.edit(story.job, segment=2, text="Hello."),
    ]
    assert said == [
        (SpeakerRenamed(speaker="S1", name="Ann Lee"),),
        (TranscriptEdited(segment=2, text="Hello."),),
    ]
    job = fold(envelopes(story.job, [*said[0], *said[1]], now=story.now), story.job)
    assert job is not None
    assert (job.names, job.edits) == ({"S1": "Ann Lee"}, {"2": "Hello."})
    assert decide.rename(job, speaker="S1", name="Ann Lee") == ()
    assert decide.edit(job, segment=2, text="Hello.") == ()
    back = [*decide.rename(job, speaker="S1", name=""), *decide.edit(job, segment=2, text=None)]
    job = fold(envelopes(job, back, now=story.now), job)
    assert job is not None
    assert (job.names, job.edits) == ({}, {})


def test_what_cannot_be_corrected_says_why() -> None:
    story = Story()
    with pytest.raises(Refused, match="has no transcript to correct"):
        decide.rename(story.job, speaker="S1", name="Ann")
    story.run(*(node.name for node in story.job.plan))
    with pytest.raises(Refused, match="at most 100 characters"):
        decide.rename(story.job, speaker="S1", name="x" * 101)
    with pytest.raises(Refused, match="at most 5000 characters"):
        decide.edit(story.job, segment=0, text="x" * 5001)
    full = replace(story.job, edits={str(n): "x" * 5000 for n in range(100)})
    with pytest.raises(Refused, match="500000 characters of corrections"):
        decide.edit(full, segment=100, text="x")
    assert decide.edit(full, segment=99, text="shorter")


def test_what_is_heard_is_told_unless_it_is_to_be_masked_or_the_attempt_is_over() -> None:
    heard = (Heard(0.0, 1.5, "Hello."),)
    for redact in (False, True):
        story = Story(request=JobRequest(redact=redact))
        story.start("prepare")
        told = decide.hear(story.job, stage="prepare", token=1, first=0, segments=heard)
        fact = SegmentFinalized(stage="prepare", token=1, first=0, segments=heard)
        assert told == (() if redact else (fact,))
    story.lose("prepare")
    with pytest.raises(Fenced):
        decide.hear(story.job, stage="prepare", token=1, first=0, segments=heard)
