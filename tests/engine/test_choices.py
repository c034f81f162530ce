"""Truths, places and choices among numbers run natively, beside torch."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

import striate
from striate.errors import PlanError
from striate.graph import Graph, Node, Weight
from striate.graph._types import TensorType
from striate.graph.ops import Binary, Cast, Gather, Where


class Call(nn.Module):
    """A function behind a convolution, whose maps are in blocks."""

    def __init__(self, function: Any, *, conv: bool = True) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 10, 3) if conv else nn.Identity()
        self.register_buffer("table", torch.randn(7, 10))
        self.register_buffer("index", torch.tensor([[0, 3], [6, -1], [3, 3]]))
        self.function = function

    def forward(self, x: torch.Tensor) -> Any:
        return self.function(self.conv(x), self)


FUNCTIONS: dict[str, Any] = {
    "where with numbers": lambda x, _: torch.where(x > 0.1, 2.0, x),
    "where with the other number": lambda x, _: torch.where(x <= 0.1, x, -1.0),
    "where of two numbers": lambda x, _: torch.where(x > 0, 2.0, -3.0),
    "where of maps": lambda x, _: torch.where(x < x.flip(3), x.exp(), x),
    "masked fill": lambda x, _: x.masked_fill((x > 0) & ~(x > 0.5) | (x < -1), -torch.inf).exp(),
    "mask by channel": lambda x, _: x.masked_fill(x.mean((2, 3), keepdim=True) > 0, 0.0),
    "truths times maps": lambda x, _: x * (x != 0).float() + (x > x.mean()).to(x.dtype),
    "xor": lambda x, _: torch.logical_xor(x > 0, x > 0.3).float(),
    "any": lambda x, _: (x > 1).any(1).float() + (x > -1).all(1),
    "share of truths": lambda x, _: (x > 0).sum((2, 3)) / 16.0,
    "argmax of channels": lambda x, _: x.argmax(1),
    "argmin of all": lambda x, _: x.argmin(),
    "best and its place": lambda x, _: x.max(3),
    "class masks": lambda x, _: (x.argmax(1, keepdim=True) == 3).float() * x,
    "cumsum": lambda x, _: x.cumsum(2),
    "cumsum of truths": lambda x, _: (x > 0).cumsum(1).float(),
    "look-up by place": lambda x, _: x.gather(1, x.argmin(1, keepdim=True)),
    "table": lambda x, m: x[:, :, 0, 0] + m.table[m.index].sum((0, 1)),
    "truths of numbers": lambda x, _: (x > 0).long().float() + x.bool().float(),
}  # fmt: skip


def islands(plan: Any) -> list[str]:
    return [s.op["kind"] for s in plan._recipe.steps if s.kind == "island"]


@pytest.mark.parametrize("name", FUNCTIONS)
def test_functions_of_maps(name: str) -> None:
    torch.manual_seed(0)
    net = Call(FUNCTIONS[name]).eval()
    x = torch.randn(2, 3, 6, 7)
    plan = striate.compile(net, x)
    wanted = net(x)
    wanted = wanted if isinstance(wanted, tuple) else (wanted,)
    found = plan(x)
    found = found if isinstance(found, tuple) else (found,)
    whole = sum(not y.is_floating_point() for y in wanted)
    assert islands(plan) == ["cast"] * whole  # outputs of other dtypes are made at the end
    for ours, theirs in zip(found, wanted, strict=True):
        assert ours.dtype == theirs.dtype
        torch.testing.assert_close(ours, theirs, atol=2e-4, rtol=1e-4)


def test_a_mask_that_is_an_input_is_read_as_floats() -> None:
    inputs = {"x": TensorType((2, 3, 4)), "mask": TensorType((1, 1, 4), "bool")}
    graph = Graph("masked", inputs, (Node("w", Where(a=0.0), ("mask", None, "x"), ("y",)),),
                  ("y",), {})  # fmt: skip
    plan = striate.compile(graph)
    assert islands(plan) == ["cast"]
    x = np.random.default_rng(0).standard_normal((2, 3, 4)).astype(np.float32)
    x[0, 0, 0] = np.inf
    mask = np.array([True, False, True, False]).reshape(1, 1, 4)
    assert np.array_equal(plan(x, mask), np.where(mask, np.float32(0), x))


def test_whole_numbers_that_floats_do_not_hold_stay_exact() -> None:
    """2^24 + 1 is no float32: sums of unknown whole numbers run in NumPy."""
    inputs = {"a": TensorType((3,), "int64"), "b": TensorType((3,), "int64")}
    nodes = (
        Node("s", Binary("add"), ("a", "b"), ("s",)),
        Node("e", Binary("equal"), ("s", "a"), ("e",)),
        Node("c", Cast("int64"), ("e",), ("y",)),
    )
    plan = striate.compile(Graph("sums", inputs, nodes, ("y", "s"), {}))
    a, b = np.array([2**24, 2**40, 5]), np.array([1, 1, 0])
    y, s = plan(a, b)
    assert s.tolist() == [2**24 + 1, 2**40 + 1, 5]
    assert y.tolist() == [0, 0, 1]


def test_an_index_outside_is_refused() -> None:
    inputs = {"index": TensorType((3,), "int64")}
    table = Weight("w", TensorType((4, 2)), np.arange(8, dtype=np.float32).reshape(4, 2))
    graph = Graph("look-up", inputs, (Node("g", Gather(0), ("w", "index"), ("y",)),), ("y",),
                  {"w": table})  # fmt: skip
    plan = striate.compile(graph)
    assert islands(plan) == ["places"]
    assert plan(np.array([3, -4, -1])).tolist() == [[6, 7], [0, 1], [6, 7]]
    for wrong in (4, -5):
        with pytest.raises(PlanError, match=f"{wrong}.* looks up an axis of 4"):
            plan(np.array([0, wrong, 0]))


class Biased(nn.Module):
    """Attention's table of relative positions, look-ups number by number, and mirrored borders."""

    def __init__(self) -> None:
        super().__init__()
        self.table = nn.Parameter(torch.randn(9, 4))
        self.register_buffer("index", torch.arange(25).reshape(5, 5) % 9)
        self.conv = nn.Conv2d(3, 10, 3)
        self.one, self.many = nn.PReLU(), nn.PReLU(10)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y = self.many(self.one(self.conv(x)))
        y = nn.functional.pad(y, (2, 1, 3, 0), mode="reflect")
        y = nn.functional.pad(y, (1, 1, 0, 2), mode="replicate")
        y = nn.functional.pad(y, (0, 2, 1, 1), mode="circular")
        y = nn.functional.interpolate(y, scale_factor=2, mode="bilinear")
        y = nn.functional.interpolate(y, size=(5, 5), mode="bicubic", align_corners=True)
        y = y[:, :4] + self.table[self.index].permute(2, 0, 1)
        return torch.where(y > 0, y, 0.5 * y.clamp(min=-1)).amax((2, 3)).cumsum(1)


def test_gradients_run_natively() -> None:
    torch.manual_seed(0)
    net, x = Biased(), torch.randn(2, 3, 8, 9)
    fast = striate.compile(net, x, train=True)
    fast(x).square().sum().backward()
    found = {name: p.grad.clone() for name, p in net.named_parameters()}  # type: ignore[union-attr]
    # A buffer may change: whether its indices lie inside is looked at in each call.
    assert fast.explain().splitlines()[2] == "in NumPy, without a kernel: places (1)"
    net.zero_grad()
    net.double()(x.double()).square().sum().backward()
    for name, p in net.named_parameters():
        assert p.grad is not None
        off = (found[name] - p.grad).abs().max() / p.grad.abs().max()
        assert off < 1e-4, name
