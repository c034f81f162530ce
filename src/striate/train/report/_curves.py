"""How a run went: loss, accuracy and learning rate over the epochs."""

from __future__ import annotations

import math
from typing import Any

from .._config import Config
from .._optim import lr_factor
from ._axis import Axis, linear, logarithmic, towards_one
from ._chart import Curve, line_chart
from ._svg import Markup

Epochs = list[dict[str, Any]]

_PARTS = (("train", "training"), ("val", "validation"), ("test", "test"))


def loss_chart(epochs: Epochs, kept: int | None) -> Markup:
    """Draw the loss of each part of the data; over a wide range, on a logarithmic axis."""
    curves = _curves(epochs, "loss")
    values = _values(curves)
    title = "Loss (cross-entropy, nats)"
    if min(values) > 0 and max(values) > 12 * min(values):
        y = logarithmic(title, min(values), max(values))
    else:
        y = linear(title, 0, max(values))
    return line_chart(_told("Loss", curves, ".3g"), _epoch_axis(epochs), y, curves, kept)


def accuracy_chart(epochs: Epochs, kept: int | None, samples: int) -> Markup:
    """Draw the accuracy of each part; where it comes near 100 %, stretched there.

    Args:
        epochs: The entries of metrics.jsonl.
        kept: The epoch whose weights were kept, or None if that was the last.
        samples: Of the test part; all of them right is drawn as half a mistake.
    """
    # 1 itself is infinitely far away on the stretched axis.
    highest = 1 - 0.5 / max(samples, 1)
    curves = _curves(epochs, "accuracy")
    values = _values(curves)
    if max(values) > 0.9:
        curves = [
            Curve(c.name, c.class_, [(a, min(b, highest)) for a, b in c.values]) for c in curves
        ]
        top = min(max(values), highest)
        y = towards_one("Accuracy (%, stretched towards 100)", min(values), top)
    else:
        curves = [Curve(c.name, c.class_, [(a, 100 * b) for a, b in c.values]) for c in curves]
        y = linear("Accuracy (%)", 0, 100 * max(values))
    return line_chart(_told("Accuracy", curves, ".4g"), _epoch_axis(epochs), y, curves, kept)


def lr_chart(epochs: Epochs, config: Config) -> Markup:
    """Draw the learning rate, at each step or at 300 places."""
    per_epoch = epochs[0]["step"] // epochs[0]["epoch"]
    total, ran = config.epochs * per_epoch, epochs[-1]["epoch"] * per_epoch
    warmup = round(config.warmup_epochs * per_epoch)
    steps = sorted({round(i * (ran - 1) / 300) for i in range(301)})
    values = [
        (step / per_epoch, config.lr * lr_factor(config.schedule, step, total, warmup))
        for step in steps
    ]
    highest = max(value for _, value in values)
    x = linear("epoch", 0, epochs[-1]["epoch"], whole=True)
    curve = Curve(config.schedule, "rate", values, dots=False)
    alt = f"Learning rate, {config.schedule}, at most {highest:.3g}, over {config.epochs} epochs."
    return line_chart(alt, x, linear("Learning rate", 0, highest), [curve])


def _curves(epochs: Epochs, what: str) -> list[Curve]:
    """Make a curve of each part that was measured; values that are no numbers are left out."""
    curves = []
    for part, name in _PARTS:
        measured = [(entry["epoch"], entry.get(f"{part}_{what}", math.nan)) for entry in epochs]
        if finite := [(epoch, value) for epoch, value in measured if math.isfinite(value)]:
            curves.append(Curve(name, part, finite))
    return curves


def _values(curves: list[Curve]) -> list[float]:
    return [value for curve in curves for _, value in curve.values] or [1.0]


def _epoch_axis(epochs: Epochs) -> Axis:
    return linear("epoch", 0, epochs[-1]["epoch"], whole=True)


def _told(what: str, curves: list[Curve], form: str) -> str:
    ends = "; ".join(
        f"{c.name} {c.values[0][1]:{form}} to {c.values[-1][1]:{form}}" for c in curves
    )
    return f"{what} by epoch: {ends}."
