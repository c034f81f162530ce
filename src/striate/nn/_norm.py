"""Normalisations by statistics of batches, maps or groups: torch.nn's, with errors that help."""

from __future__ import annotations

import math
from typing import Any

from torch import Tensor, fx, nn

from ..errors import ShapeError
from ..functional._axes import LAYOUT, TORCH_ERRORS, check_like, check_rank
from ._checks import check_features, check_positive, check_tensor
from ._layer import located


class _Norm(nn.Module):
    """Let torch normalise; when it refuses, look for the reason."""

    ndim: int

    @located
    def forward(self, input: Tensor) -> Tensor:
        """Normalise."""
        try:
            output: Tensor = super().forward(input)
        except (*TORCH_ERRORS, AttributeError):  # what is no tensor has no dim()
            if not isinstance(input, fx.Proxy):
                self._explain(input)
            raise
        return output

    def _check_input_dim(self, input: Tensor) -> None:
        # torch.fx passes a proxy, which has no shape to check yet.
        if not isinstance(input, fx.Proxy):
            super()._check_input_dim(input)  # type: ignore[misc]

    def _explain(self, input: Tensor) -> None:
        raise NotImplementedError


class _BatchNorm(_Norm):
    num_features: int

    def __init__(self, num_features: int, *args: Any, **kwargs: Any) -> None:
        check_positive(type(self).__name__, num_features=num_features)
        super().__init__(num_features, *args, **kwargs)

    def _explain(self, input: Tensor) -> None:
        subject = type(self).__name__
        check_rank(input, self.ndim, subject)
        layouts = {2: "(N, C)", 3: "NCL"} if self.ndim == 1 else {self.ndim + 2: LAYOUT[self.ndim]}
        if input.dim() not in layouts:
            raise ShapeError(
                f"input {tuple(input.shape)} has {input.dim()} axes; {LAYOUT[self.ndim]} has "
                f"{self.ndim + 2}, and a batch is needed to normalise over. Add its axis with "
                f"x.unsqueeze(0).",
                subject=subject,
            )
        check_features(input, 1, self.num_features, "num_features", subject)
        if input.numel() == self.num_features:
            raise ShapeError(
                f"input {tuple(input.shape)} holds one value a channel, which has no spread to "
                f"normalise by in training. Use a batch of 2 or more (drop_last=True drops a last "
                f"one of 1), larger maps, or the layer in eval mode.",
                subject=subject,
            )
        if isinstance(self.weight, Tensor):
            check_like(input, self.weight, "weight", subject)


class BatchNorm1d(_BatchNorm, nn.BatchNorm1d):
    """Normalise each feature, or each channel of a signal: `BatchNorm2d` on (N, C) or (N, C, L).

    Example:
        >>> BatchNorm1d(8)(torch.randn(16, 8)).shape
        torch.Size([16, 8])
    """

    ndim = 1


class BatchNorm2d(_BatchNorm, nn.BatchNorm2d):
    """Normalise each channel over the batch and its maps: torch.nn.BatchNorm2d.

    y[n,c,i,j] = weight[c] * (x[n,c,i,j] - mean[c]) / sqrt(var[c] + eps) + bias[c]

    mean and var are the batch's in training, and their running averages in eval mode.

    Args:
        num_features: Channels, C.
        eps, momentum, affine, track_running_stats, device, dtype: As in torch.nn.BatchNorm2d.
    Shape:
        input and output (N, C, H, W).
    Raises:
        ShapeError: Other channels than the layer was built for, no batch, or, in training, a
            single value a channel.
    Example:
        >>> BatchNorm2d(8)(torch.randn(2, 8, 5, 5)).mean().abs().item() < 1e-6
        True

    Source: Ioffe, Szegedy 2015, arXiv:1502.03167.
    """

    ndim = 2


class BatchNorm3d(_BatchNorm, nn.BatchNorm3d):
    """Normalise each channel over the batch and its volumes: `BatchNorm2d` on (N, C, D, H, W).

    Example:
        >>> BatchNorm3d(4)(torch.randn(2, 4, 3, 5, 5)).shape
        torch.Size([2, 4, 3, 5, 5])
    """

    ndim = 3


class _InstanceNorm(_Norm):
    num_features: int

    def __init__(self, num_features: int, *args: Any, **kwargs: Any) -> None:
        check_positive(type(self).__name__, num_features=num_features)
        super().__init__(num_features, *args, **kwargs)

    @located
    def forward(self, input: Tensor) -> Tensor:
        """Normalise."""
        if isinstance(input, fx.Proxy):  # whose channels cannot be compared
            return self._apply_instance_norm(input)
        return super().forward(input)

    def _explain(self, input: Tensor) -> None:
        subject = type(self).__name__
        check_rank(input, self.ndim, subject)
        check_features(input, -self.ndim - 1, self.num_features, "num_features", subject)
        sizes = input.shape[-self.ndim :]
        if math.prod(sizes) == 1:
            raise ShapeError(
                f"input {tuple(input.shape)} has maps of one pixel, which have no spread to "
                f"normalise by. Use larger maps, or a norm over the channels (LayerNorm"
                f"{self.ndim}d, GroupNorm).",
                subject=subject,
            )
        if isinstance(self.weight, Tensor):
            check_like(input, self.weight, "weight", subject)


class InstanceNorm1d(_InstanceNorm, nn.InstanceNorm1d):
    """Normalise each channel of each signal: `InstanceNorm2d` on (N, C, L).

    Example:
        >>> InstanceNorm1d(8)(torch.randn(2, 8, 50)).shape
        torch.Size([2, 8, 50])
    """

    ndim = 1


class InstanceNorm2d(_InstanceNorm, nn.InstanceNorm2d):
    """Normalise each channel of each image over its own map: torch.nn.InstanceNorm2d.

    Args:
        num_features: Channels, C.
        eps, momentum, affine, track_running_stats, device, dtype: As in torch.nn.InstanceNorm2d.
    Shape:
        input and output (N, C, H, W) or (C, H, W).
    Raises:
        ShapeError: Other channels than the layer was built for, or maps of one pixel.
    Example:
        >>> InstanceNorm2d(8)(torch.randn(2, 8, 5, 5)).mean((2, 3)).abs().max().item() < 1e-6
        True

    Source: Ulyanov, Vedaldi, Lempitsky 2016, arXiv:1607.08022.
    """

    ndim = 2


class InstanceNorm3d(_InstanceNorm, nn.InstanceNorm3d):
    """Normalise each channel of each volume: `InstanceNorm2d` on (N, C, D, H, W).

    Example:
        >>> InstanceNorm3d(4)(torch.randn(2, 4, 3, 5, 5)).shape
        torch.Size([2, 4, 3, 5, 5])
    """

    ndim = 3


class GroupNorm(_Norm, nn.GroupNorm):
    """Normalise groups of channels of each sample: torch.nn.GroupNorm.

    Args:
        num_groups: Groups the channels are split into; 1 normalises them all together.
        num_channels: Channels, a multiple of `num_groups`.
        eps, affine, device, dtype: As in torch.nn.GroupNorm.
    Shape:
        input and output (N, num_channels, *).
    Raises:
        ShapeError: Groups that do not divide the channels, or an input of other channels.
    Example:
        >>> GroupNorm(4, 16)(torch.randn(2, 16, 5, 5)).shape
        torch.Size([2, 16, 5, 5])

    Source: Wu, He 2018, arXiv:1803.08494.
    """

    def __init__(self, num_groups: int, num_channels: int, *args: Any, **kwargs: Any) -> None:
        subject = type(self).__name__
        check_positive(subject, num_groups=num_groups, num_channels=num_channels)
        if num_channels % num_groups:
            fitting = [str(g) for g in range(1, num_channels + 1) if num_channels % g == 0]
            raise ShapeError(
                f"num_groups={num_groups} must divide num_channels={num_channels}. It can be "
                f"{' or '.join(fitting)}.",
                subject=subject,
            )
        super().__init__(num_groups, num_channels, *args, **kwargs)

    def _explain(self, input: Tensor) -> None:
        subject = type(self).__name__
        check_tensor(input, subject)
        if input.dim() < 2:
            raise ShapeError(
                f"input {tuple(input.shape)} has {input.dim()} axes; it must be "
                f"(N, {self.num_channels}, ...).",
                subject=subject,
            )
        check_features(input, 1, self.num_channels, "num_channels", subject)
        if input.numel() == self.num_groups:
            raise ShapeError(
                f"input {tuple(input.shape)} holds one value a group, which has no spread to "
                f"normalise by. Use fewer groups or larger maps.",
                subject=subject,
            )
        if isinstance(self.weight, Tensor):
            check_like(input, self.weight, "weight", subject)
