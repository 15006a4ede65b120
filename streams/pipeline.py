"""Request → plan: which stages, by which engines, after which others. Pure."""

from collections.abc import Sequence

import msgspec

from streams.errors import InvalidRequest
from streams.events import JobRequest, Options, PlannedStage


class Offer(msgspec.Struct, frozen=True, kw_only=True):
    """What the live replicas of one engine announce: the stage it does and with what.

    ``languages`` and ``models`` are empty when the engine takes any; ``default_model`` is the one
    that it runs when none is asked for.
    """

    engine: str
    stage: str
    models: tuple[str, ...] = ()
    default_model: str | None = None
    any_model: bool = False
    languages: dict[str, tuple[str, ...]] = {}


DEFAULT_ENGINES = {"prepare": "audio_prepare", "transcribe": "faster_whisper", "merge": "merge"}
"""Who does a stage when the request names no model of somebody else's."""


def plan(request: JobRequest, offers: Sequence[Offer]) -> tuple[PlannedStage, ...]:
    """The stages of a job: prepare, transcribe, merge.

    An engine that is not up yet may still be planned for (it may scale from zero); a model or a
    language that the engines which are up refuse is refused here and now.

    Raises:
        InvalidRequest: no engine takes what the request asks for; the message says what they take.
    """
    transcriber = _transcriber(request, offers)
    return (
        PlannedStage(
            name="prepare",
            engine=DEFAULT_ENGINES["prepare"],
            options={"channels": request.channels},
        ),
        PlannedStage(
            name="transcribe",
            engine=transcriber,
            needs=("prepare",),
            options=_transcribe_options(request),
        ),
        PlannedStage(
            name="merge",
            engine=DEFAULT_ENGINES["merge"],
            needs=("prepare", "transcribe"),
        ),
    )


def _transcriber(request: JobRequest, offers: Sequence[Offer]) -> str:
    candidates = [offer for offer in offers if offer.stage == "transcribe"]
    default = DEFAULT_ENGINES["transcribe"]
    if not candidates:
        return default
    candidates.sort(key=lambda offer: (offer.engine != default, offer.engine))
    for offer in candidates:
        if _takes_model(offer, request.model):
            _check_language(offer, request)
            return offer.engine
    known = sorted({model for offer in candidates for model in offer.models})
    raise InvalidRequest(f"unknown model {request.model!r}; there are: {', '.join(known)}")


def _takes_model(offer: Offer, model: str | None) -> bool:
    return model is None or offer.any_model or model in offer.models


def _check_language(offer: Offer, request: JobRequest) -> None:
    model = request.model or offer.default_model or ""
    languages = offer.languages.get(model, ())
    if request.language is None or not languages or request.language in languages:
        return
    raise InvalidRequest(
        f"model {model!r} does not take language {request.language!r}; it takes: "
        + ", ".join(languages)
    )


def _transcribe_options(request: JobRequest) -> Options:
    options: Options = {
        "model": request.model,
        "language": request.language,
        "task": request.task,
        "word_timestamps": request.word_timestamps,
        "vad": request.vad,
        "hotwords": request.hotwords,
        "initial_prompt": request.initial_prompt,
    }
    return {name: value for name, value in options.items() if value is not None}
