"""Every operation's gradient is that of torch's autograd, in float64."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from striate.graph import OPERATIONS, Operation, ops
from striate.graph.ops.activation import FUNCTIONS
from striate.graph.ops.activation_gradient import OF_INPUT, OF_OUTPUT

from ..ops.checks import drawn, signed
from .agreement import agree

# Which kinds have one -----------------------------------------------------------------------------

NONE = {"fill", "arg_reduce", "batch_moments", "subsample", "places"}
"""Without an input; whole numbers; part of a batch norm, which says it for both;
made of two others for training; made of an index when it is compiled."""


def test_every_kind_has_a_gradient_or_needs_none() -> None:
    without = {k for k, op in OPERATIONS.items() if op.gradient is Operation.gradient}
    assert without == NONE | {k for k in OPERATIONS if k.endswith("_gradient")}


# Functions of one number --------------------------------------------------------------------------

TORCH: dict[str, Callable[..., Tensor]] = {
    "relu": F.relu,
    "clip": F.hardtanh,
    "leaky_relu": F.leaky_relu,
    "elu": lambda x, a, s, i: torch.ops.aten.elu(x, a, s, i),
    "gelu": lambda x, tanh: F.gelu(x, approximate="tanh" if tanh else "none"),
    "silu": F.silu,
    "mish": F.mish,
    "softplus": F.softplus,
    "softsign": F.softsign,
    "hardswish": F.hardswish,
    "hardsigmoid": lambda x, alpha, beta: F.hardsigmoid(x),
    "log_sigmoid": F.logsigmoid,
    "threshold": F.threshold,
    "identity": lambda x: x * 1,
    "detach": lambda x: x.detach() + 0 * x,
    "neg": torch.neg,
    "sign": torch.sign,
    "floor": torch.floor,
    "ceil": torch.ceil,
    "round": torch.round,
    **{
        name: getattr(torch, name)
        for name in ("sigmoid", "tanh", "abs", "exp", "log", "sqrt", "rsqrt", "square",
                     "reciprocal", "erf", "sin", "cos")
    },
}  # fmt: skip


@pytest.mark.parametrize("name", sorted(FUNCTIONS.keys() - {"not"}))
def test_functions(name: str) -> None:
    numbers = FUNCTIONS[name][2]
    x = 4 * signed(3, 17)
    if name in ("log", "sqrt", "rsqrt"):
        x = np.abs(x)
    rtol = 1e-6 if name == "hardsigmoid" else 1e-8  # torch rounds its 1/6 to float32
    agree(ops.Activation(name), lambda t: TORCH[name](t, *numbers), x, rtol=rtol)


@pytest.mark.parametrize(
    ("name", "numbers"),
    [
        ("clip", (-1.5, 0.75)),
        ("leaky_relu", (0.3,)),
        ("elu", (1.7, 1.1, 0.5)),
        ("gelu", (1,)),
        ("softplus", (3, 2)),
        ("threshold", (0.5, -3)),
    ],
)
def test_functions_with_numbers(name: str, numbers: tuple[float, ...]) -> None:
    agree(ops.Activation(name, numbers), lambda t: TORCH[name](t, *numbers), 2 * signed(5, 11))


@pytest.mark.parametrize("name", ["relu", "clip", "leaky_relu", "hardswish", "abs", "threshold"])
def test_corners_are_torch_s(name: str) -> None:
    x = np.array([-3.0, 0.0, -0.0, 3.0, 6.0])
    agree(ops.Activation(name), lambda t: TORCH[name](t, *FUNCTIONS[name][2]), x)


def test_every_function_says_its_slope_once() -> None:
    flat = {"identity", "detach", "neg", "sign", "floor", "ceil", "round", "not"}
    assert {*OF_INPUT, *OF_OUTPUT, *flat} == {*FUNCTIONS}
    assert not OF_INPUT.keys() & OF_OUTPUT.keys()


@pytest.mark.parametrize(
    ("x", "slopes"), [((4, 3, 2, 5), 3), ((4, 3), 3), ((4, 3, 7), 1), ((6,), 1), ((2, 1, 4), 1)]
)
def test_prelu(x: tuple[int, ...], slopes: int) -> None:
    agree(ops.PReLU(), F.prelu, signed(*x), signed(slopes))


@pytest.mark.parametrize("log", [False, True])
@pytest.mark.parametrize(("shape", "axis"), [((3, 4), 1), ((2, 5, 3), 1), ((2, 5, 3), -3)])
def test_softmax(shape: tuple[int, ...], axis: int, log: bool) -> None:
    function = torch.log_softmax if log else torch.softmax
    agree(ops.Softmax(axis, log), lambda t: function(t, axis), 3 * signed(*shape))


def test_casts() -> None:
    agree(ops.Cast("float64"), lambda t: t * 1, signed(3, 2))
    agree(ops.Cast("float32"), lambda t: t.float(), signed(3, 2), rtol=1e-6)


# Two values ---------------------------------------------------------------------------------------

PAIRS: dict[str, Callable[[Any, Any], Tensor]] = {
    "add": torch.add,
    "sub": torch.sub,
    "mul": torch.mul,
    "div": torch.div,
    "pow": torch.pow,
    "max": torch.maximum,
    "min": torch.minimum,
    "mod": torch.remainder,
}
SHAPES = [
    ((2, 3, 4), (2, 3, 4)),
    ((2, 3, 4), (3, 1)),
    ((4,), (2, 3, 4)),
    ((2, 1, 4), (5, 1, 3, 1)),
    ((), (3, 2)),
    ((1, 1), (1, 5)),
]


@pytest.mark.parametrize("name", PAIRS)
@pytest.mark.parametrize(("a", "b"), SHAPES)
def test_arithmetic(name: str, a: tuple[int, ...], b: tuple[int, ...]) -> None:
    agree(ops.Binary(name), PAIRS[name], drawn(*a), drawn(*b, seed=1))


@pytest.mark.parametrize("name", ["add", "sub", "mul", "div", "pow"])
@pytest.mark.parametrize("number", [0.0, 1.0, 2.0, 3.0, -1.5])
@pytest.mark.parametrize("reverse", [False, True])
def test_arithmetic_with_a_number(name: str, number: float, reverse: bool) -> None:
    if number == 0 and name == "div" and not reverse:
        pytest.skip("nothing is divided by 0")
    function = PAIRS[name]
    torch_op = (lambda t: function(number, t)) if reverse else (lambda t: function(t, number))
    agree(ops.Binary(name, number=number, reverse=reverse), torch_op, drawn(3, 5))


@pytest.mark.parametrize("name", ["max", "min", "mod"])
def test_a_number_where_torch_has_tensors_only(name: str) -> None:
    other, x = torch.tensor(0.7, dtype=torch.float64), drawn(3, 5)
    agree(ops.Binary(name, number=0.7), lambda t: PAIRS[name](t, other), x)
    agree(ops.Binary(name, number=0.7, reverse=True), lambda t: PAIRS[name](other, t), x)


def test_a_factor_on_the_second() -> None:
    a, b = drawn(2, 3), drawn(3, seed=1)
    agree(ops.Binary("add", alpha=0.3), lambda t, u: torch.add(t, u, alpha=0.3), a, b)
    agree(ops.Binary("sub", alpha=2.0), lambda t, u: torch.sub(t, u, alpha=2.0), a, b)


@pytest.mark.parametrize("name", ["max", "min"])
def test_equals_share(name: str) -> None:
    a, b = np.array([1.0, 2.0, 3.0]), np.array([1.0, 3.0, 2.0])
    agree(ops.Binary(name), PAIRS[name], a, b)


def test_powers_at_zero() -> None:
    a, b = np.array([0.0, 0.0, 0.0, 2.0]), np.array([0.0, 1.0, 2.0, 0.0])
    agree(ops.Binary("pow"), torch.pow, a, b)
    agree(ops.Binary("pow", number=0.0, reverse=True), lambda t: torch.pow(0.0, t), b)
    agree(ops.Binary("pow", number=0.0), lambda t: torch.pow(t, 0.0), a)


def test_a_value_with_itself() -> None:
    from striate.graph import Graph, Node, TensorType
    from striate.graph.gradient import differentiate

    node = Node("y", ops.Binary("mul"), ("x", "x"), ("y",))
    graph = Graph("square", {"x": TensorType((3,), "float64")}, (node,), ("y",), {})
    x = np.array([1.0, -2.0, 3.0])
    _, gx = differentiate(graph, ["x"]).graph.run(x, np.ones(3))
    assert gx.tolist() == [2, -4, 6]


def test_where() -> None:
    holds = signed(2, 3, 4) > 0
    agree(ops.Where(), torch.where, holds, signed(3, 1), signed(4, seed=1))
    two, x = torch.tensor(2.0, dtype=torch.float64), signed(3, 4)
    agree(ops.Where(a=2.0), lambda c, _, u: torch.where(c, two, u), holds, None, x)
    agree(ops.Where(b=2.0), lambda c, t: torch.where(c, t, two), holds, x)


# Joined and taken apart ---------------------------------------------------------------------------


@pytest.mark.parametrize("axis", [1, -1])
def test_concat(axis: int) -> None:
    def joined(*parts: Tensor) -> Tensor:
        return torch.cat(parts, axis)

    shapes = [(2, n, 3) if axis == 1 else (2, 3, n) for n in (1, 4, 2)]
    agree(ops.Concat(axis), joined, *(signed(*shape) for shape in shapes))


def test_stack() -> None:
    parts = [signed(2, 3, seed=k) for k in range(3)]
    agree(ops.Stack(-1), lambda *t: torch.stack(t, -1), *parts)


def test_split() -> None:
    x = signed(2, 7, 3)
    agree(ops.Split(1, (2, 4, 1)), lambda t: t.split((2, 4, 1), 1), x)
    agree(ops.Split(1, 3), lambda t: t.split(3, 1), x)
    agree(ops.Split(-1, pieces=2), lambda t: t.chunk(2, -1), x)


@pytest.mark.parametrize(
    ("start", "end", "step"),
    [(0, None, 1), (2, 5, 1), (-3, -1, 1), (1, None, 2), (0, 6, 3), (4, 4, 1), (5, 2, 1)],
)
@pytest.mark.parametrize("axis", [1, -2])
def test_slice(axis: int, start: int, end: int | None, step: int) -> None:
    x = signed(2, 7, 3)
    agree(ops.Slice(axis, start, end, step), lambda t: t[:, start:end:step], x)


def test_a_slice_that_walks_backwards() -> None:
    def backwards(t: Tensor) -> Tensor:
        return t.flip(1)[:, 1::2]

    agree(ops.Slice(1, -2, None, -2), backwards, signed(2, 7, 3))


def test_select() -> None:
    agree(ops.Select(1, 2), lambda t: t[:, 2], signed(2, 4, 3))
    agree(ops.Select(-1, -1), lambda t: t[..., -1], signed(2, 4, 3))


@pytest.mark.parametrize("pads", [((0, 0), (1, 2), (3, 0)), ((0, 0), (-1, 2), (0, -2))])
def test_pad(pads: tuple[tuple[int, int], ...]) -> None:
    flat = [n for pair in reversed(pads) for n in pair]
    agree(ops.Pad(pads, value=2.0), lambda t: F.pad(t, flat, value=2.0), signed(2, 4, 5))


@pytest.mark.parametrize("mode", ["reflect", "replicate", "circular"])
@pytest.mark.parametrize("sides", [(2, 1, 0, 3), (1, 1, 1, 1)])
def test_mirrored_pads(mode: Any, sides: tuple[int, ...]) -> None:
    pads = ((0, 0), (0, 0), sides[2:], sides[:2])
    agree(ops.Pad(pads, mode), lambda t: F.pad(t, sides, mode), signed(2, 3, 4, 5))


def test_gather() -> None:
    x, index = signed(2, 5, 3), np.array([4, 0, 4, 4])
    agree(ops.Gather(1), lambda t, i: t.index_select(1, i), x, index)
    agree(ops.Gather(1), lambda t, i: t[:, i], x, np.array([[1, -1], [2, 1]]))
    agree(ops.Gather(-1), lambda t, i: t[..., i], x, np.array(2))
    places = np.random.default_rng(0).integers(0, 5, (2, 7, 2))
    agree(ops.Gather(1, True), lambda t, i: t.gather(1, i), x, places)
    agree(ops.Gather(-1, True), lambda t, i: t.gather(-1, i), x, places[:, :4] % 3)


# Other shapes -------------------------------------------------------------------------------------


def test_shapes() -> None:
    x = signed(2, 1, 6, 1)
    agree(ops.Reshape((4, -1)), lambda t: t.reshape(4, 3), x)
    agree(ops.Flatten(), lambda t: t.flatten(1), x)
    agree(ops.Squeeze(), torch.squeeze, x)
    agree(ops.Squeeze((1, 2)), lambda t: t.squeeze(1), x)
    agree(ops.Unsqueeze((0, 3)), lambda t: t[None, :, :, None], x)
    agree(ops.Permute((-1, 0, 2, 1)), lambda t: t.permute(3, 0, 2, 1), signed(2, 3, 4, 5))


def test_expand() -> None:
    agree(ops.Expand((4, 2, 5, 3)), lambda t: t.expand(4, 2, 5, 3), signed(2, 1, 3))
    agree(ops.Expand((-1, 1), both=True), lambda t: t * 1, signed(2, 3))
    agree(ops.Expand((2, 1, 1), both=True), lambda t: t.expand(2, 2, 3), signed(2, 3))


@pytest.mark.parametrize("repeats", [(1, 1, 1), (2, 1, 3), (2, 3, 1, 2)])
def test_tile(repeats: tuple[int, ...]) -> None:
    agree(ops.Tile(repeats), lambda t: t.repeat(repeats), signed(2, 3, 4))


def test_roll_and_flip() -> None:
    x = signed(2, 5, 4)
    agree(ops.Roll((2, -1), (1, 2)), lambda t: t.roll((2, -1), (1, 2)), x)
    agree(ops.Flip((0, -1)), lambda t: t.flip(0, -1), x)


@pytest.mark.parametrize("blocks_first", [False, True])
def test_pixel_shuffles_undo_each_other(blocks_first: bool) -> None:
    def shuffled(t: Tensor) -> Tensor:
        if not blocks_first:
            return F.pixel_shuffle(t, 2)
        return F.pixel_shuffle(t.unflatten(1, (4, 2)).transpose(1, 2).flatten(1, 2), 2)

    def unshuffled(t: Tensor) -> Tensor:
        made = F.pixel_unshuffle(t, 2)
        return made.unflatten(1, (2, 4)).transpose(1, 2).flatten(1, 2) if blocks_first else made

    agree(ops.PixelShuffle(2, blocks_first), shuffled, signed(2, 8, 3, 4))
    agree(ops.PixelUnshuffle(2, blocks_first), unshuffled, signed(2, 2, 6, 4))


def test_channel_shuffle() -> None:
    def shuffled(t: Tensor) -> Tensor:
        return t.unflatten(1, (3, 2)).transpose(1, 2).flatten(1, 2)

    agree(ops.ChannelShuffle(3), shuffled, signed(2, 6, 2, 3))


# Reductions ---------------------------------------------------------------------------------------

REDUCTIONS: dict[str, Callable[..., Tensor]] = {
    "sum": torch.sum,
    "mean": torch.mean,
    "max": torch.amax,
    "min": torch.amin,
    "l1": lambda t, axes, keep: torch.linalg.vector_norm(t, 1, axes, keep),
    "l2": lambda t, axes, keep: torch.linalg.vector_norm(t, 2, axes, keep),
    "sum_square": lambda t, axes, keep: t.square().sum(axes, keep),
    "log_sum_exp": torch.logsumexp,
    "var": lambda t, axes, keep: t.var(axes, correction=0, keepdim=keep),
    "var_unbiased": lambda t, axes, keep: t.var(axes, keepdim=keep),
    "std": lambda t, axes, keep: t.std(axes, correction=0, keepdim=keep),
    "std_unbiased": lambda t, axes, keep: t.std(axes, keepdim=keep),
}


@pytest.mark.parametrize("keepdim", [False, True])
@pytest.mark.parametrize("axes", [(1,), (-1, 1), (2, 3), (0, 1, 2, 3)])
@pytest.mark.parametrize("name", REDUCTIONS)
def test_reductions(name: str, axes: tuple[int, ...], keepdim: bool) -> None:
    function = REDUCTIONS[name]
    agree(ops.Reduce(name, axes, keepdim), lambda t: function(t, axes, keepdim), signed(2, 3, 4, 5))


def test_products() -> None:
    x = signed(3, 4, 2)
    agree(ops.Reduce("prod", (1,)), lambda t: t.prod(1), x)
    agree(ops.Reduce("prod"), torch.prod, x)
    agree(ops.Reduce("prod", (2, 0), True), lambda t: t.prod(2, True).prod(0, True), x)


@pytest.mark.parametrize("zeros", [1, 2, 4])
def test_products_of_zeros(zeros: int) -> None:
    x = signed(2, 5)
    x[0, :zeros] = 0
    agree(ops.Reduce("prod", (1,)), lambda t: t.prod(1), x)


def test_reductions_of_equals() -> None:
    x = np.array([[1.0, 3.0, 3.0], [2.0, 2.0, 2.0]])
    for name in ("max", "min", "std", "std_unbiased", "l2"):
        numbers = x * 0 if name == "l2" else x
        function = REDUCTIONS[name]
        agree(ops.Reduce(name, (1,)), lambda t: function(t, (1,), False), numbers)  # noqa: B023


@pytest.mark.parametrize("axis", [1, -1])
@pytest.mark.parametrize("keepdim", [False, True])
def test_the_first_of_equals_takes_all(axis: int, keepdim: bool) -> None:
    x = np.round(2 * signed(3, 4, 5))
    op = ops.Reduce("max", (axis,), keepdim, first=True)
    agree(op, lambda t: t.max(axis, keepdim)[0], x)
    op = ops.Reduce("min", (axis,), keepdim, first=True)
    agree(op, lambda t: t.min(axis, keepdim)[0], x)


def test_all_axes() -> None:
    agree(ops.Reduce("mean"), torch.mean, signed(2, 3, 4))
    agree(ops.Reduce("sum"), torch.sum, signed(3))


def test_cumsum() -> None:
    agree(ops.CumSum(1), lambda t: t.cumsum(1), signed(2, 5, 3))
    agree(ops.CumSum(-1), lambda t: t.cumsum(-1), signed(2, 5))
