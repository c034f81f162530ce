"""torch.nn's layers, those with windows extended; and the layers of LeNet-5 and its descendants.

Every other name of torch.nn is reachable here too, so that `from striate import nn` can stand for
`from torch import nn`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .. import _torch as _torch
from ._blurpool import BlurPool1d as BlurPool1d
from ._blurpool import BlurPool2d as BlurPool2d
from ._blurpool import BlurPool3d as BlurPool3d
from ._conv import Conv1d as Conv1d
from ._conv import Conv2d as Conv2d
from ._conv import Conv3d as Conv3d
from ._conv import DepthwiseSeparableConv1d as DepthwiseSeparableConv1d
from ._conv import DepthwiseSeparableConv2d as DepthwiseSeparableConv2d
from ._conv import DepthwiseSeparableConv3d as DepthwiseSeparableConv3d
from ._conv_transpose import ConvTranspose1d as ConvTranspose1d
from ._conv_transpose import ConvTranspose2d as ConvTranspose2d
from ._conv_transpose import ConvTranspose3d as ConvTranspose3d
from ._convolutionalize import convolutionalize as convolutionalize
from ._layer_norm import LayerNorm as LayerNorm
from ._layer_norm import LayerNorm1d as LayerNorm1d
from ._layer_norm import LayerNorm2d as LayerNorm2d
from ._layer_norm import LayerNorm3d as LayerNorm3d
from ._lenet import RBF as RBF
from ._lenet import ScaledTanh as ScaledTanh
from ._lenet import Subsample2d as Subsample2d
from ._lenet import TableConv2d as TableConv2d
from ._linear import Linear as Linear
from ._norm import BatchNorm1d as BatchNorm1d
from ._norm import BatchNorm2d as BatchNorm2d
from ._norm import BatchNorm3d as BatchNorm3d
from ._norm import GroupNorm as GroupNorm
from ._norm import InstanceNorm1d as InstanceNorm1d
from ._norm import InstanceNorm2d as InstanceNorm2d
from ._norm import InstanceNorm3d as InstanceNorm3d
from ._pool import AvgPool1d as AvgPool1d
from ._pool import AvgPool2d as AvgPool2d
from ._pool import AvgPool3d as AvgPool3d
from ._pool import LPPool1d as LPPool1d
from ._pool import LPPool2d as LPPool2d
from ._pool import LPPool3d as LPPool3d
from ._pool import MaxPool1d as MaxPool1d
from ._pool import MaxPool2d as MaxPool2d
from ._pool import MaxPool3d as MaxPool3d
from ._pool_whole import AdaptiveAvgPool1d as AdaptiveAvgPool1d
from ._pool_whole import AdaptiveAvgPool2d as AdaptiveAvgPool2d
from ._pool_whole import AdaptiveAvgPool3d as AdaptiveAvgPool3d
from ._pool_whole import AdaptiveMaxPool1d as AdaptiveMaxPool1d
from ._pool_whole import AdaptiveMaxPool2d as AdaptiveMaxPool2d
from ._pool_whole import AdaptiveMaxPool3d as AdaptiveMaxPool3d
from ._pool_whole import GlobalAvgPool1d as GlobalAvgPool1d
from ._pool_whole import GlobalAvgPool2d as GlobalAvgPool2d
from ._pool_whole import GlobalAvgPool3d as GlobalAvgPool3d
from ._pool_whole import GlobalMaxPool1d as GlobalMaxPool1d
from ._pool_whole import GlobalMaxPool2d as GlobalMaxPool2d
from ._pool_whole import GlobalMaxPool3d as GlobalMaxPool3d

if TYPE_CHECKING:  # what is not ours is torch's
    from torch.nn import *  # type: ignore[assignment]  # noqa: F403
else:

    def __getattr__(name: str) -> Any:
        import torch.nn

        return getattr(torch.nn, name)

    def __dir__() -> list[str]:
        import torch.nn

        return sorted({*globals(), *dir(torch.nn)})
