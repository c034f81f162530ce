"""A bar on the terminal for what takes a while; nothing where nobody watches."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager


@contextmanager
def track(what: str, total: int, *, in_bytes: bool = False) -> Iterator[Callable[[int], None]]:
    """Show how far a piece of work is, if standard error is a terminal.

    Args:
        what: The words before the bar.
        total: Steps, or bytes, that make the whole; 0 if that is not known.
    Returns:
        A function to call with each further number of steps or bytes.
    """
    if not sys.stderr.isatty():
        yield lambda steps: None
        return
    from rich import progress
    from rich.console import Console

    amount = progress.DownloadColumn() if in_bytes else progress.MofNCompleteColumn()
    columns = ("{task.description}", progress.BarColumn(), amount, progress.TimeRemainingColumn())
    # Transient: what stays on the screen is what the command says, not how it got there.
    with progress.Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task(what, total=total or None)
        yield lambda steps: bar.advance(task, steps)
