"""Splitting a data set in two, evenly over the classes and without chance."""

from __future__ import annotations

from fractions import Fraction

import torch
from torch import Tensor

from ..errors import OptionError

TEST_FRACTION = 0.2


def split(labels: Tensor, fraction: float = TEST_FRACTION) -> tuple[Tensor, Tensor]:
    """Choose `fraction` of the samples of every class, evenly spaced in their order.

    Sample k of a class (k = 0, 1, ...) is chosen if floor((k + 1) * fraction) is larger than
    floor(k * fraction): for a fifth these are 4, 9, 14, ... So a class of n samples gives
    floor(n * fraction) of them.

    Args:
        labels: The class number of each sample.
        fraction: Between 0 and 1; rounded to a fraction with a denominator up to 1000.
    Returns:
        The indices of the rest, and the indices of the chosen samples, both ascending.
    Raises:
        OptionError: The fraction is not between 0 and 1.
    Example:
        >>> import torch
        >>> split(torch.zeros(10), 0.2)[1]
        tensor([4, 9])
    """
    if not 0 <= fraction < 1:
        raise OptionError(f"split: fraction={fraction} must be at least 0 and less than 1.")
    share = Fraction(fraction).limit_denominator(1000)
    p, q = share.numerator, share.denominator
    chosen = torch.zeros(len(labels), dtype=torch.bool)
    for label in labels.unique():
        members = (labels == label).nonzero().squeeze(1)
        k = torch.arange(len(members))
        chosen[members] = (k + 1) * p // q > k * p // q
    return (~chosen).nonzero().squeeze(1), chosen.nonzero().squeeze(1)
