"""Transposed convolutions: torch's results, and the adjoint of the convolution they transpose."""

from __future__ import annotations

import pytest
import torch
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from striate import ShapeError, Window, nn
from striate import functional as F

LAYERS = {
    1: (nn.ConvTranspose1d, torch.nn.ConvTranspose1d),
    2: (nn.ConvTranspose2d, torch.nn.ConvTranspose2d),
    3: (nn.ConvTranspose3d, torch.nn.ConvTranspose3d),
}


@pytest.mark.parametrize("ndim", [1, 2, 3])
@pytest.mark.parametrize(
    "options",
    [
        {},
        {"stride": 2},
        {"stride": 2, "padding": 1, "output_padding": 1},
        {"dilation": 2, "groups": 2},
    ],
    ids=str,
)
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_torchs_arguments_give_torchs_results(ndim: int, options: dict, dtype: torch.dtype) -> None:
    ours = LAYERS[ndim][0](4, 6, 3, dtype=dtype, **options)
    theirs = LAYERS[ndim][1](4, 6, 3, dtype=dtype, **options)
    theirs.load_state_dict(ours.state_dict())
    x = torch.randn(2, 4, *(5, 6, 7)[:ndim], dtype=dtype, requires_grad=True)
    torch.testing.assert_close(ours(x), theirs(x))
    (grad,) = torch.autograd.grad(ours(x).square().sum(), x)
    (want,) = torch.autograd.grad(theirs(x).square().sum(), x)
    torch.testing.assert_close(grad, want)
    assert repr(ours) == repr(theirs)


def test_by_hand() -> None:
    # x = 1 2, filter 1 10 100, stride 2:  1 10 100 . .  +  . . 2 20 200
    weight = torch.tensor([[[1.0, 10.0, 100.0]]])
    y = F.conv_transpose1d(torch.tensor([[1.0, 2.0]]), weight, stride=2)
    assert y.tolist() == [[1.0, 10.0, 102.0, 20.0, 200.0]]
    # 'same' keeps 2*2 pixels; the padding of the convolution of 4 pixels is 0 before, 1 after.
    y = F.conv_transpose1d(torch.tensor([[1.0, 2.0]]), weight, stride=2, padding="same")
    assert y.tolist() == [[1.0, 10.0, 102.0, 20.0]]


@settings(max_examples=150, deadline=None)
@given(
    n=st.integers(1, 20),
    size=st.integers(1, 5),
    stride=st.integers(1, 4),
    dilation=st.integers(1, 3),
    padding=st.one_of(st.just("same"), st.tuples(st.integers(0, 4), st.integers(0, 4))),
)
def test_it_is_the_adjoint_of_the_convolution(
    n: int, size: int, stride: int, dilation: int, padding: object
) -> None:
    # <conv(x), y> = <x, conv_transpose(y)> for every x and y.
    window = Window(size, stride, dilation, padding)
    outputs = window.output_size(n)
    assume(outputs > 0)
    torch.manual_seed(0)
    w = torch.randn(3, 2, size, dtype=torch.float64)
    x = torch.randn(1, 2, n, dtype=torch.float64)
    y = torch.randn(1, 3, outputs, dtype=torch.float64)
    spec = padding if padding == "same" else (padding,)
    layer = nn.ConvTranspose1d(
        3, 2, size, stride, spec, dilation=dilation, bias=False, dtype=torch.float64
    )
    layer.weight.data = w
    back = layer(y, output_size=[n])
    assert back.shape == x.shape
    forward = (F.conv1d(x, w, None, stride, spec, dilation) * y).sum()
    torch.testing.assert_close((back * x).sum(), forward)


@settings(max_examples=80, deadline=None)
@given(
    n=st.integers(1, 12),
    size=st.integers(1, 5),
    stride=st.integers(1, 4),
    before=st.integers(0, 3),
    after=st.integers(0, 3),
)
def test_asymmetric_padding_crops_the_whole(
    n: int, size: int, stride: int, before: int, after: int
) -> None:
    whole = (n - 1) * stride + size
    assume(whole - before - after > 0)
    x, w = torch.randn(1, 1, n), torch.randn(1, 1, size)
    full = F.conv_transpose1d(x, w, stride=stride)
    cropped = F.conv_transpose1d(x, w, stride=stride, padding=((before, after),))
    torch.testing.assert_close(cropped, full[..., before : whole - after])


def test_same_gives_n_times_the_stride() -> None:
    for stride in (1, 2, 3):
        layer = nn.ConvTranspose2d(2, 3, (2, 5), stride, padding="same", flip=True)
        assert layer(torch.zeros(1, 2, 4, 7)).shape == (1, 3, 4 * stride, 7 * stride)


def test_an_output_size_out_of_reach_is_refused() -> None:
    layer = nn.ConvTranspose2d(2, 3, 3, stride=2)
    assert layer(torch.zeros(1, 2, 4, 4), output_size=[10, 9]).shape == (1, 3, 10, 9)
    with pytest.raises(ShapeError, match=r"4 pixels can spread to 9 \.\. 10, not to 11"):
        layer(torch.zeros(1, 2, 4, 4), output_size=[11, 9])


def test_errors_name_the_channels_and_the_layer() -> None:
    net = torch.nn.Sequential(nn.ConvTranspose2d(8, 3, 3))
    with pytest.raises(ShapeError, match=r"ConvTranspose2d '0': input .* has 4 channels.*needs 8"):
        net(torch.zeros(1, 4, 5, 5))
    with pytest.raises(ShapeError, match="crops all of the 3 pixels"):
        nn.ConvTranspose2d(8, 3, 3, padding=2)(torch.zeros(1, 8, 1, 1))
