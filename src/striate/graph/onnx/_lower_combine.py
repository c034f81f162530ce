"""Values put together, taken apart and padded."""

from __future__ import annotations

from typing import Any, cast

import numpy as np

from ...errors import GraphError
from .._sizes import Size
from ..ops import Concat, Gather, Pad, Select, Slice, Split
from ._call import Call
from ._table import lowers
from ._values import UnsupportedError, Value

_FAR = 1 << 30
"""Ends from here on mean `the end`, in whatever integer type an exporter used."""


@lowers("Concat")
def concat(call: Call) -> Value:
    """Join values."""
    if not call.has("axis") or not len(call):
        raise GraphError("it needs inputs and an axis.")
    return call.add(Concat(call.attr("axis")), *(call.data(k) for k in range(len(call))))


@lowers("Split")
def split(call: Call) -> list[Value]:
    """Cut a value into pieces, equal ones unless told."""
    pieces, axis = len(call.reads), call.attr("axis", 0)
    sizes = call.sizes(1, "split")
    if sizes is not None and len(sizes) != pieces:
        raise GraphError(f"{len(sizes)} sizes for {pieces} outputs.")
    op = Split(axis, sizes) if sizes is not None else Split(axis, None, pieces)
    names = call.add_many(op, call.data(0), outputs=pieces)
    return list(names)


@lowers("Slice")
def slice_(call: Call) -> Value:
    """Cut a piece out along each axis named."""
    starts, ends = call.sizes(1, "starts"), call.sizes(2, "ends")
    if starts is None or ends is None:
        raise GraphError("it needs starts and ends.")
    axes = call.axes(3)
    axes = tuple(range(len(starts))) if axes is None else axes
    steps = call.sizes(4, "steps") or (1,) * len(starts)
    if not len(starts) == len(ends) == len(axes) == len(steps):
        raise GraphError("starts, ends, axes and steps must be equally many.")
    value: Value = call.data(0)
    for axis, start, end, step in zip(axes, starts, ends, steps, strict=True):
        if isinstance(step, Size):
            raise UnsupportedError("its steps are computed")
        if step == 0:
            raise GraphError("a step of 0.")
        if step > 0 and isinstance(start, int) and start <= -_FAR:
            start = 0
        if step > 0 and isinstance(end, int) and end >= _FAR:
            end = None
        if (start, end, step) != (0, None, 1):
            value = call.add(Slice(axis, start, end, step), cast("str", value))
    return value


@lowers("Gather")
def gather(call: Call) -> Value:
    """Look positions up along an axis; a single one takes the axis out."""
    axis, index = call.attr("axis", 0), call.numbers(1)
    if index is not None and index.ndim == 0:
        return call.add(Select(axis, cast("int | Size", index[()])), call.data(0))
    return call.add(Gather(axis), call.data(0), call.data(1))


@lowers("GatherElements")
def gather_elements(call: Call) -> Value:
    """Look positions up element by element."""
    return call.add(Gather(call.attr("axis", 0), True), call.data(0), call.data(1))


_MODES = {"constant": "constant", "reflect": "reflect", "edge": "replicate", "wrap": "circular"}


@lowers("Pad")
def pad(call: Call) -> Value:
    """Add pixels around."""
    rank = call.type(0).rank
    mode: Any = _MODES.get(call.attr("mode", "constant"))
    if mode is None:
        raise GraphError(f"its mode {call.attr('mode')!r} is not known.")
    both = call.sizes(1, "pads")
    axes = call.axes(3)
    axes = tuple(range(rank)) if axes is None else tuple(axis % rank for axis in axes)
    if both is None or len(both) != 2 * len(axes):
        raise GraphError(f"its pads {both} must be two for each of {len(axes)} axes.")
    pads: list[tuple[Any, Any]] = [(0, 0)] * rank
    for k, axis in enumerate(axes):
        pads[axis] = (both[k], both[k + len(axes)])
    value = call.attr("value", 0.0) if call.opset < 11 else 0.0
    if call.given(2):
        value = call.scalar(2)
        if value is None:
            raise UnsupportedError("it pads with a computed number")
    if np.isnan(value):
        raise UnsupportedError("it pads with what is not a number")
    return call.add(Pad(tuple(pads), mode, float(value)), call.data(0))
