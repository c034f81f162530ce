"""The filters of the first convolution: before and after training."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from torch import Tensor, nn

from ..._flat_filters import flat_filters, kind_of
from .._filter_record import first_convolution
from ._pixels import Floats, Pixels, image, mosaic, signed, to_bytes
from ._svg import Markup, join
from ._waves import taps

MOST = 64
"""Filters shown."""


@dataclass(frozen=True)
class Filters:
    """A drawing of a layer's filters.

    Attributes:
        layer: The layer's path in the net.
        total, shown: How many filters it has, and how many are drawn.
        shape: Of one filter: channels, then sizes.
        limit: The magnitude drawn in full colour, or at the edge: the largest weight.
        kind: 'lines', 'colour' or 'signed'.
        before: Before training; None where that is not known, or drawn into `after`.
        after: After training.
        compared: Whether the weights before training are known.
        strongest: Whether one channel stands for each filter: that with the largest weights.
        slice: Whether a volume's middle slice is drawn.
    """

    layer: str
    total: int
    shown: int
    shape: tuple[int, ...]
    limit: float
    kind: str
    before: Markup | None
    after: Markup
    compared: bool
    strongest: bool
    slice: bool


def first_filters(net: nn.Module, initial: dict[str, Tensor]) -> Filters | None:
    """Draw the first convolution of a net; None if it has none.

    Args:
        net: As trained.
        initial: The weights before training, by their keys.
    """
    found = first_convolution(net)
    if found is None:
        return None
    name, layer = found
    weight, start = layer.weight.detach().float().cpu(), initial.get(f"{name}.weight")
    states: list[Floats] = [weight[:MOST].numpy()]
    if start is not None and start.shape == weight.shape:
        states.append(start[:MOST].float().numpy())
    limit = max(float(np.abs(state).max()) for state in states)
    kind = kind_of(tuple(weight.shape[1:]))
    after, *rest = flat_filters(states)
    before = rest[0] if rest else None
    return Filters(
        layer=name,
        total=len(weight),
        shown=len(after),
        shape=tuple(weight.shape[1:]),
        limit=limit,
        kind=kind,
        before=None if before is None or kind == "lines" else _sheet(before, limit, "before"),
        after=_lines(before, after, limit) if kind == "lines" else _sheet(after, limit, "after"),
        compared=before is not None,
        strongest=kind != "colour" and weight.shape[1] > 1,
        slice=weight.dim() == 5,
    )


def _lines(before: Floats | None, after: Floats, limit: float) -> Markup:
    return join(
        [
            taps(None if before is None else before[i], after[i], limit, f"filter {i + 1}")
            for i in range(len(after))
        ]
    )


def _sheet(weights: Floats, limit: float, when: str) -> Markup:
    """Lay filters out: (O, H, W) signed, or (O, 3, H, W) as colours with grey for 0."""
    sheet = mosaic([tile(w, limit) for w in weights], side=96 if len(weights) <= 16 else 64)
    signs = "filters signed" if weights.ndim == 3 else "filters"
    return image(sheet, f"filters {when} training", signs)


def tile(weight: Floats, limit: float) -> Pixels:
    """Colour one filter: (H, W) signed, or (3, H, W) as colours."""
    if weight.ndim == 2:
        return signed(weight, limit)
    shades = 127.5 * (1 + weight.transpose(1, 2, 0) / (limit or 1.0))
    return to_bytes(shades)
