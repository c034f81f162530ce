"""All runs of a folder, and what differs between some of them."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..errors import OptionError, RunError, StriateError
from ._run import Run

_LARGEST_FIRST = ("epochs", "test_accuracy", "seconds")
# What `compare` shows of a run, and its names in an epoch's entry and in the last.
_MEASURED = {
    "test_accuracy": ("test_accuracy", "test_accuracy"),
    "test_loss": ("test_loss", "test_loss"),
    "epochs_done": ("epoch", "epochs"),
    "best_epoch": ("best_epoch", "best_epoch"),
    "seconds": ("total_seconds", "seconds"),
    "parameters": ("parameters", "parameters"),
}


@dataclass(frozen=True)
class Summary:
    """One line on a run.

    Attributes:
        name: Of its folder.
        status: 'finished'; 'interrupted', and can be gone on with, unless it is running still;
            'failed', and cannot, or not without a change; 'damaged', and cannot be read.
        net, data: What was trained on what.
        epochs, of_epochs: How many were done, and asked for.
        test_accuracy: Of the weights that were kept; of the last epoch if it has not ended.
        seconds: Of training.
        problem: Why it failed, or what is damaged.
    """

    name: str
    status: str
    net: str = ""
    data: str = ""
    epochs: int = 0
    of_epochs: int = 0
    test_accuracy: float | None = None
    seconds: float = 0.0
    problem: str = ""


def summarise(path: str | Path) -> Summary:
    """Tell in one line what became of a run; a damaged folder is told as such."""
    path = Path(path)
    try:
        run = Run.open(path)
        status, problem = _status(run)
        return Summary(
            name=path.name,
            status=status,
            net=run.config.net,
            data=run.config.data,
            epochs=len(run.epochs()),
            of_epochs=run.config.epochs,
            test_accuracy=_outcome(run).get("test_accuracy"),
            seconds=float(sum(entry["seconds"] for entry in run.epochs())),
            problem=problem,
        )
    except (StriateError, OSError) as error:
        where = "" if str(path) in str(error) else f"{path}: "
        return Summary(path.name, "damaged", problem=f"{where}{error}")
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        return Summary(path.name, "damaged", problem=f"{path}: its metrics are damaged: {error!r}.")


def _status(run: Run) -> tuple[str, str]:
    """Give a run's status, and the reason if it failed."""
    if run.final() is not None:
        return "finished", ""
    last = (run.metrics() or [{}])[-1]
    if last.get("kind") == "failed":
        return "failed", str(last["error"])
    if not (run.path / "checkpoint.safetensors").is_file():
        return "failed", f"{run.path} has no checkpoint: it ended before the first was written."
    return "interrupted", ""


def _outcome(run: Run) -> dict[str, Any]:
    """Give what was measured last: at the end, or else in the last epoch."""
    return run.final() or (run.epochs() or [{}])[-1]


def list_runs(out: str | Path = "runs") -> list[Summary]:
    """Summarise every run in a folder, in alphabetical order.

    Raises:
        RunError: There is no such folder, or it cannot be read.
    """
    folder = Path(out)
    try:
        inside = sorted(path for path in folder.iterdir() if path.is_dir())
    except OSError as error:
        raise RunError(
            f"{folder} cannot be read: {error.strerror}. `striate train` makes runs in the folder "
            f"runs; name another with `striate runs FOLDER`."
        ) from None
    return [summarise(path) for path in inside if _is_run(path)]


def _is_run(path: Path) -> bool:
    return (path / "config.toml").exists() or (path / "model.json").exists()


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
    order = sorted(known, key=lambda run: getattr(run, by), reverse=by in _LARGEST_FIRST)
    return order + rest


def compare(paths: Sequence[str | Path]) -> list[tuple[str, list[Any]]]:
    """Lay runs side by side: how they did, then the options that differ.

    Returns:
        Rows of a name and one value a run; None where a run has none.
    Raises:
        RunError: One of them is not a run.
    """
    runs = [Run.open(path) for path in paths]
    outcomes = [_outcome(run) for run in runs]
    rows: list[tuple[str, list[Any]]] = [("status", [_status(run)[0] for run in runs])]
    rows += [(name, [_measured(outcome, name) for outcome in outcomes]) for name in _MEASURED]
    options = [_flat(dataclasses.asdict(run.config)) for run in runs]
    names = dict.fromkeys(name for each in options for name in each)
    for name in names:
        values = [each.get(name) for each in options]
        if name not in ("name", "out") and any(value != values[0] for value in values):
            rows.append((name, values))
    return rows


def _measured(outcome: dict[str, Any], name: str) -> Any:
    """Look a measure up; an epoch's entry calls some of them otherwise than the end's."""
    in_an_epoch, at_the_end = _MEASURED[name]
    return outcome.get(in_an_epoch if outcome.get("kind") == "epoch" else at_the_end)


def _flat(options: dict[str, Any]) -> dict[str, Any]:
    """Give the net's own options names beside the others."""
    own = options.pop("net_options")
    return {**options, **{f"net_options.{name}": value for name, value in own.items()}}
