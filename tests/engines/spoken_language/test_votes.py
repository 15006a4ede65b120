import pytest

from engines.spoken_language.votes import Vote, averaged, doubts, spread

ENGLISH = Vote(30.0, {"en": 0.9, "de": 0.1})
GERMAN = Vote(10.0, {"de": 0.9, "en": 0.1})


@pytest.mark.parametrize("count", [0, 1, 2, 3, 7, 64, 2_880])
def test_every_stretch_is_visited_once(count: int) -> None:
    assert sorted(spread(count)) == list(range(count))


def test_the_first_few_lie_all_over_the_audio() -> None:
    first = sorted(spread(100)[:4])
    assert first[0] < 25 <= first[1] < 50 <= first[2] < 75 <= first[3]


def test_votes_count_by_how_much_speech_they_heard() -> None:
    assert averaged([ENGLISH, GERMAN]) == {"en": 0.7, "de": 0.3}


def test_only_the_likeliest_ten_are_told() -> None:
    scores = averaged([Vote(1.0, {f"{n:02}": n / 1000 for n in range(50)})])
    assert list(scores)[:2] == ["49", "48"]
    assert len(scores) == 10


def test_no_votes_are_no_scores() -> None:
    assert averaged([]) == {}


def test_a_guess_is_called_one() -> None:
    votes = [Vote(3.0, {"nn": 0.4, "en": 0.3})]
    assert doubts(votes, averaged(votes)) == ["the language 'nn' is a guess (0.40)"]


def test_a_second_language_is_told() -> None:
    votes = [ENGLISH, ENGLISH, GERMAN]
    assert doubts(votes, averaged(votes)) == [
        "another language is spoken, too: 'de' in 1 of 3 stretches"
    ]
    assert doubts([ENGLISH], averaged([ENGLISH])) == []
