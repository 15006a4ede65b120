"""The times of clean words: each stands for some of the words that were said."""

from collections.abc import Sequence
from difflib import SequenceMatcher

import msgspec

from engines.llm_cleanup.tokens import UNSPACED, tokens
from streams.transcript import Word


def timed(clean: str, said: Sequence[Word], language: str | None = None) -> tuple[Word, ...]:
    """The words of a clean text with start, end, speaker, probability of those they stand for.

    A clean word that stands for several goes from the first to the last of them. Empty when the
    words that were said are not known (the text without their times is all there is then).
    """
    pieces = split(clean)
    sources = _sources(pieces, said, language)
    words: list[Word] = []
    last: range | None = None
    for piece, source in zip(pieces, sources, strict=True):
        if source is None or (source == last and UNSPACED.search(piece)):
            if words:  # a mark that stands alone, or a further character of the same word
                gap = "" if source else " "
                words[-1] = msgspec.structs.replace(words[-1], text=words[-1].text + gap + piece)
            continue
        words.append(_word(piece, [said[at] for at in source]))
        last = source
    return tuple(words)


def split(text: str) -> list[str]:
    """A text in words; characters of scripts without spaces each with the marks that follow."""
    pieces: list[str] = []
    for part in text.split():
        joined = ""
        for character in part:
            if joined and UNSPACED.match(character):
                pieces.append(joined)
                joined = ""
            joined += character
        pieces.append(joined)
    return pieces


def _word(text: str, stands_for: Sequence[Word]) -> Word:
    known = [word.probability for word in stands_for if word.probability is not None]
    speakers = {word.speaker for word in stands_for}
    return Word(
        text,
        start=min(word.start for word in stands_for),
        end=max(word.end for word in stands_for),
        probability=min(known) if len(known) == len(stands_for) else None,
        speaker=speakers.pop() if len(speakers) == 1 else None,
    )


def _sources(
    pieces: Sequence[str], said: Sequence[Word], language: str | None
) -> list[range | None]:
    """For each piece the words that it stands for; None for a piece without any letter."""
    ours = tokens(pieces, language)
    theirs = tokens([word.text for word in said], language)
    if not theirs:
        return [None] * len(pieces)
    first: dict[int, int] = {}
    last: dict[int, int] = {}
    matcher = SequenceMatcher(
        None, [token.text for token in theirs], [token.text for token in ours], autojunk=False
    )
    for _, i1, i2, j1, j2 in matcher.get_opcodes():
        for at in range(j1, j2):
            # Where they differ ("every day", "everyday"), by their place in that stretch.
            low = i1 + (at - j1) * (i2 - i1) // (j2 - j1)
            high = max(low, i1 + ((at + 1 - j1) * (i2 - i1) - 1) // (j2 - j1))
            low, high = (min(end, len(theirs) - 1) for end in (low, high))
            for piece in range(ours[at].first, ours[at].last + 1):
                first.setdefault(piece, theirs[low].first)
                last[piece] = theirs[high].last
    return [
        range(first[at], max(first[at], last[at]) + 1) if at in first else None
        for at in range(len(pieces))
    ]
