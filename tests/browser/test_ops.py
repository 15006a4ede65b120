"""What operators and analysts do: drain, retry, follow the log, ask, and give out keys."""

import asyncio
import re
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest
from playwright.async_api import Browser, Page, expect

from infra.local.stack import Stack
from tests.browser.acts import SOON_MS, WORK_MS, live, parked, settled, submit
from tests.browser.conftest import Trouble
from tests.browser.sounds import spoken

pytestmark = [pytest.mark.browser, pytest.mark.timeout(900)]


async def test_an_engine_is_drained_and_resumed(page: Page, stack: Stack, trouble: Trouble) -> None:
    await page.goto("/engines")
    await page.get_by_role("button", name="Drain pyannote").click()
    card = page.get_by_role("region", name="pyannote")
    await expect(card.locator(".badge")).to_have_text("Drained", timeout=SOON_MS)
    waits = await submit(stack, "drained.flac", diarize="true")
    await expect(card).to_contain_text("1 waiting", timeout=WORK_MS)
    await page.get_by_role("button", name="Resume pyannote").click()
    assert (await settled(stack, waits))["status"] == "succeeded"
    await expect(card.locator(".badge")).to_have_text("Ready", timeout=SOON_MS)
    assert trouble == []


@pytest.mark.long
async def test_what_is_parked_says_why_and_goes_on_otherwise(
    page: Page, stack: Stack, trouble: Trouble
) -> None:
    job = await submit(stack, "parked.wav", spoken(4))
    await parked(stack, job)
    await page.goto("/parked")
    line = page.locator(".parked-row", has_text="parked.wav")
    await expect(line).to_contain_text("died")
    await line.get_by_role("button", name="Retry", exact=True).click()
    await expect(page.locator(".toast").last).to_contain_text("tried again")
    await parked(stack, job)
    await page.reload()
    await line.get_by_role("button", name="Retry otherwise").click()
    await page.get_by_label("Words to expect").fill("Dashwood")
    await page.get_by_role("button", name="Run", exact=True).click()
    await expect(page).to_have_url(re.compile(rf"/jobs/(?!{job})"), timeout=SOON_MS)
    again = page.url.rpartition("/")[2]
    assert (await settled(stack, again))["status"] == "succeeded"
    assert (await settled(stack, job))["status"] == "cancelled"
    assert trouble == []


async def test_the_log_is_followed_without_a_hole(
    page: Page, stack: Stack, trouble: Trouble
) -> None:
    await page.goto("/events")
    job = await submit(stack, "followed.flac")
    await settled(stack, job)
    await page.get_by_label("Text").fill(job)
    first = page.locator(".log-line").first
    await expect(first).to_contain_text("job.succeeded", timeout=SOON_MS)
    await first.locator("button").click()
    await page.get_by_text("See the job at this moment").click()
    await expect(page).to_have_url(re.compile(rf"/jobs/{job}/replay\?rev=\d+"))
    assert trouble == []


async def test_a_chart_leads_to_its_jobs_its_query_and_its_files(
    page: Page, stack: Stack, tmp_path: Path, trouble: Trouble
) -> None:
    job = await submit(stack, "asked.flac")
    await settled(stack, job)
    await page.goto("/analytics?since=1h")
    await expect(page.locator(".tile", has_text="Transcribed").locator("dd")).not_to_have_text("…")
    await page.get_by_role("link", name="Open Real-time factor").click()
    rows = page.locator(".rows-box tbody tr")
    await expect(rows.filter(has_text="faster_whisper").first).to_be_visible(timeout=SOON_MS)
    async with page.expect_download() as saved:
        await page.get_by_role("link", name="Parquet").click()
    file = tmp_path / "rtf.parquet"
    await (await saved.value).save_as(file)
    assert file.read_bytes()[:4] == b"PAR1"
    await rows.filter(has_text="faster_whisper").first.get_by_role("link").click()
    await expect(page.locator(f'a.job-row[href="/jobs/{job}"]')).to_be_visible(timeout=SOON_MS)
    await page.go_back()
    await page.get_by_role("link", name="Change it").click()
    await page.get_by_role("button", name="Run").click()
    await expect(page.locator(".rows-box tbody tr").first).to_be_visible(timeout=SOON_MS)
    assert trouble == []


async def test_sql_reads_and_does_nothing_else(page: Page) -> None:
    await page.goto("/sql")
    query = page.get_by_label("Query")
    await query.fill("SELECT count(*) AS jobs FROM jobs")
    await query.press("Control+Enter")
    await expect(page.locator(".rows-box td")).to_have_count(1, timeout=SOON_MS)
    await query.fill("DELETE FROM jobs")
    await query.press("Control+Enter")
    await expect(page.locator(".field .error")).to_be_visible(timeout=SOON_MS)


@pytest.fixture
async def locked(
    tmp_path_factory: pytest.TempPathFactory, browser: Browser, trouble: Trouble
) -> AsyncIterator[tuple[Page, str]]:
    """The page of a stack that wants keys, and its first one."""
    from tests.browser.locked import locked_stack  # noqa: PLC0415 - only this test wants it

    async with locked_stack(tmp_path_factory.mktemp("locked")) as (url, key):
        context = await browser.new_context(base_url=url)
        page = await context.new_page()
        yield page, key
        await context.close()


async def test_a_key_opens_the_page_makes_others_and_is_taken_back(
    locked: tuple[Page, str],
) -> None:
    page, key = locked
    await page.goto("/keys")
    await expect(page).to_have_url(re.compile(r"/signin\?next="))
    await page.get_by_label("Key").fill("dk_wrong")
    await page.keyboard.press("Enter")
    await expect(page.locator(".error").first).to_be_visible()
    await page.get_by_label("Key").fill(key)
    await page.keyboard.press("Enter")
    await expect(page).to_have_url(re.compile(r"/keys$"))
    await live(page)
    cookies = await page.context.cookies()
    assert [(one["httpOnly"], one["sameSite"]) for one in cookies] == [(True, "Strict")]
    await page.get_by_role("button", name="Make a key").click()
    await page.get_by_label("What it is for").fill("a reader")
    await page.get_by_label("Write").uncheck()
    await page.get_by_label("Tenant").fill("other")
    await page.get_by_role("button", name="Make it").click()
    made = await page.locator(".secret").inner_text()
    await page.get_by_role("button", name="I have it").click()
    line = page.locator("tr", has_text="a reader")
    await expect(line).to_contain_text("other")
    url = await page.evaluate("location.origin")
    async with httpx.AsyncClient(base_url=url, headers={"Authorization": f"Bearer {made}"}) as it:
        assert (await it.get("/v1/me")).json()["scopes"] == ["read"]
        await line.get_by_role("button", name="Revoke a reader").click()
        await page.get_by_role("dialog").get_by_role("button", name="Revoke").click()
        await expect(line).to_contain_text("Revoked")
        async with asyncio.timeout(10):
            while (await it.get("/v1/me")).status_code != 401:
                await asyncio.sleep(0.2)
