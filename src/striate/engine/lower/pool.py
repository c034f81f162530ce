"""Poolings, on blocked maps."""

from __future__ import annotations

from typing import Any

from ...graph.ops import AdaptivePool, AvgPool, MaxPool
from ...window import Window
from .._fuse import Group
from .._values import Map, Storage
from ._lowering import Lowering, NotNative, activation_of, lowers
from ._windows import spatial, window_attributes


@lowers("max_pool", "avg_pool")
def lower_pool(low: Lowering, group: Group) -> None:
    """The largest or the mean of each window."""
    op = low.graph.op(group.node)
    assert isinstance(op, MaxPool | AvgPool)
    x, y = _maps(low, group)
    attributes = {
        **_sizes(x, y),
        "mode": "max" if isinstance(op, MaxPool) else "avg",
        **pool_attributes(op.windows, x.shape[2:]),
        **activation_of(group),
    }
    outputs = [y]
    if isinstance(op, MaxPool) and _is_used(low, group.node.outputs[1:]):
        outputs.append(_places(low, group, y))
        attributes["places"] = True
    if isinstance(op, AvgPool):
        attributes["count_include_pad"] = op.count_include_pad
        if op.divisor is not None:
            attributes["divisor"] = op.divisor
    low.emit(group, "pool", attributes, [x], outputs)
    if len(outputs) > 1:
        low.bytes[group.node.outputs[1]] = outputs[1], y


def _is_used(low: Lowering, values: tuple[str, ...]) -> bool:
    return any(value in low.graph.readers or value in low.graph.outputs for value in values)


def _places(low: Lowering, group: Group, y: Map) -> Map:
    """Room for the number in its window of each maximum, for the gradient."""
    op, name = low.graph.op(group.node), group.node.outputs[1]
    if not isinstance(op, MaxPool) or op.indices or name in low.graph.outputs:
        raise NotNative("its indices are used")
    floats = y.batch * y.image_floats // 4
    return Map(Storage(name, floats), (floats,))


def pool_attributes(windows: tuple[Window, ...], sizes: tuple[int, ...]) -> dict[str, Any]:
    """The arguments of a pooling's windows: also how much padding behind an average counts."""
    concrete = [w.on(n) for w, n in zip(windows, sizes, strict=True)]
    after = spatial(map(_counted_after, windows, concrete), 0)
    return {**window_attributes(windows, sizes), "padding_after": after}


@lowers("adaptive_pool")
def lower_adaptive_pool(low: Lowering, group: Group) -> None:
    """Pooling to a given size: windows of near-equal lengths."""
    op = low.graph.op(group.node)
    assert isinstance(op, AdaptivePool)
    if _is_used(low, group.node.outputs[1:]):
        raise NotNative("its indices are used")
    _adaptive(low, group, "avg" if op.reduction == "mean" else "max")


def pool_whole(low: Lowering, group: Group, function: str, axes: tuple[int, ...]) -> bool:
    """Make a mean or maximum over all places of a blocked map a pooling; False where it is none."""
    value = group.node.inputs[0]
    x = low.blocked_maps.get(value or "")
    if function not in ("mean", "max") or x is None or x.axes is None or x.image_lanes:
        return False
    if sorted(axes) != sorted(x.axes[2:]):
        return False
    y = low.make_pooled(group.output, x, axes)
    attributes = {
        **_sizes(x, y),
        "out": [1, 1, 1],
        "mode": "avg" if function == "mean" else "max",
        "adaptive": True,
    }
    low.emit(group, "pool", attributes, [x], [y])
    return True


def _adaptive(low: Lowering, group: Group, mode: str) -> None:
    x, y = _maps(low, group)
    attributes = {**_sizes(x, y), "mode": mode, "adaptive": True, **activation_of(group)}
    low.emit(group, "pool", attributes, [x], [y])


def _maps(low: Lowering, group: Group) -> tuple[Map, Map]:
    value = group.node.inputs[0]
    assert value is not None
    low.check_floats(value)
    x = low.imaged_or_standard(value)
    return x, low.make_blocked(group.output, x)


def _sizes(x: Map, y: Map) -> dict[str, Any]:
    return {
        "batch": x.batch,
        "channels": x.channels,
        "in": list(x.sizes),
        "out": list(y.sizes),
        "x_batch_stride": x.batch_stride,
        "y_batch_stride": y.batch_stride,
    }


def _counted_after(window: Window, concrete: Window) -> int:
    """Padding behind the last pixel that an average counts: not what ceil mode adds."""
    return int(concrete.after if isinstance(window.padding, str) else window.after)
