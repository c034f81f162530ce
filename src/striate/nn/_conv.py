"""Convolutions: torch.nn's, with every kind of padding, exact fit and true convolution."""

from __future__ import annotations

from typing import Any

from torch import Tensor, nn

from .. import functional as F
from ..errors import OptionError, ShapeError
from ..functional._axes import (
    Fit,
    PaddingSpec,
    Size,
    check_fit,
    frozen,
    is_plain,
    windows,
)
from ..functional._conv import check_padding_mode
from ._layer import located


def check_counts(subject: str, in_channels: int, out_channels: int, groups: int = 1) -> None:
    """Refuse channel counts that are not positive, or that the groups do not divide."""
    for name, value in (("in_channels", in_channels), ("out_channels", out_channels)):
        if not isinstance(value, int) or value < 1:
            raise OptionError(
                f"{name}={value!r} must be a whole number of 1 or more.", subject=subject
            )
    if not isinstance(groups, int) or groups < 1:
        raise OptionError(
            f"groups={groups!r} must be a whole number of 1 or more.", subject=subject
        )
    odd = [count for count in (in_channels, out_channels) if count % groups]
    if odd:
        fitting = [g for g in range(1, in_channels + 1) if not in_channels % g + out_channels % g]
        raise ShapeError(
            f"groups={groups} must divide in_channels={in_channels} and "
            f"out_channels={out_channels}; it does not divide {' and '.join(map(str, odd))}. "
            f"Here groups can be {' or '.join(map(str, fitting))}.",
            subject=subject,
        )


class _Conv(nn.modules.conv._ConvNd):
    """What Conv1d, Conv2d and Conv3d share; they differ in the number of axes."""

    ndim: int

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: Size,
        stride: Size = 1,
        padding: PaddingSpec = 0,
        dilation: Size = 1,
        groups: int = 1,
        bias: bool = True,
        padding_mode: str = "zeros",
        device: Any = None,
        dtype: Any = None,
        *,
        fit: Fit = "floor",
        flip: bool = False,
    ) -> None:
        subject, padding = type(self).__name__, frozen(padding)
        check_counts(subject, in_channels, out_channels, groups)
        check_fit(fit, subject)
        check_padding_mode(padding_mode, subject)
        # Make the windows once, so that a wrong size is refused here and not in the first forward.
        windows(subject, self.ndim, *map(frozen, (kernel_size, stride, padding, dilation)))
        super().__init__(
            in_channels,
            out_channels,
            kernel_size,  # type: ignore[arg-type]
            stride,  # type: ignore[arg-type]
            padding if is_plain(padding) else 0,  # type: ignore[arg-type]
            dilation,  # type: ignore[arg-type]
            groups,  # type: ignore[arg-type]
            bias,  # type: ignore[arg-type]
            padding_mode,  # type: ignore[arg-type]
            device,
            dtype,
        )
        if not is_plain(padding):
            self.padding = padding  # type: ignore[assignment]
        self.fit: Fit = fit
        self.flip = flip

    def _convolve(self, input: Tensor) -> Tensor:
        convolve = (F.conv1d, F.conv2d, F.conv3d)[self.ndim - 1]
        return convolve(
            input,
            self.weight,
            self.bias,
            self.stride,
            self.padding,
            self.dilation,
            self.groups,
            fit=self.fit,
            flip=self.flip,
            padding_mode=self.padding_mode,
        )

    def extra_repr(self) -> str:
        words = [super().extra_repr()]
        words += ["fit='exact'"] if self.fit == "exact" else []
        words += ["flip=True"] if self.flip else []
        return ", ".join(words)


class Conv1d(_Conv, nn.Conv1d):
    """Slide `out_channels` learned filters over a signal: `Conv2d` with one spatial axis.

    Shape:
        input (N, in_channels, L), weight (out_channels, in_channels / groups, K),
        output (N, out_channels, L_out).
    Example:
        >>> Conv1d(1, 8, kernel_size=5, stride=2, padding="same")(torch.zeros(1, 1, 99)).shape
        torch.Size([1, 8, 50])
    """

    ndim = 1

    @located
    def forward(self, input: Tensor) -> Tensor:
        """Convolve (N, in_channels, L)."""
        return self._convolve(input)


class Conv2d(_Conv, nn.Conv2d):
    """Slide `out_channels` learned filters over an image.

    y[n,o,i,j] = b[o] + sum over c,u,v of w[o,c,u,v] * x[n, c, i*s - p + u*d, j*s - p + v*d]

    s, p, d are stride, padding before, dilation. c runs over the channels of o's group; the filter
    is not flipped (cross-correlation) unless `flip`. All of torch.nn.Conv2d, and beyond it
    `padding`, `fit` and `flip` below; the `state_dict` is torch's.

    Args:
        in_channels, out_channels: Channels read and filters applied; multiples of `groups`.
        kernel_size, stride, dilation: In pixels; one int serves every axis.
            `stride` is the step between outputs, `dilation` the step between taps.
        padding: Pixels on both sides (one int, or one an axis), `((before, after), ...)` with a
            pair an axis, `'valid'` (none), or `'same'`: ceil(n / stride) outputs at any stride
            and dilation, an odd pixel at the end (TensorFlow's SAME).
        groups: Number of separate convolutions the channels are split into.
        bias: Add one learned number per filter.
        padding_mode: What stands on the padding: 'zeros', 'reflect', 'replicate', 'circular'.
        fit: What happens to pixels that the stride leaves over: `'floor'` drops them, as torch
            does; `'exact'` refuses them, and says what would fit.
        flip: Turn the filters around: true convolution instead of cross-correlation.
    Shape:
        input (N, in_channels, H, W), weight (out_channels, in_channels / groups, K_h, K_w),
        output (N, out_channels, H_out, W_out) with H_out, W_out from `Window.output_size`.
    Raises:
        ShapeError: The channels do not match, or the filter does not fit the image.
        OptionError: An argument that is not one of the accepted values.
    Example:
        >>> Conv2d(3, 8, kernel_size=5, padding=2)(torch.zeros(1, 3, 32, 32)).shape
        torch.Size([1, 8, 32, 32])
        >>> Conv2d(1, 1, kernel_size=3, stride=3, fit="exact")(torch.zeros(1, 1, 7, 7))
        Traceback (most recent call last):
        ...
        striate.errors.ShapeError: Conv2d: input (1, 1, 7, 7) does not fit: on each axis, ...

    Source: LeCun, Bottou, Bengio, Haffner 1998, section II.
    """

    ndim = 2

    @located
    def forward(self, input: Tensor) -> Tensor:
        """Convolve (N, in_channels, H, W)."""
        return self._convolve(input)


class Conv3d(_Conv, nn.Conv3d):
    """Slide `out_channels` learned filters over a volume: `Conv2d` with three spatial axes.

    Shape:
        input (N, in_channels, D, H, W), weight (out_channels, in_channels / groups, K_d, K_h, K_w),
        output (N, out_channels, D_out, H_out, W_out).
    Example:
        >>> causal = Conv3d(1, 4, kernel_size=3, padding=((2, 0), (1, 1), (1, 1)))
        >>> causal(torch.zeros(1, 1, 8, 9, 9)).shape
        torch.Size([1, 4, 8, 9, 9])
    """

    ndim = 3

    @located
    def forward(self, input: Tensor) -> Tensor:
        """Convolve (N, in_channels, D, H, W)."""
        return self._convolve(input)


class _DepthwiseSeparableConv(nn.Module):
    conv: type[_Conv]

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: Size,
        stride: Size = 1,
        padding: PaddingSpec = 0,
        dilation: Size = 1,
        bias: bool = True,
        padding_mode: str = "zeros",
        device: Any = None,
        dtype: Any = None,
        *,
        fit: Fit = "floor",
    ) -> None:
        super().__init__()
        check_counts(type(self).__name__, in_channels, out_channels)
        self.depthwise = self.conv(
            in_channels,
            in_channels,
            kernel_size,
            stride,
            padding,
            dilation,
            in_channels,
            bias,
            padding_mode,
            device,
            dtype,
            fit=fit,
        )
        self.pointwise = self.conv(
            in_channels, out_channels, 1, bias=bias, device=device, dtype=dtype
        )

    def forward(self, input: Tensor) -> Tensor:
        """Filter each channel by itself, then mix the channels."""
        output: Tensor = self.pointwise(self.depthwise(input))
        return output


class DepthwiseSeparableConv1d(_DepthwiseSeparableConv):
    """Filter each channel of a signal by itself, then mix the channels pixel by pixel.

    Example:
        >>> DepthwiseSeparableConv1d(8, 16, 3, padding="same")(torch.zeros(1, 8, 50)).shape
        torch.Size([1, 16, 50])
    """

    conv = Conv1d


class DepthwiseSeparableConv2d(_DepthwiseSeparableConv):
    """Filter each channel of an image by itself, then mix the channels pixel by pixel.

    `depthwise`, a convolution with as many groups as channels, is followed by `pointwise`, a 1x1
    convolution: K*K*C + C*O weights where one dense convolution has K*K*C*O.

    Args:
        in_channels, out_channels: Channels read and written.
        kernel_size, stride, padding, dilation, padding_mode, fit: The depthwise convolution's,
            as in `Conv2d`.
        bias: Give both convolutions a bias.
    Shape:
        input (N, in_channels, H, W), output (N, out_channels, H_out, W_out).
    Example:
        >>> layer = DepthwiseSeparableConv2d(32, 64, 3, padding=1, bias=False)
        >>> sum(p.numel() for p in layer.parameters()), 3 * 3 * 32 * 64
        (2336, 18432)

    Source: Sifre 2014, "Rigid-motion scattering", section 6.2; Chollet 2017, arXiv:1610.02357.
    """

    conv = Conv2d


class DepthwiseSeparableConv3d(_DepthwiseSeparableConv):
    """Filter each channel of a volume by itself, then mix the channels pixel by pixel.

    Example:
        >>> DepthwiseSeparableConv3d(4, 8, 3, stride=2)(torch.zeros(1, 4, 9, 9, 9)).shape
        torch.Size([1, 8, 4, 4, 4])
    """

    conv = Conv3d
