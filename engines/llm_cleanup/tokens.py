"""Words as they compare: without case and punctuation, numbers in digits, symbols as words.

Whatever could carry meaning is a token, so that losing or adding it shows: letters, digits, and
every symbol but plain punctuation (markup and pictures are symbols, too).
"""

import re
import unicodedata
from collections.abc import Sequence
from typing import NamedTuple

from engines.llm_cleanup import numbers

LOUD = frozenset("#%&*/@\\_\u00a7\u00b6\u2020\u2021\u2030")
"""Marks that Unicode takes for punctuation, but that stand for a word, or are markup."""
APOSTROPHES = re.compile("(?<=\\w)['\u2019\u02bc](?=\\w)")
THOUSANDS = re.compile(r"(?<=\d),(?=\d{3}(?!\d))")
DECIMAL = re.compile(r"(?<=\d)\.(?=\d)")
MINUS = re.compile("(?<!\\w)[-\u2212\u2013](?=\\d)")
MONEY = re.compile(r"([$€£¥])\s?(\d[\d.,]*\d|\d)")
SPELLED = {"%": "percent", "&": "and", "+": "plus", "$": "dollars", "€": "euros", "£": "pounds"}
UNSPACED = re.compile(
    "[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff]"
)
"""Scripts without spaces between words (Thai, Lao, Burmese, Khmer, Japanese, Chinese)."""


class Token(NamedTuple):
    """A normalised word and the range of words that it was made from."""

    text: str
    first: int
    last: int


def tokens(words: Sequence[str], language: str | None = None) -> list[Token]:
    """The tokens of some words; numbers said in English words become digits."""
    found = [Token(text, index, index) for index, word in enumerate(words) for text in _split(word)]
    return _folded(found) if language in {None, "en"} else found


def _split(word: str) -> list[str]:
    text = MONEY.sub(r"\2 \1", unicodedata.normalize("NFKC", word))
    text = MINUS.sub(" minus ", APOSTROPHES.sub("", THOUSANDS.sub("", text)))
    text = DECIMAL.sub(" point ", text).casefold()
    spaced = "".join(map(_spaced, text))
    return [SPELLED.get(part, part) for part in spaced.split()]


def _spaced(character: str) -> str:
    kind = unicodedata.category(character)
    if kind == "Cf":  # invisible: joiners, directions
        return ""
    if character.isspace() or (kind.startswith("P") and character not in LOUD):
        return " "
    if UNSPACED.match(character):
        return f" {character} "
    return character if character.isalnum() or kind in {"Mn", "Mc"} else f" {character} "


def _folded(found: list[Token]) -> list[Token]:
    """Runs of number words as one number."""
    folded, at = [], 0
    while at < len(found):
        size, digits = numbers.value([token.text for token in found[at : at + numbers.LONGEST]])
        if size:
            folded.append(Token(digits, found[at].first, found[at + size - 1].last))
        else:
            folded.append(found[at])
        at += max(size, 1)
    return folded
