"""What a job asks of the loaded model: refused where it cannot, else in the library's own words."""

from typing import Any, Literal

import msgspec

from engines.funasr import models
from engines.funasr.models import Model
from engines.sdk.contract import InvalidInput


class Options(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What this engine can be asked; what no model of its can do is refused."""

    model: str | None = None
    language: str | None = None
    task: Literal["transcribe", "translate"] = "transcribe"
    word_timestamps: bool = True
    vad: bool = True
    hotwords: str | None = None
    initial_prompt: str | None = None


def check(model: Model, options: Options) -> None:
    """Refuse what the model cannot do; raise InvalidInput with the cure."""
    if options.task == "translate":
        raise InvalidInput(
            "funasr does not translate; use engine faster_whisper with a multilingual model"
        )
    if options.initial_prompt:
        raise InvalidInput("funasr takes no initial_prompt; leave it out, or use faster_whisper")
    if options.language and model.languages and options.language not in model.languages:
        raise InvalidInput(
            f"model {model.name!r} does not take language {options.language!r}; it takes: "
            + ", ".join(model.languages)
        )
    words = (options.hotwords or "").split()
    if words and model.kind not in models.TAKE_HOTWORDS:
        raise InvalidInput(
            f"model {model.name!r} ({model.kind}) takes no hotwords; leave them out, or use one "
            "that does, such as paraformer-zh"
        )
    for word in words:  # the library would read that file, or fetch that address
        if word.startswith("http") or word.endswith(".txt") or "/" in word:
            raise InvalidInput(f"hotword {word!r} looks like an address or a file; give words")


def settled(model: Model, asked: str | None, detected: str | None) -> tuple[str | None, list[str]]:
    """The language to listen in, None for the model's own choice; and what to warn of."""
    if asked or not detected:
        return asked, []
    if model.languages and detected not in model.languages:
        warning = (
            f"the language {detected!r} was detected, which model {model.name!r} does not take "
            f"(it takes {', '.join(model.languages)}): what it heard may be wrong"
        )
        return None, [warning]
    return detected, []


def asking(model: Model, hotwords: str | None, language: str | None) -> dict[str, Any]:
    """What the library calls it."""
    if model.kind == models.SENSEVOICE:
        return {"language": language or "auto", "use_itn": True, "output_timestamp": True}
    words = {"hotword": hotwords} if hotwords and hotwords.strip() else {}
    return {"output_timestamp": True, **words}
