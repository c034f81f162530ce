"""Calling a plan: whatever is given, and from wherever, it computes the same."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

import striate
from striate import OptionError, ShapeError
from striate.runtime import Plan

SHAPE = (1, 3, 9, 7)


class TwoOutputs(nn.Module):
    """A map and its mean."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 5, 3, padding=1)

    def forward(self, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        y = torch.relu(self.conv(x))
        return y, y.mean((2, 3))


@pytest.fixture(scope="module")
def net() -> nn.Module:
    torch.manual_seed(0)
    return nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU(), nn.Flatten(), nn.Linear(140, 6)).eval()


@pytest.fixture(scope="module")
def plan(net: nn.Module) -> Plan:
    return striate.compile(net, SHAPE, threads=2)


@pytest.fixture(scope="module")
def x() -> np.ndarray[Any, Any]:
    return np.random.default_rng(0).standard_normal(SHAPE).astype(np.float32)


def test_arrays_of_every_kind_give_the_same(plan: Plan, x: np.ndarray[Any, Any]) -> None:
    want = plan(x)
    assert type(want) is np.ndarray
    assert want.shape == (1, 6)
    wide = np.zeros((1, 3, 9, 14), np.float32)
    wide[..., ::2] = x
    for given in (
        x.astype(np.float64),
        x.astype(">f4"),
        wide[..., ::2],
        np.asfortranarray(x),
        x.view(np.memmap),
    ):
        np.testing.assert_array_equal(plan(given), want)


def test_large_outputs_begin_at_a_line() -> None:
    net = nn.Conv2d(1, 5, 3, padding=1).eval()
    x = torch.randn(1, 1, 33, 31)
    plan = striate.compile(net, x, threads=1)
    held = [plan(x.numpy() if i % 2 else x) for i in range(9)]
    torch.testing.assert_close(torch.as_tensor(held[-1]), net(x).detach(), rtol=1e-5, atol=1e-6)
    addresses = [torch.as_tensor(y).data_ptr() for y in held[1:]]  # the first one learns of tensors
    assert {address % 64 for address in addresses} == {0}


def test_tensors_of_every_kind_give_the_same(plan: Plan, x: np.ndarray[Any, Any]) -> None:
    want = torch.from_numpy(plan(x))
    tensor = torch.from_numpy(x)
    for given in (
        tensor,
        tensor,  # the second one finds torch known
        tensor.double(),
        nn.Parameter(tensor, requires_grad=False),
        tensor.to(memory_format=torch.channels_last),
        torch._neg_view(-tensor),
        torch.cat([tensor, tensor])[1:],
    ):
        found = plan(given)
        assert type(found) is torch.Tensor
        assert not found.requires_grad
        torch.testing.assert_close(found, want, rtol=0, atol=0)


def test_a_tensor_that_wants_a_gradient_is_refused_every_time(
    plan: Plan, x: np.ndarray[Any, Any]
) -> None:
    tensor = torch.from_numpy(x)
    want = plan(tensor)
    wanting = tensor.clone().requires_grad_()
    for _ in range(2):
        with pytest.raises(OptionError, match="gradient"):
            plan(wanting)
    with torch.no_grad():
        torch.testing.assert_close(plan(wanting), want, rtol=0, atol=0)


def test_what_a_plan_gives_is_the_callers_own(plan: Plan, x: np.ndarray[Any, Any]) -> None:
    first = plan(x)
    kept = first.copy()
    second = plan(2 * x)
    assert not np.shares_memory(first, second)
    np.testing.assert_array_equal(first, kept)


def test_a_wrong_shape_is_told_of_also_after_a_right_one(x: np.ndarray[Any, Any]) -> None:
    flat = striate.compile(nn.Linear(7, 2), (1, 7))
    flat(np.zeros((1, 7), np.float32))
    flat(torch.zeros(1, 7))
    for wrong in (np.zeros((1, 8), np.float32), torch.zeros(1, 8)):
        with pytest.raises(ShapeError):
            flat(wrong)


def test_several_outputs_come_as_a_tuple(x: np.ndarray[Any, Any]) -> None:
    torch.manual_seed(1)
    two = TwoOutputs().eval()
    plan = striate.compile(two, SHAPE)
    with torch.no_grad():
        want = two(torch.from_numpy(x))
    for given in (x, torch.from_numpy(x), torch.from_numpy(x)):
        found = plan(given)
        assert type(found) is tuple
        for y, told in zip(found, want, strict=True):
            np.testing.assert_allclose(np.asarray(y), told.numpy(), atol=1e-5)


def test_the_number_of_threads_changes_no_bit() -> None:
    torch.manual_seed(2)
    x = np.random.default_rng(3).standard_normal((2, 3, 32, 32)).astype(np.float32)
    graph = striate.capture(striate.zoo.create("resnet20").eval(), x.shape)
    results = [striate.compile(graph, threads=n)(x) for n in (1, 2, 3, 5)]
    for found in results[1:]:
        np.testing.assert_array_equal(found, results[0])


def test_many_callers_of_plans_of_many_team_sizes_get_what_one_gets() -> None:
    torch.manual_seed(4)
    net = striate.zoo.create("lenet5").eval()
    rng = np.random.default_rng(5)
    inputs = [rng.standard_normal((4, 1, 32, 32)).astype(np.float32) for _ in range(8)]
    graph = striate.capture(net, inputs[0].shape)
    plans = [striate.compile(graph, threads=n) for n in (1, 2, 3, 4)]
    want = [plans[0](x) for x in inputs]
    with ThreadPoolExecutor(6) as callers:
        found = list(callers.map(lambda i: plans[i % 4](inputs[i % 8]), range(800)))
    for i, y in enumerate(found):
        np.testing.assert_array_equal(y, want[i % 8])


def test_steps_that_are_timed_one_by_one_give_the_same(plan: Plan) -> None:
    times = plan.profile(3)
    assert len(times) == plan._runner.program.steps
    assert min(times) > 0
