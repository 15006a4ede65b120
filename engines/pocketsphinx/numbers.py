"""Numbers as they are mostly said in English. Pure."""

import re

ONES = [
    "zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven",
    "twelve", "thirteen", "fourteen", "fifteen", "sixteen", "seventeen", "eighteen", "nineteen",
]  # fmt: skip
TENS = [
    "zero", "ten", "twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety",
]  # fmt: skip
GROUPS = ("", "thousand", "million", "billion", "trillion")
ORDINALS = {
    "one": "first", "two": "second", "three": "third", "five": "fifth", "eight": "eighth",
    "nine": "ninth", "twelve": "twelfth",
}  # fmt: skip
SYMBOLS = {
    "$": "dollars", "£": "pounds", "€": "euros", "%": "percent", "&": "and", "+": "plus",
    "@": "at", "=": "equals", "#": "number", "°": "degrees", "/": "slash", "*": "star",
}  # fmt: skip
BEFORE = "$£€"
ORDINAL = re.compile(r"(\d+)(?:st|nd|rd|th)")
DECADE = re.compile(r"(\d*)(\d)0'?s")
NUMBER = re.compile(r"(\d[\d,]*)(?:\.(\d+))?")
PARTS = re.compile(r"\d[\d,]*(?:\.\d+)?|[^\W\d_']+(?:'[^\W\d_]+)*|[^\w\s]")
CLOCK = re.compile(r"(\d{1,2}):(\d\d)")


def said(text: str) -> list[str]:
    """The words of a token with digits or symbols: "$5" → five dollars, "1811" → as a year."""
    if len(text) > 1 and text[0] in BEFORE:
        return [*said(text[1:]), SYMBOLS[text[0]]]
    if match := CLOCK.fullmatch(text):
        minutes = int(match[2])
        tail = [] if not minutes else (["oh"] if minutes < 10 else []) + cardinal(minutes)
        return cardinal(int(match[1])) + (tail or ["o'clock"])
    if match := ORDINAL.fullmatch(text):
        return ordinal(int(match[1]))
    if match := DECADE.fullmatch(text):
        words = whole(text.rstrip("'s"))
        return [*words[:-1], _many(words[-1])]
    found: list[str] = []
    for part in PARTS.findall(text):
        if match := NUMBER.fullmatch(part):
            found += whole(match[1])
            found += ["point", *digits(match[2])] if match[2] else []
        elif part in SYMBOLS:
            found.append(SYMBOLS[part])
        elif part.isalpha() or "'" in part:
            found.append(part)
    return found


def whole(text: str) -> list[str]:
    """A row of digits: a year, a quantity, or, when long or with a leading zero, one by one."""
    plain = text.replace(",", "")
    if "," not in text and (len(plain) > 6 or (plain[0] == "0" and len(plain) > 1)):
        return digits(plain)
    number = int(plain)
    if "," not in text and len(plain) == 4 and (1100 <= number < 2000 or 2010 <= number < 2100):
        return year(number)
    return cardinal(number)


def year(number: int) -> list[str]:
    """1811 → eighteen eleven."""
    century, rest = divmod(number, 100)
    if not rest:
        return [*cardinal(century), "hundred"]
    return cardinal(century) + (["oh"] if rest < 10 else []) + cardinal(rest)


def cardinal(number: int) -> list[str]:
    """Any whole number; one by one beyond the trillions."""
    if number == 0:
        return ["zero"]
    groups = []
    rest = number
    while rest:
        rest, group = divmod(rest, 1000)
        groups.append(group)
    if len(groups) > len(GROUPS):
        return digits(str(number))
    words: list[str] = []
    for group, name in reversed(list(zip(groups, GROUPS, strict=False))):
        if group:
            words += _hundreds(group) + ([name] if name else [])
    return words


def ordinal(number: int) -> list[str]:
    """21 → twenty first."""
    *words, last = cardinal(number)
    if last not in ORDINALS:
        last = last.removesuffix("y") + ("ieth" if last.endswith("y") else "th")
    return [*words, ORDINALS.get(last, last)]


def digits(text: str) -> list[str]:
    """One by one."""
    return [ONES[int(digit)] for digit in text]


def _hundreds(number: int) -> list[str]:
    words = []
    if number >= 100:
        words += [ONES[number // 100], "hundred"]
    rest = number % 100
    if rest >= 20:
        words += [TENS[rest // 10], *([ONES[rest % 10]] if rest % 10 else [])]
    elif rest:
        words.append(ONES[rest])
    return words


def _many(word: str) -> str:
    return word.removesuffix("y") + "ies" if word.endswith("y") else word + "s"
