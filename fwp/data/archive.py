"""Unpacking an archive from elsewhere: everything that it claims to hold, or nothing at all.

It never writes outside its folder, never follows a link, and never leaves half a folder behind.
"""

import glob
import gzip
import hashlib
import lzma
import os
import shutil
import stat
import struct
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath, PureWindowsPath
from tempfile import TemporaryDirectory
from typing import Literal, NamedTuple

from fwp.errors import DataError, FwpError
from fwp.files import held
from fwp.kinds import explained

__all__ = ["Entry", "entries", "extract", "sha256"]

BLOCK = 2**20
HARMLESS = 2**24  # bytes that any archive may unpack to: of little, much is padding
DICTIONARY = 2**26  # bytes that LZMA may ask for: what `xz -9` takes
DAMAGE = (
    *(zipfile.BadZipFile, tarfile.TarError, gzip.BadGzipFile, zlib.error, lzma.LZMAError),
    *(EOFError, ValueError, LookupError, struct.error),
    RuntimeError,  # how zipfile words an unknown method, or a password
)


class Member(NamedTuple):
    """One entry as the archive has it, unchecked."""

    name: str
    kind: Literal["file", "folder", "other"]
    size: int = 0
    read: Callable[[int], bytes] = lambda size: b""


@dataclass(frozen=True)
class Entry:
    """A file or folder of an archive, at a path that stays inside; its content is read before the next one is asked for."""

    archive: Path
    path: PurePosixPath
    kind: Literal["file", "folder"]
    size: int
    _read: Callable[[int], bytes] = field(repr=False)

    def blocks(self) -> Iterator[bytes]:
        """The content, piece by piece. Raises: DataError: it is truncated or damaged."""
        done = 0
        with _refusals(self.archive):
            while block := self._read(min(BLOCK, self.size + 1 - done)):
                done += len(block)
                yield block
            if done != self.size:
                raise EOFError(f"{str(self.path)!r} has {done} of {self.size} bytes")

    def content(self, most: int) -> bytes:
        """All of it. Raises: DataError: it is truncated or damaged, or has more than `most` bytes."""
        if self.size > most:
            fact = f"{str(self.path)!r}, {self.size} bytes; {most} are allowed"
            raise _refusal("a file in an archive is too large", self.archive, fact)
        return b"".join(self.blocks())


@explained
def extract(
    archive: Path, folder: Path, *, members: int = 500_000, total: int = 64 * 2**30, ratio: float = 200.0
) -> Path:
    """Unpack a .zip, .tar.gz or .tgz into a folder that does not exist yet, and return the folder.

    The files go to a temporary folder beside it, which is renamed when all are there.

    Args:
        archive: the file.
        folder: where its content will lie.
        members: the most entries it may have.
        total: the most bytes it may hold, unpacked.
        ratio: the most bytes it may unpack to for each of its own, beyond 16 MiB: a small file cannot fill a disk.

    Raises:
        DataError: a path that leads out of the folder, a link or device, the same file twice, more than the bounds
            allow, a truncated or damaged archive, a folder that exists, a disk that is full, another process that unpacks
            into the same folder.
    """
    if folder.exists():
        raise _refusal("the folder to unpack into exists", archive, str(folder), "remove it, or use what it holds")
    with _refusals(archive):
        folder.parent.mkdir(parents=True, exist_ok=True)
        what, help = "another process unpacks into this folder", "wait until it has, then try again"
        lock, facts = folder.with_name(f".{folder.name}.lock"), (("archive", str(archive)), ("folder", str(folder)))
        with held(lock, what, *facts, help=help, kind=DataError):
            for left in folder.parent.glob(f".{glob.escape(folder.name)}.*.unpacking"):  # of who was killed
                shutil.rmtree(left, ignore_errors=True)
            if not folder.exists():  # by now
                _unpack(entries(archive, members=members, total=total, ratio=ratio), folder)
    return folder


def _unpack(found: Iterable[Entry], folder: Path) -> None:
    """Write all entries beside the folder, and give them its name."""
    with TemporaryDirectory(prefix=f".{folder.name}.", suffix=".unpacking", dir=folder.parent) as temporary:
        content = Path(temporary) / "content"
        content.mkdir()
        for entry in found:
            target = content / entry.path
            if entry.kind == "folder":
                target.mkdir(parents=True, exist_ok=True)
                continue
            target.parent.mkdir(parents=True, exist_ok=True)
            with target.open("xb") as sink:
                for block in entry.blocks():
                    sink.write(block)
        content.rename(folder)


def entries(archive: Path, *, members: int = 500_000, total: int = 64 * 2**30, ratio: float = 200.0) -> Iterator[Entry]:
    """What an archive holds, in its order and one at a time, with nothing written to disk; bounds and errors as of `extract`.

    Only at the end is it known that the archive was whole.
    """
    seen: set[PurePosixPath] = set()
    with _refusals(archive):
        bound = bytes_left = min(total, max(HARMLESS, int(ratio * archive.stat().st_size)))
        for count, (name, kind, size, read) in enumerate(_members(archive, bound), start=1):
            if count > members:
                raise _refusal("an archive has too many entries", archive, f"more than {members}")
            inner = PureWindowsPath(
                name
            )  # splits at / and at \, and knows drives: what leads out anywhere leads out here
            if inner.anchor or ".." in inner.parts or "\0" in name:
                raise _refusal("an entry of an archive leads out of its folder", archive, repr(name))
            if kind == "other":
                raise _refusal("an entry of an archive is neither a file nor a folder", archive, repr(name))
            if size > bytes_left:
                fact = f"{name!r}, {size} bytes; {bytes_left} were left"
                raise _refusal("an archive unpacks to too much", archive, fact)
            path = PurePosixPath(*inner.parts)
            if kind == "file" and path in seen:
                raise _refusal("an archive holds the same file twice", archive, repr(name))
            if kind == "file":
                seen.add(path)
            bytes_left -= size
            yield Entry(archive, path, kind, size, read)


def sha256(file: Path) -> str:
    """The SHA-256 of a file, in hexadecimal."""
    with file.open("rb") as opened:
        return hashlib.file_digest(opened, "sha256").hexdigest()


@contextmanager
def _refusals(archive: Path) -> Iterator[None]:
    """What goes wrong in reading an archive, or in writing what it holds, is an error that names it."""
    try:
        yield
    except FwpError:
        raise
    except DAMAGE as error:
        raise _refusal("an archive is truncated or damaged", archive, str(error), "fetch it again") from error
    except OSError as error:
        help = "look at the disk's space and rights"
        raise _refusal("an archive could not be unpacked", archive, str(error), help) from error


def _members(archive: Path, bound: int) -> Iterator[Member]:
    """All entries in the archive's order."""
    name = archive.name.lower()
    if name.endswith(".zip"):
        yield from _zip_members(archive)
    elif name.endswith((".tar.gz", ".tgz")):
        yield from _tar_members(archive, bound)
    else:
        raise _refusal("an archive of unknown kind", archive, name, "give a .zip, a .tar.gz or a .tgz")


def _zip_members(archive: Path) -> Iterator[Member]:
    with zipfile.ZipFile(archive) as opened:
        for info in opened.infolist():
            mode = stat.S_IFMT(info.external_attr >> 16)  # 0 where no Unix packed it
            if info.is_dir():
                yield Member(info.filename, "folder")
            elif mode not in (0, stat.S_IFREG):
                yield Member(info.filename, "other")
            else:
                _require_small_dictionary(archive, info)
                with opened.open(info) as source:
                    yield Member(info.filename, "file", info.file_size, source.read)


def _require_small_dictionary(archive: Path, info: zipfile.ZipInfo) -> None:
    """LZMA takes the memory that a file's header names, up to 4 GiB, before it has read a byte."""
    if info.compress_type != zipfile.ZIP_LZMA:
        return
    with archive.open("rb") as raw:
        raw.seek(info.header_offset + 26)
        name, extra = struct.unpack("<HH", raw.read(4))
        raw.seek(name + extra, os.SEEK_CUR)
        header = raw.read(9)  # two bytes of version, two of length, one of options, four of the dictionary's size
    if len(header) == 9 and (size := int.from_bytes(header[5:], "little")) > DICTIONARY:
        fact = f"{info.filename!r}, a dictionary of {size} bytes; {DICTIONARY} are allowed"
        raise _refusal("an entry of an archive needs too much memory", archive, fact)


def _tar_members(archive: Path, bound: int) -> Iterator[Member]:
    with _Bounded(archive, bound) as unzipped:
        with tarfile.open(fileobj=unzipped, mode="r|") as opened:
            for info in opened:
                if info.isreg() and (source := opened.extractfile(info)):
                    yield Member(info.name, "file", info.size, source.read)
                else:
                    yield Member(info.name, "folder" if info.isdir() else "other")
        while unzipped.read(BLOCK):  # gzip compares its checksum at the very end
            pass


class _Bounded(gzip.GzipFile):
    """Unzipped bytes up to a bound: tarfile keeps headers in memory, and a header can claim any size."""

    def __init__(self, archive: Path, bound: int) -> None:
        super().__init__(archive)
        self._archive, self._left = archive, bound

    def read(self, size: int | None = -1) -> bytes:
        block = super().read(size)
        self._left -= len(block)
        if self._left < 0:
            raise _refusal("an archive unpacks to too much", self._archive, "more bytes than its bound")
        return block


def _refusal(what: str, archive: Path, fact: str, help: str = "do not trust this archive") -> DataError:
    return DataError(what, ("archive", str(archive)), ("found", fact), help=help)
