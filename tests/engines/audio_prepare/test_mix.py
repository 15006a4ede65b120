import numpy as np
import pytest

from engines.audio_prepare.mix import decibels, mixed, weights


@pytest.mark.parametrize(
    "names",
    [
        ("FL", "FR"),
        ("FL", "FR", "FC", "LFE", "BL", "BR"),
        ("FL", "FR", "FC", "LFE", "BL", "BR", "SL", "SR"),
        ("NONE",) * 5,
        ("LFE", "LFE2", "LFE"),
    ],
)
def test_shares_add_up_to_one(names: tuple[str, ...]) -> None:
    assert weights(names).sum() == pytest.approx(1.0)


def test_speech_in_the_centre_counts_most_and_thunder_not_at_all() -> None:
    share = dict(zip(("FL", "FR", "FC", "LFE"), weights(("FL", "FR", "FC", "LFE")), strict=True))
    assert share["FC"] > share["FL"] == share["FR"] > share["LFE"] == 0


def test_stereo_is_the_mean() -> None:
    rows = np.array([[1.0, 0.5], [0.0, 0.5]], np.float32)
    assert mixed(rows, ("FL", "FR")).tolist() == [0.5, 0.5]


def test_one_channel_is_left_alone() -> None:
    rows = np.array([[0.25, -1.0]], np.float32)
    assert mixed(rows, ("LFE",)).tolist() == [0.25, -1.0]


def test_decibels_below_full_scale() -> None:
    assert decibels(1.0) == 0.0
    assert decibels(0.5) == -6.02
    assert decibels(0.0) is None
