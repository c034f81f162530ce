"""The arithmetic of normalisations."""

from __future__ import annotations

import math

import pytest
import torch
from torch import nn

from striate import OptionError, ShapeError, calc

MAPS = (64, 56, 56)


@pytest.mark.parametrize(
    ("kind", "over", "amount", "means", "parameters", "buffers"),
    [
        ("batch", "N, H, W", 8 * 56 * 56, 64, 128, 129),
        ("layer", "C, H, W", 64 * 56 * 56, 8, 2 * 64 * 56 * 56, 0),
        ("group", "C/G, H, W", 2 * 56 * 56, 8 * 32, 128, 0),
        ("instance", "H, W", 56 * 56, 8 * 64, 0, 0),
    ],
)
def test_what_shares_a_mean(
    kind: str, over: str, amount: int, means: int, parameters: int, buffers: int
) -> None:
    layer = calc.norm(MAPS, kind, batch_size=8)
    assert layer["mean over"] == over
    assert (layer["numbers a mean"], layer["means"]) == (amount, means)
    assert (layer["parameters"], layer["buffers"]) == (parameters, buffers)
    assert amount * means == 8 * math.prod(MAPS)


@pytest.mark.parametrize("shape", [(6,), (6, 5), (6, 5, 4), (6, 2, 3, 4)])
@pytest.mark.parametrize("affine", [None, True, False])
@pytest.mark.parametrize("kind", ["batch", "layer", "group", "instance"])
def test_has_the_parameters_and_buffers_of_torch(
    kind: str, shape: tuple[int, ...], affine: bool | None
) -> None:
    if kind == "instance" and len(shape) == 1:
        pytest.skip("instance norm needs a size")
    ndim = max(len(shape) - 1, 1)
    given = {} if affine is None else {"affine": affine}
    elementwise = {} if affine is None else {"elementwise_affine": affine}
    layer: nn.Module = {
        "batch": lambda: (nn.BatchNorm1d, nn.BatchNorm2d, nn.BatchNorm3d)[ndim - 1](6, **given),
        "layer": lambda: nn.LayerNorm(shape, **elementwise),
        "group": lambda: nn.GroupNorm(3, 6, **given),
        "instance": lambda: (nn.InstanceNorm1d, nn.InstanceNorm2d, nn.InstanceNorm3d)[ndim - 1](
            6, **given
        ),
    }[kind]()
    result = calc.norm(shape, kind, groups=3, affine=affine, batch_size=4)
    assert result["parameters"] == sum(p.numel() for p in layer.parameters())
    assert result["buffers"] == sum(b.numel() for b in layer.buffers())
    assert result["output"] == tuple(layer(torch.rand(4, *shape)).shape)


def test_a_mean_of_one_number_is_warned_of() -> None:
    layer = calc.norm((64, 1, 1), "batch", batch_size=1)
    assert layer["numbers a mean"] == 1
    assert "every output of this batch norm is its bias" in layer.notes[0]
    with pytest.raises(ValueError, match="more than 1 value"):
        nn.BatchNorm2d(64)(torch.zeros(1, 64, 1, 1))


@pytest.mark.parametrize(
    ("shape", "batch_size", "warning"),
    [(MAPS, 1, "with a batch of 1"), ((64, 1, 1), 8, "so each mean is over 8 numbers")],
)
def test_batch_norm_of_little_is_warned_of(
    shape: tuple[int, ...], batch_size: int, warning: str
) -> None:
    assert warning in calc.norm(shape, "batch", batch_size=batch_size).notes[0]


def test_groups_divide_the_channels() -> None:
    with pytest.raises(ShapeError, match=r"groups=32 must divide channels=48. Here groups can be"):
        calc.norm((48, 7, 7), "group")


def test_a_kind_is_known() -> None:
    with pytest.raises(OptionError, match=r"kind='weight' is not known\. Use batch, layer, group"):
        calc.norm((48, 7, 7), "weight")


def test_instance_norm_needs_a_size() -> None:
    with pytest.raises(ShapeError, match="input 6 has 1 number; needed are the channels and 1 to"):
        calc.norm((6,), "instance")
