"""A weight of a graph: a reference to the array that the user's model holds, never a copy."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Literal

import numpy as np

from ..errors import GraphError
from ._types import TensorType

Role = Literal["parameter", "buffer", "constant"]


@dataclass(frozen=True, eq=False)
class Weight:
    """An array that belongs to the network.

    Args:
        name: Its name in the model's state dict, or in the ONNX file.
        type: Shape and dtype.
        source: The torch tensor, NumPy array or memory map itself, or what NumPy makes one of.
        role: `parameter` (learned), `buffer` (running statistics) or `constant`.
        trainable: Whether it receives a gradient.
    """

    name: str
    type: TensorType
    source: Any = field(repr=False)
    role: Role = "parameter"
    trainable: bool = True

    def numpy(self) -> np.ndarray[Any, Any]:
        """Look at the numbers: the model's own memory where that is possible, else a copy."""
        return self._array

    @cached_property
    def _array(self) -> np.ndarray[Any, Any]:
        if isinstance(self.source, np.ndarray):
            return self.source
        if not hasattr(self.source, "detach"):
            return np.asarray(self.source)
        tensor = self.source.detach()
        if tensor.is_meta:
            raise GraphError(
                f"{self.name}: the model was built on torch's meta device, so its weights have "
                f"shapes but no numbers. Build it on a real device to run its graph."
            )
        tensor = tensor.cpu()
        if self.type.dtype == "bfloat16":
            tensor = tensor.float()  # NumPy has no bfloat16
        return tensor.numpy()  # type: ignore[no-any-return]
