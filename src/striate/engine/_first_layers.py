"""What the kernels for first layers take, which read plain input: an estimate."""

from __future__ import annotations

from typing import Any

WINOGRAD_FIRST = (
    "winograd4_3x3_1", "winograd4_5x5_2", "winograd4_7x7_2", "winograd4_7x7_4", "winograd4_11x11_4",
)  # fmt: skip
"""Those of csrc/conv/kernels/first_winograd.cpp; `first` computes what they do."""

_OUTPUTS = 4  # of a tile, along an axis

# What takes as long as so many multiply-adds with so many lanes, measured layer by layer
# (docs/performance.md): a number of a transformed channel of a group of tiles, and a product of one
# output channel.
_NUMBER, _PRODUCT = {8: 25, 16: 24}, {8: 5.5, 16: 12.4}

_GROUP = {8: 6, 16: 14}  # tiles: kGroup in csrc/conv/kernels/first_winograd.hpp

# A GEMM of fewer tiles, and two vectors of channels, waits for its sums.
_FEWEST_TILES = 4


def first_layer_work(kernel: str, attributes: dict[str, Any], lanes: int) -> tuple[float, float]:
    """Operations of a first layer's GEMMs, and what its transforms take, in operations.

    Args:
        kernel: `first` or one of `WINOGRAD_FIRST`.
        lanes: Of a vector: output channels are computed in so many, tiles transformed.
    Example:
        >>> stem = {"batch": 1, "in_channels": 3, "out_channels": 64,
        ...         "kernel": [1, 7, 7], "stride": [1, 2, 2], "out": [1, 112, 112]}
        >>> first_layer_work("first", stem, 8)  # 2 x 12544 pixels x 147 terms x 64 channels
        (236027904.0, 0.0)
        >>> gemm, transforms = first_layer_work("winograd4_7x7_2", stem, 8)
        >>> gemm  # 2 x 784 tiles x 169 x 3 x 64: 4.6 times fewer
        50878464.0
    """
    depth, taps = attributes["kernel"][:2]
    stride, (planes, height, width) = attributes["stride"][1], attributes["out"]
    channels = attributes["in_channels"]
    outputs = lanes * -(-attributes["out_channels"] // lanes)
    planes *= attributes["batch"]
    if kernel == "first":
        return 2.0 * planes * height * width * depth * taps * taps * channels * outputs, 0.0
    # As csrc/conv/kernels/winograd_phases.hpp has them.
    finite = _OUTPUTS + -(-taps // stride) - 2
    numbers = (finite * stride + (taps - 1) % stride + 1) ** 2 * channels
    rows, columns = planes * -(-height // _OUTPUTS), -(-width // _OUTPUTS)
    groups = -(-columns // _GROUP[lanes])
    gemm = depth * numbers * outputs * max(columns, _FEWEST_TILES * groups)
    transforms = _NUMBER[lanes] * lanes * numbers * groups
    transforms += _PRODUCT[lanes] * (finite + 1) ** 2 * outputs * columns
    return 2.0 * rows * gemm, 2.0 * rows * transforms
