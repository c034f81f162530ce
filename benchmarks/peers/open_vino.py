"""OpenVINO."""

from __future__ import annotations

import openvino
from openvino import properties

from ._loaded import Loaded
from ._task import Task


def load(task: Task, threads: int) -> Loaded:
    """Run the ONNX file for the least latency, in float32 also where the CPU knows less."""
    core = openvino.Core()
    compiled = core.compile_model(
        str(task.onnx),
        "CPU",
        {
            properties.hint.performance_mode: properties.hint.PerformanceMode.LATENCY,
            properties.hint.inference_precision: openvino.Type.f32,
            properties.inference_num_threads: threads,
            properties.num_streams: 1,
        },
    )
    request = compiled.create_infer_request()
    request.set_input_tensor(openvino.Tensor(task.input))
    output = request.get_output_tensor()

    def run() -> openvino.Tensor:
        request.infer()
        return output

    return Loaded(run, lambda tensor: tensor.data.copy())
