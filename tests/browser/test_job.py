"""One job that is done: heard, read, corrected, shared, replayed."""

import re

import pytest
from playwright.async_api import Browser, Page, expect

from infra.local.stack import Stack
from tests.browser.acts import SOON_MS, api, settled, stage, submit
from tests.browser.conftest import Trouble

pytestmark = [pytest.mark.browser, pytest.mark.timeout(900)]


@pytest.fixture(scope="module")
async def job(stack: Stack) -> str:
    job = await submit(stack, "novel.flac", diarize="true")
    assert (await settled(stack, job))["status"] == "succeeded"
    return job


@pytest.fixture
async def opened(page: Page, job: str) -> Page:
    await page.goto(f"/jobs/{job}")
    await expect(page.locator(".seg").first).to_be_visible(timeout=SOON_MS)
    return page


async def test_its_stages_are_drawn_as_they_are(
    opened: Page, stack: Stack, job: str, trouble: Trouble
) -> None:
    await opened.get_by_text("Stages", exact=True).click()
    for one in (await settled(stack, job))["stages"]:
        await expect(stage(opened, one["name"])).to_have_attribute("data-status", one["status"])
    await stage(opened, "transcribe").click()
    await expect(opened.get_by_label("About Transcribe")).to_contain_text("tiny.en")
    assert trouble == []


async def test_a_word_is_a_place_in_the_audio_and_is_lit_when_it_is_heard(
    opened: Page, trouble: Trouble
) -> None:
    word = opened.locator(".seg [data-t]", has_text="respectable").first
    at = float(await word.get_attribute("data-t") or 0)
    await word.click()
    await expect(opened.get_by_role("slider", name="Place in the audio")).to_have_attribute(
        "aria-valuenow", re.compile(rf"^{int(at)}(\.|$)")
    )
    await opened.get_by_role("button", name="Play", exact=True).click()
    await expect(opened.locator(".seg .lit, .seg [data-lit]").first).to_be_visible(timeout=SOON_MS)
    await opened.get_by_role("button", name="Pause", exact=True).click()
    assert trouble == []


async def test_a_speaker_gets_a_name_that_search_and_replay_know(
    opened: Page, stack: Stack, job: str, trouble: Trouble
) -> None:
    await opened.locator("[data-speaker] button").first.click()
    await opened.keyboard.press("Control+A")
    await opened.keyboard.type("Jane Austen")
    await opened.keyboard.press("Enter")
    await expect(opened.locator(".seg-who").first).to_have_text("Jane Austen")
    view = (await api(stack, "GET", f"/v1/jobs/{job}")).json()
    assert list(view["names"].values()) == ["Jane Austen"]
    await opened.goto(f"/jobs/{job}/replay?rev={view['rev']}")
    await expect(opened.locator(".replay-speaker").first).to_contain_text("Jane Austen")
    await opened.goto(f"/jobs/{job}/replay?rev={view['rev'] - 1}")
    await expect(opened.locator(".replay-speaker").first).to_be_visible()
    await expect(opened.get_by_text("Jane Austen", exact=True)).to_have_count(0)
    assert trouble == []


async def test_a_correction_stands_beside_the_original_and_can_be_given_back(
    opened: Page, stack: Stack, job: str, trouble: Trouble
) -> None:
    last = opened.locator(".seg").last
    heard = await last.locator(".seg-body p").first.inner_text()
    await last.hover()
    await last.locator(".seg-edit").click()
    await opened.get_by_label("Corrected text").fill("He might have been <b>kind</b>.")
    await opened.keyboard.press("Enter")
    await expect(last).to_contain_text("He might have been <b>kind</b>.")
    await expect(last).to_contain_text(heard)
    path = f"/v1/jobs/{job}/transcript?format=txt"
    assert "<b>kind</b>" in (await api(stack, "GET", path)).text
    assert "<b>kind</b>" not in (await api(stack, "GET", f"{path}&version=original")).text
    found = await api(stack, "GET", f"/v1/jobs/{job}")
    assert found.json()["edited"] == 1
    await last.get_by_role("button", name=re.compile("original|back", re.IGNORECASE)).click()
    await expect(last.locator(".seg-body")).not_to_contain_text("kind")
    assert trouble == []


async def test_a_link_opens_this_job_to_whoever_has_it_and_nothing_else(
    opened: Page, browser: Browser, stack: Stack, trouble: Trouble
) -> None:
    await opened.get_by_role("button", name="Share").click()
    await opened.get_by_role("button", name="Make a link").click()
    link = await opened.get_by_label("The link").input_value()
    context = await browser.new_context()
    stranger = await context.new_page()
    trouble.watch(stranger)
    await stranger.goto(link)
    await expect(stranger.locator(".seg").first).to_be_visible(timeout=SOON_MS)
    await expect(stranger.get_by_role("button", name="Share")).to_have_count(0)
    await expect(stranger.locator(".seg-edit")).to_have_count(0)
    await stranger.get_by_role("button", name="Export").click()
    for offer in await stranger.get_by_role("dialog").get_by_role("link").all():
        path = await offer.get_attribute("href") or ""
        reply = await stranger.context.request.get(stack.running.web.url + path)
        assert reply.ok, f"{path}: {await reply.text()}"
    await stranger.keyboard.press("Escape")
    assert trouble == []
    await opened.get_by_role("button", name="Void all links").click()
    await expect(opened.locator(".toast").last).to_be_visible()
    await stranger.reload()
    await expect(stranger.locator(".seg")).to_have_count(0)
    await context.close()


async def test_every_format_can_be_saved(opened: Page, trouble: Trouble) -> None:
    await opened.get_by_role("button", name="Export").click()
    for form in ("txt", "json", "srt", "vtt"):
        async with opened.expect_download() as saved:
            await opened.locator(f'[data-format="{form}"]').click()
        file = await saved.value
        assert file.suggested_filename == f"novel.{form}"
    assert trouble == []


async def test_its_past_is_played_and_any_moment_has_an_address(
    page: Page, stack: Stack, job: str, trouble: Trouble
) -> None:
    await page.goto(f"/jobs/{job}/replay?rev=1")
    await expect(page.locator(".replay-event[aria-current]")).to_contain_text("job.submitted")
    slider = page.get_by_label("Moment in the past of the job")
    await slider.focus()
    for _ in range(4):
        await page.keyboard.press("ArrowRight")
    await expect(page).to_have_url(re.compile(r"rev=5$"))
    await page.get_by_label("Speed").select_option("100")
    await page.get_by_role("button", name="Play").click()
    await expect(page.locator(".replay-event[aria-current]")).to_contain_text(
        re.compile("job.succeeded|speaker.renamed|transcript.edited"), timeout=SOON_MS
    )
    rev = (await settled(stack, job))["rev"]
    await expect(page).to_have_url(re.compile(rf"rev={rev}$"))
    assert trouble == []
