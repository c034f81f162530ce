"""Receptive fields against gradients: what a unit depends on is what its box says."""

from __future__ import annotations

import math

import pytest
import torch
from hypothesis import Phase, given, settings
from hypothesis import strategies as st
from torch import nn

from striate import inspect
from striate.errors import OptionError
from striate.inspection import check_box, look_at_unit

from .nets import Branches

CHANNELS = 2


class Both(nn.Module):
    """Two branches of which one may crop the other, added."""

    def __init__(self, left: nn.Module, right: nn.Module) -> None:
        super().__init__()
        self.left, self.right = left, right

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Add what both have in common."""
        a, b = self.left(x), self.right(x)
        h, w = min(a.shape[2], b.shape[2]), min(a.shape[3], b.shape[3])
        return a[:, :, :h, :w] + b[:, :, :h, :w]


@st.composite
def layers(draw: st.DrawFn, *, strided: bool = True) -> nn.Module:
    size = draw(st.integers(1, 4))
    stride = draw(st.integers(1, 3)) if strided else 1
    dilation = draw(st.integers(1, 2))
    kind = draw(st.sampled_from(["conv", "conv", "max", "avg", "up", "nearest", "linear", "pad"]))
    if kind == "conv":
        padding = draw(st.integers(0, 2))
        return nn.Conv2d(CHANNELS, CHANNELS, size, stride, padding, dilation)
    if kind == "max":
        return nn.MaxPool2d(size, stride, padding=size // 2)
    if kind == "avg":
        return nn.AvgPool2d(size, stride, padding=size // 2)
    if kind == "up" and strided:
        return nn.ConvTranspose2d(CHANNELS, CHANNELS, size, stride, padding=size // 2)
    if kind in ("nearest", "linear") and strided:
        mode = "nearest" if kind == "nearest" else "bilinear"
        return nn.Upsample(scale_factor=2, mode=mode)
    before, after = draw(st.tuples(st.integers(0, 2), st.integers(0, 2)))
    return nn.Sequential(
        nn.ZeroPad2d((before, after, after, before)), nn.Conv2d(CHANNELS, CHANNELS, size)
    )


@st.composite
def networks(draw: st.DrawFn) -> nn.Module:
    stack = draw(st.lists(layers(), min_size=1, max_size=4))
    if draw(st.booleans()):
        left = draw(st.lists(layers(strided=False), min_size=1, max_size=2))
        right = draw(st.lists(layers(strided=False), min_size=0, max_size=2))
        position = draw(st.integers(0, len(stack)))
        stack.insert(position, Both(nn.Sequential(*left), nn.Sequential(*right, nn.Identity())))
    return nn.Sequential(*stack)


@settings(max_examples=25, derandomize=True, phases=[Phase.generate])  # a check takes 0.3 s
@given(networks(), st.integers(0, 2**16))
def test_a_units_box_is_where_its_gradient_is(net: nn.Module, seed: int) -> None:
    shape = (1, CHANNELS, 19, 19)
    try:
        with torch.no_grad():
            output = net(torch.zeros(shape))
    except RuntimeError:
        return  # a window that does not fit: Hypothesis draws another network
    h, w = output.shape[2:]
    place = (seed % h, seed // h % w)
    last = str(len(net) - 1)
    check = check_box(net, last, shape, place=place, seed=seed, samples=40)
    for (low, high), seen in zip(check.support, check.unit.visible, strict=True):
        assert seen is not None
        assert low == high or seen[0] <= low < high <= seen[1]
    if not any(isinstance(layer, nn.MaxPool2d) for layer in net.modules()):
        assert check.exact  # a maximum hides pixels that no sample of 40 may show


def test_fields_compose_by_hand() -> None:
    # 3x3 stride 2, then 3x3: size 3 + 2*2 = 7, stride 2; the first centre: 1 - 1 + 2*(1 - 1) = 0.
    net = nn.Sequential(nn.Conv2d(1, 1, 3, 2, 1), nn.Conv2d(1, 1, 3, 1, 1))
    row = inspect(net, (1, 16, 16))["1"]
    assert (row.receptive_field, row.jump, row.start) == ((7, 7), (2, 2), (0, 0))
    assert row.previous is not None
    assert row.previous[0] is not None
    assert row.previous[0].size == 3


def test_branches_see_the_union() -> None:
    report = inspect(Branches(), (1, 16, 16))
    assert report["concat"].receptive_field == (5, 5)
    assert report["short"].receptive_field == (3, 3)
    assert report["concat"].aligned


def test_branches_with_other_centres_are_flagged() -> None:
    class Shifted(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.even = nn.Conv2d(1, 1, 2)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return self.even(x) + x[:, :, 1:, 1:]

    row = inspect(Shifted(), (1, 8, 8)).rows[-1]
    assert row.receptive_field == (2, 2)  # 0..1 and 1..1
    assert not row.aligned


def test_fields_between_two_layers() -> None:
    net = nn.Sequential(nn.Conv2d(1, 2, 5), nn.Conv2d(2, 2, 3, 2), nn.Conv2d(2, 2, 3))
    report = inspect(net, (1, 32, 32))
    (height, _) = report.receptive_field("2", of="0")
    assert height is not None
    assert (height.size, height.jump) == (7, 2)  # 3x3 stride 2, then 3x3
    with pytest.raises(OptionError, match="does not depend"):
        report.receptive_field("0", of="2")


def test_an_unknown_layer_gets_near_names() -> None:
    report = inspect(nn.Sequential(nn.Conv2d(1, 2, 5)), (1, 32, 32))
    with pytest.raises(OptionError, match=r"no layer 'conv1'"):
        report.receptive_field("conv1")


def test_a_gate_on_the_whole_map_makes_the_field_infinite() -> None:
    class Gated(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.conv = nn.Conv2d(4, 4, 3, padding=1)
            self.pool = nn.AdaptiveAvgPool2d(1)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            x = self.conv(x)
            return x * torch.sigmoid(self.pool(x))

    row = inspect(Gated(), (4, 9, 9)).rows[-1]
    assert row.receptive_field == (math.inf, math.inf)
    assert row.infinite_by == "pool"


def test_a_channel_shuffle_by_reshape_keeps_the_places() -> None:
    class Shuffle(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.conv = nn.Conv2d(4, 4, 3, padding=1)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            x = self.conv(x)
            n, c, h, w = x.shape
            return x.view(n, 2, c // 2, h, w).transpose(1, 2).reshape(n, c, h, w)

    report = inspect(Shuffle(), (4, 9, 9))
    assert report.rows[-1].receptive_field == (3, 3)
    assert report.graph.at((5, 4, 12, 7)).types[report.rows[-1].name].shape == (5, 4, 12, 7)


def test_the_box_of_a_corner_unit_hangs_over_the_border() -> None:
    graph = inspect(nn.Sequential(nn.Conv2d(1, 1, 5, padding=2)), (1, 8, 8)).graph
    unit = look_at_unit(graph, "0", (0, 3))
    assert unit.box == ((-2, 3), (1, 6))
    assert unit.visible == ((0, 3), (1, 6))
    assert unit.center == (0, 3)
    assert unit.padding_share == pytest.approx(2 / 5)
    with pytest.raises(OptionError, match=r"no unit \(8, 0\)"):
        look_at_unit(graph, "0", (8, 0))
    with pytest.raises(OptionError, match="2 numbers"):
        look_at_unit(graph, "0", (8,))


def test_a_dilated_filter_on_the_border_sees_the_taps_that_are_left() -> None:
    # Taps of output 0 stand on -1 and 1; only 1 is a pixel.
    unit = look_at_unit(inspect(nn.Conv1d(1, 1, 2, 1, 1, 2), (1, 9)).graph, "conv", (0,))
    assert (unit.box, unit.visible) == (((-1, 2),), ((1, 2),))


def test_overhang_is_the_mean_share_outside() -> None:
    # 3 taps, padding 1, on 4 pixels: the first and the last unit have 1 of 3 outside.
    row = inspect(nn.Conv1d(1, 1, 3, padding=1), (1, 4))["conv"]
    assert row.overhang == (pytest.approx(2 / 12),)


def test_pixels_that_nobody_reads_are_counted() -> None:
    row = inspect(nn.Conv2d(1, 1, 3, stride=3), (1, 7, 8))["conv"]
    assert row.unread == (1, 2)
