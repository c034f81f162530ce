"""One arena: nothing that lives at the same time overlaps, and its size is known beforehand."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

import striate
from striate.engine._place import ALIGNED_FLOATS, _lay_out, _Piece

pieces = st.lists(
    st.tuples(st.integers(1, 200), st.integers(0, 9), st.integers(0, 9)).map(
        lambda told: _Piece(None, told[0], min(told[1:]), max(told[1:]))
    ),
    max_size=20,
)


def rounded(floats: int) -> int:
    return -(-floats // ALIGNED_FLOATS) * ALIGNED_FLOATS


@given(pieces)
def test_what_lives_at_the_same_time_lies_apart(made: list[_Piece]) -> None:
    total = _lay_out(made)
    for i, a in enumerate(made):
        assert a.offset % ALIGNED_FLOATS == 0
        assert a.offset + a.floats <= total
        for b in made[:i]:
            together = a.first <= b.last and b.first <= a.last
            apart = a.offset + a.floats <= b.offset or b.offset + b.floats <= a.offset
            assert apart or not together


@given(pieces)
def test_the_arena_is_no_smaller_than_what_lives_at_once(made: list[_Piece]) -> None:
    most = max(
        (sum(rounded(p.floats) for p in made if p.first <= t <= p.last) for t in range(10)),
        default=0,
    )
    assert most <= _lay_out(made) <= sum(rounded(p.floats) for p in made)


def test_maps_that_follow_one_another_take_turns() -> None:
    # A chain a -> b -> c -> d of 16, 32, 16, 32 numbers: two live at a time, 48 at most.
    chain = [_Piece(None, size, i, i + 1) for i, size in enumerate((16, 32, 16, 32))]
    assert _lay_out(chain) == 48


@pytest.mark.parametrize("name", ["lenet5", "resnet20", "mobilenet_v2", "m5"])
def test_inspect_predicts_what_a_plan_allocates(name: str) -> None:
    net = striate.zoo.create(name).eval()
    shape = (1, *striate.zoo.info(name).input_shape)
    graph = striate.capture(net, shape)
    report = striate.inspect(graph)
    plan = striate.compile(graph, threads=1)
    arena = striate._core.Context(plan._runner.program).arena
    assert report.peak_memory_compiled == plan.peak_bytes == arena.nbytes


def test_arithmetic_on_each_number_writes_where_it_reads() -> None:
    # A sigmoid of a softmax-free chain: without in-place writing, three maps of 256 KiB.
    net = nn.Sequential(nn.MaxPool2d(1), nn.Sigmoid(), nn.Tanh(), nn.AvgPool2d(1))
    plan = striate.compile(net, (1, 16, 64, 64), threads=1)
    one = 4 * 16 * 64 * 64
    assert plan.peak_bytes <= 2 * one
