"""A model from a hub, whole or not at all: into the models folder, under the hub's own name."""

import re
import shutil
from pathlib import Path

from engines.sdk.contract import ModelUnavailable

NAME = re.compile(r"[\w-][\w.-]*/[\w-][\w.-]*")
TIMEOUT_S = 5.0


def download(name: str, hub: str, folder: Path, here: str) -> str:
    """Fetch a model by FunASR's short name or ORGANISATION/NAME; the name it has on the hub.

    Args:
        hub: "modelscope" or "huggingface".
        here: the models that are here, for the message.

    Raises:
        ModelUnavailable: no such name, or the hub gave nothing.
    """
    full = known_as(name, hub)
    if full is None:
        raise ModelUnavailable(
            f"unknown model {name!r}; here: {here}; from the hub: SenseVoiceSmall, paraformer-zh, "
            "paraformer-en, or ORGANISATION/NAME"
        )
    target = folder / full
    if target.is_dir():
        return full
    part = folder / f".{full.replace('/', '--')}.part"
    try:
        _reach(hub)
        _snapshot(full, hub, part)
    except Exception as error:  # noqa: BLE001 - whatever the hub's client meets, it is this
        reason = (str(error).strip() or type(error).__name__).splitlines()[0]
        raise ModelUnavailable(
            f"model {name!r} is not here and {hub} gave no such model ({reason}). Here: {here}. "
            f"To have it, put its folder (config.yaml, model.pt and the files beside them) into "
            f"{folder} (DALSTON_MODELS_DIR), or let this engine reach the hub once"
        ) from None
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.rmtree(part / ".cache", ignore_errors=True)
    try:
        part.rename(target)
    except OSError:
        if not target.is_dir():  # else another replica was quicker
            raise
    return full


def known_as(name: str, hub: str) -> str | None:
    """The name on the hub; None if it cannot be one."""
    from funasr.download import name_maps_from_hub as maps  # noqa: PLC0415 - heavy

    short = maps.name_maps_ms if hub == "modelscope" else maps.name_maps_hf
    full = short.get(name, name)
    return full if NAME.fullmatch(full) else None


def _reach(hub: str) -> None:
    """Ask for a sign of life first: the hubs' clients alone would retry for minutes."""
    import requests  # noqa: PLC0415 - only the child needs it

    if hub == "modelscope":
        from modelscope.hub.api import HubApi  # noqa: PLC0415

        address = HubApi().endpoint
    else:
        from huggingface_hub import constants  # noqa: PLC0415

        if constants.HF_HUB_OFFLINE:
            raise ConnectionError("HF_HUB_OFFLINE forbids it")
        address = constants.ENDPOINT
    try:
        requests.head(address, timeout=TIMEOUT_S)
    except requests.RequestException as error:
        raise ConnectionError(f"{address} cannot be reached: {type(error).__name__}") from None


def _snapshot(name: str, hub: str, target: Path) -> None:
    if hub == "modelscope":
        from modelscope.hub.snapshot_download import snapshot_download  # noqa: PLC0415

        snapshot_download(name, local_dir=str(target))
    else:
        from huggingface_hub import snapshot_download as from_hub  # noqa: PLC0415

        from_hub(name, local_dir=target)
