"""BlurPool: binomial blurring by hand, against torch, and what it is for: shift invariance."""

from __future__ import annotations

import math
from typing import Any

import pytest
import torch
from torch import fx

from striate import OptionError, ShapeError, nn

BLURS = {1: nn.BlurPool1d, 2: nn.BlurPool2d, 3: nn.BlurPool3d}
CONVS = {1: torch.conv1d, 2: torch.conv2d, 3: torch.conv3d}


def test_three_taps_on_a_step_by_hand() -> None:
    signal = torch.tensor([[[0.0, 0.0, 4.0, 4.0, 4.0]]])
    # Reflected: 0 | 0 0 4 4 4 | 4; at 0: (0+0+0)/4, at 2: (0 + 2*4 + 4)/4, at 4: 4
    assert nn.BlurPool1d(1)(signal).flatten().tolist() == [0.0, 3.0, 4.0]


def test_filter_of_an_image_is_the_product_of_its_rows() -> None:
    impulse = torch.zeros(1, 1, 5, 5)
    impulse[0, 0, 2, 2] = 16
    blurred = nn.BlurPool2d(1, stride=1, padding_mode="zeros")(impulse)[0, 0, 1:4, 1:4]
    assert blurred.tolist() == [[1.0, 2.0, 1.0], [2.0, 4.0, 2.0], [1.0, 2.0, 1.0]]


@pytest.mark.parametrize("size", [1, 2, 3, 4, 5, 6, 7])
def test_filter_is_pascals_triangle(size: int) -> None:
    filter = nn.BlurPool1d(1, size).filter
    expected = [math.comb(size - 1, tap) / 2 ** (size - 1) for tap in range(size)]
    assert filter.tolist() == expected
    assert filter.sum() == 1


@pytest.mark.parametrize("d", [1, 2, 3])
@pytest.mark.parametrize("size", [2, 3, 4, 5])
@pytest.mark.parametrize("mode", ["reflect", "replicate", "circular", "zeros"])
def test_is_a_padded_depthwise_convolution(d: int, size: int, mode: str) -> None:
    row = torch.tensor([math.comb(size - 1, tap) / 2 ** (size - 1) for tap in range(size)])
    filter = row
    for _ in range(d - 1):
        filter = filter[..., None] * row
    x = torch.randn(2, 3, *(7, 8, 9)[:d])
    before, after = (size - 1) // 2, size - 1 - (size - 1) // 2  # as Zhang's own code
    padded = torch.nn.functional.pad(
        x, [before, after] * d, "constant" if mode == "zeros" else mode
    )
    weight = filter.expand(3, 1, *filter.shape)
    expected = CONVS[d](padded, weight, stride=2, groups=3)
    torch.testing.assert_close(BLURS[d](3, size, padding_mode=mode)(x), expected)


@pytest.mark.parametrize("size", [2, 3, 4, 5])
@pytest.mark.parametrize("stride", [1, 2, 3])
def test_output_is_the_input_over_the_stride_rounded_up(size: int, stride: int) -> None:
    blur = nn.BlurPool1d(2, size, stride)
    lengths = range(size, 20)
    assert [blur(torch.zeros(1, 2, n)).shape[-1] for n in lengths] == [
        math.ceil(n / stride) for n in lengths
    ]


@pytest.mark.parametrize("mode", ["reflect", "replicate", "circular"])
def test_a_constant_stays_constant(mode: str) -> None:
    x = torch.full((1, 2, 9, 10), 3.0)
    assert torch.equal(nn.BlurPool2d(2, 5, padding_mode=mode)(x), x[..., :5, :5])


def test_axes_can_differ() -> None:
    blur = nn.BlurPool2d(4, kernel_size=(1, 3), stride=(1, 2))
    x = torch.randn(2, 4, 6, 8)
    expected = nn.BlurPool1d(4)(x.transpose(1, 2).flatten(0, 1)).reshape(2, 6, 4, 4)
    torch.testing.assert_close(blur(x), expected.transpose(1, 2))


def test_max_pooling_keeps_a_rhythm_that_shifts_would_break() -> None:
    # The paper's figure 2: on 0 0 1 1 0 0 1 1 plain pooling gives 0 1 0 1, shifted by one 1 1 1 1.
    rhythm = torch.tensor([0.0, 0.0, 1.0, 1.0] * 4).reshape(1, 1, -1)
    plain = torch.nn.MaxPool1d(2)
    blurred = torch.nn.Sequential(
        torch.nn.CircularPad1d((0, 1)),
        torch.nn.MaxPool1d(2, stride=1),
        nn.BlurPool1d(1, 3, padding_mode="circular"),
    )
    assert plain(rhythm).flatten()[:4].tolist() == [0, 1, 0, 1]
    assert plain(rhythm.roll(1, -1)).flatten()[:4].tolist() == [1, 1, 1, 1]

    def change(net: torch.nn.Module) -> float:
        return float((net(rhythm) - net(rhythm.roll(1, -1))).abs().mean())

    assert change(blurred) <= change(plain) / 2


def test_has_no_parameters_and_no_state() -> None:
    blur = nn.BlurPool2d(8)
    assert not list(blur.parameters())
    assert not blur.state_dict()
    assert blur.to(torch.float64)(torch.zeros(1, 8, 4, 4, dtype=torch.float64)).dtype == (
        torch.float64
    )


def test_gradients_and_tracing() -> None:
    blur = nn.BlurPool2d(2, 4, dtype=torch.float64)
    x = torch.randn(1, 2, 5, 6, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(blur, x)
    torch.testing.assert_close(fx.symbolic_trace(blur)(x), blur(x))
    torch.testing.assert_close(torch.export.export(blur, (x,)).module()(x), blur(x))


def test_repr_tells_the_arguments() -> None:
    assert repr(nn.BlurPool2d(8)) == (
        "BlurPool2d(8, kernel_size=(3, 3), stride=(2, 2), padding_mode='reflect')"
    )


@pytest.mark.parametrize(
    ("arguments", "options", "message"),
    [
        ((0,), {}, "BlurPool2d: channels=0 must be a whole number"),
        ((4, 0), {}, "size=0 must be 1 or more"),
        ((4, 3, 0), {}, "stride=0 must be 1 or more"),
        ((4, (3, 3, 3)), {}, "kernel_size=.* has 3 numbers; give one, or 2"),
        ((4,), {"padding_mode": "mirror"}, "padding_mode='mirror' is not known"),
    ],
)
def test_constructors_refuse(
    arguments: tuple[Any, ...], options: dict[str, Any], message: str
) -> None:
    with pytest.raises(OptionError, match=message):
        nn.BlurPool2d(*arguments, **options)


@pytest.mark.parametrize(
    ("shape", "message"),
    [
        ((2, 3, 8, 8), "has 3 channels; the layer was built with channels=4"),
        ((8, 8), "has 2 axes; NCHW has 4"),
        ((2, 4, 1, 8), "too short for padding_mode='reflect'"),
    ],
)
def test_inputs_are_refused_with_the_way_out(shape: tuple[int, ...], message: str) -> None:
    with pytest.raises(ShapeError, match=f"^BlurPool2d: .*{message}"):
        nn.BlurPool2d(4)(torch.zeros(shape))
