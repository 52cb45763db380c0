"""Mel frequency cepstral coefficients: 16,000 samples of a voice become 161 frames of 20 numbers.

The settings are those of Kidger et al. (2020, NeurIPS), there through torchaudio: at 16 kHz, a periodic Hann window of 200
samples every 100, centred, with reflected ends; the power in 64 triangles on the HTK mel scale from 0 to 8 kHz; log(· + 1e-6);
the first 20 of an orthonormal discrete cosine transform, type II.
"""

from functools import cache

import numpy as np
import torch
from jaxtyping import Float, Float32
from scipy.fft import dct
from torch import Tensor

from fwp.errors import DataError

__all__ = ["RATE", "mfcc"]

RATE = 16_000
"""Samples a second."""
WINDOW, HOP = 200, 100
MELS, COEFFICIENTS = 64, 20
FLOOR = 1e-6
CHUNK = 64
"""Clips at a time, so that memory is bounded, by about 40 MB beside the result."""

Waves = Float[Tensor, "clip sample"] | Float[np.ndarray, "clip sample"]


def mfcc(waves: Waves) -> Float32[Tensor, "clip frame coefficient"]:
    """The coefficients of clips of 16 kHz, between −1 and 1: frames are 100 samples apart, and 1 + sample // 100.

    Raises:
        DataError: clips of 100 samples or fewer, whose ends cannot be reflected.
    """
    sound = torch.as_tensor(waves)
    samples = sound.shape[1]
    if samples <= WINDOW // 2:
        raise DataError(
            "a clip is too short for one window",
            ("clip", f"{samples} samples"),
            ("window", f"{WINDOW} samples, of which up to half may be reflected"),
            help="leave such clips out",
        )
    coefficients = torch.empty(len(sound), 1 + samples // HOP, COEFFICIENTS, dtype=torch.float32)
    for first in range(0, len(sound), CHUNK):
        clips = slice(first, first + CHUNK)
        coefficients[clips] = _coefficients(sound[clips].float().cpu())
    return coefficients


def _coefficients(waves: Tensor) -> Tensor:
    window, triangles, cosines = _tables()
    spectrum = torch.stft(waves, WINDOW, HOP, window=window, pad_mode="reflect", return_complex=True)
    power = torch.view_as_real(spectrum).square().sum(-1)  # (clip, frequency, frame)
    return (power.mT @ triangles + FLOOR).log() @ cosines


@cache
def _tables() -> tuple[Tensor, Tensor, Tensor]:
    """The window; then, as matrices from the right, each frequency's share in each triangle, and the cosine transform."""
    window = torch.hann_window(WINDOW, dtype=torch.float64)
    frequencies = np.linspace(0, RATE / 2, WINDOW // 2 + 1)
    mels = np.linspace(0, 2595 * np.log10(1 + RATE / 2 / 700), MELS + 2)
    corners = 700 * (10 ** (mels / 2595) - 1)
    left, top, right = corners[:-2], corners[1:-1], corners[2:]
    rise = (frequencies[:, None] - left) / (top - left)
    fall = (right - frequencies[:, None]) / (right - top)
    triangles = np.minimum(rise, fall).clip(min=0)
    cosines = torch.as_tensor(dct(np.eye(MELS), type=2, norm="ortho", axis=1))[:, :COEFFICIENTS]
    return window.float(), torch.from_numpy(triangles).float(), cosines.float()
