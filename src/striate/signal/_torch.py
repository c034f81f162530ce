"""The steps of a convolution on torch tensors: differentiable, on the tensors' device."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ..errors import OptionError
from . import _numpy
from ._boundary import sources
from ._lengths import Sizes, output_sizes

TAP_NS = 5000.0
"""Time of one tap on next to nothing, in nanoseconds."""

_HALF = (torch.float16, torch.bfloat16)
_COMPUTED = (torch.float32, torch.float64, torch.complex64, torch.complex128, *_HALF)
_WHOLE = (torch.bool, torch.uint8, torch.int8, torch.int16, torch.int32, torch.int64)

move = torch.movedim
permute = torch.permute


def arrays(input: Any, kernel: Any) -> tuple[Tensor, Tensor, Any]:
    """Bring both to the type that is computed in, and say which one the result has.

    Where one is no tensor it follows the other's device and, between real numbers, its type.

    Raises:
        OptionError: A type that is not one of the accepted ones, or two devices.
    """
    if isinstance(input, Tensor):
        x, w = input, _beside(kernel, input, "kernel")
    else:
        x, w = _beside(input, kernel, "input"), kernel
    for name, tensor in (("input", x), ("kernel", w)):
        if tensor.dtype not in _COMPUTED + _WHOLE or tensor.layout != torch.strided:
            raise OptionError(
                f"{name} is a {tensor.dtype} tensor with layout {tensor.layout}; it must be dense, "
                f"of bool, an integer of up to 63 bits, a float or complex numbers. Convert it, "
                f"for example with {name}.to_dense() or {name}.float()."
            )
    if x.device != w.device:
        raise OptionError(
            f"input is on {x.device}, kernel on {w.device}. Move one, for example with "
            f"kernel.to(input.device)."
        )
    result = torch.promote_types(x.dtype, w.dtype)
    if result in _WHOLE:
        result = torch.int64
    working = torch.float32 if result in _HALF else result
    return x.to(working), w.to(working), result


def _beside(value: Any, tensor: Tensor, name: str) -> Tensor:
    if isinstance(value, Tensor):
        return value
    array = _numpy.as_array(value, name)
    made = torch.from_numpy(np.array(array)).to(tensor.device)  # a copy: it may be read-only
    follows = tensor.is_complex() or (tensor.is_floating_point() and not made.is_complex())
    return made.to(tensor.dtype) if follows else made


def kernel_array(w: Tensor) -> Any:
    """The kernel's numbers, for looking at."""
    return w.detach().resolve_conj().cpu().numpy()


def vector_like(vector: Any, w: Tensor) -> Tensor:
    """A factor of the kernel, in the kernel's type and on its device."""
    return torch.from_numpy(vector).to(w)


def epsilon(w: Tensor) -> float:
    """Machine epsilon of the type that is computed in."""
    return float(torch.finfo(w.dtype).eps)


def is_exact(w: Tensor) -> bool:
    """Whether sums and products have no rounding."""
    return w.dtype == torch.int64


def is_learned(w: Tensor) -> bool:
    """Whether a gradient of the kernel is asked for."""
    return w.requires_grad and torch.is_grad_enabled()


def is_finite(y: Tensor) -> bool:
    """Whether no infinity and no NaN is in it."""
    return bool(torch.isfinite(y.detach().sum()))


def direct_ns(sizes: Sizes, kernel_sizes: Sizes, w: Tensor) -> float:
    """Estimate the time of `direct` in nanoseconds on one core, for a result (N, *places)."""
    tap = 0.7 if is_exact(w) else 0.025 * w.itemsize
    return math.prod(kernel_sizes) * (math.prod(sizes) * tap + TAP_NS)


def flip(w: Tensor) -> Tensor:
    """Turn the kernel around on every axis."""
    return w.flip(tuple(range(w.ndim)))


def direct(x: Tensor, w: Tensor) -> Tensor:
    """Slide `w` (*K) over `x` (N, *sizes) at the places where it lies inside.

    One multiply-add of the whole array a tap. For one channel that is several times faster than
    torch's own convolution, forward and backward, up to some 100 taps; it is the same for every
    type of number, and never TensorFloat-32.
    """
    places = output_sizes(tuple(x.shape[1:]), tuple(w.shape))
    y: Tensor | None = None
    for tap in itertools.product(*map(range, w.shape)):
        inside: list[Any] = [slice(t, t + n) for t, n in zip(tap, places, strict=True)]
        read = x[(..., *inside)]
        y = read * w[tap] if y is None else y.addcmul_(read, w[tap])
    assert y is not None  # a kernel has a tap
    return y


tap_by_tap = direct


def extend(x: Tensor, sides: Sequence[tuple[int, int]], boundary: str) -> Tensor:
    """Put on each axis what is read outside: (N, *sizes) -> (N, *longer sizes)."""
    if boundary == "zeros":
        return torch.nn.functional.pad(x, [side for pair in reversed(sides) for side in pair])
    for axis, (before, after) in enumerate(sides, start=1):
        n = x.shape[axis]
        borders = (range(-before, 0), range(n, n + after))
        left, right = (
            x.index_select(axis, torch.from_numpy(sources(boundary, border, n)).to(x.device))
            for border in borders
        )
        x = torch.cat([left, x, right], axis)
    return x


def tiles(x: Tensor, lengths: Sequence[int], steps: Sequence[int]) -> Tensor:
    """View overlapping blocks: (N, *sizes) -> (N, *blocks, *lengths)."""
    for axis, (length, step) in enumerate(zip(lengths, steps, strict=True), start=1):
        x = x.unfold(axis, length, step)
    return x


def widened(x: Tensor) -> Tensor:
    """The same numbers in double precision."""
    return x.to(torch.complex128 if x.is_complex() else torch.float64)


def transforms(x: Tensor) -> tuple[Callable[..., Tensor], Callable[..., Tensor]]:
    """The transform for this type of number and its inverse: (tensor, lengths, axes) -> tensor."""
    if x.is_complex():
        return torch.fft.fftn, torch.fft.ifftn
    return torch.fft.rfftn, torch.fft.irfftn


def finish(y: Tensor, dtype: Any) -> Tensor:
    """The result in its type, in one piece."""
    return y.to(dtype).contiguous()
