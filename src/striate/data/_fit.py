"""From the size that data have to the size that a net takes.

Channels first: grey is repeated for colour; colour becomes grey by the luma of ITU-R BT.601,
0.299 R + 0.587 G + 0.114 B, the weights Pillow uses. Then the axes:

    the same size             kept
    up to a quarter larger    padded with zeros on all sides (MNIST's 28x28 in LeNet-5's 32x32)
    anything else             resized (bilinear, averaging when it shrinks) to cover the target,
                              and cropped at the centre

A signal has a time scale, so it is padded or cropped and never resized.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor

from ..errors import ShapeError

LUMA = (0.299, 0.587, 0.114)
# The same in 1/65536, as Pillow rounds it, so that a file and a tensor give the same grey.
_LUMA_FIXED = (19595, 38470, 7471)

Mode = Literal["keep", "pad", "resize"]


def fit(inputs: Tensor, shape: Sequence[int]) -> Tensor:
    """Give a batch the channels and the size `shape`; the type stays.

    Shape:
        inputs (N, C, ...), output (N, *shape).
    Raises:
        ShapeError: The numbers of axes differ, or the channels cannot be converted.
    Example:
        >>> import torch
        >>> fit(torch.ones(2, 1, 28, 28), (3, 32, 32)).shape
        torch.Size([2, 3, 32, 32])
    """
    mode = fit_mode(tuple(inputs.shape[1:]), shape)
    inputs = convert_channels(inputs, shape[0])
    if mode == "resize":
        inputs = _cover(inputs, shape[1:])
    return _centre(inputs, shape[1:])


def fit_mode(source: Sequence[int], target: Sequence[int]) -> Mode:
    """Say what `fit` does to inputs of shape `source`, channels aside.

    Raises:
        ShapeError: An image cannot become a signal, nor a signal a volume.
    Example:
        >>> fit_mode((1, 28, 28), (1, 32, 32)), fit_mode((1, 8, 8), (1, 32, 32))
        ('pad', 'resize')
    """
    if len(source) != len(target):
        raise ShapeError(
            f"data of shape {tuple(source)} do not fit a net that takes {tuple(target)}: "
            f"(C, L) is a signal, (C, H, W) an image, (C, D, H, W) a volume. "
            f"Choose a net for {len(source) - 1}D data."
        )
    pairs = list(zip(source[1:], target[1:], strict=True))
    if all(n == m for n, m in pairs):
        return "keep"
    if len(pairs) == 1 or all(n <= m <= 1.25 * n for n, m in pairs):
        return "pad"
    return "resize"


def convert_channels(inputs: Tensor, channels: int) -> Tensor:
    """Repeat grey for colour, or weigh colour to grey.

    Raises:
        ShapeError: Other than 1 -> n and 3 -> 1 there is no rule.
    """
    have = inputs.shape[1]
    if have == channels:
        return inputs
    if have == 1:
        return inputs.expand(-1, channels, *inputs.shape[2:]).contiguous()
    if have == 3 and channels == 1:
        return _luma(inputs)
    raise ShapeError(
        f"data with {have} channels do not fit a net that takes {channels}: grey can be repeated, "
        f"and red, green, blue can become grey. Build the net with in_channels={have}."
    )


def _luma(inputs: Tensor) -> Tensor:
    if inputs.dtype == torch.uint8:
        red, green, blue = (
            inputs[:, i : i + 1].to(torch.int32) * w for i, w in enumerate(_LUMA_FIXED)
        )
        return ((red + green + blue + 0x8000) >> 16).to(torch.uint8)
    red, green, blue = (inputs[:, i : i + 1] * w for i, w in enumerate(LUMA))
    return red + green + blue


def _cover(inputs: Tensor, size: Sequence[int]) -> Tensor:
    """Resize so that the target is just covered, with the proportions kept."""
    old = inputs.shape[2:]
    scale = max(m / n for n, m in zip(old, size, strict=True))
    new = [max(m, math.floor(n * scale + 0.5)) for n, m in zip(old, size, strict=True)]
    planar = len(new) == 2
    resized = F.interpolate(
        inputs.float(),
        new,
        mode="bilinear" if planar else "trilinear",
        align_corners=False,
        antialias=planar,
    )
    if inputs.dtype == torch.uint8:
        return resized.round_().clamp_(0, 255).to(torch.uint8)
    return resized


def _centre(inputs: Tensor, size: Sequence[int]) -> Tensor:
    """Pad with zeros or crop, equally on both sides; an odd pixel goes to the end."""
    pads: list[int] = []
    for n, m in zip(reversed(inputs.shape[2:]), reversed(size), strict=True):
        before = (m - n) // 2 if m >= n else -((n - m) // 2)
        pads += [before, m - n - before]
    return F.pad(inputs, pads) if any(pads) else inputs
