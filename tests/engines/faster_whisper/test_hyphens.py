"""Words that the library cuts at a hyphen are one word of the transcript."""

from types import SimpleNamespace
from typing import Any

from engines.faster_whisper import shapes


def heard(*words: tuple[str, float, float, float]) -> Any:
    parts = [
        SimpleNamespace(word=text, start=start, end=end, probability=doubt)
        for text, start, end, doubt in words
    ]
    return SimpleNamespace(words=parts)


def test_a_word_cut_at_its_hyphen_is_one_word_with_the_lower_probability() -> None:
    parts = heard((" cold", 1.0, 1.4, 0.9), ("-hearted", 1.4, 1.8, 0.6), (" man.", 2.0, 2.3, 0.8))
    first, second = (item.word for item in shapes.spoken(parts, 0.0, 0.0, 10.0))
    assert (first.text, first.start, first.end, first.probability) == (
        "cold-hearted",
        1.0,
        1.8,
        0.6,
    )
    assert second.text == "man."


def test_a_dash_after_white_space_stays_a_word_of_its_own() -> None:
    parts = heard((" he", 0.0, 0.2, 0.9), (" -", 0.2, 0.3, 0.9), (" she", 0.3, 0.5, 0.9))
    assert [item.word.text for item in shapes.spoken(parts, 0.0, 0.0, 10.0)] == ["he", "-", "she"]
