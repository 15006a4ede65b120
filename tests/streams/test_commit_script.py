"""commit.lua against its twin, step by step, and against every way to go wrong."""

import random
import re
from collections.abc import Awaitable, Callable
from importlib.resources import files
from typing import Any

import pytest
from msgspec.structs import replace
from redis.asyncio import Redis
from redis.exceptions import OutOfMemoryError, ResponseError

from streams import job as jobs
from streams.commit import Ledger, Ticket, Write
from streams.errors import EventTooLarge, LogInconsistent, LogMissing, SchemaTooNew, StreamsError
from streams.events import (
    AnyFact,
    Event,
    StageProgressed,
    StageReady,
    StageStarted,
    Unknown,
    decode_fact,
    type_of,
)
from streams.keys import Keys
from streams.log import Head, Log
from streams.testing import MemoryLedger, MemoryQueue
from streams.work import Queue
from tests.streams.story import NOW, Story

SOURCE = files("streams").joinpath("commit.lua").read_text()
READS = {
    "TIME",
    "HMGET",
    "HGET",
    "XREVRANGE",
    "EXISTS",
    "XINFO",
    "XPENDING",
    "XRANGE",
    "ZSCORE",
    "ZRANGE",
    "ZCARD",
}
WRITES = {"XADD", "HSET", "PEXPIRE", "XACK", "XDEL", "ZADD", "ZREM", "DEL"}
ENGINES = ("e0", "e1", "e2")


async def snapshot(redis: Redis, keys: Keys) -> dict[bytes, bytes | None]:
    """Every key of a test and all that it holds."""
    found = [key async for key in redis.scan_iter(match=f"{keys.base}*", count=1000)]
    return {key: await redis.dump(key) for key in sorted(found)}


def test_no_write_precedes_a_read() -> None:
    calls = re.findall(r"redis\.p?call\('(\w+)'", SOURCE)
    assert set(calls) == READS | WRITES
    first_write = next(n for n, name in enumerate(calls) if name in WRITES)
    assert set(calls[first_write:]) <= WRITES
    assert "error" not in SOURCE.partition("-- writes ---")[2], "nothing is refused after a write"


def test_every_key_is_among_the_keys() -> None:
    used = set(re.findall(r"redis\.p?call\('\w+', ([^,)\s]+(?:\[[^\]]+\](?:\.\w+)?)?)", SOURCE))
    plans = {"plan.queue", "plan.backlog", "plan.fair", "plans[done.engine].queue"}
    assert used == {
        "KEYS[1]", "KEYS[2]", "KEYS[3]", "'STREAM'", "queue", "backlog", "fair", *plans,
    }  # fmt: skip
    assert "redis.call('XINFO', 'STREAM', KEYS[1])" in SOURCE
    assert "queue, backlog, fair = KEYS[3 * i + 1], KEYS[3 * i + 2], KEYS[3 * i + 3]" in SOURCE


class Pair:
    """The real script and its twin, told the same, and a record of what they were told."""

    def __init__(self, redis: Redis, keys: Keys, chance: random.Random) -> None:
        self.redis = redis
        self.keys = keys
        self.real = Ledger(redis, keys)
        self.twin = MemoryLedger()
        self.queues = {
            name: (Queue(redis, self.real, name), MemoryQueue(self.twin, name)) for name in ENGINES
        }
        self.chance = chance
        self.revs = {f"j{n}": 0 for n in range(4)}
        self.told: list[Write] = []
        self.taken: list[tuple[Ticket, Ticket]] = []
        self.count = 0

    def fact(self) -> AnyFact:
        engine = self.chance.choice(ENGINES)
        self.count += 1
        stage = f"s{self.count}"
        match self.chance.randrange(4):
            case 0:
                return StageProgressed(stage=stage, token=1, fraction=0.5)
            case 1:
                return StageStarted(stage=stage, token=1, engine=engine, owner="o")
            case _:
                cost = float(self.chance.randint(1, 40))
                priority = self.chance.choice([0, 0, 0, 1, -1])
                return StageReady(stage=stage, token=1, engine=engine, cost=cost, priority=priority)

    def commit(self) -> Write:
        """A commit, of the right revision four times out of five."""
        job = self.chance.choice(list(self.revs))
        off = self.chance.choice([0, 0, 0, 0, self.chance.choice([-2, -1, 1, 5])])
        rev = max(0, self.revs[job] + off)
        tenant = self.chance.choice(["t0", "t1", "t|2"])
        facts = [self.fact() for _ in range(self.chance.randint(1, 4))]
        events = tuple(
            Event(
                id=f"{job}-{self.count}-{n}", type=type_of(fact), time=NOW, job=job,
                rev=rev + 1 + n, tenant=tenant, fact=fact, meta={"by": "test"} if n else {},
            )
            for n, fact in enumerate(facts)
        )  # fmt: skip
        settled = self.settled(0.3)
        state = replace(Story().job, id=job, rev=rev + len(events))
        return Write(job_id=job, rev=rev, state=state, events=events, settled=settled)

    def settled(self, likely: float) -> tuple[Ticket, ...]:
        """Real tickets; `twinned` gives the twin's."""
        if not self.taken or self.chance.random() > likely:
            return ()
        return (self.chance.choice(self.taken)[0],)

    def twinned(self, write: Write) -> Write:
        twin_of = dict(self.taken)
        return replace(write, settled=tuple(twin_of[ticket] for ticket in write.settled))

    async def tell(self, write: Write) -> None:
        """Both get the same and must answer the same."""
        real = await self.real._send(write)
        twin = await self.twin._send(self.twinned(write))
        assert real[:3] == twin[:3]
        if write.events and real[0] == b"OK":
            self.revs[write.job_id] = max(self.revs[write.job_id], int(real[1]))
        self.told.append(write)

    async def tell_again(self) -> None:
        """The last command once more: it changes nothing."""
        if not self.told:
            return
        write = self.told[-1]
        before = await snapshot(self.redis, self.keys)
        await self.tell(write)
        if write.events:
            assert await snapshot(self.redis, self.keys) == before, "told twice"

    async def take(self) -> None:
        """Both give the same task, or none."""
        real, twin = self.queues[self.chance.choice(ENGINES)]
        got, same = await real.take("o", block_ms=1), await twin.take("o", block_ms=1)
        assert (got is None) == (same is None)
        if got and same:
            assert replace(got, entry="") == replace(same, entry="")
            self.taken.append((got, same))

    async def compare(self) -> None:
        """All that the keys hold is what the twin holds."""
        entries: Any = await self.redis.xrange(self.keys.log)
        seen = [
            (e, f[b"id"], f[b"prev"], f[b"job"], int(f[b"rev"]), f[b"tenant"], f[b"epoch"],
             decode_fact(f[b"type"].decode(), f[b"data"]), f[b"meta"])
            for e, f in entries
        ]  # fmt: skip
        assert seen == [
            (f"{e.seq}-0".encode(), e.id.encode(), e.prev.encode(), e.job.encode(), e.rev,
             e.tenant.encode(), b"1", e.fact, b'{"by":"test"}' if e.meta else b"{}")
            for e in self.twin.log
        ]  # fmt: skip
        head = await Log(self.redis, self.keys).head()
        assert head is not None
        assert head.seq == len(self.twin.log)
        for job in self.revs:
            held: Any = await self.redis.hmget(self.keys.job(job), "rev", "state", "last")
            kept = self.twin.jobs.get(job)
            assert held == (
                [str(kept.rev).encode(), kept.state, kept.last.encode()] if kept else [None] * 3
            )
        for engine in ENGINES:
            await self.compare_line(engine)

    async def compare_line(self, engine: str) -> None:
        line = self.twin.line(engine)
        backlog: Any = await self.redis.zrange(self.keys.backlog(engine), 0, -1, withscores=True)
        assert {member.decode(): score for member, score in backlog} == line.backlog
        stream: Any = await self.redis.xrange(self.keys.queue(engine))
        waiting = [*line.taken.values(), *line.waiting.values()]
        assert [f[b"stage"].decode() for _, f in stream] == [t.stage for t in sorted(
            waiting, key=lambda ticket: int(ticket.entry.partition("-")[0])
        )]  # fmt: skip
        fair: Any = await self.redis.hgetall(self.keys.fair(engine))
        ends = {k.decode()[2:]: float(v) for k, v in fair.items() if k != b"v"}
        assert ends == line.ends
        assert float(fair.get(b"v", 0)) == line.v


@pytest.mark.parametrize("seed", range(12))
async def test_the_script_and_its_twin_never_differ(
    redis: Redis, keys: Keys, log: Log, seed: int
) -> None:
    chance = random.Random(seed)
    pair = Pair(redis, keys, chance)
    for real, _ in pair.queues.values():
        await real.create()
    for _ in range(120):
        match chance.randrange(10):
            case 0 | 1 | 2 | 3 | 4:
                await pair.tell(pair.commit())
            case 5 | 6:
                await pair.take()
            case 7:
                await pair.tell(Write(settled=pair.settled(1)))
            case 8:
                await pair.tell(Write(engines=(chance.choice(ENGINES),)))
            case _:
                await pair.tell_again()
        if chance.random() < 0.2:
            await pair.compare()
    await pair.compare()


async def test_a_conflict_carries_the_state_and_changes_nothing(
    redis: Redis, keys: Keys, log: Log
) -> None:
    pair = Pair(redis, keys, random.Random(1))
    first = pair.commit()
    first = replace(first, rev=0)
    await pair.tell(first)
    before = await snapshot(redis, keys)
    late = replace(pair.commit(), job_id=first.job_id, rev=0, settled=())
    status, rev, state, *_ = await pair.real._send(late)
    assert (status, rev) == (b"CONFLICT", len(first.events))
    assert jobs.decode(state) == first.state
    assert await snapshot(redis, keys) == before


async def _put(redis: Redis, key: str, value: str) -> None:
    await redis.delete(key)
    await redis.set(key, value)


async def _empty(redis: Redis, keys: Keys) -> None:
    await redis.xtrim(keys.log, maxlen=0, approximate=False)
    await redis.hset(keys.head, "seq", "2")


Break = Callable[[Redis, Keys], Awaitable[Any]]
BROKEN: dict[str, tuple[Break, type[Exception], str]] = {
    "the log is a string": (
        lambda r, k: r.set(k.log, "x"), ResponseError, "WRONGTYPE"),
    "the head is a string": (
        lambda r, k: _put(r, k.head, "x"), ResponseError, "WRONGTYPE"),
    "the head is missing": (
        lambda r, k: r.delete(k.head), LogMissing, "no log here"),
    "the head lacks its epoch": (
        lambda r, k: r.hdel(k.head, "epoch"), LogMissing, "no log here"),
    "the head is behind the log": (
        lambda r, k: r.hset(k.head, "seq", 1), LogInconsistent, "ends at 3-0, the head at 1"),
    "the log was emptied and the head is behind": (
        _empty, LogInconsistent, "the log ends at 3-0"),
    "the job is a string": (
        lambda r, k: _put(r, k.job("j"), "x"), ResponseError, "WRONGTYPE"),
    "the state is of a newer version": (
        lambda r, k: r.hset(k.job("j"), "schema", 99), SchemaTooNew, "schema 99"),
    "the queue is a string": (
        lambda r, k: _put(r, k.queue("toy"), "x"), ResponseError, "WRONGTYPE"),
    "the backlog is a string": (
        lambda r, k: _put(r, k.backlog("toy"), "x"), ResponseError, "WRONGTYPE"),
    "the fair key is a string": (
        lambda r, k: _put(r, k.fair("toy"), "x"), ResponseError, "WRONGTYPE"),
    "the backlog holds something strange": (
        lambda r, k: r.zadd(k.backlog("toy"), {"strange": -1e9}), LogInconsistent, "strange"),
}  # fmt: skip


def attempt(ledger: Ledger, token: int = 2) -> Awaitable[list[Any]]:
    """A commit that touches every key: an event, a task, a settled entry."""
    ready = StageReady(stage="only", token=token, engine="toy", cost=1.0)
    event = Event(
        id=f"x{token}", type="stage.ready", time=NOW, job="j", rev=4, tenant="t", fact=ready
    )
    ticket = Ticket("toy", "1-1", "j", "only", 1)
    return ledger._send(
        Write(job_id="j", rev=3, state=Story().job, events=(event,), settled=(ticket,))
    )


async def submitted(ledger: Ledger) -> None:
    """Job j with three events, and more tasks than the queue takes at once."""
    for n in range(4):
        event = Event(
            id=f"e{n}", type="stage.ready", time=NOW, job="j", rev=n + 1, tenant="t",
            fact=StageReady(stage=f"s{n}", token=1, engine="toy", cost=1.0),
        )  # fmt: skip
        if n < 3:
            await ledger._send(Write(job_id="j", rev=n, state=Story().job, events=(event,)))


@pytest.mark.parametrize("name", BROKEN)
async def test_an_error_leaves_every_key_as_it_was(
    redis: Redis, keys: Keys, ledger: Ledger, name: str
) -> None:
    await submitted(ledger)
    breaks, error, message = BROKEN[name]
    await breaks(redis, keys)
    before = await snapshot(redis, keys)
    with pytest.raises(error, match=message):
        await attempt(ledger)
    assert await snapshot(redis, keys) == before


async def test_a_payload_over_the_hard_limit_changes_nothing(
    redis: Redis, keys: Keys, ledger: Ledger
) -> None:
    await submitted(ledger)
    before = await snapshot(redis, keys)
    huge = Event(
        id="x", type="stage.dreamed", time=NOW, job="j", rev=4, tenant="t",
        fact=Unknown(b'{"a":"' + b"x" * 65536 + b'"}'),
    )  # fmt: skip
    with pytest.raises(EventTooLarge, match="dreamed is over 65536 bytes"):
        await ledger._send(Write(job_id="j", rev=3, events=(huge,)))
    assert await snapshot(redis, keys) == before


@pytest.mark.parametrize("entry", ["", "abc", "1", "1-x", "-1-1", "1-99999999999999999999"])
async def test_an_entry_id_that_is_none_changes_nothing(
    redis: Redis, keys: Keys, ledger: Ledger, entry: str
) -> None:
    await submitted(ledger)
    before = await snapshot(redis, keys)
    with pytest.raises(ResponseError, match="an entry id that is none"):
        await ledger.settle(Ticket("toy", entry, "j", "only", 1))
    assert await snapshot(redis, keys) == before


async def test_an_engine_without_keys_changes_nothing(
    redis: Redis, keys: Keys, ledger: Ledger
) -> None:
    await submitted(ledger)
    before = await snapshot(redis, keys)
    args = [1, "j", 3, b"", 0, 0, 2, 0, 0, 1, 2, "1-1"]
    with pytest.raises(ResponseError, match="an engine without keys"):
        await ledger._commit([keys.log, keys.head, keys.job("j"), *keys.engine("toy")], args)
    assert await snapshot(redis, keys) == before


async def test_a_script_that_the_server_has_forgotten_is_sent_again(
    redis: Redis, ledger: Ledger, log: Log
) -> None:
    await submitted(ledger)
    await redis.script_flush()
    assert (await attempt(ledger))[0] == b"OK"
    head = await log.head()
    assert head is not None
    assert head.seq == 4


async def test_a_log_that_was_trimmed_to_nothing_goes_on(
    redis: Redis, keys: Keys, ledger: Ledger, log: Log
) -> None:
    await submitted(ledger)
    await log.trim(below=4)
    assert await log.first() is None
    assert (await attempt(ledger))[0] == b"OK"
    assert [e.seq for e in await log.read(0)] == [4]


async def test_a_log_goes_on_after_the_head_that_it_was_begun_with(
    redis: Redis, keys: Keys
) -> None:
    log = Log(redis, keys)
    assert await log.create(Head(41, "before", 3)) is True
    assert await log.create(Head(0, "", 1)) is False
    ready = StageReady(stage="s", token=1, engine="toy", cost=1.0)
    event = Event(id="e", type="stage.ready", time=NOW, job="j", rev=1, tenant="t", fact=ready)
    await Ledger(redis, keys)._send(Write(job_id="j", events=(event,)))
    (found,) = await log.read(0)
    assert (found.seq, found.prev, found.epoch) == (42, "before", 3)


async def test_a_full_server_changes_nothing_and_says_so(own_redis: Redis, keys: Keys) -> None:
    await Log(own_redis, keys).create(Head(0, "", 1))
    ledger = Ledger(own_redis, keys)
    await submitted(ledger)
    before = await snapshot(own_redis, keys)
    await own_redis.config_set("maxmemory", "1")
    with pytest.raises(OutOfMemoryError):
        await attempt(ledger)
    await own_redis.config_set("maxmemory", "0")
    assert await snapshot(own_redis, keys) == before
    assert (await attempt(ledger))[0] == b"OK"


@pytest.mark.parametrize("error", [LogMissing, SchemaTooNew, LogInconsistent, EventTooLarge])
def test_errors_say_how_to_mend_them(error: type[StreamsError]) -> None:
    assert error.__doc__
    assert ":" in error.__doc__ or ";" in error.__doc__
