"""The mean and the spread of each channel, over data that come in pieces."""

from __future__ import annotations

import torch
from torch import Tensor

from ._dataset import Dataset
from ._fit import convert_channels

_CHUNK_BYTES = 1 << 26


class Moments:
    """Mean and standard deviation of each channel, in float64, piece by piece.

    Pieces are joined by the update of Chan, Golub and LeVeque 1979, which stays accurate when the
    mean is large beside the spread. A channel that is constant gets the standard deviation 1, so
    that dividing by it is harmless.

    Example:
        >>> import torch
        >>> moments = Moments()
        >>> moments.add(torch.tensor([[[0.0, 0.0]], [[1.0, 1.0]]]))
        >>> moments.mean, moments.std
        ((0.5,), (0.5,))
    """

    def __init__(self) -> None:
        self._count = 0
        self._mean = torch.zeros(())
        self._squares = torch.zeros(())

    def add(self, inputs: Tensor) -> None:
        """Take in a batch (N, C, ...); uint8 counts as 0..1."""
        if inputs.numel() == 0:
            return
        values = inputs.transpose(0, 1).flatten(1).double()
        if inputs.dtype == torch.uint8:
            values /= 255
        count = values.shape[1]
        mean = values.mean(1)
        squares = (values - mean[:, None]).square_().sum(1)
        total = self._count + count
        delta = mean - self._mean
        self._squares = self._squares + squares + delta.square() * (self._count * count / total)
        self._mean = self._mean + delta * (count / total)
        self._count = total

    @property
    def mean(self) -> tuple[float, ...]:
        """Mean of each channel."""
        return tuple(self._mean.tolist()) if self._count else ()

    @property
    def std(self) -> tuple[float, ...]:
        """Standard deviation of each channel (divided by n)."""
        if not self._count:
            return ()
        std = (self._squares / self._count).sqrt()
        return tuple(torch.where(std < 1e-12, 1.0, std).tolist())


def measure(dataset: Dataset, channels: int) -> Moments:
    """Find the moments of a data set whose inputs get `channels` channels."""
    moments = Moments()
    values = max(1, torch.Size(dataset.input_shape).numel())
    step = max(1, _CHUNK_BYTES // (8 * values))
    for start in range(0, len(dataset), step):
        chunk = dataset.fetch(range(start, min(start + step, len(dataset))))
        moments.add(convert_channels(chunk, channels))
    return moments
