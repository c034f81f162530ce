"""Compiled networks give what torch gives in float64."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import striate
from striate import _core

from .nets import NETS

TARGETS = [name for name, _ in _core.targets()]


def expected(net: torch.nn.Module, x: torch.Tensor) -> list[np.ndarray[Any, Any]]:
    """The network in float64; its parameters come back as they were."""
    with torch.no_grad():
        y = net.double()(x.double())
    net.float()
    return [part.numpy() for part in (y if isinstance(y, tuple) else (y,))]


@cache
def made(name: str) -> tuple[striate.Graph, torch.Tensor, list[np.ndarray[Any, Any]]]:
    """A network, captured once for all plans of it, an input, and what it gives."""
    torch.manual_seed(0)
    build, shape = NETS[name]
    net, x = build().eval(), torch.randn(shape)
    return striate.capture(net, x), x, expected(net, x)


def check(found: Any, wanted: list[np.ndarray[Any, Any]], share: float = 1e-4) -> None:
    several = found if isinstance(found, tuple) else (found,)
    for ours, theirs in zip(several, wanted, strict=True):
        assert tuple(ours.shape) == theirs.shape
        error = np.abs(np.asarray(ours, np.float64) - theirs).max()
        assert error <= share * np.abs(theirs).max(), error


@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize("name", NETS)
def test_a_plan_gives_what_torch_gives(name: str, target: str) -> None:
    graph, x, wanted = made(name)
    plan = striate.compile(graph, threads=2, isa=target)
    check(plan(x), wanted)
    assert isinstance(plan(x)[0], torch.Tensor)


@pytest.mark.parametrize("name", NETS)
def test_exact_plans_do_without_winograd(name: str) -> None:
    graph, x, wanted = made(name)
    plan = striate.compile(graph, threads=1, precision="exact")
    check(plan(x), wanted, 5e-6)
    assert "winograd" not in plan.explain()


@pytest.mark.parametrize("name", NETS)
def test_a_saved_plan_gives_the_same_numbers(name: str, tmp_path: Path) -> None:
    graph, x, _ = made(name)
    plan = striate.compile(graph, threads=2)
    plan.save(tmp_path / "net.striate")
    loaded = striate.runtime.load(tmp_path / "net.striate")
    ours, theirs = loaded(x.numpy()), plan(x.numpy())
    for a, b in zip(
        ours if isinstance(ours, tuple) else [ours],
        theirs if isinstance(theirs, tuple) else [theirs],
        strict=True,
    ):
        assert np.array_equal(a, b)


@pytest.mark.parametrize(
    "wrong", [{"threads": 0}, {"threads": 1.5}, {"threads": 1025}, {"batch": 0}, {"batch": -1}]
)
def test_numbers_that_make_no_plan_are_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(striate.OptionError, match=next(iter(wrong))):
        striate.compile(torch.nn.ReLU(), (1, 3, 4, 4), **wrong)


class Odd(torch.nn.Module):
    """Parts of 8 channels at 7x7: 392 numbers, so the second begins at half a cache line."""

    def __init__(self) -> None:
        super().__init__()
        self.first = torch.nn.Conv2d(8, 8, 3, padding=1)
        self.second = torch.nn.Conv2d(8, 8, 3, padding=1)
        self.last = torch.nn.Conv2d(16, 8, 3, padding=1)

    def forward(self, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        both = torch.cat([self.first(x), self.second(x)], 1)
        return self.last(both), torch.tanh(both[:, 8:].flatten(1)[:, 3:].tanh())


@pytest.mark.parametrize("target", TARGETS)
def test_parts_of_maps_begin_at_any_block(target: str) -> None:
    torch.manual_seed(0)
    net, x = Odd().eval(), torch.randn(1, 8, 7, 7)
    plan = striate.compile(net, tuple(x.shape), threads=1, isa=target)
    check(plan(x), expected(net, x))
