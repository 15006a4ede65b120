"""A whole stack with real engines, and Debian's Chromium looking at its page."""

import os
import shutil
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from playwright.async_api import Browser, ConsoleMessage, Page, Request, Response, async_playwright

from infra.local.options import DEFAULT_ENGINES, Options
from infra.local.stack import Stack
from tests.echo.stack import COMMANDS, replicas

ROOT = Path(__file__).parents[2]
# What Chromium would do on the network by itself; as root it has no sandbox to be in.
FLAGS = [
    "--disable-gpu", "--disable-background-networking", "--disable-component-update",
    "--disable-sync", "--no-first-run", "--disable-quic",
]  # fmt: skip


class Trouble(list[str]):
    """What went wrong in a page, in its own words: errors, refusals, failed requests, dialogs."""

    def watch(self, page: Page) -> None:
        page.on("console", self._said)
        page.on("pageerror", lambda error: self.append(f"uncaught: {error}"))
        page.on("requestfailed", self._failed)
        page.on("response", self._answered)

    def _said(self, message: ConsoleMessage) -> None:
        # A violation of the content security policy comes as an error on the console too.
        if message.type in {"error", "warning"}:
            self.append(f"console: {message.text}")

    def _failed(self, request: Request) -> None:
        if request.failure != "net::ERR_ABORTED":  # the page itself wants it no more, or has left
            self.append(f"{request.url}: {request.failure}")

    def _answered(self, response: Response) -> None:
        if response.status >= 400:
            self.append(f"{response.url}: {response.status}")


@pytest.fixture(scope="session")
def chromium() -> str:
    found = shutil.which("chromium")
    if not found:
        pytest.fail("there is no chromium on this machine: apt-get install chromium")
    return found


@pytest.fixture(scope="session")
async def stack(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Stack]:
    """The usual engines and one that tells speakers apart; nobody is asked for a key."""
    options = Options(
        home=tmp_path_factory.mktemp("home"),
        environ=dict(os.environ),
        environments=ROOT / ".dalston" / "envs",
        engines={**DEFAULT_ENGINES, "pyannote": 1},
    )
    async with Stack(options) as running:
        yield running


@pytest.fixture(scope="session")
async def echoes(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Stack]:
    """Engines that say and last as they are told, so that a job of hours takes a moment."""
    options = Options(
        home=tmp_path_factory.mktemp("echoes"),
        environ=dict(os.environ),
        engines=replicas(),
        commands=COMMANDS,
    )
    async with Stack(options) as running:
        yield running


@pytest.fixture(scope="session")
async def browser(chromium: str) -> AsyncIterator[Browser]:
    flags = [*FLAGS, "--no-sandbox"] if os.geteuid() == 0 else FLAGS
    async with async_playwright() as playwright:
        started = await playwright.chromium.launch(executable_path=chromium, args=flags)
        yield started
        await started.close()


@pytest.fixture
def trouble() -> Trouble:
    return Trouble()


@pytest.fixture
async def page(browser: Browser, stack: Stack, trouble: Trouble) -> AsyncIterator[Page]:
    """The page in a fresh profile, live."""
    context = await browser.new_context(base_url=stack.running.web.url)
    page = await context.new_page()
    trouble.watch(page)
    await page.goto("/")
    yield page
    await context.close()
