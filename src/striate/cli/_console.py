"""The console that commands print tables on."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table

_FILE_WIDTH = 1000


def console() -> Console:
    """Make a console as wide as the terminal; into a file or a pipe, nothing is cut or folded."""
    from rich.console import Console

    made = Console(highlight=False)
    return made if made.is_terminal else Console(highlight=False, width=_FILE_WIDTH)


def table(
    head: Sequence[str], rows: Sequence[Sequence[str]], *, right: Sequence[int] = ()
) -> Table:
    """Make a plain table, in which names are shown as they are and cannot steer the terminal.

    Args:
        head: Titles of the columns.
        rows: A text a column each.
        right: Numbers of the columns whose texts end at the right.
    """
    from rich.markup import escape
    from rich.table import Table
    from rich.text import Text

    made = Table(*(escape(printable(title)) for title in head), box=None)
    for row in rows:
        made.add_row(*(Text(printable(cell)) for cell in row))
    for column in right:
        made.columns[column].justify = "right"
    return made


def printable(text: str) -> str:
    """Show control characters, which a terminal would obey, as question marks."""
    return "".join(c if c.isprintable() else "?" for c in text)
