"""The arithmetic of convolutions: LeNet-5's published numbers, hand counts, torch, refusals."""

from __future__ import annotations

import math

import pytest
import torch
from hypothesis import assume, given
from hypothesis import strategies as st

from striate import OptionError, ShapeError, calc, nn

small = st.integers(1, 3)


class TestByHand:
    def test_the_lectures_layer(self) -> None:
        layer = calc.conv((3, 32, 32), out_channels=10, kernel_size=5, padding=2)
        assert layer["output"] == (10, 32, 32)
        assert layer["filter weights"] == 3 * 5 * 5 + 1 == 76
        assert layer["parameters"] == 760
        assert layer["units"] == 10_240
        assert layer["MACs"] == 10_240 * 75 == 768_000
        assert layer["FLOPs"] == 1_536_000
        assert layer["output memory"] == 40 * 1024
        assert layer["weight memory"] == 3_040

    def test_lenet5_c1_as_published(self) -> None:
        layer = calc.conv((1, 32, 32), out_channels=6, kernel_size=5)
        assert (layer["parameters"], layer["connections"]) == (156, 122_304)

    def test_lenet5_c5_as_published(self) -> None:
        layer = calc.conv((16, 5, 5), out_channels=120, kernel_size=5)
        assert layer["connections"] == layer["parameters"] == 48_120

    def test_connections_to_padding_are_apart(self) -> None:
        # 3 taps on 2 pixels, one of padding on each side: each place reads 2 pixels and 1 pad.
        layer = calc.conv((1, 2), out_channels=1, kernel_size=3, padding=1, bias=False)
        assert (layer["connections"], layer["to padding"]) == (4, 2)

    def test_groups_share_the_channels_out(self) -> None:
        depthwise = calc.conv((32, 8, 8), 32, 3, padding=1, groups=32, bias=False)
        assert depthwise["parameters"] == 32 * 9
        assert depthwise["MACs"] == 32 * 64 * 9

    def test_pixels_nobody_reads(self) -> None:
        layer = calc.conv((1, 7, 7), 1, 3, stride=3)
        assert layer["output"] == (1, 2, 2)
        assert layer["never read"] == 49 - 36
        assert "3) / 3 + 1 = 2.33 is not whole" in layer.notes[0]
        assert (
            "What tiles: padding=1 (output 3), stride=2 (output 3), an input of 6 or 9."
            in (layer.notes[0])
        )

    def test_a_stride_that_steps_over_pixels_is_told(self) -> None:
        layer = calc.conv((1, 8, 9), 1, 1, stride=(1, 2))
        assert layer["never read"] == 8 * 4
        assert layer.notes == (
            "on the width, stride 2 steps over pixels 1, 3, 5, 7: nothing reads them.",
        )

    def test_padding_left_over_is_no_pixel_lost(self) -> None:
        layer = calc.conv((3, 224, 224), 64, 7, stride=2, padding=3)
        assert (layer["output"], layer["never read"]) == ((64, 112, 112), 0)
        assert "the last pixel of the padding" in layer.notes[0]

    def test_same_writes_out_the_padding_it_adds(self) -> None:
        layer = calc.conv((1, 8), 1, 3, stride=2, padding="same")
        assert layer["padding length"] == "0 + 1"  # 4 outputs reach over 9
        assert layer["output length"] == 4

    def test_a_batch_multiplies_work_and_memory(self) -> None:
        layer = calc.conv((3, 32, 32), 10, 5, padding=2, batch_size=8, dtype="float16")
        assert layer["batch output"] == (8, 10, 32, 32)
        assert layer["batch MACs"] == 8 * 768_000
        assert layer["batch memory"] == 8 * 20 * 1024
        assert layer["MACs"] == 768_000

    @pytest.mark.parametrize(
        ("dtype", "each"), [("float64", 8), ("float32", 4), ("bfloat16", 2), ("int8", 1)]
    )
    def test_a_type_has_its_bytes(self, dtype: str, each: int) -> None:
        assert calc.conv((1, 4), 1, 1, dtype=dtype)["output memory"] == 4 * each


@given(
    ndim=small,
    groups=small,
    channels=st.tuples(small, small),
    kernel_size=small,
    stride=small,
    padding=st.integers(0, 2) | st.sampled_from(["same", "valid"]),
    dilation=small,
    bias=st.booleans(),
    data=st.data(),
)
def test_agrees_with_the_layer(
    ndim: int,
    groups: int,
    channels: tuple[int, int],
    kernel_size: int,
    stride: int,
    padding: int | str,
    dilation: int,
    bias: bool,
    data: st.DataObject,
) -> None:
    """Shape and parameters are the layer's; MACs and connections are counted with ones."""
    sizes = tuple(data.draw(st.integers(1, 9)) for _ in range(ndim))
    c_in, c_out = (groups * count for count in channels)
    kind = (nn.Conv1d, nn.Conv2d, nn.Conv3d)[ndim - 1]
    layer = kind(c_in, c_out, kernel_size, stride, padding, dilation, groups, bias)
    options = {"stride": stride, "padding": padding, "dilation": dilation}
    try:
        result = calc.conv((c_in, *sizes), c_out, kernel_size, groups=groups, bias=bias, **options)
    except ShapeError:
        with pytest.raises(ShapeError):
            layer(torch.zeros(1, c_in, *sizes))
        assume(False)
    with torch.no_grad():
        for weight in layer.parameters():
            weight.fill_(1)
        output = layer(torch.ones(1, c_in, *sizes))
    assert result["output"] == tuple(output.shape[1:])
    assert result["parameters"] == sum(p.numel() for p in layer.parameters())
    assert result["units"] == output.numel()
    assert result["MACs"] == output.numel() * layer.weight[0].numel()
    # All weights and pixels are 1, so that each connection adds 1 to its unit.
    assert result["connections"] == int(output.sum())
    beyond = next((line.result for line in result.lines if line.label == "to padding"), 0)
    assert result["connections"] + beyond == result["MACs"] + bias * result["units"]


@given(st.integers(1, 9), st.integers(1, 9), small, small, st.integers(0, 2))
def test_its_lines_work_out(n: int, m: int, kernel_size: int, stride: int, padding: int) -> None:
    """Where a line has numbers, they give its result."""
    assume(min(n, m) + 2 * padding >= kernel_size)
    result = calc.conv((2, n, m), 4, kernel_size, stride=stride, padding=padding, groups=2)
    for line in result.lines:
        if isinstance(line.result, int) and line.numbers:
            worked = line.numbers.partition(" = ")[0].replace(",", "")
            assert eval(worked, {"floor": math.floor}) == line.result, line


class TestRefusals:
    @pytest.mark.parametrize(
        ("input", "message"),
        [
            ((3,), "input 3 has 1 number; needed are the channels and 1 to 3 sizes"),
            ((3, 4, 5, 6, 7), "has 5 numbers"),
            ((3, 0, 4), "has a size of 0"),
            ((1, 1_000_001), "a size of the input is 1,000,001 pixels"),
        ],
    )
    def test_an_input_is_channels_and_sizes(self, input: tuple[int, ...], message: str) -> None:
        with pytest.raises(ShapeError, match=message):
            calc.conv(input, 1, 1)

    def test_groups_divide_the_channels(self) -> None:
        message = (
            "conv: groups=4 must divide in_channels=6 and filters=8; it does not divide "
            "in_channels=6. Here groups can be 1 or 2."
        )
        with pytest.raises(ShapeError, match=f"^{message}$"):
            calc.conv((6, 8, 8), 8, 3, groups=4)

    def test_a_kernel_fits(self) -> None:
        with pytest.raises(ShapeError, match="on the width, a window of 5 is longer than 4 pixels"):
            calc.conv((1, 5, 4), 1, 5)

    def test_exact_refuses_what_the_stride_leaves_over(self) -> None:
        with pytest.raises(ShapeError) as refused:
            calc.conv((1, 7, 7), 1, 3, stride=3, exact=True)
        assert str(refused.value) == (
            "conv: input 1x7x7 does not fit: on each axis, a window of 3 with stride 3 does not "
            "tile 7 pixels with padding 0: (7 - 3) / 3 + 1 = 2.33 is not whole, so the last pixel "
            "would never be read. Use padding=1 (output 3), stride=2 (output 3), an input of 6 or "
            "9, or fit='floor' to drop the rest (output 2)."
        )
        assert calc.conv((1, 9, 9), 1, 3, stride=3, exact=True)["output"] == (1, 3, 3)

    @pytest.mark.parametrize(
        ("options", "message"),
        [
            ({"kernel_size": 0}, "conv: kernel=0 must be 1 or more"),
            ({"kernel_size": (3, 3, 3)}, "kernel=3x3x3 has 3 numbers, and the input has 2 spatial"),
            ({"stride": 0}, "conv: stride=0 must be 1 or more"),
            ({"padding": -1}, "padding=-1 must be 0 or more"),
            ({"padding": (1, 1, 1)}, "padding=1x1x1 is for 3 axes"),
            ({"out_channels": 0}, "filters=0 must be 1 or more"),
            ({"groups": 0}, "groups=0 must be 1 or more"),
            ({"batch_size": 0}, "batch=0 must be 1 or more"),
            ({"dtype": "int4"}, "dtype='int4' is not known. Use float64"),
        ],
    )
    def test_an_option_is_what_it_can_be(self, options: dict[str, object], message: str) -> None:
        with pytest.raises(OptionError, match=message):
            calc.conv((4, 9, 9), **{"out_channels": 4, "kernel_size": 3} | options)  # type: ignore[arg-type]
