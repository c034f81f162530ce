"""Compare plans of a network with its float64 numbers, in every instruction set."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch import nn

import striate
from striate import _core

SHARES = {"fast": 1e-4, "exact": 5e-6}
"""What `striate.compile` promises: how far off an output may be, by its largest number."""

_FORCED = os.environ.get("STRIATE_ISA", "")
TARGETS = [_FORCED] if _FORCED else [name for name, _ in _core.targets()]


def liven(net: nn.Module) -> None:
    """Give batch norms statistics that do something."""
    for module in net.modules():
        if isinstance(module, nn.modules.batchnorm._BatchNorm) and module.track_running_stats:
            nn.init.uniform_(module.running_mean, -0.1, 0.1)  # type: ignore[arg-type]
            nn.init.uniform_(module.running_var, 0.8, 1.2)  # type: ignore[arg-type]


def settle(net: nn.Module, x: torch.Tensor) -> None:
    """Give batch norms the statistics of what they meet, with which each magnifies errors."""
    norms = [m for m in net.modules() if isinstance(m, nn.modules.batchnorm._BatchNorm)]
    for norm in norms:
        norm.momentum = 1.0
    with torch.no_grad():
        net.train()(x)


def check_plans(
    net: nn.Module,
    x: torch.Tensor,
    *,
    targets: Sequence[str] = TARGETS,
    slack: float = 0,
    settled: bool = False,
) -> None:
    """Compile a network in all precisions for each instruction set, and compare.

    Args:
        net: The network; it is in float64 afterwards.
        x: Its input.
        targets: Instruction sets.
        slack: How many times as far off as torch's own float32 numbers a plan may be, where that is
            more: a network may magnify every rounding.
        settled: Whether batch norms keep the statistics that they have; else they get some.
    Raises:
        AssertionError: A plan is further off than is promised.
    """
    if not settled:
        liven(net)
    net.eval()
    graph = striate.capture(net, x)
    with torch.no_grad():
        plain = tensors(net(x))
        wanted = [y.numpy() for y in tensors(net.double()(x.double()))]
    rounding = [np.abs(a.numpy() - b).max() for a, b in zip(plain, wanted, strict=True)]
    for target in targets:
        for precision, share in SHARES.items():
            plan = striate.compile(graph, threads=2, isa=target, precision=precision)  # type: ignore[arg-type]
            found = tensors(plan(x.numpy()))
            for ours, exact, error in zip(found, wanted, rounding, strict=True):
                assert ours.shape == exact.shape
                off, largest = np.abs(ours - exact).max(), np.abs(exact).max()
                assert off <= max(share * largest, slack * error), (
                    f"{precision} on {target}: off by {off / largest:.3g} of the largest number; "
                    f"torch's float32 by {error / largest:.3g}"
                )


def tensors(y: Any) -> list[Any]:
    """The outputs of a network in order, whatever holds them."""
    if isinstance(y, dict):
        return [t for part in y.values() for t in tensors(part)]
    return [t for part in y for t in tensors(part)] if isinstance(y, (tuple, list)) else [y]
