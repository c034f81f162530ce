"""Where a run stands, to the last bit: written to a checkpoint and put back from it."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor, nn

from ..errors import RunError
from ._checkpoint import load_tensors, pack_optimizer, save_tensors, unpack_optimizer
from ._optim import MovingAverage


@dataclass
class Progress:
    """Where a run stands; a checkpoint holds it as JSON."""

    epoch: int = 1
    step: int = 0
    loss_sum: float = 0.0
    correct: float = 0.0
    samples: float = 0.0
    best_loss: float = math.inf
    best_epoch: int = 0
    seconds: float = 0.0
    lines: int = 0
    updates: int = 0
    stopped: bool = False


@dataclass
class Snapshot:
    """All that changes in the course of a run, apart from the progress in numbers.

    Attributes:
        net, optimizer, average: They are read when saving, and written to when restoring.
        device: Whose random state counts, beside the CPU's.
        world_size: Processes that train together; each has a checkpoint of its own.
        best: The weights of the best epoch, if a validation part chooses one.
    """

    net: nn.Module
    optimizer: torch.optim.Optimizer
    average: MovingAverage | None
    device: torch.device
    world_size: int
    best: dict[str, Tensor]

    def save(self, path: Path, progress: Progress) -> None:
        """Write a checkpoint; an earlier one stays until this is whole.

        Raises:
            RunError: It cannot be written.
        """
        parts = {
            "model": self.net.state_dict(),
            "optimizer": pack_optimizer(self.optimizer),
            "random": {"cpu": torch.get_rng_state()},
            "best": self.best,
        }
        if self.device.type == "cuda":
            parts["random"]["cuda"] = torch.cuda.get_rng_state(self.device)
        if self.average:
            parts["average"] = self.average.state
            progress.updates = self.average.updates
        state = {"progress": vars(progress), "world_size": self.world_size}
        save_tensors(path, parts, state)

    def restore(self, path: Path) -> Progress:
        """Put everything back as it was when the checkpoint was written.

        Raises:
            RunError: It is damaged, or of another net, or of another number of processes.
        """
        parts, state = load_tensors(path)
        before = state.get("world_size")
        if before != self.world_size:
            raise RunError(
                f"{path} was written by {before} processes, and this run has {self.world_size}. "
                f"Start torchrun with --nproc-per-node {before}."
            )
        try:
            self.net.load_state_dict(parts["model"])
            unpack_optimizer(self.optimizer, parts.get("optimizer", {}))
            torch.set_rng_state(parts["random"]["cpu"])
            if "cuda" in parts["random"]:
                torch.cuda.set_rng_state(parts["random"]["cuda"], self.device)
            progress = Progress(**state["progress"])
            if self.average:
                self.average.state = {k: v.to(self.device) for k, v in parts["average"].items()}
                self.average.updates = progress.updates
        except (KeyError, TypeError, ValueError, RuntimeError) as error:
            raise RunError(
                f"{path} is not a checkpoint of this net on these data: {error}"
            ) from None
        self.best = {k: v.to(self.device) for k, v in parts.get("best", {}).items()}
        return progress
