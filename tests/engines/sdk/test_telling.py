import asyncio
from itertools import pairwise
from pathlib import Path

import msgspec
import pytest

from engines.sdk import telling
from engines.sdk.child import _obey
from engines.sdk.contract import Engine, Task
from engines.sdk.frames import LENGTH, Report, Run, Told, frame
from engines.sdk.holdings import Budget as Room
from engines.sdk.holdings import Holdings
from engines.sdk.host import Host
from engines.sdk.telling import Telling, heard, packed
from streams import decide
from streams.events import SOFT_LIMIT, Budget, Event, Heard, JobRequest, PlannedStage, encode_fact
from streams.events import SegmentFinalized as Finalized
from streams.transcript import Segment, Transcript
from tests.engines.sdk.conftest import Bench
from tests.engines.sdk.toys import Talker


def plan(**options: int | float) -> tuple[PlannedStage, ...]:
    once = Budget(failed=1)
    return (PlannedStage(name="transcribe", engine="talker", options={**options}, budget=once),)


def told(events: list[Event]) -> list[Finalized]:
    return [event.fact for event in events if isinstance(event.fact, Finalized)]


def joined(facts: list[Finalized]) -> list[str]:
    """All segments, put together by their numbers as a reader does."""
    whole: list[str] = []
    for fact in facts:
        whole[fact.first :] = [segment.text for segment in fact.segments]
    return whole


async def test_what_is_heard_is_told_while_the_work_goes_on(bench: Bench) -> None:
    await bench.start("talker")
    job = await bench.end(await bench.submit(plan(many=30, pause=0.1)))
    assert job.status == "succeeded", bench.logs()
    events = await bench.events(job.id)
    facts = told(events)
    assert joined(facts) == [str(number).rjust(5, "-") for number in range(30)]
    assert (facts[0].stage, facts[0].token, facts[0].first) == ("transcribe", 1, 0)
    assert facts[0].segments[0] == Heard(0.0, 0.5, "----0")
    assert 3 <= len(facts) <= 5, "one a second, and what remains at the end"
    times = [event.time for event in events if isinstance(event.fact, Finalized)]
    gaps = [(b - a).total_seconds() for a, b in pairwise(times[:-1])]
    assert min(gaps) > 0.9
    kinds = [event.type for event in events]
    assert kinds.index("segment.finalized") < kinds.index("stage.completed")
    assert kinds[-3:] == ["segment.finalized", "stage.completed", "job.succeeded"]


async def test_a_flood_comes_in_events_that_are_far_from_too_large(bench: Bench) -> None:
    await bench.start("talker")
    job = await bench.end(await bench.submit(plan(many=500, length=3000)))
    assert job.status == "succeeded", bench.logs()
    facts = told(await bench.events(job.id))
    assert len(joined(facts)) == 500
    assert max(len(encode_fact(fact)) for fact in facts) < SOFT_LIMIT * 0.6


async def test_words_that_are_to_be_masked_are_told_to_nobody(bench: Bench) -> None:
    await bench.start("talker")
    job_id = await bench.submit(plan(many=20, pause=0.1), request=JobRequest(redact=True))
    assert (await bench.end(job_id)).status == "succeeded", bench.logs()
    assert told(await bench.events(job_id)) == []


async def test_nothing_is_told_of_a_job_after_it_was_cancelled(bench: Bench) -> None:
    await bench.start("talker")
    job_id = await bench.submit(plan(many=1000, pause=0.05))
    await bench.until(lambda job: job.rev > 5, job_id)
    await bench.ledger.transition(job_id, lambda job, now: decide.cancel(job, now=now))
    await bench.redis.publish(bench.ledger.keys.nudges, job_id)
    job = await bench.end(job_id)
    assert job.status == "cancelled"
    await asyncio.sleep(1.5)
    assert (await bench.events(job_id))[-1].type == "job.cancelled"


class Ledger:
    """Takes batches, or trips."""

    def __init__(self, *, trips: bool = False, goes_on: bool = True) -> None:
        self.batches: list[tuple[int, tuple[Heard, ...]]] = []
        self.tries = 0
        self._trips, self._goes_on = trips, goes_on

    async def commit(self, first: int, segments: tuple[Heard, ...]) -> bool:
        self.tries += 1
        if self._trips:
            raise RuntimeError("tripped")
        if self._goes_on:
            self.batches.append((first, segments))
        return self._goes_on


def some(*texts: str) -> tuple[Heard, ...]:
    return tuple(Heard(0.0, 1.0, text) for text in texts)


@pytest.mark.parametrize("how", [{"trips": True}, {"goes_on": False}])
async def test_a_telling_that_fails_is_over_and_harms_nobody(how: dict[str, bool]) -> None:
    ledger = Ledger(**how)
    telling_ = Telling(ledger.commit)
    for number in range(3):
        telling_.add(number, some("a"))
        await telling_.rest()
    assert (ledger.tries, ledger.batches) == (1, [])


async def test_a_number_that_goes_back_takes_the_place_of_what_was_there() -> None:
    ledger = Ledger()
    telling_ = Telling(ledger.commit)
    telling_.add(0, some("a", "b"))
    telling_.add(1, some("B", "c"))
    await telling_.rest()
    telling_.add(0, some("A"))
    await telling_.rest()
    assert ledger.batches == [(0, some("a", "B", "c")), (0, some("A"))]


async def test_batches_keep_their_distance_until_the_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(telling, "TELL_S", 0.2)
    ledger = Ledger()
    telling_ = Telling(ledger.commit)
    loop = asyncio.create_task(telling_.keep_on())
    for number in range(20):
        telling_.add(number, some(str(number)))
        await asyncio.sleep(0.02)
    await telling_.rest()
    loop.cancel()
    assert 2 <= len(ledger.batches) <= 4
    assert sum(len(batch) for _, batch in ledger.batches) == 20


def test_a_long_text_is_cut_and_a_time_that_is_none_left_out() -> None:
    (one,) = heard([Segment(float("nan"), 1.0, "x"), Segment(1.00049, 2.0, " y" * 2000)])
    assert (one.start, len(one.text), one.text[-1]) == (1.0, telling.LONGEST, "…")


def test_a_batch_has_one_segment_at_least() -> None:
    wide = some(*("\x00" * telling.LONGEST for _ in range(3)))
    assert [len(packed(list(wide[:n]))) for n in range(4)] == [0, 1, 1, 1]


class Short(Engine):
    """Has no memory for the first try."""

    name, stage, version, hears = "short", "transcribe", "1", False
    tries = 0

    def models(self) -> tuple[str, ...]:
        return ("a", "b")

    def run(self, task: Task) -> Transcript:
        self.tries += 1
        task.hear([Segment(0.0, 1.0, f"try {self.tries}")])
        if self.tries == 1:
            raise MemoryError
        return Transcript(duration=1.0, segments=())


def test_a_run_that_begins_anew_counts_anew(tmp_path: Path) -> None:
    engine = Short()
    host = Host(engine, Holdings(engine, Room(models=2)))
    host.holdings.get("b")
    batches: list[int] = []
    task = Task(
        job="j", stage="transcribe", token=1, engine="short", version="1",
        workdir=tmp_path, base_uri="s3://x", tell=lambda first, _: batches.append(first),
    )  # fmt: skip
    host.run(task)
    assert batches == [0, 0]


def test_a_supervisor_of_before_is_told_nothing(tmp_path: Path) -> None:
    """Its order lacks the word; a child of now, begun by it after an upgrade, is silent then."""
    order = Run(
        job="j", stage="transcribe", token=1, workdir=str(tmp_path), base_uri="s3://x",
        options={"many": 3}, filename="a.wav",
    )  # fmt: skip
    fields = msgspec.msgpack.decode(frame(order)[LENGTH.size :], type=dict)
    del fields["aloud"]
    said: list[Report] = []
    _obey(Host(Talker()), msgspec.convert(fields, Run), said.append)
    assert not any(isinstance(report, Told) for report in said)
    _obey(Host(Talker()), msgspec.structs.replace(order, aloud=True), said.append)
    assert [report.first for report in said if isinstance(report, Told)] == [0, 1, 2]
