"""The loss of a classifier, and its gradient."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from ...errors import OptionError, ShapeError
from .._backward import Backward
from .._operation import Array, Operation, register
from .._types import TensorType


@dataclass(frozen=True)
class _Loss(Operation):
    """What the loss and its gradient share."""

    label_smoothing: float = 0.0

    slots: ClassVar[tuple[str, ...]] = ("logits", "labels")

    def check(self, logits: TensorType, labels: TensorType) -> None:
        if logits.rank != 2 or labels.shape != logits.shape[:1] or 0 in logits.shape:
            raise ShapeError(
                f"logits {logits} and labels {labels} were given; (N, K) numbers and N labels from "
                f"0 to K - 1 are needed.",
                subject=self.kind,
            )

    def targets(self, logits: Array, labels: Array) -> Array:
        """How much of each image's weight each class has."""
        check_labels(labels, logits.shape[1])
        smooth = self.label_smoothing
        share = np.full(logits.shape, smooth / logits.shape[1], logits.dtype)
        share[np.arange(len(labels)), labels.astype(np.int64)] += 1 - smooth
        return share


def check_labels(labels: Array, classes: int) -> None:
    """Refuse labels that are no classes; the native loss of such is NaN.

    Raises:
        OptionError: One is not a whole number from 0 to classes - 1.
    """
    wrong = ~((labels >= 0) & (labels < classes) & (labels == np.floor(labels)))
    if wrong.any():
        i = int(np.argmax(wrong))
        raise OptionError(
            f"labels[{i}] is {labels[i]}; with {classes} classes labels are whole numbers from 0 "
            f"to {classes - 1}."
        )


@register
@dataclass(frozen=True)
class CrossEntropy(_Loss):
    """The mean over images of -sum over k of target[k] * log(softmax(logits)[k]).

    target is 1 for the label and 0 for other classes, mixed with 1/K for all by `label_smoothing`:
    torch.nn.functional.cross_entropy's, without its `ignore_index`.

    Args:
        label_smoothing: Share of the weight that all classes get, from 0 to 1.
    Shape:
        logits (N, K), labels (N): the loss ().
    """

    kind = "cross_entropy"

    def infer(self, logits: TensorType, labels: TensorType) -> tuple[TensorType]:
        self.check(logits, labels)
        return (TensorType((), logits.dtype),)

    def evaluate(self, logits: Array, labels: Array) -> tuple[Array]:
        share = self.targets(logits, labels)
        losses = -np.where(share > 0, _log_softmax(logits), 0) * share
        return (np.asarray(losses.sum(1).mean(), logits.dtype),)

    def gradient(self, back: Backward, number: int) -> str | None:
        if number != 0:
            return None
        return back.add(CrossEntropyGradient(self.label_smoothing), *back.inputs, back.gy)


@register
@dataclass(frozen=True)
class CrossEntropyGradient(_Loss):
    """The gradient of `CrossEntropy` for the logits: gy * (softmax(logits) - target) / N.

    Args:
        label_smoothing: The loss's.
    Shape:
        logits (N, K), labels (N), gy (): like logits.
    """

    kind = "cross_entropy_gradient"
    slots = ("logits", "labels", "gy")

    def infer(self, logits: TensorType, labels: TensorType, gy: TensorType) -> tuple[TensorType]:
        self.check(logits, labels)
        return (logits,)

    def evaluate(self, logits: Array, labels: Array, gy: Array) -> tuple[Array]:
        share = self.targets(logits, labels)
        return ((np.exp(_log_softmax(logits)) - share) * (gy / len(labels)),)


def _log_softmax(logits: Array) -> Array:
    shifted = logits - logits.max(1, keepdims=True)
    return np.asarray(shifted - np.log(np.exp(shifted).sum(1, keepdims=True)))
