"""The list of jobs: files go in, jobs move, and what was said is found."""

import asyncio
import re

import pytest
from playwright.async_api import Page, Route, expect

from infra.local.stack import Stack
from tests.browser.acts import (
    SAMPLE,
    SOON_MS,
    SOUND,
    TEXT,
    WORK_MS,
    a_file,
    api,
    called,
    choose,
    live,
    row,
    settled,
    stage,
    submit,
)
from tests.browser.conftest import Trouble

pytestmark = [pytest.mark.browser, pytest.mark.timeout(900)]


async def test_a_chosen_file_becomes_words_before_your_eyes(
    page: Page, stack: Stack, trouble: Trouble
) -> None:
    await page.evaluate("window.untouched = true")
    await choose(page, a_file(SAMPLE.name))
    job = await called(page, SAMPLE.name)
    await row(page, job).click()
    await expect(page.get_by_role("heading", level=1)).to_have_text(SAMPLE.name)
    await expect(page.locator(".seg").first).to_contain_text("Dashwood", timeout=WORK_MS)
    await expect(page.locator(".job-line .badge")).to_have_text("Done", timeout=WORK_MS)
    await expect(page.locator(".seg").last).to_contain_text("amiable")
    assert await page.evaluate("window.untouched"), "the page was loaded again"
    assert (await settled(stack, job))["status"] == "succeeded"
    assert trouble == []


async def test_what_was_said_is_found_and_its_moment_is_a_click_away(
    page: Page, stack: Stack, trouble: Trouble
) -> None:
    job = await submit(stack, "found.flac")
    await settled(stack, job)
    async with asyncio.timeout(SOON_MS / 1000):  # the index follows the log, a second behind
        while job not in (await api(stack, "GET", "/v1/search?q=cold-hearted&limit=100")).text:
            await asyncio.sleep(0.2)
    await page.get_by_role("search").get_by_role("searchbox").fill('"cold-hearted"')
    await page.keyboard.press("Enter")
    hit = page.locator(f'.hit[href^="/jobs/{job}?t="]')
    await expect(hit.locator("mark").first).to_have_text("cold", timeout=SOON_MS)
    await hit.click()
    await expect(page).to_have_url(re.compile(rf"/jobs/{job}\?t=\d"))
    await expect(page.locator(".seg[data-marked]")).to_contain_text("cold-hearted")
    assert trouble == []


async def test_a_list_is_narrowed_by_name_and_state_and_the_address_keeps_it(
    page: Page, stack: Stack, trouble: Trouble
) -> None:
    wanted = await submit(stack, "needle.mp3", TEXT)
    other = await submit(stack, "haystack.mp3", TEXT)
    await settled(stack, wanted)
    await settled(stack, other)
    await page.goto("/?q=needle&status=failed")
    await expect(row(page, wanted)).to_be_visible(timeout=SOON_MS)
    await expect(row(page, other)).to_have_count(0)
    await page.goto("/?q=needle&status=succeeded")
    await expect(page.locator(".empty")).to_be_visible(timeout=SOON_MS)
    assert trouble == []


async def test_options_in_plain_words_reach_the_job(
    page: Page, stack: Stack, trouble: Trouble
) -> None:
    await page.get_by_text("Options", exact=True).click()
    await page.get_by_label("Tell speakers apart").check()
    await page.get_by_label("How many speak").select_option("1")
    await page.get_by_label("Words to expect").fill("Dashwood")
    await choose(page, a_file("options.flac"))
    job = await called(page, "options.flac")
    request = (await api(stack, "POST", f"/v1/jobs/{job}/cancel")).json()["request"]
    assert request["diarize"] is True
    assert (request["min_speakers"], request["max_speakers"]) == (1, 1)
    assert request["hotwords"] == "Dashwood"
    await page.reload()
    await page.get_by_text("Options", exact=True).click()
    await expect(page.get_by_label("Tell speakers apart")).to_be_checked()
    await page.get_by_role("button", name="As at first").click()
    assert trouble == []


async def test_an_upload_that_is_cut_goes_on_where_it_was(page: Page, stack: Stack) -> None:
    cut = asyncio.Event()

    async def once(route: Route) -> None:
        if route.request.method == "PATCH" and not cut.is_set():
            cut.set()
            await route.abort("connectionreset")
        else:
            await route.continue_()

    await page.route("**/v1/uploads/*", once)
    await choose(page, a_file("cut.flac"))
    job = await called(page, "cut.flac")
    assert cut.is_set()
    view = await settled(stack, job)
    assert view["status"] == "succeeded"


async def test_a_file_that_is_no_audio_fails_with_its_reason_in_words(
    page: Page, stack: Stack, trouble: Trouble
) -> None:
    await choose(page, a_file("notes.mp3", TEXT))
    job = await called(page, "notes.mp3")
    reason = (await settled(stack, job))["reason"]
    assert " " in reason
    await row(page, job).click()
    await expect(page.locator(".job-line .badge")).to_have_text("Failed", timeout=WORK_MS)
    await expect(page.get_by_text(reason).first).to_be_visible()
    assert trouble == []


async def test_a_hostile_file_name_is_shown_as_text(page: Page, trouble: Trouble) -> None:
    page.on("dialog", lambda dialog: trouble.append(f"dialog: {dialog.message}"))
    name = "<img src=x onerror=alert(1)>.flac"
    await choose(page, a_file(name))
    job = await called(page, name)
    await row(page, job).click()
    await expect(page.get_by_role("heading", level=1)).to_have_text(name)
    await expect(stage(page, "merge")).to_have_attribute(
        "data-status", "completed", timeout=WORK_MS
    )
    await page.goto(f"/jobs/{job}/replay")
    await expect(page.get_by_role("heading", level=1)).to_have_text(name)
    assert await page.locator("main img").count() == 0
    assert trouble == []


async def test_a_job_is_opened_with_the_keyboard_alone(
    page: Page, stack: Stack, trouble: Trouble
) -> None:
    job = await submit(stack, "keyboard.flac", SOUND)
    await live(page)
    await expect(row(page, job)).to_be_visible(timeout=SOON_MS)
    await page.keyboard.press("Tab")
    await expect(page.get_by_text("Skip to the page")).to_be_focused()
    await page.keyboard.press("Enter")
    await expect(page.locator("#main")).to_be_focused()
    for _ in range(40):
        await page.keyboard.press("Tab")
        if await page.evaluate("document.activeElement.pathname ?? ''") == f"/jobs/{job}":
            break
    await page.keyboard.press("Enter")
    await expect(page.get_by_role("heading", level=1)).to_have_text("keyboard.flac")
    assert trouble == []
