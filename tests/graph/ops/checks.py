"""What is asked of every operation: torch's numbers, an exact reach, torch's saved bytes."""

from __future__ import annotations

import contextlib
import itertools
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import strategies as st
from numpy.typing import NDArray
from torch import Tensor
from torch.utils.flop_counter import FlopCounterMode

from striate.errors import ShapeError
from striate.graph import SOMEWHERE, WHOLE, Along, Connections, Operation, TensorType

Array = NDArray[Any]


def drawn(*shape: int, seed: int = 0) -> Array:
    """Draw numbers between 0.5 and 1.5, whose sums and products never cancel."""
    return np.asarray(np.random.default_rng([seed, *shape]).uniform(0.5, 1.5, shape))


def signed(*shape: int, seed: int = 0) -> Array:
    """Draw numbers from a normal distribution."""
    return np.asarray(np.random.default_rng([seed, *shape]).standard_normal(shape))


def types(arrays: Sequence[Array | None]) -> tuple[TensorType | None, ...]:
    return tuple(None if a is None else TensorType(a.shape, a.dtype.name) for a in arrays)


def outputs_of(op: Operation, *arrays: Array | None) -> tuple[Array, ...]:
    """Evaluate, and hold the results against the types inferred."""
    inferred = op.infer(*types(arrays))
    with np.errstate(all="ignore"):
        found = op.evaluate(*arrays)
    assert [y.shape for y in found] == [t.shape for t in inferred]
    kinds = [(y.dtype.kind, np.dtype(t.dtype).kind) for y, t in zip(found, inferred, strict=True)]
    assert all(mine == told for mine, told in kinds), kinds
    return found


def agree(op: Operation, torch_op: Callable[..., Any], *arrays: Array | None) -> None:
    """Types and float64 numbers are torch's."""
    expected = torch_op(*(None if a is None else torch.from_numpy(a) for a in arrays))
    expected = expected if isinstance(expected, tuple | list) else (expected,)
    found = outputs_of(op, *arrays)
    assert len(found) == len(expected)
    for ours, theirs in zip(found, expected, strict=True):
        # torch divides whole numbers in float32.
        rtol = 1e-6 if theirs.dtype == torch.float32 else 1e-9
        np.testing.assert_allclose(ours, theirs.numpy(), rtol=rtol, atol=1e-10)


def both_refuse(op: Operation, torch_op: Callable[..., Any], *arrays: Array) -> None:
    """What torch cannot do, or has nothing to give for, is a `ShapeError`."""
    with contextlib.suppress(RuntimeError):
        assert torch_op(*map(torch.from_numpy, arrays)).numel() == 0
    with pytest.raises(ShapeError):
        op.infer(*types(arrays))


# Who reads what -----------------------------------------------------------------------------------


def support(op: Operation, arrays: Sequence[Array], number: int) -> Array:
    """Change one element of input `number` after the other, and see which outputs change.

    Returns:
        Boolean, with the axes of the input and behind them those of the output.
    """
    before = op.evaluate(*arrays)[0]
    changed = np.zeros((*arrays[number].shape, *before.shape), dtype=bool)
    for place in np.ndindex(*arrays[number].shape):
        given = [a.copy() for a in arrays]
        given[number][place] = 100 - given[number][place]
        after = op.evaluate(*given)[0]
        changed[place] = ~((before == after) | (np.isnan(before) & np.isnan(after)))
    return changed


def check_reach(
    op: Operation, *arrays: Array, number: int = 0, interior: bool = False, tight: bool = True,
    whole: bool = True,
) -> None:  # fmt: skip
    """The reach tells all that an output reads; and windows no more than that.

    Args:
        op: The operation.
        arrays: Its inputs.
        number: The input looked at.
        interior: Borders repeat pixels, so that only windows inside the input are compared.
        tight: Every window that lies inside is read from its first pixel to its last; else some
            window reads its first, and some its last.
        whole: Every output reads the axes said to be read whole from end to end.
    """
    given, made = types(arrays), op.infer(*types(arrays))
    reach = op.reach(given, made)[number]
    shape = arrays[number].shape
    assert len(reach) == len(shape)
    changed = support(op, arrays, number)
    if not changed.any():
        return  # all windows stand on padding
    for axis, how in enumerate(reach):
        others = tuple(a for a in range(len(shape)) if a != axis)
        if how is WHOLE:
            read = changed.any(others)
            assert not whole or (read.all(0) | ~read.any(0)).all()  # some read padding alone
            continue
        if how is SOMEWHERE:
            # Where the other axes are fixed, an output reads one place of this one at most.
            assert (changed.sum(axis) <= 1).all()
            continue
        assert isinstance(how, Along)
        out = len(shape) + how.axis
        pairs = changed.any((*others, *(a for a in range(len(shape), changed.ndim) if a != out)))
        check_along(how, pairs, interior=interior, tight=tight)


def check_along(how: Along, pairs: Array, *, interior: bool, tight: bool) -> None:
    """Compare a window with the pairs (input position, output position) that were seen."""
    n, m = pairs.shape
    assert how.window.output_size(n) == m
    first_read = last_read = not n
    inside = False
    for i in range(m):
        window = how.window.input_interval(i)
        read = np.flatnonzero(pairs[:, i]).tolist()
        complete = len(window) > 0 and window[0] >= 0 and window[-1] < n
        inside |= complete
        if complete or not interior:
            assert set(read) <= set(window), (how, i, read)
        if complete and tight:
            assert (read[0], read[-1]) == (window[0], window[-1]), (how, i, read)
        first_read |= complete and bool(read) and read[0] == window[0]
        last_read |= complete and bool(read) and read[-1] == window[-1]
    assert not inside or (first_read and last_read), (how, pairs.astype(int))


def real_connections(op: Operation, *arrays: Array) -> int:
    """Count the pairs of an output and an input that it reads."""
    return int(support(op, arrays, 0).sum())


# What it costs ------------------------------------------------------------------------------------


def costs(op: Operation, *arrays: Array | None) -> tuple[int | None, Connections | None]:
    given = types(arrays)
    made = op.infer(*given)
    return op.macs(given, made), op.connections(given, made)


def torch_macs(torch_op: Callable[..., Any], *arrays: Array | None) -> int:
    with FlopCounterMode(display=False) as counter:
        torch_op(*(None if a is None else torch.from_numpy(a) for a in arrays))
    return counter.get_total_flops() // 2


def torch_saved_bytes(torch_op: Callable[..., Any], *inputs: Tensor | None, data: int = 1) -> int:
    """Add up the memory that torch keeps for the backward pass, apart from weights.

    Args:
        torch_op: What is called.
        inputs: `data` values, then weights.
        data: How many of the inputs are no weights.
    """
    weights = {t.untyped_storage().data_ptr() for t in inputs[data:] if t is not None}
    kept: dict[int, Tensor] = {}

    def pack(tensor: Tensor) -> Tensor:
        if tensor.untyped_storage().data_ptr() not in weights:
            kept[tensor.untyped_storage().data_ptr()] = tensor
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(pack, lambda tensor: tensor):
        result = torch_op(*inputs)
    assert result is not None
    return sum(tensor.untyped_storage().nbytes() for tensor in kept.values())


def saved_bytes(op: Operation, *inputs: Tensor | None, data: int = 1) -> int:
    """Say in bytes what our own `saved` tells."""
    given = tuple(
        None if t is None else TensorType(tuple(t.shape), str(t.dtype).removeprefix("torch."))
        for t in inputs
    )
    made = op.infer(*given)
    told = op.saved(given, made)
    assert told is not None
    kept = [given[k] for k in told.inputs if k < data] + [made[k] for k in told.outputs]
    return sum(t.nbytes for t in kept if t) + told.extra_bytes


def check_saved(
    op: Operation, torch_op: Callable[..., Any], *inputs: Tensor | None, data: int = 1
) -> None:
    """`saved` tells the bytes that torch keeps, all inputs asking for a gradient."""
    for t in inputs:
        if t is not None and t.is_floating_point():
            t.requires_grad_()
    expected = torch_saved_bytes(torch_op, *inputs, data=data)
    assert saved_bytes(op, *inputs, data=data) == expected


# Arguments ----------------------------------------------------------------------------------------

sizes = st.integers(1, 7)


def per_axis(draw: Callable[..., Any], axes: int, values: st.SearchStrategy[int]) -> list[int]:
    return draw(st.lists(values, min_size=axes, max_size=axes))


def every_pair(values: Sequence[Any], others: Sequence[Any]) -> list[tuple[Any, Any]]:
    return list(itertools.product(values, others))
