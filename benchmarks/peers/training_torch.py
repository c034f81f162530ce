"""PyTorch: a step of training, eager in both layouts, with the fused optimizer, and compiled."""

from __future__ import annotations

import torch
from torch import nn
from torch.nn import functional as F

from ._loaded import Loaded
from ._training import LEARNING_RATE, MOMENTUM, TrainingTask
from .torch_module import opened


def load(task: TrainingTask, threads: int, variant: str) -> Loaded:
    """Train the module.

    Args:
        variant: "eager" (NCHW, the optimizer as it comes), "channels_last" (NHWC, not for signals),
            "fused" (eager with `SGD(fused=True)`) or "compiled" (that with `torch.compile`).
    """
    set_threads(threads)
    module, x = opened(task, channels_last=variant == "channels_last")
    called = torch.compile(module) if variant == "compiled" else module
    return steps(task, called, module, x, fused=variant in ("fused", "compiled"))


def set_threads(threads: int) -> None:
    """Take so many, and none besides."""
    torch.set_num_threads(threads)
    torch.set_num_interop_threads(1)


def steps(
    task: TrainingTask, called: nn.Module, module: nn.Module, x: torch.Tensor, *, fused: bool
) -> Loaded:
    """Step by step with torch's loss and optimizer.

    Args:
        task: Whose labels and parameters count.
        called: Computes the logits.
        module: Holds the parameters.
        x: The batch.
        fused: Whether the optimizer is the fused one.
    """
    labels = torch.from_numpy(task.labels)
    rates = {"lr": LEARNING_RATE, "momentum": MOMENTUM}
    optimizer = torch.optim.SGD(module.parameters(), **rates, fused=fused or None)

    def run() -> torch.Tensor:
        optimizer.zero_grad()
        loss = F.cross_entropy(called(x), labels)
        loss.backward()
        optimizer.step()
        return loss.detach()

    def read(loss: torch.Tensor) -> object:
        gradients = {name: p.grad for name, p in module.named_parameters()}
        return task.flatten(loss, gradients)

    return Loaded(run, read)
