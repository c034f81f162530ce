"""What every kind of operation says of itself: the base class, and the table of kinds.

Adding an operation is adding one class in `graph/ops/`: a frozen dataclass whose fields are its
arguments (numbers, text, tuples of them, `Window`s, sizes), with the methods below. Weights are
inputs, behind the data, in the order that `slots` names them.
"""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from fractions import Fraction
from functools import cached_property
from typing import TYPE_CHECKING, Any, ClassVar, Self, TypeVar

import numpy as np

from ..errors import GraphError, OptionError, ShapeError
from ._reach import WHOLE, Reach
from ._sizes import Lookup, bound, depends
from ._types import TensorType

if TYPE_CHECKING:
    from ._backward import Backward

Type = TensorType | None
"""None is an optional input that is absent."""

Array = np.ndarray[Any, Any]

OPERATIONS: dict[str, type[Operation]] = {}
"""Every kind by name; `kind` of a subclass puts it here."""

AnyOperation = TypeVar("AnyOperation", bound=type)


@dataclass(frozen=True, slots=True)
class Connections:
    """Pairs of a unit and something it reads: a real unit or a bias, or (apart) padding."""

    real: int
    padding: int = 0


@dataclass(frozen=True, slots=True)
class Saved:
    """What torch keeps for the backward pass.

    Args:
        inputs, outputs: Numbers of the inputs and outputs kept whole.
        extra_bytes: Masks, indices and statistics kept besides.
    """

    inputs: tuple[int, ...] = ()
    outputs: tuple[int, ...] = ()
    extra_bytes: int = 0


def register(operation: AnyOperation) -> AnyOperation:
    """Put a class into the table of operations under its `kind`."""
    OPERATIONS[operation.kind] = operation  # type: ignore[attr-defined]
    return operation


class Operation:
    """One kind of operation, with its arguments.

    Types come in as inputs (None where an optional input is absent), arrays likewise.
    """

    kind: ClassVar[str] = ""
    slots: ClassVar[tuple[str, ...]] = ()
    """Names of the inputs, data first, in torch's words."""
    view: ClassVar[bool] = False
    """Whether torch's result shares the memory of input 0."""

    def infer(self, *inputs: Any) -> tuple[TensorType, ...]:
        """Find the output types.

        Raises:
            ShapeError: The inputs do not fit; the message tells what would.
        """
        raise NotImplementedError(f"{type(self).__name__}.infer")

    def evaluate(self, *inputs: Any) -> tuple[Array, ...]:
        """Compute the outputs with NumPy, in the dtype of the inputs: plain, slow, right."""
        raise NotImplementedError(f"{type(self).__name__}.evaluate")

    def gradient(self, back: Backward, number: int) -> str | None:
        """Add the nodes that compute the gradient of input `number`.

        Args:
            back: The node on the way back, to which nodes are added.
            number: Of an input of real numbers that wants a gradient.
        Returns:
            Name of the gradient, with the input's type; None where it is 0 everywhere.
        Raises:
            GraphError: The gradient is not known.
        """
        raise GraphError(f"the gradient of {self.kind} is not known.")

    def reach(self, inputs: tuple[Type, ...], outputs: tuple[TensorType, ...]) -> tuple[Reach, ...]:
        """Say which positions of each input an output position reads; weights are left out."""
        return tuple((WHOLE,) * (x.rank if x else 0) for x in inputs)

    def macs(self, inputs: tuple[Type, ...], outputs: tuple[TensorType, ...]) -> int | None:
        """Count multiply-adds of products (convolutions, matrix products); None is unknown."""
        return 0

    def connections(
        self, inputs: tuple[Type, ...], outputs: tuple[TensorType, ...]
    ) -> Connections | None:
        """Count pairs of an output and what it sums up; None where the idea does not apply."""
        return None

    def saved(self, inputs: tuple[Type, ...], outputs: tuple[TensorType, ...]) -> Saved | None:
        """Tell what torch keeps for the backward pass; None is unknown."""
        return Saved()

    def scratch_bytes(self, inputs: tuple[Type, ...], outputs: tuple[TensorType, ...]) -> int:
        """Tell what torch allocates while it runs at test time, and frees when it is done."""
        return 0

    def describe(self) -> str:
        """Write the arguments that matter in a few words: `3x3, stride 2, padding 1`."""
        return ", ".join(
            f"{field.name}={_shown(getattr(self, field.name))}"
            for field in fields(self)  # type: ignore[arg-type]
            if getattr(self, field.name) != field.default
        )

    @cached_property
    def depends_on_sizes(self) -> bool:
        """Whether a field is arithmetic over sizes, to be worked out for each input shape."""
        return any(depends(getattr(self, f.name)) for f in fields(self))  # type: ignore[arg-type]

    def bind(self, lookup: Lookup) -> Self:
        """Put the numbers in where a field is arithmetic over sizes.

        Raises:
            ShapeError: A size is not whole: a half of an odd length, say.
        """
        values = {f.name: getattr(self, f.name) for f in fields(self)}  # type: ignore[arg-type]
        changed = {name: bound(value, lookup) for name, value in values.items() if depends(value)}
        for name, value in changed.items():
            if _has_fraction(value):
                raise ShapeError(
                    f"{name}={_shown(value)} must be whole here: the input's size does not divide.",
                    subject=self.kind,
                )
        return replace(self, **changed)  # type: ignore[type-var]


def _has_fraction(value: Any) -> bool:
    if isinstance(value, tuple):
        return any(map(_has_fraction, value))
    return isinstance(value, Fraction)


def find_operation(kind: str) -> type[Operation]:
    """Look a kind up.

    Raises:
        OptionError: There is no such kind.
    """
    if kind not in OPERATIONS:
        known = ", ".join(sorted(OPERATIONS))
        raise OptionError(f"operation {kind!r} is not known. Known are {known}.")
    return OPERATIONS[kind]


def _shown(value: Any) -> str:
    if isinstance(value, tuple):
        return f"({', '.join(map(_shown, value))})"
    return str(value)
