"""Which language model is asked, where, and how much at once."""

from typing import Annotated

import msgspec
from msgspec import Meta


class LlmSettings(msgspec.Struct, frozen=True, kw_only=True):
    """Only the operator names models and addresses: a request chooses among the named ones."""

    llm_model: Annotated[
        str, Meta(description="model by litellm's name: openai/gpt-4o-mini, ollama/gemma3, …")
    ] = ""
    llm_models: Annotated[
        str, Meta(description="others that a request may name, with commas between")
    ] = ""
    llm_base_url: Annotated[
        str, Meta(description="address of a server that speaks the provider's protocol")
    ] = ""
    llm_api_key: Annotated[
        str, Meta(description="its key; empty: the provider's own variable, if there is one")
    ] = ""
    llm_timeout_s: Annotated[
        float, Meta(description="seconds that one answer may take, to its last byte", gt=0)
    ] = 120.0
    llm_retries: Annotated[
        int, Meta(description="more tries for a request that got no answer", ge=0, le=20)
    ] = 4
    llm_concurrency: Annotated[int, Meta(description="requests at once", ge=1, le=256)] = 4
    llm_context_tokens: Annotated[
        int, Meta(description="tokens that fit the model: question and answer together", ge=2048)
    ] = 8192
    llm_batch_segments: Annotated[
        int, Meta(description="segments in one request; 1 for models that write no JSON", ge=1)
    ] = 20

    def __repr__(self) -> str:
        """Without the key, and without the address, which may hold one."""
        return f"LlmSettings(llm_model={self.llm_model!r}, llm_models={self.llm_models!r})"

    @property
    def names(self) -> tuple[str, ...]:
        """All models that may be asked, the default first."""
        named = (self.llm_model, *self.llm_models.split(","))
        return tuple(dict.fromkeys(name.strip() for name in named if name.strip()))
