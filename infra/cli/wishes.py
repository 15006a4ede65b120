"""What a transcript is to hold besides the words: options of `dalston transcribe`, as a request."""

from collections.abc import Callable, Mapping
from typing import Any, TypeVar

import click

from streams.asking import extras
from streams.events import JobRequest
from streams.offers import PREFERRED

F = TypeVar("F", bound=Callable[..., Any])

LOCAL = {"align": "pocketsphinx"}
"""Who does a stage in a stack that is started for one command, where it is not the first choice:
the one that brings its model along."""


def options(command: F) -> F:
    """Add the options that ask for more than words."""
    for option in reversed(_OPTIONS):
        command = option(command)
    return command


def pairs(_: click.Context, option: click.Parameter, words: tuple[str, ...]) -> dict[str, str]:
    """STAGE=NAME words as a mapping."""
    found = {}
    for word in words:
        stage, equals, name = word.partition("=")
        if not equals or not stage or not name:
            raise click.BadParameter(f"write {option.metavar}, not {word!r}")
        found[stage] = name
    return found


def engines(request: JobRequest) -> Mapping[str, int]:
    """The engines that a stack needs for what is asked beside the words."""
    stages = {*extras(request), *request.engines}
    chosen = {
        stage: request.engines.get(stage, LOCAL.get(stage, PREFERRED[stage][0])) for stage in stages
    }
    return dict.fromkeys(chosen.values(), 1)


_PAIR: dict[str, Any] = {"multiple": True, "callback": pairs}
_OPTIONS = (
    click.option("--diarize", is_flag=True, help="Say who speaks."),
    click.option("--min-speakers", type=int, metavar="N", help="At least so many of them."),
    click.option("--max-speakers", type=int, metavar="N", help="At most so many."),
    click.option("--emotion", is_flag=True, help="Say how each segment sounds."),
    click.option(
        "--cleanup", is_flag=True, help="Clean text beside what was said: no fillers, punctuation."
    ),
    click.option("--summary", is_flag=True, help="A summary, by a language model."),
    click.option("--action-items", is_flag=True, help="What is to be done, likewise."),
    click.option("--chapters", is_flag=True, help="Chapters with titles, likewise."),
    click.option("--redact", is_flag=True, help="Mask what is personal in all text."),
    click.option(
        "--redact-kind", "redact_kinds", multiple=True, metavar="KIND",
        help="Only this kind, such as PERSON; may be repeated.",
    ),
    click.option(
        "--redact-audio", type=click.Choice(["keep", "beep", "silence"]), default="keep",
        help="Make it inaudible, too: audio beside the transcript.",
    ),
    click.option("--align", is_flag=True, help="Find the times of words by an aligner."),
    click.option(
        "--characters", "character_timestamps", is_flag=True, help="And those of characters."
    ),
    click.option("--detect-language", is_flag=True, help="By an engine that does only that."),
    click.option(
        "--engine", "engines", metavar="STAGE=NAME", help="Who is to do a stage.", **_PAIR
    ),
    click.option(
        "--stage-model", "models", metavar="STAGE=MODEL", help="With which model.", **_PAIR
    ),
    click.option(
        "--require", "required", multiple=True, metavar="STAGE",
        help="Rather no transcript than one without this; others are left out with a warning.",
    ),
    click.option(
        "--wait-for-engines", is_flag=True, help="Accept what nobody does yet: it waits for them."
    ),
)  # fmt: skip
