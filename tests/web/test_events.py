"""The live log: over websockets and SSE nothing is missing, nothing comes twice."""

import asyncio
import secrets
import socket
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import asyncpg
import msgspec
import pytest
from redis.asyncio import Redis
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidStatus

from projector import queries
from projector.recover import recover
from streams.events import EngineRegistered, Event
from streams.ids import new_id
from streams.job import Job, evolve, fold
from streams.settings import Settings
from tests.web.conftest import Served, post, serving, settled, until
from tests.web.driver import Driver
from web.settings import WebSettings
from web.views import JobView, job_view

Json = dict[str, Any]


@asynccontextmanager
async def following(served: Served, query: str = "", **how: Any) -> AsyncIterator[ClientConnection]:
    """A socket on the log."""
    async with connect(f"{served.socket_url}?{query}", proxy=None, **how) as found:
        yield found


async def message(reader: ClientConnection, seconds: float = 10) -> Json:
    """The next message."""
    async with asyncio.timeout(seconds):
        found: Json = msgspec.json.decode(await reader.recv())
    return found


async def upto(reader: ClientConnection, seq: int) -> list[Json]:
    """All messages up to the event of that seq."""
    messages: list[Json] = []
    while not messages or messages[-1].get("event", {}).get("seq", 0) < seq:
        messages.append(await message(reader))
    return messages


async def close_code(reader: ClientConnection) -> int:
    """Read until the server closes; its code."""
    with pytest.raises(ConnectionClosed) as closed:
        await read_on(reader)
    assert closed.value.rcvd is not None
    return closed.value.rcvd.code


async def read_on(reader: ClientConnection) -> None:
    """Read until something is raised."""
    while True:
        await message(reader)


def seqs(messages: list[Json]) -> list[int]:
    """The seqs of the events among messages."""
    return [one["event"]["seq"] for one in messages if one["type"] == "event"]


async def head(served: Served) -> int:
    """The seq of the last event."""
    found = await served.web.backends.log.head()
    assert found is not None
    return found.seq


async def archive(served: Served) -> list[Event]:
    """Every archived event."""
    await settled(served)
    async with served.web.backends.reading() as connection:
        return await queries.events(connection, limit=100_000)


async def test_a_snapshot_and_what_follows_fold_to_the_projection(
    served: Served, driver: Driver
) -> None:
    done, running = await post(served), await post(served)
    await driver.complete(done)
    await driver.run(running, "prepare")
    async with following(served) as reader:
        snapshot = await message(reader)
        assert snapshot["type"] == "snapshot"
        third = await post(served)
        await driver.run(running, "transcribe")
        await driver.fail(third, "prepare", "error", "again later")
        last = await head(served)
        messages = await upto(reader, last)
    assert seqs(messages) == list(range(snapshot["seq"] + 1, last + 1))
    events = await archive(served)
    states: dict[str, Job | None] = {}
    for view in snapshot["jobs"]:
        before = [e for e in events if e.seq <= snapshot["seq"] and e.job == view["id"]]
        states[view["id"]] = job = fold(before)
        assert job is not None
        assert msgspec.convert(view, JobView) == job_view(job)
    for event in events[snapshot["seq"] :]:
        if event.type.startswith(("job.", "stage.")):
            states[event.job] = evolve(states.get(event.job), event)
    async with served.web.backends.reading() as connection:
        projected = await queries.jobs(connection, tenant="default", limit=100)
    assert states == {job.id: job for job in projected}


async def test_many_readers_who_join_at_any_moment_miss_nothing(
    served: Served, driver: Driver
) -> None:
    last = asyncio.get_running_loop().create_future()

    async def read() -> tuple[int, list[int]]:
        async with following(served) as reader:
            begun = (await message(reader))["seq"]
            found: list[int] = []
            while not (last.done() and (found or [begun])[-1] >= last.result()):
                found += seqs([await message(reader)])
            return begun, found

    async def write() -> None:
        for _ in range(6):
            await driver.complete(await post(served))
        last.set_result(await head(served) + 3)
        await post(served)

    readers: list[asyncio.Task[tuple[int, list[int]]]] = []
    writing = asyncio.create_task(write())
    while not writing.done() and len(readers) < 20:
        readers.append(asyncio.create_task(read()))
        await asyncio.sleep(0.05)
    await writing
    for begun, found in await asyncio.gather(*readers):
        assert found == list(range(begun + 1, begun + 1 + len(found)))


async def test_a_reader_resumes_where_it_was_across_a_restart_of_the_web(
    web_settings: WebSettings, projector: None, driver: Driver
) -> None:
    async with serving(web_settings) as served:
        await until(lambda: served.web.hub.live)
        job_id = await post(served)
        async with following(served) as reader:
            snapshot = await message(reader)
            await driver.run(job_id, "prepare")
            seen = await upto(reader, await head(served))
            served.server.should_exit = True
            assert await close_code(reader) == 1012
    await driver.run(job_id, "transcribe")
    async with serving(web_settings) as served:
        await until(lambda: served.web.hub.live)
        last = seen[-1]["event"]
        async with following(served, f"epoch={last['epoch']}&seq={last['seq']}") as reader:
            last_seq = await head(served)
            rest = await upto(reader, last_seq)
            if {one["type"] for one in rest} == {"event"}:
                rest.append(await message(reader))
    # The newest may follow the word, where this process had not read them yet.
    assert Counter(one["type"] for one in rest if one["type"] != "event") == {"caught_up": 1}
    assert seqs(seen + rest) == list(range(snapshot["seq"] + 1, last_seq + 1))


async def test_a_place_that_the_log_does_not_have_is_answered_with_a_snapshot(
    served: Served,
) -> None:
    await post(served)
    await settled(served)
    last = await head(served)
    for query in (f"epoch=7&seq={last}", f"epoch=1&seq={last + 100}", "epoch=1&seq=0"):
        async with following(served, query) as reader:
            assert (await message(reader))["type"] == "snapshot"


async def test_a_reader_of_one_job_hears_of_no_other(served: Served, driver: Driver) -> None:
    mine, other = await post(served), await post(served)
    await settled(served)
    async with following(served, f"job={mine}") as reader:
        snapshot = await message(reader)
        assert [job["id"] for job in snapshot["jobs"]] == [mine]
        await driver.run(other, "prepare")
        await driver.run(mine, "prepare")
        messages = await upto(reader, await head(served))
        assert {one["event"]["subject"] for one in messages} == {mine}
    async with following(served, f"job={mine}&from=1") as reader:
        revs = [one["event"]["rev"] for one in await upto(reader, await head(served))]
        assert revs == list(range(1, len(revs) + 1))
        assert (await message(reader))["type"] == "caught_up"


async def test_a_reader_from_a_seq_gets_all_from_archive_and_log(
    web_settings: WebSettings, settings: Settings, projector: None, driver: Driver
) -> None:
    async with serving(web_settings) as served:
        await until(lambda: served.web.hub.live)
        await driver.complete(await post(served))
        await settled(served)
        await served.web.backends.log.trim(await head(served) - 3)
        await post(served)
        async with following(served, "from=3") as reader:
            last = await head(served)
            assert seqs(await upto(reader, last)) == list(range(3, last + 1))


async def test_a_slow_reader_is_told_and_catches_up_without_delaying_others(
    web_settings: WebSettings, projector: None, driver: Driver
) -> None:
    narrow = socket.socket()
    narrow.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65536)
    tight = msgspec.structs.replace(web_settings, socket_queue=16)
    async with serving(tight) as served:
        await until(lambda: served.web.hub.live)
        narrow.setblocking(False)
        port = int(served.url.rpartition(":")[2])
        await asyncio.get_running_loop().sock_connect(narrow, ("127.0.0.1", port))
        async with (
            following(served, sock=narrow, max_queue=1) as slow,
            following(served) as quick,
        ):
            begun = (await message(slow))["seq"]
            await message(quick)
            models = (secrets.token_hex(7_500),)
            bulky = EngineRegistered(
                engine="e",
                stage="s",
                engine_version="1",
                replica="e@h-0",
                models=models,
            )
            while served.web.hub.behind == 0:
                await driver.ledger.append("e@h-0", bulky)
                assert (await message(quick))["event"]["seq"] == await head(served)
            for _ in range(50):
                await driver.ledger.append("e@h-0", bulky)
            last = await head(served)
            messages = await upto(slow, last)
            # The newest may follow the word, where this process had not read them yet.
            while [one["type"] for one in messages if one["type"] != "event"][-1] != "caught_up":
                messages.append(await message(slow))
        assert seqs(messages) == list(range(begun + 1, last + 1))
        types = [one["type"] for one in messages if one["type"] != "event"]
        assert types[0] == "fell_behind"
        assert types[-1] == "caught_up"


async def test_a_reader_is_never_caught_up_with_less_than_its_snapshot_told(
    served: Served, driver: Driver, settings: Settings
) -> None:
    await driver.run(await post(served), "prepare")
    await settled(served)
    # So it stands while Redis is being recovered: the archive has begun an epoch, the log not yet.
    database = await asyncpg.connect(settings.postgres_dsn)
    await database.execute("UPDATE checkpoints SET epoch = epoch + 1 WHERE name = 'fold'")
    await database.close()
    async with following(served, "epoch=9&seq=9") as reader:
        snapshot, caught_up = await message(reader), await message(reader)
    assert [snapshot["type"], caught_up["type"]] == ["snapshot", "caught_up"]
    assert (caught_up["epoch"], caught_up["seq"]) == (snapshot["epoch"], snapshot["seq"])


async def test_when_redis_is_lost_readers_get_a_fresh_snapshot(
    served: Served, driver: Driver, redis: Redis, settings: Settings
) -> None:
    job_id = await post(served)
    await driver.run(job_id, "prepare")
    await settled(served)
    async with following(served) as reader:
        before = await message(reader)
        keys = [key async for key in redis.scan_iter(f"{settings.key_prefix}:*")]
        await redis.delete(*keys)
        await recover(settings, "a test took Redis away")
        at = before["seq"]
        while True:
            found = await message(reader, 30)
            if found["type"] == "snapshot":
                at = found["seq"]
            elif found["type"] == "event":
                assert found["event"]["seq"] == at + 1
                at = found["event"]["seq"]
            if found.get("event", {}).get("type") == "dev.dalston.log.recovered.v1":
                break
        assert found["event"]["epoch"] == before["epoch"] + 1
        await until(lambda: served.web.hub.live)
        await driver.complete_from(job_id, "transcribe")
        await upto(reader, await head(served))


async def test_server_sent_events_are_the_same_and_resume(served: Served, driver: Driver) -> None:
    job_id = await post(served)
    await settled(served)
    async with stream(served) as blocks:
        first = await anext(blocks)
        assert first["event"] == "snapshot"
        await driver.run(job_id, "prepare")
        some = [await anext(blocks) for _ in range(2)]
    assert [one["event"] for one in some] == ["event", "event"]
    await driver.run(job_id, "transcribe")
    last = await head(served)
    async with stream(served, headers={"Last-Event-ID": some[-1]["id"]}) as blocks:
        rest: list[dict[str, str]] = []
        kinds: set[str] = set()
        # It catches up with what the web has seen; the newest events may come after that.
        while "caught_up" not in kinds or str(last) not in {
            one.get("id", "--").split("-")[1] for one in rest
        }:
            rest.append(await anext(blocks))
            kinds.add(rest[-1]["event"])
    told = [one["id"].split("-") for one in some + rest if one["event"] == "event"]
    begun = int(first["id"].partition("-")[2])
    assert [place[:2] for place in told] == [["1", str(seq)] for seq in range(begun + 1, last + 1)]
    event = msgspec.json.decode(rest[0]["data"])["event"]
    assert (event["specversion"], event["seq"]) == ("1.0", begun + 3)


@asynccontextmanager
async def stream(served: Served, **how: Any) -> AsyncIterator[AsyncIterator[dict[str, str]]]:
    """The blocks of a stream of server-sent events."""
    async with served.client.stream("GET", "/v1/events", **how) as reply:
        assert reply.headers["content-type"].startswith("text/event-stream")

        async def blocks() -> AsyncIterator[dict[str, str]]:
            block: dict[str, str] = {}
            async for line in reply.aiter_lines():
                name, colon, value = line.partition(": ")
                if colon and name:
                    block[name] = value
                elif not line and "event" in block:
                    yield block
                    block = {}

        async with asyncio.timeout(20):
            yield blocks()


async def test_a_socket_on_an_unknown_job_is_refused_with_a_problem(served: Served) -> None:
    for query, status in ((f"job={new_id()}", 404), ("job=x", 400), ("epoch=1", 400)):
        with pytest.raises(InvalidStatus) as refused:
            async with following(served, query):
                pass
        assert refused.value.response.status_code == status
        problem = msgspec.json.decode(refused.value.response.body or b"")
        assert problem["status"] == status


async def test_what_a_client_sends_means_nothing(served: Served) -> None:
    async with following(served) as reader:
        await message(reader)
        await reader.send("hello")
        await reader.send(b"\x00")
        job_id = await post(served)
        assert (await message(reader))["event"]["subject"] == job_id
    reply = await served.client.get("/v1/events", headers={"Last-Event-ID": "nonsense"})
    assert reply.status_code == 400
    await until(lambda: served.web.hub.readers == 0)


async def test_a_place_in_a_lost_history_is_no_place_though_its_numbers_are(
    served: Served, driver: Driver
) -> None:
    await driver.run(await post(served), "prepare")
    await settled(served)
    at = await served.web.backends.log.read(2, count=1)
    place = f"epoch={at[0].epoch}&seq={at[0].seq}"
    async with following(served, f"{place}&id={at[0].id}") as reader:
        assert (await message(reader))["event"]["seq"] == at[0].seq + 1
    async with following(served, f"{place}&id={new_id()}") as reader:
        assert (await message(reader))["type"] == "snapshot"
    other = {"Last-Event-ID": f"{at[0].epoch}-{at[0].seq}-{new_id()}"}
    async with stream(served, headers=other) as blocks:
        assert (await anext(blocks))["event"] == "snapshot"
