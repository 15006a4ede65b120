"""`dalston jobs` with filters, and a large file by `dalston transcribe`, against a real web."""

import os
from pathlib import Path

from infra import sending
from tests.web.conftest import Served, post, settled
from tests.web.driver import Driver
from tests.web.test_command_line import dalston


async def test_jobs_are_listed_by_name_time_stage_engine_and_model(
    served: Served, driver: Driver
) -> None:
    ids = [await post(served, name=name) for name in ("talk.wav", "song.wav")]
    await driver.complete(ids[0])
    await settled(served)

    async def listed(*options: str) -> list[str]:
        result = await dalston(served, "jobs", *options)
        assert result.exit_code == 0, result.stderr
        return [line.split("\t")[0] for line in result.stdout.splitlines()]

    assert await listed() == ids[::-1]
    assert await listed("--name", "TALK") == ids[:1]
    assert await listed("--since", "1h", "--stage", "merge") == ids[::-1]
    assert await listed("--until", "1h") == []
    assert await listed("--model", "tiny", "--stage", "transcribe") == ids[:1]
    assert await listed("--engine", "merge", "--status", "queued") == ids[1:]
    nothing = await dalston(served, "jobs", "--engine", "no_such")
    assert "no such jobs" in nothing.stderr
    wrong = await dalston(served, "jobs", "--since", "soon")
    assert (wrong.exit_code, "24h, 7d" in wrong.stderr) == (1, True)


async def test_a_large_file_goes_out_as_an_upload_that_can_be_gone_on_with(
    served: Served, driver: Driver, tmp_path: Path
) -> None:
    path = tmp_path / "long talk.wav"
    path.write_bytes(os.urandom(sending.LARGE))
    result = await dalston(served, "transcribe", "--no-follow", "--language", "de", str(path))
    assert result.exit_code == 0, result.stderr
    job_id = result.stdout.split("\t")[0]
    view = (await served.client.get(f"/v1/jobs/{job_id}")).json()
    assert (view["filename"], view["request"]) == ("long talk.wav", {"language": "de"})
    told = (await served.client.get("/metrics")).text
    assert 'method="PATCH",route="/v1/uploads/{id}",status="204"' in told
