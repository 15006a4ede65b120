"""Whatever strangers name, say and write is shown as text, in every view."""

import json
import re

import pytest
from playwright.async_api import Browser, Page, expect

from infra.local.stack import Stack
from tests.browser.acts import SOON_MS, api, live, settled, submit
from tests.browser.conftest import Trouble
from tests.browser.sounds import short

pytestmark = [pytest.mark.browser, pytest.mark.timeout(900)]

EVIL = "<img src=x onerror=\"alert('%s')\"><script>alert(1)</script>"
NAME = "<img src=x onerror=alert('name')>.flac"
SPEAKER, TEXT, LABEL = EVIL % "speaker", f"{EVIL % 'words'} Marianne", EVIL % "label"


@pytest.fixture(scope="module")
async def job(stack: Stack) -> str:
    """A job in which everything that can be chosen is hostile."""
    labels = json.dumps({"team": LABEL})
    job = await submit(stack, NAME, short(12), diarize="true", labels=labels, hotwords=TEXT)
    assert (await settled(stack, job))["status"] == "succeeded"
    for path, body in (("speakers/S1", {"name": SPEAKER}), ("segments/0", {"text": TEXT})):
        reply = await api(stack, "PUT", f"/v1/jobs/{job}/{path}", json=body)
        assert reply.status_code == 200, reply.text
    return job


@pytest.fixture(scope="module")
async def failed(stack: Stack) -> str:
    """A job whose model is hostile, and whose reason says so."""
    job = await submit(stack, "evil.flac", model=EVIL % "model")
    assert (await settled(stack, job))["status"] == "failed"
    return job


async def harmless(page: Page, trouble: Trouble, *texts: str) -> None:
    """These texts are there to be read, and nothing of them became part of the document."""
    for text in texts:
        await expect(page.get_by_text(text).first).to_be_attached(timeout=SOON_MS)
    assert await page.locator("main img, main script, main [onerror]").count() == 0
    assert trouble == []


async def test_in_every_view(
    page: Page, stack: Stack, job: str, failed: str, trouble: Trouble
) -> None:
    page.on("dialog", lambda dialog: trouble.append(f"dialog: {dialog.message}"))
    rev = (await settled(stack, job))["rev"]
    views: dict[str, tuple[str, ...]] = {
        "/": (NAME,),
        f"/jobs/{job}": (NAME, SPEAKER, TEXT, LABEL),
        f"/jobs/{job}?t=0": (TEXT,),
        f"/jobs/{job}/replay?rev={rev}": (NAME, SPEAKER, TEXT),
        f"/jobs/{job}/replay?rev={rev}&with={rev - 2}": (NAME, TEXT),
        "/search?q=marianne": (NAME, SPEAKER),
        f"/jobs/{failed}": (EVIL % "model",),
        "/analytics/jobs?since=1h": (NAME,),
        "/sql?q=SELECT filename FROM jobs": (),
        f"/search?q={EVIL % 'nobody'}": (EVIL % "nobody",),
        f"/?q={EVIL % 'nobody'}": (),
    }
    for path, texts in views.items():
        await page.goto(path)
        await live(page)
        print(path)
        await harmless(page, trouble, *texts)


async def test_in_the_log_and_its_json(page: Page, job: str, trouble: Trouble) -> None:
    await page.goto(f"/events?q={job}")
    renamed = page.locator(".log-line", has_text="speaker.renamed").locator("button")
    await renamed.click(timeout=SOON_MS)
    await expect(page.locator(".log-line pre")).to_contain_text("onerror")
    await harmless(page, trouble, NAME, SPEAKER)


async def test_in_what_sql_finds(page: Page, job: str, trouble: Trouble) -> None:
    await page.goto("/sql")
    await page.get_by_label("Query").fill(f"SELECT filename FROM jobs WHERE job = '{job}'")
    await page.get_by_role("button", name="Run").click()
    await expect(page.locator(".rows-box td").first).to_have_text(NAME, timeout=SOON_MS)
    await harmless(page, trouble)


async def test_in_a_link_that_is_shared(
    browser: Browser, stack: Stack, job: str, trouble: Trouble
) -> None:
    made = await api(stack, "POST", f"/v1/jobs/{job}/shares", json={"expires_in_s": 600})
    context = await browser.new_context(base_url=stack.running.web.url)
    page = await context.new_page()
    trouble.watch(page)
    page.on("dialog", lambda dialog: trouble.append(f"dialog: {dialog.message}"))
    await page.goto(made.json()["path"])
    await harmless(page, trouble, NAME, SPEAKER, TEXT)
    await context.close()


async def test_the_policy_of_the_page_lets_no_script_in_that_is_not_its_own(page: Page) -> None:
    said: list[str] = []
    page.on("console", lambda message: said.append(message.text))
    await page.evaluate(
        """() => {
          const script = document.createElement("script");
          script.textContent = "window.harmed = true";
          document.body.append(script);
          const image = '<img src=x onerror="window.harmed = true">';
          document.body.insertAdjacentHTML("beforeend", image);
        }"""
    )
    await expect(page.locator("body > img")).to_be_attached()
    await page.wait_for_timeout(300)
    assert await page.evaluate("window.harmed") is None
    assert any(re.search("Content Security Policy", text) for text in said)
