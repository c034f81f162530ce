"""A convolution whose arguments have been checked: what the paths start from."""

from __future__ import annotations

import math
import operator
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from ..errors import OptionError, ShapeError
from ._boundary import BOUNDARIES, ELSEWHERE
from ._lengths import MODES, output_sizes, sides


@dataclass(frozen=True)
class Problem:
    """Slide `w` over `x`, which has one batch axis in front: (N, *sizes) and (*K)."""

    library: Any
    x: Any
    w: Any
    mode: str
    boundary: str
    dtype: Any
    """The result's."""
    leading: tuple[int, ...]
    """The axes that are not convolved, before they were made one batch."""
    axes: tuple[int, ...]
    """Where the convolved axes stood in the input."""

    @property
    def output_sizes(self) -> tuple[int, ...]:
        """Outputs along each convolved axis."""
        return output_sizes(tuple(self.x.shape[1:]), tuple(self.w.shape), self.mode)

    @property
    def extended_sizes(self) -> tuple[int, ...]:
        """Pixels along each convolved axis, with what the boundary adds."""
        added = sides(tuple(self.w.shape), self.mode)
        return tuple(n + sum(pair) for n, pair in zip(self.x.shape[1:], added, strict=True))

    def extended(self) -> Any:
        """The input with what the boundary adds."""
        return self.library.extend(self.x, sides(tuple(self.w.shape), self.mode), self.boundary)

    def restored(self, y: Any) -> Any:
        """Give the result the input's axes and its type."""
        y = y.reshape((*self.leading, *self.output_sizes))
        y = self.library.move(y, tuple(range(-len(self.axes), 0)), self.axes)
        return self.library.finish(y, self.dtype)


def pose(
    subject: str,
    input: Any,
    kernel: Any,
    mode: str,
    boundary: str,
    axes: int | Sequence[int] | None,
) -> Problem:
    """Check the arguments of `convolve` or `correlate`, and turn convolution into correlation.

    Raises:
        OptionError, ShapeError: See `convolve`.
    """
    try:
        _check_words(mode, boundary)
        library = _library(input, kernel)
        x, w, dtype = library.arrays(input, kernel)
        where = _axes(axes, tuple(x.shape), tuple(w.shape))
        sizes = tuple(x.shape[axis] for axis in where)
        _check_sizes(subject, sizes, tuple(w.shape), mode)
    except (OptionError, ShapeError) as error:
        raise error.of(subject) from None
    w = library.flip(w) if subject == "convolve" else w.conj()
    x = library.move(x, where, tuple(range(-w.ndim, 0)))
    leading = tuple(x.shape[: -w.ndim])
    x = x.reshape((math.prod(leading), *sizes))
    return Problem(library, x, w, mode, boundary, dtype, leading, where)


def _library(input: Any, kernel: Any) -> Any:
    """The module with the steps for these arrays; without torch loaded there are no tensors."""
    torch = sys.modules.get("torch")
    if torch is not None and (isinstance(input, torch.Tensor) or isinstance(kernel, torch.Tensor)):
        from . import _torch

        return _torch
    from . import _numpy

    return _numpy


def _check_words(mode: str, boundary: str) -> None:
    if mode not in MODES:
        raise OptionError(f"mode={mode!r} is not known. Use one of {', '.join(MODES)}.")
    if boundary not in BOUNDARIES:
        hint = f"; here it is called {ELSEWHERE[boundary]!r}" if boundary in ELSEWHERE else ""
        raise OptionError(
            f"boundary={boundary!r} is not known{hint}. Use one of {', '.join(BOUNDARIES)}."
        )
    if mode == "valid" and boundary != "zeros":
        raise OptionError(
            f"boundary={boundary!r} has no effect with mode='valid', which reads nothing outside "
            f"the input. Use mode='same', or leave the boundary out."
        )


def _axes(
    axes: int | Sequence[int] | None, shape: tuple[int, ...], kernel_sizes: tuple[int, ...]
) -> tuple[int, ...]:
    """The axes of the input that the kernel's axes go along, counted from the front."""
    ndim = len(kernel_sizes)
    if not 1 <= ndim <= 3:
        raise ShapeError(f"kernel {kernel_sizes} has {ndim} axes; it must have 1, 2 or 3.")
    if len(shape) < ndim:
        raise ShapeError(
            f"input {shape} has fewer axes than kernel {kernel_sizes}. The kernel's axes go along "
            f"the input's last ones: give a kernel of {len(shape) or 1} "
            f"{'axes' if len(shape) > 1 else 'axis'}, or an input of {ndim} or more."
        )
    if axes is None:
        return tuple(range(len(shape) - ndim, len(shape)))
    try:
        given = tuple(axes) if isinstance(axes, Sequence) else (axes,)
        where = tuple(range(len(shape))[operator.index(axis)] for axis in given)
    except (TypeError, IndexError):
        raise OptionError(
            f"axes={axes!r} must be whole numbers from {-len(shape)} to {len(shape) - 1}: "
            f"input {shape} has {len(shape)} axes."
        ) from None
    if len(where) != ndim or len(set(where)) != ndim:
        raise OptionError(
            f"axes={axes!r} must name {ndim} different axes of the input, one for each axis of "
            f"kernel {kernel_sizes}."
        )
    return where


def _check_sizes(
    subject: str, sizes: tuple[int, ...], kernel_sizes: tuple[int, ...], mode: str
) -> None:
    for name, lengths in (("input", sizes), ("kernel", kernel_sizes)):
        if 0 in lengths:
            raise ShapeError(
                f"{name} has no pixels along the axes that are convolved: {lengths}. Each needs "
                f"1 or more."
            )
    longer = [axis for axis, k in enumerate(kernel_sizes) if k > sizes[axis]]
    if mode == "valid" and longer:
        swap = f", or swap the two: {subject}(kernel, input, mode='valid')"
        raise ShapeError(
            f"kernel {kernel_sizes} does not fit in input {sizes}: mode='valid' keeps the places "
            f"where the whole kernel lies on the input, and there are none. Use mode='same' or "
            f"'full'{swap if len(longer) == len(sizes) and subject == 'convolve' else ''}."
        )
