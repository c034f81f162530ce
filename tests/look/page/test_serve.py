"""The command: it serves until Ctrl-C, and ends without a trace."""

import asyncio
import socket
import urllib.request
from concurrent.futures import ThreadPoolExecutor

import pytest
from typer.testing import CliRunner

from striate.cli._app import app
from striate.look.page import listen
from tests.look.browser.driving import Server


def test_ctrl_c_stops_it_however_often_it_is_pressed(lenet_file):
    server = Server(lenet_file)
    try:
        with urllib.request.urlopen(f"{server.link}api/model", timeout=60) as reply:
            assert reply.status == 200
    finally:
        ended = server.stop(times=3)
    assert ended == (0, "", "")


def test_a_taken_port_is_one_error():
    with listen() as listener:
        port = str(listener.getsockname()[1])
        result = CliRunner().invoke(app, ["look", "lenet5", "--no-browser", "--port", port])
    assert result.exit_code == 2
    assert result.stdout == ""
    assert result.stderr.startswith("error: look: port")


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (("--port", "8000", "--export", "page.html"), "--port"),
        (("--no-browser", "--export", "page.html"), "--no-browser"),
        (("--save", "figures", "--export", "page.html"), "give one"),
    ],
)
def test_options_that_would_be_ignored_are_refused(options, told, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    result = CliRunner().invoke(app, ["look", "lenet5", *options])
    assert result.exit_code == 2
    assert told in result.output
    assert not list(tmp_path.iterdir())


def test_answers_in_parts_are_sent_at_once():
    """Nagle's algorithm would hold the second part back until the first is acknowledged: 40 ms."""
    found = []

    def accepted(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connection = writer.get_extra_info("socket")
        found.append(connection.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY))
        writer.close()

    async def connect() -> None:
        listener = listen()
        async with await asyncio.start_server(accepted, sock=listener):
            reader, writer = await asyncio.open_connection(*listener.getsockname())
            await reader.read()
            writer.close()

    # In a thread of its own: the browser tests keep a loop running in this one.
    with ThreadPoolExecutor(1) as thread:
        thread.submit(asyncio.run, connect()).result()
    assert found == [1]
