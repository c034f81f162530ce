"""Images made larger and smaller: torch's numbers in every mode, and who reads what."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from striate import Window
from striate.errors import ShapeError
from striate.graph import WHOLE, Along, Operation, TensorType
from striate.graph.ops import ChannelShuffle, PixelShuffle, PixelUnshuffle, Resize

from . import checks
from .checks import drawn, signed

# torch's name: how the same is said here
MODES: dict[str, dict[str, Any]] = {
    "nearest": {},
    "nearest-exact": {"coordinates": "half_pixel", "rounding": "round_prefer_ceil"},
    "linear": {"mode": "linear", "coordinates": "half_pixel"},
    "linear corners": {"mode": "linear", "coordinates": "align_corners"},
    "cubic": {"mode": "cubic", "coordinates": "half_pixel"},
    "cubic corners": {"mode": "cubic", "coordinates": "align_corners"},
}
LINEAR = {1: "linear", 2: "bilinear", 3: "trilinear"}


def torch_options(name: str, axes: int) -> dict[str, Any]:
    kind, _, corners = name.partition(" ")
    if kind.startswith("nearest"):
        return {"mode": kind}
    kind = LINEAR[axes] if kind == "linear" else "bicubic"
    return {"mode": kind, "align_corners": bool(corners)}


def test_numbers_by_hand() -> None:
    x = np.array([[[1.0, 5]]])
    assert Resize((4,)).evaluate(x)[0].tolist() == [[[1, 1, 5, 5]]]
    # Positions -1/4, 1/4, 3/4, 5/4; the borders are repeated.
    (y,) = Resize((4,), mode="linear", coordinates="half_pixel").evaluate(x)
    assert y.tolist() == [[[1, 2, 4, 5]]]
    (y,) = Resize((3,), mode="linear", coordinates="align_corners").evaluate(x)
    assert y.tolist() == [[[1, 3, 5]]]


@settings(max_examples=60)
@given(st.sampled_from(sorted(MODES)), st.integers(1, 3), st.sampled_from([1, 2]), st.data())
def test_sizes_are_torchs(name: str, axes: int, N: int, data: Any) -> None:
    axes = 2 if name.startswith("cubic") else axes
    x = signed(N, 2, *checks.per_axis(data.draw, axes, checks.sizes))
    size = tuple(checks.per_axis(data.draw, axes, st.integers(1, 13)))
    op = Resize(size, **MODES[name])
    checks.agree(op, lambda x: F.interpolate(x, size, **torch_options(name, axes)), x)


@settings(max_examples=60)
@given(
    st.sampled_from(sorted(MODES)),
    st.integers(1, 3),
    st.sampled_from([0.3, 0.5, 0.7, 1.0, 1.5, 1.7, 2.0, 2.6, 3.0]),
    st.data(),
)
def test_factors_are_torchs(name: str, axes: int, factor: float, data: Any) -> None:
    axes = 2 if name.startswith("cubic") else axes
    x = signed(1, 2, *checks.per_axis(data.draw, axes, checks.sizes))
    assume(min(int(n * factor) for n in x.shape[2:]) > 0)
    given_scale = Resize(None, (factor,) * axes, use_scale=True, **MODES[name])
    computed = Resize(None, (factor,) * axes, **MODES[name])
    options = torch_options(name, axes)
    checks.agree(given_scale, lambda x: F.interpolate(x, scale_factor=factor, **options), x)
    options["recompute_scale_factor"] = True
    checks.agree(computed, lambda x: F.interpolate(x, scale_factor=factor, **options), x)


def test_every_nearest_pixel_is_torchs() -> None:
    for n in range(1, 24):
        x = np.arange(n, dtype=float).reshape(1, 1, n)
        for m in range(1, 48, 1 + n % 3):
            for name in ("nearest", "nearest-exact"):
                checks.agree(
                    Resize((m,), **MODES[name]),
                    lambda x, m=m, name=name: F.interpolate(x, m, mode=name),
                    x,
                )


@pytest.mark.parametrize("rounding", ["floor", "ceil", "round_prefer_floor", "round_prefer_ceil"])
def test_roundings_of_onnx_by_hand(rounding: str) -> None:
    # Positions 0, 3/2, 3 of four pixels
    op = Resize((3,), coordinates="align_corners", rounding=rounding)
    middle = {"floor": 1, "ceil": 2, "round_prefer_floor": 1, "round_prefer_ceil": 2}[rounding]
    assert op.evaluate(np.arange(4.0).reshape(1, 1, 4))[0].tolist() == [[[0, middle, 3]]]


def test_coordinates_of_onnx_by_hand() -> None:
    positions = Resize((1,), coordinates="pytorch_half_pixel").positions(2, 5, 1)
    assert [float(p) for p in positions] == [0]
    op = Resize(None, (0.6,), coordinates="half_pixel_symmetric", use_scale=True)
    # 4 * 0.6 = 2.4 pixels, of which 2 stand in the middle: 2 * (1 - 2/2.4) + (i + 1/2)/0.6 - 1/2
    assert [float(p) for p in op.positions(2, 4, 2)] == pytest.approx([2 / 3, 7 / 3])


LENGTHS = [(4, 8), (8, 4), (5, 7), (7, 5), (6, 4), (3, 10), (9, 2), (5, 1), (6, 6)]


@pytest.mark.parametrize("name", sorted(MODES))
@pytest.mark.parametrize(("n", "m"), LENGTHS)
def test_outputs_read_what_the_reach_says(name: str, n: int, m: int) -> None:
    checks.check_reach(Resize((m,), **MODES[name]), drawn(1, 2, n), interior=True, tight=False)


@pytest.mark.parametrize("name", sorted(MODES))
@pytest.mark.parametrize("factor", [0.3, 0.5, 0.7, 1.5, 2.0, 2.6])
def test_factors_read_what_the_reach_says(name: str, factor: float) -> None:
    op = Resize(None, (factor,), use_scale=True, **MODES[name])
    checks.check_reach(op, drawn(1, 1, 9), interior=True, tight=False)


def test_whole_factors_are_windows_by_hand() -> None:
    x = TensorType((1, 1, 6))
    doubled = Window(2, stride=2).transposed()
    assert Resize((12,)).reach((x,), Resize((12,)).infer(x))[0][2] == Along(2, doubled)
    assert Resize((2,)).reach((x,), Resize((2,)).infer(x))[0][2] == Along(
        2, Window(1, stride=3, padding=(0, -2))
    )
    half = Resize((3,), mode="linear", coordinates="half_pixel")
    assert half.reach((x,), half.infer(x))[0][2] == Along(2, Window(2, stride=2))
    one = TensorType((1, 1, 1))
    assert Resize((5,)).reach((one,), Resize((5,)).infer(one))[0][2] is WHOLE


@settings(max_examples=15)
@given(st.sampled_from([0, 1, 2]), st.integers(1, 2), checks.sizes, checks.sizes, st.integers(1, 3))
def test_shuffles_are_torchs(N: int, C: int, H: int, W: int, r: int) -> None:
    x = signed(N, C * r * r, H, W)
    checks.agree(PixelShuffle(r), lambda x: F.pixel_shuffle(x, r), x)
    large = signed(N, C, H * r, W * r)
    if N:  # torch hands an empty batch back as it came
        checks.agree(PixelUnshuffle(r), lambda x: F.pixel_unshuffle(x, r), large)
    for first in (False, True):
        (small,) = PixelUnshuffle(r, first).evaluate(large)
        assert np.array_equal(PixelShuffle(r, first).evaluate(small)[0], large)
    if N:
        groups = signed(N, C * r, H, W)
        checks.agree(ChannelShuffle(r), lambda x: F.channel_shuffle(x, r), groups)


def test_onnx_orders_by_hand() -> None:
    x = np.arange(8.0).reshape(1, 8, 1, 1)
    # DepthToSpace, DCR: channel (i*2 + j)*2 + c makes pixel (i, j) of c
    (y,) = PixelShuffle(2, blocks_first=True).evaluate(x)
    assert y.tolist() == [[[[0, 2], [4, 6]], [[1, 3], [5, 7]]]]
    assert np.array_equal(PixelUnshuffle(2, blocks_first=True).evaluate(y)[0], x)


@pytest.mark.parametrize("blocks_first", [False, True])
def test_shuffles_read_what_the_reach_says(blocks_first: bool) -> None:
    checks.check_reach(PixelShuffle(2, blocks_first), drawn(1, 8, 2, 3))
    checks.check_reach(PixelUnshuffle(2, blocks_first), drawn(1, 2, 4, 6))
    checks.check_reach(ChannelShuffle(3), drawn(1, 6, 2, 3))


def test_torch_keeps_nothing() -> None:
    x = torch.randn(1, 4, 6, 6)
    for name, told in MODES.items():
        options = torch_options(name, 2)
        op = Resize((9, 5), **told)
        checks.check_saved(op, lambda x, o=options: F.interpolate(x, (9, 5), **o), x)
    checks.check_saved(PixelShuffle(2), lambda x: F.pixel_shuffle(x, 2), x)
    checks.check_saved(PixelUnshuffle(2), lambda x: F.pixel_unshuffle(x, 2), x)
    checks.check_saved(ChannelShuffle(2), lambda x: F.channel_shuffle(x, 2), x)


@pytest.mark.parametrize(
    ("op", "shape", "words"),
    [
        (Resize((4, 4)), (1, 3, 8), "1 axes behind the channels; sizes for 2 were given"),
        (Resize((0,)), (1, 3, 8), "would become 0 pixels"),
        (Resize(None, (0.1,)), (1, 3, 8), "would become 0 pixels"),
        (Resize((4,)), (1, 3, 0), "before and after"),
        (PixelShuffle(2), (1, 6, 4, 4), "channels in multiples of 4"),
        (PixelUnshuffle(2), (1, 6, 5, 4), "height and width in multiples of 2"),
        (ChannelShuffle(4), (1, 6, 4), "channels in multiples of 4"),
    ],
)
def test_misfits_are_told(op: Operation, shape: tuple[int, ...], words: str) -> None:
    with pytest.raises(ShapeError, match=words):
        op.infer(TensorType(shape))


def test_words() -> None:
    assert Resize((8, 4), mode="linear").describe() == "linear to 8x4"
    assert Resize(None, (2.0, 2.0)).describe() == "nearest, scale (2.0, 2.0)"
    assert PixelShuffle(3).describe() == PixelUnshuffle(3).describe() == "by 3"
