"""What a job can ask of this stage. Pure."""

from typing import Literal

import msgspec

from engines.sdk.contract import InvalidInput
from streams.transcript import Transcript

PERSONAL = (
    "PERSON", "LOCATION", "EMAIL_ADDRESS", "PHONE_NUMBER", "CREDIT_CARD", "IBAN_CODE", "CRYPTO",
    "US_SSN", "US_ITIN", "US_PASSPORT", "US_BANK_NUMBER", "US_DRIVER_LICENSE", "UK_NHS",
    "MEDICAL_LICENSE", "IP_ADDRESS", "MAC_ADDRESS", "URL", "UUID", "NUMBER",
)  # fmt: skip
"""Masked when nothing else is asked for. NUMBER is ours: six digits or more of any kind, and
four or five after words such as "pin"."""
KINDS = (*PERSONAL, "DATE_TIME", "NRP", "ORGANIZATION")
"""Those too, when asked for: so much else is a date or an organisation."""


class Options(msgspec.Struct, frozen=True, kw_only=True):
    """What is personal, and what becomes of the audio."""

    model: str | None = None
    language: str | None = None
    kinds: list[str] | None = None
    audio: Literal["keep", "beep", "silence"] = "keep"


def kinds(options: Options) -> tuple[str, ...]:
    """The kinds to mask.

    Raises:
        InvalidInput: there is no such kind, or none at all is asked for.
    """
    if options.kinds is None:
        return PERSONAL
    wanted = tuple(dict.fromkeys(kind.upper() for kind in options.kinds))
    unknown = [kind for kind in wanted if kind not in KINDS]
    if unknown or not wanted:
        said = f"unknown kind {', '.join(unknown)}" if unknown else "no kinds to redact"
        raise InvalidInput(f"{said}; there are: {', '.join(KINDS)}")
    return wanted


def check_language(transcript: Transcript, options: Options) -> None:
    """Nothing is passed on that could not be read.

    Raises:
        InvalidInput: the text is not English, or nobody knows what it is.
    """
    if not transcript.segments or _translated(transcript):
        return
    whole = transcript.language or options.language
    languages = {segment.language or whole for segment in transcript.segments}
    for language in sorted(languages, key=str):
        if language is None:
            raise InvalidInput(
                "redact does not know the language of this transcript, and reads English only: "
                "if it is English, submit it again with language en"
            )
        if language.lower().replace("_", "-").partition("-")[0] != "en":
            raise InvalidInput(
                f"redact reads English only, and this transcript is in {language!r}: what is "
                "personal in it would not be found. Submit it again without redact"
            )


def _translated(transcript: Transcript) -> bool:
    """Whisper's task "translate" gives English, whatever was spoken."""
    return any(
        mark.stage == "transcribe" and mark.parameters.get("task") == "translate"
        for mark in transcript.provenance
    )
