"""The table of engines."""

from __future__ import annotations

from dataclasses import dataclass
from importlib import import_module
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from types import ModuleType

from ._loaded import Loaded
from ._task import Task
from ._training import TrainingTask


@dataclass(frozen=True)
class Engine:
    """One way to run a network.

    Args:
        name: In tables and on the command line.
        package: What has to be installed, as its installer calls it.
        module: File in this folder that drives it; its `load(task, threads)` gives a `Loaded`.
        variant: Handed to `load` where one file drives several engines.
        limit_s: Seconds within which it has to be ready: converters and compilers may take long.
        trains: It takes a `TrainingTask`, and a run is a step of training.
    """

    name: str
    package: str
    module: str
    variant: str = ""
    limit_s: float = 300
    trains: bool = False

    def open(self, folder: Path) -> Task:
        """What it is to run, from the task's folder."""
        return TrainingTask(folder) if self.trains else Task(folder)

    def import_driver(self) -> ModuleType:
        """Import the file that drives it, and so the engine."""
        return import_module(f".{self.module}", __package__)

    def load(self, task: Task, threads: int) -> Loaded:
        """Make the network ready."""
        variant = [self.variant] if self.variant else []
        loaded: Loaded = self.import_driver().load(task, threads, *variant)
        return loaded

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
        Engine("striate.tuned", "striate", "striate_plan", "tuned"),
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

TRAINERS = {
    engine.name: engine
    for engine in (
        Engine("striate", "striate", "training_striate", "optimizer", trains=True),
        Engine("striate.step", "striate", "training_striate", "step", trains=True),
        Engine("torch", "torch", "training_torch", "eager", trains=True),
        Engine("channels_last", "torch", "training_torch", "channels_last", trains=True),
        Engine("torch.fused", "torch", "training_torch", "fused", trains=True),
        Engine("torch.compile", "torch", "training_torch", "compiled", 900, trains=True),
        Engine("tensorflow", "tensorflow-cpu", "training_tensorflow", "graph", trains=True),
        Engine("tensorflow.xla", "tensorflow-cpu", "training_tensorflow", "xla", 900, trains=True),
        Engine("jax", "jax", "training_jax", "", 900, trains=True),
    )
}
