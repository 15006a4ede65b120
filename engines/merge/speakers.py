"""Who said it: turns of speakers → words and segments. Pure.

A word is its own evidence. The speaker with the longest share of it has it; where the edges of
turns and of words differ by a moment, the sentence decides.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import pairwise

import msgspec

from engines.merge import clean
from engines.merge.pieces import cut
from engines.merge.turns import NEAR_S, Turns
from streams.transcript import Diarization, Segment, Word

JITTER_S = 0.25
"""How far the edge of a turn may be from where the speaker really changed."""
STOPS = tuple(".!?…。！？؟।")  # noqa: RUF001 - other scripts have their own


class Who:
    """Answers who speaks, from turns with one speaker at a time, else from all of them."""

    def __init__(self, found: Diarization) -> None:
        self.all = Turns(found.turns)
        self.exclusive = Turns(found.exclusive) or self.all

    def of(self, start: float, end: float, channel: int | None) -> str | None:
        """The speaker of a word; None where nobody speaks within half a second."""
        for turns in (self.exclusive, self.all):
            shares = turns.shares(start, end, channel)
            if shares:
                return _most(shares)
        return self.all.nearest(start, end, channel)

    def most(self, segment: Segment) -> str | None:
        """Who speaks longest in a segment."""
        shares = self.all.shares(segment.start, segment.end, segment.channel)
        if shares:
            return _most(shares)
        return self.all.nearest(segment.start, segment.end, segment.channel)


def assigned(segments: Iterable[Segment], found: Diarization) -> Iterator[Segment]:
    """Every segment with its speaker, or its words with theirs, which may be several."""
    who = Who(found)
    for segment in segments:
        if segment.words:
            yield _told(segment, who)
        else:
            speaker = who.most(segment) or segment.speaker
            yield msgspec.structs.replace(segment, speaker=speaker)


def split(segment: Segment) -> Iterator[Segment]:
    """One segment for each run of words of one speaker; a word of nobody stays where it is.

    A text that says more than its words cannot be cut: it stays whole, its words know.
    """
    if not segment.words:
        yield segment
        return
    firsts = changes([word.speaker for word in segment.words])
    texts = cut(segment.text, [word.text for word in segment.words], firsts)
    if texts is None:
        firsts, texts = [0], [segment.text]
    edges = [*firsts, len(segment.words)]
    runs = [segment.words[a:b] for a, b in pairwise(edges)]
    pieces = [
        msgspec.structs.replace(
            segment,
            start=min(word.start for word in run) if number else segment.start,
            end=max(word.end for word in run) if number < len(runs) - 1 else segment.end,
            text=text,
            words=run,
            speaker=_of_run(run) or segment.speaker,
        )
        for number, (text, run) in enumerate(zip(texts, runs, strict=True))
    ]
    yield from clean.shared(segment, pieces)


def changes(speakers: Sequence[str | None]) -> list[int]:
    """The numbers of the words with which another speaker begins; the first is 0."""
    firsts, now = [0], speakers[0]
    for number, speaker in enumerate(speakers):
        if speaker is not None and now is not None and speaker != now:
            firsts.append(number)
        now = speaker or now
    return firsts


def _told(segment: Segment, who: Who) -> Segment:
    """The words with their speakers, steadied."""
    words, channel = segment.words, segment.channel
    speakers = [who.of(word.start, word.end, channel) for word in words]
    for number, word in enumerate(words):
        other = _at_edge(words, speakers, number) or _amid(speakers, number)
        if other and _may_be(other, word, channel, who, amid=_amid(speakers, number) == other):
            speakers[number] = other
    told = (
        msgspec.structs.replace(word, speaker=speaker or word.speaker)
        for word, speaker in zip(words, speakers, strict=True)
    )
    return msgspec.structs.replace(segment, words=tuple(told))


def _may_be(other: str, word: Word, channel: int | None, who: Who, *, amid: bool) -> bool:
    """Whether the turns leave room for another speaker than the one with the longest share."""
    if amid:  # a lone word in another's speech: theirs if they go on through half of it,
        share = who.all.shares(word.start, word.end, channel).get(other, 0.0)
        if share >= (word.end - word.start) / 2:
            return True  # or if the turn that interrupts them is a flicker
        around = who.all.shares(word.start - NEAR_S, word.end + NEAR_S, channel)
        return sum(around.values()) - around.get(other, 0.0) < JITTER_S
    return who.all.reaches(other, word.start, word.end, channel, JITTER_S)


def _amid(speakers: Sequence[str | None], number: int) -> str | None:
    """The one speaker of the words before and after, when this word is another's."""
    if not 0 < number < len(speakers) - 1 or speakers[number] is None:
        return None
    before, after = speakers[number - 1], speakers[number + 1]
    return before if before == after != speakers[number] else None


def _at_edge(words: Sequence[Word], speakers: Sequence[str | None], number: int) -> str | None:
    """The neighbour to whose sentence a word at a change of speakers belongs.

    "How are | you? Fine": "you?" ends the sentence before. "Fine. And | you?" gives "And" away.
    """
    ends = words[number].text.endswith(STOPS)
    begins = words[number - 1].text.endswith(STOPS)  # before the first: if the last one ends any
    before = speakers[number - 1] if number else None
    after = speakers[number + 1] if number + 1 < len(words) else None
    now = speakers[number]
    if ends and not begins and before != now and after in {now, None}:
        return before
    if begins and not ends and after != now and before in {now, None}:
        return after
    return None


def _of_run(run: Sequence[Word]) -> str | None:
    """The longest speaker of a run: it has one, but for a text that could not be cut."""
    shares: dict[str, float] = {}
    for word in run:
        if word.speaker is not None:
            shares[word.speaker] = shares.get(word.speaker, 0.0) + word.end - word.start
    return _most(shares) if shares else None


def _most(shares: Mapping[str, float]) -> str:
    """The longest; of equals the first by name, so that it is the same each time."""
    return min(shares, key=lambda speaker: (-shares[speaker], speaker))
