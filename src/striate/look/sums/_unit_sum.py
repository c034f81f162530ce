"""The sum of any unit: the table of the kinds of layers that have one."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from ...errors import OptionError
from .._subject import Activations
from . import _matrix, _pointwise, _reducing, _sliding
from ._terms import Unit
from ._terms import UnitSum as UnitSum

MOVES = (
    "flatten", "reshape", "permute", "squeeze", "unsqueeze", "expand", "tile", "roll", "flip",
    "concat", "stack", "split", "slice", "select", "pad", "gather", "pixel_shuffle",
    "pixel_unshuffle", "channel_shuffle", "dropout", "cast",
)  # fmt: skip
"""Kinds that only put numbers elsewhere."""

SUMS: dict[str, Callable[[Unit], UnitSum | None]] = {
    "conv": _sliding.conv,
    "conv_transpose": _sliding.conv_transpose,
    "max_pool": _sliding.max_pool,
    "avg_pool": _sliding.avg_pool,
    "subsample": _sliding.subsample,
    "adaptive_pool": _sliding.adaptive_pool,
    "resize": _sliding.resize,
    "lp_pool": _sliding.lp_pool,
    "linear": _matrix.linear,
    "matmul": _matrix.matmul,
    "einsum": _matrix.einsum,
    "attention": _matrix.attention,
    "reduce": _reducing.reduce,
    "softmax": _reducing.softmax,
    "cumsum": _reducing.cumsum,
    "rbf": _pointwise.rbf,
    "batch_norm": _pointwise.batch_norm,
    "layer_norm": _pointwise.layer_norm,
    "group_norm": _pointwise.group_norm,
    "local_response_norm": _pointwise.local_response_norm,
    "activation": _pointwise.activation,
    "prelu": _pointwise.prelu,
    "binary": _pointwise.binary,
    "where": _pointwise.where,
    **dict.fromkeys(MOVES, _pointwise.moved),
}
"""By kind; of others, and of some cases of these, `why_no_sum` tells why they make none."""

REASONS = {
    "fill": "a constant, which reads nothing",
    "opaque": "an operation that Striate does not know",
    "batch_norm": "normalised by the statistics of this batch, as in training",
    "reduce": "made of all numbers of some axes, but no sum of them",
}
"""Why a layer of a kind makes no sum."""


def why_no_sum(kind: str) -> str:
    """Say why `unit_sum` gives none for a layer of a kind."""
    return REASONS.get(kind, "no sum of products of what it reads")


def unit_sum(run: Activations, layer: str, index: Sequence[int]) -> UnitSum | None:
    """Write a unit's value as the sum of all it reads times its weights.

    Args:
        run: All values of one input.
        layer: Whose unit.
        index: Where it lies in the layer's output without the batch: (channel, y, x) of a 2D map,
            (feature,) of a vector.
    Returns:
        The sum, or None for a layer that makes none.
    Raises:
        OptionError: There is no such layer or unit.
    Example:
        >>> import numpy as np
        >>> from striate.look import open_subject
        >>> run = open_subject("lenet5").run(np.ones((1, 32, 32)))
        >>> found = unit_sum(run, "c3", (2, 4, 4))
        >>> len(found), abs(found.total - found.value) < 1e-5
        (150, True)
    """
    maps = run[layer]
    if len(index) != maps.ndim or not all(
        0 <= i < n for i, n in zip(index, maps.shape, strict=False)
    ):
        shown = "x".join(map(str, maps.shape))
        raise OptionError(f"{layer}: there is no unit {tuple(index)}; its output is {shown}.")
    unit = Unit(run, run.subject.graph[layer], tuple(int(i) for i in index))
    find = SUMS.get(unit.node.kind)
    return None if find is None else find(unit)
