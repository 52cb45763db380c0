"""Downloading a file once: resumed where it stopped, checked, and in its place only when it is whole."""

import hashlib
import os
import sys
from collections.abc import Callable
from email.utils import formatdate
from http.client import HTTPException, HTTPMessage, HTTPResponse
from pathlib import Path
from time import monotonic
from typing import Any
from urllib.error import HTTPError, URLError
from urllib.parse import urlsplit
from urllib.request import HTTPRedirectHandler, Request, build_opener

from fwp.data.archive import sha256
from fwp.errors import DataError, FwpError
from fwp.files import held, opened_part, settle, write_all

__all__ = ["fetch"]

BLOCK = 2**20
SILENCE = 30.0
"""Seconds without a byte after which a server counts as gone."""
BETWEEN = 5.0
"""Seconds between two lines of progress."""


def fetch(url: str, file: Path, checksum: str | None, *, progress: Callable[[str], None] | None = None) -> Path:
    """The file, downloaded from an http or https address unless it is there; one that is there is taken as it is.

    What arrives goes to `<file>.part` and stays there after a kill; the next call goes on where it ends, if the server serves
    ranges and the file has not changed there since. The name is given when all has arrived.

    Args:
        url: where it is published.
        file: where it shall lie; its folder is made.
        checksum: the published one, as "sha256:" or "md5:" and hexadecimal, or None where none is published; the last line
            of progress tells the SHA-256 of what arrived.
        progress: what to do with a line that says how far it is; default: print it to stderr.

    Raises:
        DataError: no connection, a refusal of the server, a download cut short, a disk that refuses, another checksum, or
            another process that downloads the same file.
    """
    if file.exists():
        return file
    tell = progress or _to_stderr
    part = file.with_name(f"{file.name}.part")
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        what, help = "another process downloads this file", "wait until it has, then try again"
        lock, facts = file.with_name(f".{file.name}.lock"), (("address", url), ("file", str(file)))
        with held(lock, what, *facts, help=help, kind=DataError):
            if file.exists():  # by now
                return file
            _download(url, part, lambda amount: tell(f"{file.name}: {amount}"))
            own = sha256(part)
            kind = "sha256" if checksum is None else checksum.partition(":")[0].lower()
            found = f"{kind}:{own if kind == 'sha256' else _hashed(part, kind)}"  # an archive of gigabytes is read once
            if checksum is not None and found != checksum.lower():
                part.unlink()
                raise _refusal("a downloaded file has the wrong checksum", url, file, found, ("expected", checksum))
            tell(f"{file.name}: {part.stat().st_size:,} bytes, SHA-256 {own}")
            settle(part, file)
    except FwpError:
        raise
    except (OSError, HTTPException, ValueError) as error:  # ValueError: how urllib words an address that is none
        reason = error.reason if isinstance(error, URLError) and not isinstance(error, HTTPError) else error
        raise _refusal("a file is not here and cannot be downloaded", url, file, str(reason) or repr(reason)) from error
    return file


def _hashed(file: Path, kind: str) -> str:
    """In hexadecimal. Raises: ValueError: there is no such kind of checksum."""
    with file.open("rb") as opened:
        return hashlib.file_digest(opened, kind).hexdigest()


def _download(url: str, part: Path, tell: Callable[[str], None]) -> None:
    """Add to the part what is missing."""
    with _answer(url, part) as answer:
        begun, total = _extent(answer)
        of = "" if total is None else f" of {total / 1e6:,.1f}"
        last = monotonic()
        sink = opened_part(part, anew=not begun)
        try:
            done = os.lseek(sink, begun, os.SEEK_SET)
            while block := answer.read(BLOCK):
                write_all(sink, block)
                done += len(block)
                if monotonic() - last > BETWEEN:
                    last = monotonic()
                    tell(f"{done / 1e6:,.1f}{of} MB")
        finally:
            os.close(sink)
    there = part.stat().st_size
    if total is not None and there < total:
        raise OSError(f"the connection ended after {there:,} of {total:,} bytes; the next try goes on from there")
    if total is not None and there > total:
        part.unlink()
        raise OSError(f"{there:,} bytes arrived instead of {total:,}; the next try begins anew")


def _answer(url: str, part: Path) -> HTTPResponse:
    """The rest of the file if the server will send it, else all of it."""
    _require_web(url, url)
    begun = part.stat().st_size if part.is_file() and not part.is_symlink() else 0
    if begun:
        rest = Request(
            url, headers={"Range": f"bytes={begun - 1}-"}
        )  # the last byte again: there is always one to send
        rest.add_header("If-Unmodified-Since", formatdate(part.stat().st_mtime, usegmt=True))
        try:
            answer = OPENER.open(rest, timeout=SILENCE)
            if answer.status != 206 or _extent(answer)[0] == begun - 1:
                return answer
            answer.close()
        except HTTPError as error:
            if error.code not in (412, 416):  # changed since, and shorter than the part: then all of it
                raise
    return OPENER.open(url, timeout=SILENCE)


def _extent(answer: HTTPResponse) -> tuple[int, int | None]:
    """Where the answer's bytes begin in the file, and how many bytes the file has, if that is said."""
    if answer.status == 206:
        span, _, total = answer.headers.get("Content-Range", "").removeprefix("bytes ").partition("/")
        return int(span.partition("-")[0] or -1), int(total) if total.isdigit() else None
    length = answer.headers.get("Content-Length", "")
    return 0, int(length) if length.isdigit() else None


class _Redirects(HTTPRedirectHandler):
    def redirect_request(
        self, req: Request, fp: Any, code: int, msg: str, headers: HTTPMessage, newurl: str
    ) -> Request | None:
        """As the standard library's, within the web, and never from https to http."""
        _require_web(newurl, req.full_url)
        return super().redirect_request(req, fp, code, msg, headers, newurl)


def _require_web(url: str, origin: str) -> None:
    allowed = ("https",) if urlsplit(origin).scheme == "https" else ("https", "http")
    if urlsplit(url).scheme not in allowed:
        raise ValueError(f"it leads to {url}, which is not {' or '.join(allowed)}")


OPENER = build_opener(_Redirects)
OPENER.addheaders = [("User-Agent", "fwp")]  # some servers turn away what urllib calls itself


def _to_stderr(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


def _refusal(what: str, url: str, file: Path, found: str, *facts: tuple[str, str]) -> DataError:
    help = f"try again, or fetch it by hand and put it at {file}"
    return DataError(what, ("address", url), ("file", str(file)), ("found", found), *facts, help=help)
