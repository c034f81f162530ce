"""The table of engines."""

from __future__ import annotations

from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version


@dataclass(frozen=True)
class Engine:
    """One way to run a network.

    Args:
        name: In tables and on the command line.
        package: What has to be installed, as its installer calls it.
        module: File in this folder that drives it; its `load(task, threads)` gives a `Loaded`.
        variant: Handed to `load` where one file drives several engines.
        limit_s: Seconds within which it has to be ready: converters and compilers may take long.
    """

    name: str
    package: str
    module: str
    variant: str = ""
    limit_s: float = 300

    @property
    def version(self) -> str:
        """The installed version, empty where there is none."""
        try:
            return version(self.package)
        except PackageNotFoundError:
            return ""


SAVED = Engine("striate, saved plan", "striate", "striate_saved")
"""Loads what `plan.save` wrote; `footprint.py` measures it."""

PEAK = Engine("peak", "torch", "peak")
"""Not an engine, but takes turns like one."""

ENGINES = {
    engine.name: engine
    for engine in (
        Engine("striate", "striate", "striate_plan"),
        Engine("torch", "torch", "torch_module", "eager"),
        Engine("channels_last", "torch", "torch_module", "channels_last"),
        Engine("torch.compile", "torch", "torch_module", "compiled"),
        Engine("onnxruntime", "onnxruntime", "onnx_runtime"),
        Engine("openvino", "openvino", "open_vino"),
        Engine("ncnn", "ncnn", "ncnn_net"),
        Engine("mnn", "MNN", "mnn_net"),
        Engine("jax", "jax", "jax_function"),
    )
}
