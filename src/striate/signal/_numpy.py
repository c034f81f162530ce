"""The steps of a convolution on NumPy arrays; `_torch` has the same on tensors."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from ..errors import OptionError
from . import _banded
from ._boundary import sources
from ._lengths import Sizes

Array = NDArray[Any]

_ACCEPTED = {"bool", "int8", "int16", "int32", "int64", "uint8", "uint16", "uint32"}
_ACCEPTED |= {"float16", "float32", "float64", "complex64", "complex128"}

flip = np.flip
move = np.moveaxis
permute = np.transpose
direct = _banded.correlate
tap_by_tap = _banded.rows


def arrays(input: Any, kernel: Any) -> tuple[Array, Array, Any]:
    """Bring both to the type that is computed in, and say which one the result has.

    Raises:
        OptionError: A type that is not one of the accepted ones.
    """
    x, w = as_array(input, "input"), as_array(kernel, "kernel")
    result = np.result_type(x, w)
    if result.kind in "biu":
        result = np.dtype(np.int64)
    working = np.dtype(np.float32) if result == np.float16 else result
    return x.astype(working, copy=False), w.astype(working, copy=False), result


def as_array(value: Any, name: str) -> Array:
    """Take what was given as an array of a type that is known.

    Args:
        value: An array, or what NumPy makes one of.
        name: The argument's name, for what an error says.
    Raises:
        OptionError: It is no array, hides some of its numbers, or is of another type.
    """
    if isinstance(value, np.ma.MaskedArray):
        raise OptionError(
            f"{name} is a masked array, and a convolution would read what the mask hides. "
            f"Fill it first, for example with {name}.filled(0)."
        )
    try:
        array = np.asarray(value)
    except ValueError as error:
        raise OptionError(f"{name} is no array: {error}") from None
    if array.dtype.name not in _ACCEPTED:
        raise OptionError(
            f"{name} has dtype {array.dtype}; it must be bool, an integer of up to 63 bits, "
            f"float16, float32, float64, complex64 or complex128. Convert it, for example with "
            f"np.asarray({name}, np.float64)."
        )
    return array


def kernel_array(w: Array) -> Array:
    """The kernel's numbers, for looking at."""
    return w


def vector_like(vector: Array, w: Array) -> Array:
    """A factor of the kernel, in the kernel's type."""
    return vector.astype(w.dtype, copy=False)


def epsilon(w: Array) -> float:
    """Machine epsilon of the type that is computed in."""
    return float(np.finfo(w.dtype).eps)


def is_exact(w: Array) -> bool:
    """Whether sums and products have no rounding."""
    return w.dtype.kind == "i"


def is_learned(w: Array) -> bool:
    """Whether a gradient of the kernel is asked for."""
    return False


def is_finite(y: Array) -> bool:
    """Whether no infinity and no NaN is in it."""
    return bool(np.isfinite(y.sum()))


def direct_ns(sizes: Sizes, kernel_sizes: Sizes, w: Array) -> float:
    """Estimate the time of `direct` in nanoseconds on one core, for a result (N, *places)."""
    return _banded.cost(sizes, kernel_sizes, w.dtype)


def extend(x: Array, sides: Sequence[tuple[int, int]], boundary: str) -> Array:
    """Put on each axis what is read outside: (N, *sizes) -> (N, *longer sizes)."""
    if boundary == "zeros":
        sizes = [n + sum(pair) for n, pair in zip(x.shape[1:], sides, strict=True)]
        padded = np.zeros((x.shape[0], *sizes), x.dtype)
        inside = [slice(b, b + n) for n, (b, _) in zip(x.shape[1:], sides, strict=True)]
        padded[(slice(None), *inside)] = x
        return padded
    for axis, (before, after) in enumerate(sides, start=1):
        n = x.shape[axis]
        left = x.take(sources(boundary, range(-before, 0), n), axis)
        right = x.take(sources(boundary, range(n, n + after), n), axis)
        x = np.concatenate([left, x, right], axis)
    return x


def tiles(x: Array, lengths: Sequence[int], steps: Sequence[int]) -> Array:
    """View overlapping blocks: (N, *sizes) -> (N, *blocks, *lengths)."""
    view = sliding_window_view(x, tuple(lengths), tuple(range(1, x.ndim)))
    return view[(slice(None), *(slice(None, None, step) for step in steps))]


def widened(x: Array) -> Array:
    """The same numbers in double precision."""
    return x.astype(np.complex128 if np.iscomplexobj(x) else np.float64, copy=False)


def transforms(x: Array) -> tuple[Callable[..., Array], Callable[..., Array]]:
    """The transform for this type of number and its inverse: (array, lengths, axes) -> array."""
    if np.iscomplexobj(x):
        return np.fft.fftn, np.fft.ifftn
    return np.fft.rfftn, np.fft.irfftn


def finish(y: Array, dtype: Any) -> Array:
    """The result in its type, in one piece."""
    return np.ascontiguousarray(y.astype(dtype, copy=False))
