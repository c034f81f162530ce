"""Resize, and Upsample before it."""

from __future__ import annotations

from typing import Any, cast

import numpy as np

from ...errors import GraphError
from .._sizes import Size
from ..ops import Resize
from ._call import Call, as_float
from ._table import lowers
from ._values import Constant, Sizes, UnsupportedError, Value, exact

_COORDINATES = frozenset(
    {"half_pixel", "align_corners", "asymmetric", "pytorch_half_pixel", "half_pixel_symmetric"}
)
_MODES = {"nearest": "nearest", "linear": "linear", "bilinear": "linear", "cubic": "cubic"}


@lowers("Resize", "Upsample")
def resize(call: Call) -> Value:
    """Interpolate to given sizes or by given factors, along the axes behind the channels."""
    mode: Any = _MODES.get(call.attr("mode", "nearest"))
    if mode is None:
        raise GraphError(f"its mode {call.attr('mode')!r} is not known.")
    new = call.op_type == "Resize" and call.opset >= 11
    coordinates: Any = call.attr("coordinate_transformation_mode", "half_pixel")
    coordinates = coordinates if new else "asymmetric"
    rounding = call.attr("nearest_mode", "round_prefer_floor") if new else "floor"
    if coordinates not in _COORDINATES:
        raise UnsupportedError(f"its coordinates are {coordinates}")
    if call.attr("antialias", 0) or call.attr("exclude_outside", 0):
        raise UnsupportedError("it is antialiased, or leaves taps outside out")
    if call.attr("keep_aspect_ratio_policy", "stretch") != "stretch":
        raise UnsupportedError("it keeps the ratio of the sides")
    if rounding not in ("floor", "ceil", "round_prefer_floor", "round_prefer_ceil"):
        raise GraphError(f"its nearest_mode {rounding!r} is not known.")
    size, scale = _target(call, new)
    op = Resize(
        size, scale, mode, coordinates, rounding, scale is not None,
        as_float(call.attr("cubic_coeff_a", -0.75)),
    )  # fmt: skip
    return call.add(op, call.data(0))


def _target(call: Call, new: bool) -> tuple[tuple[Any, ...] | None, tuple[float, ...] | None]:
    """Sizes or scales of the axes behind the channels; one of them is None."""
    rank = call.type(0).rank
    axes = call.attr("axes") or tuple(range(rank))
    axes = tuple(axis % rank for axis in axes)
    place = 2 if new else 1
    if new and _present(call, 3):
        sizes = _spread(call.sizes(3), axes, rank, [Size.of(call.data(0), a) for a in range(rank)])
        known = call.type(0).shape[:2]
        if tuple(map(call.builder.number, sizes[:2])) != known:
            raise UnsupportedError("it resizes the batch or the channels")
        return sizes[2:], None
    if call.has("scales"):
        scales: Any = call.attr("scales")
    elif _present(call, place):
        value = call.value(place)
        if not isinstance(value, Constant | Sizes):
            raise UnsupportedError("its scales are computed from the data")
        scales = tuple(value.array.reshape(-1).tolist())
    else:
        raise GraphError("it needs scales or sizes.")
    scales = _spread(scales, axes, rank, [1.0] * rank)
    if any(isinstance(s, Size) for s in scales):
        return _scaled(call, scales), None
    scales = tuple(map(as_float, scales))
    if scales[:2] != (1, 1):
        raise UnsupportedError("it resizes the batch or the channels")
    if not all(0 < s < np.inf for s in scales):
        raise GraphError(f"its scales {scales} must be more than 0.")
    return None, scales[2:]


def _present(call: Call, index: int) -> bool:
    """Whether an input is there and not empty (older exporters give an empty one)."""
    value = call.value(index)
    return value is not None and not (isinstance(value, Constant) and value.array.size == 0)


def _spread(given: Any, axes: tuple[int, ...], rank: int, usual: list[Any]) -> tuple[Any, ...]:
    if given is None or len(given) != len(axes) or rank < 3:
        raise GraphError(f"{given} for {len(axes)} axes of a value with {rank}.")
    result = list(usual)
    for axis, number in zip(axes, given, strict=True):
        result[axis] = number
    return tuple(result)


def _scaled(call: Call, scales: tuple[Any, ...]) -> tuple[Any, ...]:
    data = call.data(0)
    lengths = (
        Size.apply("*", Size.of(data, axis), scale if isinstance(scale, Size) else exact(scale))
        for axis, scale in enumerate(scales)
    )
    return tuple(Size.apply("floor", cast("Any", n)) for n in lengths)[2:]
