"""Covers over the input: on linear networks, by hand, and against captum."""

import numpy as np
import pytest
import torch
from torch import nn

from striate import OptionError, Window, capture, look
from striate.look import open_subject


def linear(shape, classes=3, seed=0):
    torch.manual_seed(seed)
    return nn.Sequential(nn.Flatten(), nn.Linear(int(np.prod(shape)), classes))


def test_a_linear_network_gives_its_weights():
    """One pixel covered with 0 takes away w*x, which is w where x = 1."""
    net = linear((1, 4, 5))
    subject = open_subject(net, (1, 1, 4, 5))
    found = look.occlusion(subject, np.ones((1, 4, 5)), channel=2, size=1, stride=1)
    weight = net[1].weight[2].detach().numpy().reshape(4, 5)
    np.testing.assert_allclose(found.drops, weight, atol=1e-6)
    np.testing.assert_allclose(found.map, weight, atol=1e-6)


def test_covers_that_overlap_are_averaged():
    """Sums of 2 pixels along an axis of 4, stride 1: covers 0-1, 1-2, 2-3 of x = 1, 2, 3, 4."""
    net = nn.Sequential(nn.Flatten(), nn.Linear(4, 1, bias=False))
    nn.init.ones_(net[1].weight)
    found = look.occlusion(
        open_subject(net, (1, 1, 4)), np.array([[1.0, 2, 3, 4]]), size=2, stride=1, batch_size=2
    )
    assert found.drops.tolist() == [3, 5, 7]
    assert found.map.tolist() == [3, 4, 6, 7]
    assert found.cover == (Window(2, ceil_mode=True),)


def test_a_last_cover_hangs_over_the_end():
    net = nn.Sequential(nn.Flatten(), nn.Linear(5, 1, bias=False))
    nn.init.ones_(net[1].weight)
    found = look.occlusion(open_subject(net, (1, 1, 5)), np.ones((1, 5)), size=2)
    assert found.cover == (Window(2, stride=1, ceil_mode=True),)
    found = look.occlusion(open_subject(net, (1, 1, 5)), np.ones((1, 5)), size=2, stride=2)
    assert found.drops.tolist() == [2, 2, 1]
    assert found.map.tolist() == [2, 2, 2, 2, 1]


def test_what_covers_can_be_chosen_for_each_channel():
    net = nn.Sequential(nn.Flatten(), nn.Linear(4, 1, bias=False))
    nn.init.ones_(net[1].weight)
    found = look.occlusion(
        open_subject(net, (1, 2, 2)), np.ones((2, 2)), size=1, stride=1, fill=[0.5, 3]
    )
    assert found.drops.tolist() == [-1.5, -1.5]  # 1 + 1 became 0.5 + 3


def test_a_file_is_enough(tmp_path):
    torch.manual_seed(0)
    net = nn.Sequential(nn.Conv2d(1, 3, 3), nn.ReLU(), nn.Flatten(), nn.Linear(3 * 36, 2))
    capture(net, (1, 1, 8, 8)).to_onnx(tmp_path / "net.onnx")
    x = np.random.default_rng(0).standard_normal((1, 8, 8)).astype(np.float32)
    by_file = look.occlusion(tmp_path / "net.onnx", x, channel=0)
    by_module = look.occlusion(open_subject(net, (1, 8, 8)), x, channel=0, batch_size=5)
    np.testing.assert_allclose(by_file.map, by_module.map, atol=1e-5)


def test_agreement_with_captum():
    captum = pytest.importorskip("captum.attr")
    torch.manual_seed(0)
    net = nn.Sequential(nn.Conv2d(2, 3, 3), nn.ReLU(), nn.Flatten(), nn.Linear(3 * 36, 2)).eval()
    x = np.random.default_rng(0).standard_normal((2, 8, 8)).astype(np.float32)
    found = look.occlusion(open_subject(net, (2, 8, 8)), x, channel=1, size=4, stride=2)
    expected = captum.Occlusion(net).attribute(
        torch.from_numpy(x)[None], (2, 4, 4), strides=(2, 2, 2), target=1
    )
    np.testing.assert_allclose(found.map, expected[0, 0].detach().numpy(), atol=1e-5)


def test_a_unit_of_a_map_depends_on_its_field_alone():
    torch.manual_seed(0)
    subject = open_subject(nn.Conv2d(1, 2, 3), (1, 8, 8))
    found = look.occlusion(subject, np.ones((1, 8, 8)), "conv", 1, (2, 3), size=1, stride=1)
    assert found.map.nonzero()[0].min() == 2
    assert found.map.nonzero()[0].max() == 4
    assert found.box == ((2, 5), (3, 6))


def test_what_does_not_fit_is_told():
    subject = open_subject(linear((1, 4, 4)), (1, 1, 4, 4))
    x = np.zeros((1, 4, 4))
    with pytest.raises(OptionError, match="a cover of 5 does not go along an axis of 4"):
        look.occlusion(subject, x, size=5)
    with pytest.raises(OptionError, match=r"size=\(1, 2, 3\) has 3 numbers; give one, or 2"):
        look.occlusion(subject, x, size=(1, 2, 3))
    with pytest.raises(OptionError, match="fill has 2 numbers; give 1, or 1"):
        look.occlusion(subject, x, fill=[0, 1])
    with pytest.raises(OptionError, match="a vector, which has no places to cover"):
        look.occlusion(open_subject(nn.Linear(3, 2), (1, 3)), np.zeros(3))
