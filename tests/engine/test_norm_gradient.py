"""Gradients of layer, group and instance norms in compiled graphs."""

from __future__ import annotations

import pytest

from striate.graph.ops import (
    Conv,
    GroupNorm,
    GroupNormGradient,
    LayerNorm,
    LayerNormGradient,
    LocalResponseNormGradient,
    Permute,
)
from striate.window import Window

from .graphs import Call, check, make

OUTPUTS = ("gx", "gw", "gb")


@pytest.mark.parametrize("groups", [1, 3, None])
@pytest.mark.parametrize("shape", [(2, 9, 7), (3, 24, 5, 5), (1, 12, 2, 3, 4)])
def test_groups(shape: tuple[int, ...], groups: int | None) -> None:
    calls: list[Call] = [
        (GroupNorm(groups, 1e-2), ("x", "w", "b"), ("y",)),
        (GroupNormGradient(groups, 1e-2), ("gy", "x", "w"), OUTPUTS),
    ]
    c = shape[1:2]
    graph = make(calls, {"x": shape, "gy": shape, "w": c, "b": c}, ("y", *OUTPUTS))
    check(graph, "norm_gradient", steps=1)


@pytest.mark.parametrize("rms", [False, True])
@pytest.mark.parametrize("axes", [1, 2])
def test_last_axes_of_plain_values(axes: int, rms: bool) -> None:
    shape, last = (3, 5, 4, 6), (4, 6)[2 - axes :]
    calls: list[Call] = [
        (LayerNorm(axes, 1e-2, rms), ("x", "w", "b"), ("y",)),
        (LayerNormGradient(axes, 1e-2, rms), ("gy", "x", "w"), OUTPUTS),
    ]
    shapes = {"x": shape, "gy": shape, "w": last, "b": last}
    check(make(calls, shapes, ("y", *OUTPUTS)), "norm_gradient", steps=1)


@pytest.mark.parametrize("channels", [6, 16])
def test_channels_of_a_map(channels: int) -> None:
    """As ConvNeXt has them: behind a convolution, channels last, gradients of linear layers."""
    point = Conv((Window(1), Window(1)))
    to_last, back = Permute((0, 2, 3, 1)), Permute((0, 3, 1, 2))
    calls: list[Call] = [
        (point, ("x", "k"), ("map",)),
        (to_last, ("map",), ("last",)),
        (LayerNormGradient(), ("gy", "last", "w"), OUTPUTS),
        (back, ("gx",), ("gmap",)),
    ]
    shapes = {
        "x": (2, 8, 5, 6), "k": (channels, 8, 1, 1), "gy": (2, 5, 6, channels), "w": (channels,),
    }  # fmt: skip
    check(make(calls, shapes, ("gmap", "gw", "gb")), "norm_gradient", steps=1, share=3e-5)


def test_gradients_that_nobody_wants_are_not_made() -> None:
    calls: list[Call] = [(GroupNormGradient(2), ("gy", "x", None), OUTPUTS)]
    graph = make(calls, {"x": (2, 8, 6), "gy": (2, 8, 6)}, ("gw",))
    check(graph, "norm_gradient", steps=1)


@pytest.mark.parametrize("size", [1, 4, 5, 23])
@pytest.mark.parametrize("shape", [(2, 9, 7), (3, 16, 5, 5), (1, 40, 2, 3, 4)])
def test_local_response(shape: tuple[int, ...], size: int) -> None:
    op = LocalResponseNormGradient(size, 0.3, 0.6, 2.0)
    graph = make([(op, ("gy", "x"), ("gx",))], {"x": shape, "gy": shape}, ("gx",))
    check(graph, "norm_gradient", steps=1)
