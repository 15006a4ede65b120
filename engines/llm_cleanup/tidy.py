"""Clean text for each segment: asked in batches, each judged alone, asked again alone."""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence

from engines.llm_cleanup import answers, prompts
from engines.llm_cleanup.align import timed
from engines.llm_cleanup.answers import BadAnswer
from engines.llm_cleanup.guard import judge
from engines.llm_cleanup.model import NoAnswer
from engines.llm_cleanup.prompts import Question, estimate
from streams.transcript import Clean, Segment

Ask = Callable[[Question], Awaitable[str]]
BATCH_TOKENS = 1500
"""Of segments in one request: models lose the thread over more."""
OVERHEAD = 800
"""Tokens of a request around its segments."""
MISSING = "it was not in the answer"


class Tidier:
    """Makes the clean text of some segments, and counts why the original stands for others."""

    def __init__(
        self, segments: Sequence[Segment], ask: Ask, language: str | None, *, context: int
    ) -> None:
        self.clean: list[Clean | None] = [None] * len(segments)
        self.refused: Counter[str] = Counter()
        self._segments, self._ask, self._language = segments, ask, language
        self._fits = (context - OVERHEAD) // 3  # asked once, and twice that for the answer

    def batches(self, size: int) -> Iterator[dict[int, str]]:
        """Runs of segments with text, by number, so many at most, that fit the model."""
        batch: dict[int, str] = {}
        used = 0
        for number, segment in enumerate(self._segments):
            text = " ".join(segment.text.split())
            tokens = estimate(text) + 12
            if not text:
                continue
            if tokens > self._fits:
                self.refused["it is too long for the model: see DALSTON_LLM_CONTEXT_TOKENS"] += 1
                continue
            if batch and (len(batch) >= size or used + tokens > min(self._fits, BATCH_TOKENS)):
                yield batch
                batch, used = {}, 0
            batch[number] = text
            used += tokens
        if batch:
            yield batch

    async def tidy(self, batch: Mapping[int, str]) -> None:
        """Ask for these together, then alone for each that was not cleaned well.

        Raises:
            EngineFailure: the model cannot be asked at all.
        """
        wrong = dict.fromkeys(batch, "") if len(batch) == 1 else await self._together(batch)
        again = (self._alone(number, batch[number], reason) for number, reason in wrong.items())
        await asyncio.gather(*again)

    async def _together(self, batch: Mapping[int, str]) -> dict[int, str]:
        """The numbers that have no clean text yet, with the reason."""
        try:
            found = answers.cleaned(await self._ask(prompts.batch(batch)), batch)
        except (BadAnswer, NoAnswer) as error:
            return dict.fromkeys(batch, str(error))
        wrong = {}
        for number, text in batch.items():
            clean, paragraph = found.get(number, (None, False))
            reason = MISSING if clean is None else self._take(number, text, clean, paragraph)
            if reason:
                wrong[number] = reason
        return wrong

    async def _alone(self, number: int, text: str, reason: str) -> None:
        for _ in range(1 if reason else 2):
            try:
                answer = await self._ask(prompts.alone(text, reason))
                reason = self._take(number, text, answers.plain(answer), paragraph=False)
            except (BadAnswer, NoAnswer) as error:
                reason = str(error)
            if not reason:
                return
        self.refused[reason] += 1

    def _take(self, number: int, text: str, clean: str, paragraph: bool) -> str:
        """Keep a clean text that says what was said, "" then; else the reason why not."""
        segment = self._segments[number]
        language = segment.language or self._language
        if len(clean) > 2 * len(text) + 20:  # not worth a long comparison
            return "words were invented"
        reason = judge(text, clean, language)
        if reason is None:
            words = timed(clean, segment.words, language)
            self.clean[number] = Clean(clean, words, paragraph=paragraph)
        return reason or ""


def warnings(refused: Counter[str], total: int) -> list[str]:
    """How many segments stand as they were heard, by reason, the commonest first."""
    common = refused.most_common(5)
    rest = refused.total() - sum(count for _, count in common)
    told = [*common, *([("other reasons", rest)] if rest else [])]
    return [f"{count} of {total} segments not cleaned: {reason}" for reason, count in told]
