"""Activation maximisation: where the answer is known, and what must not change."""

import numpy as np
import pytest
import torch
from torch import nn

from striate import OptionError, look
from striate.data import Preprocess
from striate.look import open_subject
from striate.look._gradient import program_of
from striate.look._maximise import blurred, runs_in_batches, total_variation

PLAIN = {"decay": 0, "variation": 0, "blur": 0, "jitter": 0}


def linear():
    torch.manual_seed(0)
    net = nn.Sequential(nn.Flatten(), nn.Linear(9, 2))
    free = Preprocess("array", (1, 3, 3), (1, 3, 3), (0.0,), (1.0,))
    return net, open_subject(net, (1, 1, 3, 3), preprocess=free)


def test_a_linear_unit_is_answered_by_its_weights():
    """x <- x + s*(w/rms(w) - d*x) ends at w / rms(w) / d."""
    net, subject = linear()
    found = look.maximise(subject, "1", 1, steps=200, step=0.5, **(PLAIN | {"decay": 0.25}))
    weight = net[1].weight[1].detach().numpy()
    expected = weight / np.sqrt((weight**2).mean()) / 0.25
    np.testing.assert_allclose(found.inputs[0].ravel(), expected, rtol=1e-4)


def test_plain_ascent_by_hand():
    """Two steps of 0.5 along w / rms(w) from the start."""
    net, subject = linear()
    start = np.ones((1, 3, 3), np.float32)
    found = look.maximise(subject, "1", 0, steps=2, step=0.5, start=start, **PLAIN)
    weight = net[1].weight[0].detach().numpy().reshape(3, 3)
    expected = 1 + weight / np.sqrt((weight**2).mean())
    np.testing.assert_allclose(found.inputs[0, 0], expected, rtol=1e-5)
    values = [float(weight.sum() * 1.0)]
    bias = net[1].bias[0].item()
    assert found.history[0, 0] == pytest.approx(values[0] + bias, rel=1e-4)
    assert found.history[0, 2] == pytest.approx((weight * expected).sum() + bias, rel=1e-4)


@pytest.fixture(scope="module")
def small():
    torch.manual_seed(0)
    net = nn.Sequential(
        nn.Conv2d(3, 4, 3), nn.ReLU(inplace=True), nn.Conv2d(4, 4, 3), nn.ReLU(inplace=True)
    ).eval()
    return open_subject(net, (3, 16, 16), mean=[0.5], std=[0.25])


def test_a_units_answer_grows(small):
    found = look.maximise(small, "2", [0, 3], steps=20, **(PLAIN | {"jitter": 1}))
    assert (found.history[:, -1] > found.history[:, 0]).all()
    last = small.activations(["2"], found.inputs)["2"][:, :, 6, 6]
    np.testing.assert_allclose([last[0, 0], last[1, 3]], found.history[:, -1], rtol=1e-4)
    assert found.box == ((6, 11), (6, 11))


def test_the_input_stays_a_picture(small):
    found = look.maximise(small, "2", 1, steps=10, step=5.0)
    shades = found.inputs * 0.25 + 0.5
    assert shades.min() >= -1e-6
    assert shades.max() <= 1 + 1e-6


def test_the_same_seed_gives_the_same_input(small):
    alone = look.maximise(small, "2", 3, steps=6, seed=5)
    beside = look.maximise(small, "2", [0, 3], steps=6, seed=5)
    np.testing.assert_allclose(alone.inputs[0], beside.inputs[1], atol=1e-3)
    other = look.maximise(small, "2", 3, steps=6, seed=6)
    assert not np.array_equal(alone.inputs, other.inputs)


class OneByOne(nn.Module):
    """A network that is written for a batch of one."""

    def __init__(self):
        super().__init__()
        self.layer = nn.Linear(9, 3)

    def forward(self, x):
        return self.layer(x.view(1, 9))


def test_a_network_for_single_inputs_is_climbed_singly(small):
    torch.manual_seed(0)
    net = OneByOne()
    subject = open_subject(net, (1, 3, 3))
    assert not runs_in_batches(subject, program_of(subject), subject.graph.outputs[0])
    assert runs_in_batches(small, program_of(small), small.graph.outputs[0])
    found = look.maximise(subject, "layer", [0, 2], steps=4, step=0.5, **PLAIN)
    weight = net.layer.weight.detach().numpy()
    for one, channel in zip(found.inputs, (0, 2), strict=True):
        assert np.corrcoef(one.ravel(), weight[channel])[0, 1] > 0.5
    assert (found.history[:, -1] > found.history[:, 0]).all()


def test_classes_are_named_and_seen_whole():
    torch.manual_seed(0)
    net = nn.Sequential(nn.Conv2d(1, 2, 3, padding=4), nn.Flatten(), nn.Linear(200, 2))
    subject = open_subject(net, (1, 4, 4), classes=["cat", "hippopotamus"])
    found = look.maximise(subject, "2", [0, 1], steps=2)
    assert found.box == ((0, 4), (0, 4))  # and nothing over the border
    labels = [text.get_text() for text in found.figure().axes[0].texts]
    assert [label.partition(":")[0] for label in labels] == ["cat", "hippopota…"]
    assert found.figure()._suptitle.get_text() == "2: inputs that its classes answer to most"


def test_plain_ascent_stays_in_the_units_field(small):
    start = np.zeros((3, 16, 16), np.float32)
    found = look.maximise(small, "2", 0, place=(2, 3), steps=5, start=start, **PLAIN)
    outside = found.inputs[0].copy()
    (y0, y1), (x0, x1) = found.box
    outside[:, y0:y1, x0:x1] = 0
    assert not outside.any()
    assert found.inputs.any()


def test_the_whole_map(small):
    found = look.maximise(small, "2", 0, place="all", steps=5)
    assert found.box == ((0, 16), (0, 16))
    mean = small.activations(["2"], found.inputs)["2"][0, 0].mean()
    assert found.history[0, -1] == pytest.approx(mean, rel=1e-4)


def test_signals():
    torch.manual_seed(0)
    subject = open_subject(nn.Sequential(nn.Conv1d(1, 2, 5), nn.ReLU(inplace=True)), (1, 40))
    found = look.maximise(subject, "0", 1, steps=10)
    assert found.parts.shape == (1, 1, 5)
    assert found.history[0, -1] > found.history[0, 0]


def test_total_variation_by_hand():
    """A step of 2 down one column of 3: lengths 2, 2, 2."""
    x = torch.tensor([[[[0.0, 2], [0, 2], [0, 2]]]])
    assert total_variation(x).item() == pytest.approx(6, abs=1e-2)
    assert total_variation(torch.ones(1, 2, 5)).item() < 0.01


def test_blur_keeps_constants_and_sums():
    x = torch.full((1, 2, 7, 5), 3.0)
    torch.testing.assert_close(blurred(x, 1.0), x)
    x = torch.zeros(1, 1, 21)
    x[0, 0, 10] = 1
    assert blurred(x, 1.0).sum().item() == pytest.approx(1, abs=1e-6)


def test_what_is_wrong_is_told(small):
    with pytest.raises(OptionError, match="jitter=-1 must be 0 or more"):
        look.maximise(small, "2", jitter=-1)
    with pytest.raises(OptionError, match=r"channel=\[\]: name one channel or more"):
        look.maximise(small, "2", [])
    with pytest.raises(OptionError, match="blur_every=0 must be 1 or more"):
        look.maximise(small, "2", blur_every=0)
    with pytest.raises(OptionError, match="step=0 must be above 0"):
        look.maximise(small, "2", step=0)
    with pytest.raises(OptionError, match="there is no channel 9; it has 4"):
        look.maximise(small, "2", 9)
    with pytest.raises(OptionError, match=r"there is no unit \(0, 50, 0\)"):
        look.maximise(small, "2", place=(50, 0))
    with pytest.raises(OptionError, match="place='edge' is neither"):
        look.maximise(small, "2", place="edge")
