"""All the examinations, together; one that cannot be made is a finding too."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from pathlib import Path

from infra.client import Client, ClientError
from infra.doctor import engines, machine, postgres, redis, store
from infra.doctor.finding import Finding, fail, ok
from infra.local import http
from infra.local.record import Running
from projector import database
from streams.artifacts import Artifacts
from streams.connection import connect
from streams.settings import Settings
from web.errors import Full, translate

PATIENCE_S = 15.0
CURES = {
    "redis": "is the server up, and DALSTON_REDIS_URL right?",
    "postgres": "is the server up, and DALSTON_POSTGRES_DSN right?",
    "s3": "is the store up, and are DALSTON_S3_URL, its keys and DALSTON_S3_BUCKET right?",
    "engines": "they are known through Redis: mend that first",
}


async def examine(home: Path, settings: Settings | None, running: Running | None) -> list[Finding]:
    """Everything that can be looked at: the machine always, servers when we know them."""
    findings = machine.examine(home)
    if running is not None:
        findings += machine.processes(running)
        findings += await processes(running)
    if settings is not None:
        findings += await servers(settings)
    return findings


async def examine_remote(client: Client) -> list[Finding]:
    """What a stack elsewhere says of itself over its API."""
    try:
        readiness, views = await client.readiness(), await client.engines()
    except ClientError as error:
        return [fail("web", str(error), "is it running, and DALSTON_URL right?")]
    parts = {"redis": readiness.redis, "postgres": readiness.postgres, "s3": readiness.s3}
    findings = [
        ok(name, "reachable for the web") if said == "ok" else fail(name, said, CURES[name])
        for name, said in parts.items()
    ]
    return [ok("web", client.url), *findings, *engines.judge(views)]


async def servers(settings: Settings) -> list[Finding]:
    """Redis, Postgres and S3, and what is kept in them."""
    async with AsyncExitStack() as stack:
        client = await stack.enter_async_context(connect(settings.redis_url, patience=0))
        artifacts = await stack.enter_async_context(Artifacts(settings))
        engine = database.engine(settings, pool=1)
        stack.push_async_callback(engine.dispose)
        rounds = await asyncio.gather(
            attempt("redis", lambda: redis.examine(client, settings)),
            attempt("postgres", lambda: postgres.examine(engine, client, settings)),
            attempt("s3", lambda: store.examine(artifacts)),
            attempt("engines", lambda: engines.examine(client, settings)),
        )
    return [finding for found in rounds for finding in found]


async def attempt(part: str, look: Callable[[], Awaitable[list[Finding]]]) -> list[Finding]:
    """An examination; what it raises, or that it takes too long, is its finding."""
    try:
        async with asyncio.timeout(PATIENCE_S):
            return await look()
    except TimeoutError:
        return [fail(part, f"no answer within {PATIENCE_S:g} s", CURES[part])]
    except Exception as error:  # noqa: BLE001 - the rim: a sick part must not hide the others
        lines = str(error).splitlines() or [type(error).__name__]
        answer = translate(error)
        cure = str(answer) if isinstance(answer, Full) else CURES[part]
        return [fail(part, lines[0], cure)]


async def processes(running: Running) -> list[Finding]:
    """Whether each of our processes says that it can work."""
    addresses = {
        "web": running.web.url,
        "projector": running.projector.health,
        **{name: engine.health for name, engine in running.engines.items()},
    }
    answers = await asyncio.gather(*(http.ask(f"{a}/readyz") for a in addresses.values()))
    mute = [
        f"{name} ({reason(said) or f'{address}/readyz'})"
        for (name, address), (status, said) in zip(addresses.items(), answers, strict=True)
        if status != 200
    ]
    if mute:
        return [fail("readiness", f"not ready: {', '.join(mute)}", "ask it, and read its log")]
    return [ok("readiness", f"all {len(addresses)} processes are ready")]


def reason(said: bytes) -> str:
    """What a process that is not ready waits for, in its own words; empty when it gives none."""
    try:
        told = json.loads(said)
    except ValueError:
        return ""
    found = [told.get("trouble"), told.get("waits_for")]
    found += [f"{name}: {told[name]}" for name in ("redis", "postgres", "s3", "live")
              if told.get(name, "ok") != "ok"]  # fmt: skip
    return "; ".join(text for text in found if text)
