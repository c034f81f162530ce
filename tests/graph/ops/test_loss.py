"""Cross-entropy and its gradient."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from striate import OptionError, ShapeError
from striate.graph import Graph, Node, TensorType
from striate.graph.gradient import differentiate
from striate.graph.ops import CrossEntropy, CrossEntropyGradient


def test_by_hand() -> None:
    logits = np.log(np.array([[1.0, 3.0], [1.0, 1.0]]))
    (loss,) = CrossEntropy().evaluate(logits, np.array([1, 0]))
    assert loss == pytest.approx(-(np.log(3 / 4) + np.log(1 / 2)) / 2)
    (gx,) = CrossEntropyGradient().evaluate(logits, np.array([1, 0]), np.float64(2))
    np.testing.assert_allclose(gx, [[0.25, -0.25], [-0.5, 0.5]])


@pytest.mark.parametrize("smoothing", [0.0, 0.1, 1.0])
def test_it_is_torchs(smoothing: float) -> None:
    rng = np.random.default_rng(0)
    logits, labels = rng.standard_normal((7, 5)), rng.integers(0, 5, 7)
    x = torch.from_numpy(logits).requires_grad_()
    loss = torch.nn.functional.cross_entropy(x, torch.from_numpy(labels), label_smoothing=smoothing)
    loss.backward()
    assert x.grad is not None
    (found,) = CrossEntropy(smoothing).evaluate(logits, labels)
    assert found == pytest.approx(loss.item(), rel=1e-12)
    (gx,) = CrossEntropyGradient(smoothing).evaluate(logits, labels, np.float64(1))
    np.testing.assert_allclose(gx, x.grad.numpy(), atol=1e-15)


def test_a_graph_with_a_loss_is_differentiated() -> None:
    inputs = {"logits": TensorType((4, 3)), "labels": TensorType((4,), "int64")}
    node = Node("loss", CrossEntropy(0.1), ("logits", "labels"), ("y",))
    training = differentiate(Graph("one", inputs, (node,), ("y",), {}), {"logits"})
    kinds = [node.kind for node in training.graph.nodes]
    assert "cross_entropy_gradient" in kinds


def test_shapes_and_labels_that_do_not_fit_are_refused() -> None:
    with pytest.raises(ShapeError, match="labels from"):
        CrossEntropy().infer(TensorType((4, 3)), TensorType((3,), "int64"))
    for wrong, shown in ((3, "3"), (-100, "-100")):
        with pytest.raises(OptionError, match=rf"labels\[1\] is {shown}; with 3 classes"):
            CrossEntropy().evaluate(np.zeros((2, 3)), np.array([0, wrong]))
