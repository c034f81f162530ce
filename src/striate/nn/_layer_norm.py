"""Layer normalisation: over the last axes, as torch.nn's; and over the channels of maps."""

from __future__ import annotations

from typing import Any

from torch import Tensor, fx, nn

from .. import functional as F
from ..errors import ShapeError
from ..functional._axes import check_like, check_rank
from ._checks import check_features, check_positive, check_tensor
from ._layer import located
from ._norm import _Norm


class LayerNorm(_Norm, nn.LayerNorm):
    """Normalise over the last axes: torch.nn.LayerNorm. For (N, C, H, W) see `LayerNorm2d`.

    Args:
        normalized_shape: Lengths of the axes normalised over; one int for the last axis alone.
        eps, elementwise_affine, bias, device, dtype: As in torch.nn.LayerNorm.
    Shape:
        input and output (*, *normalized_shape).
    Raises:
        ShapeError: An input that does not end in `normalized_shape`.
    Example:
        >>> LayerNorm(64)(torch.randn(2, 10, 64)).shape
        torch.Size([2, 10, 64])

    Source: Ba, Kiros, Hinton 2016, arXiv:1607.06450.
    """

    def _explain(self, input: Tensor) -> None:
        subject, needed = type(self).__name__, tuple(self.normalized_shape)
        check_tensor(input, subject)
        if tuple(input.shape[-len(needed) :]) != needed:
            advice = f"Build it with the last axes of the input, {tuple(input.shape[1:])} say"
            if input.dim() in (3, 4, 5) and needed == (input.shape[1],):
                advice = f"For channels first use LayerNorm{input.dim() - 2}d({needed[0]})"
            raise ShapeError(
                f"input {tuple(input.shape)} must end in normalized_shape={needed}. {advice}.",
                subject=subject,
            )
        if self.weight is not None:
            check_like(input, self.weight, "weight", subject)


class _LayerNormOfChannels(nn.LayerNorm):
    ndim: int

    def __init__(self, num_channels: int, *args: Any, **kwargs: Any) -> None:
        check_positive(type(self).__name__, num_channels=num_channels)
        super().__init__(num_channels, *args, **kwargs)

    @located
    def forward(self, input: Tensor) -> Tensor:
        """Normalise with the channels last, and put them back."""
        axis = -self.ndim - 1
        if not isinstance(input, fx.Proxy):
            subject = type(self).__name__
            check_rank(input, self.ndim, subject)
            check_features(input, axis, self.normalized_shape[0], "num_channels", subject)
        last = input.movedim(axis, -1)
        output = F.layer_norm(last, self.normalized_shape, self.weight, self.bias, self.eps)
        return output.movedim(-1, axis)


class LayerNorm1d(_LayerNormOfChannels):
    """Normalise the channels at each place of a signal: `LayerNorm2d` on (N, C, L).

    Example:
        >>> LayerNorm1d(8)(torch.randn(2, 8, 50)).shape
        torch.Size([2, 8, 50])
    """

    ndim = 1


class LayerNorm2d(_LayerNormOfChannels):
    """Normalise the channels at each pixel.

    y[n,c,i,j] = weight[c] * (x[n,c,i,j] - mean[n,i,j]) / sqrt(var[n,i,j] + eps) + bias[c]

    Args:
        num_channels: Channels, C.
        eps, elementwise_affine, bias, device, dtype: As in torch.nn.LayerNorm.
    Shape:
        input and output (N, C, H, W) or (C, H, W), weight and bias (C,).
    Raises:
        ShapeError: Other channels than the layer was built for.
    Example:
        >>> LayerNorm2d(8)(torch.randn(2, 8, 5, 5)).mean(1).abs().max().item() < 1e-6
        True

    Source: Liu et al. 2022, arXiv:2201.03545 (ConvNeXt).
    """

    ndim = 2


class LayerNorm3d(_LayerNormOfChannels):
    """Normalise the channels at each place of a volume: `LayerNorm2d` on (N, C, D, H, W).

    Example:
        >>> LayerNorm3d(4)(torch.randn(2, 4, 3, 5, 5)).shape
        torch.Size([2, 4, 3, 5, 5])
    """

    ndim = 3
