"""A model that is not here → into the models folder, from where WhisperX takes it."""

import socket
from pathlib import Path
from typing import Any

from engines.sdk.contract import ModelUnavailable
from engines.whisperx import models

TIMEOUT_S = 10.0


def fetch(name: str, shelf: models.Shelf, alignment: Any) -> Path:
    """Download a model by a language's code (WhisperX's own choice) or a hub's OWNER/NAME.

    Raises:
        ModelUnavailable: no such name, or it cannot be had; the message says how to.
    """
    here = ", ".join(shelf.names()) or "none"
    target = shelf.folder / name
    known = {**alignment.DEFAULT_ALIGN_MODELS_HF, **alignment.DEFAULT_ALIGN_MODELS_TORCH}
    if name not in known and not models.HUB_NAME.fullmatch(name):
        raise ModelUnavailable(
            f"unknown model {name!r}; here: {here}; to download: OWNER/NAME, or a language: "
            + ", ".join(sorted(known))
        )
    before = socket.getdefaulttimeout()
    socket.setdefaulttimeout(TIMEOUT_S)
    try:
        if name in alignment.DEFAULT_ALIGN_MODELS_TORCH:
            alignment.load_align_model(name, "cpu", model_dir=str(target))
        else:
            _snapshot(known.get(name, name), target)
    except Exception as error:  # noqa: BLE001 - whatever the hub's client meets, it is this
        reason = (str(error).strip() or type(error).__name__).splitlines()[0]
        raise ModelUnavailable(
            f"model {name!r} is not here and could not be downloaded ({reason}). Here: {here}. "
            f"To have it, put its folder (config.json, vocab.json, preprocessor_config.json and "
            f"the weights of a {models.KIND}) into {shelf.folder} (DALSTON_MODELS_DIR), named by "
            "its language, or let this engine reach the hub once"
        ) from None
    finally:
        socket.setdefaulttimeout(before)
    return target


def _snapshot(repository: str, target: Path) -> None:
    import requests  # noqa: PLC0415 - only the child needs it
    from huggingface_hub import constants, snapshot_download  # noqa: PLC0415

    if constants.HF_HUB_OFFLINE:
        raise ConnectionError("HF_HUB_OFFLINE forbids it")
    try:  # a sign of life first: the hub's client alone would retry for minutes
        requests.head(constants.ENDPOINT, timeout=TIMEOUT_S)
    except requests.RequestException as error:
        raise ConnectionError(
            f"{constants.ENDPOINT} cannot be reached: {type(error).__name__}"
        ) from None
    part = target.with_name(f".{target.name}.part")
    snapshot_download(repository, local_dir=part, ignore_patterns=["*.msgpack", "*.h5", "*.arpa"])
    part.rename(target)
