"""`dalston parked`, `drain` and `resume` against a web that really serves."""

import asyncio
import json

from click.testing import CliRunner, Result

from infra.cli import cli
from streams.job import SCHEMA
from streams.registry import Announcement
from tests.web.conftest import Served, post, settled
from tests.web.driver import Driver

REPLICA = "faster_whisper@box-0"
BUSY = Announcement(
    replica=REPLICA, engine="faster_whisper", stage="transcribe", version="1", host="box", pid=1,
    state="busy", job="a", models=("tiny",),
)  # fmt: skip


async def dalston(served: Served, *words: str) -> Result:
    """A command as somebody types it, beside the server."""
    return await asyncio.to_thread(CliRunner().invoke, cli, ["--url", served.url, *words])


async def test_what_is_parked_is_listed_and_goes_on(served: Served, driver: Driver) -> None:
    jobs = [await post(served, name=f"{number}.wav") for number in range(4)]
    for job_id in jobs:
        await driver.park(job_id, "prepare")
    await settled(served)
    listed = await dalston(served, "parked", "list")
    rows = [line.split("\t") for line in listed.stdout.splitlines()]
    assert [row[0] for row in rows] == jobs[::-1]
    assert rows[0][1:] == ["prepare", "audio_prepare", "error", "3.wav", rows[0][5]]
    as_json = await dalston(served, "parked", "list", "--limit", "1", "--json")
    assert json.loads(as_json.stdout)["failed"] == 3
    one = await dalston(served, "parked", "retry", jobs[0])
    assert (one.exit_code, one.stdout) == (0, f"{jobs[0]}\n"), one.stderr
    some = await dalston(served, "parked", "retry", jobs[0], jobs[1])
    assert some.exit_code == 1
    assert some.stdout == f"{jobs[1]}\n"
    assert "1 job goes on" in some.stderr
    assert "no parked stage" in some.stderr
    backends = served.web.backends
    await backends.redis.hset(backends.keys.job(jobs[2]), "schema", SCHEMA + 1)
    others = await dalston(served, "parked", "retry", "--engine", "audio_prepare")
    assert others.exit_code == 1
    assert f"1 job stays parked; the first: {jobs[2]}" in others.stderr
    assert (await driver.state(jobs[3])).status == "running"
    both = await dalston(served, "parked", "retry", jobs[0], "--all")
    assert both.exit_code == 2


async def test_an_engine_is_drained_and_resumed(served: Served) -> None:
    await served.web.backends.registry.announce(BUSY)
    drained = await dalston(served, "drain", "faster_whisper")
    assert drained.exit_code == 0, drained.stderr
    assert "takes no more tasks, once 1 task(s) at hand are done; 0 wait" in drained.stderr
    assert await served.web.backends.registry.drains.of(REPLICA) is True
    resumed = await dalston(served, "resume", "faster_whisper", REPLICA)
    assert f"{REPLICA} takes tasks again" in resumed.stderr
    assert await served.web.backends.registry.drains.of(REPLICA) is False
    await dalston(served, "drain", "pyannote")
    engines = await dalston(served, "engines")
    assert "pyannote\tdiarize\t-\t-\tno replica, drained" in engines.stdout
    unknown = await dalston(served, "drain", "nonsense")
    assert unknown.exit_code == 1
    assert "There is no engine 'nonsense'" in unknown.stderr
