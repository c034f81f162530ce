"""The type of a value in a graph: its shape and its dtype."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

_ITEM_BYTES = {
    "float64": 8, "float32": 4, "float16": 2, "bfloat16": 2,
    "int64": 8, "int32": 4, "int16": 2, "int8": 1,
    "uint64": 8, "uint32": 4, "uint16": 2, "uint8": 1,
    "bool": 1, "complex64": 8, "complex128": 16,
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class TensorType:
    """A shape and a dtype, which has NumPy's name (and `bfloat16`).

    Example:
        >>> TensorType((1, 3, 32, 32)).nbytes
        12288
    """

    shape: tuple[int, ...]
    dtype: str = "float32"

    @property
    def rank(self) -> int:
        """Number of axes."""
        return len(self.shape)

    @property
    def numel(self) -> int:
        """Number of elements."""
        return math.prod(self.shape)

    @property
    def nbytes(self) -> int:
        """Bytes of all elements."""
        return self.numel * _ITEM_BYTES[self.dtype]

    @property
    def is_float(self) -> bool:
        """Whether the elements are real numbers, through which a gradient can flow."""
        return "float" in self.dtype

    def with_shape(self, *shape: int) -> TensorType:
        """Give the same dtype another shape."""
        return replace(self, shape=shape)

    def __str__(self) -> str:
        size = "x".join(map(str, self.shape)) or "scalar"
        return size if self.dtype == "float32" else f"{size} {self.dtype}"


def is_dtype(name: str) -> bool:
    """Whether a graph can hold values of this dtype."""
    return name in _ITEM_BYTES
