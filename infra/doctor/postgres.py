"""Postgres: there, its schema up to date, the projection close behind the log."""

import asyncio

from redis.asyncio import Redis
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from infra.doctor import clock
from infra.doctor.finding import Finding, fail, ok, warn
from projector import database, queries, roles
from projector.analytics import reading
from streams.errors import UnreadableEvent
from streams.events import FACTS
from streams.keys import Keys
from streams.log import Head, Log
from streams.settings import Settings

OLDEST = 150000
FAR = 1000
LOOK_S = 1.5
SKIPPED = text("SELECT type, count AS times FROM unknown_events")


async def examine(engine: AsyncEngine, redis: Redis, settings: Settings) -> list[Finding]:
    """All about the server and the projection in it."""
    async with engine.connect() as connection:
        number = int(await connection.scalar(text("SHOW server_version_num")) or 0)
        now = await connection.scalar(text("SELECT clock_timestamp()"))
    assert now is not None
    name = f"{number // 10000}.{number % 10000}"
    server = (
        ok("postgres", name)
        if number >= OLDEST
        else warn("postgres", f"{name} is not tested", "use Postgres 15 or newer")
    )
    findings = [server, clock.compare("postgres clock", now), await schema(engine)]
    if findings[-1].level == "ok":
        findings.append(await lag(engine, redis, settings))
        findings += await skipped(engine)
        findings.append(await asking(engine))
    return findings


async def schema(engine: AsyncEngine) -> Finding:
    """Whether the migrations have run."""
    found = await database.version(engine)
    if found == database.HEAD:
        return ok("schema", f"migration {found}")
    if found and found > database.HEAD:
        return ok("schema", f"migration {found}, of a newer version; this one works with it")
    detail = f"migration {found}, not {database.HEAD}" if found else "no tables yet"
    return fail("schema", detail, "start the projector of this version: it migrates by itself")


async def skipped(engine: AsyncEngine) -> list[Finding]:
    """Events that an older version passed over, though this one can fold them; hardly ever any."""
    async with engine.connect() as connection:
        rows = (await connection.execute(SKIPPED)).all()
    known = {row.type: int(row.times) for row in rows if row.type in FACTS}
    if not known:
        return []
    detail = f"{sum(known.values())} events were passed over: {', '.join(sorted(known))}"
    cure = "an older version did not know them: `dalston rebuild` folds them now"
    return [warn("projection", detail, cure)]


async def asking(engine: AsyncEngine) -> Finding:
    """Whether SQL may be asked, as a role that can do nothing else."""
    async with engine.connect() as connection:
        driver = await database.raw(connection)
        why = await reading.trouble(driver)
        reader = (await roles.names(driver)).reader
    if why:
        cure = "docs/analytics.md says what a superuser of Postgres has to do; all else works"
        return warn("sql", f"off: {why}", cure)
    return ok("sql", f"asked as {reader}")


async def lag(engine: AsyncEngine, redis: Redis, settings: Settings) -> Finding:
    """How far the projection is behind the log; when it is, whether it moves."""
    log = Log(redis, Keys(settings.key_prefix, settings.partition))
    head, at = await log.head(), await checkpoint(engine)
    if head is None:
        return warn("projector", f"it stands at seq {at.seq}; there is no log", "dalston recover")
    if at.epoch != head.epoch or at.seq > head.seq:
        detail = f"archive at seq {at.seq} of epoch {at.epoch}, log at {describe(head)}"
        cure = "Redis lost events: the projector puts it right; if it does not, `dalston recover`"
        return fail("projector", detail, cure)
    behind = head.seq - at.seq
    if not behind:
        return ok("projector", f"at seq {at.seq}, nothing behind")
    await asyncio.sleep(LOOK_S)
    moved = (await checkpoint(engine)).seq - at.seq
    if not moved:
        try:
            await log.read(at.seq, count=1)
        except UnreadableEvent as error:
            detail, _, cure = str(error).partition("; ")
            return fail("projector", f"{behind} events behind: {detail}", cure)
        cure = "is it running? its log and /readyz say what it waits for"
        return fail("projector", f"{behind} events behind, and it does not move", cure)
    detail = f"was {behind} events behind, took in {moved} in {LOOK_S} s"
    return warn("projector", detail, "wait") if behind > FAR else ok("projector", detail)


async def checkpoint(engine: AsyncEngine) -> queries.Checkpoint:
    """Where the projection stands."""
    async with engine.connect() as connection:
        return await queries.checkpoint(connection)


def describe(head: Head) -> str:
    """The end of the log in words."""
    return f"seq {head.seq} of epoch {head.epoch}"
