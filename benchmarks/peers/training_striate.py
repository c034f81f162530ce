"""Striate's own engine: beneath torch's loss and optimizer, and as one native step."""

from __future__ import annotations

import torch

import striate
from striate.engine import TrainStep

from ._loaded import Loaded
from ._training import LEARNING_RATE, MOMENTUM, TrainingTask
from .training_torch import set_threads, steps


def load(task: TrainingTask, threads: int, variant: str) -> Loaded:
    """Compile the module for training.

    torch gets one thread for its loss and update: more would spin behind each of its operations,
    on the cores that Striate's threads want next.

    Args:
        variant: "optimizer" (torch's fused one) or "step" (`TrainStep`).
    """
    set_threads(1)
    module = torch.load(task.module, weights_only=False)
    x, labels = torch.from_numpy(task.input), torch.from_numpy(task.labels)
    if variant == "optimizer":
        fast = striate.compile(module, x, train=True, threads=threads)
        return steps(task, fast, module, x, fused=True)
    optimizer = torch.optim.SGD(module.parameters(), LEARNING_RATE, MOMENTUM)
    step = TrainStep(module, x, optimizer, threads=threads)

    def read(loss: float) -> object:  # the momenta of the first step are its gradients
        momenta = {n: optimizer.state[p]["momentum_buffer"] for n, p in module.named_parameters()}
        return task.flatten(loss, momenta)

    return Loaded(lambda: step.step(x, labels), read)
