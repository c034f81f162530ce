"""What a trained net says of files."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import torch
from torch import Tensor, nn

from ..data import Preprocess
from ..errors import DataError, OptionError
from ._run import Run
from ._setup import pick_device


@dataclass(frozen=True)
class Prediction:
    """What a net says of one file.

    Attributes:
        path: The file.
        labels: Pairs of a class and its probability, the most probable first.
        error: Why the file could not be read; then there are no labels.
    """

    path: str
    labels: tuple[tuple[str, float], ...] = ()
    error: str | None = None


def predict(
    run: Run,
    paths: Iterable[str | Path],
    *,
    top: int = 3,
    batch_size: int = 64,
    device: str = "auto",
    net: str | None = None,
) -> Iterator[Prediction]:
    """Classify files with a run's net, prepared as its training data were.

    Args:
        run: A finished run.
        paths: Files, and folders, whose files of the net's kind are taken, also in folders below.
        top: Classes to name for each file.
        batch_size: Files that go through the net at once.
        device: 'auto', 'cpu', 'cuda' or 'cuda:1'.
        net: The user's own function that builds the net, see `Run.model`.
    Returns:
        A prediction for each file, in order, as they are made; a file that cannot be read has its
        error instead.
    Raises:
        RunError: The run's weights are absent or damaged, or the net is not one of the zoo.
        OptionError: `top`, `batch_size` or `device` cannot be.
    Example:
        >>> from striate.train import Run, predict
        >>> for prediction in predict(Run.open("runs/mnist-1"), ["seven.png"]):  # doctest: +SKIP
        ...     print(prediction.path, prediction.labels[0])
        seven.png ('7', 0.998)
    """
    for name, value in (("top", top), ("batch_size", batch_size)):
        if value < 1:
            raise OptionError(f"predict: {name}={value} must be 1 or more.")
    place = pick_device(device)
    model, preprocess = run.model(net=net).to(place), run.preprocess
    # Apart, so that what is wrong is told at the call and not at the first prediction.
    return _predictions(model, preprocess, place, run.classes, paths, top, batch_size)


def _predictions(
    net: nn.Module,
    preprocess: Preprocess,
    device: torch.device,
    classes: tuple[str, ...],
    paths: Iterable[str | Path],
    top: int,
    batch_size: int,
) -> Iterator[Prediction]:
    found = _files(paths, preprocess.suffixes)
    while chunk := list(islice(found, batch_size)):
        opened = [_open(item, preprocess) for item in chunk]
        inputs = [item for item in opened if isinstance(item, Tensor)]
        rows = iter(_run(net, torch.stack(inputs).to(device)) if inputs else ())
        for item, input in zip(chunk, opened, strict=True):
            if isinstance(input, Tensor):
                yield Prediction(str(item), _best(next(rows), classes, top))
            else:
                yield input


def _open(item: Path | Prediction, preprocess: Preprocess) -> Tensor | Prediction:
    if isinstance(item, Prediction):
        return item
    try:
        return preprocess.open(item)
    except DataError as error:
        return Prediction(str(item), error=str(error))


@torch.no_grad()
def _run(net: nn.Module, inputs: Tensor) -> Tensor:
    logits: Tensor = net(inputs)
    return logits.flatten(1).float().cpu().softmax(1)


def _best(
    probabilities: Tensor, classes: tuple[str, ...], top: int
) -> tuple[tuple[str, float], ...]:
    values, places = probabilities.topk(min(top, len(classes)))
    pairs = zip(places.tolist(), values.tolist(), strict=True)
    return tuple((classes[place], value) for place, value in pairs)


def _files(paths: Iterable[str | Path], suffixes: tuple[str, ...]) -> Iterator[Path | Prediction]:
    """Go through files and folders; a folder without a file of the kind is an error of its own."""
    for each in paths:
        path = Path(each)
        if not path.is_dir():
            yield path
            continue
        inside = sorted(p for p in path.rglob("*") if p.suffix.lower() in suffixes)
        shown = [p for p in inside if not any(part[0] == "." for part in p.relative_to(path).parts)]
        if not shown:
            kinds = ", ".join(suffixes)
            yield Prediction(str(path), error=f"{path}: the folder holds no file with {kinds}.")
        yield from shown
