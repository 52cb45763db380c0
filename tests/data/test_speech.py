"""Spoken words in the publisher's layout: small archives of every kind, hostile ones, and a real one where there is one."""

import gzip
import hashlib
import io
import os
import random
import struct
import tarfile
import wave
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

import fwp.data.speech as module
from fwp.data.mfcc import mfcc
from fwp.data.speech import WORDS, load_speech, read_speech
from fwp.errors import DataError

REAL = Path(os.environ.get("FWP_DATA", "nowhere")) / "speech" / "arabic_speech_commands_10.tar.gz"


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("FWP_CACHE", str(tmp_path / "cache"))


def samples(seed: int, length: int = 16_000) -> np.ndarray:
    return np.random.default_rng(seed).integers(-(2**15), 2**15, length, dtype="<i2")


def sound(values: np.ndarray, channels: int = 1, width: int = 2, rate: int = 16_000) -> bytes:
    file = io.BytesIO()
    with wave.open(file, "wb") as opened:
        opened.setnchannels(channels)
        opened.setsampwidth(width)
        opened.setframerate(rate)
        opened.writeframes(values.tobytes())
    return file.getvalue()


FILES = {
    "README.md": b"Speech Commands",
    "LICENSE": b"CC BY 4.0",
    "validation_list.txt": b"yes/b.wav\nbird/a.wav\n",
    "testing_list.txt": b"no/a.wav\nyes/absent.wav\n",
    "_background_noise_/README.md": b"noise",
    "_background_noise_/pink_noise.wav": sound(samples(9, 20_000)),
    "bird/a.wav": b"a word that is not wanted is not looked at",
    "yes/c.wav": sound(samples(0)),
    "yes/a.wav": sound(samples(1)),
    "yes/b.wav": sound(samples(2)),
    "yes/short.wav": sound(samples(3, 15_999)),
    "yes/long.wav": sound(samples(4, 16_001)),
    "no/a.wav": sound(samples(5)),
}


def packed(file: Path, files: dict[str, bytes], prefix: str = "./", links: dict[str, str] | None = None) -> Path:
    """A .tar.gz as Google makes it, folders included."""
    file.parent.mkdir(parents=True, exist_ok=True)
    with tarfile.open(file, "w:gz", compresslevel=1) as archive:
        for name in ("", *dict.fromkeys(name.rpartition("/")[0] for name in files)):
            folder = tarfile.TarInfo(prefix + name or ".")
            folder.type = tarfile.DIRTYPE
            archive.addfile(folder)
        for name, content in files.items():
            info = tarfile.TarInfo(prefix + name)
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
        for name, target in (links or {}).items():
            info = tarfile.TarInfo(prefix + name)
            info.type, info.linkname = tarfile.SYMTYPE, target
            archive.addfile(info)
    return file


def refused(file: Path, files: dict[str, bytes], words: str, **options) -> None:
    with pytest.raises(DataError, match="(?s)" + words) as caught:
        read_speech(packed(file, files, **options), ("yes", "no"))
    assert str(file) in str(caught.value)


@pytest.fixture
def file(tmp_path):
    return tmp_path / "words.tar.gz"


@pytest.mark.parametrize("prefix", ["./", ""])
def test_the_clips_of_the_words_become_coefficients_in_order(file, prefix):
    data = read_speech(packed(file, FILES, prefix), ("yes", "no"))
    waves = np.stack([samples(seed) for seed in (1, 2, 0, 5)])  # yes: a b c, no: a
    assert torch.equal(
        data.everything.series.values, torch.cat([mfcc(w[None].astype(np.float32) / 2**15) for w in waves])
    )
    assert data.everything.classes == ("yes", "no") and data.everything.labels.tolist() == [0, 0, 0, 1]
    assert data.everything.series.times.tolist() == [list(range(161))] * 4 and bool(data.everything.series.mask.all())
    assert {name: rows.tolist() for name, rows in data.parts.items()} == {"train": [0, 2], "valid": [1], "test": [3]}


def test_the_source_names_the_archive_and_says_how_many_clips_were_left_out(tmp_path):
    file = packed(tmp_path / "speech" / "words.tar.gz", FILES)
    checksum = hashlib.sha256(file.read_bytes()).hexdigest()
    for _ in range(2):  # read, then from the cache
        data = load_speech(tmp_path, words=("yes", "no"), archive="words.tar.gz")
        assert data.source == f"words.tar.gz, SHA-256 {checksum}; 4 clips, 2 of another length left out"


def test_classes_are_in_the_order_of_the_words(file):
    data = read_speech(packed(file, FILES), ["no", "yes"])
    assert data.everything.classes == ("no", "yes") and data.everything.labels.tolist() == [0, 1, 1, 1]


def test_the_archives_own_order_does_not_matter(tmp_path):
    first = read_speech(packed(tmp_path / "a.tgz", FILES), ("yes", "no"))
    shuffled = list(FILES.items())
    random.Random(0).shuffle(shuffled)
    other = read_speech(packed(tmp_path / "b.tgz", dict(shuffled)), ("yes", "no"))
    assert torch.equal(first.everything.series.values, other.everything.series.values)
    assert all(torch.equal(first.parts[name], other.parts[name]) for name in ("train", "valid", "test"))


def test_a_word_without_clips_is_refused_with_the_words_there_are(file):
    with pytest.raises(
        DataError, match=r"(?s)no clip of one second.*off, go.*its words.*_background_noise_, bird, no, yes\n"
    ):
        read_speech(packed(file, FILES), ("yes", "off", "go"))
    files = {name: content for name, content in FILES.items() if name not in ("yes/a.wav", "yes/b.wav", "yes/c.wav")}
    refused(file, files, r"no clip of one second.*word +: yes\n")
    refused(file, {"top/yes/a.wav": b""}, "none: no file is named word/clip.wav")


@pytest.mark.parametrize("words", [(), ("yes", "no", "yes")])
def test_words_are_given_once_each(file, words):
    with pytest.raises(DataError, match="given once each"):
        read_speech(packed(file, FILES), words)


@pytest.mark.parametrize(
    "content, because",
    [
        (b"", ""),
        (b"RIFF", ""),
        (b"OggS" + bytes(50), "RIFF"),
        (sound(samples(0), channels=2), "2 channels of 16 bits at 16000 Hz"),
        (sound(samples(0), width=1), "1 channels of 8 bits at 16000 Hz"),
        (sound(samples(0), rate=8_000), "1 channels of 16 bits at 8000 Hz"),
        (sound(samples(0))[:-2], "15999 of 16000 samples"),
        (sound(samples(0))[:-1], ""),
        (sound(samples(0))[:40], ""),
        (sound(samples(0)).replace(struct.pack("<HH", 1, 1), struct.pack("<HH", 3, 1)), "unknown format"),
    ],
)
def test_a_clip_that_is_no_such_sound_is_refused_by_name(file, content, because):
    refused(file, FILES | {"no/x.wav": content}, f"clip is no .wav.*no/x.wav.*because : .*{because}")


@given(st.data())
def test_a_damaged_header_is_a_clear_error_or_another_sound(tmp_path_factory, data):
    broken = bytearray(sound(samples(0)))
    for _ in range(data.draw(st.integers(1, 4))):
        broken[data.draw(st.integers(0, 43))] = data.draw(st.integers(0, 255))
    file = tmp_path_factory.getbasetemp() / "damaged.tgz"
    try:
        read_speech(packed(file, FILES | {"no/x.wav": bytes(broken)}), ("no",))
    except DataError as error:
        assert "no/x.wav" in str(error)


def test_lists_are_required_and_disjoint(file):
    for name in ("validation_list.txt", "testing_list.txt"):
        without = {key: content for key, content in FILES.items() if key != name}
        refused(file, without, f"does not say which clips.*missing +: {name}")
        refused(file, FILES | {name: b"\xff\xfe"}, f"no text.*{name}")
    refused(file, FILES | {"testing_list.txt": b"./yes/b.wav\r\n"}, "listed for validation and for test.*yes/b.wav")


def test_hostile_archives_are_refused(file, monkeypatch):
    refused(file, FILES | {"no/../../x.wav": b""}, "leads out")
    refused(file, FILES, "neither a file nor a folder.*no/link.wav", links={"no/link.wav": "/etc/passwd"})
    refused(file, FILES | {"no/./a.wav": FILES["no/a.wav"]}, "same file twice")
    refused(file, FILES | {"no/x.wav": bytes(2**22 + 1)}, "file in an archive is too large.*no/x.wav")
    refused(file, FILES | {"testing_list.txt": bytes(2**22 + 1)}, "too large.*testing_list")
    monkeypatch.setattr(module, "MEMBERS", 10)
    refused(file, FILES, "too many entries.*more than 10")
    monkeypatch.setattr(module, "TOTAL", 100_000)
    monkeypatch.setattr(module, "MEMBERS", 100)
    refused(file, FILES, "unpacks to too much")


def test_truncated_and_damaged_archives_are_refused(file):
    whole = packed(file, FILES).read_bytes()
    for length in (0, 1, 20, 1000, len(whole) // 2, len(whole) - 9, len(whole) - 1):
        file.write_bytes(whole[:length])
        with pytest.raises(DataError, match="truncated or damaged"):
            read_speech(file, ("yes", "no"))
    file.write_bytes(gzip.compress(gzip.decompress(whole)[:150_000], 1))
    with pytest.raises(DataError, match="truncated or damaged"):
        read_speech(file, ("yes", "no"))


def test_the_environment_names_the_folder(tmp_path, monkeypatch):
    packed(tmp_path / "speech" / "mine.tar.gz", FILES)
    monkeypatch.setenv("FWP_DATA", str(tmp_path))
    assert len(load_speech(words=("yes", "no"), archive="mine.tar.gz")) == 4
    with pytest.raises(DataError, match=r"(?s)not here.*speech/other.tar.gz.*only speech_commands_v0.02.tar.gz is"):
        load_speech(archive="other.tar.gz")


def test_googles_archive_is_downloaded_once_and_checked(tmp_path, monkeypatch):
    asked = []

    def download(url: str, file: Path, checksum: str | None) -> Path:
        asked.append((url, checksum))
        return packed(file, {f"{word}/a.wav": FILES["no/a.wav"] for word in WORDS} | FILES)

    monkeypatch.setattr(module, "fetch", download)
    for _ in range(2):
        assert load_speech(tmp_path).everything.classes == tuple("yes no up down left right on off stop go".split())
    assert asked == [
        (
            "http://download.tensorflow.org/data/speech_commands_v0.02.tar.gz",
            "sha256:af14739ee7dc311471de98f5f9d2c9191b18aedfe957f4a6ff791c709868ff58",
        )
    ]


@pytest.mark.slow
@pytest.mark.skipif(not REAL.exists(), reason="there is no real archive here")
def test_arabic_speech_commands():
    """Ghandoura, Hjabo and Al Dakkak (2021): 30 speakers say each of ten words ten times; parts by speaker."""
    words = "yes no up down left right start stop open close".split()
    data = read_speech(REAL, words)
    assert data.everything.series.values.shape == (3_000, 161, 20)
    assert data.everything.labels.bincount().tolist() == [300] * 10
    assert {name: len(rows) for name, rows in data.parts.items()} == {"train": 1_800, "valid": 600, "test": 600}
    with tarfile.open(REAL) as archive:
        content = archive.extractfile("./yes/00000001_NO_01.wav")
        assert content is not None
        wav = np.frombuffer(content.read()[44:], dtype="<i2")
    assert torch.equal(data.everything.series.values[0], mfcc(wav[None].astype(np.float32) / 2**15)[0])
