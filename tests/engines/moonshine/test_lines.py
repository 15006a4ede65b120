from dataclasses import dataclass

import pytest

from engines.moonshine.asked import Options, check, ignored
from engines.moonshine.lines import segments
from engines.sdk.contract import InvalidInput
from streams.transcript import LanguageFound, Segment

GERMAN = LanguageFound(duration=9.0, language="de", probability=0.9731)


@dataclass
class Line:
    text: str
    start_time: float
    duration: float


def test_a_line_is_a_segment_at_its_place_in_the_track() -> None:
    (found,) = segments([Line(" So it \n is. ", 1.25, 2.0)], 60.0, 20.0, channel=1)
    assert found == Segment(start=61.25, end=63.25, text="So it is.", channel=1)


def test_lines_without_text_are_none() -> None:
    assert list(segments([Line("", 0.0, 1.0), Line("  ", 1.0, 1.0)], 0.0, 20.0, None)) == []


def test_no_line_leaves_what_was_listened_to() -> None:
    lines = [Line("before", -0.5, 1.0), Line("after", 19.5, 1.0), Line("beyond", 21.0, 1.0)]
    found = list(segments(lines, 100.0, 20.0, None))
    assert [(one.start, one.end) for one in found] == [(100, 100.5), (119.5, 120), (120, 120)]


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (Options(language="de"), r"does not take language 'de'; it takes: en\. .*faster_whisper"),
        (Options(task="translate"), "cannot translate; ask for the engine faster_whisper"),
    ],
)
def test_what_would_come_out_wrong_is_refused_with_the_cure(options: Options, says: str) -> None:
    with pytest.raises(InvalidInput, match=says):
        check(options)


def test_hints_that_change_nothing_are_named() -> None:
    options = Options(hotwords="Dashwood", initial_prompt="A novel.", vad=False)
    warnings = ignored(options, None)
    assert warnings[:2] == [
        "moonshine takes no hotwords: left out",
        "moonshine takes no initial_prompt: left out",
    ]
    assert "its own voice detection" in warnings[2]


def test_another_language_than_english_is_told_unless_english_was_asked_for() -> None:
    (warning,) = ignored(Options(), GERMAN)
    assert warning.startswith("the language is 'de' (0.97), but moonshine knows only English")
    assert ignored(Options(language="en"), GERMAN) == []
    assert ignored(Options(), LanguageFound(duration=1.0, language=None)) == []
    assert ignored(Options(), LanguageFound(duration=1.0, language="en", probability=0.9)) == []
