"""Cepstral coefficients agree with torchaudio's, which the published models were trained on, and with librosa's."""

import librosa
import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from fwp.data.mfcc import CHUNK, mfcc
from fwp.errors import DataError


def by_librosa(waves: np.ndarray) -> np.ndarray:
    """The same in float64. The ends are reflected before: librosa 0.11 reflects the last frame of such short ones twice."""
    padded = np.pad(waves.astype(np.float64), ((0, 0), (100, 100)), mode="reflect")
    options = {"sr": 16_000, "n_fft": 200, "hop_length": 100, "n_mels": 64, "htk": True, "norm": None, "center": False}
    mel = librosa.feature.melspectrogram(y=padded, power=2.0, window="hann", dtype=np.float64, **options)
    return librosa.feature.mfcc(S=np.log(mel + 1e-6), n_mfcc=20, dct_type=2, norm="ortho").transpose(0, 2, 1)


def chirp() -> torch.Tensor:
    time = torch.arange(16_000, dtype=torch.float64) / 16_000
    return (0.5 * torch.sin(2 * torch.pi * (100 * time + 3000 * time**2))).float()


@pytest.mark.filterwarnings("ignore:Empty filters")
@given(st.integers(0, 2**31), st.sampled_from([101, 199, 250, 1_000, 16_000]), st.sampled_from([0.0, 1e-4, 0.1, 1.0]))
def test_the_coefficients_are_librosas(seed: int, samples: int, loudness: float) -> None:
    waves = np.float32(loudness * np.random.default_rng(seed).uniform(-1, 1, (2, samples)))
    ours, theirs = mfcc(waves).numpy(), by_librosa(waves)
    assert ours.shape == theirs.shape == (2, 1 + samples // 100, 20)
    assert np.abs(ours - theirs).max() <= 1e-5 * max(1, np.abs(theirs).max())


def test_the_coefficients_are_torchaudios() -> None:
    """torchaudio 2.11: MFCC(n_mfcc=20, log_mels=True, melkwargs={"n_fft": 200, "n_mels": 64}) of the chirp."""
    found = mfcc(chirp()[None])[0, [0, 80, 160]][:, [0, 1, 2, 10, 19]]
    theirs = [
        [-33.5941, 22.7783, 2.1268, -3.0698, 0.5409],
        [-92.1187, -12.4924, -12.0458, -5.4301, -2.669],
        [-21.4268, -21.0866, 4.6397, -3.7233, -0.7662],
    ]
    assert (found - torch.tensor(theirs)).abs().max() < 1e-3


def test_a_second_has_161_frames_in_float32_whatever_the_numbers_are() -> None:
    wave = chirp()[None]
    torch.set_default_dtype(torch.float64)
    try:
        found = mfcc(wave.double())
    finally:
        torch.set_default_dtype(torch.float32)
    assert found.shape == (1, 161, 20) and found.dtype == torch.float32
    assert torch.equal(found, mfcc(wave)) and torch.equal(found, mfcc(wave.numpy()))


def test_clips_do_not_see_each_other() -> None:
    waves = torch.randn(CHUNK + 3, 400)
    together, alone = mfcc(waves), mfcc(waves[[CHUNK + 1]])[0]
    assert (together[CHUNK + 1] - alone).abs().max() <= 1e-5 * alone.abs().max()
    assert mfcc(waves[:0]).shape == (0, 5, 20)


def test_a_clip_too_short_to_reflect_is_refused() -> None:
    with pytest.raises(DataError, match=r"too short.*\n.*100 samples"):
        mfcc(torch.zeros(1, 100))
