"""A file of hours through the real engines: memory of each process, time of each stage."""

import asyncio
import re
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import av
import httpx

from bench.load.peaks import Peaks
from bench.load.place import processes, progress, stack
from bench.report import Row

ROOT = Path(__file__).parents[2]
SAMPLE = ROOT / "samples" / "sense_and_sensibility.flac"
RATE = 16_000
MEMORY = {
    "audio_prepare, its child": 300e6, "faster_whisper, its child": 2e9, "merge, its child": 400e6,
    "web": 400e6, "projector": 400e6, "s3": 150e6,
    "audio_prepare": 150e6, "faster_whisper": 250e6, "merge": 250e6,
}  # fmt: skip
"""Bytes that a process may hold, however long the file is."""
ENDED = {"succeeded", "failed", "cancelled", "blocked"}


@dataclass(frozen=True)
class Long:
    """So many minutes of audio."""

    minutes: float
    home: Path | None = None


async def run(load: Long) -> list[Row]:
    """Make the file, send it, wait, and read it back in every way."""
    async with stack(load.home, 1, real=True) as running:
        file = running.home.path / "long.flac"
        began = time.monotonic()
        seconds = await asyncio.to_thread(synthesize, file, load.minutes * 60)
        progress(f"{seconds / 3600:.2f} h, {file.stat().st_size / 1e6:.0f} MB made in "
                 f"{time.monotonic() - began:.0f} s")  # fmt: skip
        pids = {name: process.pid or 0 for name, process in processes(running).items()}
        async with (
            Peaks(pids) as peaks,
            httpx.AsyncClient(base_url=running.running.web.url, timeout=600) as client,
        ):
            job = await _sent(client, file)
            view = await _ended(client, job)
            size = file.stat().st_size / 1e6
            rows = [Row("audio", f"{seconds / 3600:.2f} h, {size:.0f} MB of FLAC"),
                    Row("job", f"{view['status']} {view['reason']}", "succeeded",
                        view["status"] == "succeeded")]  # fmt: skip
            rows += [_stage(stage, seconds) for stage in view["stages"]]
            if view["status"] == "succeeded":
                rows += await _read(client, job)
        file.unlink()
        return rows + [_memory(name, size) for name, size in peaks.most.items()]


def synthesize(path: Path, seconds: float) -> float:
    """The sample again and again, 16 kHz mono, as FLAC; how long it became."""
    with av.open(str(SAMPLE)) as source:
        resampler = av.AudioResampler(format="s16", layout="mono", rate=RATE)
        parts = [part for frame in source.decode(audio=0) for part in resampler.resample(frame)]
    sound = b"".join(bytes(part.planes[0])[: part.samples * 2] for part in parts)
    total = 0
    with av.open(str(path), "w", format="flac") as target:
        stream = target.add_stream("flac", rate=RATE, layout="mono")
        while total < seconds * RATE:
            for start in range(0, len(sound), 2 * 4096):
                piece = sound[start : start + 2 * 4096]
                frame = av.AudioFrame(format="s16", layout="mono", samples=len(piece) // 2)
                frame.planes[0].update(piece.ljust(frame.planes[0].buffer_size, b"\0"))
                frame.sample_rate, frame.pts = RATE, total
                total += frame.samples
                target.mux(stream.encode(frame))
        target.mux(stream.encode(None))
    return total / RATE


async def _sent(client: httpx.AsyncClient, file: Path) -> str:
    began = time.monotonic()
    with file.open("rb") as data:
        answer = await client.post("/v1/jobs", files={"file": (file.name, data)})
    answer.raise_for_status()
    progress(f"uploaded in {time.monotonic() - began:.1f} s")
    return str(answer.json()["id"])


async def _ended(client: httpx.AsyncClient, job: str) -> dict[str, Any]:
    told = ""
    while True:
        view: dict[str, Any] = (await client.get(f"/v1/jobs/{job}")).json()
        if view["status"] in ENDED:
            return view
        now = ", ".join(f"{s['name']} {s['status']} {s['progress']:.0%}" for s in view["stages"])
        if now != told:
            progress(now)
            told = now
        await asyncio.sleep(5)


def _stage(stage: dict[str, Any], seconds: float) -> Row:
    wall = stage["wall_s"] or 0.0
    rss = (stage["peak_rss"] or 0) / 1e6
    value = f"{wall:.1f} s, {wall / seconds:.4f} of the audio, {rss:.0f} MB at most by its own word"
    return Row(f"stage {stage['name']}, attempt {stage['token']}", value, "the first attempt",
               stage["token"] == 1)  # fmt: skip


async def _read(client: httpx.AsyncClient, job: str) -> list[Row]:
    """The transcript in each form, the job's page, and a word of it by search."""
    forms = [f"/transcript?format={form}" for form in ("json", "txt", "srt", "vtt")]
    rows = [await _got(client, f"/v1/jobs/{job}{path}") for path in (*forms, "", "/events")]
    text = (await client.get(f"/v1/jobs/{job}/transcript?format=txt")).text
    word = max(re.findall(r"[A-Za-z]+", text), key=len, default="")
    for _ in range(60):
        hits = (await client.get("/v1/search", params={"q": word})).json()["hits"]
        if hits:
            break
        await asyncio.sleep(1)
    return [*rows, Row(f"search for {word!r}", f"{len(hits)} hits", "some", bool(hits))]


async def _got(client: httpx.AsyncClient, path: str) -> Row:
    began = time.monotonic()
    answer = await client.get(path)
    taken, size = time.monotonic() - began, len(answer.content)
    what = "GET …" + path.rpartition("/")[2]
    value = f"{answer.status_code}, {size / 1e6:.2f} MB in {taken:.2f} s"
    return Row(what, value, "200", answer.status_code == 200 and size > 0)


def _memory(name: str, size: int) -> Row:
    limit = MEMORY.get(name)
    if limit is None:
        return Row(f"most memory, {name}", f"{size / 1e6:.0f} MB")
    return Row(
        f"most memory, {name}", f"{size / 1e6:.0f} MB", f"{limit / 1e6:.0f} MB", size <= limit
    )
