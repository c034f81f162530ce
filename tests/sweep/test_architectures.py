"""Every classification network of torchvision and 49 of timm: counted as torch counts them.

`make sweep` runs this in an environment of its own; without the packages it skips.
"""

from __future__ import annotations

import warnings
from importlib.util import find_spec
from typing import Any

import pytest
import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from striate import inspect
from striate.inspection import Report

pytestmark = [
    pytest.mark.slow,
    pytest.mark.filterwarnings("ignore"),  # of packages that this project does not keep
]


def names(words: str) -> list[str]:
    """Take a list of names from a text."""
    return words.split()


TORCHVISION = names("""
alexnet convnext_base convnext_large convnext_small convnext_tiny densenet121 densenet161
densenet169 densenet201 efficientnet_b0 efficientnet_b1 efficientnet_b2 efficientnet_b3
efficientnet_b4 efficientnet_b5 efficientnet_b6 efficientnet_b7 efficientnet_v2_l efficientnet_v2_m
efficientnet_v2_s googlenet inception_v3 maxvit_t mnasnet0_5 mnasnet0_75 mnasnet1_0 mnasnet1_3
mobilenet_v2 mobilenet_v3_large mobilenet_v3_small regnet_x_16gf regnet_x_1_6gf regnet_x_32gf
regnet_x_3_2gf regnet_x_400mf regnet_x_800mf regnet_x_8gf regnet_y_128gf regnet_y_16gf
regnet_y_1_6gf regnet_y_32gf regnet_y_3_2gf regnet_y_400mf regnet_y_800mf regnet_y_8gf resnet101
resnet152 resnet18 resnet34 resnet50 resnext101_32x8d resnext101_64x4d resnext50_32x4d
shufflenet_v2_x0_5 shufflenet_v2_x1_0 shufflenet_v2_x1_5 shufflenet_v2_x2_0 squeezenet1_0
squeezenet1_1 swin_b swin_s swin_t swin_v2_b swin_v2_s swin_v2_t vgg11 vgg11_bn vgg13 vgg13_bn vgg16
vgg16_bn vgg19 vgg19_bn vit_b_16 vit_b_32 vit_h_14 vit_l_16 vit_l_32 wide_resnet101_2
wide_resnet50_2
""")

TIMM = names("""
resnet26d resnetv2_50 seresnet50 skresnet18 ecaresnet26t res2net50_26w_4s resnest14d densenet121
dla34 dpn68 efficientnet_b0 tf_efficientnetv2_b0 mobilenetv3_large_100 mobilenetv4_conv_small
mnasnet_100 mixnet_s ghostnet_100 fbnetc_100 hardcorenas_a lcnet_050 regnety_004 repvgg_a0
cspresnet50 cspdarknet53 darknet53 nfnet_f0 nf_resnet50 convnext_atto convnextv2_atto inception_v4
inception_resnet_v2 xception41 vovnet39a hrnet_w18_small selecsls42 tresnet_m gernet_s rexnet_100
mobileone_s0 hgnet_tiny edgenext_xx_small focalnet_tiny_srf inception_next_tiny fasternet_t0
starnet_s1 rdnet_tiny ese_vovnet19b_dw pvt_v2_b0 poolformer_s12
""")

FIELDS = {  # torchvision's: size, stride, padding of the last map before the head
    "alexnet": (195, 32, 66),
    "vgg16": (212, 32, 90),
    "resnet18": (435, 32, 217),
    "resnet50": (427, 32, 213),
    "mobilenet_v2": (491, 32, 245),
    "convnext_tiny": (1688, 32, 828),
}


def same_counts(net: nn.Module, size: int) -> Report:
    """Report on a network and compare its parameters and multiply-adds with torch's."""
    net = net.to("meta").eval()
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        net(torch.empty(1, 3, size, size, device="meta"))
    report = inspect(net, (1, 3, size, size))
    assert report.unknown == ()
    assert report.params == sum(p.numel() for p in net.parameters())
    assert report.macs == counter.get_total_flops() / 2
    return report


@pytest.mark.skipif(find_spec("torchvision") is None, reason="torchvision is not installed")
@pytest.mark.parametrize("name", TORCHVISION)
def test_torchvision(name: str) -> None:
    from torchvision import models

    options: dict[str, Any] = {"weights": None}
    if name in ("googlenet", "inception_v3"):
        options["init_weights"] = False
    # RegNet computes its widths with tensors when it is built, which needs a real device.
    device = "cpu" if name.startswith("regnet") else "meta"
    with torch.device(device), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        net = models.get_model(name, **options)
    report = same_counts(net, 299 if name == "inception_v3" else 224)
    if name in FIELDS:
        row = [row for row in report.rows if row.jump and row.jump[0] is not None][-1]
        assert row.receptive_field is not None
        assert row.jump is not None
        assert row.padding is not None
        assert (row.receptive_field[0], row.jump[0], row.padding[0]) == FIELDS[name]


@pytest.mark.skipif(find_spec("timm") is None, reason="timm is not installed")
@pytest.mark.parametrize("name", TIMM)
def test_timm(name: str) -> None:
    import timm

    with torch.device("meta"):
        net = timm.create_model(name)
    same_counts(net, net.default_cfg["input_size"][-1])
