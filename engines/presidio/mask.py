"""Marks → masked texts and words. Pure."""

import re
from collections.abc import Sequence

from engines.presidio.marks import Mark, groups
from streams.transcript import Word

TOKEN = re.compile(r"\S+")
BEFORE = re.compile(r"[\"'(\[\u201c\u2018]*")
AFTER = re.compile(r"[.,;:!?\u2026\"')\]\u201d\u2019]*$")


def tokens(text: str) -> list[str]:
    """What stands between white space."""
    return TOKEN.findall(text)


def label(first: str, last: str, mark: Mark) -> str:
    """What stands in the place of these tokens: the kind, with the punctuation around them."""
    before, after = BEFORE.match(first), AFTER.search(last)
    return f"{before[0] if before else ''}[{mark.kind}]{after[0] if after else ''}"


def masked_text(text: str, marks: Sequence[Mark | None]) -> str:
    """The text, each run of one mark as one label; white space elsewhere as it was."""
    found = list(TOKEN.finditer(text))
    made, at = "", 0
    for first, end, mark in groups(marks):
        made += text[at : found[first].start()] + label(found[first][0], found[end - 1][0], mark)
        at = found[end - 1].end()
    return made + text[at:]


def masked_words(words: Sequence[Word], marks: Sequence[Mark | None]) -> tuple[Word, ...]:
    """The words, each run of one mark as one word with the time of all of them.

    How sure the engine was of it and the places of its characters go with the word.
    """
    made, at = list[Word](), 0
    for first, end, mark in groups(marks):
        made += words[at:first]
        run = words[first:end]
        made.append(
            Word(
                text=label(run[0].text, run[-1].text, mark),
                start=min(word.start for word in run),
                end=max(word.end for word in run),
                speaker=run[0].speaker,
            )
        )
        at = end
    return (*made, *words[at:])
