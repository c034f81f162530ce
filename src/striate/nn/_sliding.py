"""Layers of a flat head as layers on maps: what `convolutionalize` puts in their places."""

from __future__ import annotations

from copy import deepcopy

from torch import Tensor, nn

from . import _conv, _layer_norm, _norm, _pool


def conv_of_linear(weight: Tensor, bias: Tensor | None, sizes: tuple[int, ...]) -> nn.Module:
    """Make the convolution whose filters are a linear layer's rows, laid out over the map again.

    Args:
        weight: (out_features, in_features), in_features = channels * prod(sizes).
        sizes: The map that was flattened: the size of the filters.
    """
    kind = (_conv.Conv1d, _conv.Conv2d, _conv.Conv3d)[len(sizes) - 1]
    filters = weight.detach().reshape(len(weight), -1, *sizes)
    # Without skip_init random weights would be drawn, for nothing and from the user's generator.
    conv: nn.Module = nn.utils.skip_init(
        kind,
        filters.shape[1],
        len(weight),
        sizes,
        bias=bias is not None,
        device=weight.device,
        dtype=weight.dtype,
    )
    conv.weight = nn.Parameter(filters, weight.requires_grad)
    if bias is not None:
        conv.bias = nn.Parameter(bias.detach(), bias.requires_grad)
    return conv


def batch_norm_of_maps(layer: nn.BatchNorm1d, ndim: int) -> nn.Module:
    """Make the batch norm that does at each place of a map what BatchNorm1d does to features."""
    return _as(layer, (_norm.BatchNorm1d, _norm.BatchNorm2d, _norm.BatchNorm3d)[ndim - 1])


def layer_norm_of_maps(layer: nn.LayerNorm, ndim: int) -> nn.Module:
    """Make the layer norm that does at each place of a map what LayerNorm does to features."""
    kinds = (_layer_norm.LayerNorm1d, _layer_norm.LayerNorm2d, _layer_norm.LayerNorm3d)
    return _as(layer, kinds[ndim - 1])


def _as(layer: nn.Module, kind: type[nn.Module]) -> nn.Module:
    # They differ in nothing but the axes that forward normalises over: all state stays.
    made = deepcopy(layer)
    made.__class__ = kind
    return made


def pool_of_windows(kind: str, kernel_size: tuple[int, ...], stride: tuple[int, ...]) -> nn.Module:
    """Make the pooling ('avg' or 'max') that slides where an adaptive or global one does not."""
    kinds = {
        "avg": (_pool.AvgPool1d, _pool.AvgPool2d, _pool.AvgPool3d),
        "max": (_pool.MaxPool1d, _pool.MaxPool2d, _pool.MaxPool3d),
    }
    pool: nn.Module = kinds[kind][len(kernel_size) - 1](kernel_size, stride)
    return pool


def sliding_axis(n: int, outputs: int) -> tuple[int, int] | None:
    """Find the size and stride of the window that pools an axis of n into so many, if one does."""
    if outputs == 1:
        return n, 1
    return (n // outputs, n // outputs) if n % outputs == 0 else None
