"""Written words → what is said for them. No decoder is needed for it."""

import pytest

from engines.pocketsphinx import numbers, spelling
from engines.pocketsphinx.said import said

DICTIONARY = frozenset(
    {
        "mr.",
        "mr",
        "cold",
        "hearted",
        "it's",
        "a.",
        "b.",
        "c.",
        "five",
        "dollars",
        "and",
        "hello",
        "tis",
    }
)


@pytest.mark.parametrize(
    ("written", "spoken"),
    [
        ("0", "zero"),
        ("17", "seventeen"),
        ("42", "forty two"),
        ("1,250", "one thousand two hundred fifty"),
        ("1811", "eighteen eleven"),
        ("1905", "nineteen oh five"),
        ("1900", "nineteen hundred"),
        ("2005", "two thousand five"),
        ("2026", "twenty twenty six"),
        ("3.14", "three point one four"),
        ("007", "zero zero seven"),
        ("5551234", "five five five one two three four"),
        ("$5", "five dollars"),
        ("20%", "twenty percent"),
        ("21st", "twenty first"),
        ("12th", "twelfth"),
        ("30th", "thirtieth"),
        ("90s", "nineties"),
        ("1990s", "nineteen nineties"),
        ("10:30", "ten thirty"),
        ("9:05", "nine oh five"),
        ("7:00", "seven o'clock"),
        ("mp3", "mp three"),
        ("r&b", "r and b"),
        ("1000000", "one zero zero zero zero zero zero"),
        ("1,000,000", "one million"),
        ("9,999,999,999,999,999", " ".join(["nine"] * 16)),
    ],
)
def test_a_number_is_said_as_people_say_it(written: str, spoken: str) -> None:
    assert " ".join(numbers.said(written)) == spoken


@pytest.mark.parametrize(
    ("written", "spoken"),
    [
        ("Hello,", ["hello"]),
        ("“Hello!”", ["hello"]),
        ("Mr.", ["mr."]),
        ("It\N{RIGHT SINGLE QUOTATION MARK}s", ["it's"]),
        ("\N{RIGHT SINGLE QUOTATION MARK}Tis", ["tis"]),
        ("cold-hearted.", ["cold", "hearted"]),
        ("ABC", ["a.", "b.", "c."]),
        ("$5,", ["five", "dollars"]),
        ("&", ["and"]),
        ("Dashwoode", ["dashwoode"]),
        ("—", []),
        ("♪", []),
        ("...", []),
        ("你好", []),
        ("", []),
    ],
)
def test_a_token_becomes_words_of_the_dictionary(written: str, spoken: list[str]) -> None:
    assert said(written, DICTIONARY.__contains__) == spoken


@pytest.mark.parametrize(
    ("word", "sounds"),
    [
        ("dashwoode", "D AE SH W UW D"),
        ("zyx", "Z IY K S"),
        ("cecil", "S EH S IH L"),
        ("café", "K AE F EH"),
        ("letter", "L EH T ER"),
        ("phone", "F AA N"),
        ("", ""),
        ("你好", ""),
    ],
)
def test_a_word_without_an_entry_gets_phones_by_its_letters(word: str, sounds: str) -> None:
    assert spelling.phones(word) == sounds
