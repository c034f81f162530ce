"""Which kernel runs: by an estimate, by the clock, by force."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import nn

import striate
from striate import _core
from striate.engine import _choose
from striate.errors import OptionError
from striate.runtime._speeds import Speeds

QUICK_CACHE = Speeds(gflops=100.0, l2=100.0, l3=100.0, memory=10.0)
SLOW_MEMORY = Speeds(gflops=100.0, l2=100.0, l3=100.0, memory=1.0)


@pytest.fixture(autouse=True)
def _machine(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_choose, "speeds", lambda target: QUICK_CACHE)
    monkeypatch.setattr(_choose, "multiplies_tiles", lambda target: False)
    monkeypatch.delenv("STRIATE_CONV", raising=False)


def conv(channels: int, size: int) -> nn.Module:
    return nn.Conv2d(channels, channels, 3, padding=1).eval()


def kernel_of(net: nn.Module, shape: tuple[int, ...], **options: Any) -> tuple[str, str]:
    plan = striate.compile(net, shape, threads=1, **options)
    step = next(step for step in plan._recipe.steps if step.kind == "conv")
    return step.kernel, step.why


def test_work_of_a_direct_convolution() -> None:
    # 8 channels to 16, 3x3, 10x10 places: 2 * 100 * 9 * 8 * 16 operations.
    attributes = {
        "batch": 1, "in_channels": 8, "out_channels": 16, "groups": 1,
        "kernel": [1, 3, 3], "out": [1, 10, 10], "dilation": [1, 1, 1],
    }  # fmt: skip
    assert _choose._work("direct", attributes) == (230400, 0)
    # F(4x4): tiles of 4, 4 and 2 outputs take 6, 6 and 4 products, both ways; 3x3 tiles of 6 + 6
    # lines in and 6 + 4 out, of 23 multiply-adds each.
    gemm, transforms = _choose._work("winograd4", attributes)
    assert gemm == 2 * 16**2 * 8 * 16
    assert transforms == 2 * 9 * 23 * (12 * 8 + 10 * 16)
    # F(6x6): of 6 and 4 outputs, 8 and 6 products.
    assert _choose._work("winograd6", attributes)[0] == 2 * 14**2 * 8 * 16
    # F(2x2): 5x5 tiles of 16 products.
    assert _choose._work("winograd2", attributes)[0] == 2 * 16 * 25 * 8 * 16
    # F(4x4, 5x5): of 4, 4 and 2 outputs, 8, 8 and 6 products; 8 + 8 lines in and 8 + 4 out.
    five = attributes | {"kernel": [1, 5, 5]}
    gemm, transforms = _choose._work("winograd4_5", five)
    assert gemm == 2 * 22**2 * 8 * 16
    assert transforms == 2 * 9 * 50 * (16 * 8 + 12 * 16)
    # A signal of 10: along the width alone.
    signal = attributes | {"kernel": [1, 1, 3], "out": [1, 1, 10]}
    assert _choose._work("winograd4", signal)[0] == 2 * 16 * 8 * 16
    # 3x3x3: the depth is added up slice by slice.
    solid = attributes | {"kernel": [3, 3, 3], "out": [5, 10, 10]}
    assert _choose._work("winograd4", solid)[0] == 2 * 16**2 * 5 * 3 * 8 * 16
    # Weights that are transformed on the way: all tiles have all products.
    assert _choose._work("winograd4_streamed", attributes)[0] == 2 * 36 * 9 * 8 * 16
    # Dilation 3: three interleaved axes of 4, 3 and 3 places, of a tile each, both ways.
    dilated = attributes | {"dilation": [1, 3, 3]}
    assert _choose._work("winograd4", dilated)[0] == 2 * 36 * 9 * 8 * 16
    assert _choose._work("winograd2", dilated)[0] == 2 * 16 * 36 * 8 * 16


def test_work_at_stride_2() -> None:
    # 10x10 places: 3x3 tiles of 81 products.
    attributes = {
        "batch": 1, "in_channels": 8, "out_channels": 16, "groups": 1,
        "kernel": [1, 3, 3], "out": [1, 10, 10], "dilation": [1, 1, 1],
    }  # fmt: skip
    gemm, transforms = _choose._work("winograd4_strided", attributes)
    assert gemm == 2 * 81 * 9 * 8 * 16
    assert transforms == 2 * 9 * (1300 * 8 + 175 * 16)


def test_wide_strided_layers_take_winograd_and_small_maps_do_not() -> None:
    def strided(channels: int, pixels: int) -> str:
        net = nn.Conv2d(channels, channels, 3, stride=2, padding=1).eval()
        return kernel_of(net, (1, channels, pixels, pixels))[0]

    assert strided(64, 56) == "winograd4_strided"
    assert strided(128, 14) == "direct"


def test_tiles_do_what_the_direct_product_would(monkeypatch: pytest.MonkeyPatch) -> None:
    """If the processor has them; but not what Winograd's does well, and not exactly."""
    monkeypatch.setattr(_choose, "multiplies_tiles", lambda target: target == "avx512")
    plain, wide = nn.Conv2d(256, 64, 1).eval(), (1, 256, 28, 28)
    if "avx512" in dict(_core.targets()):
        assert kernel_of(plain, wide, isa="avx512")[0] == "int8x6"
        assert kernel_of(plain, wide, isa="avx512", precision="exact")[0] == "direct"
        three, large = conv(32, 3), (1, 32, 64, 64)
        assert kernel_of(three, large, isa="avx512")[0] == "winograd4"
        wide = (1, 256, 32, 32)
        assert kernel_of(conv(256, 3), wide, isa="avx512")[0] == "winograd4_int8x6"
    assert kernel_of(plain, wide, isa="portable16")[0] == "direct"


def test_work_of_tiles() -> None:
    # 128 channels to 32 on 8x8 pixels: 2 cells of a pixel, 4 tiles by 2 vectors, 6 products each.
    attributes = {
        "batch": 1, "in_channels": 128, "out_channels": 32, "in": [1, 8, 8], "out": [1, 8, 8],
        "kernel": [1, 1, 1], "stride": [1, 1, 1], "dilation": [1, 1, 1], "padding": [0, 0, 0],
    }  # fmt: skip
    needs = _core.needs("portable16", "conv", "int8x6", attributes)
    assert needs.tile_products == 6 * 2 * 4 * 2
    assert needs.cells == 2 * (8 * 8 + 31)  # two tiles may begin at the last pixel
    products, around = _choose._tile_work("int8x6", needs, attributes, 100e9)
    assert products == pytest.approx(96 / 6 * 2 * 16 * 16 * 64 / (4.6 * 0.4))
    assert around == pytest.approx(100e9 * (190 * 13e-9 + 128 * 4e-9))


def test_work_of_tiles_after_winograds_transforms() -> None:
    # 64 channels to 64 on 32x32 pixels: 64 tiles, four of AMX, by 4 vectors; 36 times 6 products.
    attributes = {
        "batch": 1, "in_channels": 64, "out_channels": 64, "in": [1, 32, 32], "out": [1, 32, 32],
        "kernel": [1, 3, 3], "stride": [1, 1, 1], "dilation": [1, 1, 1], "padding": [0, 1, 1],
    }  # fmt: skip
    needs = _core.needs("portable16", "conv", "winograd4_int8x6", attributes)
    assert needs.tile_products == 36 * 6 * 4 * 4
    assert needs.cells == 36 * 64
    _, around = _choose._tile_work("winograd4_int8x6", needs, attributes, 100e9)
    _, transforms = _choose._work("winograd4", attributes)
    split = 100e9 * (36 * 64 * 13e-9 + 36 * 64 * 4 * 16e-9)
    assert around == pytest.approx(transforms + split)


@pytest.mark.parametrize(("lanes", "two", "four"), [(8, 90, 200), (16, 390, 440)])
def test_work_of_windows_transformed_where_they_are_used(lanes: int, two: int, four: int) -> None:
    attributes = {
        "batch": 1, "in_channels": 8, "out_channels": 16, "kernel": [1, 3, 3], "out": [1, 9, 9],
        "dilation": [1, 1, 1],
    }  # fmt: skip
    assert _choose._window_work("winograd4_strided", attributes, lanes) == 2 * 220 * 8 * 16
    assert _choose._window_work("winograd4_streamed", attributes, lanes) == 2 * four * 8 * 16
    assert _choose._window_work("winograd2_streamed", attributes, lanes) == 2 * two * 8 * 16
    few = attributes | {"out": [1, 8, 8]}  # 2x2 tiles, whose windows stay in registers
    assert _choose._window_work("winograd4_streamed", few, lanes) == 2 * 200 * 8 * 16


def test_large_maps_take_large_tiles() -> None:
    kernel, why = kernel_of(conv(32, 3), (1, 32, 32, 32))
    assert kernel == "winograd4"
    assert why.startswith("estimated")
    assert "winograd2" in why
    assert "direct" in why


def test_five_taps_take_winograd_too() -> None:
    net = nn.Conv2d(32, 32, 5, padding=2).eval()
    assert kernel_of(net, (1, 32, 32, 32))[0] == "winograd4_5"


@pytest.mark.parametrize(("taps", "stride"), [(5, 2), (7, 2), (7, 4), (11, 4)])
def test_strided_first_layers_take_winograd_where_it_pays(taps: int, stride: int) -> None:
    net = nn.Conv2d(3, 64, taps, stride, taps // 2).eval()
    of = f"winograd4_{taps}x{taps}_{stride}"
    kernel, why = kernel_of(net, (1, 3, 96, 96))
    assert kernel == of
    assert "first" in why
    assert kernel_of(net, (1, 3, 96, 96), precision="exact") == ("first", "")
    # One pixel is a tile of sixteen.
    assert kernel_of(net, (1, 3, stride, stride))[0] == "first"
    # Few channels: transforming the inputs takes longer than multiplying them.
    few = nn.Conv2d(3, 9, taps, stride, taps // 2).eval()
    assert kernel_of(few, (1, 3, 12, 12))[0] in {"first", "first_pairs"}  # pairs on 16 lanes
    assert kernel_of(net, (1, 3, 48, 48), tune=True)[1].startswith("measured")


def test_first_layers_of_volumes_take_winograd_where_it_pays() -> None:
    net = nn.Conv3d(3, 16, 3, padding=1).eval()
    assert kernel_of(net, (1, 3, 8, 56, 56))[0] == "winograd4_3x3_1"
    assert kernel_of(net, (1, 3, 8, 56, 56), precision="exact") == ("first", "")
    # In the plane, of one channel: transforms take longer than they save.
    assert kernel_of(nn.Conv2d(1, 16, 3, padding=1).eval(), (1, 1, 32, 32))[0] != "winograd4_3x3_1"


def test_many_weights_on_few_pixels_stay_plain(monkeypatch: pytest.MonkeyPatch) -> None:
    """F(4x4) has 36 numbers a filter of 9: four times the bytes, where they come from memory."""
    net, shape = conv(256, 7), (1, 256, 7, 7)
    monkeypatch.setattr(_choose, "speeds", lambda target: SLOW_MEMORY)
    monkeypatch.setattr(_choose, "leave_cache", lambda size: False)
    assert kernel_of(net, shape)[0] == "winograd4"
    monkeypatch.setattr(_choose, "leave_cache", lambda size: True)
    assert kernel_of(net, shape)[0] == "winograd4_streamed"


def test_of_those_that_are_close_the_one_with_fewest_weights_is_taken() -> None:
    weights = {
        "winograd6": 64, "winograd4": 36, "winograd2": 16, "direct": 9, "winograd4_streamed": 9,
    }  # fmt: skip
    times = {"winograd4": 1.0, "winograd2": 1.5, "direct": 1.6}

    def taken(prefer: str = "speed", **others: float) -> str:
        return _choose.quickest(times | others, weights, "estimated", prefer=prefer).kernel

    assert taken() == "winograd4"
    assert taken(winograd6=0.92) == "winograd4"  # which errs less
    assert taken(winograd6=0.9) == "winograd6"
    assert taken(winograd2=0.9, direct=0.93) == "direct"
    assert taken(winograd2=0.9, direct=0.95) == "winograd2"
    assert taken(winograd2=1.07) == "winograd2"  # less than half the weights
    assert taken(winograd2=1.09) == "winograd4"
    assert taken(winograd2=0.8, winograd4_streamed=0.87) == "winograd4_streamed"  # as they are
    assert taken(winograd2=0.8, winograd4_streamed=0.89) == "winograd2"
    assert taken("memory") == "direct"


def test_memory_can_be_preferred() -> None:
    net, shape = conv(64, 3), (1, 64, 14, 14)  # 16 tiles of 36 products, or 49 of 16
    plans = [striate.compile(net, shape, prefer=what) for what in ("speed", "memory")]
    assert plans[1].weight_bytes < plans[0].weight_bytes
    with pytest.raises(OptionError, match="prefer='both' must be 'speed' or 'memory'"):
        striate.compile(net, shape, prefer="both")  # type: ignore[arg-type]


def test_tune_times_each_kernel_and_says_so() -> None:
    net, shape = conv(16, 3), (1, 16, 12, 12)
    kernel, why = kernel_of(net, shape, tune=True)
    assert kernel in ("winograd6", "winograd4", "winograd2", "direct")
    assert why.startswith("measured")
    plan = striate.compile(net, shape, tune=True)
    x = torch.randn(shape)
    with torch.no_grad():
        wanted = net(x)
    assert (plan(x) - wanted).abs().max() < 1e-4 * wanted.abs().max()


def test_one_kernel_can_be_forced(monkeypatch: pytest.MonkeyPatch) -> None:
    for kernel in ("direct", "winograd2", "winograd4", "winograd6", "reference"):
        monkeypatch.setenv("STRIATE_CONV", kernel)
        assert kernel_of(conv(16, 3), (1, 16, 12, 12)) == (kernel, "forced by STRIATE_CONV")


def test_a_forced_kernel_that_does_not_fit_is_passed_over(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STRIATE_CONV", "depthwise")
    assert kernel_of(conv(16, 3), (1, 16, 12, 12))[0] != "depthwise"
