"""Transposed convolutions: torch.nn's, also with 'same', 'valid' and asymmetric padding."""

from __future__ import annotations

from typing import Any

from torch import Tensor, nn

from .. import functional as F
from ..errors import ShapeError
from ..functional._axes import PaddingSpec, Size, frozen, is_plain, per_axis, windows
from ._conv import check_counts
from ._layer import located


class _ConvTranspose(nn.modules.conv._ConvTransposeNd):
    """What the transposed convolutions share; they differ in the number of axes."""

    ndim: int

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: Size,
        stride: Size = 1,
        padding: PaddingSpec = 0,
        output_padding: Size = 0,
        groups: int = 1,
        bias: bool = True,
        dilation: Size = 1,
        padding_mode: str = "zeros",
        device: Any = None,
        dtype: Any = None,
        *,
        flip: bool = False,
    ) -> None:
        subject, padding = type(self).__name__, frozen(padding)
        check_counts(subject, in_channels, out_channels, groups)
        windows(subject, self.ndim, *map(frozen, (kernel_size, stride, padding, dilation)))
        plain = is_plain(padding) and padding != "valid"
        super().__init__(
            in_channels,
            out_channels,
            kernel_size,
            stride,
            padding if plain else 0,
            output_padding,
            groups,
            bias,
            dilation,
            padding_mode,
            device,
            dtype,
        )
        if not plain:
            self.padding = padding  # type: ignore[assignment]
        self.flip = flip

    def _spread(self, input: Tensor, output_size: list[int] | None) -> Tensor:
        spread = (F.conv_transpose1d, F.conv_transpose2d, F.conv_transpose3d)[self.ndim - 1]
        padding, output_padding = self.padding, self.output_padding
        if output_size is not None:
            padding, output_padding = self._reach(input, output_size)
        return spread(
            input,
            self.weight,
            self.bias,
            self.stride,
            padding,
            output_padding,
            self.groups,
            self.dilation,
            flip=self.flip,
        )

    def _reach(self, input: Tensor, output_size: list[int]) -> tuple[Any, Any]:
        """Padding and output padding that give the output size asked for.

        Several input sizes of a strided convolution give one output size; going back, the size
        must be said. With 'same' it also says where the padding of the convolution stood.
        """
        subject = type(self).__name__
        sizes = per_axis(tuple(output_size[-self.ndim :]), self.ndim, "output_size", subject)
        axes = windows(
            subject, self.ndim, self.kernel_size, self.stride, frozen(self.padding), self.dilation
        )
        paddings, extras = [], []
        for window, n, size in zip(axes, input.shape[-self.ndim :], sizes, strict=True):
            if window.output_size(size) != n:
                possible = window.input_sizes(n)
                raise ShapeError(
                    f"output_size={tuple(output_size)} cannot be reached from input "
                    f"{tuple(input.shape)}: {n} pixels can spread to "
                    f"{possible.start} .. {possible.stop - 1}, not to {size}.",
                    subject=subject,
                )
            concrete = window.on(size)
            paddings.append((int(concrete.before), int(concrete.after)))
            extras.append(int(concrete.leftover(size)))
        return tuple(paddings), tuple(extras)

    def extra_repr(self) -> str:
        words: str = super().extra_repr()
        return f"{words}, flip=True" if self.flip else words


class ConvTranspose1d(_ConvTranspose, nn.ConvTranspose1d):
    """Spread a signal out with learned filters: `ConvTranspose2d` with one spatial axis.

    Example:
        >>> ConvTranspose1d(4, 2, 3, stride=2, padding="same")(torch.zeros(1, 4, 7)).shape
        torch.Size([1, 2, 14])
    """

    ndim = 1

    @located
    def forward(self, input: Tensor, output_size: list[int] | None = None) -> Tensor:
        """Spread (N, in_channels, L), to `output_size` where it is given."""
        return self._spread(input, output_size)


class ConvTranspose2d(_ConvTranspose, nn.ConvTranspose2d):
    """Spread an image out with learned filters: the gradient of a convolution as a layer.

    y[n,o,a,b] = b[o] + the sum of w[c,o,u,v] * x[n,c,i,j] over all c,i,j,u,v
                 with a = i*s - p + u*d and b = j*s - p + v*d

    All of torch.nn.ConvTranspose2d with its `state_dict`, and more kinds of padding.

    Args:
        in_channels, out_channels: Channels read and written; multiples of `groups`.
        kernel_size, stride, dilation: In output pixels; one int serves every axis.
        padding: Output pixels cropped on both sides, `((before, after), ...)`, `'valid'` (none),
            or `'same'`: n*stride outputs, placed as the gradient of a 'same' convolution.
        output_padding: Output pixels added at the end.
        groups, bias, padding_mode: As in torch; the only mode is 'zeros'.
        flip: Turn the filters around on every spatial axis.
    Shape:
        input (N, in_channels, H, W), weight (in_channels, out_channels / groups, K_h, K_w),
        output (N, out_channels, H_out, W_out) with H_out = (H - 1)*stride - before - after
        + dilation*(K_h - 1) + 1 + output_padding.
    Raises:
        ShapeError: The channels do not match, or `output_size` cannot be reached.
        OptionError: An argument that is not one of the accepted values.
    Example:
        >>> up = ConvTranspose2d(8, 3, kernel_size=4, stride=2, padding=1)
        >>> up(torch.zeros(1, 8, 7, 7)).shape
        torch.Size([1, 3, 14, 14])

    Source: Zeiler, Krishnan, Taylor, Fergus 2010; Dumoulin and Visin 2016, section 4.
    """

    ndim = 2

    @located
    def forward(self, input: Tensor, output_size: list[int] | None = None) -> Tensor:
        """Spread (N, in_channels, H, W), to `output_size` where it is given."""
        return self._spread(input, output_size)


class ConvTranspose3d(_ConvTranspose, nn.ConvTranspose3d):
    """Spread a volume out with learned filters: `ConvTranspose2d` with three spatial axes.

    Example:
        >>> ConvTranspose3d(4, 2, 2, stride=2)(torch.zeros(1, 4, 3, 3, 3)).shape
        torch.Size([1, 2, 6, 6, 6])
    """

    ndim = 3

    @located
    def forward(self, input: Tensor, output_size: list[int] | None = None) -> Tensor:
        """Spread (N, in_channels, D, H, W), to `output_size` where it is given."""
        return self._spread(input, output_size)
