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
LONGEST_TEXT = 4000
"""Bytes of a prompt, of hotwords and of all labels: they travel in events, which are small."""
HIGHEST_PRIORITY = 10
LONGEST_DEADLINE_S = 30 * 24 * 3600.0


def plan(request: JobRequest, offers: Sequence[Offer]) -> tuple[PlannedStage, ...]:
    """The stages of a job: prepare, transcribe, merge.

    An engine that is not up yet may still be planned for (it may scale from zero); a model or a
    language that the engines which are up refuse is refused here and now.

    Raises:
        InvalidRequest: no engine takes what the request asks for; the message says what they take.
    """
    _check(request)
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
    named = [offer for offer in candidates if request.model in {None, *offer.models}]
    for offer in named or [offer for offer in candidates if offer.any_model]:
        _check_language(offer, request)
        return offer.engine
    known = sorted({model for offer in candidates for model in offer.models})
    raise InvalidRequest(
        f"unknown model {request.model!r}; there are: {', '.join(known) or 'none'}"
    )


def _check(request: JobRequest) -> None:
    """What would not fit an event or a queue is refused before it is accepted."""
    labels = "".join(f"{name}{value}" for name, value in request.labels.items())
    texts = {
        "model": request.model, "language": request.language, "hotwords": request.hotwords,
        "initial_prompt": request.initial_prompt, "labels": labels,
    }  # fmt: skip
    for name, text in texts.items():
        if len((text or "").encode("utf-8", "replace")) > LONGEST_TEXT:
            raise InvalidRequest(f"{name} is over {LONGEST_TEXT} bytes")
    if abs(request.priority) > HIGHEST_PRIORITY:
        raise InvalidRequest(
            f"priority {request.priority} is not within ±{HIGHEST_PRIORITY}; higher goes first"
        )
    deadline = request.deadline_s
    if deadline is not None and not 0 < deadline <= LONGEST_DEADLINE_S:
        raise InvalidRequest(
            f"deadline_s {deadline} is not between 0 and {LONGEST_DEADLINE_S:.0f} seconds"
        )


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
