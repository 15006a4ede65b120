"""English numbers in words → digits: "two hundred and five" is 205, "twenty first" 21st."""

from collections.abc import Sequence

ONES = [
    "zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten",
    "eleven", "twelve", "thirteen", "fourteen", "fifteen", "sixteen", "seventeen", "eighteen",
    "nineteen",
]  # fmt: skip
TENS = ["twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety"]
BELOW_HUNDRED = {word: number for number, word in enumerate(ONES)} | {
    word: 10 * number for number, word in enumerate(TENS, 2)
}
SCALES = {"thousand": 1000, "million": 1000_000, "billion": 1000_000_000}
IRREGULAR = {
    "first": "one", "second": "two", "third": "three", "fifth": "five", "eighth": "eight",
    "ninth": "nine", "twelfth": "twelve",
}  # fmt: skip
LONGEST = 24
"""Words that one number may have."""


def value(words: Sequence[str]) -> tuple[int, str]:
    """How many of the first words make a number, and that in digits; (0, "") for none.

    Digits stay as they are. Words that only together would be something else ("twenty twenty",
    "one two") stay apart.
    """
    total = group = used = 0
    scale, ended = 10**12, False
    for at, word in enumerate(words):
        if used and total == group == 0:
            break  # a zero stands alone
        cardinal, ended = _cardinal(word)
        if cardinal == "and":
            # Within a number only: after hundred or thousand, before something smaller.
            follows = _cardinal(words[at + 1])[0] if at + 1 < len(words) else ""
            if not (used == at and used and BELOW_HUNDRED.get(follows)):
                break
            if words[at - 1] != "hundred" and words[at - 1] not in SCALES:
                break
            used += 1
            continue
        if cardinal in BELOW_HUNDRED and _fits(group, BELOW_HUNDRED[cardinal], first=not used):
            group += BELOW_HUNDRED[cardinal]
        elif cardinal == "hundred" and 0 < group < 10:
            group *= 100
        elif cardinal in SCALES and 0 < group < 1000 and SCALES[cardinal] < scale:
            scale = SCALES[cardinal]
            total, group = total + group * scale, 0
        else:
            ended = False
            break
        used = at + 1
        if ended:
            break
    if not used:
        return 0, ""
    return used, f"{total + group}{_ending(total + group) if ended else ''}"


def _cardinal(word: str) -> tuple[str, bool]:
    """A number word without the ending of an ordinal, and whether it had one."""
    if word in IRREGULAR:
        return IRREGULAR[word], True
    stem = word.removesuffix("th")
    if stem != word:
        for known in (stem, f"{stem.removesuffix('ie')}y"):
            if known in BELOW_HUNDRED or known == "hundred" or known in SCALES:
                return known, True
    return word, False


def _fits(group: int, number: int, *, first: bool) -> bool:
    if first:
        return True
    if number == 0:
        return False
    if group % 100 == 0:
        return True
    return group % 10 == 0 and group % 100 >= 20 and number < 10


def _ending(number: int) -> str:
    if number % 100 in {11, 12, 13}:
        return "th"
    return {1: "st", 2: "nd", 3: "rd"}.get(number % 10, "th")
