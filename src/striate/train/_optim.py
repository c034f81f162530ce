"""Optimizers, learning-rate schedules as functions of the step, and the moving average."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from ._config import Config


def make_optimizer(net: nn.Module, config: Config) -> torch.optim.Optimizer:
    """Make the optimizer; only weights of two or more axes decay, not biases and norms."""
    trained = [p for p in net.parameters() if p.requires_grad]
    groups = [
        {"params": [p for p in trained if p.dim() > 1], "weight_decay": config.weight_decay},
        {"params": [p for p in trained if p.dim() <= 1], "weight_decay": 0.0},
    ]
    groups = [group for group in groups if group["params"]]
    if config.optimizer == "sgd":
        nesterov = config.momentum > 0
        return torch.optim.SGD(groups, config.lr, config.momentum, nesterov=nesterov)
    kind = torch.optim.Adam if config.optimizer == "adam" else torch.optim.AdamW
    return kind(groups, config.lr)


def lr_factor(schedule: str, step: int, total: int, warmup: int) -> float:
    """Give the learning rate at a step as a part of the largest.

    'cosine': linear up to 1 in `warmup` steps, then (1 + cos(pi*t)) / 2 with t from 0 to 1.
    'onecycle': from 1/25 up to 1 in 30 % of the steps and down to 1/10000, both along a cosine.
    'constant': linear up to 1 in `warmup` steps, then 1.

    Args:
        step: From 0 to total - 1.
        total, warmup: In steps.
    Example:
        >>> [round(lr_factor("cosine", step, 8, 2), 3) for step in range(8)]
        [0.5, 1.0, 1.0, 0.933, 0.75, 0.5, 0.25, 0.067]

    Source: Loshchilov and Hutter 2016, arXiv:1608.03983; Smith and Topin 2017, arXiv:1708.07120.
    """
    if schedule == "onecycle":
        rise = 0.3 * total
        if step < rise:
            return _cosine(1 / 25, 1, step / rise)
        return _cosine(1, 1e-4, (step - rise) / (total - rise))
    if step < warmup:
        return (step + 1) / warmup
    return 1.0 if schedule == "constant" else _cosine(1, 0, (step - warmup) / (total - warmup))


def _cosine(start: float, stop: float, part: float) -> float:
    return stop + (start - stop) * (1 + math.cos(math.pi * part)) / 2


class MovingAverage:
    """Keep an exponential moving average of a network's weights; its buffers are copied.

    The decay starts low, min(decay, (1 + t) / (10 + t)) after t updates, so that the average
    forgets the random start.

    Args:
        net: The network to follow.
        decay: Part of the old average that stays at each update.
    Source: Polyak and Juditsky 1992; the rising decay is TensorFlow's.
    """

    def __init__(self, net: nn.Module, decay: float) -> None:
        self.decay, self.updates = decay, 0
        self.state = {k: v.detach().clone() for k, v in net.state_dict().items()}

    @torch.no_grad()
    def update(self, net: nn.Module) -> None:
        """Take one step's weights in."""
        self.updates += 1
        decay = min(self.decay, (1 + self.updates) / (10 + self.updates))
        parameters = dict(net.named_parameters())
        for key, value in net.state_dict().items():
            if key in parameters:
                self.state[key].lerp_(value, 1 - decay)
            else:
                self.state[key].copy_(value)


def class_weights(config: Config, labels: Tensor, num_classes: int) -> Tensor | None:
    """Give the loss's weight of each class: None, as listed, or inverse to its frequency.

    'balanced' is n / (classes * n_c), so that the mean over the training data is 1.
    """
    if config.class_weights is None:
        return None
    if config.class_weights == "balanced":
        counts = torch.bincount(labels, minlength=num_classes).clamp(min=1)
        return len(labels) / (num_classes * counts.float())
    return torch.tensor(config.class_weights, dtype=torch.float32)
