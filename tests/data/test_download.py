"""Downloads, against a server on loopback: whole, cut, resumed, changed, refused."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from striate import DataError
from striate.data import _locate, load
from striate.data._download import SOURCES, Source, download

CONTENT = bytes(range(256)) * 4000
MD5 = hashlib.md5(CONTENT).hexdigest()


class Server(ThreadingHTTPServer):
    """Send CONTENT; cut after `cut` bytes if that is set; resume if `ranges`."""

    cut = 0
    ranges = True
    asked: list[str | None]


class Handler(BaseHTTPRequestHandler):
    server: Server

    def do_GET(self) -> None:
        self.server.asked.append(self.headers.get("Range"))
        if self.path != "/file.bin":
            self.send_error(404)
            return
        start = 0
        if self.server.ranges and (wanted := self.headers.get("Range")):
            start = int(wanted.removeprefix("bytes=").removesuffix("-"))
        self.send_response(206 if start else 200)
        self.send_header("Content-Length", str(len(CONTENT) - start))
        self.end_headers()
        stop = self.server.cut or len(CONTENT)
        self.wfile.write(CONTENT[start:stop])

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def server() -> Iterator[Server]:
    made = Server(("127.0.0.1", 0), Handler)
    made.asked = []
    thread = threading.Thread(target=made.serve_forever)
    thread.start()
    yield made
    made.shutdown()
    thread.join()
    made.server_close()


def source(server: Server, md5: str = MD5, name: str = "file.bin") -> Source:
    return Source(f"http://127.0.0.1:{server.server_port}/{name}", md5)


def test_a_file_comes_whole_and_once(server: Server, tmp_path: Path) -> None:
    seen: list[tuple[int, int]] = []
    for _ in range(2):
        path = download(source(server), tmp_path / "new", lambda *now: seen.append(now))
    assert path.read_bytes() == CONTENT
    assert len(server.asked) == 1
    assert seen[-1] == (len(CONTENT), len(CONTENT))
    assert [p.name for p in (tmp_path / "new").iterdir()] == ["file.bin"]


@pytest.mark.parametrize("ranges", [True, False])
def test_a_cut_connection_is_told_and_resumed(server: Server, tmp_path: Path, ranges: bool) -> None:
    server.cut = 300_000
    with pytest.raises(DataError, match=r"could not be fetched: .*300,000 of 1,024,000 bytes"):
        download(source(server), tmp_path)
    assert not (tmp_path / "file.bin").exists()
    server.cut, server.ranges = 0, ranges
    assert download(source(server), tmp_path).read_bytes() == CONTENT
    assert server.asked[-1] == "bytes=300000-"


def test_a_changed_file_is_thrown_away(server: Server, tmp_path: Path) -> None:
    with pytest.raises(DataError, match=f"came with the MD5 {MD5}; it should be 0000"):
        download(source(server, md5="0000"), tmp_path)
    assert not list(tmp_path.iterdir())


def test_a_file_the_server_does_not_have(server: Server, tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"could not be fetched: Not Found.*put it into"):
        download(source(server, name="other.bin"), tmp_path)


def test_no_network_says_where_to_put_the_files(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    closed = Server(("127.0.0.1", 0), Handler)
    port = closed.server_port
    closed.server_close()
    monkeypatch.setitem(SOURCES, "mnist", (Source(f"http://127.0.0.1:{port}/a.gz", ""),))
    monkeypatch.setenv("STRIATE_CACHE", str(tmp_path))
    monkeypatch.delenv("STRIATE_DATA", raising=False)
    with pytest.raises(DataError, match=r"could not be fetched: .*refused.*put it into"):
        load("mnist")
    assert _locate.cache_dir() == tmp_path
