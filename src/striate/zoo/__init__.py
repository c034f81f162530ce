"""Networks: LeNet-5 and its descendants, one family a file, built with fresh weights."""

from __future__ import annotations

from .. import _torch as _torch
from ._registry import NetInfo as NetInfo
from ._registry import create as create
from ._registry import info as info
from ._registry import list as list
from .alexnet import alexnet as alexnet
from .c3d import c3d_small as c3d_small
from .convnext import convnext_tiny as convnext_tiny
from .efficientnet import efficientnet_b0 as efficientnet_b0
from .lenet import lenet5 as lenet5
from .lenet import lenet5_1998 as lenet5_1998
from .m5 import m5 as m5
from .mobilenet import mobilenet_v1 as mobilenet_v1
from .mobilenet import mobilenet_v2 as mobilenet_v2
from .nin import nin as nin
from .resnet import resnet18 as resnet18
from .resnet import resnet20 as resnet20
from .resnet import resnet32 as resnet32
from .resnet import resnet34 as resnet34
from .resnet import resnet50 as resnet50
from .resnet import resnet56 as resnet56
from .resnet import resnet101 as resnet101
from .resnet import resnext50_32x4d as resnext50_32x4d
from .unet import unet as unet
from .vgg import vgg11 as vgg11
from .vgg import vgg13 as vgg13
from .vgg import vgg16 as vgg16
from .vgg import vgg19 as vgg19
