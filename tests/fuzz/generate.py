"""A generator of random problems for each kind of step."""

from __future__ import annotations

from collections.abc import Callable

from .draw import Rng
from .kinds import (
    conv,
    conv_weight,
    copy,
    elementwise,
    layout,
    linear,
    matmul,
    norm,
    pool,
    reduce,
    resize,
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
    "layout": layout.draw,
    "matmul": matmul.draw,
    "reduce": reduce.draw,
}
