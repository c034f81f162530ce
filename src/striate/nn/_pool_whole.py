"""Poolings whose window follows from the map: adaptive and global."""

from __future__ import annotations

from typing import Any

from torch import Tensor, nn

from ..functional._axes import TORCH_ERRORS, check_rank
from ._layer import located


class _AdaptivePool(nn.Module):
    """Torch's adaptive poolings, with errors that say what a map must look like."""

    ndim: int

    @located
    def forward(self, input: Tensor) -> Any:
        """Pool to the output size, whatever the size of the map."""
        try:
            return super().forward(input)
        except TORCH_ERRORS:
            check_rank(input, self.ndim, type(self).__name__)
            raise


class AdaptiveMaxPool1d(_AdaptivePool, nn.AdaptiveMaxPool1d):
    """Take maxima so that the output has `output_size` places, for a signal.

    Example:
        >>> AdaptiveMaxPool1d(3)(torch.arange(6.0)[None])
        tensor([[1., 3., 5.]])
    """

    ndim = 1


class AdaptiveMaxPool2d(_AdaptivePool, nn.AdaptiveMaxPool2d):
    """Take maxima so that the output has `output_size` places on each axis, for an image.

    Place i of m reads pixels floor(i*n / m) .. ceil((i + 1)*n / m) - 1 of n.

    Args:
        output_size: One number, or one an axis; None keeps the map's.
        return_indices: Also give where each maximum stands.
    Shape:
        input (N, C, H, W), output (N, C, *output_size).
    Example:
        >>> AdaptiveMaxPool2d(7)(torch.zeros(1, 8, 20, 30)).shape
        torch.Size([1, 8, 7, 7])
    """

    ndim = 2


class AdaptiveMaxPool3d(_AdaptivePool, nn.AdaptiveMaxPool3d):
    """Take maxima so that the output has `output_size` places on each axis, for a volume.

    Example:
        >>> AdaptiveMaxPool3d(2)(torch.zeros(1, 8, 5, 6, 7)).shape
        torch.Size([1, 8, 2, 2, 2])
    """

    ndim = 3


class AdaptiveAvgPool1d(_AdaptivePool, nn.AdaptiveAvgPool1d):
    """Average so that the output has `output_size` places, for a signal.

    Example:
        >>> AdaptiveAvgPool1d(3)(torch.arange(6.0)[None])
        tensor([[0.5000, 2.5000, 4.5000]])
    """

    ndim = 1


class AdaptiveAvgPool2d(_AdaptivePool, nn.AdaptiveAvgPool2d):
    """Average so that the output has `output_size` places on each axis, for an image.

    Place i of m reads pixels floor(i*n / m) .. ceil((i + 1)*n / m) - 1 of n.

    Args:
        output_size: One number, or one an axis; None keeps the map's.
    Shape:
        input (N, C, H, W), output (N, C, *output_size).
    Example:
        >>> AdaptiveAvgPool2d((1, None))(torch.zeros(1, 8, 20, 30)).shape
        torch.Size([1, 8, 1, 30])
    """

    ndim = 2


class AdaptiveAvgPool3d(_AdaptivePool, nn.AdaptiveAvgPool3d):
    """Average so that the output has `output_size` places on each axis, for a volume.

    Example:
        >>> AdaptiveAvgPool3d(1)(torch.zeros(1, 8, 5, 6, 7)).shape
        torch.Size([1, 8, 1, 1, 1])
    """

    ndim = 3


class _GlobalPool(nn.Module):
    ndim: int

    def _axes(self, input: Tensor) -> tuple[int, ...]:
        check_rank(input, self.ndim, type(self).__name__)
        return tuple(range(-self.ndim, 0))


class _GlobalAvgPool(_GlobalPool):
    @located
    def forward(self, input: Tensor) -> Tensor:
        """Average each channel over its whole map."""
        return input.mean(self._axes(input), keepdim=True)


class _GlobalMaxPool(_GlobalPool):
    @located
    def forward(self, input: Tensor) -> Tensor:
        """Take each channel's largest value over its whole map."""
        return input.amax(self._axes(input), keepdim=True)


class GlobalAvgPool1d(_GlobalAvgPool):
    """Average each channel of a signal: (N, C, L) to (N, C, 1).

    Example:
        >>> GlobalAvgPool1d()(torch.tensor([[1.0, 2.0, 6.0]]))
        tensor([[3.]])
    """

    ndim = 1


class GlobalAvgPool2d(_GlobalAvgPool):
    """Average each channel over its map: (N, C, H, W) to (N, C, 1, 1).

    Example:
        >>> GlobalAvgPool2d()(torch.ones(1, 8, 7, 9)).shape
        torch.Size([1, 8, 1, 1])

    Source: Lin, Chen, Yan 2013, arXiv:1312.4400, section 3.2.
    """

    ndim = 2


class GlobalAvgPool3d(_GlobalAvgPool):
    """Average each channel over its volume: (N, C, D, H, W) to (N, C, 1, 1, 1).

    Example:
        >>> GlobalAvgPool3d()(torch.ones(1, 8, 4, 7, 9)).shape
        torch.Size([1, 8, 1, 1, 1])
    """

    ndim = 3


class GlobalMaxPool1d(_GlobalMaxPool):
    """Take each channel's largest value along a signal: (N, C, L) to (N, C, 1).

    Example:
        >>> GlobalMaxPool1d()(torch.tensor([[1.0, 2.0, 6.0]]))
        tensor([[6.]])
    """

    ndim = 1


class GlobalMaxPool2d(_GlobalMaxPool):
    """Take each channel's largest value in its map: (N, C, H, W) to (N, C, 1, 1).

    Example:
        >>> GlobalMaxPool2d()(torch.ones(1, 8, 7, 9)).shape
        torch.Size([1, 8, 1, 1])
    """

    ndim = 2


class GlobalMaxPool3d(_GlobalMaxPool):
    """Take each channel's largest value in its volume: (N, C, D, H, W) to (N, C, 1, 1, 1).

    Example:
        >>> GlobalMaxPool3d()(torch.ones(1, 8, 4, 7, 9)).shape
        torch.Size([1, 8, 1, 1, 1])
    """

    ndim = 3
