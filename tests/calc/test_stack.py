"""Receptive fields of a stack: known networks, gradients, the drawing, the spelling."""

from __future__ import annotations

import re

import pytest
import torch
from hypothesis import assume, given
from hypothesis import strategies as st

from striate import OptionError, ShapeError, calc, nn
from striate.calc._drawing import Field, draw

ALEXNET = ["conv11s4", "pool3s2", "conv5p2", "pool3s2", "conv3p1x3", "pool3s2"]
VGG16 = ["conv3p1x2", "pool2"] * 2 + ["conv3p1x3", "pool2"] * 3
RESNET50 = ["conv7s2p3", "pool3s2psame"]
for units, stride in ((3, 2), (4, 2), (6, 2), (3, 1)):  # the stride is the last unit's
    RESNET50 += ["conv1", "conv3p1", "conv1"] * (units - 1) + [
        "conv1",
        f"conv3s{stride}p1",
        "conv1",
    ]


class TestKnownNetworks:
    """Source: Araujo, Norris and Sim 2019, table 1."""

    @pytest.mark.parametrize(
        ("layers", "field", "jump", "padding"),
        [(ALEXNET, 195, 32, 64), (VGG16, 212, 32, 90), (RESNET50, 483, 32, 239)],
        ids=["alexnet", "vgg16", "resnet50"],
    )
    def test_field_jump_and_padding(
        self, layers: list[str], field: int, jump: int, padding: int
    ) -> None:
        result = calc.stack(224, layers)
        last = result.lines[-1].label.partition(":")[0]
        assert result[f"{last}: receptive field"] == field
        assert result[f"{last}: jump"] == jump
        assert result[f"{last}: padding before"] == padding


def test_layer_by_layer() -> None:
    result = calc.stack(32, ["conv3", "pool2", "conv3d2", "up2"])
    # Field 1, then +2*1, +1*1, +4*2; the unit of an upsampling sees what its one input sees.
    fields = [result[f"{name}: receptive field"] for name in ("1 conv3", "2 pool2", "3 conv3d2")]
    assert fields == [3, 4, 12]
    assert result["4 up2: receptive field"] == 12
    assert [result[f"{name}: jump"] for name in ("2 pool2", "4 up2")] == [2, 1]
    assert result["2 pool2: first centre"] == 1.5
    assert result["4 up2: output"] == 22


@st.composite
def stacks(draw: st.DrawFn) -> list[str]:
    kernels = st.integers(1, 4)
    conv = st.builds(
        "conv{}s{}p{}d{}".format, kernels, st.integers(1, 3), st.integers(0, 2), kernels
    )
    same = st.builds("conv{}s{}psame".format, kernels, st.integers(1, 3))
    pool = st.builds("pool{}s{}".format, kernels, st.integers(1, 3))
    up = st.builds("up{}s{}".format, kernels, st.integers(1, 3))
    return draw(st.lists(conv | same | pool | up, min_size=1, max_size=4))


@given(stacks(), st.integers(8, 30))
def test_draws_the_pixels_that_have_a_gradient(layers: list[str], n: int) -> None:
    """The middle unit's drawn pixels are those it depends on in a network of ones."""
    try:
        result = calc.stack(n, layers)
    except ShapeError:
        assume(False)
    x = torch.ones(1, 1, n, dtype=torch.float64, requires_grad=True)
    y: torch.Tensor = x
    for layer in layers:
        y = _ones(layer)(y)
    label = f"{len(layers)} {layers[-1]}"
    assert y.shape[-1] == result[f"{label}: output"]
    y[0, 0, y.shape[-1] // 2].backward()
    assert x.grad is not None
    # Pictures that do not fit into 80 columns have several pixels a column.
    if "a column is" not in result.picture:
        *_, row = (r for r in result.picture.splitlines() if re.match(rf"{label} +\d+  ", r))
        *_, ruler = (r for r in result.picture.splitlines() if r.startswith("input  "))
        start = ruler.index("0123")
        drawn = [mark == "#" for mark in row.ljust(start + n)[start : start + n]]
        assert drawn == [bool(g) for g in x.grad[0, 0]]
    read = [i for i, g in enumerate(x.grad[0, 0]) if g]
    if read:
        assert read[-1] - read[0] + 1 <= result[f"{label}: receptive field"]


def _ones(spelling: str) -> torch.nn.Module:
    """The layer as torch's, all weights 1; a pooling is an average, so that all taps count."""
    found = re.fullmatch(r"(conv|pool|up)(\d+)s(\d)(?:p(\d|same))?(?:d(\d))?", spelling)
    assert found
    kind, kernel, stride, padding, dilation = found.groups()
    pad = padding if padding == "same" else int(padding or 0)
    options = {"padding": pad, "dilation": int(dilation or 1), "bias": False}
    if kind == "pool":
        return nn.AvgPool1d(int(kernel), int(stride))
    conv = nn.ConvTranspose1d if kind == "up" else nn.Conv1d
    layer = conv(1, 1, int(kernel), int(stride), dtype=torch.float64, **options)
    torch.nn.init.ones_(layer.weight)
    return layer


class TestDrawing:
    def test_padding_in_the_field_is_drawn_outside(self) -> None:
        drawing = calc.stack(5, ["conv3p1", "conv3p1", "conv3p1"]).picture.splitlines()
        assert drawing[-5:] == [
            "          unit",
            "input            01234",
            "1 conv3p1    2   ·###·",
            "2 conv3p1    2   #####",
            "3 conv3p1    2  o#####o",
        ]

    def test_a_dilated_stack_leaves_holes(self) -> None:
        (row,) = calc.stack(9, ["conv3d2x2"]).picture.splitlines()[-1:]
        assert row == "2 conv3d2    0  #·#·#·#·#"

    def test_a_long_axis_has_several_pixels_a_column(self) -> None:
        fields = [Field("conv3", 50, frozenset(range(49, 52)), range(49, 52))]
        assert draw(100, fields, width=37).splitlines() == [
            "      unit  a column is 4 pixels",
            "input       0         40        80",
            "conv3   50  ············#············",
        ]

    @given(st.integers(1, 5000), st.integers(1, 40), st.integers(0, 20))
    def test_no_row_is_wider_than_the_terminal(self, n: int, kernel: int, padding: int) -> None:
        assume(n + 2 * padding >= kernel)
        drawing = calc.stack(n, [f"conv{kernel}p{padding}"]).picture
        assert max(map(len, drawing.splitlines())) <= 80


class TestNotes:
    def test_a_layer_that_drops_pixels_is_named(self) -> None:
        result = calc.stack(9, ["conv3", "pool2"])
        assert result.notes[0].startswith("2 pool2: a window of 2 with stride 2 does not tile 7")

    def test_padding_left_over_is_one_note(self) -> None:
        result = calc.stack(224, ["conv7s2p3", "pool3s2p1"])
        assert result.notes == (
            "at the end padding, but no pixel, is left over by 1 conv7s2p3, 2 pool3s2p1.",
        )

    def test_exact_refuses_it(self) -> None:
        with pytest.raises(ShapeError, match="stack: layer 2 'pool2': a window of 2 with stride 2"):
            calc.stack(9, ["conv3", "pool2"], exact=True)


class TestSpelling:
    @pytest.mark.parametrize(
        "spelling", ["", "conv", "conv3q1", "3", "dense3", "conv3s1s2", "3conv"]
    )
    def test_it_is_known(self, spelling: str) -> None:
        with pytest.raises(OptionError, match=f"layer '{spelling}' is not known. Write conv, pool"):
            calc.stack(9, [spelling])

    def test_options_come_in_any_order(self) -> None:
        one, other = (calc.stack(20, [s]) for s in ("conv3s2p1d2", "conv3d2p1s2"))
        assert [line.result for line in one.lines] == [line.result for line in other.lines]

    def test_times_repeats(self) -> None:
        repeated = calc.stack(9, ["conv3x3"])
        assert repeated.lines == calc.stack(9, ["conv3"] * 3).lines

    def test_a_layer_too_many_is_named(self) -> None:
        with pytest.raises(ShapeError, match="stack: layer 3 'conv3': a window of 3 is longer"):
            calc.stack(5, ["conv3x3"])

    @pytest.mark.parametrize("layers", [[], ["conv3x0"]])
    def test_there_are_layers(self, layers: list[str]) -> None:
        with pytest.raises(OptionError, match="stack: there are no layers"):
            calc.stack(5, layers)

    def test_an_output_stays_within_bounds(self) -> None:
        with pytest.raises(ShapeError, match="layer 17 'up2': the output is 1,310,720 pixels"):
            calc.stack(10, ["up2x40"])

    def test_a_stride_is_positive(self) -> None:
        with pytest.raises(OptionError, match="stack: conv3s0: stride=0 must be 1 or more"):
            calc.stack(10, ["conv3s0"])
