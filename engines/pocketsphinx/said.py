"""A written word → the words that are said for it, as the dictionary has them. Pure."""

import re
from collections.abc import Callable

from engines.pocketsphinx import numbers, spelling

ENCLOSING = '"“”„()[]{}<>!?;:,…—'
"""What may stand around a word; a point or an apostrophe may be part of it."""
EDGES = ENCLOSING + "«»¿¡._*~|♪♫-" + "\N{EN DASH}"
QUOTES = str.maketrans({"’": "'", "‘": "'", "`": "'", "´": "'"})  # noqa: RUF001 - as people type
LETTERS = 5
"""Capitals up to this many are said one by one, unless the dictionary has the word."""


def said(token: str, knows: Callable[[str], bool]) -> list[str]:
    """What is said for a token; [] for one that is silent or in no Latin script.

    A word that the dictionary lacks is given as it is, small: its phones come from its spelling.
    """
    text = token.translate(QUOTES)
    for form in (text.strip(ENCLOSING).lower(), text.strip(EDGES + "'").lower()):
        if form and form[0].isalpha() and knows(form):  # "mr." with its point, "'tis" without
            return [form]
    bare = text.strip(EDGES + "'")
    if any(sign.isdigit() or sign in numbers.SYMBOLS for sign in bare):
        return [word for part in numbers.said(bare.lower()) for word in _plain(part, knows)]
    if bare.isupper() and 1 < len(spelling.latin(bare)) <= LETTERS and not knows(bare.lower()):
        return [f"{letter}." for letter in spelling.latin(bare)]
    parts = re.split(r"[^\w']+", bare)
    return [word for part in parts for word in _plain(part.lower(), knows)]


def _plain(word: str, knows: Callable[[str], bool]) -> list[str]:
    bare = word.strip("'_")
    if knows(bare) or spelling.phones(bare):
        return [bare]
    return []
