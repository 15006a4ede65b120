"""What a job asks of Moonshine: refused where it cannot be done, said where it changes nothing."""

from typing import Literal

import msgspec

from engines.sdk.contract import InvalidInput
from streams.transcript import LanguageFound

LANGUAGE = "en"


class Options(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The options of the stage; most are hints to other transcribers."""

    model: str | None = None
    language: str | None = None
    task: Literal["transcribe", "translate"] = "transcribe"
    word_timestamps: bool = True
    vad: bool = True
    hotwords: str | None = None
    initial_prompt: str | None = None


def check(options: Options) -> None:
    """Raise InvalidInput for what would come out wrong: another language, a translation."""
    if options.language not in {None, LANGUAGE}:
        raise InvalidInput(
            f"moonshine does not take language {options.language!r}; it takes: {LANGUAGE}. "
            "Ask for the engine faster_whisper with a multilingual model"
        )
    if options.task == "translate":
        raise InvalidInput(
            "moonshine cannot translate; "
            "ask for the engine faster_whisper with a multilingual model, such as small"
        )


def ignored(options: Options, found: LanguageFound | None) -> list[str]:
    """Warnings about hints that change nothing, and about a language that it does not know."""
    hints = {"hotwords": options.hotwords, "initial_prompt": options.initial_prompt}
    warnings = [f"moonshine takes no {name}: left out" for name, hint in hints.items() if hint]
    if not options.vad:
        warnings.append("moonshine always listens where its own voice detection hears speech")
    if options.language is None and found and found.language not in {None, LANGUAGE}:
        sure = "" if found.probability is None else f" ({found.probability:.2f})"
        warnings.append(
            f"the language is {found.language!r}{sure}, but moonshine knows only English: "
            "use a multilingual model"
        )
    return warnings
