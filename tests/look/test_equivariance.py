"""Maps that follow shifts, flips and rotations exactly, and those that do not."""

import json

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from striate import OptionError, capture, look
from striate.look import blur_strides, open_subject
from striate.look._changes import Flip, Shift, Turn
from striate.look._following import following
from striate.look._geometry import grids_of, sample

STILL = {"flips": False, "angles": ()}


def images(count=2, shape=(1, 20, 20), seed=0):
    return np.random.default_rng(seed).standard_normal((count, *shape)).astype(np.float32)


def differences(report, layer):
    return next(one.differences for one in report.layers if one.layer == layer)


# Changes ------------------------------------------------------------------------------------------


def test_shifts_by_hand():
    x = np.array([[1.0, 2, 3, 4]])
    assert Shift((1,)).apply(x).tolist() == [[4, 1, 2, 3]]
    assert Shift((-1,)).apply(x).tolist() == [[2, 3, 4, 1]]
    assert Shift((2,), "edge").apply(x).tolist() == [[1, 1, 1, 2]]
    assert Shift((2,), "zeros").apply(x).tolist() == [[0, 0, 1, 2]]


def test_a_rotation_by_ninety_degrees_is_numpys():
    x = images(shape=(2, 5, 5))[0]
    np.testing.assert_allclose(Turn(90).apply(x), np.rot90(x, axes=(1, 2)), atol=1e-5)


@settings(max_examples=30)
@given(st.integers(-3, 3), st.integers(-3, 3), st.booleans())
def test_back_says_where_a_number_came_from(down, right, flip):
    """changed[p] = x[back(p)] wherever that lies in the input."""
    x = images(shape=(1, 6, 7))[0]
    change = Flip(-2) if flip else Shift((down, right), "zeros")
    places = np.stack(np.meshgrid(np.arange(6), np.arange(7), indexing="ij")).astype(float)
    came = change.back(places, (6, 7))
    known = ((came >= 0) & (came <= np.array([5, 6])[:, None, None])).all(0)
    rows, columns = came.astype(int)[:, known]
    np.testing.assert_array_equal(change.apply(x)[0][known], x[0][rows, columns])


def test_reading_between_numbers():
    values = np.arange(6.0).reshape(2, 3)
    assert sample(values, [0, 1], np.array([[0.5], [1.5]])).tolist() == [3]
    assert sample(values, [1], np.array([[0.25]])).tolist() == [[0.25, 3.25]]
    assert sample(values, [0], np.array([[-1.0, 7.0]])).tolist() == [[0, 1, 2], [3, 4, 5]]


# What is compared ---------------------------------------------------------------------------------


def test_units_clear_of_the_border_by_hand():
    """A convolution of 3 over 8 pixels, padded: units 0 .. 7 see i-1 .. i+1; shifted by 2.

    In the first map units 1 .. 6 lie inside; the changed unit i sees old pixels only if i-1 >= 2,
    and comes from unit i - 2 >= 1: so 3 .. 6, from 1 .. 4.
    """
    subject = open_subject(nn.Conv1d(1, 1, 3, padding=1), (1, 8))
    found = following(grids_of(subject, "conv"), Shift((2,)), (8,))
    assert found.interior
    assert found.units.tolist() == [[3, 4, 5, 6]]
    assert found.points.tolist() == [[1, 2, 3, 4]]


def test_between_units_by_hand():
    """Stride 2: a shift of 1 is half a unit; unit 2 is compared with the mean of 1 and 2."""
    subject = open_subject(nn.Conv1d(1, 1, 2, stride=2), (1, 8))
    found = following(grids_of(subject, "conv"), Shift((1,)), (8,))
    assert found.units.tolist() == [[1, 2, 3]]
    assert found.points.tolist() == [[0.5, 1.5, 2.5]]
    before, after = np.array([[0.0, 2, 4, 8]]), np.array([[9.0, 1, 3, 5]])
    assert found.difference(before, after) == (1, (1 + 9 + 25 + 1 + 9 + 36) / 2)


def test_a_flip_goes_to_the_mirrored_unit():
    subject = open_subject(nn.Conv1d(1, 1, 2, stride=2), (1, 8))
    found = following(grids_of(subject, "conv"), Flip(-1), (8,))
    assert found.points.tolist() == [[3, 2, 1, 0]]


# The report ---------------------------------------------------------------------------------------


def stack(*layers, shape=(1, 20, 20)):
    torch.manual_seed(0)
    return open_subject(nn.Sequential(*layers).eval(), (1, *shape))


def test_circular_convolutions_follow_exactly():
    options = {"padding": 1, "padding_mode": "circular"}
    subject = stack(nn.Conv2d(1, 4, 3, **options), nn.ReLU(), nn.Conv2d(4, 4, 3, **options))
    report = look.equivariance(subject, images(), shifts=5, **STILL)
    assert max(max(one.differences) for one in report.layers) < 1e-6
    assert all(one.interior for one in report.layers)
    assert [report.breaks(shift) for shift in range(5)] == [None] * 5
    assert report.first_stride() is None
    assert report.agreement is None


def test_valid_convolutions_follow_exactly():
    subject = stack(nn.Conv2d(1, 4, 5), nn.Tanh(), nn.Conv2d(4, 4, 3), nn.MaxPool2d(3, 1))
    report = look.equivariance(subject, images(), shifts=[(0, 3), (4, 1)], **STILL)
    assert max(max(one.differences) for one in report.layers) < 1e-6


def test_a_stride_of_two_breaks_odd_shifts_and_only_these():
    subject = stack(nn.Conv2d(1, 4, 3), nn.MaxPool2d(2), nn.Conv2d(4, 4, 3))
    report = look.equivariance(subject, images(), shifts=6, **STILL)
    for layer in ("1", "2"):
        found = differences(report, layer)
        assert min(found[0::2]) > 0.1
        assert max(found[1::2]) < 1e-6
    assert max(differences(report, "0")) < 1e-6
    assert [one and one.layer for one in map(report.breaks, range(6))] == ["1", None] * 3
    assert report.first_stride().layer == "1"
    assert [(one.layer, one.step) for one in report.layers] == [("0", 1), ("1", 2), ("2", 1)]


def test_two_strides_break_what_four_does_not_divide():
    subject = stack(nn.Conv1d(1, 4, 3, stride=2), nn.Conv1d(4, 4, 3, stride=2), shape=(1, 64))
    report = look.equivariance(subject, images(shape=(1, 64)), shifts=8, flips=False)
    whole = [d < 1e-6 for d in differences(report, "1")]
    assert whole == [False, False, False, True] * 2


def test_a_global_average_makes_it_invariant():
    options = {"padding": 1, "padding_mode": "circular"}
    subject = stack(
        nn.Conv2d(1, 4, 3, **options), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(),
        nn.Linear(4, 3),
    )  # fmt: skip
    report = look.equivariance(subject, images(), shifts=3, **STILL)
    last = report.layers[-1]
    assert max(last.differences) < 1e-6
    assert last.jump is None
    assert report.agreement == (1, 1, 1)


def test_symmetric_filters_follow_a_flip():
    net = nn.Conv2d(1, 3, 3, stride=2, padding=1, bias=False)
    with torch.no_grad():
        net.weight.copy_((net.weight + net.weight.flip(-1)) / 2)
    subject = open_subject(net, (1, 21, 21))
    report = look.equivariance(
        subject, images(shape=(1, 21, 21)), shifts=[], flips=[-1, -2], angles=()
    )
    sideways, upright = report.layers[0].differences
    assert sideways < 1e-6
    assert upright > 0.1


def test_a_round_filter_nearly_follows_a_rotation():
    """A Gaussian looks the same from all sides; the same cut in half does not."""
    from striate.filters import gaussian

    bell = torch.from_numpy(gaussian(1.5, truncate=2)).float()
    half = bell.clone()
    half[:, 3:] = 0
    net = nn.Conv2d(1, 2, 7, bias=False)
    with torch.no_grad():
        net.weight.copy_(torch.stack([bell, half])[:, None])
    found = []
    smooth = np.cumsum(np.cumsum(images(shape=(1, 32, 32)), 2), 3) / 20
    for channel in range(2):
        one = nn.Conv2d(1, 1, 7, bias=False)
        one.weight = nn.Parameter(net.weight[channel : channel + 1].detach())
        subject = open_subject(one, (1, 32, 32))
        report = look.equivariance(subject, smooth, shifts=[], flips=False, angles=[10.0])
        found.append(report.layers[0].differences[0])
    assert found[0] < 0.2 * found[1]


def test_where_the_border_is_everywhere_all_units_are_compared():
    layers = [nn.Conv2d(1 if i == 0 else 2, 2, 5, padding=2) for i in range(5)]
    report = look.equivariance(stack(*layers), images(), shifts=2, **STILL)
    assert report.layers[0].interior
    assert not report.layers[-1].interior
    assert report.layers[-1].units == 18 * 18


def test_what_was_moved_out_is_not_told():
    subject = stack(nn.AvgPool2d(10), shape=(1, 20, 20))
    report = look.equivariance(subject, images(), shifts=[10, 19], **STILL)
    assert report.layers[0].differences[0] is not None
    assert report.layers[0].differences[1] is None
    assert "-" in report.to_text().splitlines()[4]
    assert json.loads(report.to_json())["layers"][0]["differences"][1] is None


def test_a_file_is_enough(tmp_path):
    net = stack(nn.Conv2d(1, 4, 3), nn.MaxPool2d(2)).module
    capture(net, (1, 1, 20, 20)).to_onnx(tmp_path / "net.onnx")
    report = look.equivariance(tmp_path / "net.onnx", images(), shifts=2, **STILL)
    assert [d > 0.1 for d in report.layers[-1].differences] == [True, False]
    with pytest.raises(OptionError, match="only modules can be given a BlurPool"):
        look.equivariance(tmp_path / "net.onnx", images(), blur=True)


def test_agreement_counts_inputs():
    """The class is the brighter half; a shift by half the length swaps them."""
    pool = nn.Sequential(nn.AvgPool1d(4), nn.Flatten())
    subject = open_subject(pool, (1, 8))
    x = np.zeros((4, 1, 8), np.float32)
    x[:, 0, :4] = 1
    report = look.equivariance(subject, x, shifts=[1, 4], flips=True, angles=())
    assert report.agreement == (1, 0, 0)
    assert report.count == 4


def test_table_and_json():
    subject = stack(nn.Conv2d(1, 4, 3), nn.MaxPool2d(2), nn.Flatten(), nn.Linear(4 * 81, 3))
    report = look.equivariance(subject, images(), shifts=2, angles=[5])
    told = json.loads(report.to_json())
    assert told["breaks"] == ["1", "2", "0", "0"]
    assert told["first_stride"] == "1"
    assert [one["layer"] for one in told["layers"]] == ["0", "1", "2", "3"]
    assert told["changes"][0] == {"kind": "shift", "label": "1", "by": [1, 1], "fill": "circular"}
    text = report.to_text()
    assert "The first stride that breaks: 1 (stride 2) at shifts of 1." in text
    assert text.splitlines()[3].split() == [
        "layer",
        "stride",
        "jump",
        "shift",
        "1",
        "shift",
        "2",
        "flip",
        "5°",
    ]


def test_what_does_not_fit_is_told():
    subject = stack(nn.Conv2d(1, 1, 3))
    with pytest.raises(OptionError, match=r"a shift by \(20, 20\) does not fit an input of 20x20"):
        look.equivariance(subject, images(), shifts=[20])
    with pytest.raises(OptionError, match="no change was asked for"):
        look.equivariance(subject, images(), shifts=0, **STILL)
    with pytest.raises(OptionError, match="fill='mirror' is not one of"):
        look.equivariance(subject, images(), fill="mirror")
    with pytest.raises(OptionError, match="axes count from the end"):
        look.equivariance(subject, images(), flips=[2])
    signal = open_subject(nn.Conv1d(1, 1, 3), (1, 9))
    with pytest.raises(OptionError, match="only pictures can be rotated"):
        look.equivariance(signal, np.zeros((1, 1, 9)), angles=[5])
    with pytest.raises(OptionError, match="a vector, which has no places"):
        look.equivariance(open_subject(nn.Linear(3, 2), (1, 3)), np.zeros((1, 3)))


# BlurPool -----------------------------------------------------------------------------------------


def test_blurred_strides_follow_better():
    subject = stack(nn.Conv2d(1, 8, 3), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(8, 4, 3, stride=2))
    report = look.equivariance(subject, images(4), shifts=2, blur=True, **STILL)
    for layer in ("2", "3"):
        before = differences(report, layer)[0]
        after = differences(report.blurred, f"{layer}.blur.conv")[0]
        assert after < 0.7 * before


def test_only_strides_are_replaced():
    net = nn.Sequential(
        nn.Conv2d(1, 4, 3, stride=(2, 1), padding=1), nn.BatchNorm2d(4), nn.MaxPool2d(3, 2, 1),
        nn.Conv2d(4, 4, 3), nn.AvgPool2d(2),
    )  # fmt: skip
    made = blur_strides(net, (1, 1, 17, 23))
    assert [type(m).__name__ for m in made] == [
        "Sequential", "BatchNorm2d", "Sequential", "Conv2d", "AvgPool2d",
    ]  # fmt: skip
    assert made[0].blur.stride == (2, 1)
    assert made[2].blur.channels == 4
    x = torch.randn(2, 1, 17, 23)
    assert made(x).shape == net(x).shape
    assert net[0].stride == (2, 1)
    torch.testing.assert_close(made[0].layer.weight, net[0].weight)
    assert made[0].layer.weight is not net[0].weight


def test_a_blurred_network_is_blur_behind_stride_one():
    net = nn.Conv1d(1, 1, 1, stride=2, bias=False)
    nn.init.ones_(net.weight)
    made = blur_strides(net, (1, 1, 5))
    x = torch.tensor([[[0.0, 0, 4, 0, 8]]])
    assert made(x).tolist() == [[[0, 2, 6]]]  # (0 + 0), (0 + 2*4 + 0) / 4, (0 + 3*8) / 4


def test_modes_are_kept():
    net = nn.Sequential(nn.Conv2d(1, 2, 3, stride=2), nn.ReLU()).eval()
    assert not any(module.training for module in blur_strides(net, (1, 1, 9, 9)).modules())


def test_what_cannot_be_blurred_is_told():
    with pytest.raises(OptionError, match="no max pooling or convolution with a stride above 1"):
        blur_strides(nn.Sequential(nn.Conv2d(1, 1, 3)), (1, 1, 9, 9))
    shared = nn.MaxPool2d(2)
    net = nn.Sequential(shared, nn.Conv2d(1, 2, 1), shared)
    with pytest.raises(OptionError, match="'0' is used for maps of 1, 2 channels"):
        blur_strides(net, (1, 1, 8, 8))


def test_strides_that_stay_are_told():
    class Mixed(nn.Module):
        def __init__(self):
            super().__init__()
            self.conv = nn.Conv2d(1, 2, 3, stride=2)

        def forward(self, x):
            return nn.functional.max_pool2d(self.conv(x), 2)

    with pytest.warns(UserWarning, match="the strides of max_pool stay"):
        blur_strides(Mixed(), (1, 1, 17, 17))
