"""Another shape for the same numbers: torch's results, and which axis goes where."""

from __future__ import annotations

import itertools
import math
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from striate import Window
from striate.errors import ShapeError
from striate.graph import SOMEWHERE, WHOLE, Along, Operation, TensorType
from striate.graph.ops import (
    Expand,
    Flatten,
    Flip,
    Permute,
    Reshape,
    Roll,
    Squeeze,
    Tile,
    Unsqueeze,
)
from striate.graph.ops.shape import reshape_reach

from . import checks
from .checks import drawn

shapes = st.lists(st.integers(0, 4), max_size=4)


@st.composite
def reshapes(draw: Any) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Draw two shapes of one product: runs of the same prime factors, cut in two ways."""
    factors = draw(st.lists(st.sampled_from([1, 2, 2, 3, 5]), max_size=5))

    def cut() -> tuple[int, ...]:
        cuts = sorted(draw(st.lists(st.integers(0, len(factors)), max_size=4)))
        edges = [0, *cuts, len(factors)]
        return tuple(math.prod(factors[a:b]) for a, b in itertools.pairwise(edges))

    return cut(), cut()


@settings(max_examples=40)
@given(reshapes())
def test_reshapes_are_torchs_and_know_who_reads_what(pair: Any) -> None:
    old, new = pair
    x = drawn(*old)
    checks.agree(Reshape(new), lambda x: x.reshape(new), x)
    if x.size <= 60:
        checks.check_reach(Reshape(new), x)
    for axis in range(len(new)):
        open_ended = (*new[:axis], -1, *new[axis + 1 :])
        checks.agree(Reshape(open_ended), lambda x, s=open_ended: x.reshape(s), x)


def test_joined_and_split_axes_by_hand() -> None:
    split, joined = Window(2, stride=2), Window(2, stride=2).transposed()
    assert reshape_reach((1, 16, 5, 5), (1, 400)) == (
        Along(0),
        Along(1, Window(25, stride=25).transposed()),
        SOMEWHERE,
        SOMEWHERE,
    )
    assert reshape_reach((2, 6, 7), (2, 3, 2, 7)) == (Along(0), Along(1, split), Along(3))
    assert reshape_reach((2, 3, 2, 7), (2, 6, 7)) == (
        Along(0),
        Along(1, joined),
        SOMEWHERE,
        Along(2),
    )
    assert reshape_reach((1, 6), (6,)) == (WHOLE, Along(0))
    assert reshape_reach((4, 3), (6, 2)) == (SOMEWHERE, SOMEWHERE)


@pytest.mark.parametrize(
    ("old", "new"), [((0, 3), (5, 0)), ((0, 16, 5, 5), (0, 400)), ((2, 0), (0,)), ((0,), (3, 0, 2))]
)
def test_empty_reshapes(old: tuple[int, ...], new: tuple[int, ...]) -> None:
    checks.agree(Reshape(new), lambda x: x.reshape(new), drawn(*old))
    checks.check_reach(Reshape(new), drawn(*old))


def test_an_empty_batch_is_flattened() -> None:
    checks.agree(Reshape((-1, 400)), lambda x: x.reshape(-1, 400), drawn(0, 16, 5, 5))
    checks.agree(Flatten(), lambda x: x.flatten(1), drawn(0, 16, 5, 5))


@settings(max_examples=30)
@given(st.lists(st.integers(0, 3), min_size=1, max_size=4), st.data())
def test_axes_are_joined_and_ordered_as_torchs(shape: list[int], data: Any) -> None:
    x = drawn(*shape)
    start = data.draw(st.integers(0, x.ndim - 1))
    end = data.draw(st.integers(start, x.ndim - 1)) - data.draw(st.sampled_from([0, x.ndim]))
    checks.agree(Flatten(start, end), lambda x: x.flatten(start, end), x)
    checks.check_reach(Flatten(start, end), x)
    order = tuple(a - data.draw(st.sampled_from([0, x.ndim]))
                  for a in data.draw(st.permutations(range(x.ndim))))  # fmt: skip
    checks.agree(Permute(order), lambda x: x.permute(order), x)
    checks.check_reach(Permute(order), x)


def test_a_scalar_is_flattened_to_one_number() -> None:
    checks.agree(Flatten(0), lambda x: x.flatten(), drawn())


@settings(max_examples=30)
@given(st.lists(st.sampled_from([1, 1, 2, 3]), max_size=4), st.data())
def test_axes_of_one_come_and_go_as_torchs(shape: list[int], data: Any) -> None:
    x = drawn(*shape)
    rank = max(x.ndim, 1)
    axes = tuple(data.draw(st.sets(st.integers(0, rank - 1)))) if x.ndim else ()
    checks.agree(Squeeze(axes), lambda x: x.squeeze(axes), x)
    checks.agree(Squeeze(), lambda x: x.squeeze(), x)
    checks.check_reach(Squeeze(axes), x)
    axis = data.draw(st.integers(-x.ndim - 1, x.ndim))
    checks.agree(Unsqueeze((axis,)), lambda x: x.unsqueeze(axis), x)
    checks.check_reach(Unsqueeze((axis,)), x)
    assert Unsqueeze((0, -1)).infer(TensorType((2, 3)))[0].shape == (1, 2, 3, 1)


@settings(max_examples=30)
@given(st.lists(st.integers(1, 3), max_size=3), st.lists(st.integers(0, 3), max_size=2), st.data())
def test_stretching_and_repeating_are_torchs(shape: list[int], front: list[int], data: Any) -> None:
    x = drawn(*shape)
    larger = tuple(data.draw(st.sampled_from([2, 3, -1])) if n == 1 else n for n in shape)
    target = (*front, *larger)
    checks.agree(Expand(target), lambda x: x.expand(target), x)
    checks.check_reach(Expand(target), x)
    repeats = (*front, *(data.draw(st.integers(0, 2)) for _ in shape))
    checks.agree(Tile(repeats), lambda x: x.repeat(repeats), x)
    checks.check_reach(Tile(repeats), x)


def test_both_sides_are_stretched_as_onnx_does() -> None:
    (y,) = checks.outputs_of(Expand((2, 1), both=True), drawn(3, 1, 4))
    assert y.shape == (3, 2, 4)
    (y,) = checks.outputs_of(Expand((1,), both=True), drawn(3, 4))
    assert y.shape == (3, 4)


@settings(max_examples=20)
@given(st.lists(st.integers(1, 4), min_size=1, max_size=3), st.integers(-5, 5), st.data())
def test_turns_are_torchs(shape: list[int], shift: int, data: Any) -> None:
    x = drawn(*shape)
    axis = data.draw(st.integers(-x.ndim, x.ndim - 1))
    checks.agree(Roll((shift,), (axis,)), lambda x: x.roll(shift, axis), x)
    checks.check_reach(Roll((shift,), (axis,)), x)
    checks.agree(Flip((axis,)), lambda x: x.flip(axis), x)
    checks.check_reach(Flip((axis,)), x)


SAME = {
    "reshape": (Reshape((2, 12)), lambda x: x.reshape(2, 12)),
    "flatten": (Flatten(), lambda x: x.flatten(1)),
    "permute": (Permute((0, 2, 1)), lambda x: x.permute(0, 2, 1)),
    "squeeze": (Squeeze(), lambda x: x.squeeze()),
    "unsqueeze": (Unsqueeze((0,)), lambda x: x.unsqueeze(0)),
    "expand": (Expand((3, 2, 3, 4)), lambda x: x.expand(3, 2, 3, 4)),
    "tile": (Tile((2, 1, 1)), lambda x: x.repeat(2, 1, 1)),
    "roll": (Roll((1,), (1,)), lambda x: x.roll(1, 1)),
    "flip": (Flip((1,)), lambda x: x.flip(1)),
}


@pytest.mark.parametrize(("op", "twin"), SAME.values(), ids=list(SAME))
def test_torch_keeps_nothing_and_shares_memory(op: Operation, twin: Any) -> None:
    x = torch.randn(2, 3, 4)
    checks.check_saved(op, twin, x)
    shared = twin(x).untyped_storage().data_ptr() == x.untyped_storage().data_ptr()
    assert op.view == shared


@pytest.mark.parametrize(
    ("op", "words"),
    [
        (Reshape((5, -1)), "2x3x4 has 24 numbers and cannot become 5x?"),
        (Reshape((-1, -1)), "cannot become"),
        (Reshape((4, 7)), "cannot become 4x7"),
        (Permute((0, 2)), "does not name each once"),
        (Permute((0, 1, 1)), "does not name each once"),
        (Expand((2, 3, 5)), "2x3x4 and 2x3x5 do not fit together"),
        (Expand((-1, 2, 3, 4)), "cannot be stretched"),
        (Expand((3, 4)), "cannot be stretched"),
        (Tile((2, 2)), "3 axes"),
        (Tile((2, -1, 1)), "3 axes"),
        (Flatten(3), "no axis 3 in a value with 3 axes"),
        (Flip((3,)), "no axis 3"),
        (Roll((1,), (-4,)), "no axis -4"),
        (Squeeze((3,)), "no axis 3"),
        (Unsqueeze((4,)), "no axis 4"),
        (Unsqueeze((0, 0)), "once"),
        (Flatten(2, 1), "after"),
    ],
)
def test_misfits_are_told(op: Operation, words: str) -> None:
    with pytest.raises(ShapeError, match=words.replace("?", r"\?")):
        op.infer(TensorType((2, 3, 4)))


def test_words() -> None:
    assert Flatten().describe() == ""
    assert Flatten(0, 1).describe() == "axes 0 to 1"
    assert Permute((0, 2, 1)).describe() == "to axes 0, 2, 1"
    assert Reshape((2, -1)).describe() == "shape=(2, -1)"
    assert np.array_equal(Tile((2,)).evaluate(np.array([1, 2]))[0], [1, 2, 1, 2])


@given(shapes)
@settings(max_examples=10)
def test_a_shape_of_its_own_is_the_identity(shape: list[int]) -> None:
    reach = reshape_reach(tuple(shape), tuple(shape))
    assert reach == tuple(Along(axis) for axis in range(len(shape)))
