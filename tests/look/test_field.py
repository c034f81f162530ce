"""Receptive fields as they are drawn: exact boxes, hatched padding, torch's gradients."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from striate import OptionError, capture, look
from striate.inspection import effective_field
from striate.look._field import padding_parts


@pytest.fixture(scope="module")
def model():
    torch.manual_seed(0)
    return nn.Sequential(
        nn.Conv2d(2, 4, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(4, 3, 3, padding=1)
    ).eval()


def test_the_box_and_the_gradient_are_those_of_the_unit(model):
    x = torch.randn(1, 2, 12, 12, requires_grad=True)
    found = look.field(model, "3", (0, 2), image=x.detach(), channel=1, input_shape=(2, 12, 12))
    # A 3x3 with padding 1 behind a 2x2 pooling behind a 3x3 with padding 1: (-3 .. 5), (1 .. 9).
    assert found.box == ((-3, 5), (1, 9))
    assert found.unit.padding_share == pytest.approx(3 / 8)
    model(x)[0, 1, 0, 2].backward()
    expected = x.grad[0].abs().sum(0).numpy()
    np.testing.assert_allclose(found.effective, expected / expected.max(), atol=1e-6)
    (y0, y1), (x0, x1) = found.box
    outside = np.ones((12, 12), bool)
    outside[max(y0, 0) : y1, max(x0, 0) : x1] = False
    assert not found.effective[outside].any()


def test_without_an_image_it_is_the_mean_over_random_inputs(model):
    ours = look.field(model, "3", samples=30, seed=1, input_shape=(2, 12, 12))
    inspects = effective_field(model, "3", (1, 2, 12, 12), samples=30, seed=1)
    assert ours.unit == inspects.unit
    assert ours.samples == 30
    # Other random numbers, the same shape of the field.
    assert np.corrcoef(ours.effective.ravel(), inspects.weight.ravel())[0, 1] > 0.9
    assert ours.effective_size == pytest.approx(inspects.size(), rel=0.2)


def test_the_title_says_the_numbers(model):
    found = look.field(model, "3", (0, 0), effective=False, input_shape=(2, 12, 12))
    # 8x8, of which 5x5 lie on the input: 1 - 25 / 64.
    assert found.title() == "3(0, 0): sees 8x8 of 12x12, 61 % of it padding"
    assert found.effective is None


@given(*[st.integers(-6, 12)] * 2, *[st.integers(1, 9)] * 4)
def test_padding_is_all_of_the_box_outside_and_nothing_else(y0, x0, tall, broad, high, wide):
    box = ((y0, y0 + tall), (x0, x0 + broad))
    drawn = np.zeros((60, 60), int)
    for (a, b), (c, d) in padding_parts(box, (high, wide)):
        drawn[20 + a : 20 + b, 20 + c : 20 + d] += 1
    expected = np.zeros((60, 60), int)
    expected[20 + y0 : 20 + y0 + tall, 20 + x0 : 20 + x0 + broad] = 1
    expected[20 : 20 + high, 20 : 20 + wide] = 0
    np.testing.assert_array_equal(drawn, expected)


def test_a_stack_nests_around_the_point():
    found = look.fields("resnet20", at=(9, 22))
    assert len(found.units) == 12  # of 19 sizes, from first to last
    assert (found.units[0].layer, found.units[-1].layer) == ("conv1", "layer3.2.conv2")
    for inner, outer in zip(found.units, found.units[1:], strict=False):
        for (a, b), (c, d) in zip(inner.box, outer.box, strict=True):
            assert d - c > b - a
    for unit in found.units[:6]:
        centre = unit.center
        assert abs(centre[0] - 9) <= 2
        assert abs(centre[1] - 22) <= 2


@pytest.mark.parametrize(
    ("name", "layer", "place"),
    [
        ("m5", "4", (0,)),
        ("c3d_small", "4", (0, 1, 2)),
        ("lenet5", "f6", ()),
        ("lenet5", "c3", None),
    ],
)
@pytest.mark.parametrize("with_image", [False, True])
def test_any_number_of_axes_is_drawn(name, layer, place, with_image):
    subject = look.open_subject(name)
    image = np.ones(subject.input_shape) if with_image else None
    seen = look.field(subject, layer, place, image=image, samples=1)
    assert seen._repr_png_().startswith(b"\x89PNG")
    if with_image:
        assert look.fields(subject, image=image)._repr_png_().startswith(b"\x89PNG")


def test_a_file_without_its_module_has_a_box_but_no_gradient(model, tmp_path):
    capture(model, (1, 2, 12, 12)).to_onnx(tmp_path / "net.onnx")
    layer = look.open_subject(tmp_path / "net.onnx").layers[-1].name
    found = look.field(tmp_path / "net.onnx", layer, (0, 2))
    assert found.box == ((-3, 5), (1, 9))
    assert found.effective is None
    with pytest.raises(OptionError, match="without its torch module"):
        look.field(tmp_path / "net.onnx", layer, effective=True)


def test_what_is_not_there_is_told(model):
    with pytest.raises(OptionError, match=r"there is no unit \(6, 0\)"):
        look.field(model, "3", (6, 0), input_shape=(2, 12, 12))
    with pytest.raises(OptionError, match="there is no channel 3; it has 3"):
        look.field(model, "3", (0, 0), channel=3, input_shape=(2, 12, 12))
    with pytest.raises(OptionError, match="does not lie on the input, 12x12"):
        look.fields(model, at=(0, 12), input_shape=(2, 12, 12))
