"""Runs in the engine's environment: cases in, what each gave out, the model loaded once.

Arguments: a JSON object, name → {"tracks": […], "options": {…}, "silent": […], "window": seconds}.
"""

import json
import sys
from pathlib import Path
from typing import Any

import msgspec

from engines.pyannote import diarizer
from engines.pyannote.engine import Pyannote
from engines.sdk import inputs, testing
from engines.sdk.contract import EngineFailure
from engines.sdk.memory import peak


def one(engine: Pyannote, case: dict[str, Any]) -> Any:
    tracks = [Path(track) for track in case["tracks"]]
    said = inputs.prepared(tracks)
    silent = [
        msgspec.structs.replace(track, silent=number in case.get("silent", ()))
        for number, track in enumerate(said.tracks)
    ]
    said = msgspec.structs.replace(said, tracks=tuple(silent))
    whole = diarizer.WINDOW_S
    diarizer.WINDOW_S = case.get("window", whole)
    try:
        outcome = testing.run(
            engine, tracks=tracks, documents={"prepare": said}, options=case.get("options")
        )
    except EngineFailure as failure:
        return {"failure": type(failure).__name__, "message": str(failure)}
    finally:
        diarizer.WINDOW_S = whole
    return {
        **msgspec.to_builtins(outcome.output),
        "progress": outcome.progress,
        "run_s": outcome.run_s,
        "peak": peak(),
    }


def main() -> None:
    engine = Pyannote()
    cases = json.loads(sys.argv[1])
    print(json.dumps({name: one(engine, case) for name, case in cases.items()}))


if __name__ == "__main__":
    main()
