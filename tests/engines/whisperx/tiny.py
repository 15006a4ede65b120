"""Makes a tiny wav2vec2 that reads an alphabet of tones; runs in the engine's environment.

    python tiny.py FOLDER [untrained]

Each letter is a tone of its own, so where a letter is in the audio is known exactly: the model
learns to read in a minute, and the real code can be held against the truth.
"""

import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
import torch
from transformers import (
    Wav2Vec2Config,
    Wav2Vec2CTCTokenizer,
    Wav2Vec2FeatureExtractor,
    Wav2Vec2ForCTC,
    Wav2Vec2Processor,
)

RATE = 16_000
TONED = "abcdefgh"
LETTER_S = 0.1
PAUSE_S = 0.1
REST = "ijklmnopqrstuvwxyz'"


def tone(letter: str) -> Any:
    """A tenth of a second of a letter, faded in and out."""
    time = np.arange(int(LETTER_S * RATE)) / RATE
    wave = np.sin(2 * np.pi * (300 * 1.35 ** TONED.index(letter)) * time)
    return (0.3 * wave * np.hanning(len(time)) ** 0.3).astype(np.float32)


def speech(text: str) -> Any:
    """A text of tones, with pauses for its spaces."""
    pause = np.zeros(int(PAUSE_S * RATE), np.float32)
    return np.concatenate([tone(letter) if letter != " " else pause for letter in text])


def main(folder: Path, trained: bool) -> None:
    torch.manual_seed(7)
    torch.set_num_threads(1)
    folder.mkdir(parents=True, exist_ok=True)
    signs = ["<pad>", "<s>", "</s>", "<unk>", "|", *TONED, *REST]
    (folder / "vocab.json").write_text(json.dumps({sign: n for n, sign in enumerate(signs)}))
    tokenizer = Wav2Vec2CTCTokenizer(str(folder / "vocab.json"), pad_token="<pad>")
    extractor = Wav2Vec2FeatureExtractor(do_normalize=False, return_attention_mask=False)
    Wav2Vec2Processor(feature_extractor=extractor, tokenizer=tokenizer).save_pretrained(folder)
    model = Wav2Vec2ForCTC(
        Wav2Vec2Config(
            vocab_size=len(signs), hidden_size=32, num_hidden_layers=2, num_attention_heads=4,
            intermediate_size=64, conv_dim=(24,) * 7, num_conv_pos_embeddings=16,
            num_conv_pos_embedding_groups=4, feat_extract_norm="layer", pad_token_id=0,
            hidden_dropout=0.0, attention_dropout=0.0, feat_proj_dropout=0.0, layerdrop=0.0,
            final_dropout=0.0, activation_dropout=0.0, apply_spec_augment=False,
            ctc_loss_reduction="mean", ctc_zero_infinity=True,
        )
    )  # fmt: skip
    if trained:
        learn(model, signs)
    model.save_pretrained(folder)


def learn(model: Any, signs: list[str], steps: int = 500) -> None:
    rng = np.random.default_rng(7)
    best = torch.optim.AdamW(model.parameters(), lr=2e-3)
    schedule = torch.optim.lr_scheduler.OneCycleLR(best, 3e-3, total_steps=steps)
    for step in range(steps):
        texts = [sentence(rng, 8) for _ in range(4)]
        audio = torch.from_numpy(np.stack([speech(text) for text in texts]))
        audio = audio + 0.003 * torch.randn_like(audio)
        labels = torch.tensor([[signs.index(c.replace(" ", "|")) for c in t] for t in texts])
        loss = model(audio, labels=labels).loss
        best.zero_grad()
        loss.backward()
        best.step()
        schedule.step()
        if step % 50 == 49:
            print(step, round(loss.item(), 3), flush=True)


def sentence(rng: Any, length: int) -> str:
    """Letters, none twice in a row, with a space here and there; starts and ends with a letter."""
    text = ""
    while len(text) < length:
        some = [c for c in TONED if not text.endswith(c)]
        edge = not text or text.endswith(" ") or len(text) == length - 1
        text += " " if not edge and rng.random() < 0.25 else str(rng.choice(some))
    return text


if __name__ == "__main__":
    main(Path(sys.argv[1]), trained="untrained" not in sys.argv)
