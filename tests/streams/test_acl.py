"""Each role's whole life under its own user, and every door that is shut to it, on both servers."""

import asyncio
import re
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from redis.asyncio import Redis
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import NoPermissionError, ResponseError

from infra.local import valkey as local_valkey
from infra.local.access import Access
from infra.local.child import Child
from infra.local.home import discard, socket_directory
from projector import restore
from streams import acl, decide
from streams.commit import Ledger
from streams.connection import NotPermitted, connect
from streams.events import JobRequest, PlannedStage
from streams.keys import Keys
from streams.log import Head, Log
from streams.registry import Announcement, Registry
from streams.work import Queue
from tests.streams.conftest import Server, environment
from tests.streams.story import AUDIO, HEARD, OUTPUT

PLAN = (
    PlannedStage(name="prepare", engine="prepare"),
    PlannedStage(name="merge", engine="merge", needs=("prepare",)),
)
ENGINE = acl.engine("prepare")
ROLES = (acl.PROJECTOR, acl.WEB, ENGINE, acl.engine("merge"))
Login = Callable[[str], Awaitable[Any]]


@pytest.fixture
async def login(server: Server, redis: Redis, keys: Keys) -> AsyncIterator[Login]:
    """Connect as a role of this test's partition."""
    entered: dict[str, Any] = {}
    admin: Any = redis

    async def enter(role: str) -> Any:
        name = acl.user(keys, role)
        rights = acl.rights(keys, role).split()
        await admin.execute_command("ACL", "SETUSER", name, "reset", "on", ">pw", *rights)
        url = server.url.replace("unix://", f"unix://{name}:pw@")
        entered[name] = connect(url, patience=0)
        return entered[name]

    yield enter
    for name, client in entered.items():
        await client.aclose()
        await admin.execute_command("ACL", "DELUSER", name)


async def refused(redis: Redis, keys: Keys) -> list[str]:
    """What the server denied to users of this partition."""
    said: Any = await redis.acl_log()
    ours = [one for one in said if text(one["username"]).startswith(keys.prefix)]
    return [f"{text(one['username'])}: {text(one['object'])}" for one in ours]


def text(value: Any) -> str:
    return value.decode() if isinstance(value, bytes) else str(value)


async def submit(web: Redis, keys: Keys, job_id: str) -> None:
    await Ledger(web, keys).transition(
        job_id,
        lambda job, now: decide.submit(
            job, job_id=job_id, tenant="t", request=JobRequest(), source=AUDIO, filename="a.wav",
            plan=PLAN, now=now,
        ),
        tenant="t",
    )  # fmt: skip


async def work(redis: Redis, keys: Keys, engine: str) -> None:
    """One task of an engine, from the announcement to the end, with the rights of ``redis``."""
    replica = f"{engine}@h-0"
    ledger, registry = Ledger(redis, keys), Registry(redis, keys)
    queue = Queue(redis, ledger, engine)
    assert await registry.find(replica) is None
    assert await registry.drains.of(replica) is False
    await registry.announce(
        Announcement(replica=replica, engine=engine, stage=engine, version="1", host="h", pid=1)
    )
    await queue.create()
    assert await queue.held(replica) == await queue.look(replica) == []
    async with asyncio.timeout(10):
        while (ticket := await queue.take(replica, block_ms=100)) is None:
            pass
    await ledger.transition(
        ticket.job,
        lambda job, _: decide.start(
            job, stage=ticket.stage, token=ticket.token, owner=replica, engine_version="1"
        ),
    )
    assert await queue.renew(replica, ticket) == "ok"
    assert await queue.free(1000) == []
    assert [one.replica for one in await registry.announced([replica])] == [replica]
    assert await queue.hand(replica, ticket, f"{engine}@h-1", awake_ms=1000) == "kept"
    await queue.nudge(replica)
    await ledger.transition(
        ticket.job,
        lambda job, now: decide.finish(
            job, stage=ticket.stage, token=ticket.token, output=OUTPUT, usage=HEARD, now=now
        ),
        settle=ticket,
    )
    await queue.forget(replica)
    await registry.leave(replica)


async def test_every_role_lives_its_whole_life_with_its_own_rights(
    redis: Redis, keys: Keys, login: Login
) -> None:
    projector, web = await login(acl.PROJECTOR), await login(acl.WEB)
    await Log(projector, keys).create(Head(0, "", 1))
    await submit(web, keys, "one")
    for name, drained in (("prepare", True), ("prepare", False), ("merge@h-0", False)):
        await Registry(web, keys).drains.put(name, drained=drained)
    await Registry(web, keys).drains.put("merge", drained=False)
    for engine in ("prepare", "merge"):
        await work(await login(acl.engine(engine)), keys, engine)
        await Queue(web, Ledger(web, keys), engine).depth()
    job = await Ledger(web, keys).load("one")
    assert job is not None
    assert job.status == "succeeded"
    for client in (web, projector):  # the state of an old job comes back from the archive
        ledger = Ledger(client, keys)
        await redis.delete(keys.job("one"))
        await restore._put(ledger, job, "last")
        assert await ledger.load("one") == job
    assert len(await Log(web, keys).wait(0)) > 5
    assert await Registry(web, keys).alive() == []
    assert len(await Registry(web, keys).offers()) == 2
    assert len(await Registry(projector, keys).offers()) == 2
    assert await Registry(projector, keys).expired() == []
    assert await Queue(projector, Ledger(projector, keys), "merge").lost(0) == []
    assert await Log(projector, keys).trim(3) == 2
    assert await refused(redis, keys) == []


@pytest.mark.parametrize("role", [ENGINE, acl.WEB])
async def test_an_acl_of_before_there_were_drains_drains_nobody_and_stops_nobody(
    redis: Redis, keys: Keys, login: Login, role: str
) -> None:
    """As while a release comes in: its processes are there before its ACL is."""
    client: Any = await login(role)
    admin: Any = redis
    found = re.findall(r"\([^()]*\)", acl.rights(keys, role))
    before = [right for right in found if keys.drains not in right]
    assert len(before) == len(found) - 1
    plain = acl.rights(keys, role).partition("(")[0].split()
    name = acl.user(keys, role)
    await admin.execute_command("ACL", "SETUSER", name, "reset", "on", ">pw", *plain, *before)
    drains = Registry(client, keys).drains
    if role == ENGINE:
        assert await drains.of("prepare@h-0") is None
    else:
        assert await drains.all() == {}
        assert await Registry(client, keys).offers() == []


DESTRUCTIVE = (
    "FLUSHALL", "FLUSHDB", "CONFIG GET *", "CONFIG SET maxmemory 1", "KEYS *", "SHUTDOWN NOSAVE",
    "ACL LIST", "ACL WHOAMI", "MONITOR", "CLIENT LIST", "CLIENT KILL TYPE normal",
    "SCRIPT FLUSH", "SCRIPT KILL", "SAVE", "BGREWRITEAOF", "REPLICAOF NO ONE", "INFO", "SWAPDB 0 1",
    "MIGRATE h 1 k 0 1", "FUNCTION LIST", "MODULE LIST", "SLOWLOG GET", "LATENCY LATEST",
    "RANDOMKEY", "DBSIZE", "PSUBSCRIBE *", "PUBLISH elsewhere x", "PUBSUB CHANNELS",
)  # fmt: skip
LOG_IS_SAFE = (
    "XTRIM {log} MAXLEN 0", "XDEL {log} 1-0", "DEL {log}", "UNLINK {log}", "RENAME {log} x",
    "SET {log} x", "RESTORE {log} 0 x", "XGROUP CREATE {log} g 0", "XSETID {log} 9-0",
    "EXPIRE {log} 1", "DEL {head}", "DEL {job}", "HDEL {job} state", "RENAME {job} x", "DUMP {job}",
    "COPY {job} x", "GETRANGE {job} 0 1", "HGETALL {job}", "TYPE {job}", "OBJECT ENCODING {job}",
    "SCAN 0",
)  # fmt: skip
NOT_MY_QUEUE = (
    "XREADGROUP GROUP engines me STREAMS {other} >", "XCLAIM {other} engines me 0 1-0",
    "XAUTOCLAIM {other} engines me 0 0", "XACK {other} engines 1-0", "XDEL {other} 1-0",
    "XGROUP CREATE {other} engines 0", "XGROUP DELCONSUMER {other} engines you",
    "XGROUP DESTROY {other} engines", "XGROUP SETID {other} engines 0", "XTRIM {other} MAXLEN 0",
    "DEL {other}", "DEL {backlog}",
)  # fmt: skip
ENGINES_ONLY = (
    "XRANGE {other} - +", "XREVRANGE {other} + -", "XREAD STREAMS {other} 0",
    "SET {replica} x", "DEL {replica}", "GET {replica}", "ZRANGE {replicas} 0 -1",
    "XRANGE {log} - +", "XREAD STREAMS {log} 0", "PUBLISH {nudges} x", "SUBSCRIBE elsewhere",
    "HGETALL {drains}", "HSET {drains} x y", "HDEL {drains} x", "WATCH {drains}",
    "MGET {replica}", "PUBLISH {replica} x", "SUBSCRIBE {replica}",
    "XINFO CONSUMERS {other} engines",
    "XTRIM {own} MAXLEN 0", "DEL {own}", "XGROUP DESTROY {own} engines",
)  # fmt: skip
ELSEWHERE = (
    "GET elsewhere", "SET elsewhere x", "DEL elsewhere", "XADD elsewhere * a b",
    "HMGET elsewhere:{{0}}:head seq", "HSET elsewhere:{{0}}:job:x state y",
    "XADD elsewhere:{{0}}:log * a b", "EVAL return 1 elsewhere",
)  # fmt: skip
SHUT = {
    ENGINE: (*DESTRUCTIVE, *LOG_IS_SAFE, *NOT_MY_QUEUE, *ENGINES_ONLY, *ELSEWHERE),
    acl.WEB: (*DESTRUCTIVE, *LOG_IS_SAFE, *NOT_MY_QUEUE, *ELSEWHERE, "SET {replica} x",
              "SUBSCRIBE {nudges}", "ZREM {replicas} x", "DEL {drains}"),
    acl.PROJECTOR: (*DESTRUCTIVE, *ELSEWHERE, "XREADGROUP GROUP engines me STREAMS {other} >",
                    "XGROUP DESTROY {other} engines", "RENAME {log} x", "PUBLISH {nudges} x"),
    acl.REPLICA: (*DESTRUCTIVE, *LOG_IS_SAFE, *NOT_MY_QUEUE, *ENGINES_ONLY, *ELSEWHERE, "TIME"),
}  # fmt: skip
SHUT[acl.PROBE] = SHUT[acl.REPLICA]
# A script may not say these words at all, whoever calls it.
NOT_IN_SCRIPTS = re.compile("MONITOR|SUBSCRIBE|PSUBSCRIBE|XREAD|EVAL|SHUTDOWN|DEBUG|MIGRATE|SAVE")
DENIED = "ACL failure in script|user executing the script can't|not allowed from script"


def filled(command: str, keys: Keys) -> list[str]:
    own, other = keys.queue("prepare"), keys.queue("merge")
    words = command.format(
        log=keys.log, head=keys.head, job=keys.job("x"), own=own, other=other,
        backlog=keys.backlog("merge"), replica=keys.replica("merge@h-0"), replicas=keys.replicas,
        nudges=keys.nudges, drains=keys.drains,
    ).split()  # fmt: skip
    return ["EVAL", "return 1", "1", words[3]] if words[0] == "EVAL" else words


@pytest.mark.parametrize("role", SHUT)
async def test_what_a_role_does_not_need_it_may_not_do(
    keys: Keys, login: Login, ledger: Ledger, role: str
) -> None:
    client = await login(role)
    open_doors = []
    for command in SHUT[role]:
        words = filled(command, keys)
        try:
            await client.execute_command(*words)
        except NoPermissionError:
            continue
        except ResponseError as error:
            open_doors.append(f"{command}: {error}")
        else:
            open_doors.append(command)
    assert open_doors == []


@pytest.mark.parametrize("role", [ENGINE, acl.WEB])
async def test_a_script_opens_no_door_that_is_shut_to_its_caller(
    keys: Keys, login: Login, ledger: Ledger, role: str
) -> None:
    client = await login(role)
    source = "return redis.call(unpack(ARGV))"
    for command in SHUT[role]:
        if not NOT_IN_SCRIPTS.match(command):
            with pytest.raises(ResponseError, match=DENIED):
                await client.eval(source, 0, *filled(command, keys))


async def test_an_engine_may_append_to_the_log_only_what_any_finished_task_could(
    keys: Keys, login: Login, ledger: Ledger, redis: Redis
) -> None:
    """What no list can shut: whoever commits can write. `docs/security.md` says what limits it."""
    engine = await login(ENGINE)
    await engine.xadd(keys.log, {"lie": "x"}, id="1-0")
    assert await redis.xlen(keys.log) == 1


async def test_a_missing_right_is_told_with_the_user_the_command_and_the_cure(
    keys: Keys, login: Login
) -> None:
    web = await login(acl.WEB)
    with pytest.raises(NotPermitted, match="dalston acl") as told:
        await web.xtrim(keys.log, maxlen=0)
    assert "xtrim" in str(told.value)
    assert acl.user(keys, acl.WEB) in str(told.value)
    with pytest.raises(ResponseError, match=DENIED):
        await web.eval("return redis.call('GET', 'x')", 0)
    projector = await login(acl.PROJECTOR)
    await Queue(projector, Ledger(projector, keys), "merge").create()
    with pytest.raises(NotPermitted, match=acl.user(keys, acl.WEB)):
        await Queue(web, Ledger(web, keys), "merge").forget("me")
    pipe = web.pipeline(transaction=False)
    pipe.ping()
    pipe.delete(keys.log)
    assert isinstance((await pipe.execute(raise_on_error=False))[1], NotPermitted)


async def test_a_server_started_with_the_file_lets_in_its_users_and_nobody_else(
    kind: str, tmp_path: Path
) -> None:
    access, run = Access.fresh(Keys(), ["merge"]), socket_directory()
    program = local_valkey.program(
        data=tmp_path / "data", run=run, log=tmp_path / "log", environ=environment(kind),
        access=access,
    )  # fmt: skip
    child = Child(program)
    await child.start()
    try:
        for role in (acl.OPERATOR, *ROLES[:2], acl.engine("merge")):
            async with connect(local_valkey.url(run, access.login(role)), patience=0) as client:
                assert await client.ping()
        user, _ = access.login(acl.OPERATOR)
        for stranger in (None, (user, "guess"), ("default", ""), ("nobody", "x")):
            with pytest.raises(RedisConnectionError):
                async with connect(local_valkey.url(run, stranger), patience=0) as client:
                    await client.ping()
    finally:
        await child.stop()
        discard(run)
    file = tmp_path / "data" / "users.acl"
    assert file.stat().st_mode & 0o777 == 0o600
    assert not any(password in file.read_text() for password in access.passwords.values())
    assert "password" not in repr(access)


async def test_a_server_with_the_file_forgets_nothing_over_a_restart(
    kind: str, tmp_path: Path
) -> None:
    keys, run = Keys(), socket_directory()
    access = Access.fresh(keys, ["merge"])
    program = local_valkey.program(
        data=tmp_path / "valkey", run=run, log=tmp_path / "log", environ=environment(kind),
        access=access,
    )  # fmt: skip
    heads: list[Head | None] = []
    for _ in range(2):
        server = Child(program)
        await server.start()
        async with connect(local_valkey.url(run, access.login(acl.PROJECTOR))) as projector:
            if not heads:
                await Log(projector, keys).create(Head(0, "", 1))
                await submit(projector, keys, "one")
            heads.append(await Log(projector, keys).head())
        await server.stop()
    discard(run)
    assert heads[0]
    assert heads[0] == heads[1]


def test_engines_share_no_right_on_what_is_each_others_alone() -> None:
    keys = Keys()
    rights = acl.rights(keys, acl.engine("merge"))
    assert keys.queue("merge") in rights
    assert keys.queue("prepare") not in rights
    assert acl.rights(keys, acl.engine("prepare")) != rights
