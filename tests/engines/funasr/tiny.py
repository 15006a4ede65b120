"""Tiny models in FunASR's format, run in the engine's environment: python tiny.py FOLDER SAMPLE.

Random weights, but for the last layer, which is solved so that the model says SAID of the sample:
all that the library does on the way, and all that the engine makes of it, is then known. Writes
`paraformer`, `seaco`, `sensevoice`, `lacking` (a Paraformer whose file lacks two weights), and the
detectors of speech `hears-all` and `hears-nothing`.
"""

import io
import json
import shutil
import sys
import wave
from pathlib import Path
from typing import Any

import numpy as np
import sentencepiece
import torch
import yaml
from funasr import AutoModel

SAID = "你好 hello 世界 wonderful"
TAGGED = "<|en|><|HAPPY|><|Speech|><|withitn|> hello world. good day to you."
TAGS = ["<|en|>", "<|zh|>", "<|HAPPY|>", "<|EMO_UNKNOWN|>", "<|Speech|>", "<|BGM|>", "<|withitn|>"]
SPOKEN = ["你", "好", "hel@@", "lo", "世", "界", "won@@", "der@@", "ful"]
WORDS = ["<blank>", "<s>", "</s>", *SPOKEN, "<unk>"]
SIZE = 128
FRONTEND = {"fs": 16000, "window": "hamming", "n_mels": 80, "frame_length": 25, "frame_shift": 10}
ENCODER = {
    "output_size": SIZE,
    "attention_heads": 2,
    "linear_units": SIZE,
    "num_blocks": 2,
    "input_layer": "pe",
    "kernel_size": 11,
    "sanm_shfit": 0,
    "selfattention_layer_type": "sanm",
}
DECODER = {
    "attention_heads": 2,
    "linear_units": SIZE,
    "num_blocks": 1,
    "att_layer_num": 1,
    "kernel_size": 11,
    "sanm_shfit": 0,
}
PREDICTOR = {"idim": SIZE, "threshold": 1.0, "l_order": 1, "r_order": 1, "tail_threshold": 0.45}
PARAFORMER = {
    "model": "Paraformer",
    "model_conf": {"ctc_weight": 0.0, "predictor_bias": 1},
    "encoder": "SANMEncoder",
    "encoder_conf": ENCODER,
    "decoder": "ParaformerSANMDecoder",
    "decoder_conf": DECODER,
    "predictor": "CifPredictorV2",
    "predictor_conf": PREDICTOR,
    "frontend": "WavFrontend",
    "frontend_conf": {**FRONTEND, "lfr_m": 7, "lfr_n": 6, "dither": 0.0},
    "tokenizer": "CharTokenizer",
    "tokenizer_conf": {"unk_symbol": "<unk>", "split_with_space": True},
}
SEACO = {
    **PARAFORMER,
    "model": "SeacoParaformer",
    "model_conf": {
        "ctc_weight": 0.0,
        "predictor_bias": 1,
        "inner_dim": SIZE,
        "bias_encoder_type": "lstm",
        "NO_BIAS": 2,
    },
    "predictor": "CifPredictorV3",
    "predictor_conf": {
        **PREDICTOR,
        "smooth_factor2": 0.25,
        "noise_threshold2": 0.01,
        "upsample_times": 3,
        "use_cif1_cnn": False,
        "upsample_type": "cnn_blstm",
    },
    "seaco_decoder": "ParaformerSANMDecoder",
    "seaco_decoder_conf": {**DECODER, "use_output_layer": False, "wo_input_layer": True},
}
SENSEVOICE = {
    "model": "SenseVoiceSmall",
    "model_conf": {"length_normalized_loss": True},
    "encoder": "SenseVoiceEncoderSmall",
    "encoder_conf": {**ENCODER, "tp_blocks": 1},
    "frontend": "WavFrontend",
    "frontend_conf": {**FRONTEND, "lfr_m": 7, "lfr_n": 6, "dither": 0.0},
    "tokenizer": "SentencepiecesTokenizer",
    "tokenizer_conf": {"unk_symbol": "<unk>", "split_with_space": True},
}
VAD = {
    "model": "FsmnVADStreaming",
    "model_conf": {"sample_rate": 16000, "sil_pdf_ids": [0], "frame_in_ms": 10},
    "encoder": "FSMN",
    "encoder_conf": {
        "input_dim": 400,
        "input_affine_dim": 16,
        "fsmn_layers": 1,
        "linear_dim": 16,
        "proj_dim": 8,
        "lorder": 5,
        "rorder": 0,
        "lstride": 1,
        "rstride": 0,
        "output_affine_dim": 16,
        "output_dim": 8,
    },
    "frontend": "WavFrontendOnline",
    "frontend_conf": {**FRONTEND, "lfr_m": 5, "lfr_n": 1, "dither": 0.0},
}


def main(folder: Path, sample: Path) -> None:
    with wave.open(str(sample), "rb") as file:
        raw = np.frombuffer(file.readframes(file.getnframes()), "<i2")
    audio = raw.astype(np.float32) / 32768
    for name, config in (("paraformer", PARAFORMER), ("seaco", SEACO)):
        path = started(folder / name, config)
        (path / "tokens.json").write_text(json.dumps(WORDS, ensure_ascii=False))
        model = built(path, tokenizer_conf={"token_list": str(path / "tokens.json")})
        solve(model, model.model.decoder.output_layer, audio, spoken)
        torch.save({"model": model.model.state_dict()}, path / "model.pt")
    lacking = shutil.copytree(folder / "paraformer", folder / "lacking")
    weights = torch.load(lacking / "model.pt")["model"]
    torch.save(dict(list(weights.items())[2:]), lacking / "model.pt")
    path = started(folder / "sensevoice", SENSEVOICE)
    pieces = learned(path / "bpe.model")
    model = built(path, tokenizer_conf={"bpemodel": str(path / "bpe.model")})
    ids = pieces.encode(TAGGED)
    solve(model, model.model.ctc.ctc_lo, audio, lambda frames: tagged(ids, frames))
    torch.save(model.model.state_dict(), path / "model.pt")
    for name, bias in (("hears-all", -8.0), ("hears-nothing", 8.0)):
        path = started(folder / name, VAD)
        model = built(path)
        with torch.no_grad():
            model.model.encoder.out_linear2.linear.bias[0] = bias
        torch.save(model.model.state_dict(), path / "model.pt")


def started(path: Path, config: dict[str, Any]) -> Path:
    path.mkdir(parents=True)
    (path / "config.yaml").write_text(yaml.safe_dump(config, sort_keys=False))
    return path


def built(path: Path, **more: Any) -> Any:
    torch.manual_seed(7)
    config = yaml.safe_load((path / "config.yaml").read_text())
    for key, value in more.items():
        config[key] = {**config[key], **value}
    return AutoModel(**config, device="cpu", disable_update=True, disable_pbar=True)


def solve(model: Any, last: torch.nn.Linear, audio: Any, wanted: Any) -> None:
    """Set the last layer so that each of its inputs, for this audio, gives the wanted token."""
    seen: list[torch.Tensor] = []
    hook = last.register_forward_pre_hook(lambda _, inputs: seen.append(inputs[0]))
    model.generate(input=[audio], use_itn=True)  # as the engine asks SenseVoice
    hook.remove()
    states = seen[0].reshape(-1, seen[0].shape[-1]).double()
    tokens = torch.tensor(wanted(len(states)))
    goal = torch.nn.functional.one_hot(tokens, last.out_features).double() * 20
    whole = torch.cat((states, torch.ones(len(states), 1)), dim=1)
    found = torch.linalg.lstsq(whole, goal, driver="gelsd").solution
    with torch.no_grad():
        last.weight.copy_(found[:-1].T)
        last.bias.copy_(found[-1])


def spoken(count: int) -> list[int]:
    ids = [WORDS.index(word) for word in SPOKEN]
    return [ids[at] if at < len(ids) else 2 for at in range(count)]


def tagged(ids: list[int], frames: int) -> list[int]:
    """Tags in the first frames, as the model has them, then text with blanks in between."""
    text = [token for one in ids[4:] for token in (one, 0, 0)]
    return [*ids[:4], *([0] * 3 + text + [0] * frames)[: frames - 4]]


def learned(path: Path) -> Any:
    writer = io.BytesIO()
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(["say hello world. good day to you."] * 50),
        model_writer=writer,
        vocab_size=80,
        hard_vocab_limit=False,
        user_defined_symbols=TAGS,
        unk_id=0,
        bos_id=1,
        eos_id=2,
        model_type="bpe",
        add_dummy_prefix=False,
        remove_extra_whitespaces=False,
    )
    path.write_bytes(writer.getvalue())
    processor = sentencepiece.SentencePieceProcessor()
    processor.load(str(path))
    return processor


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
