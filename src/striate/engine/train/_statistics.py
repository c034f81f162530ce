"""Running statistics of batch norms, kept up to date as torch does."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _NormBase

from ...graph import Graph
from ...graph.gradient import Moments


class Statistics:
    """The batch norms of a model by the names of their running means.

    Args:
        model: The model.
        graph: What was captured of it.
    """

    def __init__(self, model: nn.Module, graph: Graph) -> None:
        norms = {
            id(module.running_mean): module
            for module in model.modules()
            if isinstance(module, _NormBase) and module.running_mean is not None
        }
        self._norms = {
            name: norms[id(weight.source)]
            for name, weight in graph.weights.items()
            if id(weight.source) in norms
        }

    @torch.no_grad()
    def update(self, moments: Sequence[Moments], values: Sequence[Tensor]) -> None:
        """Take a batch into account.

        running = (1 - momentum) * running + momentum * of the batch, the variance divided by one
        less than the count; without a momentum the mean over all batches.

        Args:
            moments: What each pair of values is of.
            values: Mean and variance in turn.
        """
        shares: dict[float, tuple[list[Tensor], list[Tensor]]] = {}
        for told, mean, variance in zip(moments, values[::2], values[1::2], strict=True):
            norm = self._norms.get(told.running_mean or "")
            if norm is None:
                continue
            buffers = norm._buffers  # by the module's own attributes each would take microseconds
            running_mean, running_var = buffers["running_mean"], buffers["running_var"]
            if running_mean is None or running_var is None:
                continue
            share, tracked = norm.momentum, buffers["num_batches_tracked"]
            if tracked is not None:
                tracked.add_(1)
                if share is None:
                    share = 1 / float(tracked)
            assert share is not None
            running, batch = shares.setdefault(share, ([], []))
            running += running_mean, running_var
            batch += mean, variance * (told.count / max(told.count - 1, 1))
        for share, (running, batch) in shares.items():
            torch._foreach_lerp_(running, batch, share)
