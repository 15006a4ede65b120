"""Names and corrections: found by search, gone with their job, the same after a rebuild."""

from functools import partial

from redis.asyncio import Redis
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from projector.erasure import Eraser
from projector.index import Index
from projector.rebuild import rebuild
from streams import decide
from streams.artifacts import Artifacts
from streams.commit import Ledger
from streams.events import Heard
from streams.job import Job
from streams.keys import Keys
from streams.log import Log
from streams.settings import Settings
from tests.projector.conftest import Start, archived_jobs, caught_up, projected_jobs
from tests.projector.test_effects import (
    artifacts,
    drained,
    eraser,
    found,
    holders,
    index,
    objects,
    transcribed,
)

__all__ = ["artifacts", "eraser", "index", "objects"]
OVERHEARD = "Rotznase"
CORRECTED = "The quick brown Zweibelfox, said Rosalind."


async def heard(ledger: Ledger, artifacts: Artifacts) -> Job:
    """A job as `transcribed`, whose engine told what it heard on the way."""
    telling = Heard(start=0.0, end=1.0, text=OVERHEARD)
    hear = partial(decide.hear, stage="transcribe", token=1, first=0, segments=(telling,))
    return await transcribed(ledger, artifacts, on_the_way={"transcribe": lambda job, _: hear(job)})


async def corrected(ledger: Ledger, artifacts: Artifacts) -> Job:
    job = await heard(ledger, artifacts)
    await ledger.transition(job.id, lambda job, _: decide.edit(job, segment=0, text=CORRECTED))
    done = await ledger.transition(
        job.id,
        lambda job, _: decide.rename(job, speaker="s1", name="Xaver\x00 Kowalski"),
        meta={"by": "Quintus"},
    )
    assert done.job
    return done.job


async def test_what_was_corrected_is_found_and_what_was_replaced_is_not(
    start: Start, settings: Settings, db: AsyncEngine, ledger: Ledger, log: Log,
    artifacts: Artifacts, index: Index,
) -> None:  # fmt: skip
    start()
    job = await corrected(ledger, artifacts)
    await caught_up(db, log)
    await drained(index)
    (hit,) = await found(db, "zweibelfox")
    assert (hit.text, hit.speaker, hit.start) == (CORRECTED, "Xaver  Kowalski", 0.0)
    assert await found(db, "Rosebud") == []
    assert [hit.start for hit in await found(db, "fox")] == [4.0]
    assert (await rebuild(settings)).same
    assert (await found(db, "zweibelfox"))[0] == hit, "a rebuild leaves the index as it was"
    await ledger.transition(job.id, lambda job, _: decide.edit(job, segment=0, text=None))
    await ledger.transition(job.id, lambda job, _: decide.rename(job, speaker="s1", name=""))
    await caught_up(db, log)
    await drained(index)
    assert await found(db, "zweibelfox") == []
    assert [hit.speaker for hit in await found(db, "Rosebud")] == ["Ann"]


async def test_many_corrections_in_a_row_are_indexed_once(
    start: Start, db: AsyncEngine, ledger: Ledger, log: Log, artifacts: Artifacts, index: Index
) -> None:
    start()
    job = await transcribed(ledger, artifacts)
    for n in range(30):
        turn = partial(decide.edit, segment=1, text=f"turn {n}")
        await ledger.transition(job.id, lambda job, _: turn(job))  # noqa: B023 - at once
    await caught_up(db, log)
    async with db.connect() as c:
        before = await c.scalar(text("SELECT txid_current()"))
        await drained(index)
        after = await c.scalar(text("SELECT txid_current()"))
    assert [hit.text for hit in await found(db, "turn")] == ["turn 29"]
    assert after - before < 12, "the rows were written for each of them"


async def test_after_erasure_nothing_holds_a_name_or_a_corrected_word_or_one_heard_on_the_way(
    start: Start, settings: Settings, db: AsyncEngine, redis: Redis, keys: Keys, ledger: Ledger,
    log: Log, artifacts: Artifacts, index: Index, eraser: Eraser,
) -> None:  # fmt: skip
    start()
    job = await corrected(ledger, artifacts)
    await caught_up(db, log)
    await drained(index)
    words = ["Zweibelfox", "Rosalind", "Xaver", "Quintus", OVERHEARD]
    assert await holders(redis, keys, db, artifacts, words)
    await ledger.transition(job.id, lambda job, _: decide.erase(job))
    await caught_up(db, log)
    await drained(eraser)
    await drained(index)
    assert await holders(redis, keys, db, artifacts, words) == []
    assert await archived_jobs(db) == await projected_jobs(db)
    assert (await rebuild(settings)).same
