"""`striate evaluate`: how well a trained net does on data."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from torch import Tensor

    from ..train._score import Score


def evaluate(
    run: Annotated[Path, typer.Argument(help="Folder of a run")],
    data: Annotated[
        str | None, typer.Option(help="A data set, as of `striate train`; default: the run's own")
    ] = None,
    data_dir: Annotated[str | None, typer.Option(help="Folder of the data set's files")] = None,
    part: Annotated[str, typer.Option(help="test or train")] = "test",
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON")] = False,
) -> None:
    """Measure loss and accuracy of a run's net, in all and class by class.

    The classes of the data are matched with the net's by their names.
    """
    from ..data import load
    from ..errors import OptionError
    from ..train import Run
    from ..train import evaluate as measure
    from ..train._score import Score

    opened = Run.open(run)
    config, preprocess = opened.config, opened.preprocess
    loaded = load(
        data or config.data,
        data_dir=data_dir or (config.data_dir if data is None else None),
        input_shape=preprocess.input_shape,
        workers=config.workers,
    )
    parts = {"test": loaded.test, "train": loaded.train}
    if part not in parts:
        raise OptionError(f"evaluate: --part {part} is neither test nor train.")
    chosen = parts[part]
    net_class = _matching(loaded.classes, opened.classes)
    from ..data import Batches

    # Normalised as the net was trained, whatever these data's own mean is.
    batches = Batches(chosen, 256, mean=preprocess.mean, std=preprocess.std)
    outcome = measure(opened.model(), batches)
    labels = net_class[outcome.labels]
    score = Score.of(labels, outcome.logits.argmax(1), opened.classes)
    import torch

    loss = torch.nn.functional.cross_entropy(outcome.logits.double(), labels).item()
    _tell(score, loss, as_json)


def _matching(theirs: tuple[str, ...], nets: tuple[str, ...]) -> Tensor:
    """Give the net's number of each of the data's classes."""
    import torch

    from ..errors import DataError

    if missing := [name for name in theirs if name not in nets]:
        raise DataError(
            f"evaluate: the data have classes that the net does not know: {', '.join(missing)}. "
            f"The net's are {', '.join(nets)}; the data's are {', '.join(theirs)}."
        )
    return torch.tensor([nets.index(name) for name in theirs])


def _tell(score: Score, loss: float, as_json: bool) -> None:
    import dataclasses
    import json

    from rich.table import Table
    from rich.text import Text

    from ._console import console

    rows: list[dict[str, Any]] = [dataclasses.asdict(each) for each in score.per_class]
    if as_json:
        whole = {"samples": score.samples, "loss": loss, "accuracy": score.accuracy}
        typer.echo(json.dumps({**whole, "classes": rows}, indent=1))
        return
    table = Table("class", "samples", "precision", "recall", "F1", box=None)
    for row in rows:
        shares = ("-" if row[k] is None else f"{row[k]:.1%}" for k in ("precision", "recall", "f1"))
        table.add_row(Text(row["name"]), f"{row['samples']:,}", *shares)
    console().print(table)
    low, high = score.interval()
    console().print(
        f"\naccuracy {score.accuracy:.2%} of {score.samples:,} samples "
        f"(95 % interval {low:.2%} .. {high:.2%}), loss {loss:.4f}"
    )
