"""ONNX Runtime."""

from __future__ import annotations

import onnxruntime

from ._loaded import Loaded
from ._task import Task


def load(task: Task, threads: int) -> Loaded:
    """Run the ONNX file with all of its optimizations."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.execution_mode = onnxruntime.ExecutionMode.ORT_SEQUENTIAL
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_ALL
    session = onnxruntime.InferenceSession(
        str(task.onnx), options, providers=["CPUExecutionProvider"]
    )
    feed = {session.get_inputs()[0].name: task.input}
    return Loaded(lambda: session.run(None, feed)[0])
