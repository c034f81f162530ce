"""Poolings: torch.nn's, with every kind of padding and exact fit, and global pooling."""

from __future__ import annotations

from typing import Any

from torch import Tensor, nn

from ..errors import OptionError
from ..functional._axes import (
    Fit,
    PaddingSpec,
    Size,
    check_fit,
    frozen,
    windows,
)
from ..functional._pooling import avg_pool, lp_pool, max_pool
from ._layer import located


class _Pool(nn.Module):
    """A window, checked once: what the poolings share."""

    ndim: int

    def __init__(
        self,
        kernel_size: Size,
        stride: Size | None,
        padding: PaddingSpec,
        dilation: Size,
        ceil_mode: bool,
        fit: Fit,
    ) -> None:
        # Not super(): that is torch's pooling, which knows fewer paddings.
        nn.Module.__init__(self)
        subject = type(self).__name__
        check_fit(fit, subject)
        step = kernel_size if stride is None else stride
        windows(subject, self.ndim, *map(frozen, (kernel_size, step, padding, dilation)))
        self.kernel_size = frozen(kernel_size)
        self.stride = frozen(step)
        self.padding = frozen(padding)
        self.dilation = frozen(dilation)
        self.ceil_mode = ceil_mode
        self.fit: Fit = fit

    def extra_repr(self) -> str:
        words = [f"kernel_size={self.kernel_size}", f"stride={self.stride}"]
        words += [f"padding={self.padding!r}"] if self.padding not in (0, "valid") else []
        words += [f"dilation={self.dilation}"] if self.dilation != 1 else []
        words += ["ceil_mode=True"] if self.ceil_mode else []
        words += ["fit='exact'"] if self.fit == "exact" else []
        return ", ".join(words)


class _MaxPool(_Pool):
    def __init__(
        self,
        kernel_size: Size,
        stride: Size | None = None,
        padding: PaddingSpec = 0,
        dilation: Size = 1,
        return_indices: bool = False,
        ceil_mode: bool = False,
        *,
        fit: Fit = "floor",
    ) -> None:
        super().__init__(kernel_size, stride, padding, dilation, ceil_mode, fit)
        self.return_indices = return_indices

    @located
    def forward(self, input: Tensor) -> Any:
        """Take each window's maximum; with `return_indices` a pair of maxima and positions."""
        return max_pool(
            self.ndim,
            input,
            self.kernel_size,
            self.stride,
            self.padding,
            self.dilation,
            self.ceil_mode,
            self.return_indices,
            fit=self.fit,
        )


class MaxPool1d(_MaxPool, nn.MaxPool1d):
    """Take the largest value in each window of a signal: `MaxPool2d` with one spatial axis.

    Example:
        >>> MaxPool1d(4)(torch.zeros(1, 8, 100)).shape
        torch.Size([1, 8, 25])
    """

    ndim = 1


class MaxPool2d(_MaxPool, nn.MaxPool2d):
    """Take the largest value in each window of an image; padding never wins.

    y[n,c,i,j] = max over u,v of x[n, c, i*s - p + u*d, j*s - p + v*d]

    Args:
        kernel_size, stride, dilation: In pixels; one int, or one an axis. `stride` is
            `kernel_size` where it is not given.
        padding: A number, `((before, after), ...)`, 'same' or 'valid', as in `Conv2d`.
        return_indices: Also give where each maximum stands, for `MaxUnpool2d`.
        ceil_mode: Keep a last window that hangs over the end.
        fit: 'floor' drops pixels that the stride leaves over; 'exact' refuses them.
    Shape:
        input (N, C, H, W), output (N, C, H_out, W_out).
    Raises:
        ShapeError: A window does not fit, or would see only padding.
        OptionError: An argument that is not one of the accepted values.
    Example:
        >>> MaxPool2d(3, stride=2, padding="same")(torch.zeros(1, 8, 15, 15)).shape
        torch.Size([1, 8, 8, 8])
    """

    ndim = 2


class MaxPool3d(_MaxPool, nn.MaxPool3d):
    """Take the largest value in each window of a volume: `MaxPool2d` with three spatial axes.

    Example:
        >>> MaxPool3d(2)(torch.zeros(1, 8, 4, 6, 6)).shape
        torch.Size([1, 8, 2, 3, 3])
    """

    ndim = 3


class _AvgPool(_Pool):
    def __init__(
        self,
        kernel_size: Size,
        stride: Size | None = None,
        padding: PaddingSpec = 0,
        ceil_mode: bool = False,
        count_include_pad: bool = True,
        divisor_override: int | None = None,
        *,
        fit: Fit = "floor",
    ) -> None:
        super().__init__(kernel_size, stride, padding, 1, ceil_mode, fit)
        if divisor_override == 0:
            raise OptionError(
                "divisor_override=0 would divide by zero.", subject=type(self).__name__
            )
        self.count_include_pad = count_include_pad
        self.divisor_override = divisor_override

    @located
    def forward(self, input: Tensor) -> Tensor:
        """Average each window."""
        return avg_pool(
            self.ndim,
            input,
            self.kernel_size,
            self.stride,
            self.padding,
            self.ceil_mode,
            self.count_include_pad,
            self.divisor_override,
            fit=self.fit,
        )


class AvgPool1d(_AvgPool, nn.AvgPool1d):
    """Average each window of a signal: `AvgPool2d` with one spatial axis.

    Example:
        >>> AvgPool1d(2)(torch.tensor([[1.0, 3.0, 5.0, 9.0]]))
        tensor([[2., 7.]])
    """

    ndim = 1


class AvgPool2d(_AvgPool, nn.AvgPool2d):
    """Average each window of an image.

    y[n,c,i,j] = the sum over u,v of x[n, c, i*s - p + u, j*s - p + v], divided by what is counted

    Args:
        kernel_size, stride, padding, ceil_mode, fit: As in `MaxPool2d`.
        count_include_pad: Divide by the taps on pixels and padding; else by those on pixels.
            What hangs over the end in ceil mode is never counted.
        divisor_override: Divide by this number instead.
    Shape:
        input (N, C, H, W), output (N, C, H_out, W_out).
    Raises:
        ShapeError: A window does not fit, or would see only padding.
        OptionError: An argument that is not one of the accepted values.
    Example:
        >>> AvgPool2d(2, padding="same", count_include_pad=False)(torch.ones(1, 3, 3))
        tensor([[[1., 1.],
                 [1., 1.]]])
    """

    ndim = 2


class AvgPool3d(_AvgPool, nn.AvgPool3d):
    """Average each window of a volume: `AvgPool2d` with three spatial axes.

    Example:
        >>> AvgPool3d(2)(torch.zeros(1, 8, 4, 6, 6)).shape
        torch.Size([1, 8, 2, 3, 3])
    """

    ndim = 3


class _LPPool(_Pool):
    def __init__(
        self,
        norm_type: float,
        kernel_size: Size,
        stride: Size | None = None,
        ceil_mode: bool = False,
        *,
        padding: PaddingSpec = 0,
        fit: Fit = "floor",
    ) -> None:
        super().__init__(kernel_size, stride, padding, 1, ceil_mode, fit)
        if norm_type == 0:
            raise OptionError(
                "norm_type=0 has no root; use 1, 2, ... or inf.", subject=type(self).__name__
            )
        self.norm_type = norm_type

    @located
    def forward(self, input: Tensor) -> Tensor:
        """Take each window's p-norm."""
        return lp_pool(
            self.ndim,
            input,
            self.norm_type,
            self.kernel_size,
            self.stride,
            self.ceil_mode,
            padding=self.padding,
            fit=self.fit,
        )

    def extra_repr(self) -> str:
        return f"norm_type={self.norm_type}, {super().extra_repr()}"


class LPPool1d(_LPPool, nn.LPPool1d):
    """Take the p-norm of each window of a signal: `LPPool2d` with one spatial axis.

    Example:
        >>> LPPool1d(2, kernel_size=2)(torch.tensor([[3.0, 4.0]]))
        tensor([[5.]])
    """

    ndim = 1


class LPPool2d(_LPPool, nn.LPPool2d):
    """Take the p-norm of each window of an image.

    y[n,c,i,j] = (sum over u,v of x[n, c, i*s - b + u, j*s - b + v]^p)^(1/p)

    Args:
        norm_type: p: 1 sums, 2 is the Euclidean norm, large ones approach the maximum.
        kernel_size, stride, ceil_mode, padding, fit: As in `MaxPool2d`; padding adds zeros.
    Shape:
        input (N, C, H, W), output (N, C, H_out, W_out).
    Raises:
        ShapeError: A window does not fit, or would see only padding.
        OptionError: An argument that is not one of the accepted values.
    Example:
        >>> LPPool2d(2, kernel_size=2, padding="same")(torch.ones(1, 3, 3))
        tensor([[[2.0000, 1.4142],
                 [1.4142, 1.0000]]])

    Source: Sermanet, Chintala, LeCun 2012, arXiv:1204.3968.
    """

    ndim = 2


class LPPool3d(_LPPool, nn.LPPool3d):
    """Take the p-norm of each window of a volume: `LPPool2d` with three spatial axes.

    Example:
        >>> LPPool3d(1, kernel_size=2)(torch.ones(1, 2, 2, 2))
        tensor([[[[8.]]]])
    """

    ndim = 3
