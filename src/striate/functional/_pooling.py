"""How pooling runs over any number of axes: by torch where it can, else on a padded input."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor, fx
from torch.nn import functional as torch_f

from ..errors import ShapeError
from ..window import Window
from ._axes import (
    TORCH_ERRORS,
    Fit,
    PaddingSpec,
    Size,
    check_fit,
    check_rank,
    check_sizes,
    frozen,
    is_plain,
    pad,
    windows,
)

_MAX: dict[int, Any] = {1: torch_f.max_pool1d, 2: torch_f.max_pool2d, 3: torch_f.max_pool3d}
_AVG: dict[int, Any] = {1: torch_f.avg_pool1d, 2: torch_f.avg_pool2d, 3: torch_f.avg_pool3d}
_LP: dict[int, Any] = {1: torch_f.lp_pool1d, 2: torch_f.lp_pool2d, 3: torch_f.lp_pool3d}


def max_pool(
    ndim: int,
    input: Tensor,
    kernel_size: Size,
    stride: Size | None = None,
    padding: PaddingSpec = 0,
    dilation: Size = 1,
    ceil_mode: bool = False,
    return_indices: bool = False,
    *,
    fit: Fit = "floor",
) -> Any:
    """Take the largest value in each window, over `ndim` axes: see `max_pool2d`."""
    subject = f"max_pool{ndim}d"
    axes = _windows(subject, ndim, kernel_size, stride, padding, dilation, ceil_mode)
    if fit == "floor" and _torch_pads(padding, axes):
        options = (kernel_size, stride, _pixels(padding), dilation, ceil_mode, return_indices)
        return _or_explain(lambda: _MAX[ndim](input, *options), input, axes, subject)
    return _max_pool_padded(subject, input, axes, return_indices, fit)


def avg_pool(
    ndim: int,
    input: Tensor,
    kernel_size: Size,
    stride: Size | None = None,
    padding: PaddingSpec = 0,
    ceil_mode: bool = False,
    count_include_pad: bool = True,
    divisor_override: int | None = None,
    *,
    fit: Fit = "floor",
) -> Tensor:
    """Average each window, over `ndim` axes: see `avg_pool2d`."""
    subject = f"avg_pool{ndim}d"
    axes = _windows(subject, ndim, kernel_size, stride, padding, 1, ceil_mode)
    if fit == "floor" and _torch_pads(padding, axes):
        options = [kernel_size, stride, _pixels(padding), ceil_mode, count_include_pad]
        options += [divisor_override] if ndim > 1 else []  # torch's avg_pool1d has none
        pooled: Tensor = _or_explain(lambda: _AVG[ndim](input, *options), input, axes, subject)
    else:
        pooled = _avg_pool_padded(subject, input, axes, count_include_pad, divisor_override, fit)
    return pooled


def lp_pool(
    ndim: int,
    input: Tensor,
    norm_type: float,
    kernel_size: Size,
    stride: Size | None = None,
    ceil_mode: bool = False,
    *,
    padding: PaddingSpec = 0,
    fit: Fit = "floor",
) -> Tensor:
    """Take the p-norm of each window, over `ndim` axes: see `lp_pool2d`."""
    subject = f"lp_pool{ndim}d"
    axes = _windows(subject, ndim, kernel_size, stride, padding, 1, ceil_mode)
    if fit == "floor" and padding in (0, "valid"):
        options = (norm_type, kernel_size, stride, ceil_mode)
        pooled: Tensor = _or_explain(lambda: _LP[ndim](input, *options), input, axes, subject)
    else:
        pooled = _lp_pool_padded(subject, input, axes, norm_type, fit)
    return pooled


@fx.wrap
def _max_pool_padded(
    subject: str, input: Tensor, axes: Sequence[Window], return_indices: bool, fit: Fit
) -> Any:
    """Pad with the lowest number there is, so that padding never wins."""
    axes, ndim = _checked(input, axes, fit, subject), len(axes)
    lowest = -math.inf if input.dtype.is_floating_point else torch.iinfo(input.dtype).min
    padded = pad(input, axes, value=lowest)
    options = _shape_arguments(axes)
    dilation = tuple(w.dilation for w in axes)
    pooled = _MAX[ndim](padded, *options, 0, dilation, False, return_indices)
    if not return_indices:
        return pooled
    return pooled[0], _unpadded_indices(pooled[1], padded.shape[-ndim:], input, axes)


def _unpadded_indices(
    indices: Tensor, padded: Sequence[int], input: Tensor, axes: Sequence[Window]
) -> Tensor:
    """Turn flat positions in the padded map into flat positions in the input."""
    positions = torch.unravel_index(indices, tuple(padded))
    flat = torch.zeros_like(indices)
    for position, window, n in zip(positions, axes, input.shape[-len(axes) :], strict=True):
        flat = flat * n + position - int(window.before)
    return flat


@fx.wrap
def _avg_pool_padded(
    subject: str,
    input: Tensor,
    axes: Sequence[Window],
    count_include_pad: bool,
    divisor_override: int | None,
    fit: Fit,
) -> Tensor:
    """Sum over the padded input, divided by what each window counts."""
    concrete = _checked(input, axes, fit, subject)
    sums = _window_sums(pad(input, concrete), concrete)
    if divisor_override is not None:
        return sums / divisor_override
    divisor = torch.ones((), dtype=input.dtype, device=input.device)
    sizes = input.shape[-len(axes) :]
    for given, window, n in zip(axes, concrete, sizes, strict=True):
        counts = _padded_counts(given, window, n) if count_include_pad else window.counts(n)
        divisor = divisor.unsqueeze(-1) * divisor.new_tensor(counts)
    return sums / divisor


def _padded_counts(given: Window, window: Window, n: int) -> list[int]:
    """Taps of each output on the input or its padding; what hangs over in ceil mode is neither."""
    after = window.after if given.padding == "same" else given.after
    real = Window(window.size, window.stride, window.dilation, (0, window.after - after))
    return real.counts(n + int(window.before + after))


@fx.wrap
def _lp_pool_padded(
    subject: str, input: Tensor, axes: Sequence[Window], norm_type: float, fit: Fit
) -> Tensor:
    if math.isinf(norm_type):  # the limit: the largest magnitude, or for -inf the smallest
        sign = math.copysign(1, norm_type)
        largest: Tensor = _max_pool_padded(subject, sign * input.abs(), axes, False, fit)
        return sign * largest
    axes = _checked(input, axes, fit, subject)
    return _window_sums(pad(input, axes).pow(norm_type), axes).pow(1.0 / norm_type)


def _window_sums(padded: Tensor, axes: Sequence[Window]) -> Tensor:
    kernel_size, stride = _shape_arguments(axes)
    mean: Tensor = _AVG[len(axes)](padded, kernel_size, stride)
    return mean * math.prod(kernel_size)


def _shape_arguments(axes: Sequence[Window]) -> tuple[tuple[int, ...], tuple[int, ...]]:
    return tuple(w.size for w in axes), tuple(int(w.stride) for w in axes)


def _windows(
    subject: str,
    ndim: int,
    kernel_size: Size,
    stride: Size | None,
    padding: PaddingSpec,
    dilation: Size,
    ceil_mode: bool,
) -> tuple[Window, ...]:
    # torch reads an empty stride, too, as "the size of the window".
    step = kernel_size if stride is None or (not isinstance(stride, int) and not stride) else stride
    arguments = map(frozen, (kernel_size, step, padding, dilation))
    return windows(subject, ndim, *arguments, ceil_mode)


def _torch_pads(padding: PaddingSpec, axes: Sequence[Window]) -> bool:
    """Whether torch's pooling takes this padding: whole, and at most half a window."""
    return is_plain(padding) and all(2 * w.before <= w.extent for w in axes)


def _pixels(padding: PaddingSpec) -> PaddingSpec:
    return 0 if padding == "valid" else padding


def _checked(input: Tensor, axes: Sequence[Window], fit: Fit, subject: str) -> list[Window]:
    """The windows on this input's axes, each with at least one pixel to read."""
    check_fit(fit, subject)
    check_rank(input, len(axes), subject)
    check_sizes(input, axes, subject, exact=fit == "exact")
    for window in axes:
        if window.padding != "same" and max(window.before, window.after) >= window.extent:
            raise ShapeError(
                f"{window} pads by a whole window or more: its first or last place would see only "
                f"padding. Use padding of at most {window.extent - 1}.",
                subject=subject,
            )
    return [w.on(n) for w, n in zip(axes, input.shape[-len(axes) :], strict=True)]


def _or_explain(
    pooling: Callable[[], Any], input: Tensor, axes: Sequence[Window], subject: str
) -> Any:
    """Let torch pool; when it refuses, look for the reason."""
    try:
        return pooling()
    except TORCH_ERRORS:
        _checked(input, axes, "floor", subject)
        raise
