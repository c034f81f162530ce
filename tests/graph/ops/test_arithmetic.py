"""Two values element by element: torch's numbers, dtypes, memory, and who reads what."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from striate.errors import ShapeError
from striate.graph import WHOLE, Along, TensorType
from striate.graph.ops import Binary, Where
from striate.graph.ops._axes import promoted
from striate.graph.ops.arithmetic import FUNCTIONS

from . import checks
from .checks import drawn, signed

TWINS: dict[str, Callable[..., Any]] = {
    "add": torch.add, "sub": torch.sub, "mul": torch.mul, "div": torch.div, "pow": torch.pow,
    "max": torch.maximum, "min": torch.minimum, "mod": torch.remainder,
    "floor_div": torch.floor_divide, "equal": torch.eq, "not_equal": torch.ne, "less": torch.lt,
    "less_equal": torch.le, "greater": torch.gt, "greater_equal": torch.ge,
    "and": torch.logical_and, "or": torch.logical_or, "xor": torch.logical_xor,
}  # fmt: skip
twins = pytest.mark.parametrize(("function", "twin"), TWINS.items(), ids=list(TWINS))

DTYPES = ["bool", "uint8", "int8", "int16", "int32", "int64", "float16", "bfloat16", "float32",
          "float64"]  # fmt: skip


def test_every_function_is_compared() -> None:
    assert TWINS.keys() == FUNCTIONS.keys()


@st.composite
def fitting(draw: Any) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Draw two shapes that broadcast."""
    shape = draw(st.lists(st.integers(0, 4), max_size=4))
    one = tuple(draw(st.sampled_from([n, n, 1])) for n in shape)
    other = tuple(
        n if m == 1 or draw(st.booleans()) else 1 for n, m in zip(shape, one, strict=True)
    )
    return one[draw(st.integers(0, len(shape))) :], other


@twins
@settings(max_examples=8)
@given(fitting())
def test_numbers_are_torchs(function: str, twin: Callable[..., Any], shapes: Any) -> None:
    make = drawn if function == "pow" else signed
    a, b = make(*shapes[0]), make(*shapes[1], seed=1)
    checks.agree(Binary(function), twin, a, b)
    whole = [np.asarray(np.ceil(3 * abs(x)), dtype=np.int64) for x in (a, b)]
    checks.agree(Binary(function), twin, *whole)


@twins
def test_reach_stretches_what_broadcasting_stretches(function: str, twin: Any) -> None:
    a, b = drawn(2, 3, 1), drawn(3, 4, seed=1)
    if function in {"add", "sub", "mul", "div", "pow", "mod"}:
        checks.check_reach(Binary(function), a, b)
        checks.check_reach(Binary(function), a, b, number=1)


@pytest.mark.parametrize("reverse", [False, True])
@pytest.mark.parametrize("function", ["add", "sub", "mul", "div", "pow", "mod", "less"])
@pytest.mark.parametrize("number", [2, 0.5, -1.5])
def test_numbers_beside_values_are_torchs(function: str, number: float, reverse: bool) -> None:
    def run(x: Any) -> Any:
        twin = TWINS[function]
        return twin(torch.tensor(number), x) if reverse else twin(x, number)

    op = Binary(function, number, reverse)
    checks.agree(op, run, drawn(2, 3))
    if not (function == "pow" and number < 0):
        checks.agree(op, lambda x: run(x).double(), np.array([1.0, 2, 3]))


@pytest.mark.parametrize("number", [True, 2, 0.5])
@pytest.mark.parametrize("dtype", DTYPES)
def test_a_number_lifts_to_its_category(dtype: str, number: float) -> None:
    x = torch.zeros(3, dtype=getattr(torch, dtype))
    (y,) = Binary("mul", number).infer(TensorType((3,), dtype))
    assert y.dtype == str((x * number).dtype).removeprefix("torch.")
    if dtype != "bool":
        (y,) = Binary("div", number).infer(TensorType((3,), dtype))
        assert y.dtype == str((x / number).dtype).removeprefix("torch.")


def test_a_real_number_beside_whole_ones_by_hand() -> None:
    assert Binary("mul", 0.5).evaluate(np.array([1, 2, 3]))[0].tolist() == [0.5, 1, 1.5]
    assert Binary("sub", 1, reverse=True).evaluate(np.array([1, 2, 3]))[0].tolist() == [0, -1, -2]
    assert Binary("sub", alpha=3).evaluate(np.array([9.0]), np.array([2.0]))[0].tolist() == [3]


def test_types_are_promoted_as_torch_does() -> None:
    pairs = itertools.product(itertools.product(DTYPES, ((), (1,))), repeat=2)
    for (first, shape), (second, other) in pairs:
        a = torch.zeros(shape, dtype=getattr(torch, first))
        b = torch.zeros(other, dtype=getattr(torch, second))
        expected = str(torch.result_type(a, b)).removeprefix("torch.")
        assert promoted(TensorType(shape, first), TensorType(other, second)) == expected, (a, b)


@settings(max_examples=20)
@given(fitting())
def test_choices_are_torchs(shapes: Any) -> None:
    a, b = signed(*shapes[0]), signed(*shapes[1], seed=1)
    chosen = np.asarray(signed(*shapes[1], seed=2) > 0)
    checks.agree(Where(), torch.where, chosen, a, b)
    checks.agree(Where(b=2.0), lambda c, a: torch.where(c, a, 2.0), chosen, a)
    checks.agree(Where(a=-1), lambda c, _, b: torch.where(c, -1, b), chosen, None, b)


def test_choices_read_what_the_reach_says() -> None:
    given = (TensorType((3, 1), "bool"), TensorType((2, 1, 4)), TensorType((3, 4)))
    reach = Where().reach(given, Where().infer(*given))
    axes = [[how.axis if isinstance(how, Along) else how for how in one] for one in reach]
    assert axes == [[1, WHOLE], [0, WHOLE, 2], [1, 2]]


@twins
def test_torch_keeps_the_other_factor(function: str, twin: Callable[..., Any]) -> None:
    x, y = torch.rand(2, 4, 3), torch.rand(4, 1)
    checks.check_saved(Binary(function), twin, x, y, data=2)


@pytest.mark.parametrize("reverse", [False, True])
@pytest.mark.parametrize("function", ["add", "sub", "mul", "div", "pow", "mod"])
def test_torch_keeps_less_beside_a_number(function: str, reverse: bool) -> None:
    operators = {"add": "__add__", "sub": "__sub__", "mul": "__mul__", "div": "__truediv__",
                 "pow": "__pow__", "mod": "__mod__"}  # fmt: skip
    name = operators[function].replace("__", "__r", 1) if reverse else operators[function]
    if (function, reverse) == ("mod", True):
        pytest.skip("torch makes a tensor of the number first")
    op = Binary(function, 2.0, reverse)
    checks.check_saved(op, lambda x: getattr(x, name)(2.0), torch.rand(2, 3))


def test_torch_keeps_the_condition() -> None:
    chosen = torch.rand(2, 3) > 0.5
    checks.check_saved(Where(), torch.where, chosen, torch.rand(2, 3), torch.rand(3), data=3)


def test_misfits_are_told() -> None:
    with pytest.raises(ShapeError, match=r"add: 1x8x4 and 1x6x4 do not fit together: along axis 1"):
        Binary("add").infer(TensorType((1, 8, 4)), TensorType((1, 6, 4)))


def test_words() -> None:
    assert Binary("add").describe() == "add"
    assert Binary("sub", 1, reverse=True).describe() == "1 sub"
    assert Binary("pow", 0.5).describe() == "pow 0.5"
