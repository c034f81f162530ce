"""The sliding window: every frame's numbers, and files that move."""

import json
import re

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image
from torch import nn
from torch.nn import functional as F

from striate import OptionError, ShapeError, look
from striate.look._sliding_draw import sum_lines


def test_the_sum_is_written_out():
    shown = look.sliding_window([[1, 2], [3, 4]], [[1, -1], [0, 2]], padding=1, bias=0.5)
    # At the upper left corner only the last tap, 2, stands on a pixel, 1.
    assert sum_lines(shown, (0, 0)) == [
        "  0·1 + 0·(-1)   so far 0",
        "+ 0·0 + 1·2    so far 2",
        "= 2 + 0.5 (bias) = 2.5 = output[0, 0]",
    ]
    assert shown.running((1, 1)).tolist() == [1.0, -1.0, -1.0, 7.0]


@given(
    st.integers(1, 9), st.integers(1, 9), st.integers(1, 3), st.integers(1, 3),
    st.integers(1, 3), st.integers(0, 3), st.integers(1, 3), st.integers(0, 99),
)  # fmt: skip
def test_outputs_are_torchs(high, wide, kh, kw, stride, padding, dilation, seed):
    rng = np.random.default_rng(seed)
    x, k = rng.normal(size=(high, wide)), rng.normal(size=(kh, kw))
    extents = [dilation * (n - 1) + 1 for n in (kh, kw)]
    if any(e > n + 2 * padding for e, n in zip(extents, (high, wide), strict=True)):
        with pytest.raises(ShapeError, match="does not fit"):
            look.sliding_window(x, k, stride=stride, padding=padding, dilation=dilation)
        return
    shown = look.sliding_window(x, k, stride=stride, padding=padding, dilation=dilation, bias=0.25)
    expected = F.conv2d(
        torch.tensor(x)[None, None], torch.tensor(k)[None, None], torch.tensor([0.25]).double(),
        stride, padding, dilation,
    )[0, 0]  # fmt: skip
    np.testing.assert_allclose(shown.output, expected, atol=1e-12)
    for place in shown.places:
        total = shown.running(place)[-1] + shown.bias
        assert total == pytest.approx(shown.output[place], abs=1e-12)


@pytest.mark.parametrize(
    ("conv", "shape", "at"),
    [
        (nn.Conv2d(4, 6, 3, stride=2, padding=1, groups=2), (4, 11, 9), (0, 1)),
        (nn.Conv2d(4, 6, 3, stride=2, padding=1, groups=2), (4, 11, 9), None),
        (nn.Conv2d(1, 2, 3, dilation=2, padding=2, bias=False), (1, 12, 12), (8, 9)),
        (nn.Conv1d(3, 2, 5, padding=2), (3, 30), (0,)),
    ],
)
def test_a_real_layers_sum_is_its_output(conv, shape, at):
    torch.manual_seed(0)
    net = nn.Sequential(conv).eval()
    x = torch.randn(1, *shape)
    shown = look.sliding_layer(net, x, channel=1, at=at, places=3, input_shape=shape)
    with torch.no_grad():
        y = net(x)[0, 1].numpy()
    y = np.atleast_2d(y)
    if at is None:
        at = [(n - min(n, 3)) // 2 for n in y.shape]
    i, j = (0, *at)[-2:]
    np.testing.assert_allclose(shown.output, y[i : i + 3, j : j + 3], atol=1e-5)
    for place in shown.places:
        total = shown.running(place)[-1] + shown.bias
        total += 0 if shown.rest is None else shown.rest[place]
        assert total == pytest.approx(shown.output[place], abs=1e-9)
    cut = np.atleast_2d(x[0, 0].numpy())
    y0, x0 = shown.first
    if shown.rest is None:
        there = cut[y0 : y0 + shown.input.shape[0], x0 : x0 + shown.input.shape[1]]
        np.testing.assert_array_equal(shown.input, there)


@pytest.mark.parametrize("tap", [None, 0, 2])
@pytest.mark.parametrize("z", [None, 0, 2])
def test_of_a_volume_a_slice_slides_and_the_others_are_added(tap, z):
    torch.manual_seed(0)
    shape = (2, 5, 6, 7)
    conv = nn.Conv3d(2, 3, (3, 2, 3), stride=(2, 1, 2), padding=1, dilation=(1, 2, 1))
    x = torch.randn(1, *shape)
    at = None if z is None else (z, 1, 0)
    shown = look.sliding_layer(
        nn.Sequential(conv), x, channel=2, source=1, tap=tap, at=at, places=3, input_shape=shape
    )
    with torch.no_grad():
        y = conv(x)[0, 2].numpy()
    middle = [(n - min(n, 3)) // 2 for n in y.shape[1:]]
    i, j = middle if at is None else at[1:]
    expected = y[1 if z is None else z, i : i + 3, j : j + 3]
    np.testing.assert_allclose(shown.output, expected, atol=1e-5)
    chosen = int(re.search(r"its slice (\d) of 3", shown.title).group(1))
    assert tap in (None, chosen)
    np.testing.assert_allclose(shown.kernel, conv.weight[2, 1, chosen].detach(), rtol=1e-6)
    depth = (1 if z is None else z) * 2 - 1 + chosen
    a, b = shown.first
    high, wide = shown.input.shape
    if 0 <= depth < 5:
        np.testing.assert_array_equal(shown.input, x[0, 1, depth, a : a + high, b : b + wide])
    else:
        assert tap is not None  # it was asked for
        assert not shown.input.any()  # padding
    for place in shown.places:
        total = shown.running(place)[-1] + shown.bias + shown.rest[place]
        assert total == pytest.approx(shown.output[place], abs=1e-9)


def test_slices_that_are_not_there():
    net = nn.Conv3d(1, 1, 2)
    x = np.zeros((1, 3, 3, 3), np.float32)
    with pytest.raises(OptionError, match="there is no slice 2 of its filters; they have 2"):
        look.sliding_layer(net, x, tap=2, input_shape=x.shape)
    with pytest.raises(OptionError, match="there is no slice 5 of the output; it has 2"):
        look.sliding_layer(net, x, at=(5, 0, 0), input_shape=x.shape)
    with pytest.raises(OptionError, match="tap=0 is for filters of three axes"):
        look.sliding_layer("lenet5", np.zeros((1, 32, 32)), "c1", tap=0)


def test_the_gif_has_a_frame_for_each_place(tmp_path):
    shown = look.sliding_window(np.eye(3), np.ones((2, 2)))
    with Image.open(shown.save(tmp_path / "a.gif", dpi=50, ms=70)) as gif:
        assert gif.n_frames == 4
        assert gif.info["duration"] == 70
        gif.seek(1)
        second = np.asarray(gif.convert("RGB")).astype(int)
        gif.seek(0)
        assert np.abs(second - np.asarray(gif.convert("RGB"))).max() > 50


def test_the_page_holds_every_place_and_nothing_from_outside(tmp_path):
    shown = look.sliding_window([0.5, 1.5, 2.5], [1.0, 2.0], padding=1, title="</script><b>a & b")
    page = shown.save(tmp_path / "a.html").read_text()
    assert "<b>a" not in page
    assert not re.search(r"https?:|src=|import ", page)
    data = json.loads(re.search(r'id="data">(.*?)</script>', page).group(1))
    assert data["output"] == shown.output.tolist()
    assert [p["place"] for p in data["places"]] == [[0, j] for j in range(4)]
    assert data["places"][0]["columns"] == [-1, 0]
    assert data["places"][1]["sum"][-1] == "= 3.5 = output[1]"


def test_still_pictures_and_what_cannot_be_shown(tmp_path):
    shown = look.sliding_window(np.ones((9, 30)), np.ones((3, 9)))
    assert shown.save(tmp_path / "a.png").stat().st_size > 1000
    with pytest.raises(OptionError, match=r"takes 154 places; 144 can be shown"):
        shown.save(tmp_path / "a.gif")
    with pytest.raises(OptionError, match="up to 40 pixels"):
        look.sliding_window(np.ones((9, 41)), np.ones((3, 9)))
    with pytest.raises(ShapeError, match="both must be"):
        look.sliding_window(np.ones(9), np.ones((3, 3)))
    with pytest.raises(OptionError, match=r"s2 \(max_pool\): only a convolution's window"):
        look.sliding_layer("lenet5", np.ones((1, 32, 32)), "s2")
    with pytest.raises(OptionError, match="there is no filter 6; it has 6"):
        look.sliding_layer("lenet5", np.ones((1, 32, 32)), "c1", channel=6)
    with pytest.raises(OptionError, match=r"at=\(28, 0\) is no place of the output, 28x28"):
        look.sliding_layer("lenet5", np.ones((1, 32, 32)), "c1", at=(28, 0))
    assert [p.name for p in tmp_path.iterdir()] == ["a.png"]
