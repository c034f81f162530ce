"""The first convolution's filters, epoch by epoch: how they came to be what they are."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from ..errors import RunError
from ._checkpoint import load_tensors, save_tensors

FILE = "filters.safetensors"

MOST_EPOCHS = 40
"""Epochs kept, besides the start and the newest; of longer runs every second, fourth, ... one."""

MOST_FILTERS, MOST_CHANNELS = 64, 16
"""Filters kept, and channels of each, the first ones: of ResNet-18, 37 KB an epoch."""

Convolution = nn.Conv1d | nn.Conv2d | nn.Conv3d


def first_convolution(net: nn.Module) -> tuple[str, Convolution] | None:
    """Find the convolution that a net lists first, and its path."""
    for path, layer in net.named_modules():
        if isinstance(layer, Convolution):
            return path, layer
    return None


@dataclass(frozen=True)
class Course:
    """Some filters at some epochs, as a picture shows them.

    Attributes:
        epochs: In order.
        filters: Their numbers in the layer.
        weights: (filters, epochs, I / groups, ...).
    """

    epochs: tuple[int, ...]
    filters: tuple[int, ...]
    weights: NDArray[Any]


@dataclass
class FilterRecord:
    """Filters of a layer at several epochs.

    Attributes:
        layer: Its path in the net.
        epochs: Weights (O, I / groups, ...) by epoch, in order; 0 is before training. Of a run
            that keeps a moving average they are the average's, as they are what is used.
    """

    layer: str
    epochs: dict[int, Tensor] = field(default_factory=dict)

    def add(self, epoch: int, weights: dict[str, Tensor]) -> None:
        """Keep an epoch, and thin the earlier ones out.

        What is kept depends on the epoch alone, not on where the run was stopped in between.

        Args:
            epoch: How many have ended.
            weights: Of the net, by their keys.
        """
        weight = weights[f"{self.layer}.weight"][:MOST_FILTERS, :MOST_CHANNELS]
        self.epochs[epoch] = weight.detach().float().cpu().clone()
        gap = 1
        while epoch // gap > MOST_EPOCHS:
            gap *= 2
        self.epochs = {e: w for e, w in self.epochs.items() if e % gap == 0 or e == epoch}

    def course(self, most_epochs: int, most_filters: int) -> Course:
        """Choose what a picture shows: the filters that changed most, and early epochs closely.

        Args:
            most_epochs: Of them the first and the last, and others at equal steps of a logarithm.
            most_filters: By the distance between the first and the last, in the layer's order.
        """
        known = list(self.epochs)
        steps = torch.linspace(0, math.log1p(known[-1]), min(most_epochs, len(known))).expm1()
        if len(known) > most_epochs:
            known = sorted({min(known, key=lambda e: abs(e - float(at))) for at in steps})
        weights = torch.stack([self.epochs[e] for e in known], 1)
        moved = (weights[:, -1] - weights[:, 0]).flatten(1).norm(dim=1)
        filters = moved.argsort(descending=True, stable=True)[:most_filters].sort().values
        return Course(tuple(known), tuple(filters.tolist()), weights[filters].numpy())

    def save(self, folder: Path) -> None:
        """Write the record into a run's folder; an earlier one stays until this is whole.

        Raises:
            RunError: It cannot be written.
        """
        tensors = {str(epoch): weight for epoch, weight in self.epochs.items()}
        save_tensors(folder / FILE, {"": tensors}, {"layer": self.layer})


def start_record(net: nn.Module) -> FilterRecord | None:
    """Begin an empty record of a net; None if it has no convolution that learns."""
    found = first_convolution(net)
    if found is None or f"{found[0]}.weight" not in net.state_dict():
        return None
    return FilterRecord(found[0])


def resume_record(net: nn.Module, folder: Path, epoch: int) -> FilterRecord | None:
    """Give a net's record up to an epoch, from which its run goes on.

    Raises:
        RunError: It is damaged.
    """
    started, saved = start_record(net), load_record(folder)
    if started and saved and saved.layer == started.layer:
        started.epochs = {e: w for e, w in saved.epochs.items() if e <= epoch}
    return started


def load_record(folder: Path) -> FilterRecord | None:
    """Read what `FilterRecord.save` wrote; None if there is none.

    Raises:
        RunError: It is damaged.
    """
    path = folder / FILE
    if not path.is_file():
        return None
    try:
        parts, state = load_tensors(path)
        found = {int(key): weight for key, weight in parts[""].items()}
        return FilterRecord(str(state["layer"]), dict(sorted(found.items())))
    except (RunError, KeyError, ValueError) as error:
        raise RunError(
            f"{path} is damaged: {error} Only pictures need it, so it can be removed."
        ) from None
