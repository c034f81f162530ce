"""Pads go into windows where the numbers stay the same."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from striate import Window
from striate.engine.passes import fold_pads
from striate.graph import Graph, ops

from .checks import Net, kinds, optimized, same, unchanged


def padded(pads: Any, value: float = 0.0, *, relu: bool = False, mode: Any = "constant") -> Net:
    net = Net(2, 2, 7, 6)
    x = net.relu("x") if relu else "x"
    net.add(ops.Pad(((0, 0), (0, 0), *pads), mode, value), x, name="pad")
    return net


def folded(graph: Graph) -> bool:
    after = same(graph, fold_pads)
    return after is not graph and "pad" not in kinds(optimized(graph))


def test_a_convolution_takes_zeros() -> None:
    net = padded(((1, 2), (0, 1)))
    graph = same(net.graph(net.conv("pad", 2, 3, stride=2, padding=1)), fold_pads)
    (conv,) = [node for node in graph if node.kind == "conv"]
    assert conv.op.windows == (  # type: ignore[attr-defined]
        Window(3, stride=2, padding=(2, 3)),
        Window(3, stride=2, padding=(1, 2)),
    )


@given(
    pad=st.tuples(st.integers(-2, 2), st.integers(-2, 2)),
    own=st.tuples(st.integers(-1, 2), st.integers(-1, 2)),
    stride=st.integers(1, 3),
)
@settings(max_examples=40, derandomize=True)
def test_crops_and_pads_of_every_kind(
    pad: tuple[int, int], own: tuple[int, int], stride: int
) -> None:
    net = padded((pad, (0, 0)))
    w = net.weight("w", 3, 2, 2, 2)
    windows = (Window(2, stride=stride, padding=own), Window(2))
    graph = net.graph(net.add(ops.Conv(windows), "pad", w, None))
    # Only a crop before the convolution's own padding is in the way.
    assert folded(graph) or any(a < 0 < b for a, b in zip(pad, own, strict=True))


def test_other_numbers_and_modes_stay() -> None:
    for value, mode in ((1.0, "constant"), (0.0, "reflect")):
        net = padded(((1, 1), (1, 1)), value, mode=mode)
        unchanged(net.graph(net.conv("pad", 2, 3)), fold_pads)
    net = Net(2, 2, 7, 6)
    y = net.add(ops.Pad(((0, 0), (0, 1), (0, 0), (0, 0))), "x")
    unchanged(net.graph(net.conv(y, 3, 3)), fold_pads)


def test_same_padding_depends_on_sizes_and_stays() -> None:
    net = padded(((1, 1), (1, 1)))
    unchanged(net.graph(net.conv("pad", 2, 3, stride=2, padding="same")), fold_pads)


@pytest.mark.parametrize(
    ("own", "counted", "divisor", "fits"),
    [
        (0, True, None, True),
        (0, False, None, True),
        (1, True, None, True),
        (1, False, None, False),
        (1, False, 5, True),
    ],
)
def test_average_pooling(own: int, counted: bool, divisor: int | None, fits: bool) -> None:
    net = padded(((1, 0), (1, 1)))
    windows = (Window(3, stride=2, padding=own),) * 2
    assert folded(net.graph(net.add(ops.AvgPool(windows, counted, divisor), "pad"))) is fits


def test_ceil_mode_stays() -> None:
    net = padded(((1, 0), (1, 1)))
    windows = (Window(3, stride=2, ceil_mode=True),) * 2
    unchanged(net.graph(net.add(ops.AvgPool(windows), "pad")), fold_pads)


@pytest.mark.parametrize(
    ("value", "relu", "pads", "fits"),
    [
        (0.0, True, 1, True),
        (0.0, False, 1, False),  # a window of negative pixels has 0 as its maximum
        (-np.inf, False, 1, True),
        (-1.0, True, 2, True),
        (0.5, True, 1, False),
        (0.0, True, 3, False),  # a window would read padding alone
        (0.0, True, -1, False),
    ],
)
def test_max_pooling(value: float, relu: bool, pads: int, fits: bool) -> None:
    net = padded(((pads, 0), (0, 0)), value, relu=relu)
    y = net.add(ops.MaxPool((Window(3, stride=2),) * 2), "pad")
    assert folded(net.graph(y)) is fits


def test_positions_of_maxima_are_counted_in_the_padded_map() -> None:
    net = padded(((1, 0), (0, 0)), relu=True)
    y = net.add(ops.MaxPool((Window(3),) * 2, indices=True), "pad", outputs=2)
    unchanged(net.graph(y, f"{y}.1"), fold_pads)


@pytest.mark.parametrize(
    ("function", "numbers", "positive"),
    [
        ("clip", (0, 6), True),
        ("clip", (-1, 6), False),
        ("sigmoid", None, True),
        ("silu", None, False),
        ("threshold", (0.0, 0.0), True),
        ("threshold", (0.0, -1.0), False),
    ],
)
def test_what_is_never_negative(function: str, numbers: Any, positive: bool) -> None:
    net = Net(1, 2, 5, 5)
    one = net.add(ops.Activation(function, numbers), "x")
    two = net.add(ops.Concat(1), one, net.relu("x"))
    y = net.add(ops.Pad(((0, 0), (0, 0), (1, 1), (1, 1))), two)
    graph = net.graph(net.add(ops.MaxPool((Window(3),) * 2), y))
    assert folded(graph) is positive


def test_pads_in_a_row() -> None:
    net = padded(((1, 0), (2, 1)))
    y = net.add(ops.Pad(((0, 0), (0, 0), (1, 1), (-1, 0))), "pad")
    assert kinds(optimized(net.graph(net.relu(y)))) == ["pad", "activation"]
    net = padded(((-1, 0), (2, 1)))
    y = net.add(ops.Pad(((0, 0), (0, 0), (1, 1), (0, 0))), "pad")
    unchanged(net.graph(net.relu(y)), fold_pads)


def test_each_reader_takes_what_it_can() -> None:
    net = padded(((1, 1), (1, 1)))
    graph = optimized(net.graph(net.conv("pad", 2, 3), net.relu("pad")))
    assert kinds(graph) == ["pad", "conv", "activation"]
    assert graph.nodes[1].inputs[0] == "x"
