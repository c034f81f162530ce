"""Gradients of a unit, saliency, back-projection and Grad-CAM: by hand, by autograd, by captum."""

import copy
import warnings

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import nn

from striate import OptionError, capture, look, zoo
from striate.look._gradient import input_gradient
from striate.look._subject import open_subject


class Tiny(nn.Module):
    """In-place ReLUs, a module used twice, two outputs."""

    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(2, 4, 3)
        self.relu = nn.ReLU(inplace=True)
        self.other = nn.Conv2d(4, 4, 3)
        self.pool = nn.MaxPool2d(2)
        self.head = nn.Linear(4 * 4, 3)

    def forward(self, x):
        x = self.relu(self.conv(x))
        x = self.pool(self.relu(self.other(x)))
        return self.head(x.flatten(1)), x


@pytest.fixture(scope="module")
def tiny():
    torch.manual_seed(0)
    net = Tiny().eval()
    return net, open_subject(net, (2, 8, 8))


def image(seed=0, shape=(2, 8, 8)):
    return np.random.default_rng(seed).standard_normal(shape).astype(np.float32)


def test_saliency_of_a_linear_network_is_its_weight():
    net = nn.Sequential(nn.Flatten(), nn.Linear(2 * 3 * 3, 4))
    subject = open_subject(net, (1, 2, 3, 3))
    found = look.saliency(subject, image(shape=(2, 3, 3)), channel=1)
    weight = net[1].weight[1].detach().numpy().reshape(2, 3, 3)
    np.testing.assert_allclose(found.gradient, weight)
    np.testing.assert_allclose(found.map, np.abs(weight).max(0))


def test_the_strongest_class_is_taken_by_default(tiny):
    net, subject = tiny
    x = image()
    logits = net(torch.from_numpy(x)[None])[0][0].detach().numpy()
    found = look.saliency(subject, x)
    assert found.target.channel == logits.argmax()
    assert found.target.value == pytest.approx(logits.max(), rel=1e-5)


@pytest.mark.parametrize("layer", ["conv", "other", "relu", "pool", "head"])
def test_a_units_gradient_is_autograds(tiny, layer):
    net, subject = tiny
    x = torch.from_numpy(image(1))[None].requires_grad_()
    conv = net.conv(x)
    other = net.other(F.relu(conv))
    pool = F.max_pool2d(F.relu(other), 2)
    value = {
        "conv": conv, "relu": F.relu(conv), "other": other, "pool": pool,
        "head": net.head(pool.flatten(1)),
    }[layer][0]  # fmt: skip
    index = (2,) if layer == "head" else (2, 1, 1)
    (expected,) = torch.autograd.grad(value[index], x)
    found = input_gradient(subject, x.detach(), layer, index[0], index[1:])
    np.testing.assert_allclose(found, expected[0].numpy(), atol=1e-6)


def test_every_output_can_be_asked(tiny):
    _, subject = tiny
    assert look.saliency(subject, image(), "pool", 1).target.layer == "pool"
    assert look.saliency(subject, image()).target.layer == "head"


def test_a_gradient_stays_in_the_units_box(tiny):
    _, subject = tiny
    found = look.saliency(subject, np.abs(image(2)) + 1, "other", 0, (1, 2))
    (y0, y1), (x0, x1) = found.box
    assert (y0, y1, x0, x1) == (1, 6, 2, 7)
    outside = found.map.copy()
    outside[y0:y1, x0:x1] = 0
    assert not outside.any()
    assert found.map.any()


def test_the_module_is_left_exactly_as_found(tiny):
    net, subject = tiny
    net.train()
    net.pool.eval()
    called = []
    hook = net.conv.register_forward_hook(lambda *given: called.append(given))
    modes = [m.training for m in net.modules()]
    before = copy.deepcopy(net.state_dict())
    look.saliency(subject, image())
    look.back_project(subject, image(), rule="guided")
    look.grad_cam(subject, image(), "other")
    hook.remove()
    assert not called
    assert [m.training for m in net.modules()] == modes
    assert all(w.grad is None and w.requires_grad for w in net.parameters())
    assert all(torch.equal(before[k], v) for k, v in net.state_dict().items())
    assert not any(m._forward_hooks or m._backward_hooks for m in net.modules())
    net.eval()


def test_gradients_may_be_turned_off_outside(tiny):
    _, subject = tiny
    with torch.no_grad():
        assert look.saliency(subject, image()).map.any()


def test_a_one_dimensional_network():
    torch.manual_seed(0)
    net = nn.Sequential(nn.Conv1d(1, 3, 5, stride=2), nn.ReLU(inplace=True), nn.Conv1d(3, 2, 3))
    subject = open_subject(net, (1, 40))
    found = look.saliency(subject, image(shape=(1, 40)), "2", 1, (4,))
    assert found.map.shape == (40,)
    assert found.map.nonzero()[0].min() >= 8
    assert found.box == ((8, 17),)
    assert look.grad_cam(subject, image(shape=(1, 40)), "0").map.shape == (40,)


def test_a_file_has_no_gradients(tmp_path, tiny):
    net, _ = tiny
    capture(net, (1, 2, 8, 8)).to_onnx(tmp_path / "net.onnx")
    subject = open_subject(tmp_path / "net.onnx")
    for function in (look.saliency, look.back_project, look.grad_cam):
        with pytest.raises(OptionError, match="comes from a file without its torch module"):
            function(subject, image())


def test_what_is_not_there_is_told(tiny):
    _, subject = tiny
    with pytest.raises(OptionError, match="there is no channel 7; it has 3"):
        look.saliency(subject, image(), channel=7)
    with pytest.raises(OptionError, match=r"conv: there is no place \(6, 0\) in its map of 6x6"):
        look.saliency(subject, image(), "conv", 0, (6, 0))
    with pytest.raises(OptionError, match=r"there is no unit \(0, 1\)"):
        input_gradient(subject, image(), "conv", 0, (1,))
    with pytest.raises(OptionError, match="rule='other' is not one of 'gradient', 'deconv'"):
        look.back_project(subject, image(), rule="other")
    with pytest.raises(OptionError, match="is no set of maps"):
        look.grad_cam(subject, image(), "head")
    with pytest.raises(OptionError, match="does not depend on 'pool'"):
        look.grad_cam(subject, image(), "pool", of="conv")


# Back-projection ----------------------------------------------------------------------------------


def test_rules_by_hand():
    """One unit y = relu(a) - relu(b), a = x0 - x1, b = x1, z = y through a last ReLU.

    At x = (3, 1): a = 2, b = 1, both above 0; y = 1, so z = 1. Back from z = 1 comes a signal of 1;
    at a it is 1, at b -1. The gradient: (1, -1 - 1) = (1, -2). Deconv cuts the -1 at b: (1, -1).
    """
    first = nn.Linear(2, 2, bias=False)
    second = nn.Linear(2, 1, bias=False)
    with torch.no_grad():
        first.weight.copy_(torch.tensor([[1.0, -1.0], [0.0, 1.0]]))
        second.weight.copy_(torch.tensor([[1.0, -1.0]]))
    net = nn.Sequential(first, nn.ReLU(inplace=True), second, nn.ReLU())
    subject = open_subject(net, (1, 2))
    x = np.array([3.0, 1.0])
    signals = {
        rule: look.back_project(subject, x, rule=rule).signal.tolist()
        for rule in ("gradient", "deconv", "guided")
    }
    assert signals == {"gradient": [1, -2], "deconv": [1, -1], "guided": [1, -1]}
    assert look.back_project(subject, x).relus == 2


def test_deconv_goes_through_dead_units_and_guided_does_not():
    """y = relu(-x) * 1, read by a linear unit: at x = 2 the ReLU is dead."""
    net = nn.Sequential(nn.Linear(1, 1, bias=False), nn.ReLU(), nn.Linear(1, 1))
    with torch.no_grad():
        net[0].weight.fill_(-1)
        net[2].weight.fill_(3)
        net[2].bias.fill_(1)  # so that the unit has a value of 1 to send back
    subject = open_subject(net, (1, 1))
    for rule, expected in [("gradient", 0), ("deconv", -3), ("guided", 0)]:
        assert look.back_project(subject, np.array([2.0]), rule=rule).signal.tolist() == [expected]


@pytest.mark.parametrize("rule", ["deconv", "guided"])
def test_rules_agree_with_captum(rule):
    captum = pytest.importorskip("captum.attr")
    torch.manual_seed(0)
    net = nn.Sequential(
        nn.Conv2d(2, 4, 3), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(4, 4, 3), nn.ReLU(),
        nn.Flatten(), nn.Linear(4, 3),
    ).eval()  # fmt: skip
    x = image(3)
    found = look.back_project(open_subject(net, (2, 8, 8)), x, channel=1, rule=rule)
    method = captum.Deconvolution if rule == "deconv" else captum.GuidedBackprop
    given = torch.from_numpy(x)[None].requires_grad_()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # captum tells of its hooks
        expected = method(net).attribute(given, target=1).detach()[0].numpy()
    np.testing.assert_allclose(found.signal, expected * found.target.value, atol=1e-6)


def test_without_relus_all_rules_are_the_gradient_times_the_value():
    torch.manual_seed(0)
    net = nn.Sequential(nn.Conv2d(2, 4, 3), nn.Tanh(), nn.Conv2d(4, 2, 3))
    subject = open_subject(net, (2, 8, 8))
    found = look.back_project(subject, image(4), "2", 1)
    gradient = look.saliency(subject, image(4), "2", 1).gradient
    np.testing.assert_allclose(found.signal, gradient * found.target.value, rtol=1e-5, atol=1e-7)
    assert found.relus == 0


# Grad-CAM -----------------------------------------------------------------------------------------


def test_grad_cam_of_a_pooled_network_is_its_class_activation_map():
    """Behind a global average pool of P places the weight of map k is w[c,k] / P: CAM itself."""
    torch.manual_seed(0)
    convs = nn.Sequential(nn.Conv2d(2, 5, 3, padding=1), nn.ReLU(inplace=True))
    net = nn.Sequential(convs, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(5, 3))
    subject = open_subject(net, (2, 8, 8))
    x = image(5)
    with torch.no_grad():
        maps = convs(torch.from_numpy(x)[None])[0].numpy()
    weight = net[3].weight[2].detach().numpy()
    found = look.grad_cam(subject, x, "0.1", 2)
    cam = np.maximum(np.tensordot(weight, maps, 1), 0) / 64
    np.testing.assert_allclose(found.coarse, cam, atol=1e-6)
    np.testing.assert_allclose(found.map, found.coarse)  # its units stand on the pixels
    np.testing.assert_allclose(found.weights, weight / 64, rtol=1e-5)


def test_grad_cam_agrees_with_captum(tiny):
    captum = pytest.importorskip("captum.attr")
    torch.manual_seed(0)
    net = nn.Sequential(nn.Conv2d(2, 4, 3), nn.ReLU(), nn.Flatten(), nn.Linear(144, 3)).eval()
    x = image(6)
    found = look.grad_cam(open_subject(net, (2, 8, 8)), x, "1", 0)
    method = captum.LayerGradCam(lambda given: net(given), net[1])
    given = torch.from_numpy(x)[None]
    expected = method.attribute(given, target=0, relu_attributions=True)[0, 0].detach().numpy()
    np.testing.assert_allclose(found.coarse, expected, atol=1e-6)


def test_the_last_maps_are_taken_by_default(tiny):
    _, subject = tiny
    assert look.grad_cam(subject, image()).layer == "pool"


def test_maps_lie_on_the_centres_of_fields():
    """Two convolutions of 3 with stride 2: unit i's field has its centre at pixel 3 + 4i."""
    net = nn.Sequential(nn.Conv2d(1, 1, 3, stride=2), nn.Conv2d(1, 1, 3, stride=2))
    subject = open_subject(net, (1, 15, 15))
    from striate.look._geometry import onto_input

    values = np.arange(9.0).reshape(3, 3)
    laid = onto_input(values, subject, "1")
    np.testing.assert_allclose(laid[3::4, 3::4], values)
    assert laid[3, 5] == 0.5  # half-way between the centres 3 and 7
    assert laid[0, 0] == 0  # before the first centre: the first unit's value


# A residual network -------------------------------------------------------------------------------


def test_functional_layers_of_a_residual_network():
    torch.manual_seed(0)
    net = zoo.create("resnet20").eval()
    subject = open_subject(net, (3, 32, 32))
    added = [n.name for n in subject.graph if n.name.endswith("add")]
    x = image(7, (3, 32, 32))
    found = look.saliency(subject, x, added[0], 2, (5, 6))
    block = net.get_submodule(subject.graph[added[0]].path)
    values = []
    given = torch.from_numpy(x)[None].requires_grad_()
    hook = block.register_forward_pre_hook(lambda m, inputs: values.append(inputs[0]))
    net(given)
    hook.remove()
    (start,) = values
    before = block.bn2(block.conv2(F.relu(block.bn1(block.conv1(start))))) + start
    (expected,) = torch.autograd.grad(before[0, 2, 5, 6], given)
    np.testing.assert_allclose(found.gradient, expected[0].numpy(), atol=1e-5)
