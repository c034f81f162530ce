"""Whole axes made one number: torch's, its memory, and who reads what."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from striate.errors import ShapeError
from striate.graph import TensorType
from striate.graph.ops import ArgReduce, CumSum, Reduce
from striate.graph.ops.reduce import FUNCTIONS

from . import checks
from .checks import drawn, signed

norm = torch.linalg.vector_norm

# The product of several axes is one after the other in torch.
TWINS: dict[str, Callable[..., Any]] = {
    "sum": torch.sum,
    "mean": torch.mean,
    "max": torch.amax,
    "min": torch.amin,
    "prod": lambda x, dim, keepdim: _product(x, dim, keepdim),
    "l1": lambda x, dim, keepdim: norm(x, 1, dim, keepdim),
    "l2": lambda x, dim, keepdim: norm(x, 2, dim, keepdim),
    "sum_square": lambda x, dim, keepdim: x.square().sum(dim, keepdim),
    "log_sum_exp": torch.logsumexp,
    "var": lambda x, dim, keepdim: x.var(dim, correction=0, keepdim=keepdim),
    "var_unbiased": lambda x, dim, keepdim: x.var(dim, correction=1, keepdim=keepdim),
    "std": lambda x, dim, keepdim: x.std(dim, correction=0, keepdim=keepdim),
    "std_unbiased": lambda x, dim, keepdim: x.std(dim, correction=1, keepdim=keepdim),
    "any": torch.any,
    "all": torch.all,
}
twins = pytest.mark.parametrize(("function", "twin"), TWINS.items(), ids=list(TWINS))


def _product(x: Any, dim: tuple[int, ...], keepdim: bool) -> Any:
    for axis in sorted((d % x.ndim for d in dim), reverse=True):
        x = x.prod(axis, keepdim)
    return x


def test_every_function_is_compared() -> None:
    assert TWINS.keys() == FUNCTIONS.keys()


@twins
@settings(max_examples=8)
@given(st.lists(st.integers(2, 4), min_size=1, max_size=4), st.booleans(), st.data())
def test_numbers_are_torchs(
    function: str, twin: Callable[..., Any], shape: list[int], keepdim: bool, data: Any
) -> None:
    axes = data.draw(st.sets(st.integers(0, len(shape) - 1), min_size=1))
    signs = tuple(a - data.draw(st.sampled_from([0, len(shape)])) for a in sorted(axes))
    x = signed(*shape)
    if function in ("any", "all"):
        x = np.floor(x)
    checks.agree(Reduce(function, signs, keepdim), lambda x: twin(x, signs, keepdim), x)
    everything = tuple(range(len(shape)))
    checks.agree(Reduce(function, None, keepdim), lambda x: twin(x, everything, keepdim), x)
    if 0 not in axes and not function.startswith(("var", "std")):
        empty = x[:0]
        checks.agree(Reduce(function, signs, keepdim), lambda x: twin(x, signs, keepdim), empty)


def test_numbers_by_hand() -> None:
    x = np.array([[3.0, -4], [0, 0]])
    assert Reduce("l1", (1,)).evaluate(x)[0].tolist() == [7, 0]
    assert Reduce("l2", (1,)).evaluate(x)[0].tolist() == [5, 0]
    assert Reduce("var_unbiased", (1,)).evaluate(x)[0].tolist() == [24.5, 0]
    assert CumSum(0).evaluate(x)[0].tolist() == [[3, -4], [3, -4]]
    assert ArgReduce("min", 1).evaluate(x)[0].tolist() == [1, 0]


def test_logarithms_of_sums_do_not_overflow() -> None:
    x = np.array([[1000.0, 1000], [-np.inf, -np.inf], [np.inf, 0]])
    checks.agree(Reduce("log_sum_exp", (1,)), lambda x: torch.logsumexp(x, 1), x)


@pytest.mark.parametrize("function", ["sum", "prod", "max", "any", "all"])
@pytest.mark.parametrize("dtype", ["bool", "int32", "int64"])
def test_whole_numbers_add_up_to_torchs(function: str, dtype: str) -> None:
    x = np.array([[1, 0], [1, 1]]).astype(dtype)
    checks.agree(Reduce(function, (0,)), lambda x: TWINS[function](x, (0,), False), x)


@settings(max_examples=20)
@given(st.lists(checks.sizes, min_size=1, max_size=3), st.booleans(), st.data())
def test_positions_and_running_sums_are_torchs(shape: list[int], keep: bool, data: Any) -> None:
    axis = data.draw(st.integers(-len(shape), len(shape) - 1))
    x = signed(*shape)
    for name, twin in (("max", torch.argmax), ("min", torch.argmin)):
        checks.agree(ArgReduce(name, axis, keep), lambda x, t=twin: t(x, axis, keep), x)
        checks.agree(ArgReduce(name, None), lambda x, t=twin: t(x), x)
    checks.agree(CumSum(axis), lambda x: torch.cumsum(x, axis), x)
    checks.agree(CumSum(axis), lambda x: torch.cumsum(x, axis), x.astype(np.int32))


@pytest.mark.parametrize("keepdim", [False, True])
@pytest.mark.parametrize("axes", [(0,), (1,), (-1,), (0, 2), (2, 3), None])
def test_outputs_read_what_the_reach_says(axes: Any, keepdim: bool) -> None:
    checks.check_reach(Reduce("sum", axes, keepdim), drawn(2, 3, 2, 4))
    if axes is None or len(axes) == 1:
        op = ArgReduce("max", axes and axes[0], keepdim)
        x = TensorType((2, 3, 2, 4))
        reduced = Reduce("max", axes, keepdim)
        assert op.reach((x,), op.infer(x)) == reduced.reach((x,), reduced.infer(x))


def test_a_running_sum_reads_its_axis() -> None:
    checks.check_reach(CumSum(1), drawn(2, 4, 3), whole=False)


@twins
def test_torch_keeps_what_the_gradient_needs(function: str, twin: Callable[..., Any]) -> None:
    x = torch.rand(2, 4, 3)
    if function in ("any", "all"):
        assert checks.saved_bytes(Reduce(function, (1,)), x) == 0
        return
    checks.check_saved(Reduce(function, (1,)), lambda x: twin(x, (1,), False), x)


def test_torch_keeps_the_position_of_an_extreme_along_one_axis() -> None:
    checks.check_saved(Reduce("max", (1,), first=True), lambda x: x.max(1), torch.rand(2, 4, 3))


def test_torch_keeps_nothing_of_running_sums() -> None:
    checks.check_saved(CumSum(1), lambda x: x.cumsum(1), torch.rand(2, 3))
    checks.check_saved(ArgReduce("max", 1), lambda x: x.argmax(1), torch.rand(2, 3))


@pytest.mark.parametrize("op", [Reduce("sum", (2,)), ArgReduce("max", 2), CumSum(-3)])
def test_axes_that_are_not_there(op: Any) -> None:
    with pytest.raises(ShapeError, match=r"2 axes; use -2 \.\. 1"):
        op.infer(TensorType((2, 3)))


def test_words() -> None:
    assert Reduce("mean", (2, 3)).describe() == "mean over axes 2, 3"
    assert Reduce("sum").describe() == "sum over all axes"
