"""A folder for this process alone, for as long as it takes to compile a library and to open it."""

import os
import sys
from io import BufferedRandom
from pathlib import Path
from tempfile import TemporaryDirectory
from types import TracebackType

__all__ = ["Room"]


class Room:
    """An empty folder that nobody else may enter, and that is gone afterwards, in `place` or where temporary files lie.

    Where the system can, it is reached by its descriptor rather than by its name, under which whoever may write to a folder
    above could put another one.

    Raises:
        OSError: it cannot be made.
    """

    def __init__(self, place: Path | None = None) -> None:
        self._place, self._handle = place, -1

    def __enter__(self) -> "Room":
        self._folder = TemporaryDirectory(prefix=".fwp-", dir=self._place, ignore_cleanup_errors=True)
        self.path = self._folder.name
        """By which the folder is reached, from this process and from those that begin in it."""
        if sys.platform == "linux":
            try:
                self._handle = os.open(self.path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
                self._refuse_anothers()
            except BaseException:
                self.__exit__(None, None, None)
                raise
            by_handle = f"/proc/self/fd/{self._handle}"
            self.path = by_handle if Path(by_handle).is_dir() else self.path
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._folder.cleanup()
        if self._handle >= 0:
            os.close(self._handle)
            self._handle = -1

    def _refuse_anothers(self) -> None:
        if sys.platform != "win32" and os.fstat(self._handle).st_uid != os.geteuid():
            raise PermissionError(f"another user has replaced {self.path}")

    def write(self, name: str, data: bytes) -> str:
        """A new file, and the path to it."""
        with self.made(name) as file:
            file.write(data)
        return f"{self.path}/{name}"

    def read(self, name: str) -> bytes:
        """What a file holds."""
        return Path(self.path, name).read_bytes()

    def made(self, name: str) -> BufferedRandom:
        """A new file, open; one of that name is written over."""
        return Path(self.path, name).open("w+b")
