"""The console that commands print tables on."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.console import Console

_FILE_WIDTH = 1000


def console() -> Console:
    """Make a console as wide as the terminal; into a file or a pipe, nothing is cut or folded."""
    from rich.console import Console

    made = Console(highlight=False)
    return made if made.is_terminal else Console(highlight=False, width=_FILE_WIDTH)
