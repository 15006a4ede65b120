from engines.faster_whisper.tongue import Tongue, settled
from streams.transcript import LanguageFound

MANY = ("en", "de", "fr")
GERMAN = LanguageFound(duration=9.0, language="de", probability=0.9731)


def test_what_was_asked_for_stands_whatever_was_found() -> None:
    assert settled("fr", GERMAN, MANY, "small") == Tongue("fr")


def test_what_was_found_before_is_taken_with_its_probability() -> None:
    assert settled(None, GERMAN, MANY, "small") == Tongue("de", 0.9731)


def test_without_a_word_about_it_the_model_is_to_find_out() -> None:
    assert settled(None, None, MANY, "small") == Tongue(None)
    assert settled(None, LanguageFound(duration=9.0, language=None), MANY, "small") == Tongue(None)


def test_a_model_that_knows_one_language_goes_on_in_it() -> None:
    assert settled(None, None, ("en",), "tiny.en") == Tongue("en")


def test_an_english_model_warns_about_another_language_with_the_cure() -> None:
    tongue = settled(None, GERMAN, ("en",), "tiny.en")
    assert (tongue.language, tongue.probability) == ("en", None)
    (warning,) = tongue.warnings
    assert warning == (
        "the language is 'de' (0.97), but model 'tiny.en' knows only English: "
        "use a multilingual one, such as small"
    )


def test_a_language_that_the_model_does_not_take_is_told() -> None:
    tongue = settled(None, LanguageFound(duration=9.0, language="yue"), MANY, "base")
    assert tongue.language is None
    assert tongue.warnings == (
        "the language is 'yue', but model 'base' does not take it: it goes by its own detection",
    )
