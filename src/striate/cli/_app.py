"""The frame of the command line: the table of commands, and how errors end one.

To add a command `name`, write `cli/name.py` and put its name into COMMANDS. The module holds either

- a function `name`, annotated for typer: its docstring is the help, its parameters the options;
- or, where the command has commands of its own, a `typer.Typer` called `app`.

`striate --help` imports all these modules, `striate name` only its own. So a module imports nothing
but typer and the standard library at its top; torch, rich and the rest come inside the function.
What a user did wrong is raised as a StriateError; the frame prints it and exits with status 2.
"""

from __future__ import annotations

import warnings
from collections import UserDict
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import cache
from importlib import import_module
from typing import Annotated, Any, TextIO

import typer
from typer.core import TyperGroup

from ..errors import StriateError

COMMANDS = (
    "train",
    "predict",
    "evaluate",
    "runs",
    "inspect",
    "look",
    "compile",
    "run",
    "zoo",
    "data",
    "filter",
    "calc",
    "window",
    "info",
)
"""The commands, in the order the help lists them."""


class _Commands(UserDict[str, Any]):
    """The commands by name, each loaded when it is asked for."""

    def __getitem__(self, name: str) -> Any:
        return _load(self.data[name])


@cache
def _load(name: str) -> Any:
    module = import_module(f".{name}", __package__)
    app = getattr(module, "app", None)
    if app is None:
        app = typer.Typer(add_completion=False)
        app.command(name)(getattr(module, name))
    command = typer.main.get_command(app)
    command.name = name
    return command


class _Group(TyperGroup):
    """The commands of the table; a StriateError or Ctrl-C ends one without a traceback."""

    def __init__(self, **settings: Any) -> None:
        super().__init__(**settings)
        self.commands = _Commands(zip(COMMANDS, COMMANDS, strict=True))

    def invoke(self, ctx: Any) -> Any:
        try:
            with _warnings_in_words():
                return super().invoke(ctx)
        except StriateError as error:
            if ctx.params["debug"]:
                raise
            _tell("error", "red", error)
            raise typer.Exit(2) from None
        except KeyboardInterrupt:
            raise typer.Exit(130) from None


@contextmanager
def _warnings_in_words() -> Iterator[None]:
    """Print Striate's own warnings without the line of code they come from."""
    show = warnings.showwarning

    def show_in_words(
        message: Warning | str,
        category: type[Warning],
        filename: str,
        lineno: int,
        file: TextIO | None = None,
        line: str | None = None,
    ) -> None:
        if category is UserWarning:
            _tell("warning", "yellow", message)
        else:
            show(message, category, filename, lineno, file, line)

    with warnings.catch_warnings():
        warnings.showwarning = show_in_words
        yield


def _tell(what: str, colour: str, message: Exception | str) -> None:
    from rich.console import Console
    from rich.text import Text

    console = Console(stderr=True)
    text = Text(f"{what}: ", style=f"bold {colour}")
    text.append(str(message), style=f"not bold {colour}")
    console.print(text, soft_wrap=not console.is_terminal)  # whole lines for grep


def _print_version(wanted: bool) -> None:
    if wanted:
        from .. import __version__

        typer.echo(f"striate {__version__}")
        raise typer.Exit()


app = typer.Typer(
    cls=_Group,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


@app.callback()
def _striate(
    debug: Annotated[
        bool, typer.Option("--debug", envvar="STRIATE_DEBUG", help="Show errors as tracebacks.")
    ] = False,
    version: Annotated[
        bool,
        typer.Option(
            "--version", callback=_print_version, is_eager=True, help="Print the version and exit."
        ),
    ] = False,
) -> None:
    """Design, train, look into and ship convolutional networks."""


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line and exit with its status.

    0 is success, 1 a failure, 2 a StriateError or wrong usage, 130 an interrupt by Ctrl-C.

    Args:
        arguments: What stands behind `striate`; by default the process's own.
    """
    app(args=arguments)
