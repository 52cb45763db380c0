"""A download: whole and checked, or not there; resumed where a server allows it."""

import hashlib
import os
import re
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from fwp.data import fetch as module
from fwp.data.fetch import fetch
from fwp.errors import DataError

CONTENT = bytes(range(256)) * 16_000  # 4 blocks
SHA256 = hashlib.sha256(CONTENT).hexdigest()
CHECKSUM = f"sha256:{SHA256}"
MD5 = f"md5:{hashlib.md5(CONTENT).hexdigest()}"
CHANGED = "Wed, 01 Jan 2020 00:00:00 GMT"


class Server(ThreadingHTTPServer):
    """Serves CONTENT, at any address but those that `respond` knows, and remembers what it was asked."""

    daemon_threads = True

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Handler)
        self.asked: list[dict[str, str]] = []
        self.content, self.ranges, self.cut, self.changed = CONTENT, True, len(CONTENT), False
        self.shift = 0

    def url(self, path: str = "/file") -> str:
        return f"http://127.0.0.1:{self.server_port}{path}"


class Handler(BaseHTTPRequestHandler):
    server: Server

    def do_GET(self):
        self.server.asked.append(dict(self.headers))
        target = self.path.partition("?to=")[2]
        if target:
            self.send_response(302)
            self.send_header("Location", target)
            return self.end_headers()
        if self.path == "/absent":
            return self.send_error(404)
        content, begun = self.server.content, 0
        asked = re.fullmatch(r"bytes=(\d+)-", self.headers.get("Range", ""))
        if asked and self.server.changed:
            return self.send_error(412)
        if asked and self.server.ranges:
            begun = int(asked[1]) + self.server.shift
            if begun >= len(content):
                return self.send_error(416)
            self.send_response(206)
            self.send_header("Content-Range", f"bytes {begun}-{len(content) - 1}/{len(content)}")
        else:
            self.send_response(200)
        self.send_header("Content-Length", str(len(content) - begun))
        self.end_headers()
        self.wfile.write(content[begun : self.server.cut])

    def log_message(self, format, *args):
        pass


@pytest.fixture
def server():
    with Server() as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield server
        server.shutdown()
        thread.join()


@pytest.fixture
def file(tmp_path):
    return tmp_path / "new" / "file.zip"


def silent(line: str) -> None:
    pass


def arrived(file) -> None:
    assert file.read_bytes() == CONTENT and [path.name for path in file.parent.iterdir()] == [file.name]


def begin(server: Server, file, amount: int = 2_500_000) -> None:
    """A download whose connection breaks after some bytes."""
    server.cut = amount
    with pytest.raises(DataError, match=f"(?s)connection ended after {amount:,} of {len(CONTENT):,} bytes.*by hand"):
        fetch(server.url(), file, CHECKSUM, progress=silent)
    assert [path.name for path in file.parent.iterdir()] == ["file.zip.part"]
    server.cut = len(CONTENT)


@pytest.mark.parametrize("checksum", [CHECKSUM, CHECKSUM.upper(), MD5, None])
def test_a_file_arrives_and_the_last_line_says_what_it_is(server, file, checksum):
    lines: list[str] = []
    assert fetch(server.url(), file, checksum, progress=lines.append) == file
    arrived(file)
    assert lines[-1] == f"file.zip: 4,096,000 bytes, SHA-256 {SHA256}"


def test_progress_goes_to_stderr(server, file, monkeypatch, capsys):
    monkeypatch.setattr(module, "BETWEEN", 0.0)
    fetch(server.url(), file, CHECKSUM)
    said = capsys.readouterr()
    assert not said.out and said.err.splitlines()[:2] == ["file.zip: 1.0 of 4.1 MB", "file.zip: 2.1 of 4.1 MB"]


def test_a_file_that_is_there_is_not_asked_for(server, file):
    file.parent.mkdir()
    file.write_bytes(b"by hand")
    assert fetch(server.url(), file, CHECKSUM, progress=silent).read_bytes() == b"by hand"
    assert not server.asked


@pytest.mark.parametrize("amount", [1, 2_500_000, len(CONTENT) - 1])
def test_what_a_broken_connection_left_is_gone_on_with(server, file, amount):
    begin(server, file, amount)
    fetch(server.url(), file, None, progress=silent)
    arrived(file)
    assert len(server.asked) == 2 and server.asked[1]["Range"] == f"bytes={amount - 1}-"
    assert server.asked[1]["If-Unmodified-Since"].endswith("GMT")


def test_a_part_that_was_complete_costs_one_byte(server, file):
    file.parent.mkdir()
    file.with_name("file.zip.part").write_bytes(CONTENT)
    fetch(server.url(), file, CHECKSUM, progress=silent)
    arrived(file)
    assert [asked.get("Range") for asked in server.asked] == [f"bytes={len(CONTENT) - 1}-"]


@pytest.mark.parametrize(
    "setting, requests",
    [({"ranges": False}, 1), ({"changed": True}, 2), ({"shift": 7}, 2), ({"shift": len(CONTENT)}, 2)],
    ids=["the server serves no ranges", "the file has changed", "another range is served", "the part is too long"],
)
def test_a_download_begins_anew_where_it_cannot_go_on(server, file, setting, requests):
    begin(server, file)
    part = file.with_name("file.zip.part")
    part.write_bytes(bytes(part.stat().st_size))  # of another release
    for name, value in setting.items():
        setattr(server, name, value)
    fetch(server.url(), file, None, progress=silent)
    arrived(file)
    assert len(server.asked) == 1 + requests


def test_a_wrong_checksum_deletes_what_arrived(server, file):
    server.content = CONTENT[:-1] + b"x"
    found = hashlib.sha256(server.content).hexdigest()
    with pytest.raises(DataError, match=f"(?s)wrong checksum.*sha256:{found}.*expected : {CHECKSUM}.*by hand"):
        fetch(server.url(), file, CHECKSUM, progress=silent)
    assert not list(file.parent.iterdir())


def test_a_refusal_says_where_to_put_the_file(server, file):
    with pytest.raises(DataError, match=f"(?s)/absent.*404.*put it at {re.escape(str(file))}"):
        fetch(server.url("/absent"), file, None, progress=silent)
    assert not list(file.parent.iterdir())


def test_no_connection_says_where_to_put_the_file(server, file):
    with Server() as other:
        url = other.url()  # and closed: nobody listens there
    with pytest.raises(DataError, match=f"(?s)refused.*put it at {re.escape(str(file))}"):
        fetch(url, file, None, progress=silent)


def test_redirects_within_the_web_are_followed(server, file):
    begin(server, file)
    fetch(server.url("/from?to=" + server.url()), file, CHECKSUM, progress=silent)
    arrived(file)
    assert server.asked[-1]["Range"] == "bytes=2499999-"


@pytest.mark.parametrize("target", ["file:///etc/passwd", "ftp://127.0.0.1/x", "data:,x"])
def test_redirects_out_of_the_web_are_refused(server, file, target):
    with pytest.raises(DataError, match=f"(?s)302.*{target}|{target}.* is not https or http"):
        fetch(server.url("/from?to=" + target), file, None, progress=silent)
    assert not list(file.parent.iterdir())


def test_https_does_not_lead_to_http(server):
    with pytest.raises(ValueError, match="is not https"):
        module._require_web(server.url(), "https://example.org/x")


@pytest.mark.parametrize("url", ["file:///etc/passwd", "x.zip", "http://", "http://[", "http://127.0.0.1:x/"])
def test_other_addresses_are_refused(file, url):
    with pytest.raises(DataError, match="cannot be downloaded"):
        fetch(url, file, None, progress=silent)


def test_a_folder_that_cannot_be_made_is_an_error(server, file):
    file.parent.write_bytes(b"a file")
    with pytest.raises(DataError, match=r"(?s)File exists.*by hand"):
        fetch(server.url(), file, CHECKSUM, progress=silent)


def test_a_full_disk_is_an_error_and_the_next_try_goes_on(server, file, monkeypatch):
    real = os.write

    def full(descriptor, block):
        if len(block) < 1000:  # the lock's
            return real(descriptor, block)
        if os.lseek(descriptor, 0, os.SEEK_CUR):
            raise OSError(28, "No space left on device")
        return real(descriptor, block[:1000])

    with monkeypatch.context() as patch:
        patch.setattr(os, "write", full)
        with pytest.raises(DataError, match="No space left"):
            fetch(server.url(), file, CHECKSUM, progress=silent)
    fetch(server.url(), file, CHECKSUM, progress=silent)
    arrived(file)
