"""Stopping a run in good order: Ctrl-C and SIGTERM ask first, and interrupt the second time."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType


class Interrupted(KeyboardInterrupt):
    """A run that was stopped by Ctrl-C or SIGTERM, after it had written a checkpoint.

    Attributes:
        path: The run's folder, to go on with.
    """

    def __init__(self, path: Path) -> None:
        super().__init__(f"stopped; go on with: striate train --resume {path}")
        self.path = path


@contextmanager
def signals(ask: Callable[[], None]) -> Iterator[None]:
    """Let the first Ctrl-C or SIGTERM ask, and the second interrupt."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    wanted = (signal.SIGINT, signal.SIGTERM)
    before = {number: signal.getsignal(number) for number in wanted}

    def handle(number: int, frame: FrameType | None) -> None:
        for each in wanted:
            signal.signal(each, signal.default_int_handler)
        ask()

    for number in wanted:
        signal.signal(number, handle)
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
