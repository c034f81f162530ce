"""All kernels of linear layers, on all targets of this machine, against NumPy in float64."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from striate import OptionError, _core

from .steps import EPS, Array, block, run_step

TARGETS = [name for name, _ in _core.targets()]
RELU = {"activation": "clamp", "alpha": 0.0, "beta": 1e30}


def run(
    target: str,
    kernel: str,
    x: Array,
    weight: Array,
    bias: Array | None,
    pixels: int = 0,
    threads: int = 1,
    **more: Any,
) -> Array:
    (outputs, features), batch = weight.shape, len(x)
    attributes = {
        "batch": batch, "in_features": features, "out_features": outputs,
        "bias": bias is not None, **more,
    }  # fmt: skip
    given = x
    if pixels:
        attributes |= {"channels": features // pixels, "pixels": pixels}
        given = block(x.reshape(batch, -1, pixels), dict(_core.targets())[target], 7.0)
    lanes = dict(_core.targets())[target]
    row = -(-outputs // lanes) * lanes if more.get("blocked_output") else outputs
    (y,) = run_step(
        target, "linear", kernel, attributes, [given], [(batch, row)],
        weight=weight, weights=[bias], threads=threads,
    )  # fmt: skip
    return y


@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize(
    ("batch", "features", "outputs", "pixels"),
    [
        (1, 1, 1, 0),
        (1, 7, 9, 0),
        (1, 84, 10, 0),
        (1, 400, 120, 25),
        (1, 300, 1000, 0),
        (1, 1030, 520, 0),  # more than 2 MiB of weights, in panels of two vectors and of three
        (2, 33, 17, 11),
        (2, 513, 40, 0),
        (3, 17, 24, 1),
        (3, 130, 70, 10),
        (3, 1030, 520, 0),
        (4, 63, 8, 9),
        (5, 700, 51, 0),
        (17, 90, 33, 6),
        (101, 65, 10, 0),
        (230, 300, 130, 0),
    ],
)
def test_every_kernel_that_fits_agrees_with_the_definition(
    batch: int, features: int, outputs: int, pixels: int, target: str
) -> None:
    rng = np.random.default_rng(features)
    x = rng.standard_normal((batch, features)).astype(np.float32)
    weight = rng.standard_normal((outputs, features)).astype(np.float32)
    bias = rng.standard_normal(outputs).astype(np.float32)
    exact = x.astype(np.float64) @ weight.T.astype(np.float64)
    kernels = ["matvec", "product", "reference"][batch > 3 :]
    attributes = {"batch": batch, "in_features": features, "out_features": outputs}
    assert _core.candidates(target, "linear", attributes) == kernels
    bound = 4 * EPS * (features + 2)
    for kernel in kernels:
        y = run(target, kernel, x, weight, bias, pixels, **RELU)
        assert np.abs(y - np.maximum(exact + bias, 0)).max() <= bound
        y = run(target, kernel, x, weight, None, pixels, threads=3)
        assert np.abs(y - exact).max() <= bound
        blocked = run(target, kernel, x, weight, None, pixels, blocked_output=True)
        np.testing.assert_array_equal(blocked[:, :outputs], y)
        assert not blocked[:, outputs:].any()
        assert np.array_equal(y, run(target, kernel, x, weight, None, pixels))


@pytest.mark.parametrize("target", TARGETS)
def test_one_packing_serves_every_batch(target: str) -> None:
    weight = np.random.default_rng(0).standard_normal((70, 33)).astype(np.float32)
    packed = []
    for batch, kernel in ((1, "matvec"), (3, "product"), (200, "product")):
        attributes = {"batch": batch, "in_features": 33, "out_features": 70}
        floats = _core.needs(target, "linear", kernel, attributes).weight_floats
        packed.append(np.full(floats, np.nan, np.float32))
        _core.pack(target, "linear", kernel, attributes, weight, packed[-1])
    assert np.array_equal(packed[0], packed[1])
    assert np.array_equal(packed[0], packed[2])


def test_features_must_be_channels_times_pixels() -> None:
    shape = {"batch": 1, "in_features": 10, "out_features": 1, "channels": 3, "pixels": 3}
    with pytest.raises(OptionError, match="channels times pixels"):
        _core.candidates("portable8", "linear", shape)
