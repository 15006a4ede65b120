"""Arguments that no writer of ours sends: refused without a trace, or a whole commit."""

import os
import random
from collections.abc import Iterator
from typing import Any

import pytest
from redis.asyncio import Redis
from redis.exceptions import ResponseError

from streams.commit import Ledger, Write
from streams.errors import StreamsError
from streams.keys import Keys
from streams.log import Head, Log
from tests.streams.audit import audit, snapshot
from tests.streams.commits import hurt, submitted

SHORT = bool(os.environ.get("DALSTON_SHORT"))
STRANGE: list[Any] = [
    "", "0", "1", "2", "-1", "1.5", "1e3", "1e400", "0x10", " 1", "nan", "-nan", "inf", "-inf",
    2**31, 2**53 - 1, 2**53, 2**63, 2**64, "9" * 40, "x", "\r\n", "\0", b"\xff\xfe", "|||",
    "a|b|c|d", "a|b|1|c", "x" * 70_000, "1-1", "0-0", "18446744073709551615-1",
    "99999999999999999999-1",
]  # fmt: skip
PLACES = {
    "schema": 0, "rev": 2, "until": 4, "ttl": -19, "ended": -18, "window": -17, "events": -16,
    "tasks": -9,
    "cost": -5, "boost": -4, "settled": -3, "engine": -2, "entry": -1,
}  # fmt: skip


def arguments(rev: int) -> list[Any]:
    """Valid ones, of the commit that touches every key."""
    return hurt(rev).arguments(["toy"])


def broken(args: list[Any], chance: random.Random) -> list[Any]:
    """The same with up to three of them changed, gone, doubled or moved."""
    args = list(args)
    for _ in range(chance.randint(1, 3)):
        at = chance.randrange(len(args))
        match chance.randrange(8):
            case 0:
                del args[at]
            case 1:
                args.insert(at, chance.choice(STRANGE))
            case 2:
                args = args[:at] or args
            case 3:
                other = chance.randrange(len(args))
                args[at], args[other] = args[other], args[at]
            case _:
                args[at] = chance.choice(STRANGE)
    return [*args[:1], "j", *args[2:]]  # whose key is among KEYS is the caller's word


async def survives(redis: Redis, keys: Keys, ledger: Ledger, args: list[Any]) -> bool:
    """Whether the script takes them: then the commit is whole, and otherwise nothing changed."""
    names = [keys.log, keys.head, keys.job("j"), *keys.engine("toy")]
    before = await snapshot(redis, keys)
    try:
        reply = await ledger._commit(names, args)
    except (ResponseError, StreamsError):
        reply = [b"CONFLICT"]
    if reply[0] == b"CONFLICT":
        assert await snapshot(redis, keys) == before, args
        return False
    await audit(redis, keys)
    return True


async def mend(redis: Redis, keys: Keys) -> None:
    """The job's key as the next commit needs it."""
    await redis.persist(keys.job("j"))
    await redis.hset(keys.job("j"), "schema", "1")


def _each() -> Iterator[tuple[str, Any]]:
    for place in PLACES:
        for value in STRANGE:
            yield place, value


async def test_every_number_may_be_anything(redis: Redis, keys: Keys, ledger: Ledger) -> None:
    await submitted(ledger)
    taken = set()
    for place, value in _each():
        rev = int(await redis.hget(keys.job("j"), "rev") or 0)
        args = arguments(rev)
        args[PLACES[place]] = value
        if await survives(redis, keys, ledger, args):
            taken.add((place, value))
        await mend(redis, keys)
    assert ("ttl", 2**53 - 1) in taken
    assert ("cost", "1e3") in taken
    assert not {("cost", "nan"), ("cost", "inf"), ("cost", "-1"), ("boost", "-inf")} & taken
    assert not {("rev", "nan"), ("ttl", 2**63), ("ttl", "-1"), ("settled", "2")} & taken


async def fuzz(redis: Redis, keys: Keys, ledger: Ledger, chance: random.Random, runs: int) -> None:
    taken = 0
    for _ in range(runs):
        rev = int(await redis.hget(keys.job("j"), "rev") or 0)
        taken += await survives(redis, keys, ledger, broken(arguments(rev), chance))
        await mend(redis, keys)
    assert 0 < taken < runs


async def test_broken_arguments_leave_no_trace(redis: Redis, keys: Keys, ledger: Ledger) -> None:
    await submitted(ledger)
    await fuzz(redis, keys, ledger, random.Random(1), 200)


@pytest.mark.faults
@pytest.mark.timeout(3600)
async def test_broken_arguments_leave_no_trace_for_long(redis: Redis, key_prefix: str) -> None:
    for seed in range(2, 3 if SHORT else 40):
        keys = Keys(f"{key_prefix}-{seed}")
        await Log(redis, keys).create(Head(0, "", 1))
        ledger = Ledger(redis, keys)
        await submitted(ledger)
        await fuzz(redis, keys, ledger, random.Random(seed), 500)


async def test_an_engine_without_keys_changes_nothing(
    redis: Redis, keys: Keys, ledger: Ledger
) -> None:
    await submitted(ledger)
    before = await snapshot(redis, keys)
    args = arguments(3)
    args[PLACES["engine"]] = 2
    with pytest.raises(ResponseError, match="MALFORMED an engine without keys"):
        await ledger._commit([keys.log, keys.head, keys.job("j"), *keys.engine("toy")], args)
    assert await snapshot(redis, keys) == before


async def test_what_is_malformed_is_named(redis: Redis, keys: Keys, ledger: Ledger) -> None:
    await submitted(ledger)
    names = [keys.log, keys.head, keys.job("j"), *keys.engine("toy")]
    for place, words in {
        "schema": "schema is no whole number", "rev": "rev is no whole", "ttl": "ttl is no whole",
        "window": "window is no", "events": "number of events", "cost": "cost is out of range",
        "boost": "boost is out of range", "entry": "an entry id that is none",
    }.items():  # fmt: skip
        args = arguments(3)
        args[PLACES[place]] = "nan"
        with pytest.raises(ResponseError, match=f"MALFORMED {words}"):
            await ledger._commit(names, args)
    assert await ledger._send(Write()) is not None
