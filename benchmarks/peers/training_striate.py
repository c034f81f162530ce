"""Striate's own engine, beneath torch's loss and optimizer."""

from __future__ import annotations

import torch

import striate

from ._loaded import Loaded
from ._training import TrainingTask
from .training_torch import set_threads, steps


def load(task: TrainingTask, threads: int) -> Loaded:
    """Compile the module for training; the optimizer is torch's fused one."""
    set_threads(threads)
    module = torch.load(task.module, weights_only=False)
    x = torch.from_numpy(task.input)
    fast = striate.compile(module, x, train=True, threads=threads)
    return steps(task, fast, module, x, fused=True)
