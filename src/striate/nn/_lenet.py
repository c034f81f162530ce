"""The layers of LeNet-5 as published in 1998 that later networks dropped.

Source: LeCun, Bottou, Bengio, Haffner 1998, "Gradient-based learning applied to document
recognition", section II.B.
"""

from __future__ import annotations

import math
import operator
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn

from .. import functional as F
from ..errors import OptionError, ShapeError
from ..functional._axes import PaddingSpec, Size, check_rank, frozen, windows
from ..functional._pooling import avg_pool
from ._conv import check_counts
from ._layer import located


class ScaledTanh(nn.Module):
    """Squash with y = 1.7159 * tanh(2/3 * x).

    The constants put the largest curvature at x = +-1, where y is +-1 too.

    Shape:
        input and output of any shape.
    Example:
        >>> ScaledTanh()(torch.tensor([-1.0, 0.0, 1.0]))
        tensor([-1.0000,  0.0000,  1.0000])

    Source: LeCun et al. 1998, equation 6 and appendix A.
    """

    def forward(self, input: Tensor) -> Tensor:
        """Squash each number."""
        return 1.7159 * torch.tanh(input * (2 / 3))


class Subsample2d(nn.Module):
    """Add up each window, times a learned coefficient, plus a learned bias: two a channel.

    y[n,c,i,j] = weight[c] * (sum over u,v of x[n, c, i*s + u, j*s + v]) + bias[c]

    Args:
        channels: Maps read and written.
        kernel_size, stride: In pixels; `stride` is `kernel_size` where it is not given.
        padding: As in `Conv2d`; padding adds zeros.
    Shape:
        input (N, channels, H, W), output (N, channels, H_out, W_out).
    Raises:
        ShapeError: Other channels than the layer was built for, or a window that does not fit.
    Example:
        >>> s2 = Subsample2d(6, kernel_size=2)
        >>> s2(torch.zeros(1, 6, 28, 28)).shape, sum(p.numel() for p in s2.parameters())
        (torch.Size([1, 6, 14, 14]), 12)

    Source: LeCun et al. 1998, section II.B, layers S2 and S4.
    """

    def __init__(
        self,
        channels: int,
        kernel_size: Size,
        stride: Size | None = None,
        padding: PaddingSpec = 0,
        device: Any = None,
        dtype: Any = None,
    ) -> None:
        super().__init__()
        subject = type(self).__name__
        check_counts(subject, channels, channels)
        step = kernel_size if stride is None else stride
        axes = windows(subject, 2, *map(frozen, (kernel_size, step, padding)))
        self.channels = channels
        self.kernel_size = tuple(window.size for window in axes)
        self.stride = frozen(step)
        self.padding = frozen(padding)
        self.weight = nn.Parameter(torch.empty(channels, device=device, dtype=dtype))
        self.bias = nn.Parameter(torch.empty(channels, device=device, dtype=dtype))
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Start as an average: the paper's uniform +-2.4/fan_in, moved to 1/fan_in."""
        fan_in = math.prod(self.kernel_size)
        nn.init.uniform_(self.weight, -1.4 / fan_in, 3.4 / fan_in)
        nn.init.zeros_(self.bias)

    @located
    def forward(self, input: Tensor) -> Tensor:
        """Add up windows, scale, shift."""
        subject = type(self).__name__
        check_rank(input, 2, subject)
        if input.shape[-3] != self.channels:
            raise ShapeError(
                f"input {tuple(input.shape)} has {input.shape[-3]} channels; the layer was built "
                f"for {self.channels}. Build it with channels={input.shape[-3]}.",
                subject=subject,
            )
        mean = avg_pool(2, input, self.kernel_size, self.stride, self.padding)
        scale = self.weight * math.prod(self.kernel_size)
        return mean * scale[:, None, None] + self.bias[:, None, None]

    def extra_repr(self) -> str:
        return f"{self.channels}, kernel_size={self.kernel_size}, stride={self.stride}"


class TableConv2d(nn.Module):
    """Convolve where each output map reads only the input maps that a table lists.

    Only the listed pairs of an input and an output map have a filter: weight[k] is that of the
    k-th pair, output by output.

    Args:
        in_channels, out_channels: Maps read and written.
        kernel_size, stride, padding, dilation: As in `Conv2d`.
        table: For each output map, the input maps it reads.
        bias: Add one learned number per output map.
    Shape:
        input (N, in_channels, H, W), weight (pairs, K_h, K_w), output (N, out_channels, H_out,
        W_out).
    Raises:
        OptionError: A table of another size, or one that names a map there is not.
        ShapeError: The channels do not match, or the filter does not fit.
    Example:
        >>> layer = TableConv2d(3, 2, kernel_size=5, table=[(0, 1), (2,)])
        >>> layer(torch.zeros(1, 3, 14, 14)).shape, layer.weight.shape
        (torch.Size([1, 2, 10, 10]), torch.Size([3, 5, 5]))

    Source: LeCun et al. 1998, section II.B, layer C3 and Table I.
    """

    outputs: Tensor
    inputs: Tensor

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: Size,
        table: Sequence[Sequence[int]],
        stride: Size = 1,
        padding: PaddingSpec = 0,
        dilation: Size = 1,
        bias: bool = True,
        device: Any = None,
        dtype: Any = None,
    ) -> None:
        super().__init__()
        subject = type(self).__name__
        check_counts(subject, in_channels, out_channels)
        axes = windows(subject, 2, *map(frozen, (kernel_size, stride, padding, dilation)))
        self.table = _checked_table(table, in_channels, out_channels, subject)
        self.in_channels, self.out_channels = in_channels, out_channels
        self.kernel_size = tuple(window.size for window in axes)
        self.stride, self.dilation = frozen(stride), frozen(dilation)
        self.padding = frozen(padding)
        pairs = [(o, c) for o, row in enumerate(self.table) for c in row]
        outputs, inputs = torch.tensor(pairs, device=device).T
        self.register_buffer("outputs", outputs, persistent=False)
        self.register_buffer("inputs", inputs, persistent=False)
        options = {"device": device, "dtype": dtype}
        self.weight = nn.Parameter(torch.empty(len(pairs), *self.kernel_size, **options))
        self.bias = nn.Parameter(torch.empty(out_channels, **options)) if bias else None
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Draw each output map's filters uniformly in +-2.4/fan_in, as the paper does."""
        taps = math.prod(self.kernel_size)
        bounds = [2.4 / (len(row) * taps) for row in self.table for _ in row]
        with torch.no_grad():
            scale = self.weight.new_tensor(bounds)[:, None, None]
            self.weight.uniform_(-1, 1).mul_(scale)
            if self.bias is not None:
                self.bias.zero_()

    def dense_weight(self) -> Tensor:
        """Put the filters into a dense weight (O, I, K_h, K_w), zero where nothing is connected."""
        shape = (self.out_channels, self.in_channels, *self.kernel_size)
        return self.weight.new_zeros(shape).index_put((self.outputs, self.inputs), self.weight)

    @located
    def forward(self, input: Tensor) -> Tensor:
        """Convolve (N, in_channels, H, W)."""
        options = (self.stride, self.padding, self.dilation)
        return F.conv2d(input, self.dense_weight(), self.bias, *options)

    def extra_repr(self) -> str:
        return (
            f"{self.in_channels}, {self.out_channels}, kernel_size={self.kernel_size}, "
            f"pairs={len(self.weight)} of {self.in_channels * self.out_channels}"
        )


def _checked_table(
    table: Sequence[Sequence[int]], in_channels: int, out_channels: int, subject: str
) -> tuple[tuple[int, ...], ...]:
    try:
        rows = tuple(tuple(operator.index(channel) for channel in row) for row in table)
    except TypeError:
        raise OptionError(
            f"table={table!r} must list, for each output map, the numbers of the input maps it "
            f"reads, as in [(0, 1), (2,)].",
            subject=subject,
        ) from None
    if len(rows) != out_channels:
        raise OptionError(
            f"table has {len(rows)} rows; it needs one for each of the {out_channels} output maps.",
            subject=subject,
        )
    for output, row in enumerate(rows):
        if not row or len(set(row)) != len(row) or not all(0 <= c < in_channels for c in row):
            raise OptionError(
                f"table row {output} is {row}; it must list one or more of the input maps "
                f"0 .. {in_channels - 1}, each once.",
                subject=subject,
            )
    return rows


class RBF(nn.Module):
    """Compare an input with one fixed prototype a class: minus the squared distance to each.

    y[n,o] = -sum over j of (x[n,j] - prototypes[o,j])^2

    The largest output is the nearest prototype, so that argmax and cross-entropy work on it. (The
    paper takes the distance itself, of which the smallest wins.)

    Args:
        in_features, out_features: Numbers compared, and prototypes.
        prototypes: (out_features, in_features); drawn as random +-1 where they are not given.
            They are a buffer: saved, not trained.
    Shape:
        input (N, in_features) or maps (N, in_features, *), compared at each place;
        output (N, out_features) or (N, out_features, *).
    Raises:
        ShapeError: Prototypes or an input of another size.
        OptionError: A number of features that is not positive.
    Example:
        >>> RBF(2, 2, torch.tensor([[1.0, 1.0], [-1.0, 1.0]]))(torch.tensor([[1.0, 0.0]]))
        tensor([[-1., -5.]])

    Source: LeCun et al. 1998, equation 7.
    """

    prototypes: Tensor

    def __init__(
        self,
        in_features: int,
        out_features: int,
        prototypes: Tensor | Sequence[Sequence[float]] | None = None,
        device: Any = None,
        dtype: Any = None,
    ) -> None:
        super().__init__()
        for name, count in (("in_features", in_features), ("out_features", out_features)):
            if not isinstance(count, int) or count < 1:
                raise OptionError(
                    f"{name}={count!r} must be a whole number of 1 or more.",
                    subject=type(self).__name__,
                )
        self.in_features, self.out_features = in_features, out_features
        shape = (out_features, in_features)
        if prototypes is None:
            prototypes = torch.randint(0, 2, shape) * 2 - 1
        prototypes = torch.as_tensor(prototypes)
        if tuple(prototypes.shape) != shape:
            raise ShapeError(
                f"prototypes {tuple(prototypes.shape)} must be (out_features, in_features) = "
                f"{shape}.",
                subject=type(self).__name__,
            )
        kind = dtype or torch.get_default_dtype()
        self.register_buffer("prototypes", prototypes.to(device=device, dtype=kind))

    @located
    def forward(self, input: Tensor) -> Tensor:
        """Measure the distances."""
        if input.dim() < 2 or input.shape[1] != self.in_features:
            raise ShapeError(
                f"input {tuple(input.shape)} must be (N, {self.in_features}), or maps with "
                f"{self.in_features} channels.",
                subject=type(self).__name__,
            )
        # |x - p|^2 = |x|^2 - 2 x.p + |p|^2, with x.p as a 1x1 convolution over the places.
        flat = input.flatten(2) if input.dim() > 2 else input.unsqueeze(2)
        products = torch.nn.functional.conv1d(flat, self.prototypes.unsqueeze(2))
        lengths = self.prototypes.square().sum(1)[:, None]
        distances = flat.square().sum(1, keepdim=True) - 2 * products + lengths
        return -distances.reshape(len(input), self.out_features, *input.shape[2:])

    def extra_repr(self) -> str:
        return f"{self.in_features}, {self.out_features}"
