"""Functions of one number, softmax and casts: torch's numbers, gradients' memory, reach."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st

from striate.errors import ShapeError
from striate.graph import TensorType
from striate.graph.ops import Activation, Cast, PReLU, Softmax
from striate.graph.ops.activation import FUNCTIONS

from . import checks
from .checks import drawn, signed

SELU = (1.6732632423543772848170429916717, 1.0507009873554804934193349852946, 1.0)

# name: (function, its numbers, the same in torch)
TWINS: dict[str, tuple[str, tuple[float, ...] | None, Callable[..., Any]]] = {
    "relu": ("relu", None, F.relu),
    "relu6": ("clip", None, F.relu6),
    "hardtanh": ("clip", (-1, 1), F.hardtanh),
    "clamp": ("clip", (-0.5, float("inf")), lambda x: x.clamp(min=-0.5)),
    "leaky_relu": ("leaky_relu", None, F.leaky_relu),
    "leaky_relu 0.2": ("leaky_relu", (0.2,), lambda x: F.leaky_relu(x, 0.2)),
    "elu": ("elu", None, F.elu),
    "elu 0.5": ("elu", (0.5, 1, 1), lambda x: F.elu(x, 0.5)),
    "selu": ("elu", SELU, F.selu),
    "celu": ("elu", (0.5, 1, 2), lambda x: F.celu(x, 0.5)),
    "gelu": ("gelu", None, F.gelu),
    "gelu tanh": ("gelu", (1,), lambda x: F.gelu(x, approximate="tanh")),
    "silu": ("silu", None, F.silu),
    "mish": ("mish", None, F.mish),
    "softplus": ("softplus", None, F.softplus),
    "softplus 3": ("softplus", (3, 2), lambda x: F.softplus(x, 3, 2)),
    "softsign": ("softsign", None, F.softsign),
    "hardswish": ("hardswish", None, F.hardswish),
    "hardsigmoid": ("hardsigmoid", None, F.hardsigmoid),
    "sigmoid": ("sigmoid", None, torch.sigmoid),
    "log_sigmoid": ("log_sigmoid", None, F.logsigmoid),
    "tanh": ("tanh", None, torch.tanh),
    "threshold": ("threshold", (0.1, 20), lambda x: F.threshold(x, 0.1, 20)),
    "identity": ("identity", None, lambda x: x),
    "detach": ("detach", None, torch.Tensor.detach),
    **{
        name: (name, None, getattr(torch, name))
        for name in (
            "neg", "abs", "exp", "log", "sqrt", "rsqrt", "square", "reciprocal", "erf", "sin",
            "cos", "sign", "floor", "ceil", "round",
        )
    },
}  # fmt: skip

twins = pytest.mark.parametrize(
    ("function", "numbers", "twin"), TWINS.values(), ids=list(TWINS)
)  # fmt: skip
POINTS = [0.0, -0.0, 0.5, -0.5, 1.5, 2.5, 3, -3, 6, 40, -40, 800, -800, np.inf, -np.inf, np.nan]


def test_every_function_is_compared() -> None:
    assert {function for function, _, _ in TWINS.values()} == FUNCTIONS.keys() - {"not"}


@twins
def test_numbers_are_torchs(function: str, numbers: Any, twin: Callable[..., Any]) -> None:
    op = Activation(function, numbers)
    checks.agree(op, twin, signed(3, 0))
    checks.agree(op, twin, 3 * signed(2, 3, 7))
    checks.agree(op, twin, np.array(0.25))
    odd = {"gelu tanh": 800, "gelu": 800}
    points = np.array([p for p in POINTS if function not in odd or abs(p) < odd[function]])
    # At infinity these multiply it by 0, each in its own order, and torch's sign of NaN is 0.
    if function not in {"hardswish", "silu", "mish", "sign", "elu"}:
        checks.agree(op, twin, points)
    checks.agree(op, twin, np.array(POINTS[:13]))


@twins
def test_torch_keeps_what_is_told(function: str, numbers: Any, twin: Callable[..., Any]) -> None:
    op = Activation(function, numbers)
    checks.check_saved(op, twin, torch.rand(2, 3, 5))


@twins
def test_whole_numbers_become_real_where_torchs_do(
    function: str, numbers: Any, twin: Callable[..., Any]
) -> None:
    x = np.array([1, 2, 3])
    try:
        expected = twin(torch.from_numpy(x))
    except (RuntimeError, NotImplementedError):
        pytest.skip("torch has it for real numbers only")
    if numbers is None or all(float(n).is_integer() for n in numbers):
        (y,) = Activation(function, numbers).infer(TensorType((3,), "int64"))
        assert y.dtype == str(expected.dtype).removeprefix("torch.")


def test_not_is_a_truth_value() -> None:
    checks.agree(Activation("not"), torch.logical_not, np.array([0.0, 2, -1]))
    checks.agree(Activation("not"), torch.logical_not, np.array([True, False]))


def test_numbers_by_hand() -> None:
    x = np.array([-2.0, 0, 4])
    assert Activation("leaky_relu", (0.5,)).evaluate(x)[0].tolist() == [-1, 0, 4]
    assert Activation("clip").evaluate(2 * x)[0].tolist() == [0, 0, 6]
    assert Activation("hardswish").evaluate(6 * x)[0].tolist() == [0, 0, 24]
    assert Activation("softsign").evaluate(x)[0].tolist() == [-2 / 3, 0, 0.8]
    assert Softmax(0).evaluate(np.log([1.0, 3]))[0].tolist() == pytest.approx([0.25, 0.75])


@settings(max_examples=25)
@given(st.lists(checks.sizes, min_size=2, max_size=4), st.booleans())
def test_slopes_are_torchs(shape: list[int], shared: bool) -> None:
    checks.agree(PReLU(), F.prelu, signed(*shape), drawn(1 if shared else shape[1]))


def test_slopes_of_one_number_a_sample() -> None:
    checks.agree(PReLU(), F.prelu, signed(5), drawn(1))


@settings(max_examples=25)
@given(st.lists(checks.sizes, min_size=1, max_size=4), st.booleans(), st.data())
def test_shares_are_torchs(shape: list[int], log: bool, data: st.DataObject) -> None:
    axis = data.draw(st.integers(-len(shape), len(shape) - 1))
    twin = F.log_softmax if log else F.softmax
    checks.agree(Softmax(axis, log), lambda x: twin(x, axis), 300 * signed(*shape))
    checks.agree(Softmax(axis, log), lambda x: twin(x, axis), signed(0, *shape[1:], 3))


def test_outputs_read_what_the_reach_says() -> None:
    x = drawn(2, 3, 4)
    for axis in (0, 1, -1):
        checks.check_reach(Softmax(axis), 0.1 * x)
    checks.check_reach(Activation("gelu"), x)
    checks.check_reach(PReLU(), -x, drawn(3))
    checks.check_reach(Cast("int32"), 10 * x)


def test_torch_keeps_shares_and_slopes_input() -> None:
    x = torch.randn(2, 4, 3)
    checks.check_saved(Softmax(1), lambda x: F.softmax(x, 1), x)
    checks.check_saved(Softmax(1, log=True), lambda x: F.log_softmax(x, 1), x)
    checks.check_saved(PReLU(), F.prelu, x, torch.rand(4))
    checks.check_saved(Cast("float64"), lambda x: x.double(), x)


def test_casts() -> None:
    x = np.array([[-1.5, 0, 2.7]])
    checks.agree(Cast("int64"), lambda x: x.long(), x)
    checks.agree(Cast("bool"), lambda x: x.bool(), x)
    checks.agree(Cast("float64"), lambda x: x.double(), np.array([1, 2]))
    # The reference computes in one precision: a cast to float16 in the network rounds nothing.
    assert Cast("float16").evaluate(x)[0] is x
    assert Cast("bfloat16").infer(TensorType((1, 3)))[0] == TensorType((1, 3), "bfloat16")


def test_misfits_are_told() -> None:
    with pytest.raises(ShapeError, match="8 channels; 3 slopes were given"):
        PReLU().infer(TensorType((1, 8, 4)), TensorType((3,)))
    with pytest.raises(ShapeError, match="no axis 2 in a value with 2 axes"):
        Softmax(2).infer(TensorType((1, 8)))


def test_words() -> None:
    assert Activation("relu").describe() == "relu"
    assert Activation("clip", (-1, 1)).describe() == "clip(low -1, high 1)"
