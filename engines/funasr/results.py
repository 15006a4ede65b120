"""What FunASR returns for a clip → text, words and tags of ours. Pure."""

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from streams.transcript import Emotion, Word

TAG = re.compile(r"<\|([^|]*)\|>")
LANGUAGES = frozenset({"zh", "en", "yue", "ja", "ko"})
EMOTIONS = frozenset({"HAPPY", "SAD", "ANGRY", "NEUTRAL", "FEARFUL", "DISGUSTED", "SURPRISED"})
WIDE = r"\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff"
"""Kana and Han: scripts that put no space between words, so that each character is one."""
UNIT = re.compile(rf"[{WIDE}]|[^\s{WIDE}]+")
PUNCTUATION = re.compile(r"[^\w\s]+")
SPACE_BESIDE_WIDE = re.compile(rf"(?<=[{WIDE}])\s+|\s+(?=[{WIDE}])")
PIECE_MARK = "\u2581"
"""How SentencePiece writes the space in front of a word."""


class Placed(NamedTuple):
    """A word, and where in the text it stands: the characters from first up to last."""

    word: Word
    first: int
    last: int


class Heard(NamedTuple):
    """What was heard in a clip; times of words are seconds from its start."""

    text: str
    words: tuple[Placed, ...] = ()
    language: str | None = None
    emotion: Emotion | None = None
    untimed: bool = False
    """The model gave times that do not fit its text: there are none, rather than wrong ones."""
    failed: bool = False
    """The library broke down on this clip: what was said in it is not known."""


def parsed(result: Mapping[str, Any]) -> Heard:
    """One result; the tags of SenseVoice become values, and its events (BGM, Laughter) go."""
    raw = str(result.get("text", ""))
    tags = TAG.findall(raw)
    text = tidy(TAG.sub(" ", raw))
    times = result.get("timestamp") or ()
    names = result.get("words") or TAG.sub(" ", raw).split()
    pieces = tuple(zip(map(str, names), times, strict=False)) if len(names) == len(times) else ()
    words = laid(text, pieces)
    return Heard(
        text,
        words,
        language=next((tag for tag in tags if tag in LANGUAGES), None),
        emotion=next((Emotion(tag.lower()) for tag in tags if tag in EMOTIONS), None),
        untimed=bool(text and times and not words),
        failed=bool(result.get("failed")),
    )


def tidy(text: str) -> str:
    """One space between words, none beside characters of scripts that write without."""
    return SPACE_BESIDE_WIDE.sub("", " ".join(text.split()))


def laid(text: str, pieces: Sequence[tuple[str, Sequence[float]]]) -> tuple[Placed, ...]:
    """Timed pieces (milliseconds) laid over a text: its words, each from its first piece's start.

    () when the pieces spell something else. Punctuation belongs to the word before it.
    """
    spans = [
        (char, float(times[0]) / 1000, float(times[1]) / 1000)
        for name, times in pieces
        for char in name.replace(PIECE_MARK, "")
        if not char.isspace()
    ]
    letters = [char for char in text if not char.isspace()]
    if [char.casefold() for char, _, _ in spans] != [char.casefold() for char in letters]:
        return ()
    placed: list[Placed] = []
    at = 0
    for unit in units(text):
        length = unit.end() - unit.start()
        part = spans[at : at + length]
        at += length
        start = max(part[0][1], placed[-1].word.end if placed else 0.0)
        end = max(part[-1][2], start)
        if placed and PUNCTUATION.fullmatch(unit.group()):
            before = placed[-1]
            word = Word(text[before.first : unit.end()], before.word.start, before.word.end)
            placed[-1] = Placed(word, before.first, unit.end())
        else:
            word = Word(unit.group(), round(start, 3), round(end, 3))
            placed.append(Placed(word, unit.start(), unit.end()))
    return tuple(placed)


def units(text: str) -> Iterator[re.Match[str]]:
    """The words of a text: what stands between spaces; where none are written, each character."""
    return UNIT.finditer(text)


def written_in(text: str, languages: Sequence[str]) -> str | None:
    """The language of a text by its script, where a model knows Chinese and English."""
    if len(languages) == 1:
        return languages[0]
    if set(languages) != {"zh", "en"}:
        return None
    if re.search(f"[{WIDE}]", text):
        return "zh"
    return "en" if re.search("[A-Za-z]", text) else None
