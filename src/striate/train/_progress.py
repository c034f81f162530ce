"""Telling a person how training goes: a live bar in a terminal, plain lines elsewhere."""

from __future__ import annotations

import time
from typing import Any, Self

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn


class Silent:
    """Say nothing: what the processes other than the first use, and tests."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def say(self, text: str) -> None:
        """Print a line."""

    def start(self, steps: int, done: int) -> None:
        """Begin with this many steps in all, of which some are done."""

    def step(self, epoch: int, loss: float, accuracy: float, samples: int) -> None:
        """Show one step: its epoch, the epoch's running means, the samples it took."""

    def epoch(self, entry: dict[str, Any], epochs: int) -> None:
        """Show the end of an epoch."""


class Reporter(Silent):
    """Show progress on the console."""

    def __init__(self, console: Console | None = None) -> None:
        self.console = console or Console()
        self._bar: Progress | None = None
        self._since, self._samples = time.monotonic(), 0

    def __exit__(self, *_: object) -> None:
        if self._bar is not None:
            self._bar.stop()

    def say(self, text: str) -> None:
        """Print a line above the bar."""
        self.console.print(text, highlight=False, soft_wrap=True)

    def start(self, steps: int, done: int) -> None:
        """Put up the bar, if there is a terminal to draw it on."""
        if not self.console.is_terminal:
            return
        self._bar = Progress(
            TextColumn("epoch {task.fields[epoch]}"),
            BarColumn(bar_width=None),
            MofNCompleteColumn(),
            TextColumn("{task.fields[text]}"),
            TimeRemainingColumn(),
            console=self.console,
            transient=True,
        )
        self._task = self._bar.add_task("", total=steps, completed=done, epoch=1, text="")
        self._bar.start()

    def step(self, epoch: int, loss: float, accuracy: float, samples: int) -> None:
        """Move the bar on, with the epoch's loss and accuracy and the rate."""
        if self._bar is None:
            return
        self._samples += samples
        rate = self._samples / max(time.monotonic() - self._since, 1e-9)
        text = f"loss {loss:.4f}  accuracy {accuracy:.2%}  {rate:,.0f}/s"
        self._bar.update(self._task, advance=1, epoch=epoch, text=text)

    def epoch(self, entry: dict[str, Any], epochs: int) -> None:
        """Print the line of an epoch."""
        words = [
            f"epoch {entry['epoch']:>{len(str(epochs))}}/{epochs}",
            f"loss {entry['train_loss']:.4f}",
            f"train {entry['train_accuracy']:.2%}",
        ]
        if "val_accuracy" in entry:
            words.append(f"validation {entry['val_accuracy']:.2%}")
        words += [f"test {entry['test_accuracy']:.2%}", f"{entry['images_per_s']:,.0f}/s"]
        self.say("  ".join(words))
