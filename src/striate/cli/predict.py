"""`striate predict`: what a trained net says of files."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from ..train import Prediction


def predict(
    run: Annotated[Path, typer.Argument(help="Folder of a run")],
    files: Annotated[
        list[str], typer.Argument(help="Files or folders; - reads their paths from stdin")
    ],
    top: Annotated[int, typer.Option(min=1, help="Classes to name for each file")] = 3,
    format: Annotated[str, typer.Option(help="table, json or csv")] = "table",
) -> None:
    """Label pictures or sounds with a run's net, with probabilities.

    A file that cannot be read is named on stderr, the others go on, and the exit status is 1.
    """
    from ..errors import OptionError
    from ..train import Run
    from ..train import predict as run_net

    writers = {"table": _write_table, "json": _write_json, "csv": _write_csv}
    if format not in writers:
        raise OptionError(f"predict: --format {format} is not one of {', '.join(writers)}.")
    predictions = list(run_net(Run.open(run), _paths(files), top=top))
    writers[format]([p for p in predictions if p.error is None])
    broken = [p for p in predictions if p.error is not None]
    for prediction in broken:
        typer.echo(f"error: {prediction.error}", err=True)
    if not predictions:
        raise OptionError(f"predict: {' '.join(files)} holds no files of the net's kind.")
    if broken:
        raise typer.Exit(1)


def _paths(files: list[str]) -> Iterator[str]:
    for file in files:
        if file == "-":
            yield from (line for line in typer.get_text_stream("stdin").read().splitlines() if line)
        else:
            yield file


def _write_table(predictions: list[Prediction]) -> None:
    from rich.table import Table
    from rich.text import Text

    from ._console import console

    ranks = max((len(p.labels) for p in predictions), default=0)
    table = Table("file", *(["label", "probability"] * ranks), box=None)
    for prediction in predictions:
        cells = [cell for name, p in prediction.labels for cell in (name, f"{p:.1%}")]
        table.add_row(*(Text(cell) for cell in (prediction.path, *cells)))
    if predictions:
        console().print(table)


def _write_json(predictions: list[Prediction]) -> None:
    import json

    rows = [
        {
            "file": p.path,
            "labels": [{"label": name, "probability": value} for name, value in p.labels],
        }
        for p in predictions
    ]
    typer.echo(json.dumps(rows, indent=1))


def _write_csv(predictions: list[Prediction]) -> None:
    import csv
    import io

    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["file", "rank", "label", "probability"])
    for p in predictions:
        for rank, (name, value) in enumerate(p.labels, 1):
            writer.writerow([p.path, rank, name, f"{value:.6f}"])
    typer.echo(text.getvalue(), nl=False)
