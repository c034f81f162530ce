"""All ConvNets of torchvision and 40 of timm, compiled, on small pictures: against float64.

`make sweep` runs this in an environment of its own; without the packages it skips.
"""

from __future__ import annotations

from importlib.util import find_spec
from typing import Any

import pytest
import torch
from torch import nn

from ..engine.agreement import check_plans
from .test_architectures import TORCHVISION, names

pytestmark = [
    pytest.mark.slow,
    pytest.mark.filterwarnings("ignore"),  # of packages that this project does not keep
]

SEGMENTATION = names("""
deeplabv3_mobilenet_v3_large deeplabv3_resnet101 deeplabv3_resnet50 fcn_resnet101 fcn_resnet50
lraspp_mobilenet_v3_large
""")

CONVNETS = [name for name in TORCHVISION if not name.startswith(("maxvit", "swin", "vit"))]

TIMM = names("""
resnet26d resnetv2_50 seresnet50 skresnet18 ecaresnet26t res2net50_26w_4s resnest14d dla34 dpn68
tf_efficientnetv2_b0 mobilenetv4_conv_small mnasnet_100 mixnet_s ghostnet_100 fbnetc_100
hardcorenas_a lcnet_050 regnety_004 repvgg_a0 cspresnet50 cspdarknet53 nf_resnet50 convnext_atto
convnextv2_atto inception_v4 inception_resnet_v2 xception41 vovnet39a hrnet_w18_small selecsls42
tresnet_m gernet_s rexnet_100 mobileone_s0 hgnet_tiny inception_next_tiny fasternet_t0 starnet_s1
rdnet_tiny ese_vovnet19b_dw
""")

SIZES = {
    **dict.fromkeys(("inception_v3", "inception_v4", "inception_resnet_v2"), 107),
    **dict.fromkeys(("alexnet", "densenet121", "squeezenet1_0", "squeezenet1_1"), 96),
}
"""The smallest that fit, or nearly; 64 for all others."""


def check(net: nn.Module, size: int) -> None:
    """Compile a network for every instruction set, and compare."""
    check_plans(net, torch.randn(1, 3, size, size), slack=10)


@pytest.mark.skipif(find_spec("torchvision") is None, reason="torchvision is not installed")
@pytest.mark.parametrize("name", [*CONVNETS, *SEGMENTATION])
def test_torchvision(name: str) -> None:
    from torchvision import models

    options: dict[str, Any] = {"weights": None}
    if name in ("googlenet", "inception_v3"):
        options["init_weights"] = False
    if name in SEGMENTATION:
        options["weights_backbone"] = None
    torch.manual_seed(0)
    check(models.get_model(name, **options).eval(), SIZES.get(name, 64))


@pytest.mark.skipif(find_spec("timm") is None, reason="timm is not installed")
@pytest.mark.parametrize("name", TIMM)
def test_timm(name: str) -> None:
    import timm

    torch.manual_seed(0)
    check(timm.create_model(name).eval(), SIZES.get(name, 64))
