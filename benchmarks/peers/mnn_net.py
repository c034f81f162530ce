"""MNN, from the ONNX file through its own converter."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import MNN
import numpy as np

from ._loaded import Loaded, UnsupportedError
from ._task import TOLERANCE, Task

WINOGRAD_MEMORY_LEVEL = 3
"""Number of the hint; its own value is 3 for tiles of any size, 2 for small ones."""


def load(task: Task, threads: int) -> Loaded:
    """Convert, and run with the largest Winograd tiles that keep the error within bounds.

    MNN's own choice, though at precision "high", errs by 1e-3 and more on some networks.
    """
    for level in (3, 2):
        loaded = load_with(task, threads, level)
        if task.error(loaded.read(loaded.run())) <= TOLERANCE:
            break
    return loaded


def load_with(task: Task, threads: int, winograd_memory_level: int) -> Loaded:
    """Run in float32; the input is copied in each time, since a run overwrites it."""
    x, shape = task.input, task.reference.shape
    net = MNN.Interpreter(str(convert(task)))
    net.setSessionHint(WINOGRAD_MEMORY_LEVEL, winograd_memory_level)
    session = net.createSession({"backend": "CPU", "numThread": threads, "precision": "high"})
    feed = net.getSessionInput(session)
    if tuple(feed.getShape()) != x.shape:
        net.resizeTensor(feed, x.shape)
        net.resizeSession(session)

    def tensor_of(array: Any) -> Any:
        kind, layout = MNN.Halide_Type_Float, MNN.Tensor_DimensionType_Caffe
        return MNN.Tensor(array.shape, kind, array, layout)

    given, taken = tensor_of(x), tensor_of(np.zeros(shape, np.float32))

    def run() -> Any:
        feed.copyFrom(given)
        net.runSession(session)
        net.getSessionOutput(session).copyToHostTensor(taken)
        return taken

    return Loaded(run, lambda tensor: np.array(tensor.getNumpyData()).reshape(shape))


def convert(task: Task) -> Path:
    """Write the network as MNN's file.

    By the native function behind the command `mnnconvert`: the command itself installs a logger
    with pip, into whatever Python is found first, and reports each conversion to a server.
    """
    made = task.folder / "net.mnn"
    if made.exists():
        return made
    code = "import sys, _tools; _tools.mnnconvert(['mnnconvert', *sys.argv[1:]])"
    done = subprocess.run(
        [
            *(sys.executable, "-c", code, "-f", "ONNX", "--bizCode", "striate"),
            *("--modelFile", str(task.onnx), "--MNNModel", str(made)),
        ],
        capture_output=True,
        text=True,
        check=False,
    )
    if not made.exists():
        lines = [*(done.stdout + done.stderr).strip().splitlines(), "nothing"]
        raise UnsupportedError(f"mnnconvert ended with {done.returncode} after: {lines[-2]}")
    return made
