"""The filters of the first convolution, before and after training."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from torch import Tensor, nn

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
    found = next((item for item in net.named_modules() if isinstance(item[1], _CONV)), None)
    if found is None:
        return None
    name, layer = found
    weight, start = layer.weight.detach().float().cpu(), initial.get(f"{name}.weight")
    states: list[Floats] = [weight[:MOST].numpy()]
    if start is not None and start.shape == weight.shape:
        states.append(start[:MOST].float().numpy())
    limit = max(float(np.abs(state).max()) for state in states)
    kind = "lines" if weight.dim() == 3 else "colour" if weight.shape[1] == 3 else "signed"
    after, *rest = _flattened(states, kind)
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


_CONV = (nn.Conv1d, nn.Conv2d, nn.Conv3d)


def _flattened(states: list[Floats], kind: str) -> list[Floats]:
    """Leave of each filter what a picture can show: a middle slice, and colours or one channel.

    The channel is the one with the largest weights in the first state, and the same in the others.
    """
    if states[0].ndim == 5:
        states = [state[:, :, state.shape[2] // 2] for state in states]
    if kind == "colour":
        return states
    filters, channels = states[0].shape[:2]
    strength = np.abs(states[0]).reshape(filters, channels, -1).sum(2)
    chosen = np.arange(filters), strength.argmax(1)
    return [state[chosen] for state in states]


def _lines(before: Floats | None, after: Floats, limit: float) -> Markup:
    return join(
        [
            taps(None if before is None else before[i], after[i], limit, f"filter {i + 1}")
            for i in range(len(after))
        ]
    )


def _sheet(weights: Floats, limit: float, when: str) -> Markup:
    """Lay filters out: (O, H, W) signed, or (O, 3, H, W) as colours with grey for 0."""
    sheet = mosaic([_tile(w, limit) for w in weights], side=96 if len(weights) <= 16 else 64)
    signs = "filters signed" if weights.ndim == 3 else "filters"
    return image(sheet, f"filters {when} training", signs)


def _tile(weight: Floats, limit: float) -> Pixels:
    if weight.ndim == 2:
        return signed(weight, limit)
    shades = 127.5 * (1 + weight.transpose(1, 2, 0) / (limit or 1.0))
    return to_bytes(shades)
