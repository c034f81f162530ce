"""`striate predict`: what a trained net says of files."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from ..train import Prediction


def predict(
    run: Annotated[Path, typer.Argument(help="Folder of a run.", show_default=False)],
    files: Annotated[
        list[str],
        typer.Argument(help="Files or folders; - reads paths from stdin.", show_default=False),
    ],
    top: Annotated[int, typer.Option(min=1, help="Classes to name for each file.")] = 3,
    format: Annotated[
        str | None,
        typer.Option(
            help="table, json or csv; by default a table on a terminal, else csv.",
            show_default=False,
        ),
    ] = None,
    batch_size: Annotated[int, typer.Option(min=1, help="Files at once.")] = 64,
    device: Annotated[str, typer.Option(help="auto, cpu, cuda or cuda:1.")] = "auto",
    net: Annotated[
        str | None,
        typer.Option(
            help="For a run of your own net: package.module:function or file.py:function.",
            show_default=False,
        ),
    ] = None,
) -> None:
    """Label pictures or sounds with a run's net, with probabilities.

    A file that cannot be read is named on stderr, the others go on, and the exit status is 1.
    """
    from ..errors import OptionError
    from ..train import Run
    from ..train import predict as run_net
    from ._console import printable

    writers = {"table": _write_table, "json": _write_json, "csv": _write_csv}
    form = format or ("table" if sys.stdout.isatty() else "csv")
    if form not in writers:
        raise OptionError(f"predict: --format {format} is not one of {', '.join(writers)}.")
    options = {"top": top, "batch_size": batch_size}
    predictions = list(run_net(Run.open(run), _paths(files), device=device, net=net, **options))
    writers[form]([one for one in predictions if one.error is None])
    broken = [one for one in predictions if one.error is not None]
    for one in broken:
        typer.echo(printable(f"error: {one.error}"), err=True)
    if not predictions:
        raise OptionError("predict: stdin named no files.")
    if broken:
        raise typer.Exit(1)


def _paths(files: list[str]) -> Iterator[str]:
    for file in files:
        if file == "-":
            yield from (line for line in typer.get_text_stream("stdin").read().splitlines() if line)
        else:
            yield file


def _write_table(predictions: list[Prediction]) -> None:
    from ._console import console, table

    ranks = max((len(one.labels) for one in predictions), default=0)
    rows = [
        [one.path, *(cell for name, share in one.labels for cell in (name, f"{share:.1%}"))]
        for one in predictions
    ]
    if rows:
        head = ["file", *["label", "probability"] * ranks]
        console().print(table(head, rows, right=range(2, 2 * ranks + 1, 2)))


def _write_json(predictions: list[Prediction]) -> None:
    import json

    rows = [
        {
            "file": one.path,
            "labels": [{"label": name, "probability": share} for name, share in one.labels],
        }
        for one in predictions
    ]
    typer.echo(json.dumps(rows, indent=1))


def _write_csv(predictions: list[Prediction]) -> None:
    import csv
    import io

    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["file", "rank", "label", "probability"])
    for one in predictions:
        for rank, (name, share) in enumerate(one.labels, 1):
            writer.writerow([one.path, rank, name, f"{share:.6f}"])
    # A file's name may hold bytes that are no text; they come out as they went in.
    typer.echo(text.getvalue().encode("utf-8", "surrogateescape"), nl=False)
