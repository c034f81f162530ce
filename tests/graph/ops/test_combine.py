"""Values put together and taken apart: torch's results, and who reads what."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from striate import Window
from striate.errors import ShapeError
from striate.graph import SOMEWHERE, Along, Operation, TensorType
from striate.graph.ops import Concat, Gather, Pad, Select, Slice, Split, Stack

from . import checks
from .checks import drawn, signed

shapes = st.lists(st.integers(1, 4), min_size=1, max_size=3)


@settings(max_examples=20)
@given(shapes, st.lists(st.integers(0, 3), min_size=1, max_size=3), st.data())
def test_joins_are_torchs(shape: list[int], lengths: list[int], data: Any) -> None:
    axis = data.draw(st.integers(-len(shape), len(shape) - 1))
    parts = []
    for k, length in enumerate(lengths):
        sizes = list(shape)
        sizes[axis] = length
        parts.append(signed(*sizes, seed=k))
    checks.agree(Concat(axis), lambda *x: torch.cat(x, axis), *parts)
    for number in range(len(parts)):
        checks.check_reach(Concat(axis), *parts, number=number)
    same = [signed(*shape, seed=k) for k in range(len(lengths))]
    where = data.draw(st.integers(-len(shape) - 1, len(shape)))
    checks.agree(Stack(where), lambda *x: torch.stack(x, where), *same)
    checks.check_reach(Stack(where), *same)


def test_joined_dtypes_are_promoted() -> None:
    given = (TensorType((1, 2), "int64"), TensorType((1, 3), "float32"))
    assert Concat().infer(*given) == (TensorType((1, 5), "float32"),)
    assert Stack().infer(TensorType((2,), "int64"), TensorType((2,)))[0].dtype == "float32"


@settings(max_examples=25)
@given(st.integers(0, 9), st.integers(1, 5), st.data())
def test_pieces_are_torchs(n: int, step: int, data: Any) -> None:
    x = drawn(2, n, 2)
    checks.agree(Split(1, step), lambda x: x.split(step, 1), x)
    checks.agree(Split(-2, pieces=step), lambda x: x.chunk(step, 1), x)
    cut = data.draw(st.integers(0, n))
    checks.agree(Split(1, (cut, 0, n - cut)), lambda x: x.split([cut, 0, n - cut], 1), x)
    (x_type,) = checks.types([x])
    assert x_type
    made = Split(1, step).infer(x_type)
    (reach,) = Split(1, step).reach((x_type,), made)
    assert reach == (Along(0), Along(1) if len(made) == 1 else SOMEWHERE, Along(2))


ends = st.none() | st.integers(-9, 9)


@settings(max_examples=60)
@given(st.integers(0, 8), ends, ends, st.integers(1, 4))
def test_slices_are_torchs_and_windows(
    n: int, start: int | None, end: int | None, step: int
) -> None:
    op = Slice(1, start or 0, end, step)
    x = drawn(2, n)
    checks.agree(op, lambda x: x[:, start or 0 : end : step], x)
    checks.check_reach(op, x)


@settings(max_examples=20)
@given(st.integers(0, 8), st.integers(-9, 9), ends, st.integers(-4, -1))
def test_slices_walk_backwards(n: int, start: int, end: int | None, step: int) -> None:
    x = drawn(2, n)
    (y,) = checks.outputs_of(Slice(-1, start, end, step), x)
    assert np.array_equal(y, x[:, start:end:step])
    checks.check_reach(Slice(-1, start, end, step), x)


def test_slice_windows_by_hand() -> None:
    x = TensorType((1, 3, 10))
    op = Slice(2, 1, -2, 3)  # pixels 1, 4, 7
    assert op.reach((x,), op.infer(x))[0][2] == Along(2, Window(1, stride=3, padding=(-1, -2)))


@settings(max_examples=15)
@given(shapes, st.data())
def test_places_are_torchs(shape: list[int], data: Any) -> None:
    axis = data.draw(st.integers(-len(shape), len(shape) - 1))
    index = data.draw(st.integers(-shape[axis], shape[axis] - 1))
    checks.agree(Select(axis, index), lambda x: x.select(axis, index), drawn(*shape))
    checks.check_reach(Select(axis, index), drawn(*shape))


@settings(max_examples=40)
@given(
    st.sampled_from(["constant", "reflect", "replicate", "circular"]),
    st.integers(1, 3),
    st.sampled_from([0, 1, 2]),
    st.data(),
)
def test_pads_are_torchs(mode: Any, axes: int, N: int, data: Any) -> None:
    sizes = checks.per_axis(data.draw, axes, st.integers(1, 5))
    low = -2 if mode == "constant" else 0
    pads = [tuple(checks.per_axis(data.draw, 2, st.integers(low, 4))) for _ in sizes]
    flat = [p for pair in reversed(pads) for p in pair]
    value = 2.5 if mode == "constant" else 0.0
    op = Pad(((0, 0), (0, 0), *pads), mode, value)
    x = signed(N, 2, *sizes)
    limit = {"reflect": -1, "circular": 0}.get(mode, 9)
    # torch makes maps without pixels of crops, and refuses crops longer than the map; so do we.
    if any(max(0, *p) > n + limit or n + sum(p) < 0 for n, p in zip(sizes, pads, strict=True)):
        checks.both_refuse(op, lambda x: F.pad(x, flat, mode, value), x)
        return
    assume(all(min(p) >= -n for n, p in zip(sizes, pads, strict=True)))
    if N or mode in ("constant", "circular"):
        checks.agree(op, lambda x: F.pad(x, flat, mode, value), x)
    else:
        assert op.evaluate(x)[0].shape == op.infer(TensorType(x.shape))[0].shape


@pytest.mark.parametrize("mode", ["constant", "reflect", "replicate", "circular"])
@pytest.mark.parametrize("pair", [(0, 0), (1, 2), (3, 0)])
def test_padded_pixels_read_what_the_reach_says(mode: Any, pair: tuple[int, int]) -> None:
    op = Pad(((0, 0), (0, 0), pair), mode, 1.0)
    checks.check_reach(op, drawn(1, 2, 5), interior=mode != "constant")


def test_crops_read_what_the_reach_says() -> None:
    checks.check_reach(Pad(((0, 0), (1, 0), (-1, 2), (0, -2))), drawn(1, 2, 3, 4))


@settings(max_examples=20)
@given(shapes, shapes, st.data())
def test_look_ups_are_torchs(shape: list[int], places: list[int], data: Any) -> None:
    axis = data.draw(st.integers(-len(shape), len(shape) - 1))
    x = drawn(*shape)
    index = np.random.default_rng(0).integers(0, shape[axis], places)
    flat = index.reshape(-1)
    checks.agree(Gather(axis), lambda x, i: x.index_select(axis, i), x, flat)
    checks.check_reach(Gather(axis), x, flat)
    checks.check_reach(Gather(axis), x, index)
    smaller = tuple(
        data.draw(st.integers(1, n)) if a != axis % x.ndim else 3 for a, n in enumerate(shape)
    )
    index = np.random.default_rng(1).integers(0, shape[axis], smaller)
    one = Gather(axis, elementwise=True)
    checks.agree(one, lambda x, i: x.gather(axis, i), x, index)
    checks.check_reach(one, x, index)


def test_embeddings_by_hand() -> None:
    table, words = np.array([[1.0, 2], [3, 4], [5, 6]]), np.array([[2, 0]])
    assert Gather(0).evaluate(table, words)[0].tolist() == [[[5, 6], [1, 2]]]
    given = (TensorType((3, 2)), TensorType((1, 2), "int64"))
    assert Gather(0).reach(given, Gather(0).infer(*given)) == (
        (SOMEWHERE, Along(2)),
        (Along(0), Along(1)),
    )


def test_pieces_share_memory() -> None:
    assert all(op.view for op in (Split(1, 2), Slice(1, 1), Select(1, 0)))
    assert not any(op.view for op in (Concat(), Stack(), Pad(((0, 0),)), Gather()))


def test_torch_keeps_indices_and_borders() -> None:
    x, y = torch.randn(2, 4, 3), torch.randn(2, 4, 3)
    index = torch.zeros(2, 1, 3, dtype=torch.int64)
    checks.check_saved(Concat(), lambda *x: torch.cat(x, 1), x, y, data=2)
    checks.check_saved(Stack(), lambda *x: torch.stack(x), x, y, data=2)
    checks.check_saved(Split(1, 2), lambda x: x.split(2, 1), x)
    checks.check_saved(Slice(1, 1), lambda x: x[:, 1:], x)
    checks.check_saved(Select(1, 1), lambda x: x[:, 1], x)
    checks.check_saved(Gather(1, True), lambda x, i: x.gather(1, i), x, index, data=2)
    flat = index.reshape(-1)
    checks.check_saved(Gather(1), lambda x, i: x.index_select(1, i), x, flat, data=2)
    pads = ((0, 0), (0, 0), (1, 1))
    for mode in ("constant", "reflect", "replicate", "circular"):
        checks.check_saved(Pad(pads, mode), lambda x, m=mode: F.pad(x, (1, 1), m), x)


@pytest.mark.parametrize(
    ("op", "given", "words"),
    [
        (Concat(), ((1, 8, 4, 4), (1, 8, 5, 5)), "cannot be joined along axis 1"),
        (Concat(), ((1, 8, 4), (1, 8)), "cannot be joined"),
        (Stack(), ((1, 8), (1, 9)), "cannot be stacked"),
        (Split(1, (3, 4)), ((1, 8),), "8 along axis 1; pieces of .* make 7"),
        (Select(1, 8), ((1, 8),), "8 places along axis 1; there is no place 8"),
        (Slice(1, step=0), ((1, 8),), "a step of 0"),
        (Slice(2), ((1, 8),), "no axis 2"),
        (Pad(((0, 0),)), ((1, 8),), "2 axes; 1 pairs"),
        (Pad(((0, 0), (8, 0)), "reflect"), ((1, 8),), "reflect can add at most 7"),
        (Pad(((0, 0), (-5, -4))), ((1, 8),), "cannot be padded"),
        (Gather(1, True), ((1, 8), (8,)), "must have the 2 axes"),
        (Gather(1, True), ((1, 8), (2, 8)), "be no longer"),
    ],
)
def test_misfits_are_told(op: Operation, given: tuple[tuple[int, ...], ...], words: str) -> None:
    with pytest.raises(ShapeError, match=words):
        op.infer(*map(TensorType, given))


def test_words() -> None:
    assert Concat().describe() == ""
    assert Concat(2).describe() == "axis 2"
    assert Slice(2, 1, None, 2).describe() == "axis 2, 1::2"
    assert Split(1, pieces=2).describe() == "2 pieces"
    assert Pad(((0, 0), (0, 0), (1, 1), (0, 2)), "reflect").describe() == "0, 1, (0, 2), reflect"
