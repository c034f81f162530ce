"""Kernels as sums of outer products: an N-dimensional kernel as a few passes of 1D ones."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

Term = list[NDArray[Any]]
"""One vector an axis; their outer product is the term."""

ROUNDINGS = 8
"""How many roundings of its entries may separate a kernel from its factors."""


def factor(kernel: NDArray[Any], eps: float, most: int) -> list[Term] | None:
    """Write a kernel as a sum of at most `most` outer products of vectors.

    kernel = sum over terms of term[0] x term[1] x ..., but for a rest r with

        |r| <= 8 * eps * |kernel|        Frobenius norms

    which is what rounding leaves of a kernel that was made as such a product. Gaussian elimination
    with complete pivoting: each step takes the cross through the largest entry away, and keeps
    small whole numbers exact. A volume is split into vectors and planes first, then the planes.

    Args:
        kernel: Real or complex, one axis or more.
        eps: Machine epsilon of the kernel's own type.
        most: Give up when more terms are needed.
    Returns:
        The terms, or None where the kernel needs more of them (or is not finite).
    Example:
        >>> sobel = np.outer([1.0, 2.0, 1.0], [-1.0, 0.0, 1.0])
        >>> [[v.tolist() for v in term] for term in factor(sobel, eps=2.0**-52, most=1)]
        [[[0.5, 1.0, 0.5], [-2.0, 0.0, 2.0]]]

    Source: Goreinov, Tyrtyshnikov and Zamarashkin 1997, pseudoskeleton approximations.
    """
    if not np.isfinite(kernel).all():
        return None
    # Each of the ndim - 1 splittings may leave its share of the rest.
    allowed = ROUNDINGS * eps * float(np.linalg.norm(kernel)) / max(kernel.ndim - 1, 1)
    return _terms(kernel, allowed, most)


def _terms(kernel: NDArray[Any], allowed: float, most: int) -> list[Term] | None:
    if kernel.ndim == 1:
        return [[kernel]] if most else None
    rest = kernel.reshape(len(kernel), -1).copy()
    terms: list[Term] = []
    while not terms or np.linalg.norm(rest) > allowed:
        i, j = np.unravel_index(np.argmax(abs(rest)), rest.shape)
        pivot = rest[i, j]
        column, row = rest[:, j] / (pivot or 1), rest[i].copy()
        planes = _terms(row.reshape(kernel.shape[1:]), allowed, most - len(terms))
        if planes is None:
            return None
        terms += [[column, *plane] for plane in planes]
        rest -= np.outer(column, row)
        rest[i], rest[:, j] = 0, 0  # exactly: rounding would leave crumbs there
    return terms
