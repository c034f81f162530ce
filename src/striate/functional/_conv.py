"""Convolution and cross-correlation over one, two or three axes."""

from __future__ import annotations

from typing import Any

from torch import Tensor, fx
from torch.nn import functional as torch_f

from ..errors import OptionError, ShapeError
from ._axes import (
    LAYOUT,
    TORCH_ERRORS,
    Fit,
    PaddingSpec,
    Size,
    check_fit,
    check_like,
    check_rank,
    check_sizes,
    frozen,
    is_plain,
    pad,
    windows,
)

_TORCH: dict[int, Any] = {1: torch_f.conv1d, 2: torch_f.conv2d, 3: torch_f.conv3d}
PADDING_MODES = {"zeros": "constant", **{m: m for m in ("reflect", "replicate", "circular")}}


def conv1d(
    input: Tensor,
    weight: Tensor,
    bias: Tensor | None = None,
    stride: Size = 1,
    padding: PaddingSpec = 0,
    dilation: Size = 1,
    groups: int = 1,
    *,
    fit: Fit = "floor",
    flip: bool = False,
    padding_mode: str = "zeros",
) -> Tensor:
    """Slide filters over signals: `conv2d` with one spatial axis.

    Shape:
        input (N, C, L) or (C, L), weight (O, C / groups, K), output (N, O, L_out).
    Example:
        >>> conv1d(torch.arange(4.0)[None], torch.ones(1, 1, 2), padding="same")
        tensor([[1., 3., 5., 3.]])
    """
    options = (bias, stride, padding, dilation, groups, fit, flip, padding_mode)
    return _convolve(1, input, weight, *options)


def conv2d(
    input: Tensor,
    weight: Tensor,
    bias: Tensor | None = None,
    stride: Size = 1,
    padding: PaddingSpec = 0,
    dilation: Size = 1,
    groups: int = 1,
    *,
    fit: Fit = "floor",
    flip: bool = False,
    padding_mode: str = "zeros",
) -> Tensor:
    """Slide filters over images: torch's conv2d, with every kind of padding.

    y[n,o,i,j] = b[o] + sum over c,u,v of w[o,c,u,v] * x[n, c, i*s - p + u*d, j*s - p + v*d]

    s, p, d are stride, padding before, dilation; c runs over the channels of o's group.

    Args:
        stride, dilation: In pixels; one int, or one an axis.
        padding: Pixels on both sides (one int, or one an axis), `((before, after), ...)` with a
            pair an axis, `'valid'` (none), or `'same'`: ceil(n / stride) outputs at any stride
            and dilation, an odd pixel at the end (TensorFlow's SAME).
        fit: What happens to pixels that the stride leaves over: `'floor'` drops them, as torch
            does; `'exact'` refuses, and says what would fit.
        flip: Turn the filter around on every spatial axis: true convolution instead of
            cross-correlation.
        padding_mode: What stands on the padding: 'zeros', 'reflect', 'replicate', 'circular'.
    Shape:
        input (N, C, H, W) or (C, H, W), weight (O, C / groups, K_h, K_w),
        output (N, O, H_out, W_out) with the sizes from `Window.output_size`.
    Raises:
        ShapeError: The channels do not match, or the filter does not fit the image.
        OptionError: An argument that is not one of the accepted values.
    Example:
        >>> image, filters = torch.zeros(1, 3, 7, 7), torch.zeros(8, 3, 3, 3)
        >>> conv2d(image, filters, stride=2, padding="same").shape
        torch.Size([1, 8, 4, 4])

    Source: LeCun, Bottou, Bengio, Haffner 1998, section II; Dumoulin and Visin 2016.
    """
    options = (bias, stride, padding, dilation, groups, fit, flip, padding_mode)
    return _convolve(2, input, weight, *options)


def conv3d(
    input: Tensor,
    weight: Tensor,
    bias: Tensor | None = None,
    stride: Size = 1,
    padding: PaddingSpec = 0,
    dilation: Size = 1,
    groups: int = 1,
    *,
    fit: Fit = "floor",
    flip: bool = False,
    padding_mode: str = "zeros",
) -> Tensor:
    """Slide filters over volumes or clips: `conv2d` with three spatial axes.

    Shape:
        input (N, C, D, H, W) or (C, D, H, W), weight (O, C / groups, K_d, K_h, K_w),
        output (N, O, D_out, H_out, W_out).
    Example:
        >>> conv3d(torch.zeros(1, 1, 8, 8, 8), torch.zeros(2, 1, 3, 3, 3), stride=2).shape
        torch.Size([1, 2, 3, 3, 3])
    """
    options = (bias, stride, padding, dilation, groups, fit, flip, padding_mode)
    return _convolve(3, input, weight, *options)


def _convolve(
    ndim: int,
    input: Tensor,
    weight: Tensor,
    bias: Tensor | None,
    stride: Size,
    padding: PaddingSpec,
    dilation: Size,
    groups: int,
    fit: Fit,
    flip: bool,
    padding_mode: str,
) -> Tensor:
    if flip:
        weight = weight.flip(tuple(range(2, ndim + 2)))
    if is_plain(padding) and fit == "floor" and padding_mode == "zeros":
        # What torch can do, torch does: no cost, and no arithmetic for its tracers to stumble on.
        # Only when it refuses do we look for the reason.
        try:
            output: Tensor = _TORCH[ndim](input, weight, bias, stride, padding, dilation, groups)
        except TORCH_ERRORS:
            _check(ndim, input, weight, bias, stride, padding, dilation, groups, "floor")
            raise
    else:
        output = _convolve_padded(
            ndim, input, weight, bias, stride, padding, dilation, groups, fit, padding_mode
        )
    return output


@fx.wrap
def _convolve_padded(
    ndim: int,
    input: Tensor,
    weight: Tensor,
    bias: Tensor | None,
    stride: Size,
    padding: PaddingSpec,
    dilation: Size,
    groups: int,
    fit: Fit,
    padding_mode: str,
) -> Tensor:
    """Pad first, then convolve without padding: for what torch has no argument for."""
    subject = f"conv{ndim}d"
    check_fit(fit, subject)
    mode = check_padding_mode(padding_mode, subject)
    _check(ndim, input, weight, bias, stride, padding, dilation, groups, fit)
    axes = _windows(ndim, weight, stride, padding, dilation)
    sides = [w.on(n) for w, n in zip(axes, input.shape[-ndim:], strict=True)]
    if mode == "constant" and all(side.before == side.after for side in sides):
        both = tuple(int(side.before) for side in sides)
        return _TORCH[ndim](input, weight, bias, stride, both, dilation, groups)  # type: ignore[no-any-return]
    try:
        padded = pad(input, sides, mode)
    except RuntimeError as error:
        raise ShapeError(
            f"input {tuple(input.shape)} is too short for padding_mode={padding_mode!r}: {error}. "
            f"Use less padding or padding_mode='zeros'.",
            subject=subject,
        ) from None
    result: Tensor = _TORCH[ndim](padded, weight, bias, stride, 0, dilation, groups)
    return result


def check_padding_mode(padding_mode: str, subject: str) -> str:
    """Give torch.nn.functional.pad's name for a layer's padding mode."""
    if padding_mode not in PADDING_MODES:
        raise OptionError(
            f"padding_mode={padding_mode!r} is not known. Use one of {', '.join(PADDING_MODES)}.",
            subject=subject,
        )
    return PADDING_MODES[padding_mode]


def _windows(ndim: int, weight: Tensor, stride: Size, padding: PaddingSpec, dilation: Size) -> Any:
    kernel_size = tuple(weight.shape[2:])
    arguments = map(frozen, (kernel_size, stride, padding, dilation))
    return windows(f"conv{ndim}d", ndim, *arguments)


def _check(
    ndim: int,
    input: Tensor,
    weight: Tensor,
    bias: Tensor | None,
    stride: Size,
    padding: PaddingSpec,
    dilation: Size,
    groups: int,
    fit: Fit,
) -> None:
    subject = f"conv{ndim}d"
    check_rank(input, ndim, subject)
    if weight.dim() != ndim + 2:
        raise ShapeError(
            f"weight {tuple(weight.shape)} has {weight.dim()} axes; it needs {ndim + 2}: "
            f"(out_channels, in_channels / groups, *kernel_size).",
            subject=subject,
        )
    check_channels(input, weight, ndim, groups, subject)
    if bias is not None and tuple(bias.shape) != (weight.shape[0],):
        raise ShapeError(
            f"bias {tuple(bias.shape)} must hold one number for each of the {weight.shape[0]} "
            f"filters.",
            subject=subject,
        )
    axes = _windows(ndim, weight, stride, padding, dilation)
    check_sizes(input, axes, subject, exact=fit == "exact")
    check_like(input, weight, "weight", subject)


def check_channels(input: Tensor, weight: Tensor, ndim: int, groups: int, subject: str) -> None:
    """Refuse an input whose channels the filters do not read."""
    if groups < 1 or weight.shape[0] % groups:
        raise ShapeError(
            f"groups={groups} must divide the {weight.shape[0]} filters.", subject=subject
        )
    channels, needed = input.shape[-ndim - 1], weight.shape[1] * groups
    if channels == needed:
        return
    advice = f"Build the layer with in_channels={channels}"
    if input.shape[-1] == needed and input.dim() == ndim + 2:
        order = (0, ndim + 1, *range(1, ndim + 1))
        last = LAYOUT[ndim].replace("C", "") + "C"
        advice = f"If it is {last}, move the channels with x.permute{order}"
    elif channels == 1:
        repeats = ", ".join(["-1", str(needed)] + ["-1"] * ndim)
        advice += f", or repeat the grey channel with x.expand({repeats})"
    raise ShapeError(
        f"input {tuple(input.shape)} is {LAYOUT[ndim][-ndim - 1 - (input.dim() > ndim + 1) :]} "
        f"with {channels} channel{'s' * (channels != 1)}; weight {tuple(weight.shape)} "
        f"needs {needed}. {advice}.",
        subject=subject,
    )
