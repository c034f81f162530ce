"""The step `resize` against the graph's Resize in float64."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from striate import _core
from striate.graph.ops import Resize

from .steps import Array, aligned, block, run_step, unblock

TARGETS = [name for name, _ in _core.targets()]
CASES = [
    (Resize((10, 14)), (5, 7)),
    (Resize((3, 20), coordinates="half_pixel", rounding="round_prefer_floor"), (7, 6)),
    (Resize((10, 14), mode="linear", coordinates="half_pixel"), (5, 7)),
    (Resize((9, 5), mode="linear", coordinates="align_corners"), (5, 12)),
    (Resize((12, 5), mode="cubic", coordinates="half_pixel"), (5, 7)),
    (Resize((17,), mode="linear", coordinates="half_pixel"), (9,)),
    (Resize((4, 6, 7), mode="linear", coordinates="half_pixel"), (2, 3, 9)),
    (Resize((4, 4), mode="linear", coordinates="align_corners"), (1, 1)),
    (Resize((40, 1200), mode="linear", coordinates="half_pixel"), (20, 600)),
]


def table(op: Resize, axis: int, n: int, m: int) -> tuple[Array, Array]:
    """Which pixels each output reads along an axis, and what they count: two arrays (m, taps)."""
    reads = [(p, list(op._pixels(p))) for p in op.positions(axis, n, m)]
    taps = max(len(pixels) for _, pixels in reads)
    index, factor = np.zeros((m, taps), np.float32), np.zeros((m, taps), np.float32)
    for i, (position, pixels) in enumerate(reads):
        for t, pixel in enumerate(pixels):
            index[i, t] = min(max(pixel, 0), n - 1)
            factor[i, t] = op._factor(float(abs(position - pixel)))
    return index, factor


def attributes_of(
    op: Resize, shape: tuple[int, ...], out: tuple[int, ...]
) -> tuple[dict[str, Any], Array]:
    """The step's arguments, and its tables."""
    missing = 3 - len(out)
    sizes, taps, tables = [[1] * missing, [1] * missing], [1] * missing, []
    tables += [np.float32([0, 1])] * missing
    for axis, (n, m) in enumerate(zip(shape[2:], out, strict=True), 2):
        index, factor = table(op, axis, n, m)
        sizes[0].append(n)
        sizes[1].append(m)
        taps.append(index.shape[1])
        tables += [index.ravel(), factor.ravel()]
    attributes = {"batch": shape[0], "channels": shape[1], "in": sizes[0], "out": sizes[1],
                  "taps": taps}  # fmt: skip
    return attributes, np.concatenate(tables)


@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize("case", range(len(CASES)))
def test_agrees_with_the_graph(case: int, target: str) -> None:
    op, sizes = CASES[case]
    assert op.size
    out = tuple(int(n) for n in op.size)
    lanes = dict(_core.targets())[target]
    for batch, channels in ((2, 9), (1, 16)):
        x = np.random.default_rng(0).normal(size=(batch, channels, *sizes)).astype(np.float32)
        attributes, tables = attributes_of(op, x.shape, out)
        given = block(x, lanes, 5.0)
        (y,) = run_step(
            target, "resize", "separable", attributes, [given],
            [(batch, given.shape[1], *out, lanes)], weights=[tables], threads=2,
        )  # fmt: skip
        assert np.isfinite(y).all()
        (expected,) = op.evaluate(x.astype(float))
        np.testing.assert_allclose(unblock(y, channels), expected, atol=2e-6)


@pytest.mark.parametrize("bad", [-1.0, 5.0, 1e30, np.nan])
def test_indices_of_a_broken_table_stay_inside(bad: float) -> None:
    attributes = {"batch": 1, "channels": 8, "in": [1, 2, 5], "out": [1, 2, 5], "taps": [1, 1, 1]}
    tables = np.float32([0, 1, bad, bad, 1, 1, *[bad] * 5, *[1] * 5])
    x = np.arange(80, dtype=np.float32).reshape(1, 1, 1, 2, 5, 8)
    (y,) = run_step(
        "portable8", "resize", "separable", attributes, [x], [x.shape], weights=[tables]
    )
    assert np.isfinite(y).all()


@pytest.mark.parametrize(("scratch", "fits"), [(160, True), (128, False), (16, False)])
def test_scratch_lies_apart_from_what_is_read_and_written(scratch: int, fits: bool) -> None:
    """X at 0 and y at 80, of 80 numbers: a damaged plan's scratch may lie on them."""
    attributes = {"batch": 1, "channels": 8, "in": [1, 2, 5], "out": [1, 2, 5], "taps": [1, 1, 1]}
    program = _core.Program("portable8", 1, 512, aligned(32), [], [])
    step = ("resize", "separable", attributes, [(1, 0, 0)], [(1, 0, 80)], [(2, 0, 0)], 0, scratch)
    if fits:
        program.add(*step)
    else:
        with pytest.raises(ValueError, match="scratch lies where an operand does"):
            program.add(*step)
