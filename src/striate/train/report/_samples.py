"""Samples of the data as people see them, and the guesses that are worth a look."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import PurePosixPath

import torch
from torch import Tensor

from ...data import Dataset
from ._pixels import Pixels, image, shrink, to_bytes
from ._svg import Markup
from ._waves import waveform

LARGEST = 96
"""Pixels of a picture's longer side; larger ones are averaged down."""


@dataclass(frozen=True)
class Guess:
    """A class that the net considered for a sample.

    Attributes:
        word: What it is to the sample: 'is', 'called', or 'or' for the runner-up.
        name: The class.
        probability: What the net gave it.
    """

    word: str
    name: str
    probability: float


@dataclass(frozen=True)
class Card:
    """A sample with the net's guesses.

    Attributes:
        picture: The sample, drawn.
        name: Its file, or its number.
        guesses: Its true class, and what it was called; if that is the same, the runner-up.
    """

    picture: Markup
    name: str
    guesses: list[Guess]

    @property
    def file(self) -> str:
        """The name without folders."""
        return PurePosixPath(self.name).name


def cards(dataset: Dataset, probabilities: Tensor, chosen: list[int]) -> list[Card]:
    """Make the cards of the samples at `chosen`.

    Args:
        dataset: The test part.
        probabilities: (N, classes), in its order.
        chosen: Numbers of samples.
    """
    return [_card(dataset, probabilities[i], i) for i in chosen]


def _card(dataset: Dataset, probabilities: Tensor, i: int) -> Card:
    label, order = int(dataset.labels[i]), probabilities.argsort(descending=True).tolist()
    if order[0] != label:
        considered = [("is", label), ("called", order[0])]
    else:
        considered = [("is", label), *(("or", other) for other in order[1:2])]
    names, name = dataset.classes, dataset.name_of(i)
    return Card(
        draw(dataset.fetch([i])[0], f"{name}, of class {names[label]}"),
        name,
        [Guess(word, names[k], float(probabilities[k])) for word, k in considered],
    )


def worst(labels: Tensor, probabilities: Tensor, most: int) -> list[int]:
    """Choose the mistakes in which the true class got least, the worst first."""
    of_label = _of(labels, probabilities)
    wrong = (probabilities.argmax(1) != labels).nonzero().flatten()
    order: list[int] = wrong[of_label[wrong].argsort(stable=True)][:most].tolist()
    return order


def narrowest(labels: Tensor, probabilities: Tensor, most: int) -> list[int]:
    """Choose the right guesses with the smallest lead over the second, the narrowest first."""
    if probabilities.shape[1] < 2:
        return []
    top = probabilities.topk(2).values
    lead = top[:, 0] - top[:, 1]
    right = (probabilities.argmax(1) == labels).nonzero().flatten()
    order: list[int] = right[lead[right].argsort(stable=True)][:most].tolist()
    return order


def examples(labels: Tensor, probabilities: Tensor) -> list[int]:
    """Choose samples to follow through the layers: two guessed right, and the worst mistake.

    Those guessed right are of two classes, and as sure as the median of all.
    """
    of_label = _of(labels, probabilities)
    right = (probabilities.argmax(1) == labels).nonzero().flatten()
    distance = (of_label[right] - of_label[right].median()).abs() if len(right) else of_label[:0]
    order = right[distance.argsort(stable=True)].tolist()
    other = next((i for i in order if labels[i] != labels[order[0]]), None)
    return [*order[:1], *([] if other is None else [other]), *worst(labels, probabilities, 1)]


def _of(labels: Tensor, probabilities: Tensor) -> Tensor:
    return probabilities.gather(1, labels[:, None]).flatten()


def draw(sample: Tensor, alt: str) -> Markup:
    """Draw one raw sample: a picture, a waveform, or the middle slice of a volume.

    Shape:
        sample (C, L), (C, H, W) or (C, D, H, W), uint8 or float.
    """
    if sample.dim() == 2:
        return waveform(sample.float().numpy(), alt)
    if sample.dim() == 4:
        sample = sample[:, sample.shape[1] // 2]
    return image(_pixels(sample), alt, "sample")


def _pixels(sample: Tensor) -> Pixels:
    """Turn (C, H, W) into grey or colour; other channels than 1 and 3 are averaged to grey."""
    values = sample.float()
    if sample.dtype != torch.uint8:
        low, high = (0.0, 1.0) if values.min() >= 0 and values.max() <= 1 else _range(values)
        values = (values - low) / (high - low) * 255
    if len(values) != 3:
        values = values.mean(0, keepdim=True)
    small = shrink(values.permute(1, 2, 0).numpy(), LARGEST)
    return to_bytes(small if small.shape[2] == 3 else small[..., 0])


def _range(values: Tensor) -> tuple[float, float]:
    low, high = float(values.min()), float(values.max())
    return low, high if high > low else low + 1
