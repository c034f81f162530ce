"""Max, average and power-average pooling over one, two or three axes."""

from __future__ import annotations

from typing import Any

from torch import Tensor

from ._axes import Fit, PaddingSpec, Size
from ._pooling import avg_pool, lp_pool, max_pool


def max_pool1d(
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
    """Take the largest value in each window of a signal: `max_pool2d` with one spatial axis.

    Example:
        >>> max_pool1d(torch.tensor([[1.0, 3.0, 2.0, 5.0, 4.0]]), 2, padding="same")
        tensor([[3., 5., 4.]])
    """
    options = (kernel_size, stride, padding, dilation, ceil_mode, return_indices)
    return max_pool(1, input, *options, fit=fit)


def max_pool2d(
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
    """Take the largest value in each window of an image; padding never wins.

    y[n,c,i,j] = max over u,v of x[n, c, i*s - p + u*d, j*s - p + v*d]

    Args:
        kernel_size, stride, dilation: In pixels; one int, or one an axis. `stride` is
            `kernel_size` where it is not given.
        padding: As in `conv2d`: a number, `((before, after), ...)`, 'same' or 'valid'.
        ceil_mode: Keep a last window that hangs over the end.
        return_indices: Also give where each maximum stands, as flat positions in the input.
        fit: 'floor' drops pixels that the stride leaves over; 'exact' refuses them.
    Shape:
        input (N, C, H, W) or (C, H, W), output (N, C, H_out, W_out).
    Raises:
        ShapeError: A window does not fit, or would see only padding.
        OptionError: An argument that is not one of the accepted values.
    Example:
        >>> image = torch.tensor([[1., 1, 2, 4], [5, 6, 7, 8], [3, 2, 1, 0], [1, 2, 3, 4]])
        >>> max_pool2d(image[None, None], 2)
        tensor([[[[6., 8.],
                  [3., 4.]]]])
    """
    options = (kernel_size, stride, padding, dilation, ceil_mode, return_indices)
    return max_pool(2, input, *options, fit=fit)


def max_pool3d(
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
    """Take the largest value in each window of a volume: `max_pool2d` with three spatial axes.

    Example:
        >>> max_pool3d(torch.zeros(1, 1, 4, 4, 5), 2, padding="same").shape
        torch.Size([1, 1, 2, 2, 3])
    """
    options = (kernel_size, stride, padding, dilation, ceil_mode, return_indices)
    return max_pool(3, input, *options, fit=fit)


def avg_pool1d(
    input: Tensor,
    kernel_size: Size,
    stride: Size | None = None,
    padding: PaddingSpec = 0,
    ceil_mode: bool = False,
    count_include_pad: bool = True,
    *,
    fit: Fit = "floor",
) -> Tensor:
    """Average each window of a signal: `avg_pool2d` with one spatial axis.

    Example:
        >>> signal = torch.tensor([[1.0, 3.0, 5.0]])
        >>> avg_pool1d(signal, 2, padding=((0, 1),), count_include_pad=False)
        tensor([[2., 5.]])
    """
    return avg_pool(1, input, kernel_size, stride, padding, ceil_mode, count_include_pad, fit=fit)


def avg_pool2d(
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
    """Average each window of an image.

    y[n,c,i,j] = the sum over u,v of x[n, c, i*s - p + u, j*s - p + v], divided by what is counted

    Args:
        kernel_size, stride, padding, ceil_mode, fit: As in `max_pool2d`.
        count_include_pad: Divide by the taps on pixels and padding; else by those on pixels.
            What hangs over the end in ceil mode is never counted.
        divisor_override: Divide by this number instead.
    Shape:
        input (N, C, H, W) or (C, H, W), output (N, C, H_out, W_out).
    Raises:
        ShapeError: A window does not fit, or would see only padding.
        OptionError: An argument that is not one of the accepted values.
    Example:
        >>> avg_pool2d(torch.ones(1, 3, 3), 2, padding="same")
        tensor([[[1.0000, 0.5000],
                 [0.5000, 0.2500]]])
    """
    options = (kernel_size, stride, padding, ceil_mode, count_include_pad, divisor_override)
    return avg_pool(2, input, *options, fit=fit)


def avg_pool3d(
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
    """Average each window of a volume: `avg_pool2d` with three spatial axes.

    Example:
        >>> avg_pool3d(torch.ones(1, 1, 4, 4, 4), 2).shape
        torch.Size([1, 1, 2, 2, 2])
    """
    options = (kernel_size, stride, padding, ceil_mode, count_include_pad, divisor_override)
    return avg_pool(3, input, *options, fit=fit)


def lp_pool1d(
    input: Tensor,
    norm_type: float,
    kernel_size: Size,
    stride: Size | None = None,
    ceil_mode: bool = False,
    *,
    padding: PaddingSpec = 0,
    fit: Fit = "floor",
) -> Tensor:
    """Take the p-norm of each window of a signal: `lp_pool2d` with one spatial axis.

    Example:
        >>> lp_pool1d(torch.tensor([[3.0, 4.0, 6.0]]), 2, 2, padding="same")
        tensor([[5., 6.]])
    """
    options = (norm_type, kernel_size, stride, ceil_mode)
    return lp_pool(1, input, *options, padding=padding, fit=fit)


def lp_pool2d(
    input: Tensor,
    norm_type: float,
    kernel_size: Size,
    stride: Size | None = None,
    ceil_mode: bool = False,
    *,
    padding: PaddingSpec = 0,
    fit: Fit = "floor",
) -> Tensor:
    """Take the p-norm of each window of an image.

    y[n,c,i,j] = (sum over u,v of x[n, c, i*s - b + u, j*s - b + v]^p)^(1/p)

    Args:
        norm_type: p: 1 sums, 2 is the Euclidean norm, large ones approach the maximum.
        kernel_size, stride, ceil_mode, padding, fit: As in `max_pool2d`; padding adds zeros.
    Shape:
        input (N, C, H, W) or (C, H, W), output (N, C, H_out, W_out).
    Raises:
        ShapeError: A window does not fit, or would see only padding.
        OptionError: An argument that is not one of the accepted values.
    Example:
        >>> lp_pool2d(torch.ones(1, 2, 2), 2, kernel_size=2)
        tensor([[[2.]]])
    """
    options = (norm_type, kernel_size, stride, ceil_mode)
    return lp_pool(2, input, *options, padding=padding, fit=fit)


def lp_pool3d(
    input: Tensor,
    norm_type: float,
    kernel_size: Size,
    stride: Size | None = None,
    ceil_mode: bool = False,
    *,
    padding: PaddingSpec = 0,
    fit: Fit = "floor",
) -> Tensor:
    """Take the p-norm of each window of a volume: `lp_pool2d` with three spatial axes.

    Example:
        >>> lp_pool3d(torch.ones(1, 2, 2, 2), 1, kernel_size=2)
        tensor([[[[8.]]]])
    """
    options = (norm_type, kernel_size, stride, ceil_mode)
    return lp_pool(3, input, *options, padding=padding, fit=fit)
