"""What stands outside the input: where each boundary reads the positions it has not got.

zeros       0 0 0 | a b c d | 0 0 0
reflect     d c b | a b c d | c b a      the edge is not repeated
symmetric   c b a | a b c d | d c b      the edge is repeated
replicate   a a a | a b c d | d d d
circular    b c d | a b c d | a b c
"""

from __future__ import annotations

from typing import Any, Literal, get_args

import numpy as np

Boundary = Literal["zeros", "reflect", "symmetric", "replicate", "circular"]
BOUNDARIES = get_args(Boundary)

# Other libraries' names. Their 'reflect' is not one meaning: scipy.ndimage's is our 'symmetric'.
ELSEWHERE = {
    "constant": "zeros",
    "fill": "zeros",
    "mirror": "reflect",
    "symm": "symmetric",
    "nearest": "replicate",
    "edge": "replicate",
    "wrap": "circular",
    "grid-wrap": "circular",
    "grid-mirror": "symmetric",
    "periodic": "circular",
}


def sources(boundary: str, positions: range, n: int) -> Any:
    """Find the pixel of an axis of `n` that stands on each position outside it.

    Positions farther out than the axis is long go on with the pattern.

    Example:
        >>> sources("reflect", range(-5, 0), 4).tolist()
        [1, 2, 3, 2, 1]
    """
    p = np.arange(positions.start, positions.stop)
    if boundary == "replicate":
        return p.clip(0, n - 1)
    if boundary == "circular":
        return p % n
    if boundary == "symmetric":
        p = p % (2 * n)
        return np.minimum(p, 2 * n - 1 - p)
    period = max(2 * (n - 1), 1)  # reflect; one pixel is all there is to read
    p = p % period
    return np.minimum(p, period - p) if n > 1 else p
