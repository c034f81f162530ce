"""What computes a run's steps: native kernels where they can, else torch, and why."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch
from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm

from ..errors import StriateError
from ._config import Config

if TYPE_CHECKING:
    from ..engine.train import CompiledModule
    from ..runtime._recipe import Recipe

# What runs in NumPy is some ten times slower than torch: beyond this, torch is the faster one.
_MOST_BYTES, _MOST_MACS = 0.05, 0.01


@dataclass(frozen=True)
class Engine:
    """What computes the net.

    Attributes:
        module: The net, or the net compiled, with the net's own parameters.
        told: Which it is, and why, in a line.
        native: Whether it is compiled.
    """

    module: nn.Module
    told: str
    native: bool = False


def choose_engine(
    config: Config,
    net: nn.Module,
    device: torch.device,
    shapes: Sequence[tuple[int, ...]],
    judged: Sequence[tuple[int, ...]],
    world_size: int = 1,
) -> Engine:
    """Compile a net for training, if it is asked for and possible.

    Args:
        config: Of the run.
        net: In the mode that it trains in; it shares its parameters.
        device: Where it trains.
        shapes: Of the batches it trains on, the most frequent first.
        judged: Of those it is evaluated on.
        world_size: Processes that train together.
    """
    if why := _against(config, net, device, world_size):
        return Engine(net, f"engine: torch, {why}")
    try:
        with torch.random.fork_rng(devices=[]):  # the run's own draws stay as they are
            module, recipe = _compiled(config, net, shapes, judged, world_size)
    except StriateError as error:
        return Engine(net, f"engine: torch, since the net cannot be compiled: {error}")
    slow = _in_numpy(recipe)
    if slow and _is_slow(recipe):
        return Engine(net, f"engine: torch, since native kernels are missing for {slow}")
    told = f"engine: native kernels, {recipe.target}, {_threads(recipe.threads)}"
    return Engine(module, f"{told}{f'; in NumPy: {slow}' if slow else ''}", native=True)


def _against(config: Config, net: nn.Module, device: torch.device, world_size: int) -> str:
    """Why native kernels do not come into question."""
    if config.engine == "torch":
        return "as asked for"
    if device.type != "cpu":
        return f"since it runs on {device}"
    if config.amp:
        return "since amp computes in bfloat16"
    if world_size > 1 and any(isinstance(m, _BatchNorm) for m in net.modules()):
        return "since batch norm takes its statistics over several processes"
    return ""


def _compiled(
    config: Config,
    net: nn.Module,
    shapes: Sequence[tuple[int, ...]],
    judged: Sequence[tuple[int, ...]],
    world_size: int,
) -> tuple[CompiledModule, Recipe]:
    """Compile for all batches to come, so that what cannot be is known before the first step."""
    from .. import engine

    # torchrun gives each process its share of the cores by torch's number.
    threads = config.threads or (torch.get_num_threads() if world_size > 1 else None)
    module = engine.compile(net, shapes[0], threads=threads, train=True)
    module.eval()
    for shape in judged:
        module.prepare(shape, gradients=False)
    module.train()
    first, *_ = [module.prepare(shape) for shape in shapes]
    return module, first.recipe


def _islands(recipe: Recipe) -> list[Any]:
    return [step for step in recipe.steps if step.kind == "island"]


def _in_numpy(recipe: Recipe) -> str:
    """The kinds of operations without a kernel, in words."""
    kinds = Counter(step.op["kind"] for step in _islands(recipe))
    return ", ".join(f"{kind} ({count})" for kind, count in sorted(kinds.items()))


def _is_slow(recipe: Recipe) -> bool:
    """Whether much of the memory traffic, or of the arithmetic, has no kernel."""
    moved, macs = (
        [sum(of(step) for step in steps) for steps in (_islands(recipe), recipe.steps)]
        for of in (lambda s: s.read_bytes + s.written_bytes, lambda s: s.macs)
    )
    return moved[0] > _MOST_BYTES * moved[1] or macs[0] > _MOST_MACS * macs[1]


def _threads(count: int) -> str:
    return f"{count} thread{'s' if count > 1 else ''}"
