"""Numbers and addresses as people say them → as they are written, with a way back. Pure.

"two one two five five five" becomes "212555", "john dot smith at example dot com" becomes
"john.smith@example.com": written is what recognisers know. Each character remembers its token.
"""

import re
from collections.abc import Iterator, Sequence
from typing import NamedTuple

_UNITS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")
_TEENS = ("ten", "eleven", "twelve", "thirteen", "fourteen", "fifteen", "sixteen", "seventeen",
          "eighteen", "nineteen")  # fmt: skip
_TENS = ("twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety")
UNITS = {word: str(number) for number, word in enumerate(_UNITS)}
TEENS = {word: str(number) for number, word in enumerate(_TEENS, 10)}
TENS = {word: str(number) for number, word in enumerate(_TENS, 2)}
UNITS |= {"oh": "0", "o": "0", "nought": "0", "naught": "0"}
ROUND = {"hundred": "00"}
REPEATS = {"double": 2, "triple": 3, "treble": 3}
NUMBERS = frozenset((*UNITS, *TEENS, *TENS, *ROUND, *REPEATS))
POINTS = frozenset({"dot", "point"})
BETWEEN = frozenset({
    "uh", "um", "er", "ah", "and", "dash", "hyphen", "space", "then", "yeah", "yes", "okay", "ok",
    "right", "mhm", "uh-huh",
})  # fmt: skip
"""What people put into a number without ending it."""
FEWEST = 3
"""Digits from which a spoken number is written in one."""
WRITTEN = re.compile(r"[(+]?\d[\d().-]*")
JOINED = re.compile(
    r"[\w'+-]+(?:(?: (?:dot|underscore|dash|hyphen) |[._])[\w+-]+)* at "
    r"[\w-]+(?: (?:dash|hyphen) [\w-]+)*(?:(?: dot |\.)[\w-]+)+"
    r"|\b[\w-]+(?: dot [\w-]+)* dot (?:com|org|net|edu|gov|io|co|info|uk|de|eu|us|ca|au)\b",
    re.IGNORECASE,
)
JOINTS = re.compile(r" (dot|underscore|dash|hyphen|at) ", re.IGNORECASE)
SIGNS = {"dot": ".", "underscore": "_", "dash": "-", "hyphen": "-", "at": "@"}


class Written(NamedTuple):
    """A text, and for each of its characters the number of the token it is of; None for blanks."""

    text: str
    owners: list[int | None]


def written(tokens: Sequence[str]) -> Written:
    """The tokens as one text, as it would be written."""
    text, owners, at = "", list[int | None](), 0
    while at < len(tokens):
        run, after = _number(tokens, at)
        for part, owner in run or [(tokens[at], at)]:
            text += part
            owners += [owner] * len(part)
        at = after if run else at + 1
        text += " "
        owners.append(None)
    return _addresses(Written(text, owners))


def _number(tokens: Sequence[str], first: int) -> tuple[list[tuple[str, int]], int]:
    """Its digits with their tokens, and the token after it; no digits where none begins."""
    found: list[tuple[str, int]] = []
    after, said, pending = first, False, list[tuple[str, int]]()
    for at in range(first, len(tokens)):
        key = tokens[at].lower().strip(".,;:!?\"'")
        digits, spoken = _digits(key, tokens[at + 1] if at + 1 < len(tokens) else "")
        if digits and (found or key not in ROUND):
            found += [*pending, (digits, at)]
            after, said, pending = at + 1, said or spoken or len(digits) == 1, []
        elif found and key in POINTS:
            pending.append((".", at))
        elif not found or key not in BETWEEN:
            break
    several = len(found) > 1 or "-" in tokens[first]
    enough = sum(sign.isdigit() for part, _ in found for sign in part) >= FEWEST
    return (found, after) if said and several and enough else ([], first)


def _digits(key: str, following: str) -> tuple[str, bool]:
    """The digits that a token stands for, and whether it says them in words."""
    if WRITTEN.fullmatch(key):
        return re.sub(r"\D", "", key), False
    parts = [part for part in key.split("-") if part]
    if not parts or not all(
        part in UNITS | TEENS | TENS | ROUND or part in REPEATS for part in parts
    ):
        return "", False
    digits = ""
    after = [*parts[1:], following.lower().strip(".,;:!?")]
    for part, then in zip(parts, after, strict=True):
        if part in TENS:
            digits += TENS[part] + ("" if UNITS.get(then, "0") != "0" else "0")
        elif part in REPEATS:
            digits += UNITS.get(then, "") * (REPEATS[part] - 1)
        else:
            digits += UNITS.get(part) or TEENS.get(part) or ROUND[part]
    return digits, True


def _addresses(given: Written) -> Written:
    """E-mail and web addresses that were said in words, written."""
    text, owners, last = "", list[int | None](), 0
    for match in JOINED.finditer(given.text):
        for start, end, sign in _joints(match):
            text += given.text[last:start] + sign
            owners += [*given.owners[last:start], given.owners[start + 1]]
            last = end
    return Written(text + given.text[last:], owners + given.owners[last:])


def _joints(match: "re.Match[str]") -> Iterator[tuple[int, int, str]]:
    for joint in JOINTS.finditer(match.string, match.start(), match.end()):
        yield joint.start(), joint.end(), SIGNS[joint[1].lower()]
