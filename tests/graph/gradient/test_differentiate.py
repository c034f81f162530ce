"""One graph for a step: what its inputs and outputs are, and what costs nothing."""

from __future__ import annotations

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

import striate
from striate import GraphError, OptionError
from striate.graph import Graph, Node, TensorType, ops
from striate.graph.gradient import differentiate
from striate.zoo.convnext import StochasticDepth

from .agreement import check, one_node


def net_of(forward: object, **weights: Tensor) -> nn.Module:
    """A module of a function of its inputs, `inputs_0` and so on, and of weights by keyword."""

    class Net(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            for name, value in weights.items():
                self.register_parameter(name, nn.Parameter(value))

        def forward(self, *inputs: Tensor) -> object:
            return forward(*inputs, **dict(self.named_parameters()))  # type: ignore[operator]

    return Net()


def small_net() -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(2, 3, 3, padding=1, bias=False),
        nn.BatchNorm2d(3),
        nn.ReLU(inplace=True),
        nn.MaxPool2d(2),
        nn.Flatten(),
        nn.Dropout(0.25),
        nn.Linear(27, 4),
    )


def test_a_product_by_hand() -> None:
    # y = sum of w*x: the gradient of w is gy*x, that of x is gy*w.
    graph = striate.capture(net_of(lambda x, w: (x * w).sum(1), w=torch.tensor([2.0, 3.0])), (1, 2))
    training = differentiate(graph, ["w", "inputs_0"])
    y, gw, gx = training.graph.run(np.array([[5.0, 7.0]]), np.array([2.0, 3.0]), np.array([10.0]))
    assert (y.tolist(), gw.tolist(), gx.tolist()) == ([31], [50, 70], [[20, 30]])


def test_inputs_and_outputs_are_in_order() -> None:
    training = check(small_net().train(), torch.randn(3, 2, 6, 6))
    graph, (mask,), (norm,) = training.graph, training.masks, training.moments
    assert training.weights == ("0.weight", "1.weight", "1.bias", "6.weight", "6.bias")
    assert training.output_gradients == ("grad.6",)
    assert list(graph.inputs) == ["input", *training.weights, mask.value, "grad.6"]
    assert graph.outputs == ("6", norm.mean, norm.variance, *training.gradients)
    assert not graph.weights
    assert (mask.value, mask.node, mask.p) == ("mask.5", "5", 0.25)
    assert (norm.node, norm.count) == ("1", 3 * 36)
    assert (norm.running_mean, norm.running_var) == ("1.running_mean", "1.running_var")


def test_the_forward_pass_comes_first() -> None:
    training = check(small_net().train(), torch.randn(3, 2, 6, 6))
    assert [node.kind for node in training.graph.nodes[: training.forward]] == [
        "conv", "batch_moments", "batch_norm", "max_pool", "activation", "flatten", "binary",
        "linear",
    ]  # fmt: skip


def test_a_weight_s_gradient_comes_before_the_data_s() -> None:
    training = check(small_net().train(), torch.randn(3, 2, 6, 6))
    kinds = [node.kind for node in training.graph.nodes[training.forward :]]
    assert kinds == [
        "reduce", "permute", "matmul", "matmul",  # linear: bias, weight, data
        "binary", "reshape", "activation_gradient", "max_places_gradient", "batch_norm_gradient",
        "conv_weight_gradient", "conv_transpose",
    ]  # fmt: skip


def test_moments_are_those_that_torch_keeps() -> None:
    net, x = nn.BatchNorm2d(3, momentum=1.0).double().train(), torch.randn(4, 3, 2, 5).double()
    training = differentiate(striate.capture(net, x), ["weight"])
    (norm,) = training.moments
    _, mean, variance, _ = training.graph.run(x.numpy(), np.ones(3), np.zeros(3), np.ones_like(x))
    net(x)
    unbiased = variance * norm.count / (norm.count - 1)
    np.testing.assert_allclose(mean, net.running_mean, rtol=1e-12)
    np.testing.assert_allclose(unbiased, net.running_var, rtol=1e-12)


def test_statistics_of_eval_mode_are_inputs() -> None:
    training = check(small_net().eval(), torch.randn(3, 2, 6, 6))
    assert "1.running_var" in training.weights
    assert not training.moments
    assert not training.masks


@pytest.mark.parametrize(
    ("wanted", "kinds"),
    [
        (["6.bias"], ["reduce"]),
        (["6.weight"], ["permute", "matmul"]),
        (["1.bias"], ["matmul", "reshape", "activation_gradient", "max_places_gradient",
                      "batch_norm_gradient"]),
        ([], []),
    ],
)  # fmt: skip
def test_what_is_frozen_costs_nothing(wanted: list[str], kinds: list[str]) -> None:
    graph = striate.capture(small_net().eval(), (3, 2, 6, 6))
    training = differentiate(graph, wanted)
    assert [node.kind for node in training.graph.nodes[training.forward :]] == kinds
    assert training.output_gradients == (("grad.6",) if wanted else (None,))


def test_frozen_parts() -> None:
    net = small_net().eval()
    net[6].requires_grad_(False)
    check(net, torch.randn(3, 2, 6, 6))
    check(net, torch.randn(3, 2, 6, 6), wanted=["0.weight"])
    check(net, torch.randn(3, 2, 6, 6), wanted=["1.weight", "input"])


def test_shared_modules_and_tied_weights() -> None:
    class Tied(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.conv = nn.Conv2d(3, 3, 3, padding=1)
            self.norm = nn.BatchNorm2d(3)
            self.other = nn.Conv2d(3, 3, 3, padding=1)
            self.other.weight = self.conv.weight

        def forward(self, x: Tensor) -> Tensor:
            x = self.norm(self.conv(x)).tanh()
            return self.other(self.norm(self.conv(x)).sigmoid())

    training = check(Tied().train(), torch.randn(2, 3, 5, 4))
    assert [norm.running_mean for norm in training.moments] == ["norm.running_mean"] * 2


def test_several_outputs_that_are_read_inside() -> None:
    def forward(x: Tensor, w: Tensor) -> object:
        a = F.conv2d(x, w).relu()
        b = a * 2 + a
        return a, b.mean((2, 3)), b

    check(net_of(forward, w=torch.randn(4, 3, 3, 3)), torch.randn(2, 3, 6, 5))


def test_an_output_that_is_an_input_or_comes_twice() -> None:
    check(net_of(lambda x, w: (x, x * w, w), w=torch.randn(3)), torch.randn(2, 3))
    graph = striate.capture(net_of(lambda x, w: x + w, w=torch.randn(2, 3)), (2, 3))
    twice = Graph("twice", graph.inputs, graph.nodes, graph.outputs * 2, graph.weights)
    training = differentiate(twice, ["inputs_0", "w"])
    assert training.output_gradients == ("grad.add", "grad.add:2")
    gy = np.arange(6.0).reshape(2, 3)
    *_, gx, gw = training.graph.run(np.ones((2, 3)), np.ones((2, 3)), gy, 10 * gy)
    np.testing.assert_array_equal(gx, 11 * gy)
    np.testing.assert_array_equal(gw, 11 * gy)


def test_each_gradient_is_a_value_of_its_own() -> None:
    training = check(net_of(lambda x, w: x + w, w=torch.randn(2, 3)), torch.randn(2, 3))
    names = [*training.gradients, *training.graph.inputs]
    assert len(set(names)) == len(names)


def test_what_no_output_needs_has_no_gradient() -> None:
    def forward(x: Tensor, w: Tensor, unused: Tensor) -> Tensor:
        return x * w

    net = net_of(forward, w=torch.randn(3), unused=torch.randn(3))
    training = check(net, torch.randn(2, 3), wanted=["w", "unused"])
    assert training.gradients[1] is None


def test_an_output_that_nobody_reads_counts_as_zero() -> None:
    def forward(x: Tensor, w: Tensor) -> Tensor:
        first, _, third = (x * w).split((2, 3, 1), 1)
        best, _ = F.max_pool1d(third[None] + first[None, :, :1], 1, return_indices=True)
        return best

    check(net_of(forward, w=torch.randn(6)), torch.randn(2, 6))


def test_whole_numbers_have_no_gradient() -> None:
    def forward(x: Tensor, index: Tensor, w: Tensor) -> object:
        y = (x * w).index_select(1, index)
        return y, y.argmax(1), y > 0

    net = net_of(forward, w=torch.randn(5))
    training = check(net, torch.randn(2, 5), torch.tensor([4, 0, 4]))
    assert training.output_gradients[1:] == (None, None)
    with pytest.raises(OptionError, match="inputs_1"):
        differentiate(striate.capture(net, torch.randn(2, 5), torch.tensor([1])), ["inputs_1"])


def test_in_place_operations_are_followed() -> None:
    def forward(x: Tensor, w: Tensor) -> Tensor:
        y = x * w
        z = y + 1
        z.mul_(y).add_(2)
        return F.relu(z, inplace=True) * z

    check(net_of(forward, w=torch.randn(4)), torch.randn(3, 4))


def test_masks_have_the_shape_of_what_falls_together() -> None:
    class Dropped(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            x = F.dropout(x * 2, 0.3, self.training)
            return F.dropout2d(x, 0.4, self.training) * x

    training = check(Dropped().train(), torch.randn(3, 4, 2, 5))
    shapes = [training.graph.types[mask.value].shape for mask in training.masks]
    assert shapes == [(3, 4, 2, 5), (3, 4, 1, 1)]


def test_a_dropout_of_nothing_has_no_mask() -> None:
    assert not check(nn.Dropout(0.0).train(), torch.randn(3, 4)).masks


def test_stochastic_depth_drops_samples() -> None:
    net = nn.Sequential(nn.Conv2d(2, 2, 1), StochasticDepth(0.4)).train()
    training = check(net, torch.randn(9, 2, 3, 3))
    (mask,) = training.masks
    assert training.graph.types[mask.value].shape == (9, 1, 1, 1)
    assert not check(net.eval(), torch.randn(9, 2, 3, 3)).masks


def test_a_dropout_to_another_number_is_not_taken_for_one() -> None:
    net = nn.Sequential(nn.Linear(3, 3), nn.AlphaDropout(0.4))
    assert check(net.eval(), torch.randn(2, 3)).gradients[0] is not None
    with pytest.raises(GraphError, match=r"'1'.*alpha_dropout"):
        differentiate(striate.capture(net.train(), (2, 3)), ["0.weight"])


def test_a_detached_value_counts_as_a_constant() -> None:
    def forward(x: Tensor, w: Tensor, v: Tensor) -> Tensor:
        y = x * w
        return y.detach() * y + v.detach() * x

    net = net_of(forward, w=torch.randn(3), v=torch.randn(3))
    assert check(net, torch.randn(2, 3)).gradients[1] is None


class Blocks(nn.Module):
    """Code with and without gradients, in all ways that torch has."""

    def __init__(self) -> None:
        super().__init__()
        self.w, self.v = (nn.Parameter(torch.randn(3)) for _ in range(2))

    @torch.no_grad()
    def frozen(self, x: Tensor) -> Tensor:
        return x * self.w

    def forward(self, x: Tensor) -> Tensor:
        with torch.no_grad():
            y = (x * self.w).tanh()
            with torch.enable_grad():
                z = y * self.v
        with torch.set_grad_enabled(not self.training):
            z = z + x * self.v
        return z * self.w + self.frozen(z)


@pytest.mark.parametrize("train", [True, False])
def test_code_without_gradients_counts_as_constant(train: bool) -> None:
    assert torch.is_grad_enabled()
    check(Blocks().train(train), torch.randn(2, 3))
    assert torch.is_grad_enabled()


def test_sizes_that_follow_the_input() -> None:
    net = net_of(lambda x, w: (x * w).view(x.shape[0] * 2, -1), w=torch.randn(4))
    training = differentiate(striate.capture(net, (2, 4)).at((6, 4)), ["w"])
    *_, gw = training.graph.run(np.ones((6, 4)), np.ones(4), np.ones((12, 2)))
    assert gw.tolist() == [6, 6, 6, 6]


def test_an_unknown_operation_is_named() -> None:
    def forward(x: Tensor, w: Tensor) -> Tensor:
        return torch.linalg.inv(x * w) + w

    graph = striate.capture(net_of(forward, w=torch.randn(3)), (1, 3, 3))
    with pytest.raises(GraphError, match="linalg_inv"):
        differentiate(graph, ["w"])


def test_an_unknown_operation_that_is_frozen_is_no_obstacle() -> None:
    def forward(x: Tensor, w: Tensor) -> Tensor:
        return torch.linalg.inv(x) * w

    graph = striate.capture(net_of(forward, w=torch.randn(3)), (1, 3, 3))
    assert differentiate(graph, ["w"]).gradients != (None,)


def test_sizes_that_are_not_known_are_refused() -> None:
    nodes = (
        Node("a", ops.Opaque("mystery"), ("x",), ("a",)),
        Node("b", ops.Binary("mul"), ("a", "v"), ("b",)),
    )
    kinds = {"x": TensorType((2,)), "v": TensorType((2,))}
    with pytest.raises(GraphError, match="'a': the sizes of what mystery gives"):
        differentiate(Graph("unknown", kinds, nodes, ("b",), {}), ["v"])


def test_a_second_derivative_is_refused() -> None:
    graph = one_node(ops.SoftmaxGradient(1), np.ones((2, 3)), np.ones((2, 3)))
    with pytest.raises(GraphError, match="softmax_gradient"):
        differentiate(graph, ["in0"])


def test_names_that_are_taken_are_not_taken_again() -> None:
    nodes = (
        Node("grad.y", ops.Activation("tanh"), ("x",), ("grad.y",)),
        Node("y", ops.Activation("exp"), ("grad.y",), ("y",)),
    )
    graph = Graph("names", {"x": TensorType((2,), "float64")}, nodes, ("y",), {})
    training = differentiate(graph, ["x"])
    assert training.output_gradients == ("grad.y:2",)
    _, gx = training.graph.run(np.array([0.5, 1.0]), np.ones(2))
    tanh = np.tanh([0.5, 1.0])
    np.testing.assert_allclose(gx, np.exp(tanh) * (1 - tanh**2))
