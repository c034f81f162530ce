"""Striate's own engine."""

from __future__ import annotations

import striate

from ._loaded import Loaded, UnsupportedError
from ._task import Task


def load(task: Task, threads: int, variant: str = "") -> Loaded:
    """Compile the ONNX file, as all others get it; NumPy in, NumPy out.

    Args:
        variant: "tuned" measures which kernels are the quickest.
    """
    if not hasattr(striate, "compile"):
        raise UnsupportedError("this version has no striate.compile")
    x = task.input
    plan = striate.compile(str(task.onnx), x.shape, threads=threads, tune=variant == "tuned")
    return Loaded(lambda: plan(x))
