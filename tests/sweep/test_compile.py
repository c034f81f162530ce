"""ConvNets of torchvision and 40 of timm, compiled, on small pictures: compared with float64.

`make sweep` runs this in an environment of its own; without the packages it skips.
"""

from __future__ import annotations

from importlib.util import find_spec
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

import striate

from .test_architectures import names

pytestmark = [
    pytest.mark.slow,
    pytest.mark.filterwarnings("ignore"),  # of packages that this project does not keep
]

TORCHVISION = names("""
alexnet convnext_tiny densenet121 efficientnet_b0 efficientnet_v2_s googlenet inception_v3
mnasnet0_5 mobilenet_v2 mobilenet_v3_large mobilenet_v3_small regnet_x_400mf regnet_y_400mf
resnet18 resnet50 resnext50_32x4d shufflenet_v2_x0_5 shufflenet_v2_x1_5 squeezenet1_0
squeezenet1_1 vgg11 vgg16_bn wide_resnet50_2 deeplabv3_resnet50 fcn_resnet50
lraspp_mobilenet_v3_large deeplabv3_mobilenet_v3_large
""")

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


def agrees_with_float64(net: nn.Module, size: int) -> None:
    """Compile a network with lively statistics, and compare."""
    for module in net.modules():
        if isinstance(module, nn.BatchNorm2d) and module.track_running_stats:
            nn.init.uniform_(module.running_mean, -0.1, 0.1)  # type: ignore[arg-type]
            nn.init.uniform_(module.running_var, 0.8, 1.2)  # type: ignore[arg-type]
    x = torch.randn(1, 3, size, size)
    with torch.no_grad():
        plain = _tensors(net(x))
        plans = {
            precision: striate.compile(net, x, threads=2, precision=precision)  # type: ignore[arg-type]
            for precision in ("fast", "exact")
        }
        wanted = _tensors(net.double()(x.double()))
    for precision, share in (("fast", 1e-4), ("exact", 5e-6)):
        found = plans[precision](x.numpy())
        several = found if isinstance(found, tuple) else (found,)
        assert len(several) == len(wanted)
        for ours, theirs, exact in zip(several, plain, wanted, strict=True):
            largest = float(exact.abs().max())
            # Where torch's own float32 is off, too, the network magnifies every rounding.
            allowed = max(share * largest, 10 * float((theirs - exact).abs().max()))
            assert np.abs(ours - exact.numpy()).max() <= allowed, precision


def _tensors(y: Any) -> list[torch.Tensor]:
    if isinstance(y, dict):
        return [t for part in y.values() for t in _tensors(part)]
    return [t for part in y for t in _tensors(part)] if isinstance(y, (tuple, list)) else [y]


@pytest.mark.skipif(find_spec("torchvision") is None, reason="torchvision is not installed")
@pytest.mark.parametrize("name", TORCHVISION)
def test_torchvision(name: str) -> None:
    from torchvision import models

    options: dict[str, Any] = {"weights": None}
    if name in ("googlenet", "inception_v3"):
        options["init_weights"] = False
    if name.startswith(("deeplabv3_", "fcn_", "lraspp_")):
        options["weights_backbone"] = None
    torch.manual_seed(0)
    agrees_with_float64(models.get_model(name, **options).eval(), SIZES.get(name, 64))


@pytest.mark.skipif(find_spec("timm") is None, reason="timm is not installed")
@pytest.mark.parametrize("name", TIMM)
def test_timm(name: str) -> None:
    import timm

    torch.manual_seed(0)
    agrees_with_float64(timm.create_model(name).eval(), SIZES.get(name, 64))
