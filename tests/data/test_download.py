"""Downloads, against a server on loopback: whole, cut, resumed, changed, refused."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from striate import DataError, OptionError
from striate.data import get, load
from striate.data._download import download
from striate.data._sources import SOURCES, Source

CONTENT = bytes(range(256)) * 4000
MD5 = hashlib.md5(CONTENT).hexdigest()


class Server(ThreadingHTTPServer):
    """Send CONTENT; cut each answer at the next of `cuts`; resume if `ranges`."""

    ranges = True
    cuts: list[int]
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
        if start >= len(CONTENT):
            self.send_error(416)
            return
        self.send_response(206 if start else 200)
        self.send_header("Content-Length", str(len(CONTENT) - start))
        self.end_headers()
        stop = self.server.cuts.pop(0) if self.server.cuts else len(CONTENT)
        self.wfile.write(CONTENT[start:stop])

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def server() -> Iterator[Server]:
    made = Server(("127.0.0.1", 0), Handler)
    made.asked, made.cuts = [], []
    thread = threading.Thread(target=made.serve_forever)
    thread.start()
    yield made
    made.shutdown()
    thread.join()
    made.server_close()


def source(server: Server, md5: str = MD5, name: str = "file.bin") -> Source:
    return Source(f"http://127.0.0.1:{server.server_port}/{name}", md5)


def fetch(server: Server, folder: Path, **changes: str) -> Path:
    return download("mnist", source(server, **changes), folder)


def test_a_file_comes_whole_and_once(server: Server, tmp_path: Path) -> None:
    for _ in range(2):
        path = fetch(server, tmp_path / "new")
    assert path.read_bytes() == CONTENT
    assert len(server.asked) == 1
    assert [p.name for p in (tmp_path / "new").iterdir()] == ["file.bin"]


def test_a_connection_cut_once_is_taken_up_again(server: Server, tmp_path: Path) -> None:
    server.cuts = [300_000]
    assert fetch(server, tmp_path).read_bytes() == CONTENT
    assert server.asked == [None, "bytes=300000-"]


@pytest.mark.parametrize("ranges", [True, False])
def test_a_connection_cut_again_and_again_is_told_and_resumed_later(
    server: Server, tmp_path: Path, ranges: bool
) -> None:
    server.cuts = [100_000, 200_000, 300_000]
    with pytest.raises(DataError, match=r"300,000 of 1,024,000 bytes.*300,000 bytes .* are kept"):
        fetch(server, tmp_path)
    assert [p.name for p in tmp_path.iterdir()] == ["file.bin.part"]
    server.ranges = ranges
    assert fetch(server, tmp_path).read_bytes() == CONTENT
    assert server.asked[-1] == "bytes=300000-"
    assert [p.name for p in tmp_path.iterdir()] == ["file.bin"]


def test_a_changed_file_is_thrown_away(server: Server, tmp_path: Path) -> None:
    with pytest.raises(DataError, match="whose MD5 is not 0000"):
        fetch(server, tmp_path, md5="0000")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("start", [b"of an older file", CONTENT + b"and more"])
def test_a_part_that_does_not_belong_is_fetched_anew(
    server: Server, tmp_path: Path, start: bytes
) -> None:
    (tmp_path / "file.bin.part").write_bytes(start)
    assert fetch(server, tmp_path).read_bytes() == CONTENT


def test_a_part_that_is_whole_is_taken(server: Server, tmp_path: Path) -> None:
    (tmp_path / "file.bin.part").write_bytes(CONTENT)
    assert fetch(server, tmp_path).read_bytes() == CONTENT
    assert len(server.asked) == 1


def test_processes_do_not_fetch_the_same_file_twice(server: Server, tmp_path: Path) -> None:
    pytest.importorskip("fcntl", reason="folders can be locked on POSIX only")
    with ThreadPoolExecutor(4) as threads:
        paths = list(threads.map(lambda _: fetch(server, tmp_path), range(4)))
    assert {path.read_bytes() for path in paths} == {CONTENT}
    assert len(server.asked) == 1


def test_a_file_the_server_does_not_have(server: Server, tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"could not be fetched: Not Found.*put it into"):
        fetch(server, tmp_path, name="other.bin")


def test_a_folder_that_cannot_be_written(server: Server, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(DataError, match=r"could not be fetched: (Not a directory|File exists)"):
        fetch(server, tmp_path / "file")


def test_no_network_says_where_to_put_the_files(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    closed = Server(("127.0.0.1", 0), Handler)
    port = closed.server_port
    closed.server_close()
    monkeypatch.setitem(SOURCES, "mnist", (Source(f"http://127.0.0.1:{port}/a.gz", ""),))
    monkeypatch.setenv("STRIATE_CACHE", str(tmp_path))
    monkeypatch.delenv("STRIATE_DATA", raising=False)
    with pytest.raises(DataError, match=r"Connection refused.*a\.gz .*put it into .*mnist"):
        load("mnist")


def test_get_fills_a_folder_that_load_then_finds(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(SOURCES, "mnist", (source(server),))
    assert get("mnist", tmp_path) == {"file.bin": tmp_path / "mnist" / "file.bin"}
    assert get("mnist", tmp_path / "mnist") == get("mnist", tmp_path)
    assert len(server.asked) == 1


def test_only_published_sets_can_be_fetched() -> None:
    with pytest.raises(OptionError, match="'digits' is not a data set to download; mnist"):
        get("digits")
