"""A word as it is written → roughly how it is said, in the dictionary's phones. Pure.

For names and rare words that no dictionary has: an aligner with a rough idea of a word finds its
place far better than one without the word, which gives its time to the neighbours.
"""

import unicodedata

PHONES = {
    "tch": "CH", "sch": "SH", "igh": "AY", "dge": "JH", "ph": "F", "th": "TH", "sh": "SH",
    "ch": "CH", "ck": "K", "ng": "NG", "wh": "W", "qu": "K W", "kn": "N", "wr": "R", "gh": "G",
    "oo": "UW", "ee": "IY", "ea": "IY", "ai": "EY", "ay": "EY", "oa": "OW", "ou": "AW",
    "ow": "OW", "oi": "OY", "oy": "OY", "au": "AO", "aw": "AO", "ie": "IY", "ei": "EY",
    "ey": "IY", "eu": "Y UW", "ew": "UW", "er": "ER", "ir": "ER", "ur": "ER", "ar": "AA R",
    "or": "AO R", "a": "AE", "b": "B", "c": "K", "d": "D", "e": "EH", "f": "F", "g": "G",
    "h": "HH", "i": "IH", "j": "JH", "k": "K", "l": "L", "m": "M", "n": "N", "o": "AA", "p": "P",
    "q": "K", "r": "R", "s": "S", "t": "T", "u": "AH", "v": "V", "w": "W", "x": "K S", "y": "IY",
    "z": "Z",
}  # fmt: skip
LONGEST = 3
SOFT = frozenset("eiy")
VOWELS = frozenset("aeiou")


def phones(word: str) -> str:
    """Phones with a space between; "" when the word holds no Latin letter."""
    letters = latin(word)
    if len(letters) > LONGEST and word[-1] in "eE" and letters[-2] not in VOWELS:
        letters = letters[:-1]  # the last e is silent
    found: list[str] = []
    at = 0
    while at < len(letters):
        size, sound = _next(letters, at)
        if not found or found[-1] != sound:  # doubled letters are said once
            found.append(sound)
        at += size
    return " ".join(found)


def latin(word: str) -> str:
    """Small letters a to z, without accents and all else."""
    plain = unicodedata.normalize("NFKD", word.lower())
    return "".join(letter for letter in plain if "a" <= letter <= "z")


def _next(letters: str, at: int) -> tuple[int, str]:
    if letters[at] == "c" and letters[at + 1 : at + 2] in SOFT:
        return 1, "S"
    for size in range(LONGEST, 0, -1):
        sound = PHONES.get(letters[at : at + size])
        if sound and at + size <= len(letters):
            return size, sound
    raise AssertionError(letters)  # latin() leaves only letters that PHONES has
