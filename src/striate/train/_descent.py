"""One step of training: the loss of a batch, its gradients, the update."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from ..data import Batch
from ..errors import OptionError, RunError
from ._config import Config
from ._engine import Engine


@dataclass(frozen=True)
class Descent:
    """What takes the steps of a run.

    Attributes:
        config: Of the run.
        net: Whose weights are updated.
        forward: The net as it is called: compiled, or over several processes.
        engine: What computes it.
        optimizer: Of the net's parameters.
        weights: Of the classes, if they do not count alike.
        classes: As many as the data have.
        world_size: Processes that train together.
    """

    config: Config
    net: nn.Module
    forward: nn.Module
    engine: Engine
    optimizer: torch.optim.Optimizer
    weights: Tensor | None
    classes: int
    world_size: int

    def step(
        self, inputs: Tensor, labels: Tensor, batch: Batch, epoch: int
    ) -> tuple[float, Tensor]:
        """Update the weights once; give the loss and the logits from before.

        Args:
            inputs, labels: Of the batch, on the device.
            batch: Where they are from.
            epoch: In which this is.
        Raises:
            OptionError: The net gives no logits of these classes.
            RunError: The loss is no longer a number.
        """
        config = self.config
        if step := self.engine.step:
            value = step.step(inputs, labels)
            self._check_loss(value, batch, epoch)
            return value, step.logits
        self.optimizer.zero_grad(set_to_none=True)
        with torch.autocast(inputs.device.type, torch.bfloat16, enabled=config.amp):
            logits = self._logits(inputs)
        loss = self._loss(logits.float(), labels, batch)
        loss.backward()
        if config.clip_grad:
            nn.utils.clip_grad_norm_(self.net.parameters(), config.clip_grad)
        value = loss.item()
        self._check_loss(value, batch, epoch)
        self.optimizer.step()
        return value, logits

    def _check_loss(self, value: float, batch: Batch, epoch: int) -> None:
        if not math.isfinite(value):
            raise RunError(self._explain_divergence(value, batch, epoch))

    def _logits(self, inputs: Tensor) -> Tensor:
        logits: Tensor = self.forward(inputs)
        if logits.dim() > 2 and logits[0].numel() == logits.shape[1]:
            logits = logits.flatten(1)  # maps of 1x1
        if logits.dim() != 2 or logits.shape[1] != self.classes:
            raise OptionError(
                f"train: {self.config.net} gives {tuple(logits.shape)}; a classifier of "
                f"{self.classes} classes gives (N, {self.classes})."
            )
        return logits

    def _loss(self, logits: Tensor, labels: Tensor, batch: Batch) -> Tensor:
        """Mean over the batch of all processes, so scaled that averaging gradients gives its own.

        Each process sums over its samples, divides by the whole batch's count (or weight) and
        multiplies by the number of processes, by which DistributedDataParallel divides again.
        """
        weights = None if self.weights is None else self.weights.to(logits.device)
        total = nn.functional.cross_entropy(
            logits,
            labels,
            weights,
            reduction="sum",
            label_smoothing=self.config.label_smoothing,
        )
        count = float(batch.global_size)
        if self.weights is not None:
            count = self.weights[batch.global_labels].sum().item()
        return total * (self.world_size / count)

    def _explain_divergence(self, loss: float, batch: Batch, epoch: int) -> str:
        lr = self.optimizer.param_groups[0]["lr"]
        grown = [k for k, p in self.net.named_parameters() if not torch.isfinite(p).all()]
        where = f" The weights {', '.join(grown[:3])} are no longer finite." if grown else ""
        return (
            f"the loss became {loss} in epoch {epoch}, step {batch.step + 1}, at a "
            f"learning rate of {lr:.3g}.{where} Most often the rate is too high: try --lr "
            f"{self.config.lr / 5:.2g}, a longer --warmup-epochs, or --clip-grad 1. If it is the "
            f"first step, look for NaN in the data with `striate data show {self.config.data}`."
        )
