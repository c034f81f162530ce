"""Dropout, constants, LeNet-5's own layers, and operations that are not known."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from striate import Window, nn
from striate.errors import OptionError, ShapeError
from striate.graph import Connections, TensorType
from striate.graph.ops import RBF, Dropout, Fill, Opaque, Subsample

from . import checks
from .checks import drawn, signed

FOURS = (Window(2, stride=2), Window(2, stride=2))


def test_coefficient_times_sum_by_hand() -> None:
    x = np.array([[[[1.0, 2], [3, 4]]]])
    (y,) = Subsample(FOURS).evaluate(x, np.array([0.5]), np.array([1.0]))
    assert y.tolist() == [[[[6]]]]


def test_distances_by_hand() -> None:
    (y,) = RBF().evaluate(np.array([[1.0, 0]]), np.array([[1.0, 1], [-1, 1]]))
    assert y.tolist() == [[-1, -5]]


@pytest.mark.parametrize(("C", "n", "expected"), [(6, 28, 5880), (16, 10, 2000)])
def test_connections_of_lenet5(C: int, n: int, expected: int) -> None:
    given = (TensorType((1, C, n, n)), TensorType((C,)), TensorType((C,)))  # S2, S4
    op = Subsample(FOURS)
    assert op.connections(given, op.infer(*given)) == Connections(expected)


@pytest.mark.parametrize("shape", [(2, 3, 6, 7), (0, 3, 4, 4)])
def test_subsampling_is_the_layers(shape: tuple[int, ...]) -> None:
    layer = nn.Subsample2d(3, 2).double()
    weight, bias = layer.weight.detach().numpy(), layer.bias.detach().numpy()
    checks.agree(Subsample(FOURS), lambda x, *_: layer(x).detach(), signed(*shape), weight, bias)
    small = torch.randn(2, 3, 6, 7)
    layer = layer.float()
    kept = checks.torch_saved_bytes(
        lambda x, *_: layer(x), small.requires_grad_(), layer.weight, layer.bias
    )
    assert kept == checks.saved_bytes(Subsample(FOURS), small, layer.weight, layer.bias)


@pytest.mark.parametrize("shape", [(2, 4), (2, 4, 3), (2, 4, 2, 3), (0, 4)])
def test_distances_are_the_layers(shape: tuple[int, ...]) -> None:
    prototypes = signed(5, 4)
    layer = nn.RBF(4, 5, torch.from_numpy(prototypes), dtype=torch.float64)
    checks.agree(RBF(), lambda x, _: layer(x), signed(*shape), prototypes)
    if not shape[0]:
        return
    run: Any = lambda x, _: layer(x)  # noqa: E731
    macs, connections = checks.costs(RBF(), signed(*shape), prototypes)
    assert macs == checks.torch_macs(run, signed(*shape), prototypes)
    assert connections
    assert connections.real == macs
    x = torch.randn(shape, requires_grad=True)
    layer = layer.float()
    assert checks.saved_bytes(RBF(), x, layer.prototypes) == checks.torch_saved_bytes(
        run, x, layer.prototypes
    )


def test_outputs_read_what_the_reach_says() -> None:
    checks.check_reach(Subsample(FOURS), drawn(2, 2, 4, 5), drawn(2), drawn(2))
    checks.check_reach(RBF(), drawn(2, 3, 2), drawn(4, 3))
    checks.check_reach(Dropout(), drawn(2, 3))


def test_dropout_in_eval_mode_hands_on() -> None:
    x = signed(2, 3)
    assert Dropout().evaluate(x)[0] is x
    assert Dropout(p=0, training=True).evaluate(x)[0] is x
    assert Dropout().view
    assert not Dropout(training=True).view


def test_dropout_in_train_mode_is_random() -> None:
    with pytest.raises(OptionError, match=r"p=0.5 is switched on.*net.eval\(\)"):
        Dropout(training=True).evaluate(signed(2, 3))


@pytest.mark.parametrize("p", [0.0, 0.3, 1.0])
@pytest.mark.parametrize("training", [False, True])
def test_torch_keeps_a_mask(p: float, training: bool) -> None:
    x = torch.randn(2, 4, 6, 5)
    op = Dropout(p, training=training)
    checks.check_saved(op, lambda x: F.dropout(x, p, training), x)
    op = Dropout(p, "channel", training)
    checks.check_saved(op, lambda x: F.dropout2d(x, p, training), x)


def test_stochastic_depth_keeps_a_number_a_sample() -> None:
    def run(x: Any) -> Any:
        noise = torch.empty(len(x), 1, 1).bernoulli_(0.5).div_(0.5)
        return x * noise

    checks.check_saved(Dropout(0.5, "sample", True), run, torch.randn(3, 4, 5))


def test_constants() -> None:
    assert Fill((2, 2), 3.0).evaluate()[0].tolist() == [[3, 3], [3, 3]]
    assert Fill((4,), 1, "int64", step=2).evaluate()[0].tolist() == [1, 3, 5, 7]
    assert Fill((3,), 0.5, step=-0.25).evaluate()[0].tolist() == [0.5, 0.25, 0]
    assert Fill((), 1, "bool").infer() == (TensorType((), "bool"),)
    assert Fill((2,), dtype="bfloat16").infer() == (TensorType((2,), "bfloat16"),)
    assert Fill((2,), dtype="bfloat16").evaluate()[0].dtype == np.float32


def test_what_is_not_known_says_so() -> None:
    op = Opaque("aten.fft_rfft2", (((1, 3), "float32"), None))
    x = TensorType((1, 3))
    assert op.infer(x) == (TensorType((1, 3)), None)
    assert op.describe() == "aten.fft_rfft2"
    assert op.macs((x,), (x,)) is None
    assert op.saved((x,), (x,)) is None
    assert op.connections((x,), (x,)) is None
    with pytest.raises(OptionError, match=r"aten.fft_rfft2 is not an operation that Striate knows"):
        op.evaluate(signed(1, 3))


@pytest.mark.parametrize(
    ("op", "given", "words"),
    [
        (Subsample(FOURS), ((1, 6, 28, 28), (16,)), "6 channels; the layer was built for 16"),
        (Subsample(FOURS), ((1, 6, 1, 28),), "2x2 does not fit a map of 1x28"),
        (RBF(), ((1, 80), (10, 84)), "80 features or channels; the prototypes have 84"),
        (RBF(), ((80,), (10, 84)), "has no features"),
    ],
)
def test_misfits_are_told(op: Any, given: tuple[tuple[int, ...], ...], words: str) -> None:
    with pytest.raises(ShapeError, match=words):
        op.infer(*map(TensorType, given))
