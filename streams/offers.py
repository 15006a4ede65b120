"""Who does a stage: what the engines that are up announce, and the choice among them. Pure."""

from collections.abc import Sequence

import msgspec

from streams.errors import InvalidRequest, NoEngine

PREFERRED: dict[str, tuple[str, ...]] = {
    "prepare": ("audio_prepare",),
    "language": ("spoken_language",),
    "transcribe": ("faster_whisper", "moonshine", "funasr"),
    "align": ("whisperx", "pocketsphinx"),
    "diarize": ("pyannote",),
    "emotion": ("emotion2vec",),
    "cleanup": ("llm_cleanup",),
    "merge": ("merge",),
    "redact": ("presidio",),
}
"""Stage → the engines of this house that do it, the one that is asked first before the others."""


class Offer(msgspec.Struct, frozen=True, kw_only=True):
    """What the replicas of one engine announce: the stage it does and with what.

    ``models`` are those that are there, ``languages`` those of a model that does not take all;
    ``default_model`` is the one that it runs when none is asked for. An engine whose ``gives`` is
    empty has not said: then it gives the times of words, as transcribers do. One that is
    ``drained`` takes no tasks now: they wait, so it is chosen only when nobody else does the stage.
    """

    engine: str
    stage: str
    models: tuple[str, ...] = ()
    default_model: str | None = None
    any_model: bool = False
    needs_model: bool = False
    languages: dict[str, tuple[str, ...]] = {}
    gives: dict[str, tuple[str, ...]] = {}
    drained: bool = False

    def takes(self, language: str | None, model: str | None) -> bool:
        """Whether it does that language with that model (its default one when None)."""
        known = self.languages.get(model or self.default_model or "", ())
        return language is None or not known or language in known

    def fitting(self, language: str | None) -> str | None:
        """Another model that is there for a language that the default one does not take."""
        if self.takes(language, None):
            return None
        return next((model for model in self.models if self.takes(language, model)), None)

    def given(self, model: str | None) -> frozenset[str]:
        """What comes with the output of that model besides its stage's own."""
        if not self.gives:
            return frozenset({"words"})
        return frozenset(self.gives.get(model or self.default_model or "", self.gives.get("", ())))

    @property
    def able(self) -> bool:
        """Whether it has all that it needs to work when no model is named."""
        return self.default_model is not None or not self.needs_model


class Wanted(msgspec.Struct, frozen=True, kw_only=True):
    """What a request says of one stage."""

    stage: str
    engine: str | None = None
    model: str | None = None
    language: str | None = None


def choose(wanted: Wanted, offers: Sequence[Offer]) -> Offer:
    """The offer that suits best: one that is preferred before others, and the same every time.

    Raises:
        NoEngine: nobody does that stage now; the message says what to start.
        InvalidRequest: there is somebody, but not for this model, or this language.
    """
    doing = sorted((one for one in offers if one.stage == wanted.stage), key=_rank)
    there = [one for one in doing if wanted.engine in {None, one.engine}]
    if not there:
        raise NoEngine(_nobody(wanted, doing))
    if wanted.model is None:
        able = [one for one in there if one.able]
        if not able:
            raise NoEngine(
                f"no model for {wanted.stage} is here: {there[0].engine} is up without any; "
                "see docs/engines.md for how to give it one"
            )
    else:
        able = [one for one in there if wanted.model in one.models]
        able = able or [one for one in there if one.any_model]
        if not able:
            known = sorted({model for one in there for model in one.models})
            raise InvalidRequest(
                f"unknown model {wanted.model!r} for {wanted.stage}; there are: "
                f"{', '.join(known) or 'none'}"
            )
    for one in able:
        fits = wanted.model is None and one.fitting(wanted.language)
        if fits or one.takes(wanted.language, wanted.model):
            return one
    model = wanted.model or able[0].default_model or ""
    raise InvalidRequest(
        f"model {model!r} does not take language {wanted.language!r}; it takes: "
        + ", ".join(able[0].languages[model])
    )


def first_choice(wanted: Wanted) -> str:
    """The engine to wait for when it is not known who is up."""
    return wanted.engine or PREFERRED[wanted.stage][0]


def is_known(engine: str, stage: str, offers: Sequence[Offer]) -> bool:
    """Whether there may be an engine of that name for that stage."""
    return engine in PREFERRED[stage] or any(
        (one.engine, one.stage) == (engine, stage) for one in offers
    )


def _nobody(wanted: Wanted, doing: Sequence[Offer]) -> str:
    wish = wanted.engine or PREFERRED[wanted.stage][0]
    who = f"engine {wanted.engine} is not up" if wanted.engine else (
        f"no engine that does {wanted.stage} is up"
    )  # fmt: skip
    instead = f" (instead there is: {', '.join(one.engine for one in doing)})" if doing else ""
    return (
        f"{who}{instead}: start one, as with `dalston up --engine {wish}` or "
        f"`docker compose up -d {wish.replace('_', '-')}`, or ask with wait_for_engines"
    )


def _rank(offer: Offer) -> tuple[bool, int, str]:
    order = PREFERRED.get(offer.stage, ())
    place = order.index(offer.engine) if offer.engine in order else len(order)
    return offer.drained, place, offer.engine
