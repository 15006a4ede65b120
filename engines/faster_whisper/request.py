"""How to listen: what a job's options come to, once the model is known."""

import msgspec

BEAM = 5


class Request(msgspec.Struct, frozen=True, kw_only=True):
    """How to listen; ``language`` is settled by then."""

    language: str | None
    task: str
    vad: bool
    hotwords: str | None
    initial_prompt: str | None
    keep_words: bool
    batch: int
