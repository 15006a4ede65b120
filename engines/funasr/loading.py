"""A model's folder → FunASR's AutoModel with every weight from the file, or a reason."""

import contextlib
import io
import json
import re
from pathlib import Path
from typing import Any

from engines.sdk.contract import ModelUnavailable

MISSING = re.compile(r"miss key in ckpt: ([^,]+),")
CONFIG = "config.yaml"


def loaded(folder: Path, device: str, threads: int) -> Any:
    """The library's model, ready to generate.

    Raises:
        ModelUnavailable: the folder is not whole, or its weights are of another model.
    """
    _check(folder)
    from funasr import AutoModel  # noqa: PLC0415 - heavy, and only the child needs it

    said = io.StringIO()  # it tells of missing weights in print only, and makes up random ones
    try:
        with contextlib.redirect_stdout(said):
            model = AutoModel(
                model=str(folder),
                device=device,
                ncpu=threads,
                trust_remote_code=False,
                ignore_init_mismatch=False,
                disable_update=True,
                disable_pbar=True,
                disable_log=True,
                log_level="ERROR",
            )
    except Exception as error:  # noqa: BLE001 - a file of any kind may lie in that folder
        reason = (str(error).strip() or type(error).__name__).splitlines()[0]
        raise ModelUnavailable(f"the model in {folder} does not load: {reason}") from None
    missing = MISSING.findall(said.getvalue())
    if missing or not Path(model.kwargs.get("init_param") or ".").is_file():
        raise ModelUnavailable(
            f"the weights in {folder} do not fit its configuration: "
            f"{len(missing) or 'all'} are missing{', such as ' + missing[0] if missing else ''}. "
            "Put the files of one and the same model there"
        )
    return model


def _check(folder: Path) -> None:
    """Its configuration is the file that we have read: the library would take another, too."""
    path = folder / "configuration.json"
    if not path.is_file():
        return
    try:
        named = json.loads(path.read_text(encoding="utf-8"))["file_path_metas"]["config"]
    except (ValueError, KeyError, TypeError):
        raise ModelUnavailable(
            f"{path} does not name {CONFIG} as FunASR's models do (file_path_metas.config)"
        ) from None
    if named != CONFIG:
        raise ModelUnavailable(f"{path} names {named!r} as the configuration, not {CONFIG}")
