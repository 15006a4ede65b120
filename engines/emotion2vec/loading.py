"""A model's folder → FunASR's AutoModel with every weight that judging needs, or a reason."""

import contextlib
import io
import json
import re
from pathlib import Path
from typing import Any

from engines.sdk.contract import ModelUnavailable

CONFIG = "config.yaml"
MISSING = re.compile(r"miss key in ckpt: ([^,]+),")
UNUSED = "modality_encoders.AUDIO.decoder."
"""Weights for training only: the authors' own files lack them."""
LAYERS = re.compile(r"[\d\s()\[\],+*]+")
"""What a list of layers may be made of: the library runs it as Python."""


def loaded(folder: Path, device: str, threads: int) -> Any:
    """The library's model, ready to judge.

    Raises:
        ModelUnavailable: the folder is not whole, not safe, or of a model that has no labels.
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
    missing = [key for key in MISSING.findall(said.getvalue()) if not key.startswith(UNUSED)]
    if missing or not Path(model.kwargs.get("init_param") or ".").is_file():
        raise ModelUnavailable(
            f"the weights in {folder} do not fit its configuration: "
            f"{len(missing) or 'all'} are missing{', such as ' + missing[0] if missing else ''}. "
            "Put the files of one and the same model there"
        )
    if model.model.proj is None:
        raise ModelUnavailable(
            f"the model in {folder} has no labels (tokens.txt): it only makes features. "
            "Use one that was trained to judge, such as iic/emotion2vec_plus_base"
        )
    return model


def _check(folder: Path) -> None:
    """What the library will run is a list of numbers, in the file that it will read."""
    import yaml  # noqa: PLC0415 - comes with the library

    path = folder / "configuration.json"
    try:
        if path.is_file():
            named = json.loads(path.read_text("utf-8"))["file_path_metas"]["config"]
            if named != CONFIG:
                raise ModelUnavailable(f"{path} names {named!r} as configuration, not {CONFIG}")
        config = yaml.safe_load((folder / CONFIG).read_text("utf-8"))
        layers = config["model_conf"]["modalities"]["audio"]["feature_encoder_spec"]
    except (ValueError, KeyError, TypeError, yaml.YAMLError) as error:
        raise ModelUnavailable(
            f"the configuration in {folder} is not emotion2vec's ({type(error).__name__}: {error})"
        ) from None
    if not LAYERS.fullmatch(str(layers)):
        raise ModelUnavailable(
            f"feature_encoder_spec in {folder / CONFIG} is not a list of layers, and would be run "
            "as a program: this model is not to be trusted"
        )
