"""The frame: which commands there are, what loads when, and how a command ends."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
from collections.abc import Callable, Iterator
from importlib import import_module
from typing import NoReturn

import pytest
from typer.testing import CliRunner

import striate
from striate import OptionError
from striate.cli import _app

HEAVY = {"torch", "matplotlib", "sklearn", "PIL", "pooch", "jinja2", "tensorboard"}


def run(code: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code)], capture_output=True, text=True, check=False
    )


@pytest.fixture
def fails(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[Exception], None]]:
    """Turn `striate window` into a command that raises."""

    def replace_command(error: Exception) -> None:
        def window() -> NoReturn:
            raise error

        monkeypatch.setattr(import_module("striate.cli.window"), "window", window)
        _app._load.cache_clear()

    yield replace_command
    monkeypatch.undo()
    _app._load.cache_clear()


@pytest.mark.parametrize("name", _app.COMMANDS)
def test_every_command_has_a_module_and_a_help(name: str) -> None:
    result = CliRunner().invoke(_app.app, [name, "--help"])
    assert result.exit_code == 0, result.output
    assert _app._load(name).get_short_help_str() != ""


def test_help_lists_every_command() -> None:
    output = CliRunner().invoke(_app.app, ["--help"]).output
    for name in _app.COMMANDS:
        assert f" {name} " in output


def test_help_imports_nothing_heavy() -> None:
    result = run("""
        import sys
        from striate.cli import main
        try:
            main(["--help"])
        except SystemExit:
            print("loaded:", *sys.modules)
    """)
    loaded = set(result.stdout.rpartition("loaded:")[2].split())
    assert "striate.cli.window" in loaded
    assert not loaded & HEAVY


def test_a_command_loads_its_own_module_only() -> None:
    result = run("""
        import sys
        from striate.cli import main
        try:
            main(["window", "7"])
        except SystemExit:
            print("loaded:", *(name for name in sys.modules if name.startswith("striate.cli.")))
    """)
    loaded = set(result.stdout.rpartition("loaded:")[2].split())
    assert loaded == {"striate.cli._app", "striate.cli.window"}


def test_version_is_the_package_version() -> None:
    assert CliRunner().invoke(_app.app, ["--version"]).output == f"striate {striate.__version__}\n"


def test_an_unknown_command_is_told_the_nearest_one() -> None:
    result = CliRunner().invoke(_app.app, ["trian"])
    assert result.exit_code == 2
    assert "Did you mean 'train'?" in result.output


def test_a_striate_error_is_one_paragraph_and_status_2(
    fails: Callable[[Exception], None],
) -> None:
    fails(OptionError("lr=-1 must be positive. Install striate[torch]."))
    result = CliRunner().invoke(_app.app, ["window"])
    assert result.exit_code == 2
    assert result.stdout == ""
    assert result.stderr == "error: lr=-1 must be positive. Install striate[torch].\n"


@pytest.mark.parametrize(
    ("arguments", "environment"),
    [(["--debug", "window"], {}), (["window"], {"STRIATE_DEBUG": "1"})],
)
def test_debug_raises_the_error_itself(
    fails: Callable[[Exception], None], arguments: list[str], environment: dict[str, str]
) -> None:
    error = OptionError("lr=-1 must be positive.")
    fails(error)
    result = CliRunner().invoke(_app.app, arguments, env=environment)
    assert result.exception is error


def test_a_bug_keeps_its_traceback(fails: Callable[[Exception], None]) -> None:
    error = ZeroDivisionError("a bug of ours")
    fails(error)
    assert CliRunner().invoke(_app.app, ["window"]).exception is error


def test_python_m_striate_is_the_command() -> None:
    result = subprocess.run(
        [sys.executable, "-m", "striate", "window", "7", "--stride", "3", "--exact"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert (result.returncode, result.stdout) == (2, "")
    assert result.stderr.startswith("error: a window of 3 with stride 3 does not tile 7 pixels")


# A process whose `striate window` first prints "started" and then does what `body` says.
PROCESS = """
    import time
    from striate.cli import main, window
    def work():
        print("started", flush=True)
        {body}
    window.window = work
    main(["window"])
"""


def start(body: str) -> subprocess.Popen[bytes]:
    process = subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(PROCESS.format(body=body))],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    assert process.stdout is not None
    assert process.stdout.readline() == b"started\n"
    return process


@pytest.mark.skipif(os.name == "nt", reason="Windows has no SIGINT for another process")
def test_interrupt_exits_130_without_a_traceback() -> None:
    process = start("time.sleep(60)")
    process.send_signal(signal.SIGINT)
    _, stderr = process.communicate(timeout=30)
    assert process.returncode == 130
    assert b"Traceback" not in stderr


@pytest.mark.parametrize("writer", ["print", "import rich; rich.print"])
def test_a_closed_pipe_ends_the_command_quietly(writer: str) -> None:
    *imports, write = writer.split("; ")
    setup = "".join(f"{line}; " for line in imports)
    process = start(f"{setup}[{write}('line', i) for i in range(100_000)]")
    assert process.stdout is not None
    assert process.stderr is not None
    process.stdout.close()
    stderr = process.stderr.read()
    process.stderr.close()
    assert process.wait(timeout=30) == 1
    assert stderr == b""
