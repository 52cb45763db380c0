"""Speech Commands: one word a clip, one second long, as 161 frames of 20 mel frequency cepstral coefficients.

The archive is Google's (Warden, 2018, arXiv:1804.03209), or another in its layout: `word/clip.wav`, and the clips of two parts
by name in `validation_list.txt` and `testing_list.txt`. It is read as it stands; nothing is unpacked onto the disk.
"""

import io
import wave
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

import numpy as np
import torch
from torch import Tensor

from fwp.data.archive import Entry, entries
from fwp.data.cache import cached
from fwp.data.dataset import Dataset
from fwp.data.fetch import fetch
from fwp.data.labelled import Labelled
from fwp.data.mfcc import RATE, mfcc
from fwp.data.root import data_root
from fwp.data.series import series
from fwp.errors import DataError, did_you_mean
from fwp.kinds import explained

__all__ = ["WORDS", "load_speech", "read_speech"]

WORDS = ("yes", "no", "up", "down", "left", "right", "on", "off", "stop", "go")
"""The ten words of Kidger et al. (2020), and of Irie et al. (2022)."""
GOOGLES = "speech_commands_v0.02.tar.gz"
URL = f"http://download.tensorflow.org/data/{GOOGLES}"
CHECKSUM = "sha256:af14739ee7dc311471de98f5f9d2c9191b18aedfe957f4a6ff791c709868ff58"
LISTS = {"validation_list.txt": "valid", "testing_list.txt": "test"}
MEMBERS = 250_000  # Google's archive has 105,874
TOTAL = 16 * 2**30  # and 3.4 GB
LARGEST = 2**22  # of one file; a clip of one second has 32 kB


@dataclass(frozen=True, eq=False)
class Clip:
    """A clip in the archive."""

    word: str
    name: str
    frames: Tensor | None
    """None if the word is not wanted, or the clip does not last one second."""


@dataclass(frozen=True)
class Listing:
    """The clips that an archive sets aside for a part, as word/clip.wav."""

    part: str
    clips: frozenset[str]


@explained
def load_speech(root: Path | None = None, *, words: Sequence[str] = WORDS, archive: str = GOOGLES) -> Dataset:
    """The clips of these words that last exactly one second: values (clip 161 20), times 0 to 160, float32.

    Args:
        root: where data lie; default the environment's FWP_DATA, else ~/.cache/fwp. The archive is <root>/speech/<archive>;
            Google's is downloaded to there if need be (2.4 GB).
        words: the classes, in this order.
        archive: the file's name.

    Raises:
        DataError: the archive is nowhere to be had, or as of `read_speech`.
    """
    file = speech_file(root, archive)
    if not file.exists():
        if archive != GOOGLES:
            raise DataError(
                "an archive of spoken words is not here",
                ("looked for", str(file)),
                help=f"put it there; only {GOOGLES} is downloaded",
            )
        fetch(URL, file, CHECKSUM)
    return cached(f"speech-1-{'-'.join(words)}", [file], lambda: read_speech(file, words))


def speech_file(root: Path | None = None, archive: str = GOOGLES) -> Path:
    """Where the archive is, or would be if it were here."""
    return data_root(root) / "speech" / archive


def read_speech(file: Path, words: Sequence[str] = WORDS) -> Dataset:
    """As `load_speech`, of a file: words in the order given, the clips of each by name, with parts "train", "valid" and "test".

    Raises:
        DataError: a hostile, truncated or damaged archive, a clip that is no sound of 16 kHz and 16 bits in one channel, a
            word without clips, no list of a part, or a clip in two parts.
    """
    place = {word: number for number, word in enumerate(words)}
    if not words or len(place) < len(words):
        given = ", ".join(words) or "none"
        raise DataError("the words to tell apart are given once each", ("words", given), help="leave them at WORDS")
    content = list(_content(file, frozenset(words)))
    clips = [item for item in content if isinstance(item, Clip)]
    kept = [clip for clip in clips if clip.frames is not None]
    if missing := [word for word in words if word not in {clip.word for clip in kept}]:
        raise DataError(
            "the archive has no clip of one second of a word",
            ("archive", str(file)),
            ("word", ", ".join(missing)),
            ("its words", ", ".join(sorted({clip.word for clip in clips})) or "none: no file is named word/clip.wav"),
            help=did_you_mean(missing[0], {clip.word for clip in clips}, "choose among its words"),
        )
    kept.sort(key=lambda clip: (place[clip.word], clip.name))
    left_out = sum(clip.word in place for clip in clips) - len(kept)
    return Dataset(
        Labelled(
            series(torch.stack([clip.frames for clip in kept if clip.frames is not None])),
            torch.tensor([place[clip.word] for clip in kept]),
            tuple(words),
        ),
        _parts(file, kept, [item for item in content if isinstance(item, Listing)]),
        f"{len(kept)} clips, {left_out} of another length left out",
    )


def _content(file: Path, words: frozenset[str]) -> Iterator[Clip | Listing]:
    """What the archive holds, with the coefficients of the clips of these words: each alone, so that no other moves a bit."""
    for entry in entries(file, members=MEMBERS, total=TOTAL):
        match entry.path.parts:
            case (name,) if name in LISTS and entry.kind == "file":
                yield Listing(LISTS[name], _listed(entry))
            case (word, name) if name.endswith(".wav") and entry.kind == "file":
                yield Clip(word, name, _frames(entry) if word in words else None)


def _frames(entry: Entry) -> Tensor | None:
    """The coefficients of a clip that lasts one second."""
    samples = _samples(entry)
    return mfcc(samples[None].astype(np.float32) / 2**15)[0] if len(samples) == RATE else None


def _samples(entry: Entry) -> np.ndarray:
    """The sound in a .wav file, as integers of 16 bits."""
    content = entry.content(LARGEST)
    try:
        with wave.open(io.BytesIO(content)) as sound:
            kind = (sound.getnchannels(), 8 * sound.getsampwidth(), sound.getframerate())
            if kind != (1, 16, RATE):
                raise wave.Error("it has {} channels of {} bits at {} Hz".format(*kind))
            samples = np.frombuffer(sound.readframes(sound.getnframes()), dtype="<i2")
            if len(samples) != sound.getnframes():
                raise EOFError(f"it has {len(samples)} of {sound.getnframes()} samples")
    except (wave.Error, EOFError, RuntimeError, ValueError) as error:
        raise DataError(
            "a clip is no .wav of one channel, 16 bits and 16 kHz",
            ("archive", str(entry.archive)),
            ("clip", str(entry.path)),
            ("because", str(error) or "it is truncated"),
            help="fetch the archive again",
        ) from error
    return samples


def _listed(entry: Entry) -> frozenset[str]:
    content = entry.content(LARGEST)
    try:
        return frozenset(line.strip().removeprefix("./") for line in content.decode().splitlines() if line.strip())
    except UnicodeDecodeError as error:
        raise DataError(
            "a list of clips is no text",
            ("archive", str(entry.archive)),
            ("list", str(entry.path)),
            help="fetch the archive again",
        ) from error


def _parts(file: Path, clips: Sequence[Clip], listings: Sequence[Listing]) -> Mapping[str, Tensor]:
    """Which rows each part has; what is on no list is for training."""
    lists = {listing.part: listing.clips for listing in listings}
    if absent := [name for name, part in LISTS.items() if part not in lists]:
        raise DataError(
            "the archive does not say which clips are for validation and test",
            ("archive", str(file)),
            ("missing", ", ".join(absent)),
            help="take the publisher's archive, which holds these lists",
        )
    if twice := lists["valid"] & lists["test"]:
        raise DataError(
            "a clip is listed for validation and for test",
            ("archive", str(file)),
            ("clip", min(twice)),
            help="fetch the archive again",
        )
    names = [f"{clip.word}/{clip.name}" for clip in clips]
    part = np.array([next((part for part in lists if name in lists[part]), "train") for name in names])
    return MappingProxyType(
        {each: torch.from_numpy(np.flatnonzero(part == each)) for each in ("train", "valid", "test")}
    )
