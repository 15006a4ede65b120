from pathlib import Path

import pytest

from engines.emotion2vec.engine import track_of
from engines.emotion2vec.spans import Window, averaged, cut, english
from engines.sdk.inputs import artifact
from streams.transcript import Segment, Track


@pytest.mark.parametrize(
    ("label", "name"),
    [("生气/angry", "angry"), ("<unk>", "unknown"), ("other", "other"), ("其他/other ", "other")],
)
def test_labels_keep_their_english_half(label: str, name: str) -> None:
    assert english(label) == name


def test_a_short_segment_is_one_window_and_a_long_one_equal_ones() -> None:
    assert cut(3, 1.0, 5.0, 60.0) == [Window(3, 1.0, 5.0)]
    windows = cut(0, 0.0, 40.0, 60.0, longest=15.0)
    assert [round(window.start, 2) for window in windows] == [0.0, 13.33, 26.67]
    assert [round(window.end, 2) for window in windows] == [13.33, 26.67, 40.0]


def test_what_is_too_short_or_behind_the_end_is_not_judged() -> None:
    assert cut(0, 1.0, 1.49, 60.0) == []
    assert cut(0, 1.0, 1.5, 60.0) == [Window(0, 1.0, 1.5)]
    assert cut(0, 59.8, 65.0, 60.0) == []
    assert cut(0, 58.0, 65.0, 60.0) == [Window(0, 58.0, 60.0)]


def test_windows_count_by_their_length() -> None:
    found = averaged(
        [(9.0, {"生气/angry": 0.9, "<unk>": 0.1}), (1.0, {"生气/angry": 0.1, "<unk>": 0.9})]
    )
    assert found.label == "angry"
    assert found.scores == {"angry": 0.82, "unknown": 0.18}


def test_a_segment_is_judged_on_the_track_of_its_channel() -> None:
    here = artifact(Path(__file__))
    files = (Path("0.wav"), Path("1.wav"))

    def chosen(channel: int | None, *tracks: Track) -> Path | None:
        return track_of(Segment(0, 1, "x", channel=channel), tracks, files[: len(tracks)])

    two = (Track(here, 0, None, silent=False), Track(here, 1, None, silent=False))
    assert [chosen(channel, *two) for channel in (0, 1, None, 7)] == [*files, None, None]
    mix = Track(here, None, None, silent=False)
    assert chosen(None, mix) == files[0]
    assert chosen(1, mix) == files[0]
    assert chosen(None, Track(here, None, None, silent=True)) is None
