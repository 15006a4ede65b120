"""No password shows anywhere: not in logs, events, answers, command lines or messages of errors."""

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit

import httpx
import pytest
from redis.exceptions import ConnectionError as RedisConnectionError

from infra.cli.remains import descendants
from infra.local.errors import LocalError
from infra.local.options import Options
from infra.local.record import read_secrets
from infra.local.servers import check_reachable
from infra.local.stack import Stack
from streams.connection import connect
from streams.errors import InvalidSetting
from streams.keys import Keys
from streams.log import Log
from streams.settings import Settings
from tests.echo.script import Act, Script, encode
from tests.echo.stack import COMMANDS, ROOT, replicas

MARKED = "s3cret-that-nobody-shows"

pytestmark = pytest.mark.timeout(300)


@pytest.fixture(scope="module")
async def stack(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Stack]:
    options = Options(
        home=tmp_path_factory.mktemp("home"),
        environ={**os.environ, "DALSTON_LOG_LEVEL": "debug"},
        engines=replicas(),
        commands=COMMANDS,
    )
    async with Stack(options) as running:
        yield running


def secrets(stack: Stack) -> list[str]:
    """Every password of the stack, as it is and as it stands in a URL."""
    kept = read_secrets(stack.home)
    words = {kept["DALSTON_S3_SECRET_KEY"], *stack._servers._access.passwords.values()}
    operator = urlsplit(kept["DALSTON_REDIS_URL"]).password
    assert operator in words
    return sorted({form for word in words for form in (word, quote(word, safe=""))})


def shown(text: str, hidden: list[str]) -> list[str]:
    """The lines in which a secret stands."""
    return [line[:300] for line in text.splitlines() if any(word in line for word in hidden)]


async def provoke(stack: Stack, client: httpx.AsyncClient) -> str:
    """Failures of every kind; all that was answered."""
    said = []
    bad = Script(acts={"transcribe": (Act("raise"),)}, says="x")
    for body in (encode(bad), encode(Script(says="fine")), b""):
        reply = await client.post("/v1/jobs", files={"file": ("a.echo", body)})
        said.append(reply.text)
    for name in ("valkey", "postgres", "s3"):
        child = stack._servers.children[name]
        assert child.pid
        os.kill(child.pid, signal.SIGKILL)
        paths = ("/readyz", "/v1/jobs", "/v1/engines", "/v1/search?q=x", "/healthz")
        said += [(await client.get(path)).text for path in paths]
        reply = await client.post("/v1/jobs", files={"file": ("a.echo", encode(Script(says="y")))})
        said.append(reply.text)
        async with asyncio.timeout(60):
            while (await client.get("/readyz")).status_code != 200:
                await asyncio.sleep(0.2)
    parts = (stack.running.projector, *stack.running.engines.values())
    urls = [part.health + path for part in parts for path in ("/metrics", "/healthz", "/readyz")]
    said += [(await client.get(url)).text for url in urls]
    said += [(await client.get(path)).text for path in ("/metrics", "/v1/jobs", "/openapi.json")]
    return "\n".join(said)


async def test_no_password_is_in_a_log_an_event_an_answer_or_a_command_line(stack: Stack) -> None:
    hidden = secrets(stack)
    async with httpx.AsyncClient(base_url=stack.running.web.url, timeout=60) as client:
        assert shown(await provoke(stack, client), hidden) == []
    doctor = subprocess.run(
        [sys.executable, "-m", "infra.cli", "--home", str(stack.home.path), "doctor", "--json"],
        env={**os.environ, "PYTHONPATH": str(ROOT)}, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert "redis" in doctor.stdout
    assert shown(doctor.stdout + doctor.stderr, hidden) == []
    async with connect(stack.settings.redis_url) as redis:
        keys = Keys()
        assert len(await Log(redis, keys).read(0)) > 5
        entries: Any = await redis.xrange(keys.log)
        for _, fields in entries:
            assert shown(" ".join(value.decode() for value in fields.values()), hidden) == []
    for log in stack.home.path.rglob("*.log"):
        assert shown(log.read_text(errors="replace"), hidden) == [], log
    for pid in [os.getpid(), *descendants(os.getpid())]:
        path = Path(f"/proc/{pid}/cmdline")
        if path.exists():
            assert shown(path.read_text(errors="replace"), hidden) == []


async def test_what_holds_a_password_is_its_owners_alone(stack: Stack) -> None:
    hidden = secrets(stack)
    for path in stack.home.path.rglob("*"):
        small = path.is_file() and path.stat().st_size < 1_000_000
        if small and shown(path.read_text(errors="replace"), hidden):
            assert path.stat().st_mode & 0o077 == 0, path
            assert path.name == "secrets.json"
    assert shown(stack.home.record.read_text(), hidden) == []


async def test_no_message_of_an_error_shows_the_password_that_was_given() -> None:
    url = f"redis://user:{MARKED}@127.0.0.1:1/0"
    with pytest.raises(RedisConnectionError) as refused:
        async with connect(url, patience=0) as redis:
            await redis.ping()
    messages = [str(refused.value), repr(refused.value)]
    for option, given in (("--valkey", url), ("--valkey", f"nonsense://u:{MARKED}@h"),
                          ("--postgres", f"postgresql://u:{MARKED}@127.0.0.1:1/d"),
                          ("--s3", f"https://u:{MARKED}@127.0.0.1:1")):  # fmt: skip
        with pytest.raises(LocalError) as told:
            await check_reachable(option, given)
        messages.append(str(told.value))
    settings = Settings(redis_url=url, s3_secret_key=MARKED)
    messages += [repr(settings), str(settings)]
    with pytest.raises(InvalidSetting) as invalid:
        Settings.from_env({"DALSTON_PARTITION": "x", "DALSTON_S3_SECRET_KEY": MARKED})
    messages.append(str(invalid.value))
    assert shown("\n".join(messages), [MARKED]) == []
