"""An error that the script meets, whatever it is, leaves every key as it was, byte for byte."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace
from redis.asyncio import Redis
from redis.exceptions import OutOfMemoryError, ReadOnlyError, ResponseError

from streams.commit import Ledger, Write
from streams.connection import connect
from streams.errors import EventTooLarge, LogInconsistent, LogMissing, SchemaTooNew
from streams.events import Event, Unknown
from streams.keys import Keys
from streams.log import Head, Log
from streams.work import Queue
from tests.streams.audit import audit, snapshot
from tests.streams.commits import attempt, hurt, submitted
from tests.streams.conftest import Server
from tests.streams.story import NOW
from tests.streams.test_scripts import COMMIT, calls

DENIED = "can't run this command|ACL failure in script|no right to "
REQUEUE = {"XRANGE", "ZSCORE"}
"""What only tasks without events make the script do."""
Break = Callable[[Redis, Keys], Awaitable[Any]]
KINDS: dict[str, Callable[[Redis, str], Awaitable[Any]]] = {
    "string": lambda r, key: r.set(key, "x"),
    "list": lambda r, key: r.rpush(key, "x"),
    "set": lambda r, key: r.sadd(key, "x"),
    "hash": lambda r, key: r.hset(key, "x", "x"),
    "zset": lambda r, key: r.zadd(key, {"x": 1}),
    "stream": lambda r, key: r.xadd(key, {"x": "x"}),
}
RIGHT = {
    "log": "stream", "head": "hash", "job": "hash", "queue": "stream", "backlog": "zset",
    "fair": "hash",
}  # fmt: skip


def named(keys: Keys) -> dict[str, str]:
    """The keys of the commit that is tried, as the script's contract calls them."""
    queue, backlog, fair = keys.engine("toy")
    job = keys.job("j")
    return {
        "log": keys.log, "head": keys.head, "job": job, "queue": queue, "backlog": backlog,
        "fair": fair,
    }  # fmt: skip


async def refused(
    redis: Redis, keys: Keys, ledger: Ledger, error: type[Exception], message: str
) -> None:
    """The commit fails in this way and leaves no trace."""
    before = await snapshot(redis, keys)
    with pytest.raises(error, match=message):
        await attempt(ledger)
    assert await snapshot(redis, keys) == before


@pytest.mark.parametrize("name", RIGHT)
async def test_a_key_of_a_wrong_type_changes_nothing(
    redis: Redis, keys: Keys, ledger: Ledger, name: str
) -> None:
    await submitted(ledger)
    key = named(keys)[name]
    for kind in KINDS.keys() - {RIGHT[name]}:
        await redis.delete(key)
        await KINDS[kind](redis, key)
        await refused(redis, keys, ledger, ResponseError, "WRONGTYPE")


async def _empty(redis: Redis, keys: Keys) -> None:
    await redis.xtrim(keys.log, maxlen=0, approximate=False)
    await redis.hset(keys.head, "seq", "2")


BROKEN: dict[str, tuple[Break, type[Exception], str]] = {
    "the head is missing": (
        lambda r, k: r.delete(k.head), LogMissing, "no log here"),
    "the head lacks its epoch": (
        lambda r, k: r.hdel(k.head, "epoch"), LogMissing, "no log here"),
    "the head is behind the log": (
        lambda r, k: r.hset(k.head, "seq", 1), LogInconsistent, "ends at 3-0, the head at 1"),
    "the log was emptied and the head is behind": (
        _empty, LogInconsistent, "the log ends at 3-0"),
    "the state is of a newer version": (
        lambda r, k: r.hset(k.job("j"), "schema", 99), SchemaTooNew, "schema 99"),
    "the backlog holds something strange": (
        lambda r, k: r.zadd(k.backlog("toy"), {"strange": -1e9}), LogInconsistent, "strange"),
    "a task in the backlog has no number for its token": (
        lambda r, k: r.zadd(k.backlog("toy"), {"a|b|c|d": -1e9}), LogInconsistent, "no task"),
    "the backlog holds a line break": (
        lambda r, k: r.zadd(k.backlog("toy"), {"a\r\n+OK\r\n": -1e9}), LogInconsistent, "no task"),
}  # fmt: skip


@pytest.mark.parametrize("name", BROKEN)
async def test_an_error_leaves_every_key_as_it_was(
    redis: Redis, keys: Keys, ledger: Ledger, name: str
) -> None:
    await submitted(ledger)
    breaks, error, message = BROKEN[name]
    await breaks(redis, keys)
    await refused(redis, keys, ledger, error, message)
    assert await redis.ping()


@pytest.mark.parametrize(
    "seq", ["", "x", "-1", "1.5", "1e3", "0x3", " 3", "nan", "inf", str(2**53 - 1), str(2**64)]
)
async def test_a_head_that_is_no_number_changes_nothing(
    redis: Redis, keys: Keys, ledger: Ledger, seq: str
) -> None:
    await submitted(ledger)
    for _ in range(2):  # with a log, and without one to compare it to
        await redis.hset(keys.head, "seq", seq)
        await refused(redis, keys, ledger, LogInconsistent, "the head at")
        await redis.delete(keys.log)


@pytest.mark.parametrize("value", ["nan", "-nan", "inf", "-inf", "1e999", "x", ""])
async def test_fair_times_that_are_no_numbers_are_begun_again(
    redis: Redis, keys: Keys, ledger: Ledger, value: str
) -> None:
    await submitted(ledger)
    await redis.hset(keys.fair("toy"), mapping={"v": value, "t:t": value})
    assert (await attempt(ledger))[0] == b"OK"
    assert await audit(redis, keys) == 4


async def test_without_a_group_all_that_is_queued_counts_as_undelivered(
    redis: Redis, keys: Keys, ledger: Ledger
) -> None:
    await submitted(ledger)
    assert await redis.xinfo_groups(keys.queue("toy")) == []
    assert (await attempt(ledger))[0] == b"OK"
    assert await redis.xlen(keys.queue("toy")) == 2
    assert await redis.zcard(keys.backlog("toy")) == 2


async def test_tasks_wait_behind_a_queue_that_has_given_its_last_id(
    redis: Redis, keys: Keys, ledger: Ledger
) -> None:
    """The one write that can fail, on a queue that somebody spoilt: the commit is whole."""
    last = f"{2**64 - 1}-{2**64 - 1}"
    await redis.xadd(keys.queue("toy"), {"job": "x"}, id=last)
    await redis.xdel(keys.queue("toy"), last)
    await submitted(ledger)
    assert (await attempt(ledger))[0] == b"OK"
    assert await audit(redis, keys) == 4
    assert await redis.zcard(keys.backlog("toy")) == 4
    await redis.delete(keys.queue("toy"))
    await ledger.release("toy")
    assert await redis.xlen(keys.queue("toy")) == 2


async def test_a_deleted_log_goes_on_after_its_head(
    redis: Redis, keys: Keys, ledger: Ledger, log: Log
) -> None:
    """Nothing is lost that is archived; if more was, the broken chain tells the projector."""
    await submitted(ledger)
    await redis.delete(keys.log)
    assert (await attempt(ledger))[0] == b"OK"
    (event,) = await log.read(0)
    assert (event.seq, event.prev) == (4, "e2")


async def test_a_payload_over_the_hard_limit_changes_nothing(
    redis: Redis, keys: Keys, ledger: Ledger
) -> None:
    await submitted(ledger)
    before = await snapshot(redis, keys)
    good = {
        "id": "x", "type": "stage.dreamed", "time": NOW, "job": "j", "rev": 4, "tenant": "t",
        "fact": Unknown(b"{}"),
    }  # fmt: skip
    wide: list[dict[str, Any]] = [
        {"fact": Unknown(b'{"a":"' + b"x" * 65536 + b'"}')},
        {"tenant": "t" * 65536},
        {"id": "i" * 65536},
        {"meta": {"why": "x" * 65536}},
    ]
    for changes in wide:
        huge = Event(**{**good, **changes})
        with pytest.raises(EventTooLarge, match="dreamed is over 65536 bytes"):
            await ledger._send(Write(job_id="j", rev=3, events=(huge,)))
    assert await snapshot(redis, keys) == before


@pytest.mark.parametrize("command", sorted(set(calls(COMMIT))))
async def test_a_right_that_is_missing_changes_nothing(
    own_valkey: Server, own_redis: Redis, keys: Keys, command: str
) -> None:
    """Halfway through it would leave half a commit, for a script is not rolled back."""
    await Log(own_redis, keys).create(Head(0, "", 1))
    await submitted(Ledger(own_redis, keys))
    await own_redis.xtrim(keys.log, maxlen=0, approximate=False)  # then its end is asked for too
    before = await snapshot(own_redis, keys)
    await own_redis.acl_setuser(
        "u", True, passwords=["+p"], keys=["*"], commands=["+@all", f"-{command.lower()}"]
    )
    over = replace(hurt(), state=None)  # so that it sets a time to live
    again = Write(job_id="j", rev=3, again=hurt().events)
    async with connect(own_valkey.url.replace("unix://", "unix://u:p@"), patience=0) as client:
        with pytest.raises(ResponseError, match=DENIED + command):
            await Ledger(client, keys)._send(again if command in REQUEUE else over)
    assert await snapshot(own_redis, keys) == before


@pytest.fixture
async def own_ledger(own_redis: Redis, keys: Keys) -> Ledger:
    """On a server that the test may hurt, with a job under way."""
    await Log(own_redis, keys).create(Head(0, "", 1))
    ledger = Ledger(own_redis, keys)
    await submitted(ledger)
    return ledger


async def test_with_little_memory_a_commit_is_whole_or_is_not(
    own_redis: Redis, keys: Keys, own_ledger: Ledger
) -> None:
    """At every level of memory, from none left to more than the commit takes."""
    outcomes = set()
    rev = 3
    for spare in (-1_000_000, *range(0, 1_500_000, 60_000), 8_000_000):
        used = int((await own_redis.info("memory"))["used_memory"])
        await own_redis.config_set("maxmemory", str(max(1, used + spare)))
        before = await snapshot(own_redis, keys)
        try:
            reply = await attempt(own_ledger, rev, events=16, size=15_000)
        except OutOfMemoryError:
            assert await snapshot(own_redis, keys) == before
            outcomes.add("refused")
        else:
            assert reply[0] == b"OK"
            rev += 16
            outcomes.add("committed")
        assert await audit(own_redis, keys) == rev
    assert outcomes == {"refused", "committed"}


async def test_a_script_that_has_begun_is_let_finish_though_memory_runs_out(
    own_redis: Redis,
) -> None:
    """What commit.lua counts on, at a size that must fill the server up in the middle."""
    source = "#!lua\nfor i = 1, 500 do redis.call('RPUSH', KEYS[1], string.rep('x', 10000)) end"
    used = int((await own_redis.info("memory"))["used_memory"])
    await own_redis.config_set("maxmemory", str(used + 1_000_000))
    await own_redis.eval(source, 1, "list")
    assert await own_redis.llen("list") == 500
    with pytest.raises(OutOfMemoryError):
        await own_redis.eval(source, 1, "list")
    assert await own_redis.llen("list") == 500


async def test_a_full_server_still_lets_leases_live_and_tasks_be_taken(
    own_redis: Redis, keys: Keys, own_ledger: Ledger
) -> None:
    queue = Queue(own_redis, own_ledger, "toy")
    await queue.create()
    first = await queue.take("o", block_ms=50)
    assert first is not None
    await own_redis.config_set("maxmemory", "1")
    with pytest.raises(OutOfMemoryError):
        await attempt(own_ledger)
    await asyncio.sleep(0.2)
    assert await queue.lost(0.2) == [first]
    await queue.renew("o", first)
    assert await queue.lost(0.2) == []
    second = await queue.take("o", block_ms=50)
    assert second is not None
    assert await queue.forget("p") is True
    assert await queue.held("o") == [first, second]
    await own_redis.config_set("maxmemory", "0")
    assert (await attempt(own_ledger))[0] == b"OK"


async def _replica(redis: Redis) -> None:
    await redis.replicaof("127.0.0.1", 1)


async def _alone(redis: Redis) -> None:
    await redis.config_set("min-replicas-to-write", "1")


async def _no_disk(redis: Redis) -> None:
    """Where the snapshot is to be renamed to, a folder stands in the way."""
    where: Any = await redis.config_get("dir")
    await asyncio.to_thread((Path(where["dir"]) / "dump.rdb" / "x").mkdir, parents=True)
    await redis.config_set("save", "3600 1")
    await redis.bgsave()
    while (await redis.info("persistence"))["rdb_last_bgsave_status"] == "ok":
        await asyncio.sleep(0.05)


UNWELL: dict[str, tuple[Callable[[Redis], Awaitable[Any]], type[Exception], str]] = {
    "a replica": (_replica, ReadOnlyError, "read only replica"),
    "without its replicas": (_alone, ResponseError, "NOREPLICAS"),
    "without its disk": (_no_disk, ResponseError, "MISCONF"),
}


@pytest.mark.parametrize("name", UNWELL)
async def test_a_server_that_cannot_write_now_changes_nothing(
    own_valkey: Server, own_redis: Redis, keys: Keys, own_ledger: Ledger, name: str
) -> None:
    hurts, error, message = UNWELL[name]
    async with connect(own_valkey.url, patience=0) as client:
        await client.ping()  # then the client has no reason to ask how the server is
        before = await snapshot(own_redis, keys)
        await hurts(own_redis)
        with pytest.raises(error, match=message):
            await attempt(Ledger(client, keys))
        assert await snapshot(own_redis, keys) == before


async def test_scripts_that_are_flushed_all_the_time_are_sent_again(
    redis: Redis, keys: Keys, ledger: Ledger
) -> None:
    await submitted(ledger)
    queue = Queue(redis, ledger, "toy")
    await queue.create()

    async def flush() -> None:
        for _ in range(100):
            await redis.script_flush()

    async def write() -> None:
        for rev in range(3, 53):
            assert (await attempt(ledger, rev))[0] == b"OK"
            assert await queue.forget("nobody") is True

    await asyncio.gather(flush(), write())
    assert await audit(redis, keys) == 53
