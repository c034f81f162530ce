"""What the cores could do at most: a product of two matrices that stay in the caches.

Not an engine of the table: `layers.py` lets it take turns with them, so that a moment in which the
machine is slow lowers the measure as well as the measured.
"""

from __future__ import annotations

import numpy as np
import torch

from ._loaded import Loaded
from ._task import Task

SIZE = 512
"""Three matrices of 1 MiB."""
MACS = SIZE**3


def load(task: Task, threads: int) -> Loaded:
    """Multiply, and leave the task's own reference as the output."""
    torch.set_num_threads(threads)
    draw = torch.Generator().manual_seed(0)
    a, b = (torch.randn(SIZE, SIZE, generator=draw) for _ in range(2))
    out = torch.empty(SIZE, SIZE)
    reference = task.reference

    def run() -> torch.Tensor:
        with torch.inference_mode():
            return torch.mm(a, b, out=out)

    return Loaded(run, lambda _: reference.astype(np.float32))
