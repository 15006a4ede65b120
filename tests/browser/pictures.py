"""The pictures of the README: `python -m tests.browser.pictures FOLDER [MINUTES]`.

Real engines hear the sample in pieces for so many minutes, so that there is something to see.
"""

import asyncio
import itertools
import os
import shutil
import sys
import tempfile
from pathlib import Path

import numpy as np
from playwright.async_api import Browser, Page, async_playwright, expect

from infra.local.options import DEFAULT_ENGINES, Options
from infra.local.stack import Stack
from tests.browser.acts import ROOT, SOON_MS, api, live, row, settled, submit
from tests.browser.conftest import FLAGS
from tests.browser.looks import LOOKS
from tests.browser.sounds import RATE, sample, spoken, two_voices, wav

NAMES = (
    "Call with the printer.wav", "Chapter one.wav", "Voice note.wav", "Stand-up, Tuesday.wav",
    "Customer 1184.wav", "Lecture 3.wav",
)  # fmt: skip
EVERY_S = 6.0


async def main(folder: Path, minutes: float) -> None:
    """Run a stack, work it, look at it."""
    folder.mkdir(parents=True, exist_ok=True)
    options = Options(
        home=Path(tempfile.mkdtemp(prefix="dalston-pictures-")),
        environ=dict(os.environ),
        environments=ROOT / ".dalston" / "envs",
        engines={**DEFAULT_ENGINES, "pyannote": 1},
    )
    flags = [*FLAGS, "--no-sandbox"] if os.geteuid() == 0 else FLAGS
    async with Stack(options) as stack, async_playwright() as playwright:
        chromium = shutil.which("chromium")
        browser = await playwright.chromium.launch(executable_path=chromium, args=flags)
        await work(stack, minutes)
        talk = await submit(stack, "Interview with Mr. Dashwood.wav", two_voices(), diarize="true")
        await settled(stack, talk)
        for speaker, name in (("S1", "Jane"), ("S2", "Marianne")):
            await api(stack, "PUT", f"/v1/jobs/{talk}/speakers/{speaker}", json={"name": name})
        await look(stack, browser, folder, talk)
        await browser.close()


async def work(stack: Stack, minutes: float) -> None:
    """A piece of the sample every few seconds; some want to know who speaks."""
    whole, names = sample(), itertools.cycle(NAMES)
    loop = asyncio.get_running_loop()
    end = loop.time() + minutes * 60
    for n in itertools.count():
        if loop.time() > end:
            return
        seconds = 6 + n * 7 % 20
        piece = wav(np.roll(whole, -n * RATE)[: seconds * RATE])
        job = await submit(stack, next(names), piece, **({"diarize": "true"} if n % 5 == 4 else {}))
        await settled(stack, job)
        await asyncio.sleep(EVERY_S)


async def look(stack: Stack, browser: Browser, folder: Path, talk: str) -> None:
    """Each picture in a window of its own."""
    broken = await submit(stack, "Notes.mp3", b"Buy milk, call Marianne.\n" * 40)
    await settled(stack, broken)
    busy = await submit(stack, "Board meeting.wav", spoken(12))
    await submit(stack, "Podcast, episode 12.wav", spoken(6), diarize="true")
    page = await window(browser, stack, "light")
    await page.goto("/")
    await live(page)
    await expect(row(page, busy)).to_contain_text("transcribe", timeout=SOON_MS)
    await page.get_by_role("button", name="I know").click()
    await page.screenshot(path=folder / "jobs.png")
    phone = await window(browser, stack, "phone")
    await phone.goto(f"/jobs/{talk}")
    await seen(phone, ".seg")
    await phone.screenshot(path=folder / "phone.png")
    dark = await window(browser, stack, "dark")
    await dark.goto(f"/jobs/{talk}")
    await seen(dark, ".seg")
    await dark.get_by_text("Stages", exact=True).click()
    await dark.locator(".seg [data-t]", has_text="prudently").first.click()
    await dark.evaluate("scrollTo(0, 0)")
    await dark.wait_for_timeout(500)
    await dark.screenshot(path=folder / "job.png")
    await page.goto(f"/jobs/{talk}/replay?rev=12")
    await seen(page, ".replay-event")
    await page.screenshot(path=folder / "replay.png")
    await dark.goto("/analytics?since=15m")
    await seen(dark, ".plot canvas")
    await dark.screenshot(path=folder / "analytics.png")


async def window(browser: Browser, stack: Stack, look: str) -> Page:
    more = {**LOOKS[look], "reduced_motion": "reduce"}
    context = await browser.new_context(base_url=stack.running.web.url, **more)
    await context.add_init_script(
        "addEventListener('DOMContentLoaded', () => "
        "{ document.documentElement.style.scrollbarGutter = 'auto' })"
    )
    return await context.new_page()


async def seen(page: Page, what: str) -> None:
    await expect(page.locator(what).first).to_be_visible(timeout=SOON_MS)
    await page.wait_for_load_state("networkidle")
    await page.wait_for_timeout(500)


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1]), float(sys.argv[2]) if len(sys.argv) > 2 else 5))
