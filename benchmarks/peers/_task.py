"""What is raced: a network in a folder, in every form that an engine may want."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:  # workers read tasks, and most of them must not import torch
    from torch import nn

    from striate import Graph

TOLERANCE = 1e-4
"""Share of the largest reference magnitude that an engine may err by, as `striate.compile` may."""


@dataclass(frozen=True)
class Task:
    """A folder with one network, one input and the output in float64."""

    folder: Path

    @property
    def tolerance(self) -> float:
        """Largest error of who takes part."""
        return TOLERANCE

    @property
    def onnx(self) -> Path:
        """The network, as `striate.capture(...).to_onnx` writes it."""
        return self.folder / "net.onnx"

    @property
    def single(self) -> Path:
        """The same for a batch of one, for engines without batches."""
        return self.folder / "single.onnx"

    @property
    def graph(self) -> Path:
        """The network as Striate's graph."""
        return self.folder / "graph.striate"

    @property
    def plan(self) -> Path:
        """The network as a plan that Striate saved."""
        return self.folder / "plan.striate"

    @property
    def module(self) -> Path:
        """The network as a pickled torch module, with torch's layers."""
        return self.folder / "module.pt"

    @property
    def input(self) -> Any:
        """Normal random numbers, float32."""
        return np.load(self.folder / "input.npy")

    @property
    def reference(self) -> Any:
        """What torch gives in float64."""
        return np.load(self.folder / "reference.npy")

    def error(self, output: Any) -> float:
        """Largest difference from the reference, as a share of its largest magnitude."""
        reference = self.reference
        return float(abs(output - reference).max() / abs(reference).max())

    @property
    def macs(self) -> int:
        """Multiply-adds of one run."""
        return int((self.folder / "macs.txt").read_text())

    def output(self, engine: str) -> Path:
        """Where an engine's worker leaves what it computed."""
        return self.folder / f"{engine}.npy"

    def log(self, engine: str) -> Path:
        """Where an engine's worker prints."""
        return self.folder / f"{engine}.log"


def write_task(module: nn.Module, shape: Sequence[int], folder: Path) -> Task:
    """Write a network for all engines, and what it gives."""
    import torch

    task = Task(folder)
    x = write_input(task, shape)
    module = module.eval().requires_grad_(False)
    with torch.no_grad():
        y = copy.deepcopy(module).double()(torch.from_numpy(x).double())
    np.save(folder / "reference.npy", y.numpy())
    graph = write_network(task, module, shape)
    graph.to_onnx(task.onnx)
    graph.at((1, *shape[1:])).to_onnx(task.single)
    return task


def write_input(task: Task, shape: Sequence[int]) -> Any:
    """Make the folder and the input, and return it."""
    task.folder.mkdir(parents=True, exist_ok=True)
    x = np.random.default_rng(seed=0).standard_normal(tuple(shape)).astype(np.float32)
    np.save(task.folder / "input.npy", x)
    return x


def write_network(task: Task, module: nn.Module, shape: Sequence[int]) -> Graph:
    """Write a network as a graph, which is returned, and as a module."""
    import torch

    import striate

    graph = striate.capture(module, tuple(shape))
    (task.folder / "macs.txt").write_text(str(striate.inspect(graph, tuple(shape)).macs))
    graph.save(task.graph)
    torch.save(with_torch_layers(module), task.module)
    return graph


def with_torch_layers(module: nn.Module) -> nn.Module:
    """Turn Striate's layers into torch's of the same name, in place.

    So that what ours check on every call is not held against torch: some 5 us a layer. A layer that
    uses what torch lacks would err or fail, and be seen.
    """
    from torch import nn

    for layer in module.modules():
        kind = type(layer)
        if kind.__module__.startswith("striate.nn."):
            counterpart = getattr(nn, kind.__name__, None)
            if counterpart and issubclass(kind, counterpart):
                layer.__class__ = counterpart
    return module


def fill(module: nn.Module, shape: Sequence[int]) -> nn.Module:
    """Give a network fixed random weights whose maps neither vanish nor grow, and return it.

    Fresh batch norms would be the identity and ConvNeXt's layer scales nearly zero: either would
    hide mistakes. So a batch norm gets the statistics of what it meets, and random affine weights.
    """
    import torch
    from torch import nn

    draw = torch.Generator().manual_seed(0)
    for name, weight in module.named_parameters():
        if weight.dim() > 1 and "layer_scale" not in name:
            inputs = weight[0].numel()
            nn.init.normal_(weight, std=(2 / inputs) ** 0.5, generator=draw)
        else:
            low, high = (-0.1, 0.1) if name.endswith("bias") else (0.5, 1.0)
            nn.init.uniform_(weight, low, high, generator=draw)
    module.eval()
    norms = [m for m in module.modules() if isinstance(m, nn.modules.batchnorm._BatchNorm)]
    for norm in norms:
        norm.reset_running_stats()
        norm.momentum = None  # the average of all that it meets
        norm.train()
    with torch.no_grad():
        module(torch.randn(4, *shape[1:], generator=draw))
    return module.eval()
