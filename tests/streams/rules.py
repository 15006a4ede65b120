"""What holds of every job, whatever happened to it: checked on a story when it is told."""

from collections.abc import Sequence

from msgspec.structs import replace

from streams import decide
from streams.erasure import blank
from streams.errors import Refused
from streams.events import (
    Fact,
    JobPlanned,
    SpeakerRenamed,
    StageCompleted,
    StageLost,
    StageReady,
    StageStarted,
    StageUnparked,
    TranscriptEdited,
    decode_fact,
    encode_fact,
    encode_meta,
    format_time,
    from_entry,
)
from streams.job import Job, decode, encode, floor_of, fold
from tests.streams.story import Story

OVER = {"completed", "skipped"}


def keeps_to_the_plan(before: Job, after: Job, facts: Sequence[Fact]) -> None:
    """What is ready is what the DAG says; what is over stays so; nothing begins after a cancel."""
    live = not after.terminal and after.status != "cancelling"
    for name, stage in after.stages.items():
        assert stage.token >= before.stages[name].token, "tokens only grow"
        may = all(after.stages[need].status in OVER for need in after.planned(name).needs)
        if live and not after.planned(name).left_out:
            assert (stage.status == "pending") != may, f"{name} is {stage.status}"
        if after.planned(name).left_out:
            assert stage.status == "skipped", f"{name} is {stage.status}"
    if before.terminal:
        corrected = all(isinstance(fact, SpeakerRenamed | TranscriptEdited) for fact in facts)
        as_before = replace(after, names=before.names, edits=before.edits, rev=before.rev)
        assert before.erased or after.erased or (as_before == before and corrected)
    if before.status == "cancelling" or before.terminal:
        assert not any(isinstance(f, StageReady | StageStarted | StageCompleted) for f in facts)
    ready = [fact.stage for fact in facts if isinstance(fact, StageReady)]
    assert len(ready) == len(set(ready)), "one attempt at a time"


def examine(story: Story, states: Sequence[Job | None]) -> None:
    """The whole history: its states, its codec, its tokens and budgets."""
    for count, state in enumerate(states, start=1):
        assert fold(story.events[:count]) == state
    twice = [event for event in story.events for _ in range(2)]
    assert fold(twice) == fold([*story.events, *story.events]) == story.job
    for event in story.events:
        assert decode_fact(event.type, encode_fact(event.fact)) == event.fact
        fields = {
            "id": event.id, "type": event.type, "time": format_time(event.time), "job": event.job,
            "rev": event.rev, "tenant": event.tenant, "prev": "", "epoch": 0,
            "meta": encode_meta(event.meta).decode(), "data": encode_fact(event.fact).decode(),
        }  # fmt: skip
        entry = {name.encode(): str(value).encode() for name, value in fields.items()}
        assert from_entry(b"0-0", entry) == event
    one_completion(story)
    within_budget(story)
    erased(story)


def one_completion(story: Story) -> None:
    """A stage completes once, with the token that was given out last."""
    given: dict[str, int] = {}
    completed: set[str] = set()
    for event in story.events:
        match event.fact:
            case StageReady(stage=stage, token=token):
                assert token > given.get(stage, 0)
                given[stage] = token
            case StageStarted(stage=stage, token=token):
                assert token == given[stage]
            case StageCompleted(stage=stage, token=token):
                assert token == given[stage]
                assert stage not in completed
                completed.add(stage)
            case _:
                pass


def within_budget(story: Story) -> None:
    """A stage that ends badly again and again has only so many attempts, and few of them ahead."""
    attempts: dict[str, int] = {}
    lost: dict[str, int] = {}
    for event in story.events:
        match event.fact:
            case StageUnparked(stage=stage):
                attempts[stage] = lost[stage] = 0
            case StageLost(stage=stage, cause="lease"):
                lost[stage] = lost.get(stage, 0) + 1
            case StageReady(stage=stage, ahead=ahead) if event.type != "job.recovered":
                budget = story.job.planned(stage).budget
                attempts[stage] = attempts.get(stage, 0) + 1
                recovered = sum(e.type == "job.recovered" for e in story.events)
                most = max(1, budget.failed) + budget.lost + budget.preempted + recovered
                assert attempts[stage] <= most
                assert not ahead or lost.get(stage, 0) < 2, "a poison task that goes first"
            case _:
                pass


def erased(story: Story) -> None:
    """The blanked events of an erased job fold to its state, again and again."""
    events, job = list(story.events), story.job
    told = Story.of(events, story.now)
    if not job.terminal:
        told.cancel()
        for name, stage in told.job.stages.items():
            if stage.status == "running":
                told.stop(name)
    told.when(decide.erase)
    assert told.job.erased
    once = [blank(event) for event in told.events]
    assert fold(once) == told.job == fold(blank(event) for event in once)


def ends(story: Story) -> None:
    """In a fair world the job ends, or waits for a person; and then it ends too."""
    healthy(story)
    assert story.job.terminal or story.status() == "blocked"
    for _ in range(len(story.job.plan)):
        if not story.job.terminal:
            story.when(decide.unpark, now=story.now)
            healthy(story)
    assert story.job.terminal
    assert decode(encode(story.job)) == story.job


def healthy(story: Story) -> None:
    """Nothing goes wrong from here on; a job needs no more steps than this."""
    story.wait(4000)
    for _ in range(4 * len(story.job.plan) + 1):
        for name, stage in story.job.stages.items():
            if stage.status == "ready":
                story.start(name)
            elif stage.status == "running" and story.status() == "cancelling":
                story.stop(name)
            elif stage.status == "running":
                story.finish(name)
            elif stage.status == "retrying":
                story.retry(name)


def goes_on_from_anywhere(story: Story, commits: Sequence[int], epoch: int) -> None:
    """Redis is lost, and the archive ends at any event: the job goes on from there all the same."""
    plan = next(e.fact.stages for e in story.events if isinstance(e.fact, JobPlanned))
    inside = [n for n in range(1, len(story.events)) if n not in commits]
    for count in [*inside[-12:], *commits[-4:]]:
        begun = Story.of(story.events[:count], story.now)
        tokens = {name: stage.token for name, stage in begun.job.stages.items()}
        facts = begun.when(decide.recover, floor=floor_of(epoch), plan=plan, now=story.now)
        assert all(f.token > floor_of(epoch) for f in facts if isinstance(f, StageReady))
        if facts:
            keeps_to_the_plan(begun.job, begun.job, ())
        if not begun.job.terminal:
            old_ones_are_fenced(begun, tokens)
        ends(begun)
        one_completion(begun)


def old_ones_are_fenced(story: Story, tokens: dict[str, int]) -> None:
    """Nobody who held an attempt before, or one that was lost since, can begin or end it."""
    before = story.job
    for stage, token in tokens.items():
        for late in (token, token + 1, token + 7):
            for command in (decide.stop, decide.lose):
                try:
                    story.when(command, stage=stage, token=late, now=story.now)
                except Refused:
                    continue
                raise AssertionError(f"{stage} {late} counts still")
    assert story.job == before
