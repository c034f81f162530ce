"""Weights that are packed while a plan runs."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from striate import _core

from ...native.steps import aligned
from ..draw import Rng, pick
from ..problem import Operand, Problem
from . import conv, linear


def draw(rng: Rng) -> Problem:
    """For one of the kernels of a convolution or a linear layer: the bits that `pack` makes."""
    targets = dict(_core.targets())
    while True:
        reader, target = pick(rng, conv.draw, linear.draw)(rng), str(pick(rng, *targets))
        attributes: dict[str, Any] = reader.attributes_for(targets[target])
        kernel = str(pick(rng, *_core.candidates(target, reader.kind, attributes)))
        floats = _core.needs(target, reader.kind, kernel, attributes, 1).weight_floats
        if floats:
            break
    packed = aligned(floats)
    packed[:] = math.nan  # what is not written is not read
    weight = np.ascontiguousarray(reader.weight, np.float32)
    _core.pack(target, reader.kind, kernel, attributes, weight, packed)
    return Problem(
        "pack", attributes | {"packs": reader.kind, "packs_for": kernel},
        [Operand(weight.reshape(1, -1))], [Operand(packed.reshape(1, -1), aligned=True)],
        lambda _: 0.0, target=target,
    )  # fmt: skip
