"""What models answer → values, or BadAnswer: nothing that they write is trusted to be as asked."""

import re
from collections.abc import Collection, Mapping
from typing import Any

import msgspec

FENCE = re.compile(r"^\s*```\w*\s*\n?(.*?)\n?\s*```\s*$", re.DOTALL)
THOUGHT = re.compile(r"^\s*<think>.*?</think>", re.DOTALL)
LINK = re.compile(r"(?:https?://|www\.)\S+", re.IGNORECASE)
INVISIBLE = re.compile(
    r"[\u0000-\u0008\u000e-\u001f\u007f-\u009f\u200e\u200f\u202a-\u202e\u2066-\u2069]"
)
"""Control characters, and those that turn the direction of writing."""
LONGEST = 1_000_000
"""Characters of an answer that are looked at; more is no answer to anything that is asked."""
SUMMARY, ITEM, TITLE, ITEMS = 8000, 1000, 200, 100


class BadAnswer(Exception):
    """The model did not give what was asked; the message says why, in words without its own."""


class _Line(msgspec.Struct, frozen=True):
    id: int
    text: str
    paragraph: bool = False


class _Begin(msgspec.Struct, frozen=True):
    segment: int
    title: str


def plain(answer: str) -> str:
    """An answer in plain text as one line, out of fences and quotes."""
    text = THOUGHT.sub("", _sized(answer))
    fenced = FENCE.match(text)
    text = _line(fenced[1] if fenced else text)
    if len(text) > 1 and text[0] == text[-1] == '"' and text.count('"') == 2:  # a JSON string
        text = text[1:-1]
    return text


def fields(answer: str) -> dict[str, Any]:
    """The JSON object in an answer, whatever stands around it.

    Raises:
        BadAnswer: there is none, or it breaks off.
    """
    text = THOUGHT.sub("", _sized(answer))
    begin, end = text.find("{"), text.rfind("}")
    if begin < 0 or end < begin:
        raise BadAnswer("the answer was not in JSON")
    try:
        return msgspec.json.decode(text[begin : end + 1], type=dict[str, Any])
    except msgspec.MsgspecError:
        raise BadAnswer("the answer was broken JSON") from None


def cleaned(answer: str, asked: Collection[int]) -> Mapping[int, tuple[str, bool]]:
    """Number → clean text and whether a paragraph begins; only numbers that were asked, once."""
    lines = _as(list[_Line], fields(answer).get("segments"))
    numbers = [line.id for line in lines]
    return {
        line.id: (_line(line.text), line.paragraph)
        for line in lines
        if line.id in asked and numbers.count(line.id) == 1
    }


def summary(value: object, said: str) -> str:
    """A summary that is one.

    Raises:
        BadAnswer: empty, no text, too long, or with a link that nobody named.
    """
    text = INVISIBLE.sub("", _as(str, value)).strip()
    if not text:
        raise BadAnswer("it was empty")
    return _checked(text, SUMMARY, said)


def action_items(value: object, said: str) -> tuple[str, ...]:
    """Action items, each a line of text; raises BadAnswer as `summary`."""
    items = [_checked(_line(item), ITEM, said) for item in _as(list[str], value)]
    if len(items) > ITEMS:
        raise BadAnswer("it was far too long")
    return tuple(item for item in items if item)


def chapters(value: object, said: str, numbers: Collection[int]) -> tuple[tuple[int, str], ...]:
    """Segment and title of each chapter, in order; raises BadAnswer as `summary`.

    One that begins outside of these segments makes all of them doubtful.
    """
    found: dict[int, str] = {}
    for begin in _as(list[_Begin], value):
        title = _checked(_line(begin.title), TITLE, said)
        if begin.segment not in numbers:
            raise BadAnswer("it named a segment that is not there")
        if title:
            found.setdefault(begin.segment, title)
    return tuple(sorted(found.items()))


def _as(kind: type[Any], value: object) -> Any:
    try:
        return msgspec.convert(value, kind)
    except msgspec.ValidationError:
        raise BadAnswer("the answer was not of the shape that was asked for") from None


def _checked(text: str, limit: int, said: str) -> str:
    if len(text) > limit:
        raise BadAnswer("it was far too long")
    if any(link.rstrip(".,;:)!?") not in said for link in LINK.findall(text)):
        raise BadAnswer("it held a link that nobody named")
    return text


def _line(text: str) -> str:
    return " ".join(INVISIBLE.sub("", text).split())


def _sized(answer: str) -> str:
    if not answer.strip():
        raise BadAnswer("the answer was empty")
    if len(answer) > LONGEST:
        raise BadAnswer("the answer was far too long")
    return answer
