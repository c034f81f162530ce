"""Striate's runtime alone, on a plan that was saved: NumPy is all it needs."""

from __future__ import annotations

from striate import runtime

from ._loaded import Loaded, UnsupportedError
from ._task import Task


def load(task: Task, threads: int) -> Loaded:
    """Map the file and run it; the plan was compiled for so many threads."""
    if not task.plan.exists():
        raise UnsupportedError("this version has no striate.compile")
    x = task.input
    plan = runtime.load(task.plan)
    return Loaded(lambda: plan(x))
