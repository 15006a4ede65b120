"""Runs in the engine's environment: each line of input is a task, each line of output its end.

One process for all tests, because importing litellm takes seconds.
"""

import contextlib
import sys
from typing import Any

import msgspec

from engines.llm_cleanup.engine import LlmCleanup
from engines.llm_cleanup.settings import LlmSettings
from engines.sdk import testing
from engines.sdk.contract import EngineFailure
from streams.transcript import Transcript


class Order(msgspec.Struct):
    settings: LlmSettings
    heard: Transcript
    options: dict[str, Any]


def obey(order: Order) -> dict[str, Any]:
    try:
        outcome = testing.run(
            LlmCleanup(order.settings),
            documents={"transcribe": order.heard},
            options=order.options,
        )
    except EngineFailure as error:
        return {"kind": error.kind, "reason": str(error)}
    return {"cleaned": outcome.output, "progress": outcome.progress}


for line in sys.stdin:
    with contextlib.redirect_stdout(sys.stderr):
        end = obey(msgspec.json.decode(line, type=Order))
    print(msgspec.json.encode(end).decode(), flush=True)
