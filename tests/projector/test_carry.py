"""What people corrected goes over to a job that is run again: once, whatever happens meanwhile."""

import asyncio
from contextlib import suppress
from functools import partial

import pytest
from redis.asyncio import Redis
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from projector import queries
from projector.carry import Carry
from projector.objects import Objects
from projector.rebuild import rebuild
from projector.recover import recover
from streams import decide
from streams.artifacts import Artifacts
from streams.commit import Ledger
from streams.events import Event, SpeakerRenamed, TranscriptEdited
from streams.job import Job
from streams.keys import Keys
from streams.log import Log
from streams.settings import Settings
from streams.transcript import Segment, Speaker, Transcript
from tests.projector.conftest import Start, caught_up, projected_jobs
from tests.projector.test_effects import artifacts, drained, objects, transcribed
from tests.projector.test_process import projector
from tests.projector.test_process import start as process_of_projector
from tests.streams.test_editing import said

__all__ = ["artifacts", "objects"]


def spoken(*parts: tuple[str, str]) -> Transcript:
    """Who says what, a word each second."""
    segments: list[Segment] = []
    for speaker, words in parts:
        start = segments[-1].end if segments else 0.0
        segments.append(said(words, start=start, speaker=speaker))
    speakers = tuple(Speaker(name) for name in dict.fromkeys(who for who, _ in parts))
    return Transcript(segments[-1].end, tuple(segments), speakers=speakers)


BEFORE = spoken(("S1", "we met miss terry land here"), ("S2", "and who is that then"))
AFTER = spoken(("B", "we met miss terry land here and"), ("A", "who is that then"))
CORRECTED = {"0": "we met Mr Sunderland here and"}
NAMES = {"B": "Ann\x00", "A": "Ben"}


@pytest.fixture
def carry(db: AsyncEngine, objects: Objects, redis: Redis, keys: Keys) -> Carry:
    return Carry(db, objects, redis, keys)


async def corrected(ledger: Ledger, artifacts: Artifacts) -> Job:
    """The job that people worked on."""
    job = await transcribed(ledger, artifacts, BEFORE)
    for command in (
        partial(decide.rename, speaker="S1", name="Anne"),
        partial(decide.rename, speaker="S1", name="Ann\x00"),
        partial(decide.rename, speaker="S2", name="Ben"),
        partial(decide.edit, segment=0, text="we met Mr Sunderland here"),
    ):
        await ledger.transition(job.id, lambda job, _, do=command: do(job), meta={"by": "Zoe"})  # type: ignore[misc]
    return job


async def history(db: AsyncEngine, job_id: str) -> list[Event]:
    async with db.connect() as c:
        events = await queries.events(c, job=job_id)
    return [one for one in events if isinstance(one.fact, SpeakerRenamed | TranscriptEdited)]


async def test_names_and_words_go_over_with_a_note_where_they_come_from(
    start: Start, settings: Settings, db: AsyncEngine, ledger: Ledger, log: Log,
    artifacts: Artifacts, carry: Carry,
) -> None:  # fmt: skip
    start()
    old = await corrected(ledger, artifacts)
    new = await transcribed(ledger, artifacts, AFTER, again_from=old.id)
    await caught_up(db, log)
    await drained(carry)
    await caught_up(db, log)
    state = (await projected_jobs(db))[new.id]
    assert (state.names, state.edits) == (NAMES, CORRECTED)
    said_before = [one.id for one in await history(db, old.id)]
    metas = [one.meta for one in await history(db, new.id)]
    assert metas == [{"carried_from": old.id, "event": one} for one in said_before[1:]]
    assert (await rebuild(settings)).same
    await drained(carry)
    assert len(await history(db, new.id)) == 3, "a rebuild carries nothing"


@pytest.mark.parametrize("commits", [0, 1, 2, 3])
async def test_killed_between_any_two_of_them_it_goes_on_and_says_nothing_twice(
    start: Start, db: AsyncEngine, ledger: Ledger, log: Log, artifacts: Artifacts, carry: Carry,
    monkeypatch: pytest.MonkeyPatch, commits: int,
) -> None:  # fmt: skip
    start()
    old = await corrected(ledger, artifacts)
    new = await transcribed(ledger, artifacts, AFTER, again_from=old.id)
    await caught_up(db, log)
    whole, count = Ledger.transition, 0

    async def dies(self: Ledger, *given: object, **named: object) -> object:
        nonlocal count
        if count == commits:
            raise asyncio.CancelledError
        count += 1
        return await whole(self, *given, **named)  # type: ignore[arg-type]

    with monkeypatch.context() as patch, suppress(asyncio.CancelledError):
        patch.setattr(Ledger, "transition", dies)
        await drained(carry)
    assert count == commits
    await drained(carry)
    async with db.begin() as c:
        await c.execute(text("UPDATE checkpoints SET seq = 0, id = '' WHERE name = 'carry'"))
    await drained(carry)
    await caught_up(db, log)
    state = (await projected_jobs(db))[new.id]
    assert (state.names, state.edits) == (NAMES, CORRECTED)
    assert len(await history(db, new.id)) == 3


async def test_what_a_person_said_of_the_new_one_counts_more(
    start: Start, db: AsyncEngine, ledger: Ledger, log: Log, artifacts: Artifacts, carry: Carry
) -> None:
    start()
    old = await corrected(ledger, artifacts)
    new = await transcribed(ledger, artifacts, AFTER, again_from=old.id)
    for command in (
        partial(decide.rename, speaker="B", name="Somebody else"),
        partial(decide.rename, speaker="A", name="A mistake"),
        partial(decide.rename, speaker="A", name=""),
    ):
        await ledger.transition(new.id, lambda job, _, do=command: do(job))  # type: ignore[misc]
    await drained(carry)
    await caught_up(db, log)
    await drained(carry)
    await caught_up(db, log)
    state = (await projected_jobs(db))[new.id]
    assert (state.names, state.edits) == ({"B": "Somebody else"}, CORRECTED)


async def test_redis_lost_before_the_archive_has_it_loses_nothing(
    start: Start, settings: Settings, db: AsyncEngine, ledger: Ledger, log: Log, redis: Redis,
    keys: Keys, artifacts: Artifacts, carry: Carry,
) -> None:  # fmt: skip
    running = start()
    old = await corrected(ledger, artifacts)
    new = await transcribed(ledger, artifacts, AFTER, again_from=old.id)
    await caught_up(db, log)
    await running.stop()
    carrying = asyncio.create_task(drained(carry))
    async with asyncio.timeout(10):
        while (job := await ledger.load(new.id)) is None or job.rev < 15:
            await asyncio.sleep(0.02)
    assert not carrying.done(), "the archive has none of it"
    async for name in redis.scan_iter(f"{keys.base}:*"):
        await redis.unlink(name)
    await recover(settings, "a test")
    start()
    async with asyncio.timeout(30):
        await carrying
    await caught_up(db, log)
    state = (await projected_jobs(db))[new.id]
    assert (state.names, state.edits) == (NAMES, CORRECTED)
    assert len(await history(db, new.id)) == 3


async def test_nothing_comes_of_a_job_that_was_erased_or_not_touched(
    start: Start, db: AsyncEngine, ledger: Ledger, log: Log, artifacts: Artifacts, carry: Carry
) -> None:
    start()
    gone = await corrected(ledger, artifacts)
    await ledger.transition(gone.id, lambda job, _: decide.erase(job))
    first = await transcribed(ledger, artifacts, AFTER, again_from=gone.id)
    plain = await transcribed(ledger, artifacts, BEFORE)
    second = await transcribed(ledger, artifacts, AFTER, again_from=plain.id)
    await caught_up(db, log)
    await drained(carry)
    assert await history(db, first.id) == await history(db, second.id) == []


async def test_projectors_killed_again_and_again_while_they_carry_say_each_thing_once(
    settings: Settings, db: AsyncEngine, ledger: Ledger, log: Log, artifacts: Artifacts
) -> None:
    many = 150
    heard = spoken(*[("S1", f"this is number {n} of them") for n in range(many)])
    old = await transcribed(ledger, artifacts, heard)
    for n in range(many):
        text = f"this is number {n} of those"
        await ledger.transition(old.id, lambda job, _: decide.edit(job, segment=n, text=text))  # noqa: B023
    new = await transcribed(ledger, artifacts, heard, again_from=old.id)
    carried_by = []
    for upto in (1, 40, 90):
        process = await process_of_projector(settings)
        assert process.stderr
        drain = asyncio.create_task(process.stderr.read())
        async with asyncio.timeout(60):
            while len((await newest(ledger, new)).edits) < upto:
                await asyncio.sleep(0.005)
        process.kill()
        await process.wait()
        await drain
        carried_by.append(len((await newest(ledger, new)).edits))
    assert carried_by[0] < many, "none was killed while it carried"
    async with projector(settings):
        async with asyncio.timeout(60):
            while len((await newest(ledger, new)).edits) < many:
                await asyncio.sleep(0.05)
        await caught_up(db, log)
    said = [one.fact for one in await history(db, new.id)]
    assert said == [
        TranscriptEdited(segment=n, text=f"this is number {n} of those") for n in range(many)
    ]


async def newest(ledger: Ledger, job: Job) -> Job:
    found = await ledger.load(job.id)
    assert found is not None
    return found
