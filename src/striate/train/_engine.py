"""What computes a run's steps: native kernels where they can, else torch, and why."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import torch
from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm

from ..errors import OptionError, StriateError
from ._config import Config, step_bytes

if TYPE_CHECKING:
    from ..engine.train import CompiledModule, TrainStep
    from ..runtime._recipe import Recipe, StepRecipe

# The memory of a fused step stays, and only small nets gain by it.
_SMALL_BYTES = 64 << 20
# What runs in NumPy is some ten times slower than torch: beyond this, torch is the faster one.
_MOST_BYTES, _MOST_MACS = 0.05, 0.01


@dataclass(frozen=True)
class Engine:
    """What computes the net.

    Attributes:
        module: The net, or the net compiled, with the net's own parameters.
        told: Which it is, and why, in a line.
        compiled: The compiled net, if it is.
        shape: Of a full batch.
        step_bytes: Memory of a training step of the compiled net.
        step: What does whole steps, with loss and update, if they are fused.
    """

    module: nn.Module
    told: str
    compiled: CompiledModule | None = None
    shape: tuple[int, ...] = ()
    step_bytes: int = 0
    step: TrainStep | None = None

    def fuse(
        self, config: Config, optimizer: torch.optim.Optimizer, classes: int, world_size: int
    ) -> Engine:
        """Compute loss and update natively as well, where the run allows it and the net is small.

        Args:
            config: Of the run.
            optimizer: Of the net's parameters.
            classes: As many as the data have.
            world_size: Processes that train together.
        """
        plain = not (config.clip_grad or config.class_weights) and world_size == 1
        if self.compiled is None or not plain or self.step_bytes > _SMALL_BYTES:
            return self
        from ..engine import TrainStep

        try:
            with torch.random.fork_rng(devices=[]):
                step = TrainStep(
                    self.compiled, self.shape, optimizer, label_smoothing=config.label_smoothing
                )
                fits = step.prepare(self.shape).logits.shape[1] == classes
        except StriateError:
            return self
        if not fits:  # which the first step tells
            return self
        return replace(self, step=step, told=f"{self.told}, with loss and update fused")


@contextmanager
def one_thread_of_torch(engine: Engine) -> Iterator[None]:
    """Leave the cores to native kernels, if those compute the net.

    torch's threads spin for milliseconds behind each of their operations, such as the update of a
    large layer, on the cores that a kernel wants next.
    """
    before = torch.get_num_threads()
    if engine.compiled is not None:
        torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)


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
    Raises:
        OptionError: `config.checkpoint` is less than a step takes at least, or torch computes it.
    """
    if why := _against(config, net, device, world_size) or (not shapes and "for want of samples"):
        return _by_torch(config, net, why)
    try:
        with torch.random.fork_rng(devices=[]):  # the run's own draws stay as they are
            module, recipe = _compiled(config, net, shapes, judged, world_size)
    except StriateError as error:
        if config.checkpoint is not None and isinstance(error, OptionError):
            raise  # it is too little
        return _by_torch(config, net, f"since the net cannot be compiled: {error}")
    slow = _in_numpy(recipe)
    if slow and _is_slow(recipe):
        return _by_torch(config, net, f"since native kernels are missing for {slow}")
    told = f"engine: native kernels, {recipe.target}, {_threads(recipe.threads)}"
    if config.checkpoint is not None:
        told += f", {4 * recipe.arena_floats / 1e6:.1f} MB a step"
    return Engine(
        module, f"{told}{f' (in NumPy: {slow})' if slow else ''}", module, shapes[0],
        4 * recipe.arena_floats,
    )  # fmt: skip


def _by_torch(config: Config, net: nn.Module, why: str) -> Engine:
    if config.checkpoint is not None:
        raise OptionError(
            f"train: checkpoint={config.checkpoint!r} is about native kernels, and this run is on "
            f"torch, {why.rstrip('.')}. Leave it out, or change that."
        )
    return Engine(net, f"engine: torch, {why}")


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
    module = engine.compile(
        net, shapes[0], threads=threads, train=True, checkpoint=step_bytes(config.checkpoint)
    )
    module.eval()
    for shape in judged:
        module.prepare(shape, gradients=False)
    module.train()
    first, *_ = [module.prepare(shape) for shape in shapes]
    return module, first.recipe


def _islands(recipe: Recipe) -> list[StepRecipe]:
    return [step for step in recipe.steps if step.kind == "island"]


def _in_numpy(recipe: Recipe) -> str:
    """The kinds of operations without a kernel, in words."""
    kinds = Counter(step.op["kind"] for step in _islands(recipe) if step.op)
    return ", ".join(f"{kind} ({count})" for kind, count in sorted(kinds.items()))


def _is_slow(recipe: Recipe) -> bool:
    """Whether much of the memory traffic, or of the arithmetic, has no kernel."""
    islands = _islands(recipe)
    moved, all_moved = _moved(islands), _moved(recipe.steps)
    macs, all_macs = (sum(step.macs for step in steps) for steps in (islands, recipe.steps))
    return moved > _MOST_BYTES * all_moved or macs > _MOST_MACS * all_macs


def _moved(steps: Sequence[StepRecipe]) -> int:
    return sum(step.read_bytes + step.written_bytes for step in steps)


def _threads(count: int) -> str:
    return f"{count} thread{'s' if count > 1 else ''}"
