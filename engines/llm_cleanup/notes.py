"""Summary, action items and chapters, part by part where the talk is longer than the model's view.

These are the model's own words. What can be checked is their shape, and that they point into the
transcript.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from itertools import chain
from typing import Any

from engines.llm_cleanup import answers, prompts
from engines.llm_cleanup.answers import BadAnswer
from engines.llm_cleanup.model import NoAnswer
from engines.llm_cleanup.prompts import Question, estimate
from streams.transcript import Chapter, Notes, Segment

Ask = Callable[[Question], Awaitable[str]]
Part = list[tuple[int, str]]
KINDS = {"summary": "the summary", "action_items": "the action items", "chapters": "the chapters"}
OVERHEAD = 1800
"""Tokens of a request around its part of the transcript, answer included."""


def parts(segments: Sequence[Segment], context: int) -> list[Part]:
    """The transcript cut so that each part fits; a segment that does not, in pieces."""
    room = max(context - OVERHEAD, context // 3)
    cut: list[Part] = []
    used = room
    for number, segment in enumerate(segments):
        text = " ".join(segment.text.split())
        longest = room // 3  # characters may take three bytes each, a token is estimated as three
        for at in range(0, len(text), longest):
            piece = text[at : at + longest]
            tokens = estimate(prompts.line(number, piece))
            if used + tokens > room:
                cut.append([])
                used = 0
            cut[-1].append((number, piece))
            used += tokens
    return cut


class Taker:
    """Takes the notes of one transcript; what could not be had is in `missing`, by kind."""

    def __init__(
        self, segments: Sequence[Segment], ask: Ask, wanted: Sequence[str], *, context: int
    ) -> None:
        self.parts = parts(segments, context)
        self.missing: dict[str, list[str]] = {}
        self._segments, self._ask, self._wanted = segments, ask, wanted
        self._context = context
        self._found: dict[tuple[str, int], Any] = {}

    async def part(self, at: int) -> None:
        """Take the notes on one part: all kinds together, then alone what came out wrong."""
        wrong = await self._try(at, self._wanted)
        for kind in wrong:
            again = await self._try(at, [kind])
            for reason in again.values():
                self.missing.setdefault(kind, []).append(reason)

    async def _try(self, at: int, wanted: Sequence[str]) -> dict[str, str]:
        part = self.parts[at]
        said = " ".join(text for _, text in part)
        try:
            answer = await self._ask(prompts.notes(part, wanted, len(self.parts)))
            given = answers.fields(answer)
        except (BadAnswer, NoAnswer) as error:
            return dict.fromkeys(wanted, str(error))
        wrong = {}
        for kind in wanted:
            try:
                self._found[kind, at] = _checked(kind, given.get(kind), said, part)
            except BadAnswer as error:
                wrong[kind] = str(error)
        return wrong

    async def whole(self) -> Notes:
        """The notes on all of it, once every part is done."""
        titles: dict[int, str] = {}
        for number, title in chain.from_iterable(self._of("chapters")):
            titles.setdefault(number, title)
        return Notes(
            summary=await self._summary(self._of("summary")),
            action_items=tuple(dict.fromkeys(chain.from_iterable(self._of("action_items")))),
            chapters=tuple(
                Chapter(self._segments[number].start, title) for number, title in titles.items()
            ),
        )

    def _of(self, kind: str) -> list[Any]:
        return [self._found[kind, at] for at in range(len(self.parts)) if (kind, at) in self._found]

    async def _summary(self, summaries: list[str]) -> str | None:
        """One summary of many: in rounds, as many at once as fit."""
        said = " ".join(summaries)
        while len(summaries) > 1:
            groups = _groups(summaries, self._context - OVERHEAD)
            try:
                summaries = await asyncio.gather(*(self._join(group, said) for group in groups))
            except (BadAnswer, NoAnswer) as error:
                self.missing.setdefault("summary", []).append(f"joining its parts: {error}")
                return None
        return summaries[0] if summaries else None

    async def _join(self, group: list[str], said: str) -> str:
        if len(group) == 1:
            return group[0]
        for _ in range(2):
            try:
                answer = await self._ask(prompts.join(group))
                return answers.summary(answers.fields(answer).get("summary"), said)
            except BadAnswer as error:
                wrong = error
        raise wrong


def warnings(taker: Taker) -> list[str]:
    """What is missing from the notes, and why."""
    count = len(taker.parts)
    return [
        f"{KINDS[kind]} could not be had: {reasons[0]}"
        if len(reasons) >= count
        else f"{KINDS[kind]} leave out {len(reasons)} of {count} parts: {reasons[0]}"
        for kind, reasons in taker.missing.items()
    ]


def _checked(kind: str, value: object, said: str, part: Part) -> Any:
    if kind == "summary":
        return answers.summary(value, said)
    if kind == "action_items":
        return answers.action_items(value, said)
    return answers.chapters(value, said, {number for number, _ in part})


def _groups(summaries: Sequence[str], room: int) -> list[list[str]]:
    """At least two together, so that every round makes them fewer."""
    groups: list[list[str]] = []
    used = 0
    for text in summaries:
        used += estimate(text) + 4
        if not groups or (used > room and len(groups[-1]) > 1):
            groups.append([])
            used = estimate(text)
        groups[-1].append(text)
    return groups
