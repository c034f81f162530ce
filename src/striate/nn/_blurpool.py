"""BlurPool: a stride that does not alias, because the map is blurred before it."""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor, fx, nn

from .. import functional as F
from ..functional._axes import Size, check_rank, frozen, windows
from ..functional._conv import check_padding_mode
from ._checks import check_features, check_positive
from ._layer import located


class _BlurPool(nn.Module):
    ndim: int
    filter: Tensor

    def __init__(
        self,
        channels: int,
        kernel_size: Size = 3,
        stride: Size = 2,
        padding_mode: str = "reflect",
        device: Any = None,
        dtype: Any = None,
    ) -> None:
        super().__init__()
        subject = type(self).__name__
        check_positive(subject, channels=channels)
        check_padding_mode(padding_mode, subject)
        # 'same' at stride 1: every pixel gets its blurred value, and the stride picks from them.
        blur = windows(subject, self.ndim, frozen(kernel_size), 1, "same")
        axes = windows(subject, self.ndim, frozen(kernel_size), frozen(stride))
        self.channels = channels
        self.kernel_size = tuple(window.size for window in axes)
        self.stride = tuple(int(window.stride) for window in axes)
        self.padding = tuple((int(window.before), int(window.after)) for window in blur)
        self.padding_mode = padding_mode
        filter = torch.ones((1,) * self.ndim, dtype=torch.float64)
        for axis, size in enumerate(self.kernel_size):
            row = [math.comb(size - 1, tap) / 2 ** (size - 1) for tap in range(size)]
            shape = [size if other == axis else 1 for other in range(self.ndim)]
            filter = filter * torch.tensor(row, dtype=torch.float64).reshape(shape)
        kind = dtype or torch.get_default_dtype()
        # Not in the state_dict: a net keeps its keys when a stride is replaced by a BlurPool.
        self.register_buffer("filter", filter.to(device=device, dtype=kind), persistent=False)

    @located
    def forward(self, input: Tensor) -> Tensor:
        """Blur each channel, and keep every `stride`-th pixel."""
        if not isinstance(input, fx.Proxy):  # which has no shape yet
            check_rank(input, self.ndim, type(self).__name__)
            check_features(input, -self.ndim - 1, self.channels, "channels", type(self).__name__)
        convolve = (F.conv1d, F.conv2d, F.conv3d)[self.ndim - 1]
        return convolve(
            input,
            self.filter.expand(self.channels, 1, *self.kernel_size),
            None,
            self.stride,
            self.padding,
            groups=self.channels,
            padding_mode=self.padding_mode,
        )

    def extra_repr(self) -> str:
        return (
            f"{self.channels}, kernel_size={self.kernel_size}, stride={self.stride}, "
            f"padding_mode={self.padding_mode!r}"
        )


class BlurPool1d(_BlurPool):
    """Blur a signal and keep every `stride`-th place: `BlurPool2d` with one spatial axis.

    Example:
        >>> BlurPool1d(1)(torch.tensor([[[0.0, 0.0, 4.0, 0.0, 0.0]]]))
        tensor([[[0., 2., 0.]]])
    """

    ndim = 1


class BlurPool2d(_BlurPool):
    """Blur each channel with a binomial filter and keep every `stride`-th pixel.

    y[n,c,i,j] = sum over u,v of b[u] * b[v] * x[n, c, i*s - p + u, j*s - p + v]

    b[u] = (K-1 choose u) / 2^(K-1); p = (K-1) // 2 pixels in front, the odd one at the end. A
    strided layer followed by a shift-invariant one becomes alias-free as the layer at stride 1,
    then BlurPool: max pooling as MaxPool2d(2, stride=1), BlurPool2d(C).

    Args:
        channels: Maps read and written.
        kernel_size: Taps of the filter, K; one int, or one an axis. 3 is [1, 2, 1] / 4.
        stride: In pixels; one int, or one an axis.
        padding_mode: What stands on the padding: 'reflect', 'replicate', 'zeros', 'circular'.
    Shape:
        input (N, channels, H, W), output (N, channels, ceil(H / stride), ceil(W / stride)).
        There are no parameters, and nothing in the `state_dict`.
    Raises:
        ShapeError: Other channels than the layer was built for, or too small a map to reflect.
        OptionError: An argument that is not one of the accepted values.
    Example:
        >>> BlurPool2d(8)(torch.zeros(1, 8, 15, 16)).shape
        torch.Size([1, 8, 8, 8])

    Source: Zhang 2019, "Making convolutional networks shift-invariant again", arXiv:1904.11486.
    """

    ndim = 2


class BlurPool3d(_BlurPool):
    """Blur a volume and keep every `stride`-th place: `BlurPool2d` with three spatial axes.

    Example:
        >>> BlurPool3d(2, stride=(1, 2, 2))(torch.zeros(1, 2, 8, 8, 8)).shape
        torch.Size([1, 2, 8, 4, 4])
    """

    ndim = 3
