"""Transposed convolution over one, two or three axes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from torch import Tensor, fx
from torch.nn import functional as torch_f

from ..errors import ShapeError
from ..window import Window
from ._axes import (
    LAYOUT,
    TORCH_ERRORS,
    PaddingSpec,
    Size,
    check_like,
    check_rank,
    frozen,
    is_plain,
    per_axis,
    windows,
)

_TORCH: dict[int, Any] = {
    1: torch_f.conv_transpose1d,
    2: torch_f.conv_transpose2d,
    3: torch_f.conv_transpose3d,
}


def conv_transpose1d(
    input: Tensor,
    weight: Tensor,
    bias: Tensor | None = None,
    stride: Size = 1,
    padding: PaddingSpec = 0,
    output_padding: Size = 0,
    groups: int = 1,
    dilation: Size = 1,
    *,
    flip: bool = False,
) -> Tensor:
    """Spread signals out with filters: `conv_transpose2d` with one spatial axis.

    Example:
        >>> conv_transpose1d(torch.ones(1, 2), torch.tensor([[[1.0, 2.0]]]), stride=2)
        tensor([[1., 2., 1., 2.]])
    """
    options = (bias, stride, padding, output_padding, groups, dilation, flip)
    return _spread(1, input, weight, *options)


def conv_transpose2d(
    input: Tensor,
    weight: Tensor,
    bias: Tensor | None = None,
    stride: Size = 1,
    padding: PaddingSpec = 0,
    output_padding: Size = 0,
    groups: int = 1,
    dilation: Size = 1,
    *,
    flip: bool = False,
) -> Tensor:
    """Spread images out with filters: the gradient of `conv2d` with respect to its input.

    y[n,o,a,b] = b[o] + the sum of w[c,o,u,v] * x[n,c,i,j] over all c,i,j,u,v
                 with a = i*s - p + u*d and b = j*s - p + v*d

    Args:
        stride, dilation: In output pixels; one int, or one an axis.
        padding: Output pixels cropped on both sides, `((before, after), ...)`, `'valid'` (none),
            or `'same'`: n*stride outputs, placed as the gradient of a 'same' convolution.
        output_padding: Output pixels added at the end, where several input sizes of the
            convolution give the same output size.
        flip: Turn the filter around on every spatial axis.
    Shape:
        input (N, C, H, W) or (C, H, W), weight (C, O / groups, K_h, K_w), output (N, O, H_out,
        W_out), with H_out = (H - 1)*stride - before - after + dilation*(K_h - 1) + 1
        + output_padding.
    Raises:
        ShapeError: The channels do not match, or the padding leaves no output.
        OptionError: An argument that is not one of the accepted values.
    Example:
        >>> small, filters = torch.zeros(1, 8, 7, 7), torch.zeros(8, 3, 3, 3)
        >>> conv_transpose2d(small, filters, stride=2, padding="same").shape
        torch.Size([1, 3, 14, 14])

    Source: Dumoulin and Visin 2016, section 4.
    """
    options = (bias, stride, padding, output_padding, groups, dilation, flip)
    return _spread(2, input, weight, *options)


def conv_transpose3d(
    input: Tensor,
    weight: Tensor,
    bias: Tensor | None = None,
    stride: Size = 1,
    padding: PaddingSpec = 0,
    output_padding: Size = 0,
    groups: int = 1,
    dilation: Size = 1,
    *,
    flip: bool = False,
) -> Tensor:
    """Spread volumes out with filters: `conv_transpose2d` with three spatial axes.

    Example:
        >>> small, filters = torch.zeros(1, 4, 2, 2, 2), torch.zeros(4, 1, 2, 2, 2)
        >>> conv_transpose3d(small, filters, stride=2).shape
        torch.Size([1, 1, 4, 4, 4])
    """
    options = (bias, stride, padding, output_padding, groups, dilation, flip)
    return _spread(3, input, weight, *options)


def _spread(
    ndim: int,
    input: Tensor,
    weight: Tensor,
    bias: Tensor | None,
    stride: Size,
    padding: PaddingSpec,
    output_padding: Size,
    groups: int,
    dilation: Size,
    flip: bool,
) -> Tensor:
    if flip:
        weight = weight.flip(tuple(range(2, ndim + 2)))
    if is_plain(padding):
        pixels = 0 if padding == "valid" else padding
        try:
            options = (stride, pixels, output_padding, groups, dilation)
            output: Tensor = _TORCH[ndim](input, weight, bias, *options)
        except TORCH_ERRORS:
            _check(ndim, input, weight, bias, stride, padding, output_padding, groups, dilation)
            raise
    else:
        output = _spread_cropped(
            ndim, input, weight, bias, stride, padding, output_padding, groups, dilation
        )
    return output


@fx.wrap
def _spread_cropped(
    ndim: int,
    input: Tensor,
    weight: Tensor,
    bias: Tensor | None,
    stride: Size,
    padding: PaddingSpec,
    output_padding: Size,
    groups: int,
    dilation: Size,
) -> Tensor:
    """Let torch crop what both sides have in common; add or cut the rest at the end."""
    _check(ndim, input, weight, bias, stride, padding, output_padding, groups, dilation)
    axes = _windows(ndim, weight, stride, padding, dilation)
    extra = per_axis(output_padding, ndim, "output_padding", f"conv_transpose{ndim}d")
    cuts = [_cut(w, n, e) for w, n, e in zip(axes, input.shape[-ndim:], extra, strict=True)]
    common = tuple(min(before, max(behind, 0)) for before, behind, _ in cuts)
    missing = tuple(max(-behind, 0) for _, behind, _ in cuts)
    output: Tensor = _TORCH[ndim](input, weight, bias, stride, common, missing, groups, dilation)
    for axis, ((before, _, length), shared) in enumerate(zip(cuts, common, strict=True)):
        output = output.narrow(axis - ndim, before - shared, length)
    return output


def _cut(window: Window, n: int, output_padding: int) -> tuple[int, int, int]:
    """Pixels to crop in front and behind of the whole result (behind: negative to add), and the
    length that stays.
    """
    if window.padding == "same":
        window = window.on(n * int(window.stride))
        output_padding += int(window.leftover(n * int(window.stride)))
    length = window.transposed(output_padding).output_size(n)
    return int(window.before), int(window.after) - output_padding, length


def _windows(
    ndim: int, weight: Tensor, stride: Size, padding: PaddingSpec, dilation: Size
) -> Sequence[Window]:
    kernel_size = tuple(weight.shape[2:])
    arguments = map(frozen, (kernel_size, stride, padding, dilation))
    return windows(f"conv_transpose{ndim}d", ndim, *arguments)


def _check(
    ndim: int,
    input: Tensor,
    weight: Tensor,
    bias: Tensor | None,
    stride: Size,
    padding: PaddingSpec,
    output_padding: Size,
    groups: int,
    dilation: Size,
) -> None:
    subject = f"conv_transpose{ndim}d"
    check_rank(input, ndim, subject)
    if weight.dim() != ndim + 2:
        raise ShapeError(
            f"weight {tuple(weight.shape)} has {weight.dim()} axes; it needs {ndim + 2}: "
            f"(in_channels, out_channels / groups, *kernel_size).",
            subject=subject,
        )
    channels = input.shape[-ndim - 1]
    if channels != weight.shape[0]:
        raise ShapeError(
            f"input {tuple(input.shape)} has {channels} channels ({LAYOUT[ndim]}); weight "
            f"{tuple(weight.shape)} needs {weight.shape[0]}. Build the layer with "
            f"in_channels={channels}.",
            subject=subject,
        )
    filters = weight.shape[1] * groups
    if groups < 1 or channels % groups:
        raise ShapeError(f"groups={groups} must divide {channels} channels.", subject=subject)
    if bias is not None and tuple(bias.shape) != (filters,):
        raise ShapeError(
            f"bias {tuple(bias.shape)} must hold one number for each of the {filters} output "
            f"channels.",
            subject=subject,
        )
    axes = _windows(ndim, weight, stride, padding, dilation)
    extra = per_axis(output_padding, ndim, "output_padding", subject)
    for window, n, more in zip(axes, input.shape[-ndim:], extra, strict=True):
        _check_axis(window, n, more, input, subject)
    check_like(input, weight, "weight", subject)


def _check_axis(window: Window, n: int, output_padding: int, input: Tensor, subject: str) -> None:
    most = int(max(window.stride, window.dilation)) - 1
    if not 0 <= output_padding <= most:
        raise ShapeError(
            f"output_padding={output_padding} must be 0 .. {most}: less than the larger of "
            f"stride={window.stride} and dilation={window.dilation}.",
            subject=subject,
        )
    if _cut(window, n, output_padding)[2] < 1:
        raise ShapeError(
            f"input {tuple(input.shape)} does not fit: {window} crops all of the "
            f"{(n - 1) * window.stride + window.extent} pixels that {n} spread to. "
            f"Use less padding or a larger input.",
            subject=subject,
        )
