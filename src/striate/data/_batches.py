"""Batches: an epoch of a data set, in an order that depends on the seed and the epoch alone."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import torch
from numpy.typing import NDArray
from torch import Tensor

from .._workers import WorkerPool
from ..errors import OptionError
from ._augment import Augment, to_unit
from ._dataset import Dataset
from ._random import Draws, epoch_order

_BLOCK_BYTES = 1 << 21  # of inputs that are made at once


@dataclass(frozen=True)
class Batch:
    """One step's share of the data.

    Attributes:
        inputs: Normalised, float32, (B, *input_shape).
        labels: Class numbers, (B,).
        indices: Where the samples stand in the data set, (B,).
        step: Number of the step in its epoch, from 0.
        global_labels: The labels of the whole batch, over all ranks, in order.
    """

    inputs: Tensor
    labels: Tensor
    indices: Tensor
    step: int
    global_labels: Tensor

    @property
    def global_size(self) -> int:
        """Samples in the whole batch, over all ranks."""
        return self.global_labels.shape[0]


class Batches:
    """Cut a data set into batches, epoch after epoch.

    The order, and every random number of the augmentation, depends only on the seed, the epoch and
    the position in the epoch. So an epoch entered at `start_step` goes on exactly as it would have,
    `workers` change nothing but the speed, and the ranks' shares put together are the batch of a
    single process.

    Args:
        dataset: What to read.
        batch_size: Samples a step, over all ranks; the last batch of an epoch may be smaller.
        mean, std: Of each channel, in 0..1 units; inputs become (x - mean) / std.
        shuffle: Read in a new random order each epoch.
        augment: Random changes, made before the mean is taken off.
        seed: Of the order and of the augmentation.
        workers: Processes that read files ahead; 0 reads in this process. Data in memory need none.
        rank, world_size: Rank r of w gets slice r of each batch; slices may differ by one sample.
    Raises:
        OptionError: A number out of range, or an augmentation these data cannot have.
    Example:
        >>> import torch
        >>> from striate.data import ArrayDataset
        >>> images = torch.zeros(10, 1, 8, 8, dtype=torch.uint8)
        >>> dataset = ArrayDataset(images, torch.zeros(10).long(), ("zero",))
        >>> batches = Batches(dataset, 4, mean=(0.5,), std=(0.5,), shuffle=True, seed=1)
        >>> [len(batch.labels) for batch in batches.epoch(1)]
        [4, 4, 2]
    """

    def __init__(
        self,
        dataset: Dataset,
        batch_size: int,
        *,
        mean: Sequence[float],
        std: Sequence[float],
        shuffle: bool = False,
        augment: Augment | None = None,
        seed: int = 0,
        workers: int = 0,
        rank: int = 0,
        world_size: int = 1,
    ) -> None:
        self.dataset = dataset
        self.batch_size = _at_least(1, batch_size, "batch_size")
        self.mean, self.std = tuple(mean), tuple(std)
        self.shuffle = shuffle
        self.augment = augment if augment is not None and augment.active else None
        self.seed = seed
        self.workers = _at_least(0, workers, "workers")
        self.world_size = _at_least(1, world_size, "world_size")
        self.rank = _at_least(0, rank, "rank")
        if rank >= world_size:
            raise OptionError(f"Batches: rank={rank} must be below world_size={world_size}.")
        channels = dataset.input_shape[0]
        if {len(self.mean), len(self.std)} != {channels}:
            raise OptionError(
                f"Batches: mean has {len(self.mean)} and std {len(self.std)} numbers; inputs "
                f"{dataset.input_shape} have {channels} channels and need one for each."
            )
        if self.augment:
            self.augment.check(dataset.input_shape)
        self._pool: WorkerPool[list[int], NDArray[Any]] | None = None

    @property
    def steps(self) -> int:
        """Number of batches in an epoch."""
        return -(-len(self.dataset) // self.batch_size)

    @property
    def sizes(self) -> tuple[int, ...]:
        """How many samples this rank's batches hold: most of them, and the last if it differs."""
        shares = [self._share(step) for step in (0, self.steps - 1)] if self.steps else []
        return tuple(dict.fromkeys(s.stop - s.start for s in shares if s.stop > s.start))

    def epoch(self, epoch: int = 0, start_step: int = 0) -> Iterator[Batch]:
        """Go through one epoch, from `start_step` on."""
        count = len(self.dataset)
        order = epoch_order(count, self.seed, epoch) if self.shuffle else torch.arange(count)
        labels = self.dataset.labels[order]
        steps = range(start_step, self.steps)
        inputs = self._inputs(order, epoch, [self._share(step) for step in steps])
        for step, finished in zip(steps, inputs, strict=True):
            share = self._share(step)
            whole = slice(step * self.batch_size, (step + 1) * self.batch_size)
            yield Batch(
                inputs=finished,
                labels=labels[share],
                indices=order[share],
                step=step,
                global_labels=labels[whole],
            )

    def close(self) -> None:
        """End the worker processes; the next epoch starts new ones."""
        if self._pool is not None:
            self._pool.close()
            self._pool = None

    def _share(self, step: int) -> slice:
        """Find the positions of this rank's slice of one batch."""
        first = step * self.batch_size
        size = min(self.batch_size, len(self.dataset) - first)
        start, stop = (size * r // self.world_size for r in (self.rank, self.rank + 1))
        return slice(first + start, first + stop)

    def _inputs(self, order: Tensor, epoch: int, shares: list[slice]) -> Iterator[Tensor]:
        """The inputs of each share, made for several at once: a call on few samples costs most."""
        several = self._steps_at_once()
        blocks = [shares[i : i + several] for i in range(0, len(shares), several)]
        places = [torch.cat([torch.arange(s.start, s.stop) for s in block]) for block in blocks]
        fetched = self._fetch([order[positions] for positions in places])
        for block, positions, inputs in zip(blocks, places, fetched, strict=True):
            finished = self._finish(inputs, Draws(self.seed, epoch, positions))
            yield from finished.split([share.stop - share.start for share in block])

    def _steps_at_once(self) -> int:
        """As many as stay in the cache; one where samples take long to fetch."""
        if self.dataset.on_demand:
            return 1
        step_bytes = 4 * math.prod(self.dataset.input_shape) * self.batch_size // self.world_size
        return max(1, _BLOCK_BYTES // max(1, step_bytes))

    def _fetch(self, blocks: list[Tensor]) -> Iterator[Tensor]:
        if not (self.workers and self.dataset.on_demand):
            return map(self.dataset.fetch, blocks)
        if self._pool is None:
            self._pool = WorkerPool(partial(_fetch_array, self.dataset), self.workers)
        return map(torch.from_numpy, self._pool.map(block.tolist() for block in blocks))

    def _finish(self, inputs: Tensor, draws: Draws) -> Tensor:
        made = self.augment(inputs, draws) if self.augment else to_unit(inputs)
        return normalise(made, self.mean, self.std, in_place=made is not inputs)


def normalise(
    inputs: Tensor, mean: Sequence[float], std: Sequence[float], *, in_place: bool = False
) -> Tensor:
    """Take the mean off each channel of (N, C, ...) and divide by its standard deviation."""
    axes = (1, -1, *[1] * (inputs.dim() - 2))
    take_off = inputs.sub_ if in_place else inputs.sub
    centred = take_off(torch.tensor(mean, dtype=torch.float32).view(axes))
    return centred.div_(torch.tensor(std, dtype=torch.float32).view(axes))


def _fetch_array(dataset: Dataset, indices: list[int]) -> NDArray[Any]:
    """Fetch in a worker; an array goes through the pipe quicker than a tensor."""
    return dataset.fetch(indices).numpy()


def _at_least(least: int, value: int, name: str) -> int:
    if not isinstance(value, int) or value < least:
        raise OptionError(f"Batches: {name}={value!r} must be a whole number, {least} or more.")
    return value
