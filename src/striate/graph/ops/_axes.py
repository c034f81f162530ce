"""Axes and broadcasting: the checks that many operations share."""

from __future__ import annotations

from collections.abc import Sequence

from ...errors import ShapeError
from .._reach import WHOLE, Along, Reach
from .._types import TensorType


def normal_axis(axis: int, rank: int, subject: str) -> int:
    """Count a negative axis from the front.

    Raises:
        ShapeError: The value has no such axis.
    """
    if not -rank <= axis < max(rank, 1):
        raise ShapeError(f"axis {axis} of a value with {rank} axes.", subject=subject)
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


def promoted(*types: TensorType) -> str:
    """Choose the dtype: the widest float of tensors with axes, else of scalars; else the widest."""
    order = (
        "bool", "uint8", "int8", "uint16", "int16", "uint32", "int32", "uint64", "int64",
        "float16", "bfloat16", "float32", "float64", "complex64", "complex128",
    )  # fmt: skip
    tensors = [t for t in types if t.rank] or list(types)
    best = max((t.dtype for t in tensors), key=order.index)
    anything = max((t.dtype for t in types), key=order.index)
    # A scalar lifts a tensor only to a higher category: an int map times 0.5 is a float32 map.
    return best if "float" in best or "float" not in anything else anything


def broadcast_reach(shape: tuple[int, ...], result: tuple[int, ...]) -> Reach:
    """Position i reads position i; an axis of 1 that was stretched is read by every output."""
    shift = len(result) - len(shape)
    return tuple(
        WHOLE if size == 1 and result[axis + shift] != 1 else Along(axis + shift)
        for axis, size in enumerate(shape)
    )
