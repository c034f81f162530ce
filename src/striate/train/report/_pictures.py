"""Small pictures as data URIs: inputs, filters, feature maps."""

from __future__ import annotations

import base64
import io

import numpy as np
import torch
from markupsafe import Markup, escape
from numpy.typing import NDArray
from torch import Tensor

from ...data._batches import to_unit
from ._charts import waveform

# A diverging map for signed values, safe for the colour-blind: blue - white - orange; and a
# sequential one for maps: dark blue - green - yellow. Each row is a colour at equal steps.
_DIVERGING = ((33, 84, 153), (120, 170, 214), (247, 247, 247), (240, 163, 94), (178, 73, 10))
_SEQUENTIAL = ((18, 20, 58), (38, 81, 128), (42, 145, 134), (125, 200, 98), (250, 231, 85))


def show_input(raw: Tensor, label: str) -> Markup:
    """Show one raw input: a picture, a waveform, or the middle slice of a volume."""
    values = to_unit(raw[None])[0]
    if values.dim() == 2:
        return waveform(values[0].tolist(), label)
    if values.dim() == 4:
        values = values[:, values.shape[1] // 2]
    if values.shape[0] not in (1, 3):
        values = values[:1]
    low, high = float(values.min()), float(values.max())
    if low < 0 or high > 1:
        values = (values - low) / ((high - low) or 1)
    pixels = values.clamp(0, 1).mul(255).byte().permute(1, 2, 0).squeeze(2)
    return _picture(pixels.numpy(), label)


def show_filter(weight: Tensor, limit: float, label: str) -> Markup:
    """Show one filter (C, ...): colours for three channels, else the mean over them, signed.

    Args:
        limit: The magnitude at both ends of the scale.
    """
    if weight.dim() == 2:
        return waveform(weight.mean(0).tolist(), label, limit=limit)
    if weight.dim() == 4:
        weight = weight[:, weight.shape[1] // 2]
    if weight.shape[0] == 3:
        pixels = (weight / (2 * limit) + 0.5).clamp(0, 1).mul(255).byte()
        return _picture(pixels.permute(1, 2, 0).numpy(), label)
    return _picture(_coloured(weight.mean(0) / (2 * limit) + 0.5, _DIVERGING), label)


def show_map(feature_map: Tensor, limit: float, label: str) -> Markup:
    """Show one channel of a feature map, from the layer's lowest value to its highest."""
    if feature_map.dim() == 1:
        return waveform(feature_map.tolist(), label, limit=limit)
    if feature_map.dim() == 3:
        feature_map = feature_map[feature_map.shape[0] // 2]
    return _picture(_coloured(feature_map / limit, _SEQUENTIAL), label)


def _coloured(unit: Tensor, colours: tuple[tuple[int, int, int], ...]) -> NDArray[np.uint8]:
    table = torch.tensor(colours, dtype=torch.float32)
    place = unit.float().clamp(0, 1) * (len(table) - 1)
    below = place.floor().long().clamp(max=len(table) - 2)
    part = (place - below).unsqueeze(-1)
    mixed = table[below] * (1 - part) + table[below + 1] * part
    return mixed.round().byte().numpy()


def _picture(pixels: NDArray[np.uint8], label: str) -> Markup:
    from PIL import Image

    file = io.BytesIO()
    image = Image.fromarray(pixels)
    image.thumbnail((128, 128))
    image.save(file, "PNG", optimize=True)
    data = base64.b64encode(file.getvalue()).decode()
    return Markup(  # noqa: S704 - the label is escaped
        f'<img src="data:image/png;base64,{data}" alt="{escape(label)}">'
    )
