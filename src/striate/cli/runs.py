"""`striate runs`: list training runs, and compare some."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from ..train import Summary

_FIELDS = {"accuracy": "test_accuracy", "time": "seconds"}
"""What the table calls some fields."""


def runs(
    paths: Annotated[
        list[Path] | None,
        typer.Argument(
            help="The folder of all runs (default: runs), or two or more runs to compare.",
            show_default=False,
        ),
    ] = None,
    sort: Annotated[
        str, typer.Option(help="By name, status, net, data, epochs, accuracy or time.")
    ] = "name",
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """List the runs of a folder, or lay two or more side by side.

    Runs in the folder runs can be named without it. Damaged ones are told on stderr.
    """
    given = [_find(path) for path in paths or [Path("runs")]]
    if len(given) > 1:
        _compare(given, as_json)
    else:
        _list(given[0], sort, as_json)


def _find(path: Path) -> Path:
    """Take a name that is not there from here for one in the folder runs."""
    inside = Path("runs") / path
    return inside if not path.exists() and inside.exists() else path


def _compare(paths: list[Path], as_json: bool) -> None:
    import json

    from ..train._runs import compare
    from ._console import console, table

    names, rows = [str(path) for path in paths], compare(paths)
    if as_json:
        columns = {path: {name: values[i] for name, values in rows} for i, path in enumerate(names)}
        typer.echo(json.dumps(columns, indent=1))
    else:
        cells = [[name, *(_text(name, value) for value in values)] for name, values in rows]
        console().print(table(["", *(path.name for path in paths)], cells))


def _list(folder: Path, sort: str, as_json: bool) -> None:
    import dataclasses
    import json

    from ..train._runs import list_runs, sort_runs, summarise
    from ._console import console, printable, table

    alone = (folder / "config.toml").exists()
    found = sort_runs([summarise(folder)] if alone else list_runs(folder), _FIELDS.get(sort, sort))
    if as_json:
        typer.echo(json.dumps([dataclasses.asdict(run) for run in found], indent=1))
    elif found:
        head = ["run", "net", "data", "epochs", "accuracy", "time", "status"]
        rows = [_row(run) for run in found if run.status != "damaged"]
        console().print(table(head, rows, right=(3, 4, 5)))
    else:
        typer.echo(f"{folder} holds no runs. `striate train` makes one.", err=True)
    for run in found:
        if run.problem:
            typer.echo(printable(f"{run.status}: {run.problem}"), err=True)


def _row(run: Summary) -> list[str]:
    epochs = f"{run.epochs}" if run.epochs == run.of_epochs else f"{run.epochs} of {run.of_epochs}"
    measures = _text("test_accuracy", run.test_accuracy), _text("seconds", run.seconds)
    return [run.name, run.net, run.data, epochs, *measures, run.status]


def _text(name: str, value: Any) -> str:
    if value is None:
        return "-"
    if name == "test_accuracy":
        return f"{value:.2%}"
    if name == "seconds":
        return f"{value:.1f} s" if value < 60 else f"{value // 60:.0f} min {value % 60:02.0f} s"
    return f"{value:.6g}" if isinstance(value, float) else str(value)
