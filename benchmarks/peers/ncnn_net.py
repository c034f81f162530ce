"""ncnn, from the ONNX file through its converter pnnx."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import ncnn
import numpy as np

from ._loaded import Loaded, UnsupportedError
from ._task import Task


def load(task: Task, threads: int) -> Loaded:
    """Convert, and run image by image: ncnn's layers know no batch."""
    x = task.input
    param, weights = convert(task, x[:1].shape)
    net = ncnn.Net()
    net.opt.num_threads = threads
    for name in ("fp16_packed", "fp16_storage", "fp16_arithmetic", "bf16_storage"):
        setattr(net.opt, f"use_{name}", False)
    if net.load_param(str(param)) or net.load_model(str(weights)):
        raise UnsupportedError("it cannot load all layers that pnnx made")
    feeds = [ncnn.Mat(image).clone() for image in x]
    (source,), (result,) = net.input_names(), net.output_names()

    def run() -> list[Any]:
        outputs = []
        for feed in feeds:
            extractor = net.create_extractor()
            extractor.input(source, feed)
            status, output = extractor.extract(result)
            if status:
                raise UnsupportedError(f"extract failed with {status}")
            outputs.append(output)
        return outputs

    shape = task.reference.shape
    return Loaded(run, lambda outputs: np.stack([np.array(o) for o in outputs]).reshape(shape))


def convert(task: Task, shape: tuple[int, ...]) -> tuple[Path, Path]:
    """Run pnnx on the file of one image, in float32."""
    made = task.folder / "single.ncnn.param", task.folder / "single.ncnn.bin"
    if made[0].exists():
        return made
    found = shutil.which("pnnx") or str(Path(sys.executable).with_name("pnnx"))
    size = ",".join(map(str, shape))
    done = subprocess.run(
        [found, task.single.name, f"inputshape=[{size}]", "fp16=0", "optlevel=2"],
        cwd=task.folder,
        capture_output=True,
        text=True,
        check=False,
    )
    if not made[0].exists():
        lines = (done.stdout + done.stderr).strip().splitlines()
        raise UnsupportedError(f"pnnx: {lines[-1] if lines else done.returncode}")
    return made
