"""The traced calls behind a graph, run again: every value, with torch's gradient."""

import copy

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import nn

from striate import OptionError, capture, zoo


class Tangled(nn.Module):
    """In-place ReLUs by module and by function, one module used twice, two outputs, a view."""

    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(1, 4, 3)
        self.norm = nn.BatchNorm2d(4)
        self.relu = nn.ReLU(inplace=True)
        self.other = nn.Conv2d(4, 4, 3, padding=1)
        self.head = nn.Linear(4, 3)

    def forward(self, x):
        x = self.relu(self.norm(self.conv(x)))
        y = F.max_pool2d(F.relu(self.other(x), inplace=True), 2)
        y += 1
        self.relu(y)
        return self.head(y.mean((2, 3))), y.flatten(1)


@pytest.mark.parametrize(
    ("name", "shape"),
    [("lenet5", (1, 32, 32)), ("resnet20", (3, 32, 32)), ("m5", (1, 8000)), ("unet", (1, 32, 32))],
)
def test_every_value_is_the_graphs_own(name, shape):
    torch.manual_seed(0)
    graph = capture(zoo.create(name).eval(), (1, *shape))
    x = np.random.default_rng(0).standard_normal((2, *shape))
    expected = graph.at((2, *shape)).run(x, every=True)
    values = [node.outputs[0] for node in graph]
    found = graph.source.run([graph.source.cast(x)], values)
    for value in values:
        limit = np.abs(expected[value]).max()
        np.testing.assert_allclose(found[value].numpy(), expected[value], atol=1e-5 * limit + 1e-7)


def test_what_is_written_over_keeps_its_value():
    torch.manual_seed(0)
    graph = capture(Tangled().eval(), (1, 1, 9, 9))
    x = np.random.default_rng(0).standard_normal((1, 1, 9, 9))
    expected = graph.run(x, every=True)
    given = graph.source.cast(x)
    for node in graph:
        alone = graph.source.run([given], node.outputs)[node.outputs[0]]
        np.testing.assert_allclose(alone.numpy(), expected[node.outputs[0]], atol=1e-5)
    together = graph.source.run([given], [n.outputs[0] for n in graph])
    for value, found in together.items():
        np.testing.assert_allclose(found.numpy(), expected[value], atol=1e-5)
    np.testing.assert_array_equal(given.numpy(), x.astype(np.float32))


def test_gradients_are_torchs_own():
    torch.manual_seed(0)
    net = Tangled().eval()
    graph = capture(net, (1, 1, 9, 9))
    x = torch.randn(1, 1, 9, 9, requires_grad=True)
    found = graph.source.run([x], graph.outputs)
    (mine,) = torch.autograd.grad(found[graph.outputs[0]][0, 2], x)
    (expected,) = torch.autograd.grad(net(x)[0][0, 2], x)
    torch.testing.assert_close(mine, expected)


def test_gradients_with_respect_to_a_value_that_is_written_over():
    torch.manual_seed(0)
    net = Tangled().eval()
    graph = capture(net, (1, 1, 9, 9))
    x = torch.randn(1, 1, 9, 9, requires_grad=True)
    found = graph.source.run([x], ["norm", graph.outputs[0]])
    (mine,) = torch.autograd.grad(found[graph.outputs[0]][0, 1], found["norm"])
    normed = net.norm(net.conv(x)).detach().requires_grad_()
    y = F.max_pool2d(F.relu(net.other(F.relu(normed))), 2) + 1
    logits = net.head(F.relu(y).mean((2, 3)))
    (expected,) = torch.autograd.grad(logits[0, 1], normed)
    torch.testing.assert_close(mine, expected)


def test_the_module_is_left_as_it_is():
    net = Tangled().eval()
    graph = capture(net, (1, 1, 9, 9))
    net.train()
    net.norm.eval()
    called = []
    net.conv.register_forward_hook(lambda *given: called.append(given))
    before = copy.deepcopy(net.state_dict())
    modes = [module.training for module in net.modules()]
    x = torch.randn(1, 1, 9, 9, requires_grad=True)
    found = graph.source.run([x], graph.outputs)
    found[graph.outputs[0]].sum().backward()
    assert not called
    assert [module.training for module in net.modules()] == modes
    assert all(weight.grad is None for weight in net.parameters())
    assert all(torch.equal(before[name], now) for name, now in net.state_dict().items())


def test_statistics_are_left_alone_in_training_mode_too():
    net = Tangled().train()
    graph = capture(net, (4, 1, 9, 9))
    before = net.norm.running_mean.clone()
    graph.source.run([torch.randn(4, 1, 9, 9)], graph.outputs)
    assert torch.equal(net.norm.running_mean, before)
    assert net.norm.num_batches_tracked == 0


def test_weights_are_those_of_now():
    net = nn.Linear(2, 1, bias=False)
    graph = capture(net, (1, 2))
    with torch.no_grad():
        net.weight.copy_(torch.tensor([[3.0, 4.0]]))
    assert graph.source.run([torch.ones(1, 2)], graph.outputs)[graph.outputs[0]].item() == 7


def test_relu_can_be_another():
    net = nn.Sequential(nn.Linear(2, 2), nn.ReLU(inplace=True))
    graph = capture(net, (1, 2))
    found = graph.source.run([torch.ones(1, 2)], graph.outputs, relu=torch.ones_like)
    assert found[graph.outputs[0]].tolist() == [[1, 1]]


def test_a_value_that_no_call_makes_is_told():
    graph = capture(nn.Linear(2, 1), (1, 2))
    with pytest.raises(OptionError, match="'nothing' is no value that a call of Linear makes"):
        graph.source.run([torch.ones(1, 2)], ["nothing"])
