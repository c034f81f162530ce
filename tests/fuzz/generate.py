"""A generator of random problems for each kind of step."""

from __future__ import annotations

from collections.abc import Callable

from .draw import Rng
from .kinds import (
    activation_gradient,
    batch_norm,
    conv,
    conv_weight,
    copy,
    cross_entropy,
    elementwise,
    gather,
    image_conv,
    layout,
    linear,
    matmul,
    norm,
    norm_gradient,
    pack,
    pool,
    pool_gradient,
    prelu_gradient,
    reduce,
    resize,
    softmax_gradient,
    sums,
)
from .problem import Problem

GENERATORS: dict[str, Callable[[Rng], Problem]] = {
    "conv": conv.draw,
    "conv_weight_gradient": conv_weight.draw,
    "pool": pool.draw,
    "norm": norm.draw,
    "elementwise": elementwise.draw,
    "copy": copy.draw,
    "resize": resize.draw,
    "linear": linear.draw,
    "image_conv": image_conv.draw,
    "image_conv_weight_gradient": image_conv.draw_weight,
    "layout": layout.draw,
    "matmul": matmul.draw,
    "reduce": reduce.draw,
    "pack": pack.draw,
    "sums": sums.draw,
    "activation_gradient": activation_gradient.draw,
    "batch_norm": batch_norm.draw,
    "norm_gradient": norm_gradient.draw,
    "pool_gradient": pool_gradient.draw,
    "softmax_gradient": softmax_gradient.draw,
    "cross_entropy": cross_entropy.draw,
    "gather": gather.draw,
    "prelu_gradient": prelu_gradient.draw,
}
