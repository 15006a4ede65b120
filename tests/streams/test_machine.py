"""Any commands in any order, late ones and repeated ones too: `decide` against the naive model.

`make test-faults` looks much longer than the normal suite does.
"""

import contextlib
import os
from collections.abc import Callable
from datetime import datetime
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, seed, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from streams import decide
from streams.errors import Refused
from streams.events import Budget, Heard, JobRequest, PlannedStage
from streams.job import decode, encode, evolve, floor_of, fold
from tests.streams.naive import Naive
from tests.streams.rules import ends, examine, goes_on_from_anywhere, keeps_to_the_plan
from tests.streams.story import HEARD, OUTPUT, Story

SHORT = bool(os.environ.get("DALSTON_SHORT"))
QUICK = settings(max_examples=40, stateful_step_count=30, deadline=None, derandomize=True)
DEEP = settings(
    max_examples=400 if SHORT else 1200,
    stateful_step_count=60,
    deadline=None,
    database=None,
    phases=(Phase.generate, Phase.shrink),
    suppress_health_check=list(HealthCheck),
)
TOKENS = st.sampled_from(["current"] * 7 + ["last", "next", "any"])
STAGES = st.integers(0, 9)
"""Mostly one for which the command makes sense; from 8 on any."""
KINDS = st.sampled_from(["error"] * 4 + ["timeout", "crash", "memory", "input", "unavailable"])
DEADLINES = st.none() | st.sampled_from([5.0, 100.0])
SPEAKERS = st.sampled_from(["s1", "s2"])
OWNERS = st.sampled_from(["o1", "o2"])


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
            required=n == count - 1 or (must := draw(st.booleans())),
            left_out="" if n == count - 1 or must or draw(st.integers(0, 4)) else "nobody does it",
            budget=Budget(failed=draw(st.integers(0, 3)), lost=draw(small), preempted=draw(small)),
        )
        for n in range(count)
    )


class Life(RuleBasedStateMachine):
    """One job, told commands at random; `self.model` says what is to become of it."""

    @initialize(
        plan=plans(), deadline=st.none() | st.sampled_from([5.0, 100.0]), epoch=st.booleans()
    )
    def submit(self, plan: tuple[PlannedStage, ...], deadline: float | None, epoch: bool) -> None:
        self.epoch = 2 if epoch else 1
        floor = floor_of(self.epoch)
        self.story = Story(plan, JobRequest(deadline_s=deadline), floor=floor)
        self.states = [fold(self.story.events[:1]), fold(self.story.events[:2])]
        self.model = Naive(plan, self.story.job.deadline, floor=floor)
        self.commits = [len(self.story.events)]

    def do(
        self, command: Callable[..., decide.Facts], model: Callable[[], bool], **arguments: Any
    ) -> None:
        """Both get the command, and once more: taken or refused alike, the second time no news."""
        before = self.story.job
        try:
            facts = self.story.when(command, **arguments)
            taken = True
        except Refused:
            facts, taken = [], False
        assert model() == taken, (
            f"{command.__name__} {arguments} was {'taken' if taken else 'refused'}"
        )
        keeps_to_the_plan(before, self.story.job, facts)
        if facts:
            self.commits.append(len(self.story.events))
        if command is decide.hear:
            return  # nothing keeps what it said, so twice it is said twice: what counts is `first`
        after = len(self.story.events)
        with contextlib.suppress(Refused):
            assert self.story.when(command, **arguments) == [], "told twice it does more"
        assert len(self.story.events) == after

    def pick(self, which: int, *statuses: str) -> str:
        """A stage, mostly one of these statuses."""
        stages = self.story.job.stages
        fit = [name for name, stage in stages.items() if stage.status in statuses]
        names = fit if fit and which < 8 else list(stages)
        return names[which % len(names)]

    def attempt(self, which: int, token: str, *statuses: str) -> dict[str, Any]:
        """A stage, and a token of it: mostly the one that counts."""
        stage = self.pick(which, *statuses)
        current = self.story.token(stage)
        tokens = {"current": current, "last": current - 1, "next": current + 1, "any": 1}
        return {"stage": stage, "token": tokens[token]}

    @property
    def now(self) -> datetime:
        return self.story.now

    @rule(which=STAGES, token=TOKENS, owner=OWNERS)
    def start(self, which: int, token: str, owner: str) -> None:
        it = self.attempt(which, token, "ready")
        self.do(decide.start, lambda: self.model.start(**it, owner=owner), **it, owner=owner,
                engine_version="1")  # fmt: skip

    @rule(count=st.integers(1, 4))
    def some_start(self, count: int) -> None:
        """So that there is something to end."""
        for which in range(count):
            self.start(which, "current", "o1")

    @rule(which=STAGES, token=TOKENS, tenths=st.integers(-1, 12))
    def progress(self, which: int, token: str, tenths: int) -> None:
        it = self.attempt(which, token, "running") | {"fraction": tenths / 10}
        self.do(decide.progress, lambda: self.model.advance(**it), **it)

    @rule(which=STAGES, token=TOKENS, first=st.integers(0, 3), count=st.integers(0, 2))
    def hear(self, which: int, token: str, first: int, count: int) -> None:
        it = self.attempt(which, token, "running")
        heard = (Heard(start=0.0, end=1.0, text="la"),) * count
        self.do(decide.hear, lambda: self.model.hear(**it), **it, first=first, segments=heard)

    @rule(speaker=SPEAKERS, name=st.sampled_from(["Ann", " Ann ", "Ben", "", "x" * 101]))
    def rename(self, speaker: str, name: str) -> None:
        it = {"speaker": speaker, "name": name}
        self.do(decide.rename, lambda: self.model.rename(**it), **it)

    @rule(segment=st.integers(0, 2), text=st.none() | st.sampled_from(["", "la", "x" * 5001]))
    def edit(self, segment: int, text: str | None) -> None:
        it = {"segment": segment, "text": text}
        self.do(decide.edit, lambda: self.model.edit(segment, text), **it)

    @precondition(lambda self: self.story.job.transcript is not None)
    @rule(speaker=SPEAKERS, segment=st.integers(0, 2))
    def correct_what_is_there(self, speaker: str, segment: int) -> None:
        """So that there is something to take back, and to erase."""
        self.rename(speaker, "Ann")
        self.edit(segment, "la la")

    @rule(which=STAGES, token=TOKENS)
    def finish(self, which: int, token: str) -> None:
        it = self.attempt(which, token, "running")
        self.do(decide.finish, lambda: self.model.finish(**it), **it, output=OUTPUT, usage=HEARD,
                warnings=("w",), now=self.now)  # fmt: skip

    @rule(which=STAGES, token=TOKENS, kind=KINDS, chance=st.sampled_from([0.0, 0.5]))
    def fail(self, which: int, token: str, kind: str, chance: float) -> None:
        it = self.attempt(which, token, "running") | {
            "kind": kind,
            "now": self.now,
            "chance": chance,
        }
        self.do(decide.fail, lambda: self.model.fail(**it), **it, reason="boom")

    @rule(which=STAGES, token=TOKENS, preempted=st.booleans())
    def lose(self, which: int, token: str, preempted: bool) -> None:
        it = self.attempt(which, token, "running", "ready") | {"preempted": preempted}
        self.do(decide.lose, lambda: self.model.lose(**it), **it, now=self.now)

    @rule(which=STAGES, token=TOKENS)
    def stop(self, which: int, token: str) -> None:
        it = self.attempt(which, token, "running")
        self.do(decide.stop, lambda: self.model.stop(**it), **it, now=self.now)

    @rule(which=STAGES)
    def retry_due(self, which: int) -> None:
        stage = self.pick(which, "retrying")
        self.do(decide.retry_due, lambda: self.model.retry(stage, self.now), stage=stage,
                now=self.now)  # fmt: skip

    @rule(which=st.none() | STAGES)
    def unpark(self, which: int | None) -> None:
        stage = None if which is None else self.pick(which, "parked")
        self.do(decide.unpark, lambda: self.model.unpark(stage), stage=stage, now=self.now)

    @precondition(lambda self: len(self.story.events) > 12 or self.story.status() == "running")
    @rule()
    def cancel(self) -> None:
        self.do(decide.cancel, self.model.cancel, now=self.now)

    @rule()
    def expire(self) -> None:
        self.do(decide.expire, lambda: self.model.expire(self.now), now=self.now)

    @precondition(lambda self: self.story.job.terminal or len(self.story.events) > 20)
    @rule()
    def erase(self) -> None:
        self.do(decide.erase, self.model.erase)

    @rule()
    def redis_is_lost(self) -> None:
        self.epoch += 1
        floor = floor_of(self.epoch)
        self.do(decide.recover, lambda: self.model.recover(floor), floor=floor, plan=(),
                now=self.now)  # fmt: skip

    @rule(seconds=st.sampled_from([0.5, 1.0, 6.0, 200.0, -100.0, -3600.0]))
    def time_goes_by(self, seconds: float) -> None:
        self.story.wait(seconds)

    @invariant()
    def both_agree(self) -> None:
        job = self.story.job
        assert (job.status, job.erased) == (self.model.status, self.model.erased)
        assert (job.ended_at is not None) == job.terminal
        assert (job.transcript is not None) == (job.status == "succeeded")
        assert (job.names, job.edits) == (self.model.names, self.model.edits)
        for name, part in self.model.parts.items():
            is_ = job.stages[name]
            for what in ("status", "token", "owner", "failed", "lost", "preempted", "progress"):
                assert getattr(is_, what) == getattr(part, what), f"{what} of {name}"
            assert (is_.output is not None) == (is_.status == "completed")
            if is_.status == "retrying":
                assert is_.due_at == part.due

    @invariant()
    def the_state_is_the_fold_at_every_event(self) -> None:
        """Of the new ones: state by state, told twice, and back from JSON."""
        for event in self.story.events[len(self.states) :]:
            state = evolve(self.states[-1], event)
            assert state is not None
            assert state.rev == event.rev == len(self.states) + 1
            assert evolve(state, event) == state, "an event told twice"
            assert decode(encode(state)) == state
            self.states.append(state)
        assert self.states[-1] == self.story.job

    def teardown(self) -> None:
        if hasattr(self, "story"):
            examine(self.story, self.states)
            goes_on_from_anywhere(self.story, self.commits, self.epoch + 1)
            ends(self.story)


def test_any_commands_in_any_order_do_what_the_naive_model_does() -> None:
    run_state_machine_as_test(Life, settings=QUICK)


@pytest.mark.faults
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("chance", range(1) if SHORT else range(8))
def test_the_same_at_length(chance: int) -> None:
    run_state_machine_as_test(seed(chance)(Life), settings=DEEP)
