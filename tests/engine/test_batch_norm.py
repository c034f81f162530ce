"""Batch norms by computed statistics, and their gradients, in compiled graphs."""

from __future__ import annotations

import pytest

import striate
from striate.graph.ops import (
    Activation,
    ActivationGradient,
    BatchMoments,
    BatchNorm,
    BatchNormGradient,
    Binary,
)

from .graphs import Call, check, make

VECTORS = ("w", "b", "mean", "variance")


def shapes_of(*shape: int, maps: tuple[str, ...] = ("x",)) -> dict[str, tuple[int, ...]]:
    return {**dict.fromkeys(maps, shape), **dict.fromkeys(VECTORS, (shape[1],))}


@pytest.mark.parametrize("shape", [(3, 5), (2, 8, 9), (2, 19, 5, 7), (1, 3, 4, 5, 2)])
def test_norm_of_a_batch(shape: tuple[int, ...]) -> None:
    calls: list[Call] = [
        (BatchMoments(), ("x",), ("m", "v")),
        (BatchNorm(1e-3), ("x", "w", "b", "m", "v"), ("y",)),
        (BatchNormGradient(1e-3, True), ("gy", "x", "w", "m", "v"), ("gx", "gw", "gb")),
    ]
    shapes = {"x": shape, "gy": shape, "w": shape[1:2], "b": shape[1:2]}
    check(make(calls, shapes, ("y", "m", "v", "gx", "gw", "gb")), "batch_norm", steps=3)


def test_norm_without_weight_and_bias() -> None:
    calls: list[Call] = [
        (BatchNorm(), ("x", None, None, "mean", "variance"), ("y",)),
        (BatchNormGradient(), ("x", "y", None, "mean", "variance"), ("gx", "gw", "gb")),
    ]
    check(make(calls, shapes_of(2, 10, 3, 3), ("gx", "gw", "gb")), "batch_norm", steps=2)


def test_addition_and_activation_go_into_the_norm() -> None:
    calls: list[Call] = [
        (BatchMoments(), ("x",), ("m", "v")),
        (BatchNorm(), ("x", *VECTORS), ("n",)),
        (Binary("add"), ("n", "r"), ("sum",)),
        (Activation("clip", (-1, 1)), ("sum",), ("y",)),
    ]
    told = check(
        make(calls, shapes_of(2, 9, 4, 4, maps=("x", "r")), ("y", "m")), "batch_norm", steps=2
    )
    assert "elementwise" not in told


RELU = Activation("relu")
SLOPE = ActivationGradient("relu")
GRADIENT = BatchNormGradient(training=False)


def test_the_mask_of_a_clamp_goes_into_the_gradient() -> None:
    calls: list[Call] = [
        (BatchNorm(), ("x", *VECTORS), ("n",)),
        (RELU, ("n",), ("y",)),
        (SLOPE, ("gy", "y"), ("g",)),
        (GRADIENT, ("g", "x", "w", "mean", "variance"), ("gx", "gw", "gb")),
    ]
    shapes = shapes_of(2, 9, 4, 4, maps=("x", "gy"))
    told = check(make(calls, shapes, ("y", "gx", "gw", "gb")), "batch_norm", steps=2)
    assert "mask of activation_gradient2" in told


def test_a_residual_gets_the_masked_gradient() -> None:
    calls: list[Call] = [
        (BatchNorm(), ("x", *VECTORS), ("n",)),
        (Binary("add"), ("n", "r"), ("sum",)),
        (Activation("clip", (0, 0.5)), ("sum",), ("y",)),
        (Binary("add"), ("gy", "gz"), ("whole",)),
        (ActivationGradient("clip", (0, 0.5)), ("whole", "y"), ("g",)),
        (GRADIENT, ("g", "x", "w", "mean", "variance"), ("gx", "gw", "gb")),
        (Binary("add"), ("g", "more"), ("gr",)),
    ]
    shapes = shapes_of(2, 9, 4, 4, maps=("x", "r", "gy", "gz", "more"))
    told = check(make(calls, shapes, ("y", "gx", "gw", "gb", "gr")), "batch_norm", steps=2)
    assert "mask of activation_gradient4" in told
    assert told.count(" elementwise ") == 1  # the last addition


def test_a_mask_that_others_read_first_stays_a_step() -> None:
    calls: list[Call] = [
        (SLOPE, ("gy", "y"), ("g",)),
        (Binary("mul"), ("g", "gy"), ("early",)),
        (GRADIENT, ("g", "x", "w", "mean", "variance"), ("gx", "gw", "gb")),
    ]
    shapes = shapes_of(2, 9, 4, 4, maps=("x", "y", "gy"))
    told = check(make(calls, shapes, ("early", "gx", "gw", "gb")), "batch_norm", steps=1)
    assert "mask of" not in told


def test_gradients_that_nobody_wants_are_not_made() -> None:
    calls: list[Call] = [(GRADIENT, ("gy", "x", "w", "mean", "variance"), ("gx", "gw", "gb"))]
    graph = make(calls, shapes_of(2, 9, 4, 4, maps=("x", "gy")), ("gw", "gb"))
    check(graph, "batch_norm", steps=1)
    (step,) = (s for s in striate.compile(graph)._recipe.steps if s.kind == "batch_norm")
    assert step.outputs[0][0] == 0  # of space `none`
