"""PyTorch: eager in both layouts, and compiled with its weights frozen into the code."""

from __future__ import annotations

from typing import Any

import torch

from ._loaded import Loaded, UnsupportedError
from ._task import Task
from ._training import TrainingTask


def opened(task: Task | TrainingTask, *, channels_last: bool) -> tuple[Any, torch.Tensor]:
    """The module and its input, in one of torch's layouts.

    Raises:
        UnsupportedError: There is no such layout.
    """
    module = torch.load(task.module, weights_only=False)
    x = torch.from_numpy(task.input)
    if not channels_last:
        return module, x
    layout = {4: torch.channels_last, 5: torch.channels_last_3d}.get(x.dim())
    if layout is None:
        raise UnsupportedError("torch has this layout for images and volumes only")
    return module.to(memory_format=layout), x.to(memory_format=layout)


def load(task: Task, threads: int, variant: str) -> Loaded:
    """Run the module.

    Args:
        variant: "eager" (NCHW), "channels_last" (NHWC, not for signals) or "compiled" (layouts
            are inductor's choice).
    """
    torch.set_num_threads(threads)
    torch.set_num_interop_threads(1)
    torch.set_grad_enabled(False)
    module, x = opened(task, channels_last=variant == "channels_last")
    if variant == "compiled":
        from torch._inductor import config

        config.freezing = True
        compiled = torch.compile(module)
        return Loaded(lambda: compiled(x))

    def run() -> torch.Tensor:
        with torch.inference_mode():
            return module(x)

    return Loaded(run)
