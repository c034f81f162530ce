"""`striate runs`: list training runs, and compare some."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer


def runs(
    paths: Annotated[
        list[Path] | None,
        typer.Argument(help="The folder of all runs (default: runs), or two or more runs"),
    ] = None,
    sort: Annotated[
        str, typer.Option(help="name, status, net, data, epochs, test_accuracy or seconds")
    ] = "name",
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON")] = False,
) -> None:
    """List the runs of a folder, or lay two or more runs side by side."""
    import dataclasses
    import json

    from ..train._runs import compare, list_runs, sort_runs

    given = paths or [Path("runs")]
    if len(given) > 1:
        names, rows = [path.name for path in given], compare(given)
        if as_json:
            columns = {n: {k: v[i] for k, v in rows} for i, n in enumerate(names)}
            typer.echo(json.dumps(columns, indent=1))
        else:
            _print(["", *names], [[name, *map(_text, values)] for name, values in rows])
        return
    found = sort_runs(list_runs(given[0]), sort)
    if as_json:
        typer.echo(json.dumps([dataclasses.asdict(run) for run in found], indent=1))
        return
    head = ["run", "net", "data", "epochs", "test accuracy", "seconds", "status"]
    _print(
        head,
        [
            [
                r.name,
                r.net,
                r.data,
                str(r.epochs),
                _share(r.test_accuracy),
                f"{r.seconds:.0f}",
                r.status,
            ]
            for r in found
        ],
    )
    for run in found:
        if run.problem:
            typer.echo(f"{run.name}: {run.problem}", err=True)


def _print(head: list[str], rows: list[list[str]]) -> None:
    from rich.table import Table
    from rich.text import Text

    from ._console import console

    table = Table(*head, box=None)
    for row in rows:
        table.add_row(*(Text(cell) for cell in row))
    console().print(table)


def _share(value: float | None) -> str:
    return "-" if value is None else f"{value:.2%}"


def _text(value: Any) -> str:
    if value is None:
        return "-"
    return f"{value:.6g}" if isinstance(value, float) else str(value)
