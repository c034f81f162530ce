"""What a trained net says of files."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import torch
from torch import Tensor

from ..data._image import SUFFIXES as PICTURES
from ..data._wav import SUFFIXES as SOUNDS
from ..errors import DataError
from ._run import Run

_SUFFIXES = {"image": PICTURES, "signal": SOUNDS, "array": (".npy",)}


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
    run: Run, paths: Iterable[str | Path], *, top: int = 3, batch_size: int = 64
) -> Iterator[Prediction]:
    """Classify files with a run's net, prepared as its training data were.

    Args:
        run: A finished run.
        paths: Files, and folders, whose files of the net's kind are taken, also in folders below.
        top: Classes to name for each file.
        batch_size: Files that go through the net at once.
    Returns:
        A prediction for each file, in order; a file that cannot be read has its error instead.
    Raises:
        RunError: The run's weights are absent or damaged.
    Example:
        >>> from striate.train import Run, predict
        >>> for prediction in predict(Run.open("runs/mnist-1"), ["seven.png"]):  # doctest: +SKIP
        ...     print(prediction.path, prediction.labels[0])
        seven.png ('7', 0.998)
    """
    net, preprocess = run.model(), run.preprocess
    remaining = _files(paths, _SUFFIXES[preprocess.kind])
    while chunk := list(islice(remaining, batch_size)):
        opened: list[Tensor | str] = []
        for path in chunk:
            try:
                opened.append(preprocess.open(path))
            except DataError as error:
                opened.append(str(error))
        inputs = [item for item in opened if isinstance(item, Tensor)]
        with torch.no_grad():
            logits = net(torch.stack(inputs)).flatten(1) if inputs else torch.empty(0)
        rows = iter(logits.softmax(1) if inputs else ())
        for path, item in zip(chunk, opened, strict=True):
            if isinstance(item, str):
                yield Prediction(str(path), error=item)
            else:
                yield Prediction(str(path), _best(next(rows), run.classes, top))


def _best(
    probabilities: Tensor, classes: tuple[str, ...], top: int
) -> tuple[tuple[str, float], ...]:
    values, places = probabilities.topk(min(top, len(classes)))
    pairs = zip(places.tolist(), values.tolist(), strict=True)
    return tuple((classes[place], value) for place, value in pairs)


def _files(paths: Iterable[str | Path], suffixes: tuple[str, ...]) -> Iterator[Path]:
    for each in paths:
        path = Path(each)
        if path.is_dir():
            inside = (p for p in path.rglob("*") if p.suffix.lower() in suffixes)
            yield from sorted(inside)
        else:
            yield path
