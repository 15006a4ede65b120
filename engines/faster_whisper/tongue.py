"""In which language to listen: as asked for, as found before, or as the model will find. Pure."""

from collections.abc import Collection
from typing import NamedTuple

from streams.transcript import LanguageFound


class Tongue(NamedTuple):
    """What is known before listening; ``language`` None: the model is to detect it.

    probability: of the stage that found it, None where it was given or is the only one.
    """

    language: str | None
    probability: float | None = None
    warnings: tuple[str, ...] = ()


def settled(
    asked: str | None, found: LanguageFound | None, takes: Collection[str], model: str
) -> Tongue:
    """A language that was asked for stands; else the one that was found, if the model takes it."""
    only = next(iter(takes)) if len(takes) == 1 else None
    if asked is not None or found is None or found.language is None:
        return Tongue(asked or only)
    if found.language in takes:
        return Tongue(found.language, found.probability)
    sure = "" if found.probability is None else f" ({found.probability:.2f})"
    why = (
        "knows only English: use a multilingual one, such as small"
        if only
        else "does not take it: it goes by its own detection"
    )
    warning = f"the language is {found.language!r}{sure}, but model {model!r} {why}"
    return Tongue(only, warnings=(warning,))
