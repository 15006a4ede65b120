"""A tiny emotion2vec in FunASR's format, run in the engine's environment: python tiny.py FOLDER.

Its weights are random, its shape is that of the real ones: a decoder that only training uses and
whose weights the file lacks, a configuration.json, bilingual labels, one label out of use. Writes
`plus`, and `featureless`, which has no labels.
"""

import json
import sys
from pathlib import Path
from typing import Any

import torch
import yaml
from funasr import AutoModel

LABELS = ["生气/angry", "厌恶/disgusted", "unuse_0", "开心/happy", "中立/neutral", "<unk>"]
SIZE = 64
AUDIO = {
    "type": "AUDIO",
    "prenet_depth": 1,
    "prenet_layerdrop": 0.05,
    "prenet_dropout": 0.1,
    "start_drop_path_rate": 0.0,
    "end_drop_path_rate": 0.0,
    "num_extra_tokens": 2,
    "init_extra_token_zero": True,
    "local_grad_mult": 1.0,
    "ema_local_encoder": False,
    "use_alibi_encoder": True,
    "alibi_scale": 1.0,
    "learned_alibi": False,
    "alibi_max_pos": None,
    "learned_alibi_scale": True,
    "learned_alibi_scale_per_head": True,
    "learned_alibi_scale_per_layer": False,
    "num_alibi_heads": 4,
    "model_depth": 2,
    "mask_noise_std": 0.01,
    "mask_prob": 0.5,
    "inverse_mask": False,
    "mask_length": 5,
    "keep_masked_pct": 0.0,
    "mask_channel_prob": 0.0,
    "encoder_zero_mask": True,
    "extractor_mode": "layer_norm",
    "conv_pos_width": 95,
    "conv_pos_groups": 4,
    "conv_pos_depth": 2,
    "conv_pos_pre_ln": False,
    "feature_encoder_spec": "[(32, 10, 5)] + [(32, 3, 2)] * 4 + [(32,2,2)] + [(32,2,2)]",
    "decoder": {
        "input_dropout": 0.1,
        "add_positions_masked": False,
        "add_positions_all": False,
        "decoder_dim": 32,
        "decoder_groups": 4,
        "decoder_kernel": 7,
        "decoder_layers": 2,
        "decoder_residual": True,
        "projection_layers": 1,
        "projection_ratio": 2.0,
    },
}
CONFIG = {
    "model": "Emotion2vec",
    "model_conf": {
        "loss_beta": 0.0,
        "loss_scale": None,
        "depth": 2,
        "num_heads": 4,
        "norm_eps": 1e-05,
        "start_drop_path_rate": 0.0,
        "end_drop_path_rate": 0.0,
        "norm_affine": True,
        "encoder_dropout": 0.1,
        "post_mlp_drop": 0.1,
        "attention_dropout": 0.1,
        "activation_dropout": 0.0,
        "dropout_input": 0.0,
        "layerdrop": 0.05,
        "embed_dim": SIZE,
        "mlp_ratio": 2.0,
        "layer_norm_first": False,
        "average_top_k_layers": 2,
        "end_of_block_targets": False,
        "clone_batch": 1,
        "normalize": True,
        "modalities": {"audio": AUDIO},
    },
    "tokenizer": "CharTokenizer",
    "tokenizer_conf": {"unk_symbol": "<unk>", "split_with_space": True},
}
FILES = {
    "config": "config.yaml",
    "init_param": "model.pt",
    "tokenizer_conf": {"token_list": "tokens.txt"},
}


def main(folder: Path) -> None:
    for name in ("plus", "featureless"):
        path = folder / name
        path.mkdir(parents=True)
        files: dict[str, Any] = dict(FILES)
        config: dict[str, Any] = dict(CONFIG)
        if name == "plus":
            (path / "tokens.txt").write_text("\n".join(LABELS) + "\n", encoding="utf-8")
        else:
            del files["tokenizer_conf"], config["tokenizer"], config["tokenizer_conf"]
        (path / "config.yaml").write_text(yaml.safe_dump(config, width=1000))
        (path / "configuration.json").write_text(json.dumps({"file_path_metas": files}))
        if name == "plus":
            config["tokenizer_conf"] = {
                **config["tokenizer_conf"],
                "token_list": str(path / "tokens.txt"),
            }
        torch.manual_seed(11)
        model = AutoModel(**config, device="cpu", disable_update=True, disable_pbar=True)
        state = model.model.state_dict()
        kept = {key: value for key, value in state.items() if ".AUDIO.decoder." not in key}
        assert len(kept) < len(state)
        torch.save({"model": kept}, path / "model.pt")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
