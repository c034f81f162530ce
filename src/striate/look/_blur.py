"""Put a BlurPool in the place of every stride: a copy of a network that aliases less."""

from __future__ import annotations

import copy
import warnings
from collections import OrderedDict
from collections.abc import Sequence

import torch
from torch import nn as torch_nn

from .. import nn
from ..errors import OptionError
from ..graph import Along, Graph, Node, capture

_MAX_POOLS = (torch_nn.MaxPool1d, torch_nn.MaxPool2d, torch_nn.MaxPool3d)
_CONVS = (torch_nn.Conv1d, torch_nn.Conv2d, torch_nn.Conv3d)
_OWN_POOLS = (nn.MaxPool1d, nn.MaxPool2d, nn.MaxPool3d)


def blur_strides(
    model: torch_nn.Module, input_shape: Sequence[int], *, kernel_size: int = 3
) -> torch_nn.Module:
    """Copy a network, with strided max poolings and convolutions at stride 1 before a BlurPool.

    A layer `pool` with stride s becomes `pool.layer` with stride 1 and `pool.blur`, a BlurPool with
    stride s. Weights are copied and all maps keep their sizes. The network was not trained so: it
    answers to shifts more evenly, and its accuracy may fall until it is trained on.

    Args:
        model: The network; it stays as it is.
        input_shape: (N, C, ...) of its input.
        kernel_size: Of the blur: 3 is [1, 2, 1] / 4 along each axis.
    Raises:
        OptionError: There is no such layer, or one is used for maps of different channels.
        GraphError, ShapeError: The network cannot be captured, or does not fit.
    Example:
        >>> net = torch.nn.Sequential(torch.nn.Conv2d(1, 4, 3, stride=2), torch.nn.ReLU())
        >>> blurred = blur_strides(net, (1, 1, 9, 9))
        >>> blurred[0].layer.stride, blurred[0].blur.stride, blurred(torch.zeros(1, 1, 9, 9)).shape
        ((1, 1), (2, 2), torch.Size([1, 4, 4, 4]))

    Source: Zhang 2019, "Making convolutional networks shift-invariant again", arXiv:1904.11486,
    section 3.2. There the blur of a convolution stands behind the ReLU that follows; here directly
    behind the convolution, which is the same for the subsampling and needs no look at what follows.
    """
    graph = capture(model, tuple(input_shape))
    made = copy.deepcopy(model)
    strided: dict[torch_nn.Module, list[str]] = {}
    for path, layer in made.named_modules(remove_duplicate=False):
        if _strides(layer):
            strided.setdefault(layer, []).append(path)
    if not strided:
        raise OptionError(
            f"{type(model).__name__} has no max pooling or convolution with a stride above 1 as a "
            f"module: there is no stride to blur."
        )
    for layer, paths in strided.items():
        replaced = _with_blur(layer, _channels(graph, paths), kernel_size)
        for path in paths:
            if not path:
                return replaced
            owner, _, name = path.rpartition(".")
            setattr(made.get_submodule(owner), name, replaced)
    _check(graph, capture(made, tuple(input_shape)))
    return made


def _strides(layer: torch_nn.Module) -> bool:
    if not isinstance(layer, (*_MAX_POOLS, *_CONVS, *_OWN_POOLS)):
        return False
    return max(_each(layer.stride, _axes(layer))) > 1


def _axes(layer: torch_nn.Module) -> int:
    kinds = (*_MAX_POOLS, *_CONVS, *_OWN_POOLS)
    return next(place % 3 + 1 for place, kind in enumerate(kinds) if isinstance(layer, kind))


def _each(value: object, count: int) -> tuple[int, ...]:
    return (value,) * count if isinstance(value, int) else tuple(value)  # type: ignore[arg-type]


def _channels(graph: Graph, paths: Sequence[str]) -> int:
    kinds = [graph.types[node.outputs[0]] for node in graph if node.path in paths]
    found = {kind.shape[1] for kind in kinds if kind is not None}
    if len(found) != 1:
        counts = ", ".join(map(str, sorted(found))) or "no"
        raise OptionError(
            f"{paths[0]!r} is used for maps of {counts} channels; "
            f"a BlurPool is for one number. Give each use a layer of its own."
        )
    return found.pop()


def _with_blur(layer: torch_nn.Module, channels: int, kernel_size: int) -> torch_nn.Module:
    axes = _axes(layer)
    stride = _each(layer.stride, axes)
    kind = (nn.BlurPool1d, nn.BlurPool2d, nn.BlurPool3d)[axes - 1]
    weight = next(layer.parameters(), torch.empty(()))
    # Reflection would need a map larger than the blur.
    blur = kind(
        channels, kernel_size, stride, "replicate", device=weight.device, dtype=weight.dtype
    )
    layer.stride = (1,) * axes  # type: ignore[assignment]
    both = torch_nn.Sequential(OrderedDict(layer=layer, blur=blur))
    return both.train(layer.training)


def _check(before: Graph, after: Graph) -> None:
    """Tell of sizes that changed, and of strides that stay."""
    sizes = [[g.types[v] for v in g.outputs] for g in (before, after)]
    if sizes[0] != sizes[1]:
        raise OptionError(
            f"{before.name}: with blurred strides its outputs would have other sizes; a pooling "
            f"with ceil_mode=True cannot be replaced. Use ceil_mode=False."
        )
    kept = [node.name for node in after if node.kind != "avg_pool" and _steps(after, node)]
    if kept:
        warnings.warn(
            f"{before.name}: the strides of {', '.join(kept)} stay: only max poolings and "
            f"convolutions that are modules are replaced.",
            stacklevel=3,
        )


def _steps(graph: Graph, node: Node) -> bool:
    """Whether an operation takes every second number, or fewer, without a blur."""
    made = tuple(kind for kind in graph.output_types(node) if kind is not None)
    if node.kind == "opaque" or node.module.startswith("BlurPool") or not made:
        return False
    reaches = graph.op(node).reach(graph.input_types(node), made)
    ways = [how for reach in reaches for how in reach if isinstance(how, Along)]
    return any(how.window.stride > 1 for how in ways)
