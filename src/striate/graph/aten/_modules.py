"""Modules that are one operation, though torch sees several calls in them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from torch import fx, nn

from ...functional._axes import windows as windows_of
from ...window import Window
from .. import ops
from .._operation import Operation
from ._names import Place, stack


@dataclass(frozen=True)
class Whole:
    """What a module becomes: one operation, which reads the module's input and these weights."""

    op: Operation
    weights: tuple[str, ...] = ()


def _subsample(layer: Any) -> Whole:
    axes = windows_of("Subsample2d", 2, layer.kernel_size, layer.stride, layer.padding)
    return Whole(ops.Subsample(tuple(axes)), ("weight", "bias"))


def _table_conv(layer: Any) -> Whole:
    axes = windows_of(
        "TableConv2d", 2, layer.kernel_size, layer.stride, layer.padding, layer.dilation
    )
    weights = ("weight", "bias") if layer.bias is not None else ("weight",)
    return Whole(ops.Conv(tuple(axes), table=layer.table), weights)


def _rbf(layer: Any) -> Whole:
    return Whole(ops.RBF(), ("prototypes",))


def _windows_of(layer: Any, dilation: Any = 1) -> tuple[Window, ...]:
    axes = int(type(layer).__name__[-2])
    ceil_mode = getattr(layer, "ceil_mode", False)
    arguments = (layer.kernel_size, layer.stride, layer.padding, dilation, ceil_mode)
    return windows_of(type(layer).__name__, axes, *arguments)


def _conv(layer: Any) -> Whole | None:
    if layer.padding_mode != "zeros" or layer.flip:
        return None
    weights = ("weight", "bias") if layer.bias is not None else ("weight",)
    return Whole(ops.Conv(_windows_of(layer, layer.dilation), layer.groups), weights)


def _max_pool(layer: Any) -> Whole | None:
    return None if layer.return_indices else Whole(ops.MaxPool(_windows_of(layer, layer.dilation)))


def _avg_pool(layer: Any) -> Whole:
    options = (layer.count_include_pad, layer.divisor_override)
    return Whole(ops.AvgPool(_windows_of(layer), *options))


def _stochastic_depth(layer: Any) -> Whole | None:
    if getattr(layer, "mode", "row") != "row":
        return None  # it drops the whole batch together
    return Whole(ops.Dropout(layer.p, "sample", layer.training))


WHOLES: dict[str, Callable[[nn.Module], Whole | None]] = {
    "striate.nn._lenet.Subsample2d": _subsample,
    "striate.nn._lenet.TableConv2d": _table_conv,
    "striate.nn._lenet.RBF": _rbf,
    "striate.zoo.convnext.StochasticDepth": _stochastic_depth,
    "torchvision.ops.stochastic_depth.StochasticDepth": _stochastic_depth,
    **{f"striate.nn._conv.Conv{axes}d": _conv for axes in (1, 2, 3)},
    **{f"striate.nn._pool.MaxPool{axes}d": _max_pool for axes in (1, 2, 3)},
    **{f"striate.nn._pool.AvgPool{axes}d": _avg_pool for axes in (1, 2, 3)},
}
"""By the class's full name; None is a layer that these options make more than one operation."""


def whole_of(node: fx.Node) -> Place | None:
    """The call of such a module that a traced call belongs to, if it does."""
    return next((place for place in stack(node) if place.qualified in WHOLES), None)
