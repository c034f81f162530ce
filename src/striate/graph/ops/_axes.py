"""Axes and broadcasting: the checks that many operations share."""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

import numpy as np

from ...errors import ShapeError
from .._reach import WHOLE, Along, Reach
from .._sizes import Size
from .._types import TensorType


def whole_sizes(sizes: Sequence[int | Size]) -> tuple[int, ...]:
    """Take sizes as the ints that they are once a graph has put the numbers in."""
    return tuple(int(cast("int", size)) for size in sizes)


def normal_axis(axis: int, rank: int, subject: str) -> int:
    """Count a negative axis from the front.

    Raises:
        ShapeError: The value has no such axis.
    """
    if not -rank <= axis < max(rank, 1):
        raise ShapeError(
            f"there is no axis {axis} in a value with {rank} axes; use {-rank} .. {rank - 1}.",
            subject=subject,
        )
    return axis % rank if rank else 0


def normal_axes(axes: Sequence[int], rank: int, subject: str) -> tuple[int, ...]:
    """Count negative axes from the front."""
    return tuple(normal_axis(axis, rank, subject) for axis in axes)


def broadcast_shapes(subject: str, *shapes: tuple[int, ...]) -> tuple[int, ...]:
    """Find the shape that all broadcast to, as NumPy and torch do.

    Raises:
        ShapeError: Two sizes differ and neither is 1.
    """
    rank = max(map(len, shapes), default=0)
    result = [1] * rank
    for shape in shapes:
        for axis, size in enumerate(shape, start=rank - len(shape)):
            if size != 1 and result[axis] not in (1, size):
                sizes = " and ".join("x".join(map(str, s)) or "scalar" for s in shapes)
                raise ShapeError(
                    f"{sizes} do not fit together: along axis {axis} one has {result[axis]}, the "
                    f"other {size}. Equal sizes or 1 are needed.",
                    subject=subject,
                )
            if size != 1:
                result[axis] = size
    return tuple(result)


def broadcast(subject: str, *types: TensorType) -> TensorType:
    """Find the type of an element by element operation."""
    shape = broadcast_shapes(subject, *(t.shape for t in types))
    return TensorType(shape, promoted(*types))


def number_type(number: float) -> TensorType:
    """Give a plain number the type that it has beside a tensor: torch's default of its category."""
    if isinstance(number, bool):
        return TensorType((), "bool")
    return TensorType((), "int64" if isinstance(number, int) else "float32")


def accumulated(x: TensorType) -> TensorType:
    """Give the type in which torch adds a value's numbers up: halves as float32."""
    return TensorType(x.shape, "float32" if x.dtype in ("float16", "bfloat16") else x.dtype)


def promoted(*types: TensorType) -> str:
    """Choose the dtype of a result as torch does.

    Tensors with axes decide; one without lifts them only to a higher category (bool, whole, real,
    complex): an int map times 0.5 is a float32 map, a float16 map times a float32 scalar stays.

    Source: torch.result_type.
    """
    tensors = [t.dtype for t in types if t.rank]
    scalars = [t.dtype for t in types if not t.rank]
    if not tensors or max(map(_category, scalars), default=0) > max(map(_category, tensors)):
        tensors = [d for d in scalars if _category(d) == max(map(_category, scalars))]
    category = max(map(_category, tensors))
    kinds = {d for d in tensors if _category(d) == category}
    if kinds == {"float16", "bfloat16"}:
        return "float32"
    if "bfloat16" in kinds:  # NumPy has none; every other real dtype is wider
        return max(kinds - {"bfloat16"} or kinds)
    return np.result_type(*kinds).name


def _category(dtype: str) -> int:
    """Rank bool, whole, real and complex numbers."""
    names = ("bool", "int", "float", "complex")
    return next(k for k, name in enumerate(names) if name in dtype)


def broadcast_reach(shape: tuple[int, ...], result: tuple[int, ...]) -> Reach:
    """Position i reads position i; an axis of 1 that was stretched is read by every output."""
    shift = len(result) - len(shape)
    return tuple(
        WHOLE if size == 1 and result[axis + shift] != 1 else Along(axis + shift)
        for axis, size in enumerate(shape)
    )
