"""All runs of a folder, and what differs between some of them."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..errors import OptionError, RunError, StriateError
from ._run import Run


@dataclass(frozen=True)
class Summary:
    """One line on a run.

    Attributes:
        name: Of its folder.
        status: 'finished', 'stopped' (it can be gone on with) or 'damaged'.
        net, data: What was trained on what.
        epochs: That were done.
        test_accuracy: After the last of them, or of the weights that were chosen.
        seconds: Of training.
        problem: What is damaged.
    """

    name: str
    status: str
    net: str = ""
    data: str = ""
    epochs: int = 0
    test_accuracy: float | None = None
    seconds: float = 0.0
    problem: str = ""


def summarise(path: str | Path) -> Summary:
    """Tell in one line what became of a run; a damaged folder is told as such."""
    path = Path(path)
    try:
        run = Run.open(path)
        epochs, final = run.epochs(), run.final()
    except (StriateError, OSError) as error:
        return Summary(path.name, "damaged", problem=str(error))
    last = final or (epochs[-1] if epochs else {})
    return Summary(
        path.name,
        "finished" if final else "stopped",
        run.config.net,
        run.config.data,
        len(epochs),
        last.get("test_accuracy"),
        sum(entry["seconds"] for entry in epochs),
    )


def list_runs(out: str | Path = "runs") -> list[Summary]:
    """Summarise every run in a folder, in alphabetical order.

    Raises:
        RunError: There is no such folder.
    """
    folder = Path(out)
    if not folder.is_dir():
        raise RunError(f"{folder} is not a folder. `striate train` makes runs in the folder runs.")
    inside = sorted(path for path in folder.iterdir() if path.is_dir())
    return [summarise(path) for path in inside if (path / "config.toml").exists()]


def sort_runs(runs: Sequence[Summary], by: str) -> list[Summary]:
    """Sort summaries by a field; the largest numbers first, runs without one last.

    Raises:
        OptionError: There is no such field.
    """
    fields = [field.name for field in dataclasses.fields(Summary)]
    if by not in fields:
        raise OptionError(f"runs: cannot sort by {by!r}; there are {', '.join(fields)}.")
    known = [run for run in runs if getattr(run, by) is not None]
    rest = [run for run in runs if getattr(run, by) is None]
    numbers = by in ("epochs", "test_accuracy", "seconds")
    return sorted(known, key=lambda run: getattr(run, by), reverse=numbers) + rest


def compare(paths: Sequence[str | Path]) -> list[tuple[str, list[Any]]]:
    """Lay runs side by side: the options that differ, then how they did.

    Returns:
        Rows of a name and one value a run.
    Raises:
        RunError: One of them is not a run.
    """
    runs = [Run.open(path) for path in paths]
    options = [dataclasses.asdict(run.config) for run in runs]
    rows = [
        (name, [each[name] for each in options])
        for name in options[0]
        if name not in ("name", "out") and any(each[name] != options[0][name] for each in options)
    ]
    outcomes = [run.final() or (run.epochs() or [{}])[-1] for run in runs]
    measured = ("parameters", "epochs", "best_epoch", "test_loss", "test_accuracy", "seconds")
    return rows + [(name, [outcome.get(name) for outcome in outcomes]) for name in measured]
