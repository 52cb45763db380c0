"""Writing in one step: after a kill, on a full disk, beside another writer a name stands for the old or the new content, whole.

What is written goes to a part beside the file, under a name that nobody can know before, and takes the file's place when all of
it is on the disk. Devices, pipes and the streams of this process are no files: they are written to, never replaced.
"""

import errno
import hashlib
import os
import re
import secrets
import stat
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from fwp.errors import FwpError, warn
from fwp.files.lock import NOFOLLOW, PLAIN, is_at, taken
from fwp.files.seal import sealed_json
from fwp.files.stream import closing, stream, write_all

__all__ = ["make_folder", "opened_part", "replacing", "settle", "write_bytes", "write_json"]

LONGEST = 200
"""Bytes of a name from which the name of its part is made; more would be too long for most systems."""


def write_bytes(path: Path, data: bytes) -> None:
    """Put `data` in the place of `path` in one step: after a kill or on a full disk the old file is still there, whole.

    A link to a file stays, and what it points at is replaced; a file keeps its mode. A device, a pipe or a stream of this process
    (/dev/stdout, /dev/fd/3) is written to.

    Raises:
        FwpError: the disk refused, and nothing was changed; or the name is a folder's, or a link's that leads nowhere.
    """
    try:
        with stream(path) as opened:
            if opened is not None:
                write_all(opened, data)
                return
    except OSError as error:
        raise _refused("a stream could not be written", path, error, "what it took before is gone out") from error
    with replacing(path) as part:
        write_all(part.descriptor, data)


def write_json(path: Path, value: Mapping[str, object]) -> None:
    """Write `value` as indented json with its digest, atomically. NaN and infinities are no json: they raise ValueError."""
    write_bytes(path, sealed_json(value))


@dataclass(frozen=True)
class Part:
    """What will take a file's place: its own name, and the open file."""

    path: Path
    descriptor: int


@contextmanager
def replacing(path: Path) -> Iterator[Part]:
    """A new file beside `path`, to be written by descriptor or name; it takes that place when the block has ended well.

    Raises:
        FwpError: as of `write_bytes`; `path` may be no stream.
    """
    try:
        target = _target(path)
        part = _begun(target)
    except OSError as error:
        raise _refused("a file could not be written", path, error) from error
    is_open = True
    try:
        yield part
        os.fsync(part.descriptor)
        if sys.platform == "win32":  # nothing open can be renamed there
            os.close(part.descriptor)
            is_open = False
        part.path.replace(target)
    except BaseException as error:
        with suppress(OSError):  # which would hide the reason
            part.path.unlink()
        if isinstance(error, OSError):
            raise _refused("a file could not be written", path, error) from error
        raise
    finally:
        if is_open:  # and locked until here
            with suppress(OSError):
                os.close(part.descriptor)
    _sync_folder(target)


def settle(part: Path, path: Path) -> None:
    """Give a file that is whole its final name, as `replacing` does: its bytes are on the disk before its name is.

    Raises:
        OSError: the system refused.
        FwpError: the name is a folder's, or a link's that leads nowhere.
    """
    target = _target(path)
    with closing(os.open(part, os.O_RDWR | PLAIN)) as descriptor:
        _like(descriptor, _status(target))
        os.fsync(descriptor)
    part.replace(target)
    _sync_folder(target)


def opened_part(path: Path, anew: bool) -> int:
    """A part under a name that can be known, which a later try goes on with: open to be written, and never what a link points at.

    Raises:
        OSError: the system refused, or something that is no file of one name has it.
    """
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | PLAIN, 0o666)
    about = os.fstat(descriptor)
    if not stat.S_ISREG(about.st_mode) or about.st_nlink > 1:
        os.close(descriptor)
        raise OSError(errno.EEXIST, "something else has the name of the part: remove it", str(path))
    if anew:
        os.ftruncate(descriptor, 0)
    return descriptor


def make_folder(folder: Path) -> None:
    """Make a folder and those above it, unless it is there.

    Raises:
        FwpError: the disk refused, or a file has that name.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise _refused("a folder could not be made", folder, error) from error


def _target(path: Path) -> Path:
    """The file to be replaced: the name, or what the link of this name points at.

    Raises:
        OSError: the system refused, or a folder or something else that is no file has the name.
        FwpError: the link leads nowhere.
    """
    target = path
    if path.is_symlink():
        target = Path(os.path.realpath(path))
        if not target.exists():
            raise FwpError(
                "a file could not be written: its name is that of a link which leads nowhere",
                ("path", str(path)),
                ("link to", str(path.readlink())),
                help="remove the link, or make what it points at; nothing was written",
            )
    there = _status(target)
    if there is not None and stat.S_ISDIR(there.st_mode):
        raise IsADirectoryError(errno.EISDIR, "this is a folder", str(path))
    if there is not None and not stat.S_ISREG(there.st_mode):
        raise OSError(errno.EEXIST, "this is no file that could be replaced", str(path))
    return target


def _begun(target: Path) -> Part:
    """A part beside the target: new, its own, locked as long as it is written, and with the rights of the file that is there."""
    _sweep(target)
    there = _status(target)
    while True:
        path = target.with_name(f"{_stem(target)}{secrets.token_hex(8)}.part")
        try:
            descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | PLAIN, 0o600 if there else 0o666)
        except FileExistsError:
            continue
        with suppress(OSError):  # there are no locks here: then nobody sweeps either
            taken(descriptor, wait=True)
        if is_at(descriptor, path):  # else it was swept before it was locked
            break
        os.close(descriptor)
    try:
        _like(descriptor, there)
    except BaseException:
        with suppress(OSError):
            path.unlink()
        os.close(descriptor)
        raise
    return Part(path, descriptor)


def _status(target: Path) -> os.stat_result | None:
    try:
        return target.stat()
    except FileNotFoundError:
        return None


def _like(descriptor: int, there: os.stat_result | None) -> None:
    """Give a new file the rights of the one whose place it takes."""
    if there is not None and sys.platform != "win32":
        with suppress(OSError):  # only some may give files to others
            os.fchown(descriptor, there.st_uid, there.st_gid)
        os.fchmod(descriptor, there.st_mode & 0o777)


def _sweep(target: Path) -> None:
    """Remove what killed writers of the same file have left: parts of ours that nobody holds."""
    left = re.compile(re.escape(_stem(target)) + r"[0-9a-f]{16}\.part")
    with suppress(OSError):
        for part in [own for own in target.parent.iterdir() if left.fullmatch(own.name)]:
            _swept(part)


def _swept(part: Path) -> None:
    with suppress(OSError), closing(os.open(part, os.O_RDWR | PLAIN)) as descriptor:
        about = os.fstat(descriptor)
        ours = sys.platform == "win32" or about.st_uid == os.geteuid()
        if stat.S_ISREG(about.st_mode) and ours and taken(descriptor) and is_at(descriptor, part):
            part.unlink()


def _stem(target: Path) -> str:
    """How the names of a file's parts begin."""
    name = os.fsencode(target.name)
    return f".{target.name if len(name) <= LONGEST else hashlib.sha256(name).hexdigest()}."


def _refused(what: str, path: Path, error: OSError, after: str = "what was there before is unchanged") -> FwpError:
    match error.errno:
        case errno.ENOSPC | errno.EDQUOT:
            help = "free some space, or choose another folder"
        case errno.ENOENT:
            help = f"make its folder first: mkdir -p {path.parent}"
        case _:
            help = "choose another folder"
    facts = ("path", str(path)), ("the system says", error.strerror or str(error))
    return FwpError(what, *facts, help=f"{help}; {after}")


def _sync_folder(target: Path) -> None:
    """Make the new name itself survive a loss of power; where that fails the file is there all the same, and the user is told."""
    if sys.platform == "win32":
        return  # no folder can be opened there
    try:
        with closing(os.open(target.parent, os.O_RDONLY | (PLAIN & ~NOFOLLOW))) as descriptor:
            os.fsync(descriptor)
    except OSError as error:
        warn(
            "a file was written whole, but its new name may not survive a loss of power",
            ("file", str(target)),
            ("the system says of its folder", error.strerror or str(error)),
            help="nothing has to be done unless the power fails soon; look at the disk, or choose another folder",
        )
