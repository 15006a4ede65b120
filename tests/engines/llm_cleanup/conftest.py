"""The engine in its own environment, a server that answers as told, and a real language model.

provider   a server that speaks OpenAI's protocol; set `provider.answer`.
tidy       await tidy(heard, {"summary": True}, llm_timeout_s=1) → End.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any, TypeAlias

import msgspec
import pytest

from streams.transcript import Cleaned, Segment, Transcript, Word
from tests.engines.conftest import EnginePython
from tests.engines.llm_cleanup import provider as providers
from tests.engines.llm_cleanup.provider import Provider

DRIVER = Path(__file__).with_name("driver.py")
KEY = "sk-very-secret"


class End(msgspec.Struct):
    """How a task ended: with its output, or with a failure's kind and words."""

    cleaned: Cleaned | None = None
    progress: list[float] = []
    kind: str = ""
    reason: str = ""

    @property
    def output(self) -> Cleaned:
        assert self.cleaned is not None, self.reason
        return self.cleaned

    @property
    def texts(self) -> list[str | None]:
        return [one.text if one else None for one in self.output.segments]


Tidy: TypeAlias = Callable[..., Awaitable[End]]


def heard(*texts: str, language: str | None = "en") -> Transcript:
    """A transcript with a segment of four seconds for each text, and the times of each word."""
    return Transcript(
        duration=4.0 * len(texts),
        language=language,
        segments=tuple(
            Segment(4.0 * at, 4.0 * at + 3.5, text, words=words(text, 4.0 * at))
            for at, text in enumerate(texts)
        ),
    )


def words(text: str, start: float = 0.0) -> tuple[Word, ...]:
    """A word each quarter of a second."""
    return tuple(
        Word(word, start + at / 4, start + at / 4 + 0.2, probability=0.5)
        for at, word in enumerate(text.split())
    )


@pytest.fixture
def provider() -> Iterator[Provider]:
    with providers.serving() as serving:
        yield serving


@pytest.fixture(scope="session")
async def driver(engine_python: EnginePython) -> AsyncIterator[asyncio.subprocess.Process]:
    child = await asyncio.create_subprocess_exec(
        await engine_python("llm_cleanup"), DRIVER,
        stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, limit=1 << 24,
    )  # fmt: skip
    yield child
    assert child.stdin is not None
    child.stdin.close()
    await child.wait()


@pytest.fixture
def tidy(driver: asyncio.subprocess.Process, provider: Provider) -> Tidy:
    async def run(
        transcript: Transcript, options: dict[str, Any] | None = None, **settings: Any
    ) -> End:
        asked = {
            "settings": {
                "llm_model": "openai/local", "llm_base_url": provider.url, "llm_api_key": KEY,
                "llm_timeout_s": 20, "llm_retries": 1, **settings,
            },
            "heard": transcript,
            "options": options or {},
        }  # fmt: skip
        assert driver.stdin is not None
        assert driver.stdout is not None
        driver.stdin.write(msgspec.json.encode(asked) + b"\n")
        return msgspec.json.decode(await driver.stdout.readline(), type=End)

    return run
