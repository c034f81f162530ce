"""The sum behind a unit: worked numbers, every kind of layer against torch, random convolutions."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn
from torch.nn import functional

import striate
from striate import OptionError, capture
from striate.graph import Graph, Node, TensorType
from striate.graph._operation import OPERATIONS
from striate.graph._weight import Weight
from striate.graph.ops import Conv, ConvTranspose, LocalResponseNorm, LpPool
from striate.look import Subject, open_subject
from striate.look._subject import Activations, default_preprocess
from striate.look.sums import unit_sum, why_no_sum
from striate.look.sums._unit_sum import SUMS


def activations(net: nn.Module, x: torch.Tensor) -> Activations:
    """All values of one input, by the graph's float64 reference: no plan is made."""
    graph = capture(net.eval(), tuple(x.shape))
    subject = Subject(graph, default_preprocess(tuple(x.shape[1:]), None, None), (), net)
    values = graph.run(x.numpy(), every=True)
    floats = {name: v.astype(np.float32) for name, v in values.items() if v.dtype.kind == "f"}
    return Activations(subject, x.numpy(), floats)


def check_all(run: Activations, units: int = 40) -> set[str]:
    """Sums of some units of every layer equal the units; gives the kinds that had one."""
    random = np.random.default_rng(0)
    kinds = set()
    for node in run.subject.layers:
        maps = run[node.name]
        scale = np.abs(maps).max() if maps.size else 0
        for number in random.permutation(maps.size)[:units]:
            index = np.unravel_index(number, maps.shape)
            found = unit_sum(run, node.name, index)
            if found is None:
                continue
            kinds.add(node.kind)
            assert found.value == maps[index]
            if node.kind != "activation":
                magnitude = np.abs(found.products).sum() + abs(found.bias or 0)
                tolerance = 1e-6 * max(magnitude, scale) + 1e-30
                total = APPLIED[found.function](found.total)
                assert abs(total - maps[index]) <= tolerance, (node.name, index)
            if found.formula in ("x * w", "x^2"):
                w = found.x if found.formula == "x^2" else found.w
                np.testing.assert_allclose(
                    found.x * w * (1 - found.picks), found.products * (1 - found.picks)
                )
            check_terms(run, found)
    return kinds


APPLIED = {
    "": lambda total: total,
    "1 / total": lambda total: 1 / total,
    "minus its log": lambda total: -np.log(total),
    "log": np.log,
    "square root": np.sqrt,
    "power 1/3": lambda total: total ** (1 / 3),
}
"""What a total goes through."""


def check_terms(run: Activations, found) -> None:
    """Each term names where its number really lies."""
    for source, index, inside, x in zip(
        found.source, found.index, found.inside, found.x, strict=True
    ):
        name = found.sources[source]
        graph = run.subject.graph
        if name in graph.weights:
            continue
        maps = run.input if name in graph.inputs else run.values[name]
        near = index[len(index) - maps.ndim + 1 :]  # of values of other ranks, 0 stands in front
        assert x == (maps[0][tuple(near)] if inside else 0)


def test_a_sum_by_hand():
    net = nn.Sequential(nn.Conv2d(1, 1, 2, padding=1))
    with torch.no_grad():
        net[0].weight.copy_(torch.tensor([[[[1.0, 2.0], [3.0, 4.0]]]]))
        net[0].bias.fill_(0.5)
    run = open_subject(net, (1, 1, 2, 2)).run(np.array([[[10.0, 20.0], [30.0, 40.0]]]))
    corner = unit_sum(run, "0", (0, 0, 1))
    #      weights  1 2   over  padding padding     3*10 + 4*20 + 0.5
    #               3 4         10      20
    assert corner.inside.tolist() == [False, False, True, True]
    assert corner.index.tolist() == [[0, -1, 0], [0, -1, 1], [0, 0, 0], [0, 0, 1]]
    assert corner.offset.tolist() == [[0, 0], [0, 1], [1, 0], [1, 1]]
    assert corner.products.tolist() == [0, 0, 30, 80]
    assert (corner.total, corner.value) == (110.5, 110.5)
    assert corner.largest(1).products.tolist() == [80]


def test_a_maximum_names_its_winner():
    run = open_subject(nn.Sequential(nn.MaxPool2d(2)), (1, 1, 2, 2)).run(
        np.array([[[1.0, -5.0], [3.0, 2.0]]])
    )
    found = unit_sum(run, "0", (0, 0, 0))
    assert found.w.tolist() == [0, 0, 1, 0]
    assert found.total == 3


class Everything(nn.Module):
    """One layer of most kinds there are, in a row."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 8, 3, padding=1, bias=False)
        self.bn = nn.BatchNorm2d(8)
        self.reflect = nn.Conv2d(8, 8, 3, padding=2, padding_mode="reflect", groups=2)
        self.max = nn.MaxPool2d(3, 2, 1, ceil_mode=True)
        self.mean = nn.AvgPool2d(3, 2, 1, ceil_mode=True)
        self.real = nn.AvgPool2d(3, 1, 1, count_include_pad=False)
        self.up = nn.ConvTranspose2d(8, 4, 3, stride=2, padding=1, output_padding=1, groups=2)
        self.prelu = nn.PReLU(4)
        self.group = nn.GroupNorm(2, 4)
        self.layer = nn.LayerNorm(5)
        self.head = nn.Linear(4, 5)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = torch.nn.functional.gelu(self.bn(self.conv(x)))
        x = x + 0.5 * self.reflect(x)[..., 1:-1, 1:-1]
        x = x * torch.sigmoid(x.mean((2, 3), keepdim=True))
        a, b = self.max(x), self.mean(x)
        x = torch.cat([a, b], 1).flip(2)[:, 4:12] - 1.0
        x = self.group(self.prelu(self.up(self.real(x))))
        x = torch.nn.functional.interpolate(x, scale_factor=2.0, mode="bilinear")
        x = torch.nn.functional.pad(x, (1, 0, 0, 2), value=0.25)
        x = torch.nn.functional.pixel_unshuffle(x[..., :-1, :-1], 1)
        x = nn.functional.adaptive_avg_pool2d(x, 3).amax(3)
        return self.layer(self.head(x.flatten(1)[:, :4])).softmax(1)


def test_every_kind_of_layer_gives_its_value():
    torch.manual_seed(1)
    net = Everything()
    for tensor in net.state_dict().values():
        if tensor.is_floating_point():
            tensor.copy_(torch.rand_like(tensor) + 0.1)
    run = activations(net, torch.randn(1, 3, 13, 12))
    kinds = check_all(run)
    assert kinds >= {
        "conv", "batch_norm", "activation", "pad", "binary", "reduce", "max_pool", "avg_pool",
        "concat", "flip", "slice", "conv_transpose", "prelu", "group_norm", "resize",
        "adaptive_pool", "flatten", "linear", "layer_norm", "softmax",
    }  # fmt: skip
    added = next(n for n in run.subject.layers if n.kind == "binary" and n.op.function == "add")
    two = unit_sum(run, added.name, (0, 0, 0))
    assert len(two) == len(two.sources) == 2


class Shares(nn.Module):
    """What is made of all of an axis, of tokens, and of weights that broadcast."""

    def __init__(self) -> None:
        super().__init__()
        self.scale = nn.Parameter(torch.tensor([1.0, 2.0, -3.0, 4.0]).reshape(4, 1, 1))
        self.mixing = nn.Parameter(torch.randn(5, 5))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.scale * x + self.scale - self.scale.sum()
        x = self.scale[:1] - x
        x = torch.maximum(x.abs(), 0.5 / (x.abs() + 1)) ** 1.5
        tokens = x.flatten(2)[..., :5]
        attended = functional.scaled_dot_product_attention(tokens, tokens, 2 * tokens)
        causal = functional.scaled_dot_product_attention(tokens, tokens, tokens, is_causal=True)
        mask = torch.tensor([[True, False, True, True]])
        masked = functional.scaled_dot_product_attention(tokens, tokens, tokens, attn_mask=mask)
        x = attended @ self.mixing + self.mixing[:4] @ causal.transpose(1, 2) @ masked
        x = torch.einsum("bct,bdt->bcd", x, tokens).log_softmax(2).cumsum(1)
        x = torch.where(x > -3, x, -3.0).masked_fill(x > -1, 0.25)
        sizes = x.abs().sum(1), x.square().sum(2), x.norm(dim=2), x.logsumexp(2), x.amin(1)
        return torch.stack(sizes, 1)


def test_attention_softmax_and_weights_that_broadcast():
    torch.manual_seed(2)
    run = activations(Shares(), torch.randn(1, 4, 8, 7))
    kinds = check_all(run)
    assert kinds >= {
        "attention", "matmul", "einsum", "softmax", "cumsum", "where", "reduce", "binary",
    }  # fmt: skip
    assert {node.kind for node in run.subject.layers} == kinds
    scaled = next(node.name for node in run.subject.layers if node.op.describe() == "mul")
    assert unit_sum(run, scaled, (2, 4, 4)).w.tolist() == [-3]


@pytest.mark.parametrize(
    "op",
    [
        LocalResponseNorm(3, alpha=0.5, beta=0.5, k=2.0),
        LpPool((striate.Window(2, stride=2, padding=(0, 1)), striate.Window(3, padding=1)), p=3.0),
        LpPool((striate.Window(3, stride=2), striate.Window(2)), absolute=False),
    ],
    ids=lambda op: op.kind,
)
def test_layers_that_only_onnx_files_have(op):
    x = np.random.default_rng(0).standard_normal((1, 5, 7, 6)).astype(np.float32)
    node = Node("layer", op, ("x",), ("y",))
    graph = Graph("one", {"x": TensorType(x.shape)}, (node,), ("y",), {})
    subject = Subject(graph, default_preprocess(x.shape[1:], None, None))
    values = {"y": graph.run(x)[0].astype(np.float32)}
    assert check_all(Activations(subject, x, values)) == {op.kind}


def test_all_kinds_but_three_have_a_sum():
    made = {"batch_moments", "cross_entropy", "dense_weight", "places"}  # in no network to look at
    made |= {kind for kind in OPERATIONS if kind.endswith("_gradient")}
    assert OPERATIONS.keys() - SUMS.keys() - made == {"fill", "opaque", "arg_reduce"}
    assert "constant" in why_no_sum("fill")


def test_softmax_by_hand():
    run = open_subject(nn.Sequential(nn.Softmax(1)), (1, 3)).run(np.array([0.0, np.log(2), 0.0]))
    found = unit_sum(run, "0", (1,))  # 1 / (exp(0 - log 2) + 1 + exp(0 - log 2)) = 1 / 2
    np.testing.assert_allclose(found.products, [0.5, 1, 0.5], rtol=1e-6)
    assert (found.formula, found.function) == ("exp(x - w)", "1 / total")
    assert found.value == 0.5


@pytest.mark.parametrize("name", ["lenet5_1998", "resnet20"])
def test_units_of_whole_networks_in_the_engines_numbers(name):
    torch.manual_seed(0)
    subject = open_subject(name)
    run = subject.run(np.random.default_rng(0).random(subject.input_shape))
    check_all(run, units=4)


@st.composite
def convolutions(draw):
    """A convolution or a transposed one along 1 to 3 axes, as torch's arguments."""
    axes = draw(st.integers(1, 3))

    def each(low: int, high: int) -> list[int]:
        return draw(st.lists(st.integers(low, high), min_size=axes, max_size=axes))

    kernel, stride, dilation, padding = each(1, 4), each(1, 3), each(1, 3), each(0, 3)
    groups, inside, outside = (draw(st.integers(1, most)) for most in (3, 2, 2))
    extents = [(k - 1) * d + 1 for k, d in zip(kernel, dilation, strict=True)]
    transposed = draw(st.booleans())
    sizes = [e + more for e, more in zip(extents, each(0, 3), strict=True)]
    options = {"stride": stride, "padding": padding, "dilation": dilation, "groups": groups}
    if transposed:
        sizes = [p + 1 + more for p, more in zip(padding, each(1, 3), strict=True)]
        steps = [max(s, d) for s, d in zip(stride, dilation, strict=True)]
        options["output_padding"] = [m % s for m, s in zip(each(0, 2), steps, strict=True)]
    pair = (groups * inside, outside) if transposed else (groups * outside, inside)
    return transposed, (1, groups * inside, *sizes), (*pair, *kernel), options


@settings(max_examples=150, deadline=None, derandomize=True)
@given(convolutions(), st.booleans(), st.integers(0, 1000))
def test_any_convolutions_sum_is_torchs_value(problem, biased, seed):
    transposed, shape, weights, options = problem
    generator = torch.Generator().manual_seed(seed)
    x, w = (torch.randn(size, generator=generator) for size in (shape, weights))
    made = weights[1] * options["groups"] if transposed else weights[0]
    b = torch.randn(made, generator=generator) if biased else None
    axes = len(shape) - 2
    call = getattr(functional, f"conv_transpose{axes}d" if transposed else f"conv{axes}d")
    expected = call(x.double(), w.double(), None if b is None else b.double(), **options)[0].numpy()
    run = one_layer(transposed, x, w, b, options, expected)
    for number in np.random.default_rng(seed).permutation(expected.size)[:5]:
        index = np.unravel_index(number, expected.shape)
        found = unit_sum(run, "conv", index)
        size = np.abs(found.products).sum() + abs(found.bias or 0)
        assert abs(found.total - expected[index]) <= 1e-6 * size + 1e-12
        check_terms(run, found)


def one_layer(transposed, x, w, b, options, y) -> Activations:
    """A graph of one layer, put together by hand: capturing takes long."""
    numbers = (options[name] for name in ("stride", "dilation", "padding"))
    windows = tuple(
        striate.Window(k, stride=s, dilation=d, padding=p)
        for k, s, d, p in zip(w.shape[2:], *numbers, strict=True)
    )
    op = Conv(windows, options["groups"])
    if transposed:
        op = ConvTranspose(windows, tuple(options["output_padding"]), options["groups"])
    arrays = {"w": w.numpy(), **({} if b is None else {"b": b.numpy()})}
    graph = Graph(
        "one",
        {"x": TensorType(tuple(x.shape))},
        (Node("conv", op, ("x", *arrays), ("y",)),),
        ("y",),
        {name: Weight(name, TensorType(a.shape), a) for name, a in arrays.items()},
    )
    subject = Subject(graph, default_preprocess(tuple(x.shape[1:]), None, None))
    return Activations(subject, x.numpy(), {"y": y[None].astype(np.float32)})


@pytest.mark.parametrize("mode", ["reflect", "replicate", "circular"])
def test_padding_that_repeats_pixels(mode):
    torch.manual_seed(0)
    net = nn.Sequential(nn.Conv2d(2, 3, 3, padding=(2, 1), padding_mode=mode, stride=2))
    assert check_all(activations(net, torch.randn(1, 2, 5, 6))) == {"conv", "pad"}


def test_no_such_unit():
    run = open_subject("lenet5").run(np.zeros((1, 32, 32)))
    with pytest.raises(OptionError, match="no unit"):
        unit_sum(run, "c1", (6, 0, 0))
    with pytest.raises(OptionError, match="no unit"):
        unit_sum(run, "c1", (0,))


def test_same_padding_with_a_stride():
    torch.manual_seed(0)
    net = nn.Sequential(striate.nn.Conv2d(2, 3, 4, stride=3, padding="same"))
    check_all(activations(net, torch.randn(1, 2, 8, 7)))
