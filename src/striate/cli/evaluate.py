"""`striate evaluate`: how well a trained net does on data."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from ..train import Outcome


def evaluate(
    run: Annotated[Path, typer.Argument(help="Folder of a run.", show_default=False)],
    data: Annotated[
        str | None,
        typer.Option(
            help="A data set, as for `striate train`; default: the run's own.", show_default=False
        ),
    ] = None,
    data_dir: Annotated[
        str | None, typer.Option(help="Folder of the data set's files.", show_default=False)
    ] = None,
    part: Annotated[str, typer.Option(help="test, train, validation or all.")] = "test",
    batch_size: Annotated[int, typer.Option(min=1, help="Samples at once.")] = 256,
    device: Annotated[str, typer.Option(help="auto, cpu, cuda or cuda:1.")] = "auto",
    net: Annotated[
        str | None,
        typer.Option(
            help="For a run of your own net: package.module:function or file.py:function.",
            show_default=False,
        ),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Measure loss and accuracy of a run's net, in all and class by class.

    The data's classes are matched with the net's by their names.
    """
    from ..train import Run, score_run

    outcome = score_run(
        Run.open(run),
        data,
        data_dir=data_dir,
        part=part,
        batch_size=batch_size,
        device=device,
        net=net,
    )
    if as_json:
        _write_json(outcome)
    else:
        _write_table(outcome)


def _write_json(outcome: Outcome) -> None:
    import dataclasses
    import json

    score = outcome.score
    whole = {
        "data": outcome.data,
        "part": outcome.part,
        "samples": score.samples,
        "loss": outcome.loss,
        "accuracy": score.accuracy,
        "classes": [dataclasses.asdict(one) for one in score.per_class],
        "confusion": score.confusion.tolist(),
    }
    typer.echo(json.dumps(whole, indent=1))


def _write_table(outcome: Outcome) -> None:
    from ._console import console, table

    score = outcome.score
    rows = [
        [one.name, f"{one.samples:,}", *map(_share, (one.precision, one.recall, one.f1))]
        for one in score.per_class
    ]
    low, high = score.interval()
    printer = console()
    head = ["class", "samples", "precision", "recall", "F1"]
    printer.print(table(head, rows, right=range(1, 5)))
    present = sum(one.samples > 0 for one in score.per_class)
    if present < len(score.classes):
        printer.print(f"\nThe data hold {present} of the net's {len(score.classes)} classes.")
    printer.print(
        f"\naccuracy {score.accuracy:.2%} of {score.samples:,} samples ({outcome.part}), "
        f"95 % interval {low:.2%} to {high:.2%}; loss {outcome.loss:.4f}",
        soft_wrap=True,
    )


def _share(value: float | None) -> str:
    return "-" if value is None else f"{value:.1%}"
