"""The arithmetic of fully connected layers."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from striate import ShapeError, calc


def test_lenet5_f6_as_published() -> None:
    f6 = calc.linear((120,), 84)
    assert f6["parameters"] == f6["connections"] == 10_164
    assert f6["MACs"] == 10_080
    assert f6["weight memory"] == 40_656


def test_a_flattened_map_is_a_convolution_of_its_size() -> None:
    flat, sliding = calc.linear((16, 5, 5), 120), calc.conv((16, 5, 5), 120, 5)
    for label in ("parameters", "MACs", "connections", "units"):
        assert flat[label] == sliding[label]
    assert "120 filters of 16x5x5" in flat.notes[0]


@given(st.integers(1, 9), st.integers(1, 9), st.booleans())
def test_has_the_layers_parameters(inputs: int, outputs: int, bias: bool) -> None:
    layer = torch.nn.Linear(inputs, outputs, bias)
    result = calc.linear((inputs,), outputs, bias=bias, batch_size=3)
    assert result["parameters"] == sum(p.numel() for p in layer.parameters())
    assert result["batch output"] == tuple(layer(torch.zeros(3, inputs)).shape)


def test_features_are_positive() -> None:
    with pytest.raises(ShapeError, match="linear: input 0 has a size of 0"):
        calc.linear((0,), 3)
