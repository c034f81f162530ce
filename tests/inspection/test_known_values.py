"""Numbers that papers, PyTorch and other people's tools agree on."""

from __future__ import annotations

import math

import pytest
import torch
from torch.utils.flop_counter import FlopCounterMode

from striate import zoo

from .nets import last_sliding, zoo_report

PARAMS_AND_MACS = {
    "alexnet": (61_100_840, 714_188_480),
    "vgg16": (138_357_544, 15_470_264_320),
    "resnet18": (11_689_512, 1_814_073_344),
    "resnet50": (25_557_032, 4_089_184_256),
    "mobilenet_v2": (3_504_872, 300_774_272),
    "efficientnet_b0": (5_288_548, 385_814_752),
    "convnext_tiny": (28_589_128, 4_455_531_264),
    "lenet5": (61_706, 416_520),
}

FIELD_STRIDE_PADDING = {
    "alexnet": (195, 32, 66),
    "vgg16": (212, 32, 90),
    "resnet18": (435, 32, 217),
    "resnet50": (427, 32, 213),
    "mobilenet_v2": (491, 32, 245),
    "convnext_tiny": (1688, 32, 828),
}


LONGER = {"resnet101", "resnet32", "resnet56", "vgg13", "vgg19"}
"""Nets with more of the layers that another has."""


@pytest.mark.parametrize("name", PARAMS_AND_MACS)
def test_parameters_and_multiply_adds_are_the_published_ones(name: str) -> None:
    report = zoo_report(name)
    assert (report.params, report.macs) == PARAMS_AND_MACS[name]
    assert report.unknown == ()


@pytest.mark.parametrize("name", FIELD_STRIDE_PADDING)
def test_receptive_field_stride_and_padding_are_the_published_ones(name: str) -> None:
    row = last_sliding(zoo_report(name))
    assert row.receptive_field is not None
    size, stride, padding = FIELD_STRIDE_PADDING[name]
    assert row.receptive_field == (size, size)
    assert row.jump == (stride, stride)
    assert row.padding == (padding, padding)
    assert row.start == ((size - 1) / 2 - padding,) * 2


@pytest.mark.parametrize(
    "name",
    [pytest.param(n, marks=[pytest.mark.slow] if n in LONGER else []) for n in zoo.list()],
)
def test_every_net_of_the_zoo_counts_as_torch_counts(name: str) -> None:
    report = zoo_report(name)
    with torch.device("meta"):
        net = zoo.create(name).eval()
        x = torch.empty(1, *zoo.info(name).input_shape)
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        net(x)
    assert report.macs == counter.get_total_flops() / 2
    assert report.params == sum(p.numel() for p in net.parameters())
    assert report.unknown == ()
    assert report.unused == {}


@pytest.mark.parametrize("name", ["lenet5", "resnet18", "unet"])
def test_backward_multiply_adds_are_torchs(name: str) -> None:
    # The first layer has no gradient to send further, so it has one product backward, not two.
    # (Of grouped convolutions torch counts the weight gradient without the groups: none here.)
    report = zoo_report(name)
    with torch.device("meta"):
        net = zoo.create(name).train()
        x = torch.empty(1, *zoo.info(name).input_shape)
    with FlopCounterMode(display=False) as counter:
        net(x).sum().backward()
    assert report.macs + report.backward_macs == counter.get_total_flops() / 2


def test_lenet5_of_1998_has_the_papers_connections() -> None:
    report = zoo_report("lenet5_1998")
    connections = [row.connections for row in report if row.connections is not None]
    assert connections == [122_304, 5_880, 151_600, 2_000, 48_120, 10_164, 840]
    assert report.connections == 340_908
    assert report.trainable_params == 60_000
    assert report.padding_connections == 0


def test_units_of_lenet5_of_1998_are_the_papers() -> None:
    # C1 6x28x28, S2 6x14x14, C3 16x10x10, S4 16x5x5, C5 120, F6 84, output 10.
    report = zoo_report("lenet5_1998")
    units = [report[name].units for name in ("c1", "s2", "c3", "s4", "c5", "f6", "output")]
    assert units == [4704, 1176, 1600, 400, 120, 84, 10]


def test_padding_connections_are_counted_apart() -> None:
    # One 3x3 filter with padding 1 on 4x4: 2+3+3+2 = 10 real taps along an axis, of 12.
    from torch import nn

    from striate import inspect

    row = inspect(nn.Conv2d(1, 1, 3, padding=1), (1, 4, 4))["conv"]
    assert row.connections == 10 * 10 + 16  # and a bias for each unit
    assert row.padding_connections == 12 * 12 - 10 * 10


def test_a_global_pooling_makes_the_field_infinite_and_is_named() -> None:
    report = zoo_report("resnet18")
    assert report["fc"].receptive_field == (math.inf, math.inf)
    assert report["fc"].infinite_by == "avgpool"
    assert report["layer4.1.conv2"].infinite_by == ""


def test_lenet5s_last_layers_see_the_whole_input_and_no_more() -> None:
    # C5 is a 5x5 convolution on a 5x5 map: its only unit sees 32x32 of any larger input, too.
    report = zoo_report("lenet5_1998")
    assert report["c5"].receptive_field == (32, 32)
    assert report["output"].receptive_field == (32, 32)
