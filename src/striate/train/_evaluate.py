"""How well a net does on a part of the data."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from ..data import Batches
from ..errors import DataError


@dataclass(frozen=True)
class Evaluation:
    """The outcome on one part of the data.

    Attributes:
        loss: Mean cross-entropy, in nats, without smoothing or class weights.
        accuracy: Share of the samples whose largest logit is the right one.
        logits: (N, classes), in the data's order.
        labels: (N,).
    """

    loss: float
    accuracy: float
    logits: Tensor
    labels: Tensor


@torch.no_grad()
def evaluate(net: nn.Module, batches: Batches, device: torch.device | str = "cpu") -> Evaluation:
    """Run a net over data in their own order, in evaluation mode; its mode is put back after.

    Raises:
        DataError: There are no samples.
    Example:
        >>> from striate import data, zoo
        >>> digits = data.load("digits", input_shape=(1, 32, 32))
        >>> evaluate(zoo.lenet5(), digits.batches(digits.test, 64)).logits.shape
        torch.Size([..., 10])
    """
    if not len(batches.dataset):
        raise DataError("evaluate: the data hold no samples.")
    was_training = net.training
    net.eval()
    try:
        logits = [net(batch.inputs.to(device)).float().cpu() for batch in batches.epoch()]
    finally:
        net.train(was_training)
    labels = batches.dataset.labels
    every = torch.cat(logits).flatten(1)
    loss = nn.functional.cross_entropy(every.double(), labels).item()
    accuracy = (every.argmax(1) == labels).double().mean().item()
    return Evaluation(loss, accuracy, every, labels)
