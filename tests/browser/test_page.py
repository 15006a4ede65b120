"""One user at the page: real servers, real engines, a real browser."""

import asyncio
import os
import re
import signal
from typing import Any

import httpx
import pytest
from playwright.async_api import Browser, FilePayload, Locator, Page, expect

from infra.local.stack import Stack
from tests.browser.conftest import ROOT, Trouble

# The first run on a fresh clone builds the engines' environments.
pytestmark = [pytest.mark.browser, pytest.mark.timeout(900)]

SAMPLE = ROOT / "samples" / "sense_and_sensibility.flac"
SOUND = SAMPLE.read_bytes()
TEXT = b"Buy milk, call Marianne.\n" * 40
PICTURES = ROOT / "ci-output" / "browser"
WORK_MS = 120_000  # for a job, on a slow machine, model loading included
SOON_MS = 20_000

# The page's own fold over a job's events, from nothing.
FOLD = """async (id) => {
  const { evolve } = await import("/static/fold.js");
  const { events } = await (await fetch(`/v1/jobs/${id}/events?limit=1000`)).json();
  return events.reduce(evolve, null);
}"""
# Keeps each state that the line in the corner goes through.
WATCH_LINK = """() => {
  window.states = [];
  new MutationObserver(() => states.push(document.getElementById("link-text").textContent))
    .observe(document.getElementById("link-text"), { childList: true });
}"""


def badge(page: Page, stage: str) -> Locator:
    return page.locator(".stage", has_text=stage).locator(".badge")


def a_file(name: str, content: bytes) -> FilePayload:
    return {"name": name, "mimeType": "audio/flac", "buffer": content}


async def choose(page: Page, file: FilePayload) -> str:
    """Give the page a file as a person does; the job's id once the page shows it."""
    before = page.url
    await page.locator("#files").set_input_files(file)
    await expect(page).not_to_have_url(before)
    await expect(page.locator("#job h1")).to_have_text(file["name"])
    return page.url.partition("#")[2]


async def submit(stack: Stack, name: str, content: bytes = SOUND) -> str:
    """A job by HTTP; patient while the web is away."""
    async with httpx.AsyncClient(base_url=stack.running.web.url, timeout=60) as client:
        for _ in range(100):
            try:
                answer = await client.post("/v1/jobs", files={"file": (name, content)})
            except httpx.TransportError:
                await asyncio.sleep(0.2)
                continue
            assert answer.status_code in {202, 503}, answer.text
            if answer.status_code == 202:
                return str(answer.json()["id"])
    raise AssertionError("never accepted")


async def done(stack: Stack, job: str) -> dict[str, Any]:
    """The job as the API has it, once it is over."""
    async with httpx.AsyncClient(base_url=stack.running.web.url, timeout=90) as client:
        async with asyncio.timeout(WORK_MS / 1000):
            while True:
                view: dict[str, Any] = (await client.get(f"/v1/jobs/{job}")).json()
                if view["status"] in {"succeeded", "failed"}:
                    return view
                await asyncio.sleep(0.2)


@pytest.fixture(scope="module")
async def finished(stack: Stack) -> str:
    """A job that is done."""
    job = await submit(stack, "talk.flac")
    assert (await done(stack, job))["status"] == "succeeded"
    return job


@pytest.fixture(scope="module")
async def failed(stack: Stack) -> str:
    """A job that failed, with a name that no line holds."""
    job = await submit(stack, f"{'what_marianne_said_' * 10}.mp3", TEXT)
    assert (await done(stack, job))["status"] == "failed"
    return job


async def test_a_chosen_file_becomes_words_with_times_before_your_eyes(
    page: Page, stack: Stack, trouble: Trouble
) -> None:
    await page.evaluate("window.untouched = true")
    job = await choose(page, a_file(SAMPLE.name, SOUND))
    await expect(page.locator(f'#jobs a[href="#{job}"]')).to_contain_text(SAMPLE.name)
    await expect(badge(page, "transcribe")).to_have_text("at work", timeout=SOON_MS)
    for stage in ("prepare", "transcribe", "merge"):
        await expect(badge(page, stage)).to_have_text("done", timeout=WORK_MS)

    await expect(page.locator(".words")).to_contain_text("amiable")
    word = page.locator(".word", has_text="amiable").first
    await word.click()
    await expect(page.locator(".told")).to_have_text(
        re.compile(r"^“amiable\W*” \d+\.\d\d to \d+\.\d\d s · \d+ % sure$")
    )
    events = page.locator(".events li .type")
    await expect(events.last).to_have_text("job.submitted")
    await expect(events.first).to_have_text("job.succeeded")
    assert await page.evaluate("window.untouched"), "the page was loaded again"

    view = await done(stack, job)
    folded = await page.evaluate(FOLD, job)
    assert {key: folded[key] for key in view} == view
    shown = await page.locator(".stage h3").all_inner_texts()
    assert shown == [stage["name"] for stage in view["stages"]]
    assert await events.count() == view["rev"]
    assert trouble == []


async def test_a_hostile_file_name_is_shown_as_text(page: Page, trouble: Trouble) -> None:
    page.on("dialog", lambda dialog: trouble.append(f"dialog: {dialog.message}"))
    name = "<img src=x onerror=alert(1)>.flac"
    job = await choose(page, a_file(name, SOUND))
    await expect(page.locator(f'#jobs a[href="#{job}"] .name')).to_have_text(name)
    await expect(badge(page, "merge")).to_have_text("done", timeout=WORK_MS)
    assert await page.locator("img").count() == 0
    assert trouble == []


async def test_a_file_that_is_no_audio_fails_with_its_reason_in_words(
    page: Page, stack: Stack, trouble: Trouble
) -> None:
    job = await choose(page, a_file("notes.mp3", TEXT))
    await expect(page.locator(".head .badge")).to_have_text("failed", timeout=WORK_MS)
    reason = (await done(stack, job))["reason"]
    assert " " in reason
    await expect(page.locator(".notice").first).to_have_text(reason)
    await expect(page.get_by_role("button", name="Run again")).to_be_visible()
    assert trouble == []


async def test_the_page_says_when_it_is_not_live_and_then_catches_up(
    page: Page, stack: Stack
) -> None:
    await expect(page.locator("#link-text")).to_have_text("Live")
    await page.evaluate(WATCH_LINK)
    pid = stack.running.web.pid
    assert pid
    os.kill(pid, signal.SIGKILL)
    job = await submit(stack, "meanwhile.flac")
    await expect(page.locator(f'#jobs a[href="#{job}"]')).to_be_visible(timeout=SOON_MS)
    await expect(page.locator("#link-text")).to_have_text("Live")
    states = await page.evaluate("states")
    assert states[0] == "Not connected, trying again"
    assert states[-1] == "Live"
    await expect(page.locator(f'#jobs a[href="#{job}"] .badge')).to_have_text(
        "done", timeout=WORK_MS
    )


LOOKS: dict[str, dict[str, Any]] = {
    "light": {"color_scheme": "light", "viewport": {"width": 1280, "height": 800}},
    "dark": {"color_scheme": "dark", "viewport": {"width": 1280, "height": 800}},
    "phone": {"color_scheme": "light", "viewport": {"width": 390, "height": 844}},
    "phone-dark": {"color_scheme": "dark", "viewport": {"width": 390, "height": 844}},
}


@pytest.mark.parametrize("look", LOOKS)
async def test_the_page_fits_every_screen(
    browser: Browser, stack: Stack, finished: str, failed: str, look: str, trouble: Trouble
) -> None:
    PICTURES.mkdir(parents=True, exist_ok=True)
    context = await browser.new_context(base_url=stack.running.web.url, **LOOKS[look])
    page = await context.new_page()
    trouble.watch(page)
    for name, path, seen in [
        ("home", "/", ".engines li"),
        ("job", f"/#{finished}", ".word"),
        ("failed", f"/#{failed}", ".notice"),
    ]:
        await page.goto(path)
        await expect(page.locator(seen).first).to_be_visible()
        await expect(page.locator("#link-text")).to_have_text("Live")
        if name == "home":
            await page.get_by_text("Options").click()
        await page.screenshot(path=PICTURES / f"{look}-{name}.png", full_page=True)
        wide = await page.evaluate("[document.documentElement.scrollWidth, innerWidth]")
        assert wide[0] <= wide[1]
    await context.close()
    assert trouble == []


async def test_a_job_is_opened_with_the_keyboard_alone(
    page: Page, finished: str, trouble: Trouble
) -> None:
    await expect(page.locator(f'#jobs a[href="#{finished}"]')).to_be_visible()
    await page.keyboard.press("Tab")
    await expect(page.get_by_text("Skip to the jobs")).to_be_focused()
    await page.keyboard.press("Enter")
    await expect(page.locator("#jobs-label")).to_be_focused()
    for _ in range(await page.locator("#jobs a").count()):
        await page.keyboard.press("Tab")
        if await page.evaluate("document.activeElement.hash") == f"#{finished}":
            break
    await page.keyboard.press("Enter")
    await expect(page.locator("#job h1")).to_have_text("talk.flac")
    assert trouble == []
