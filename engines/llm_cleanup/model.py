"""The language model, asked through litellm: one question, one answer, patience, and the bill."""

import asyncio
import importlib
import os
import random
from typing import Any

from engines.llm_cleanup.prompts import Question
from engines.llm_cleanup.settings import LlmSettings
from engines.sdk.contract import EngineFailure, ModelUnavailable
from streams.transcript import Spent

OFFLINE = {
    "LITELLM_LOCAL_MODEL_COST_MAP": "True",  # prices as they came with the package
    "LITELLM_LOCAL_ANTHROPIC_BETA_HEADERS": "True",
    "LITELLM_LOCAL_BLOG_POSTS": "True",
    "LITELLM_MODE": "PRODUCTION",  # else it reads any .env that lies about
    "LITELLM_LOG": "CRITICAL",
}
CONFIGURED = {401: "the key is not taken", 403: "the key may not do that", 404: "not found"}
"""Answers that no patience changes: the operator has to."""
PASSING = {408, 409, 425, 429}
FORMS = ("json_schema", "json_object", "")
"""How the shape of an answer is asked for; servers that refuse one are asked the next way."""
REFUSED = {
    "ContextWindowExceededError": "it did not fit the model: see DALSTON_LLM_CONTEXT_TOKENS",
    "ContentPolicyViolationError": "the provider's filter refused it",
}
BACKOFF_S, LONGEST_WAIT_S = 0.5, 60.0
MOST_SILENT = 3
REASON = 300


class NoAnswer(Exception):
    """This question got no answer, though others may; the message is a reason for a warning."""


def library() -> Any:
    """litellm, without its telemetry, its downloads and its logs."""
    os.environ.update(OFFLINE)
    litellm: Any = importlib.import_module("litellm")  # heavy: only the child needs it
    litellm.suppress_debug_info = True
    litellm.turn_off_message_logging = True
    litellm.drop_params = True
    return litellm


class Model:
    """One model; made anew for each task, so that each has its own bill."""

    def __init__(self, litellm: Any, name: str, settings: LlmSettings) -> None:
        self.tokens_in = self.tokens_out = 0
        self._litellm, self._name, self._settings = litellm, name, settings
        self._turn = asyncio.Semaphore(settings.llm_concurrency)
        self._cost: float | None = 0.0
        self._form = 0
        self._answered = False
        self._silent = 0

    @property
    def spent(self) -> Spent:
        """All that was paid so far."""
        return Spent(self.tokens_in, self.tokens_out, self._cost)

    async def ask(self, question: Question) -> str:
        """The answer, "" for an empty one.

        Raises:
            NoAnswer: this one failed, after retries, or was refused.
            ModelUnavailable: the key or the name is wrong.
            EngineFailure: nothing answers, or no longer.
        """
        async with self._turn:
            tries = 0
            while True:
                form = self._form if question.fields else len(FORMS) - 1
                try:
                    answer = await self._once(question, FORMS[form])
                except NoAnswer:
                    raise
                except Exception as error:  # noqa: BLE001 - of any library beneath
                    if _is_refusal(error):
                        self._refused(error, form)
                        continue
                    if tries >= self._settings.llm_retries:
                        raise self._given_up(error) from None
                    await asyncio.sleep(_wait(error, tries))
                    tries += 1
                else:
                    self._answered, self._silent = True, 0
                    return answer

    async def _once(self, question: Question, form: str) -> str:
        more: dict[str, Any] = {"temperature": 0}
        if form == "json_schema":
            schema = {"name": "answer", "strict": True, "schema": question.schema}
            more["response_format"] = {"type": form, "json_schema": schema}
        elif form:
            more["response_format"] = {"type": form}
        if self._settings.llm_base_url:
            more["api_base"] = self._settings.llm_base_url
        if self._settings.llm_api_key or self._settings.llm_base_url:
            more["api_key"] = self._settings.llm_api_key or "none"
        async with asyncio.timeout(self._settings.llm_timeout_s):
            response = await self._litellm.acompletion(
                model=self._name,
                messages=question.messages,
                max_tokens=question.answer_tokens,
                timeout=self._settings.llm_timeout_s,
                num_retries=0,
                max_retries=0,
                **more,
            )
        self._pay(response)
        choice = response.choices[0]
        if choice.finish_reason == "content_filter":
            raise NoAnswer(REFUSED["ContentPolicyViolationError"])
        return choice.message.content or ""

    def _pay(self, response: Any) -> None:
        usage = getattr(response, "usage", None)
        self.tokens_in += getattr(usage, "prompt_tokens", 0) or 0
        self.tokens_out += getattr(usage, "completion_tokens", 0) or 0
        try:
            cost = self._litellm.completion_cost(completion_response=response, model=self._name)
        except Exception:  # noqa: BLE001 - a model without a known price
            self._cost = None
        else:
            self._cost = None if self._cost is None else self._cost + cost

    def _refused(self, error: Exception, form: int) -> None:
        """Go on with the next form; or there is none, or it is not the form's fault."""
        status = getattr(error, "status_code", None)
        if status in CONFIGURED:
            raise ModelUnavailable(
                f"model {self._name!r}: {CONFIGURED[status]} ({self._words(error)}): "
                "see DALSTON_LLM_MODEL, DALSTON_LLM_BASE_URL, DALSTON_LLM_API_KEY"
            ) from None
        own = REFUSED.get(type(error).__name__)
        if own or form + 1 >= len(FORMS):
            told = f"its server refused the question: {self._words(error)[:100]}"
            raise NoAnswer(own or told) from None
        self._form = max(self._form, form + 1)

    def _given_up(self, error: Exception) -> Exception:
        """Nothing came of any try: for this question, or for all of them?"""
        self._silent += 1
        if self._answered and self._silent < MOST_SILENT:
            return NoAnswer("the model did not answer")
        return EngineFailure(
            f"model {self._name!r} does not answer, after {self._settings.llm_retries + 1} tries: "
            f"{self._words(error)}: is its server up, and DALSTON_LLM_BASE_URL right?"
        )

    def _words(self, error: Exception) -> str:
        """What went wrong, without any secret that a server may have echoed."""
        if isinstance(error, TimeoutError):
            return f"nothing within {self._settings.llm_timeout_s:g} s"
        if not isinstance(getattr(error, "status_code", None), int):
            return f"what came cannot be read ({type(error).__name__})"
        text = " ".join(str(error).split())
        for secret in (self._settings.llm_api_key, *_keys()):
            text = text.replace(secret, "***") if secret else text
        return text[:REASON]


def _keys() -> list[str]:
    """The providers' own variables that hold secrets."""
    return [value for name, value in os.environ.items() if name.endswith("_API_KEY") and value]


def _is_refusal(error: Exception) -> bool:
    status = getattr(error, "status_code", None)
    if not isinstance(status, int) or status in PASSING:
        return False
    # Some servers (llama-cpp-python's) answer 500 to a form that they do not know.
    return status // 100 == 4 or "response_format" in str(error)


def _wait(error: Exception, tries: int) -> float:
    """Twice as long each time, or as long as the server asks for."""
    headers = getattr(error, "litellm_response_headers", None) or {}
    try:
        asked = float(headers.get("retry-after", 0))
    except ValueError:
        asked = 0.0
    spread = 0.75 + random.random() / 2  # noqa: S311 - so that not all come back at once
    return min(max(asked, BACKOFF_S * 2.0**tries * spread), LONGEST_WAIT_S)
