"""What a request asks for, and whether it makes sense by itself. Pure."""

from streams.errors import InvalidRequest
from streams.events import JobRequest
from streams.offers import PREFERRED, Offer, is_known

LONGEST_TEXT = 4000
"""Bytes of a prompt, of hotwords and of all labels: they travel in events, which are small."""
HIGHEST_PRIORITY = 10
LONGEST_DEADLINE_S = 30 * 24 * 3600.0
MOST_SPEAKERS = 100


def extras(request: JobRequest) -> tuple[str, ...]:
    """The stages beside prepare, transcribe and merge that the request names in one way or another.

    `align` may be wanted besides for the times of words, when the transcriber gives none.
    """
    wishes = {
        "language": request.detect_language and request.language is None,
        "align": request.align or request.character_timestamps,
        "diarize": request.diarize or bool(request.min_speakers or request.max_speakers),
        "emotion": request.emotion,
        "cleanup": request.cleanup or bool(wanted_notes(request)),
        "redact": request.redact or bool(request.redact_kinds) or request.redact_audio != "keep",
    }
    return tuple(stage for stage, wish in wishes.items() if wish)


def wanted_notes(request: JobRequest) -> tuple[str, ...]:
    """What a language model is to make of the transcript, by the names of the options."""
    return tuple(name for name in ("summary", "action_items", "chapters") if getattr(request, name))


def check(request: JobRequest, offers: tuple[Offer, ...]) -> None:
    """Refuse what contradicts itself, or would not fit an event or a queue.

    Raises:
        InvalidRequest: the message names the option and says what it takes.
    """
    _check_sizes(request)
    _check_numbers(request)
    _check_speakers(request)
    if request.task == "translate" and {"align", "redact"} & set(extras(request)):
        raise InvalidRequest(
            "a translation has other words than the audio: task=translate goes without align, "
            "character_timestamps and redact"
        )
    _check_stages(request, offers)


def _check_sizes(request: JobRequest) -> None:
    texts = {
        "model": request.model,
        "language": request.language,
        "hotwords": request.hotwords,
        "initial_prompt": request.initial_prompt,
        "labels": _joined(request.labels),
        "models": _joined(request.models),
        "redact_kinds": "".join(request.redact_kinds),
    }
    for name, text in texts.items():
        if len((text or "").encode("utf-8", "replace")) > LONGEST_TEXT:
            raise InvalidRequest(f"{name} is over {LONGEST_TEXT} bytes")


def _check_numbers(request: JobRequest) -> None:
    if abs(request.priority) > HIGHEST_PRIORITY:
        raise InvalidRequest(
            f"priority {request.priority} is not within ±{HIGHEST_PRIORITY}; higher goes first"
        )
    deadline = request.deadline_s
    if deadline is not None and not 0 < deadline <= LONGEST_DEADLINE_S:
        raise InvalidRequest(
            f"deadline_s {deadline} is not between 0 and {LONGEST_DEADLINE_S:.0f} seconds"
        )


def _check_speakers(request: JobRequest) -> None:
    least, most = request.min_speakers, request.max_speakers
    for name, number in (("min_speakers", least), ("max_speakers", most)):
        if number is not None and not 1 <= number <= MOST_SPEAKERS:
            raise InvalidRequest(f"{name} {number} is not between 1 and {MOST_SPEAKERS}")
    if least is not None and most is not None and least > most:
        raise InvalidRequest(f"min_speakers {least} is over max_speakers {most}")


def _check_stages(request: JobRequest, offers: tuple[Offer, ...]) -> None:
    """Stages that are named beside the switches: a slip of the pen is not passed over."""
    planned = {"prepare", "transcribe", "align", "merge", *extras(request)}
    named = {"engines": request.engines, "models": request.models, "required": request.required}
    for option, stages in named.items():
        for stage in stages:
            if stage not in PREFERRED:
                raise InvalidRequest(
                    f"{option} names {stage!r}, which is no stage; there are: "
                    f"{', '.join(PREFERRED)}"
                )
            if stage not in planned:
                raise InvalidRequest(
                    f"{option} names {stage!r}, which the request does not ask for"
                )
    for stage, engine in request.engines.items():
        if not is_known(engine, stage, offers):
            raise InvalidRequest(f"there is no engine {engine!r} that does {stage}")
    if request.model is not None and "transcribe" in request.models:
        raise InvalidRequest("model and models both name the model of transcribe; give one of them")


def _joined(options: dict[str, str]) -> str:
    return "".join(f"{name}{value}" for name, value in options.items())
