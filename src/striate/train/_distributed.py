"""Training in several processes: who is who, and batch norm over all of them.

`torchrun` sets RANK, WORLD_SIZE and LOCAL_RANK. Gradients are averaged by torch's
DistributedDataParallel; what is added here makes that average equal to one process's gradient.
"""

from __future__ import annotations

import datetime
import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

TIMEOUT = datetime.timedelta(minutes=10)


def rank() -> int:
    """Give this process's number; 0 writes the files."""
    return int(os.environ.get("RANK", 0))


def world_size() -> int:
    """Give the number of processes that train together."""
    return int(os.environ.get("WORLD_SIZE", 1))


@contextmanager
def process_group(device: torch.device) -> Iterator[None]:
    """Join the other processes for the time of a run, if there are any."""
    if world_size() == 1:
        yield
        return
    dist.init_process_group("nccl" if device.type == "cuda" else "gloo", timeout=TIMEOUT)
    try:
        yield
    finally:
        dist.destroy_process_group()


def share(values: list[float]) -> list[float]:
    """Give rank 0's numbers to all."""
    if world_size() == 1:
        return values
    tensor = torch.tensor(values, dtype=torch.float64)
    dist.broadcast(tensor, src=0)
    return tensor.tolist()


def add_up(values: list[float]) -> list[float]:
    """Add numbers over all processes."""
    if world_size() == 1:
        return values
    tensor = torch.tensor(values, dtype=torch.float64)
    dist.all_reduce(tensor)
    return tensor.tolist()


class _Sum(torch.autograd.Function):
    """Add a tensor over all processes; so is its gradient."""

    @staticmethod
    def forward(ctx: Any, tensor: Tensor) -> Tensor:
        total = tensor.clone()
        dist.all_reduce(total)
        return total

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> Tensor:
        total = grads[0].contiguous().clone()
        dist.all_reduce(total)
        return total


class SyncBatchNorm(_BatchNorm):
    """Batch norm with the mean and variance of the batch over all processes, on any device.

    torch's own runs on CUDA only. The variance is summed around the common mean, in a second
    exchange, which stays accurate when the mean is large.
    """

    def _check_input_dim(self, input: Tensor) -> None:
        pass  # the layer it stands for has checked

    def forward(self, input: Tensor) -> Tensor:
        """Normalise (N, C, *); N may differ between processes, and be 0 in some."""
        if not self.training:
            output: Tensor = super().forward(input)
            return output
        axes = [0, *range(2, input.dim())]
        view = [1, -1] + [1] * (input.dim() - 2)
        number = input.new_tensor([input.numel() / input.shape[1]])
        count = _Sum.apply(number)
        mean = _Sum.apply(input.sum(axes)) / count
        centred = input - mean.view(view)
        var = _Sum.apply(centred.square().sum(axes)) / count
        if self.track_running_stats:
            self._track(mean.detach(), var.detach(), count.detach())
        output = centred * torch.rsqrt(var + self.eps).view(view)
        if self.affine:
            output = output * self.weight.view(view) + self.bias.view(view)
        return output

    @torch.no_grad()
    def _track(self, mean: Tensor, var: Tensor, count: Tensor) -> None:
        assert self.running_mean is not None
        assert self.running_var is not None
        assert self.num_batches_tracked is not None
        self.num_batches_tracked += 1
        momentum = self.momentum
        if momentum is None:
            momentum = 1.0 / float(self.num_batches_tracked)
        self.running_mean.lerp_(mean, momentum)
        self.running_var.lerp_(var * count / (count - 1).clamp(min=1), momentum)


def synchronise_batch_norm(net: nn.Module) -> nn.Module:
    """Replace the batch norms of a net by synchronised ones with the same parameters."""
    for name, child in net.named_children():
        setattr(net, name, synchronise_batch_norm(child))
    if not isinstance(net, _BatchNorm) or isinstance(net, SyncBatchNorm):
        return net
    synced = SyncBatchNorm(
        net.num_features, net.eps, net.momentum, net.affine, net.track_running_stats
    )
    for names in (net._parameters, net._buffers):
        for name, value in names.items():
            setattr(synced, name, value)
    return synced.train(net.training)
