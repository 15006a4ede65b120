"""What holds on every way through every plan."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from streams import decide
from streams.erasure import blank
from streams.errors import Fenced, Refused
from streams.events import Budget, Fact, JobRequest, PlannedStage, StageCompleted, StageReady
from streams.job import Job, decode, encode, envelopes, fold
from tests.streams.story import HEARD, OUTPUT, Story

OVER = {"completed", "skipped"}
COMMANDS = (
    "start", "start", "start", "finish", "finish", "fail", "lose", "progress", "retry", "wait",
    "unpark", "stop", "cancel", "expire", "erase",
)  # fmt: skip


@st.composite
def plans(draw: st.DrawFn) -> tuple[PlannedStage, ...]:
    """DAGs of up to five stages, branches and joins at random; the last is the transcript's."""
    count = draw(st.integers(1, 5))
    small = st.integers(1, 3)
    return tuple(
        PlannedStage(
            name=f"s{n}",
            engine=f"e{draw(st.integers(0, 2))}",
            needs=tuple(sorted(f"s{k}" for k in draw(st.sets(st.integers(0, n - 1)))) if n else ()),
            required=n == count - 1 or draw(st.booleans()),
            budget=Budget(failed=draw(small), lost=draw(small), preempted=draw(small)),
        )
        for n in range(count)
    )


steps = st.lists(
    st.tuples(st.sampled_from(COMMANDS), st.integers(0, 4), st.integers(0, 9)), max_size=60
)
requests = st.builds(JobRequest, deadline_s=st.none() | st.floats(1, 500), hotwords=st.none())


def act(story: Story, command: str, which: int, chance: int) -> list[Fact] | None:
    """One command, mostly with the current token; None when it was refused."""
    stage = story.job.plan[which % len(story.job.plan)].name
    token = story.token(stage) - (chance == 0)
    attempt: dict[str, Any] = {"stage": stage, "token": token}
    kind = ("error", "timeout", "crash", "memory", "input", "unavailable")[chance % 6]
    now = story.now
    arguments: dict[str, dict[str, Any]] = {
        "start": attempt | {"owner": f"o{chance % 3}", "engine_version": "1"},
        "progress": attempt | {"fraction": chance / 9},
        "finish": attempt
        | {"output": OUTPUT, "usage": HEARD, "now": now, "warnings": (f"w{chance}",)},
        "fail": attempt | {"kind": kind, "reason": f"r{chance}", "now": now, "chance": 0.3},
        "lose": attempt | {"preempted": chance % 2 == 0, "now": now},
        "stop": attempt | {"now": now},
        "retry_due": {"stage": stage, "now": now},
        "cancel": {"now": now, "reason": f"r{chance}"},
        "expire": {"now": now},
        "unpark": {"now": now, "stage": stage if chance % 2 else None},
        "erase": {},
    }
    name = {"retry": "retry_due"}.get(command, command)
    try:
        facts = story.when(getattr(decide, name), **arguments[name])
        with pytest.raises(Refused) if name in {"fail", "lose", "stop", "unpark"} else _nothing():
            again = story.when(getattr(decide, name), **arguments[name])
            assert again == [], f"{name} again gave {again}"
    except Refused:
        return None
    return facts


class _nothing:  # noqa: N801 - stands in for pytest.raises
    def __enter__(self) -> None: ...

    def __exit__(self, *_: object) -> None: ...


def check(before: Job, after: Job, facts: list[Fact] | None) -> None:
    """What no command may break."""
    for name, stage in after.stages.items():
        assert stage.token >= before.stages[name].token, "tokens only grow"
        needs_over = all(after.stages[n].status in OVER for n in after.planned(name).needs)
        if stage.status == "pending" and not after.terminal and after.status != "cancelling":
            assert not needs_over, f"{name} could be ready"
        if stage.status in {"ready", "running", "retrying", "parked", "completed"}:
            assert needs_over or after.terminal, f"{name} went before its needs"
    if before.terminal and not after.erased:
        assert after == before
        assert not facts
    if before.status == "cancelling":
        assert not any(isinstance(f, StageReady | StageCompleted) for f in facts or [])
    parked = any(s.status == "parked" for s in after.stages.values())
    assert (after.status == "blocked") == (parked and not after.terminal)
    assert decode(encode(after)) == after


def walk(story: Story, commands: list[tuple[str, int, int]]) -> None:
    for command, which, chance in commands:
        if command == "wait":
            story.wait(chance * 10)
            continue
        before = story.job
        facts = act(story, command, which, chance)
        check(before, story.job, facts)


@settings(max_examples=300, deadline=None)
@given(plans(), requests, steps)
def test_every_way_through_every_plan_keeps_the_rules(
    plan: tuple[PlannedStage, ...], request: JobRequest, commands: list[tuple[str, int, int]]
) -> None:
    story = Story(plan, request)
    walk(story, commands)
    completed = [e.fact.stage for e in story.events if isinstance(e.fact, StageCompleted)]
    assert len(completed) == len(set(completed)), "a stage completes once"
    assert [e.rev for e in story.events] == list(range(1, len(story.events) + 1))


@settings(max_examples=150, deadline=None)
@given(plans(), steps)
def test_an_event_told_twice_changes_nothing(
    plan: tuple[PlannedStage, ...], commands: list[tuple[str, int, int]]
) -> None:
    story = Story(plan)
    walk(story, commands)
    job = None
    for count, event in enumerate(story.events, start=1):
        job = fold([event], job)
        assert fold([event], job) == job
        assert job is not None
        assert job.rev == count
    assert fold([*story.events, *story.events[-3:]]) == story.job


@settings(max_examples=150, deadline=None)
@given(plans(), steps)
def test_the_blanked_events_of_an_erased_job_fold_to_the_same_state(
    plan: tuple[PlannedStage, ...], commands: list[tuple[str, int, int]]
) -> None:
    story = Story(plan)
    walk(story, commands)
    if not story.job.terminal:
        story.cancel()
        for name, stage in story.job.stages.items():
            if stage.status == "running":
                story.stop(name)
    story.when(decide.erase)
    assert story.job.erased
    assert fold(blank(event) for event in story.events) == story.job
    assert fold(blank(blank(event)) for event in story.events) == story.job


def onward(story: Story) -> bool:
    """One step of a fair world in which nothing goes wrong; False when there is none to take."""
    for name, stage in story.job.stages.items():
        match stage.status:
            case "ready":
                story.start(name)
            case "running" if story.status() == "cancelling":
                story.stop(name)
            case "running":
                story.finish(name)
            case "retrying":
                story.wait(200)
                story.retry(name)
            case _:
                continue
        return True
    return False


@settings(max_examples=300, deadline=None)
@given(plans(), steps)
def test_from_wherever_a_job_stands_it_ends_or_waits_for_a_person(
    plan: tuple[PlannedStage, ...], commands: list[tuple[str, int, int]]
) -> None:
    story = Story(plan)
    walk(story, commands)
    for _ in range(40):
        if story.job.terminal or not onward(story):
            break
    assert story.job.terminal or story.status() == "blocked"
    if story.status() == "blocked":
        story.when(decide.unpark, now=story.now)
        while not story.job.terminal:
            assert onward(story), "stuck"
        assert story.status() == "succeeded"


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
