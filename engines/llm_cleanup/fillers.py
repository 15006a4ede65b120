"""What a cleaner may leave out: hesitations, phrases set off by marks, what is said twice."""

import re
from collections.abc import Iterator, Sequence

from engines.llm_cleanup.tokens import UNSPACED, Token

HESITATIONS = {
    "": "um umm uhm uh uhh hm hmm mm mmm",
    "en": "er erm",
    "de": "äh ähm öh öhm",
    "fr": "euh heu",
    "es": "eh em",
    "it": "eh ehm",
    "pt": "hã hum",
    "nl": "eh euh",
    "ja": "えーと えっと ええと",
    "zh": "嗯 呃",
}
MARKS = r",\u2026\u2014\u2013"
PHRASES = re.compile(
    rf"(?:^|(?<=[.;:!?{MARKS}]\s))"
    rf"(?:you know|i mean|like|well|sort of|kind of)(?=\s*[{MARKS}])",
    re.IGNORECASE,
)
"""Only between two marks: "it was, like, huge", never "I like it"."""
CUT_OFF = re.compile(r"(?<!\S)(\w+)[-\u2014\u2013](?=\s+\1\w)", re.IGNORECASE)
"""A word begun, then said whole: "th- the"."""
LONGEST_REPEAT = 3
WORD = re.compile(r"\S+")


def optional(text: str, found: Sequence[Token], language: str | None = None) -> list[bool]:
    """For each token of a text whether it stands for nothing."""
    idle = {
        index
        for pattern in (PHRASES, CUT_OFF)
        for span in pattern.finditer(text)
        for index, word in enumerate(WORD.finditer(text))
        if span.start() <= word.start() < span.end()
    }
    may = [token.first in idle for token in found]
    words = [token.text for token in found]
    for at, size in _hesitations(words, language):
        may[at : at + size] = [True] * size
    for at, size in _repeats(words, may):
        may[at : at + size] = [True] * size
    return may


def _hesitations(words: Sequence[str], language: str | None) -> Iterator[tuple[int, int]]:
    sounds = f"{HESITATIONS['']} {HESITATIONS.get(language or 'en', '')}".split()
    for sound in sounds:
        # Scripts without spaces have a token for each character.
        parts = list(sound) if UNSPACED.match(sound) else [sound]
        for at in range(len(words) - len(parts) + 1):
            if words[at : at + len(parts)] == parts:
                yield at, len(parts)


def _repeats(words: Sequence[str], idle: Sequence[bool]) -> Iterator[tuple[int, int]]:
    """The first of two that are the same, but for numbers and scripts without spaces."""
    for size in range(LONGEST_REPEAT, 0, -1):
        for at in range(len(words) - size):
            first = words[at : at + size]
            after = [at + size + step for step, _ in enumerate(first)]
            while after[-1] < len(words) and idle[after[0]]:  # "the, um, the"
                after = [index + 1 for index in after]
            said_again = after[-1] < len(words) and first == [words[index] for index in after]
            if said_again and all(word.isalpha() and not UNSPACED.match(word) for word in first):
                yield at, size
