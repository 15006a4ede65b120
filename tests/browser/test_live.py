"""Servers die and the network goes while a job runs: the page says so, and ends up as the API."""

import asyncio
import os
import re
import signal
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest
from playwright.async_api import Browser, Page, expect

from infra.local.stack import Stack
from tests.browser.acts import SOON_MS, WORK_MS, api, live, row, settled, stage, submit
from tests.echo.script import Act, Script, encode
from tests.faults.proxy import Proxy

pytestmark = [pytest.mark.browser, pytest.mark.timeout(900)]

WORDS = "She was not ill disposed unless to be rather cold hearted is to be ill disposed"
SLOW = Script(
    says=WORDS,
    audio_s=60,
    acts={"prepare": (Act(seconds=1),), "transcribe": (Act(seconds=8),)},
)
AWAY_S = 2.0
# Keeps each state that the link goes through.
WATCH = """() => {
  const link = document.querySelector("header .link");
  window.states = [link.dataset.state];
  new MutationObserver(() => states.push(link.dataset.state))
    .observe(link, { attributeFilter: ["data-state"] });
}"""


@pytest.fixture
async def network(echoes: Stack) -> AsyncIterator[Proxy]:
    """What the browser's bytes go through."""
    async with Proxy("web", echoes.running.web.url) as proxy:
        yield proxy


class Watched:
    """A job's page, the list and the log, each in a tab, over a network that can be cut."""

    def __init__(self, stack: Stack, network: Proxy, job: str, tabs: list[Page]) -> None:
        self.stack, self.network, self.job = stack, network, job
        self.page, self.list, self.log = tabs

    async def cut_the_network(self) -> None:
        """Connections break and none is taken, then all is well."""
        await self.network.shut()
        await asyncio.sleep(AWAY_S)
        self.network.open()

    async def go_offline(self) -> None:
        """As a laptop that leaves its network: the browser knows, and the socket is dead."""
        self.network.freeze()
        await self.page.context.set_offline(True)
        await asyncio.sleep(AWAY_S)
        self.network.forsake()
        await self.page.context.set_offline(False)

    async def kill(self, part: str) -> None:
        """The local supervisor starts it again."""
        running = self.stack.running
        pid = {"web": running.web, "projector": running.projector, "redis": running.valkey}[
            part
        ].pid
        assert pid
        os.kill(pid, signal.SIGKILL)
        await asyncio.sleep(AWAY_S)

    async def everything(self) -> None:
        """All at once."""
        await asyncio.gather(
            self.kill("web"), self.kill("projector"), self.kill("redis"), self.cut_the_network()
        )


@pytest.fixture
async def watched(browser: Browser, echoes: Stack, network: Proxy) -> AsyncIterator[Watched]:
    context = await browser.new_context(base_url=network.url)
    tabs = [await context.new_page() for _ in range(3)]
    job = await submit(echoes, "slow.echo", encode(SLOW))
    for tab, path in zip(tabs, (f"/jobs/{job}", "/", "/events"), strict=True):
        await tab.goto(path)
        await live(tab)
        await tab.evaluate(WATCH)
    await expect(stage(tabs[0], "transcribe")).to_have_attribute(
        "data-status", "running", timeout=WORK_MS
    )
    yield Watched(echoes, network, job, tabs)
    await context.close()


HARMS: dict[str, tuple[Callable[[Watched], Any], bool]] = {
    # What is done, and whether the page must notice: it hears of jobs without the projector.
    "web": (lambda it: it.kill("web"), True),
    "projector": (lambda it: it.kill("projector"), False),
    "redis": (lambda it: it.kill("redis"), False),
    "network": (Watched.cut_the_network, True),
    "offline": (Watched.go_offline, True),
    "everything": (Watched.everything, True),
}


@pytest.mark.parametrize(
    "harm",
    [
        pytest.param(name, marks=[] if name in {"web", "everything"} else pytest.mark.long)
        for name in HARMS
    ],
)
async def test_what_the_page_shows_in_the_end_is_what_the_api_says(
    watched: Watched, harm: str
) -> None:
    act, noticed = HARMS[harm]
    await act(watched)
    view = await settled(watched.stack, watched.job)
    assert view["status"] == "succeeded"
    for tab in (watched.page, watched.list, watched.log):
        await live(tab)
        states = await tab.evaluate("states")
        print(harm, states)
        if noticed:
            assert "away" in states
        if harm in {"web", "network"}:  # what was missed is told, nothing is begun anew
            assert states[-3:] == ["away", "late", "live"]
    await shows_the_job(watched.page, view)
    line = row(watched.list, watched.job)
    await expect(line.locator(".badge")).to_have_text("Done", timeout=SOON_MS)
    await expect(line.locator(".job-progress")).to_have_count(0)
    await shows_the_log(watched)


async def shows_the_job(page: Page, view: dict[str, Any]) -> None:
    """Status, stages and words, each as the API has it."""
    await expect(page.locator(".job-line .badge")).to_have_text("Done", timeout=SOON_MS)
    assert await page.locator(".dag-node").count() == len(view["stages"])
    for one in view["stages"]:
        await expect(stage(page, one["name"])).to_have_attribute("data-status", one["status"])
    await expect(page.locator(".seg")).to_have_count(1, timeout=SOON_MS)
    await expect(page.locator(".seg")).to_contain_text(WORDS)


async def shows_the_log(watched: Watched) -> None:
    """Every event of the archive from the first shown to the last, once and in order."""
    told = [event["seq"] for event in await events(watched.stack, watched.job)]
    await expect(watched.log.locator(".log-line .num").first).to_have_text(
        re.compile(rf"^({'|'.join(map(str, range(told[-1], told[-1] + 50)))})$")
    )
    shown = await listed(watched.log)
    assert shown == list(range(shown[0], shown[0] - len(shown), -1)), "a hole or a duplicate"
    assert {*told} <= {*shown}


async def events(stack: Stack, job: str) -> list[dict[str, Any]]:
    """All events of a job, once the archive has the last of them."""
    view = (await api(stack, "GET", f"/v1/jobs/{job}")).json()
    async with asyncio.timeout(SOON_MS / 1000):
        while True:
            reply = await api(stack, "GET", f"/v1/jobs/{job}/events?limit=1000")
            found: list[dict[str, Any]] = reply.json()["events"]
            if len(found) >= view["rev"]:
                return found
            await asyncio.sleep(0.2)


async def listed(page: Page) -> list[int]:
    """The numbers of all lines of a long list, from its top to its end, by scrolling."""
    await page.evaluate("scrollTo(0, 0)")
    rows: dict[int, int] = {}
    size = 1
    async with asyncio.timeout(60):
        while len(rows) < size:
            for at, of, seq in await page.locator(".virtual-row").evaluate_all(
                """rows => rows.map(row => [Number(row.ariaPosInSet), Number(row.ariaSetSize),
                   Number(row.querySelector(".num").textContent)])"""
            ):
                rows[at], size = seq, of
            await page.mouse.wheel(0, 500)
            await asyncio.sleep(0.05)
    return [rows[at] for at in sorted(rows)]
