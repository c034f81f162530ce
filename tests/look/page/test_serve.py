"""The command: it serves until Ctrl-C, and ends without a trace."""

import os
import signal
import subprocess
import sys
import urllib.request

import pytest

from striate.look.page import listen


def start(*options: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "striate", "look", "lenet5", "--no-browser", *options]
    return subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        env={**os.environ, "PYTHONUNBUFFERED": "1"},
    )  # fmt: skip


@pytest.mark.parametrize("times", [1, 3])
def test_ctrl_c_stops_it(times):
    server = start()
    try:
        line = server.stdout.readline()
        link = line.rpartition(" ")[2].strip()
        assert link.startswith("http://127.0.0.1:")
        with urllib.request.urlopen(f"{link}api/model", timeout=60) as reply:
            assert reply.status == 200
        for _ in range(times):
            server.send_signal(signal.SIGINT)
        out, err = server.communicate(timeout=60)
    finally:
        server.kill()
    assert (server.returncode, out, err) == (0, "", "")


def test_a_taken_port_is_one_error():
    with listen() as listener:
        server = start("--port", str(listener.getsockname()[1]))
        out, err = server.communicate(timeout=120)
    assert server.returncode == 2
    assert out == ""
    assert err.startswith("error: look: port")
    assert "Traceback" not in err


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (("--port", "8000", "--export", "page.html"), "--port"),
        (("--no-browser", "--export", "page.html"), "--no-browser"),
        (("--save", "figures", "--export", "page.html"), "give one"),
    ],
)
def test_options_that_would_be_ignored_are_refused(options, told, tmp_path, monkeypatch):
    from typer.testing import CliRunner

    from striate.cli._app import app

    monkeypatch.chdir(tmp_path)
    result = CliRunner().invoke(app, ["look", "lenet5", *options])
    assert result.exit_code == 2
    assert told in result.output
    assert not list(tmp_path.iterdir())
