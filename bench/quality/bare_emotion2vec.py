"""emotion2vec through FunASR called directly. Runs in its engine's environment.

JSON in: {"model": FOLDER, "files": […]}. Out, for each file: its likeliest label, in English.
"""

import contextlib
import json
import sys
from typing import Any

from funasr import AutoModel


def main() -> None:
    """All files, one after the other."""
    asked = json.load(sys.stdin)
    with contextlib.redirect_stdout(sys.stderr):
        model = AutoModel(
            model=asked["model"], device="cpu", disable_update=True, disable_pbar=True
        )
        found = [_felt(model, file) for file in asked["files"]]
    print(json.dumps(found))


def _felt(model: Any, file: str) -> str:
    told = model.generate(input=file, granularity="utterance", extract_embedding=False)[0]
    best = max(zip(told["scores"], told["labels"], strict=True))[1]
    name = str(best).rsplit("/", 1)[-1].strip()
    return "unknown" if name == "<unk>" else name


main()
