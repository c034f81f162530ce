"""TensorBoard's file of a run."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any


@contextmanager
def events(path: Path, epoch: int) -> Iterator[Any]:
    """Open a run's file; what an earlier start wrote from `epoch` on is hidden."""
    from torch.utils.tensorboard import SummaryWriter

    writer = SummaryWriter(str(path), purge_step=epoch)
    try:
        yield writer
    finally:
        writer.close()


def log(writer: Any, entry: dict[str, Any]) -> None:
    """Write an epoch's losses, accuracies and rate."""
    for name, value in entry.items():
        part, _, what = name.partition("_")
        if part in ("train", "val", "test"):
            writer.add_scalar(f"{what}/{part}", value, entry["epoch"])
    writer.add_scalar("lr", entry["lr"], entry["epoch"])
