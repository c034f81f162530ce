"""Convolution as its formula stands: one output and one tap at a time."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np

NUMPY_PAD = {
    "zeros": "constant",
    "reflect": "reflect",
    "symmetric": "symmetric",
    "replicate": "edge",
    "circular": "wrap",
}
NDIMAGE = {
    "zeros": "constant",
    "reflect": "mirror",
    "symmetric": "reflect",
    "replicate": "nearest",
    "circular": "wrap",
}
BOUNDARIES = list(NUMPY_PAD)


def convolve(x: Any, w: Any, mode: str = "full", boundary: str = "zeros") -> Any:
    """Pad with np.pad, then y[i] = sum over u of w[u] * x[i + s - u]."""
    x, w = np.asarray(x), np.asarray(w)
    shift = {
        "full": [0] * w.ndim,
        "same": [(k - 1) // 2 for k in w.shape],
        "valid": [k - 1 for k in w.shape],
    }[mode]
    length = {
        "full": [n + k - 1 for n, k in zip(x.shape, w.shape, strict=True)],
        "same": list(x.shape),
        "valid": [n - k + 1 for n, k in zip(x.shape, w.shape, strict=True)],
    }[mode]
    margin = [k - 1 for k in w.shape]
    padded = np.pad(x, [(m, m) for m in margin], mode=NUMPY_PAD[boundary])  # type: ignore[call-overload]
    y = np.zeros(length, np.result_type(x, w, np.int64))
    for place in itertools.product(*map(range, length)):
        for tap in itertools.product(*map(range, w.shape)):
            read = tuple(
                m + i + s - u for m, i, s, u in zip(margin, place, shift, tap, strict=True)
            )
            y[place] += w[tap] * padded[read]
    return y


def tolerance(x: Any, w: Any, eps: float = 2.0**-52) -> float:
    """8 * eps * |w| * |the largest window of x|: twice the house's, for there are two passes."""
    x, w = np.asarray(x), np.asarray(w)
    window = abs(x).max() * np.sqrt(w.size)
    return float(8 * eps * np.linalg.norm(w) * window) + 1e-300
