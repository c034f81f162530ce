"""What the layers make of a few samples."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from ._pixels import Floats, Pixels, framing, image, mosaic, shrink, signed
from ._svg import Markup

LAYERS = 12
"""Layers shown; of more, these many from first to last."""

CHANNELS = 16
"""Channels shown of each map."""

LARGEST = 64
"""Pixels of a map's longer side; larger ones are averaged down."""


@dataclass(frozen=True)
class Maps:
    """One layer's output for each of the samples.

    Attributes:
        layer: The layer's path in the net.
        kind: Its class.
        shape: Of the output for one sample.
        shown: How many channels are drawn, or numbers of a vector.
        limit: The magnitude drawn in full colour, over all samples.
        pictures: One a sample.
    """

    layer: str
    kind: str
    shape: tuple[int, ...]
    shown: int
    limit: float
    pictures: list[Markup]


def feature_maps(net: nn.Module, inputs: Tensor) -> list[Maps]:
    """Run samples through a net and draw what its layers give.

    Args:
        net: In evaluation mode.
        inputs: As the net takes them, (N, C, ...), a few.
    """
    kept = _record(net, inputs)
    if len(kept) > LAYERS:
        kept = [kept[round(i * (len(kept) - 1) / (LAYERS - 1))] for i in range(LAYERS)]
    return [_draw(name, kind, output) for name, kind, output in kept]


def _record(net: nn.Module, inputs: Tensor) -> list[tuple[str, str, Tensor]]:
    """Run the net and keep what its layers give: convolutions, poolings, what follows in shape.

    A map of another origin may have its channels anywhere, so it is left out.
    """
    kept: list[tuple[str, str, Tensor]] = []
    shape: tuple[int, ...] = ()

    def hook(name: str, module: nn.Module, output: Any) -> None:
        nonlocal shape
        kind = type(module).__name__
        if not isinstance(output, Tensor) or len(output) != len(inputs):
            return
        if any(word in kind for word in ("Norm", "Dropout", "Identity", "Flatten", "Permute")):
            return
        if any(word in kind for word in ("Conv", "Pool", "Subsample")):
            shape = tuple(output.shape)
        if output.dim() == 2 or tuple(output.shape) == shape:
            # Copied, as the next layer may write over it.
            kept.append((name, kind, output.detach().float().cpu().clone()))

    handles = [
        module.register_forward_hook(lambda m, _, out, name=name: hook(name, m, out))
        for name, module in net.named_modules()
        if name and not any(True for _ in module.children())
    ]
    try:
        with torch.no_grad():
            net(inputs)
    finally:
        for handle in handles:
            handle.remove()
    return kept


def _draw(name: str, kind: str, output: Tensor) -> Maps:
    maps = output.numpy()
    if maps.ndim == 5:
        maps = maps[:, :, maps.shape[2] // 2]
    if maps.ndim > 2 and maps[0, 0].size == 1:
        maps = maps.reshape(*maps.shape[:2])  # 1x1 maps are a vector
    shown = maps.shape[1] if maps.ndim == 2 else min(CHANNELS, maps.shape[1])
    if maps.ndim == 3:
        maps = maps[:, : 2 * CHANNELS]
        shown = maps.shape[1]
    limit = float(np.abs(np.nan_to_num(maps[:, :shown])).max())
    sheets = [_sheet(sample[:shown], limit) for sample in maps]
    alts = (f"{name} {kind}, sample {i + 1}" for i in range(len(sheets)))
    pictures = [image(sheet, alt, "maps signed") for sheet, alt in zip(sheets, alts, strict=True)]
    return Maps(name, kind, tuple(output.shape[1:]), shown, limit, pictures)


def _sheet(sample: Floats, limit: float) -> Pixels:
    """Draw one sample's output: maps as tiles, signals as rows, a vector as cells."""
    if sample.ndim == 3:
        tiles = [signed(shrink(channel, LARGEST), limit) for channel in sample]
        return mosaic(tiles, side=96)
    if sample.ndim == 2:
        return _rows(sample, limit)
    cells = [signed(np.array([[value]]), limit) for value in sample]
    return mosaic(cells, side=24, columns=_cells_a_row(len(cells)))


def _cells_a_row(cells: int) -> int:
    """Put up to 24 cells in a row, and more so that the picture is about four times as wide."""
    return cells if cells <= 24 else max(24, int(2 * np.sqrt(cells)))


def _rows(sample: Floats, limit: float) -> Pixels:
    """Draw the channels of a signal as rows, its time to the right, each picture as large."""
    height, width = 192, 360
    pieces = np.array_split(sample, min(width, sample.shape[1]), axis=1)
    # Of each stretch of time what is largest in magnitude, so that no peak is lost.
    rows = np.stack([p[np.arange(len(p)), np.abs(p).argmax(1)] for p in pieces], axis=1)
    down = np.arange(height) * rows.shape[0] // height
    right = np.arange(width) * rows.shape[1] // width
    return framing(signed(rows, limit)[down][:, right])
