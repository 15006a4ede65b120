"""Stage cleanup: clean text beside what was said, and notes, by a language model."""

import asyncio
import os
from collections.abc import Coroutine, Iterable
from importlib import metadata
from typing import Any

import msgspec

from engines.llm_cleanup import model, notes, prompts, tidy
from engines.llm_cleanup.settings import LlmSettings
from engines.sdk.contract import Engine, ModelUnavailable, Task
from streams.settings import read
from streams.transcript import Clean, Cleaned, Notes

TICK_S = 1.0
"""A waiting stage says so this often, or it would be taken for a hang."""


class Options(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What this engine can be asked."""

    model: str | None = None
    language: str | None = None
    clean: bool = True
    summary: bool = False
    action_items: bool = False
    chapters: bool = False

    @property
    def notes(self) -> tuple[str, ...]:
        """The kinds of notes that are wanted."""
        return tuple(kind for kind in notes.KINDS if getattr(self, kind))


class LlmCleanup(Engine):
    """Any model that litellm knows, or a server that speaks OpenAI's protocol."""

    name = "llm_cleanup"
    stage = "cleanup"
    version = "0.1.0"
    needs_model = True
    hears = False

    def __init__(self, settings: LlmSettings | None = None) -> None:
        self._settings = settings or read(LlmSettings, os.environ)
        self._litellm: Any = None
        self._name = ""

    def models(self) -> tuple[str, ...]:
        return self._settings.names

    def load(self, model_name: str | None) -> None:
        if model_name is None:
            raise ModelUnavailable(
                "no language model is configured: set DALSTON_LLM_MODEL, such as "
                "openai/gpt-4o-mini with DALSTON_LLM_API_KEY, or openai/local with "
                "DALSTON_LLM_BASE_URL=http://127.0.0.1:8080/v1 for a server of your own"
            )
        self._litellm = model.library()
        try:
            self._litellm.get_llm_provider(model_name)
        except Exception:  # noqa: BLE001 - it has many words for it
            raise ModelUnavailable(
                f"DALSTON_LLM_MODEL={model_name!r}: litellm knows no such provider; write "
                "provider/model, such as openai/gpt-4o-mini or ollama/gemma3"
            ) from None
        self._name = model_name

    def run(self, task: Task) -> Cleaned:
        """Ask for all that is wanted.

        Raises:
            ModelUnavailable: the model's server knows neither key nor model.
            EngineFailure: the server does not answer.
        """
        return asyncio.run(self._run(task, task.parsed(Options)))

    async def _run(self, task: Task, options: Options) -> Cleaned:
        heard = task.heard
        asked = model.Model(self._litellm, self._name, self._settings)
        context = self._settings.llm_context_tokens
        language = options.language or heard.language
        tidier = tidy.Tidier(heard.segments, asked.ask, language, context=context)
        taker = notes.Taker(heard.segments, asked.ask, options.notes, context=context)
        work = []
        if options.clean:
            batches = tidier.batches(self._settings.llm_batch_segments)
            work += [tidier.tidy(batch) for batch in batches]
        if options.notes:
            work += [taker.part(at) for at in range(len(taker.parts))]
        await _all(task, work)
        written, warned = await self._notes(task, taker, options)
        return Cleaned(
            duration=heard.duration,
            segments=_with_first_paragraph(tidier.clean),
            notes=written,
            spent=asked.spent,
            warnings=(*tidy.warnings(tidier.refused, len(heard.segments)), *warned),
            provenance=(
                task.provenance(
                    model=self._name,
                    parameters={
                        **task.options,
                        "prompts": prompts.VERSION,
                        "litellm": metadata.version("litellm"),
                    },
                ),
            ),
        )

    async def _notes(
        self, task: Task, taker: notes.Taker, options: Options
    ) -> tuple[Notes | None, list[str]]:
        if not options.notes:
            return None, []
        if not taker.parts:
            return None, ["nothing was said that notes could be taken on"]
        written = (await _all(task, [taker.whole()], begin=0.95))[0]
        return (None if written == Notes() else written), notes.warnings(taker)


async def _all(
    task: Task, work: Iterable[Coroutine[Any, Any, Any]], *, begin: float = 0.0
) -> list[Any]:
    """The results of all, telling the progress from `begin` on all the while."""
    running = [asyncio.ensure_future(one) for one in work]
    waiting = set(running)
    try:
        while waiting:
            done, waiting = await asyncio.wait(
                waiting, timeout=TICK_S, return_when=asyncio.FIRST_COMPLETED
            )
            for one in done:
                one.result()
            share = 1 - len(waiting) / len(running)
            task.progress(begin + share * ((0.95 if not begin else 1.0) - begin))
    finally:
        for one in running:
            one.cancel()
        await asyncio.gather(*running, return_exceptions=True)
    return [one.result() for one in running]


def _with_first_paragraph(clean: list[Clean | None]) -> tuple[Clean | None, ...]:
    """The first clean text begins a paragraph, whatever the model says."""
    for at, one in enumerate(clean):
        if one is not None:
            clean[at] = msgspec.structs.replace(one, paragraph=True)
            break
    return tuple(clean)
