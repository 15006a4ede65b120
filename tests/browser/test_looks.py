"""Every view in both themes, wide and on a phone: pictures, what axe finds, and its width."""

from collections.abc import AsyncIterator

import pytest
from playwright.async_api import Browser, Page, expect

from infra.local.stack import Stack
from tests.browser.acts import TEXT, live, parked, settled, submit
from tests.browser.conftest import Trouble
from tests.browser.looks import LOOKS, faults, picture
from tests.browser.sounds import spoken, two_voices

pytestmark = [pytest.mark.browser, pytest.mark.timeout(900)]


@pytest.fixture(scope="module")
async def job(stack: Stack) -> str:
    """A job that is done, with speakers."""
    job = await submit(stack, "talk.wav", two_voices(), diarize="true", labels='{"team": "novels"}')
    assert (await settled(stack, job))["status"] == "succeeded"
    return job


@pytest.fixture(scope="module")
async def failed(stack: Stack) -> str:
    """A job that failed, with a name that no line holds."""
    job = await submit(stack, f"{'what_marianne_said_' * 10}.mp3", TEXT)
    assert (await settled(stack, job))["status"] == "failed"
    return job


@pytest.fixture(scope="module")
async def blocked(stack: Stack) -> str:
    """A job with a stage that waits for a person."""
    job = await submit(stack, "harmful.wav", spoken(4))
    await parked(stack, job)
    return job


@pytest.fixture(
    params=[
        # Both themes and both widths are among those that are always looked at.
        pytest.param(name, marks=[] if name in {"dark", "phone"} else pytest.mark.long)
        for name in LOOKS
    ]
)
async def look(
    request: pytest.FixtureRequest, browser: Browser, stack: Stack, trouble: Trouble
) -> AsyncIterator[tuple[str, Page]]:
    context = await browser.new_context(
        base_url=stack.running.web.url, reduced_motion="reduce", **LOOKS[request.param]
    )
    page = await context.new_page()
    trouble.watch(page)
    yield request.param, page
    await context.close()


async def test_every_view_is_fit_to_be_seen_and_read(
    look: tuple[str, Page], job: str, failed: str, blocked: str, trouble: Trouble
) -> None:
    name, page = look
    sql = "SELECT stage, count(*) AS attempts FROM attempts GROUP BY stage"
    views = {
        "jobs": ("/", "a.job-row"),
        "job": (f"/jobs/{job}", ".seg"),
        "failed": (f"/jobs/{failed}", ".notice"),
        "parked-job": (f"/jobs/{blocked}", ".notice"),
        "replay": (f"/jobs/{job}/replay?rev=12", ".replay-event"),
        "compare": (f"/jobs/{job}/replay?rev=20&with=8", ".replay-diff"),
        "search": ("/search?q=amiable", ".hit"),
        "engines": ("/engines", ".replica"),
        "parked": ("/parked", ".parked-row"),
        "events": ("/events", ".log-line"),
        "analytics": ("/analytics?since=1h", ".plot canvas"),
        "question": ("/analytics/rtf?since=1h", ".rows-box td"),
        "sql": (f"/sql?q={sql}", ".sql-views details"),
        "keys": ("/keys", ".view h1"),
        "nowhere": ("/nowhere", ".empty"),
    }
    found = {}
    for view, (path, seen) in views.items():
        await page.goto(path)
        await live(page)
        await expect(page.locator(seen).first).to_be_visible()
        await picture(page, name, view)
        if wrong := await faults(page):
            found[view] = wrong
    assert found == {}
    assert [one for one in trouble if "nowhere" not in one and "404" not in one] == []
