"""MNN, from the ONNX file through its own converter."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import MNN
import numpy as np

from ._loaded import Loaded, UnsupportedError
from ._task import Task


def load(task: Task, threads: int) -> Loaded:
    """Convert and run, in float32 ("high"); the input is copied in on each run, as it has to be."""
    x = task.input
    net = MNN.Interpreter(str(convert(task)))
    session = net.createSession({"backend": "CPU", "numThread": threads, "precision": "high"})
    feed = net.getSessionInput(session)
    if tuple(feed.getShape()) != x.shape:
        net.resizeTensor(feed, x.shape)
        net.resizeSession(session)
    given = MNN.Tensor(x.shape, MNN.Halide_Type_Float, x, MNN.Tensor_DimensionType_Caffe)
    shape = task.reference.shape
    zeros = np.zeros(shape, np.float32)
    taken = MNN.Tensor(shape, MNN.Halide_Type_Float, zeros, MNN.Tensor_DimensionType_Caffe)

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
        lines = (done.stdout + done.stderr).strip().splitlines()
        raise UnsupportedError(f"mnnconvert: {lines[-1] if lines else done.returncode}")
    return made
