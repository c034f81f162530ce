"""Weights that are made while a plan runs, as in training: packed each time, turned around."""

from typing import Any

import numpy as np
import pytest

import striate
from striate.graph import Graph, Node
from striate.graph._types import TensorType
from striate.graph.ops import Conv, ConvTranspose, GroupNorm, LayerNorm, Linear
from striate.window import Window


def windows(size: int, **told: Any) -> tuple[Window, Window]:
    return (Window(size, **told),) * 2


PADDED = windows(3, padding=(1, 1))
CASES: dict[str, Any] = {
    "winograd": (Conv(PADDED), (2, 16, 12, 12), (24, 16, 3, 3), (24,)),
    "first": (Conv(PADDED), (2, 1, 12, 12), (6, 1, 3, 3), (6,)),
    "first, of phases": (
        Conv(windows(7, stride=2, padding=(3, 3))), (2, 3, 40, 30), (40, 3, 7, 7), (40,),
    ),
    "groups": (Conv(windows(3, stride=2), groups=4), (2, 16, 12, 12), (24, 4, 3, 3)),
    "depthwise": (Conv(PADDED, groups=10), (1, 10, 5, 6), (10, 1, 3, 3)),
    "whole map": (Conv(windows(5)), (3, 16, 5, 5), (20, 16, 5, 5), (20,)),
    "turned": (ConvTranspose(PADDED, (0, 0)), (2, 16, 6, 6), (16, 24, 3, 3), (24,)),
    "turned groups": (ConvTranspose(PADDED, (0, 0), 2), (2, 16, 6, 6), (16, 12, 3, 3)),
    "turned stride": (
        ConvTranspose(windows(3, stride=2, padding=(1, 1)), (1, 1)), (2, 16, 6, 6), (16, 9, 3, 3),
    ),
    # Of every four outputs three meet no tap.
    "few taps": (ConvTranspose(windows(1, stride=2), (1, 1)), (2, 5, 6, 6), (5, 24, 1, 1), (24,)),
    "one place": (ConvTranspose(windows(5), (0, 0)), (3, 20, 1, 1), (20, 16, 5, 5)),
    "one place, apart": (
        ConvTranspose(windows(3, dilation=2), (0, 0)), (3, 20, 1, 1), (20, 16, 3, 3),
    ),
    "linear": (Linear(), (4, 20), (10, 20), (10,)),
    "group norm": (GroupNorm(2), (4, 20, 3, 3), (20,), (20,)),
    "layer norm": (LayerNorm(2), (4, 5, 20), (5, 20), (5, 20)),
}  # fmt: skip


@pytest.mark.parametrize("name", CASES)
def test_they_are_read_anew_in_each_call(name):
    op, *shapes = CASES[name]
    inputs = {f"i{k}": TensorType(shape) for k, shape in enumerate(shapes)}
    graph = Graph("one", inputs, (Node("n", op, tuple(inputs), ("y",)),), ("y",), {})
    plan = striate.compile(graph, list(shapes))
    assert "island" not in [step.kind for step in plan._recipe.steps]
    for seed in range(2):
        draw = np.random.default_rng(seed)
        arrays = [draw.standard_normal(shape).astype(np.float32) for shape in shapes]
        (expected,) = graph.run(*arrays)
        assert np.abs(plan(*arrays) - expected).max() < 1e-5 * np.abs(expected).max()
