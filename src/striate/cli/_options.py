"""Options of commands that have many: in panels of the help, which shows no defaults."""

from __future__ import annotations

from typing import Any

import typer


def option(help: str, panel: str, *names: str, **more: Any) -> Any:
    """Declare an option.

    Args:
        help: What it is.
        panel: The part of the help that lists it.
        names: Where they are other than the parameter's.
        more: What `typer.Option` takes.
    """
    return typer.Option(*names, help=help, rich_help_panel=panel, show_default=False, **more)
