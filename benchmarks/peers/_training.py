"""What is raced in training: a network, a batch with its labels, and the loss's gradients."""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ._task import Task, write_input, write_network

if TYPE_CHECKING:
    from torch import nn

LEARNING_RATE, MOMENTUM = 1e-6, 0.9
"""So small a rate leaves the weights as they are: however many steps are timed, the loss does not
fall to where gradients are denormal numbers, which processors compute slowly."""

TOLERANCE = 3e-2
"""Largest difference of a gradient, as a share of its Euclidean length. A ReLU or a pooling whose
inputs are equal but for rounding decides otherwise than in float64, which a gradient over few
places feels: torch itself is off by 5e-4 in ResNet-18 and by 9e-3 in MobileNetV2, batch 32."""

IS_ZERO = 1e-9
"""A gradient is left out whose largest magnitude is this share of the largest of all: that of a
bias in front of a batch norm is zero but for rounding."""


class TrainingTask(Task):
    """A folder with one network in training mode, one batch, and loss and gradients in float64."""

    @property
    def tolerance(self) -> float:
        """Largest error of who takes part."""
        return TOLERANCE

    @property
    def labels(self) -> Any:
        """A class for each image, int64."""
        return np.load(self.folder / "labels.npy")

    @property
    def parameters(self) -> list[str]:
        """Names of what has a gradient, in order."""
        with np.load(self.folder / "gradients.npz") as file:  # the names alone
            return [name for name in file.files if name != "loss"]

    @property
    def reference(self) -> Any:
        """What `flatten` makes of torch's loss and gradients in float64."""
        return flatten(list(self._references.values()))

    @property
    def _references(self) -> Mapping[str, Any]:
        with np.load(self.folder / "gradients.npz") as file:
            return {name: file[name] for name in file.files}

    def flatten(self, loss: Any, gradients: Mapping[str, Any]) -> Any:
        """What an engine computed, as one array.

        Args:
            loss: The mean over the batch.
            gradients: Arrays by the names of `parameters`, in torch's layouts.
        """
        return flatten([np.asarray(loss), *(np.asarray(gradients[n]) for n in self.parameters)])

    def error(self, output: Any) -> float:
        """Largest Euclidean distance of an array from the reference, as a share of its length."""
        references = self._references
        stops = np.cumsum([array.size for array in references.values()])
        least = IS_ZERO * max(abs(array).max() for array in references.values())
        parts = zip(np.split(output, stops[:-1]), references.values(), strict=True)
        told = [(found, array.ravel()) for found, array in parts if abs(array).max() > least]
        length = np.linalg.norm
        return max(float(length(a - b) / length(b)) for a, b in told)


def flatten(arrays: Sequence[Any]) -> Any:
    """Put arrays behind one another."""
    return np.concatenate([array.ravel() for array in arrays])


def write_training(module: nn.Module, shape: Sequence[int], folder: Path) -> TrainingTask:
    """Write a network for all engines, and the loss and the gradients of its first step.

    Args:
        module: Gives logits, and draws nothing: without dropout and stochastic depth.
        shape: Of the batch.
        folder: Where to.
    """
    import torch
    from torch.nn import functional as F

    task = TrainingTask(folder)
    x = write_input(task, shape)
    reference = copy.deepcopy(module).double().train()
    logits = reference(torch.from_numpy(x).double())
    labels = np.random.default_rng(seed=1).integers(0, logits.shape[1], shape[0])
    np.save(folder / "labels.npy", labels)
    loss = F.cross_entropy(logits, torch.from_numpy(labels))
    loss.backward()
    gradients = {name: p.grad.numpy() for name, p in reference.named_parameters()}
    np.savez(folder / "gradients.npz", loss=loss.detach().numpy(), **gradients)
    write_network(task, module.train(), shape)
    return task
