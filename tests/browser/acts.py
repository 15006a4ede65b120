"""What a user does at the page, and what the API says of it meanwhile."""

import asyncio
import os
import signal
from pathlib import Path
from typing import Any

import httpx
from playwright.async_api import FilePayload, Locator, Page, expect

from infra.local.stack import Stack

ROOT = Path(__file__).parents[2]
SAMPLE = ROOT / "samples" / "sense_and_sensibility.flac"
SOUND = SAMPLE.read_bytes()
TEXT = b"Buy milk, call Marianne.\n" * 40
WORK_MS = 300_000  # for a job, on a slow machine, model loading included
SOON_MS = 30_000


def a_file(name: str, content: bytes = SOUND) -> FilePayload:
    """A file as a person chooses one."""
    return {"name": name, "mimeType": "audio/flac", "buffer": content}


def stage(page: Page, name: str) -> Locator:
    """A stage in the picture of a job's plan."""
    return page.locator(f'.dag-node[data-stage="{name}"]')


def row(page: Page, job: str) -> Locator:
    """A job in the list."""
    return page.locator(f'a.job-row[href="/jobs/{job}"]')


async def live(page: Page) -> None:
    """Wait until the page says that it is."""
    await expect(page.locator("header .link")).to_have_attribute(
        "data-state", "live", timeout=SOON_MS
    )


async def choose(page: Page, *files: FilePayload) -> None:
    """Give the page files."""
    await page.locator("#files").set_input_files(list(files))


async def called(page: Page, name: str) -> str:
    """The id of the job of a file of that name, once the list has it."""
    link = page.locator("a.job-row", has=page.get_by_text(name, exact=True)).first
    await expect(link).to_be_visible(timeout=SOON_MS)
    return (await link.get_attribute("href") or "").rpartition("/")[2]


async def api(stack: Stack, method: str, path: str, **more: Any) -> httpx.Response:
    """A request of somebody else's; patient while the web is away."""
    async with httpx.AsyncClient(base_url=stack.running.web.url, timeout=90) as client:
        for _ in range(150):
            try:
                answer = await client.request(method, path, **more)
            except httpx.TransportError:
                await asyncio.sleep(0.2)
                continue
            if answer.status_code != 503 or "no-engine" in answer.text:
                return answer
            await asyncio.sleep(0.2)
    raise AssertionError(f"{method} {path} was never answered")


async def submit(stack: Stack, name: str, content: bytes = SOUND, **fields: str) -> str:
    """A job by HTTP."""
    files = {"file": (name, content)}
    answer = await api(stack, "POST", "/v1/jobs", files=files, data=fields)
    assert answer.status_code == 202, answer.text
    return str(answer.json()["id"])


async def parked(stack: Stack, job: str) -> None:
    """Kill whatever hears the job until nobody tries it any more: a recording that does harm."""
    async with asyncio.timeout(WORK_MS / 1000):
        while True:
            view = (await api(stack, "GET", f"/v1/jobs/{job}")).json()
            if view["status"] == "blocked":
                return
            assert view["status"] not in {"succeeded", "failed", "cancelled"}, view
            hears = next(one for one in view["stages"] if one["name"] == "transcribe")
            if hears["status"] == "running":
                for pid in children(stack.running.engines[hears["engine"]].pid):
                    os.kill(pid, signal.SIGKILL)
            await asyncio.sleep(0.05)


def children(pid: int | None) -> list[int]:
    """The processes that a process of this machine has begun."""
    return [
        int(child)
        for task in Path(f"/proc/{pid}/task").iterdir()
        for child in (task / "children").read_text().split()
    ]


async def settled(stack: Stack, job: str) -> dict[str, Any]:
    """The job as the API has it, once it waits for nobody but a person."""
    async with asyncio.timeout(WORK_MS / 1000):
        while True:
            view: dict[str, Any] = (await api(stack, "GET", f"/v1/jobs/{job}")).json()
            if view["status"] in {"succeeded", "failed", "cancelled", "blocked"}:
                return view
            await asyncio.sleep(0.2)
