"""Request → plan: which stages, by which engines, after which others. Pure."""

from collections.abc import Sequence
from typing import NamedTuple

from streams.asking import check, extras, wanted_notes
from streams.errors import InvalidRequest, NoEngine
from streams.events import JobRequest, Options, PlannedStage
from streams.offers import Offer, Wanted, choose, first_choice

DEFAULT_ENGINES = {"prepare": "audio_prepare", "transcribe": "faster_whisper", "merge": "merge"}
"""Who does the stages of every job, unless the request says otherwise."""
MUST = frozenset({*DEFAULT_ENGINES, "redact"})
"""Stages that are never left out: what was to be masked never comes out unmasked."""
TEXT = ("transcribe", "align")
"""Whose output is the transcript so far: as aligned, where that was done."""
NEEDS: dict[str, tuple[str, ...]] = {
    "prepare": (),
    "language": ("prepare",),
    "transcribe": ("prepare", "language"),
    "align": ("prepare", "transcribe"),
    "diarize": ("prepare",),
    "emotion": ("prepare", *TEXT),
    "cleanup": TEXT,
    "merge": ("prepare", "language", *TEXT, "diarize", "emotion", "cleanup"),
    "redact": ("prepare", "merge"),
}
"""Stage → those of the plan that it comes after; a plan has its stages in this order."""
GIVEN = {"language": "language", "diarize": "speakers", "emotion": "emotion"}
"""Stages that fall away when the transcriber gives this already."""


class Transcriber(NamedTuple):
    """What is known of who will transcribe: what it gives, and the one language if it has but one.

    Words, and any language, when nobody is known.
    """

    gives: frozenset[str] = frozenset({"words"})
    language: str | None = None


def plan(
    request: JobRequest, offers: Sequence[Offer], *, accepted: bool = False
) -> tuple[PlannedStage, ...]:
    """The stages of a job, in an order in which they could be done one after the other.

    A stage that was asked for falls away when the transcriber gives it already. One that nobody
    can do is left out, with the reason, unless the transcript is not to be without it. Without any
    offers it is not known who is up, and the first choice is planned for.

    Args:
        accepted: the job is accepted, so what is required waits for somebody who can do it.

    Raises:
        NoEngine: nobody does a stage that is required; the message says what to start.
        InvalidRequest: the request contradicts itself, or no engine takes what it asks for.
    """
    if not accepted:
        check(request, tuple(offers))
    waits = request.wait_for_engines or not offers
    required = MUST | set(request.required)
    chosen: dict[str, str] = {}
    models: dict[str, str | None] = {}
    reasons: dict[str, str] = {}
    transcriber = _transcriber(request, offers)
    for stage in _stages(request, transcriber.gives):
        wanted = _wanted(request, stage, transcriber.language)
        try:
            offer = choose(wanted, offers)
            chosen[stage] = offer.engine
            models[stage] = wanted.model or offer.fitting(wanted.language)
        except InvalidRequest as reason:
            impossible = not isinstance(reason, NoEngine)
            if not accepted and stage in required and (impossible or not waits):
                raise
            if not accepted and impossible and _is_named(request, stage):
                raise
            chosen[stage], models[stage] = first_choice(wanted), wanted.model
            if stage not in required and (impossible or not waits):
                reasons[stage] = str(reason)
    return tuple(
        PlannedStage(
            name=stage,
            engine=chosen[stage],
            needs=tuple(need for need in NEEDS[stage] if need in chosen),
            options=_options(request, stage, models[stage]),
            required=stage in required,
            left_out=reasons.get(stage, ""),
        )
        for stage in NEEDS
        if stage in chosen
    )


def _stages(request: JobRequest, given: frozenset[str]) -> list[str]:
    """Those that the request comes to, when the transcriber gives this much."""
    wanted = {*DEFAULT_ENGINES, *extras(request)}
    if request.word_timestamps and request.task == "transcribe" and "words" not in given:
        wanted.add("align")
    named = {*request.engines, *request.required}
    return [
        stage
        for stage in NEEDS
        if stage in wanted and (stage in named or GIVEN.get(stage) not in given)
    ]


def _transcriber(request: JobRequest, offers: Sequence[Offer]) -> Transcriber:
    wanted = _wanted(request, "transcribe", None)
    try:
        offer = choose(wanted, offers)
    except InvalidRequest:
        return Transcriber()
    model = wanted.model or offer.fitting(wanted.language)
    known = offer.languages.get(model or offer.default_model or "", ())
    return Transcriber(offer.given(model), known[0] if len(known) == 1 else None)


def _is_named(request: JobRequest, stage: str) -> bool:
    """Whether an engine or a model was chosen for the stage, which nobody has then."""
    return stage in request.engines or stage in request.models


def _wanted(request: JobRequest, stage: str, heard: str | None) -> Wanted:
    """What the request says of a stage; ``heard``: the language that the transcript will be in."""
    model, language = request.models.get(stage), None
    if stage == "transcribe":
        model, language = request.model or model, request.language
    elif stage in {"align", "redact"}:
        language = request.language or heard
    return Wanted(stage=stage, engine=request.engines.get(stage), model=model, language=language)


def _options(request: JobRequest, stage: str, model: str | None) -> Options:
    """What the stage is asked; the engine's own defaults hold for what is not said."""
    match stage:
        case "prepare":
            options: Options = {"channels": request.channels}
        case "transcribe":
            options = {
                "language": request.language,
                "task": request.task,
                "word_timestamps": request.word_timestamps,
                "vad": request.vad,
                "hotwords": request.hotwords,
                "initial_prompt": request.initial_prompt,
            }
        case "align":
            options = {
                "language": request.language,
                "character_timestamps": request.character_timestamps or None,
            }
        case "diarize":
            options = {
                "min_speakers": request.min_speakers, "max_speakers": request.max_speakers,
            }  # fmt: skip
        case "cleanup":
            notes = dict.fromkeys(wanted_notes(request), True)
            options = {"language": request.language, "clean": request.cleanup, **notes}
        case "redact":
            options = {
                "language": request.language,
                "kinds": list(request.redact_kinds) or None,
                "audio": request.redact_audio,
            }
        case _:
            options = {}
    options["model"] = model
    return {name: value for name, value in options.items() if value is not None}
