"""The arithmetic of transposed convolutions."""

from __future__ import annotations

from contextlib import suppress

import pytest
import torch
from hypothesis import assume, given
from hypothesis import strategies as st

from striate import OptionError, ShapeError, calc, nn

small = st.integers(1, 3)


def test_the_unets_way_up() -> None:
    up = calc.conv_transpose((64, 14, 14), out_channels=32, kernel_size=2, stride=2)
    assert up["output"] == (32, 28, 28)
    assert up["parameters"] == 64 * 32 * 4 + 32
    assert up["MACs"] == 64 * 14 * 14 * 32 * 4
    assert up["reads"] == "1"  # the filters lie side by side
    assert up.notes == ()


def test_an_uneven_kernel_makes_a_checkerboard() -> None:
    up = calc.conv_transpose((1, 4), 1, 3, stride=2)
    assert up["output"] == (1, 9)
    assert up["reads"] == "1 .. 2"
    assert "outputs in turn are sums of 2 and 1 pixels" in up.notes[0]


def test_what_falls_on_the_crop_is_counted_apart() -> None:
    # Two filters of 3 beside each other make 4 outputs; a crop of 1 on each side drops a product.
    up = calc.conv_transpose((1, 2), 1, 3, padding=1, bias=False)
    assert (up["output"], up["MACs"], up["connections"], up["cropped"]) == ((1, 2), 6, 4, 2)


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
    sizes = tuple(data.draw(st.integers(1, 6)) for _ in range(ndim))
    extra = 0 if padding == "same" else data.draw(st.integers(0, max(stride, dilation) - 1))
    c_in, c_out = (groups * count for count in channels)
    kind = (nn.ConvTranspose1d, nn.ConvTranspose2d, nn.ConvTranspose3d)[ndim - 1]
    layer = kind(c_in, c_out, kernel_size, stride, padding, extra, groups, bias, dilation)
    options = {"stride": stride, "padding": padding, "output_padding": extra}
    options |= {"dilation": dilation, "groups": groups, "bias": bias}
    try:
        result = calc.conv_transpose((c_in, *sizes), c_out, kernel_size, **options)
    except ShapeError:
        with suppress(ShapeError):  # torch gives an empty map for some
            assert not layer(torch.zeros(1, c_in, *sizes)).numel()
        assume(False)
    with torch.no_grad():
        for weight in layer.parameters():
            weight.fill_(1)
        output = layer(torch.ones(1, c_in, *sizes))
    assert result["output"] == tuple(output.shape[1:])
    assert result["parameters"] == sum(p.numel() for p in layer.parameters())
    assert result["connections"] == int(output.sum())


def test_padding_leaves_an_output() -> None:
    with pytest.raises(ShapeError, match=r"leaves no output: \(2 - 1\)\*1 - 2 - 2 \+ 1 \+ 0 is"):
        calc.conv_transpose((1, 2, 2), 1, 1, padding=2)


def test_output_padding_is_below_the_stride() -> None:
    with pytest.raises(OptionError, match="output_padding=2 must be 0 or more and below"):
        calc.conv_transpose((1, 2, 2), 1, 3, stride=2, output_padding=2)
