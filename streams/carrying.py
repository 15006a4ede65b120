"""What people corrected in one transcript, brought over to another of the same audio. Pure.

A name goes to the speaker who talks at the same times. A correction goes where the words that it
replaced were heard again at their time; or where they are right by now, and nothing is to be done.
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from difflib import SequenceMatcher
from typing import NamedTuple, TypeAlias

from streams.editing import changes, is_spaced, key, shares, spelled, tokens
from streams.transcript import Segment, Transcript

STEP_S = 0.1
"""Talk is compared in steps of so much."""
NEAR_S = 1.0
"""How far from each other two engines may hear the same word."""


class Said(NamedTuple):
    """A word of a transcript, and where it stands; ``slack``: how far off its time may be."""

    text: str
    at: float
    slack: float
    segment: int
    place: int


class Change(NamedTuple):
    """Words ``i`` to ``j`` of a segment that are to be others."""

    i: int
    j: int
    words: list[str]


Board: TypeAlias = list[list[list[str]]]
"""New segment → place of a word in it → what is to stand there."""


class Carried(NamedTuple):
    """New segment → its text, and the old segments that say so; how much found no place."""

    edits: dict[int, str]
    origins: dict[int, set[int]]
    dropped: int


def matched(old: Transcript, new: Transcript) -> dict[str, str]:
    """Old speaker → the new one who is it: most of the talk of both is at the same times."""
    before, after = _talk(old), _talk(new)
    shared: Counter[tuple[str, str]] = Counter()
    for step, speakers in before.items():
        shared.update((a, b) for a in speakers for b in after.get(step, ()))
    total = [Counter(who for step in talk.values() for who in step) for talk in (before, after)]
    found: dict[str, str] = {}
    for (a, b), steps in shared.most_common():
        most = 2 * steps >= total[0][a] and 2 * steps > total[1][b]
        if most and a not in found and b not in found.values():
            found[a] = b
    return found


def carried(old: Transcript, new: Transcript, edits: Mapping[str, str]) -> Carried:
    """The old transcript's edits as edits of the new one."""
    board: Board = [[[word.text] for word in _said(new, n)] for n in range(len(new.segments))]
    origins: dict[int, set[int]] = {}
    dropped = 0
    for number, text in sorted((int(n), text) for n, text in edits.items()):
        if number >= len(old.segments):
            continue
        segment = old.segments[number]
        was, now = _said(old, number), _around(new, segment)
        again = _again(was, now)
        for change in _changes(segment, was, text):
            span = _span(change, was, now, again)
            if span is None:
                dropped += 1
                continue
            for touched in _put(board, now, span, change):
                origins.setdefault(touched, set()).add(number)
    made = {n: _joined(new.segments[n], board[n]) for n in origins}
    kept = {n: text for n, text in made.items() if board[n] != [[w.text] for w in _said(new, n)]}
    return Carried(kept, {n: origins[n] for n in kept}, dropped)


def _said(transcript: Transcript, number: int) -> list[Said]:
    """The words of a segment; without times of their own each has its share of the segment's."""
    segment = transcript.segments[number]
    if segment.words:
        pairs = zip(spelled(segment), segment.words, strict=True)
        return [
            Said(text, (word.start + word.end) / 2, 0.0, number, n)
            for n, (text, word) in enumerate(pairs)
        ]
    texts, slack = tokens(segment, segment.text), segment.end - segment.start
    spans = shares((segment.start, segment.end), texts)
    return [
        Said(text, (start + end) / 2, slack, number, n)
        for n, (text, (start, end)) in enumerate(zip(texts, spans, strict=True))
    ]


def _talk(transcript: Transcript) -> dict[int, set[str]]:
    """Step → who talks in it."""
    talk: dict[int, set[str]] = {}
    for segment in transcript.segments:
        parts = [(word.start, word.end, word.speaker) for word in segment.words]
        for start, end, who in parts or [(segment.start, segment.end, None)]:
            speaker = who or segment.speaker
            for step in range(round(start / STEP_S), max(round(end / STEP_S), 1)):
                if speaker is not None:
                    talk.setdefault(step, set()).add(speaker)
    return talk


def _around(new: Transcript, segment: Segment) -> list[Said]:
    """The new words at the time of an old segment, on its channel."""
    start, end = segment.start - NEAR_S, segment.end + NEAR_S
    return [
        word
        for n, one in enumerate(new.segments)
        if one.end >= start and one.start <= end and one.channel == segment.channel
        for word in _said(new, n)
        if start - word.slack <= word.at <= end + word.slack
    ]


def _again(was: Sequence[Said], now: Sequence[Said]) -> dict[int, int]:
    """Old word → the new one that is the same, heard at the same time."""
    a, b = ([key(word.text) for word in words] for words in (was, now))
    blocks = SequenceMatcher(None, a, b, autojunk=False).get_matching_blocks()
    pairs = [(i + n, j + n) for i, j, size in blocks for n in range(size)]
    return {i: j for i, j in pairs if _near(was[i], now[j])}


def _near(a: Said, b: Said) -> bool:
    return abs(a.at - b.at) <= NEAR_S + a.slack + b.slack


def _changes(segment: Segment, was: Sequence[Said], text: str) -> Iterator[Change]:
    """What an edit changes in a segment; words that are only spelled otherwise one by one."""
    texts = tokens(segment, text)
    for what, i, j, k, m in changes([word.text for word in was], texts):
        if what != "equal":
            yield Change(i, j, texts[k:m])
            continue
        for n, word in enumerate(texts[k:m], start=i):
            if was[n].text != word:
                yield Change(n, n + 1, [word])


def _span(
    change: Change, was: Sequence[Said], now: Sequence[Said], again: Mapping[int, int]
) -> tuple[int, int] | None:
    """Which of the new words the change is about, None when that cannot be told."""
    i, j, words = change
    here = [again[n] for n in range(i, j) if n in again]
    if here and len(here) == j - i and here[-1] - here[0] == j - i - 1:
        return here[0], here[-1] + 1
    before, after = again.get(i - 1), again.get(j)
    if i == j and before is not None and after is not None and after == before + 1:
        return after, after
    start = before + 1 if before is not None else None
    end = after
    if start is None and i == 0 and end is not None:
        start = end - len(words)
    if end is None and j == len(was) and start is not None:
        end = start + len(words)
    if start is not None and end is not None and 0 <= start <= end <= len(now):
        there = [key(word.text) for word in now[start:end]]
        if there == [key(word) for word in words]:
            return start, end  # it says so by now, perhaps spelled otherwise
    if i == j and i == 0 and after is not None:
        return after, after
    if i == j == len(was) and before is not None:
        return before + 1, before + 1
    return None


def _put(board: Board, now: Sequence[Said], span: tuple[int, int], change: Change) -> Iterator[int]:
    """Put the words in place of the new ones; which segments that touches."""
    (start, end), words = span, change.words
    if start == end:
        behind = change.i > 0  # the word before, else in front of the one after
        word = now[start - 1] if behind else now[start]
        old = board[word.segment][word.place]
        board[word.segment][word.place] = old + words if behind else words + old
        yield word.segment
        return
    for n, word in enumerate(now[start:end]):
        all_here = words if n == 0 else []
        board[word.segment][word.place] = [words[n]] if len(words) == end - start else all_here
        yield word.segment


def _joined(segment: Segment, words: Sequence[Sequence[str]]) -> str:
    blank = " " if is_spaced(segment) else ""
    return blank.join(one for texts in words for one in texts)
