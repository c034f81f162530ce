"""Networks without maps, without layers, with several inputs, or with what is not known."""

from __future__ import annotations

import pytest
import torch
from torch import nn

import striate
from striate.graph import Graph, Node, TensorType
from striate.graph.ops.activation import Activation
from striate.graph.ops.special import Opaque
from striate.inspection.advice import advise

from .helpers import report_on


class _Attention(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.patches = nn.Conv2d(3, 16, 4, 4)
        self.queries, self.keys = nn.Linear(16, 16), nn.Linear(16, 16)
        self.head = nn.Linear(16, 10)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        tokens = self.patches(x).flatten(2).transpose(1, 2)
        weights = (self.queries(tokens) @ self.keys(tokens).transpose(1, 2)).softmax(-1)
        return self.head((weights @ tokens).mean(1))


class _Pair(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.image, self.vector = nn.Conv2d(3, 8, 3), nn.Linear(5, 8)

    def forward(self, image: torch.Tensor, vector: torch.Tensor) -> torch.Tensor:
        return self.image(image).mean((2, 3)) + self.vector(vector)


@pytest.mark.parametrize(
    ("net", "shape"),
    [
        (nn.Sequential(nn.Linear(8, 8), nn.ReLU(), nn.Linear(8, 2)), (1, 8)),
        (nn.Identity(), (1, 3, 8, 8)),
        (nn.ReLU(), (3,)),
        (nn.Conv3d(3, 8, 3, padding="same"), (1, 3, 8, 8, 8)),
        (nn.Upsample(scale_factor=2), (1, 3, 8, 8)),
        (_Attention(), (1, 3, 32, 32)),
    ],
)
@pytest.mark.parametrize("training", [False, True])
def test_advice_never_fails(net: nn.Module, shape: tuple[int, ...], training: bool) -> None:
    assert all(a.finding for a in report_on(net, *shape, training=training).advice)


def test_two_inputs() -> None:
    report = striate.inspect(_Pair().eval(), [(1, 3, 8, 8), (1, 5)])
    assert {a.rule for a in report.advice} == {"field-smaller-than-input"}


def test_what_is_not_known_is_passed_over() -> None:
    graph = Graph(
        "odd",
        {"x": TensorType((1, 3, 8, 8))},
        (
            Node("first", Opaque("mystery"), ("x",), ("first",)),
            Node("relu", Activation("relu"), ("first",), ("relu",)),
        ),
        ("relu",),
        {},
    )
    assert advise(striate.inspect(graph)) == ()
