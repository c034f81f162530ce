"""Measured, not predicted: time per layer, and the memory that torch really used."""

from __future__ import annotations

import statistics
import time
import weakref
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, fx, nn
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from ..errors import OptionError
from ..graph import Graph
from ._memory import measure_memory


@dataclass(frozen=True)
class LayerTime:
    """Median time of one module, over the repeats.

    Args:
        name: Path of the module; empty for what the model itself does between its modules.
        median_ms: Milliseconds.
        share: Of the whole forward pass.
    """

    name: str
    median_ms: float
    share: float


@dataclass(frozen=True)
class Measurement:
    """What was measured on this machine, beside what was predicted.

    Args:
        rows: Time of each innermost module, in the order they first ran.
        total_ms: Median of the whole forward pass.
        repeats: Number of passes timed.
        threads: Threads torch used.
        measured_peak_bytes: Largest sum of maps alive, each freed after its last reader.
        eager_peak_bytes: The same as the module's own code runs, whose variables keep some longer.
        predicted_peak_bytes: What the report says.
        measured_saved_bytes: What autograd kept for backward, weights aside.
        predicted_saved_bytes: What the report says.
    """

    rows: tuple[LayerTime, ...]
    total_ms: float
    repeats: int
    threads: int
    measured_peak_bytes: int
    eager_peak_bytes: int
    predicted_peak_bytes: int
    measured_saved_bytes: int
    predicted_saved_bytes: int

    def to_text(self) -> str:
        """Write the measurement, slowest layers first."""
        lines = [
            f"forward pass {self.total_ms:.2f} ms: median of {self.repeats} passes, "
            f"{self.threads} thread{'s' if self.threads > 1 else ''}"
        ]
        slowest = sorted(self.rows, key=lambda row: -row.median_ms)
        width = max((len(row.name) for row in slowest), default=0)
        lines += [
            f"  {row.name or '(rest)':<{max(width, 6)}}  {row.median_ms:9.3f} ms {row.share:6.1%}"
            for row in slowest
        ]
        for what, measured, predicted in (
            ("peak of maps at test time", self.measured_peak_bytes, self.predicted_peak_bytes),
            ("saved for backward", self.measured_saved_bytes, self.predicted_saved_bytes),
        ):
            lines.append(
                f"{what}: measured {measured:,} bytes, predicted {predicted:,} "
                f"({predicted / max(measured, 1) - 1:+.1%})"
            )
        lines.append(f"as the module's own code runs, the peak is {self.eager_peak_bytes:,} bytes")
        return "\n".join(lines)

    __str__ = to_text


def measure(model: nn.Module, graph: Graph, repeats: int = 20) -> Measurement:
    """Time a module layer by layer, and measure its memory, at the graph's input shapes.

    The module is left as it was: mode, running statistics, gradients.

    Args:
        model: The module that the graph was captured from.
        graph: At the shapes to measure.
        repeats: Passes timed, after two that are not.
    Raises:
        OptionError: Not a torch module.
    """
    if not isinstance(model, nn.Module):
        raise OptionError(
            "measuring runs the network in torch, so it needs a torch module, not a file."
        )
    inputs = _inputs(model, graph)
    memory = measure_memory(graph)
    with _as_it_was(model):
        model.eval()
        times = _times(model, inputs, repeats)
        eager = _peak(lambda: model(*inputs), inputs)
        freed = _peak_when_freed(model, inputs)
        saved = saved_bytes(model, inputs)
    whole = statistics.median(times.pop("*"))
    medians = {name: statistics.median(values) for name, values in times.items()}
    rest = max(whole - sum(medians.values()), 0.0)
    rows = [LayerTime(n, 1e3 * t, t / whole) for n, t in (*medians.items(), ("", rest))]
    return Measurement(
        tuple(rows),
        1e3 * whole,
        repeats,
        torch.get_num_threads(),
        freed,
        eager,
        memory.peak,
        saved,
        memory.saved_total,
    )


def saved_bytes(model: nn.Module, inputs: list[Tensor]) -> int:
    """Bytes of the distinct storages that autograd keeps of one training pass, weights aside."""
    weights = {w.untyped_storage().data_ptr() for w in (*model.parameters(), *model.buffers())}
    kept: dict[int, int] = {}
    alive = []

    def pack(tensor: Tensor) -> Tensor:
        storage = tensor.untyped_storage()
        if storage.data_ptr() not in weights:
            kept[storage.data_ptr()] = storage.nbytes()
            alive.append(tensor)  # so that no later map gets the same address
        return tensor

    training = model.training
    model.train()
    try:
        with torch.enable_grad(), torch.autograd.graph.saved_tensors_hooks(pack, lambda t: t):
            output = model(*inputs)
    finally:
        model.train(training)
    del output
    return sum(kept.values())


class _Allocations(TorchDispatchMode):
    """Follow the storages that operations make, until nothing holds them."""

    def __init__(self, inputs: list[Tensor]) -> None:
        super().__init__()
        self.now: int = 0
        self.peak: int = 0
        self._known: set[int] = set()
        for x in inputs:
            self._meet(x)

    def ignore(self, tensors: Any) -> None:
        """Leave weights out."""
        self._known.update(t.untyped_storage()._cdata for t in tensors)

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        result = func(*args, **(kwargs or {}))
        for leaf in tree_leaves(result):
            if isinstance(leaf, Tensor):
                self._meet(leaf)
        self.peak = max(self.peak, self.now)
        return result

    def _meet(self, tensor: Tensor) -> None:
        storage = tensor.untyped_storage()
        key = storage._cdata
        if key in self._known:
            return
        self._known.add(key)
        size = storage.nbytes()
        self.now += size
        weakref.finalize(storage, self._part, key, size)

    def _part(self, key: int, size: int) -> None:
        self._known.discard(key)
        self.now -= size


def _peak(run: Callable[[], Any], inputs: list[Tensor]) -> int:
    with torch.no_grad(), _Allocations(inputs) as allocations:
        run()
    return int(allocations.peak)


def _peak_when_freed(model: nn.Module, inputs: list[Tensor]) -> int:
    """The peak when each map is dropped after its last reader, the inputs too."""
    from ..graph.aten._trace import exported

    program = exported(model, inputs)
    given = [x.clone() for x in inputs]

    class Freeing(fx.Interpreter):
        """Hand each input over, so that nothing but the program holds it."""

        def placeholder(self, target: Any, args: Any, kwargs: Any) -> Any:
            return given.pop(0)

    interpreter = Freeing(program, garbage_collect_values=True)
    with torch.no_grad(), _Allocations(given) as allocations:
        allocations.ignore((*program.parameters(), *program.buffers()))
        interpreter.run()
    return int(allocations.peak)


def _times(model: nn.Module, inputs: list[Tensor], repeats: int) -> dict[str, list[float]]:
    """Seconds of each innermost module, and of the whole (under `*`), pass by pass."""
    leaves = {n: m for n, m in model.named_modules() if n and not [*m.children()]}
    times: dict[str, list[float]] = {}
    this_pass: dict[str, float] = {}
    started: list[float] = []
    wait = torch.cuda.synchronize if inputs[0].is_cuda else (lambda: None)

    def begin(module: nn.Module, given: Any) -> None:
        wait()
        started.append(time.perf_counter())

    def end(name: str) -> Any:
        def hook(module: nn.Module, given: Any, output: Any) -> None:
            wait()
            this_pass[name] = this_pass.get(name, 0.0) + time.perf_counter() - started.pop()

        return hook

    handles = [m.register_forward_pre_hook(begin) for m in leaves.values()]
    handles += [m.register_forward_hook(end(name)) for name, m in leaves.items()]
    try:
        with torch.inference_mode():
            for number in range(repeats + 2):
                this_pass.clear()
                wait()
                start = time.perf_counter()
                model(*inputs)
                wait()
                this_pass["*"] = time.perf_counter() - start
                if number >= 2:  # the first passes choose kernels and fill caches
                    for name, seconds in this_pass.items():
                        times.setdefault(name, []).append(seconds)
    finally:
        for handle in handles:
            handle.remove()
    return times


@contextmanager
def _as_it_was(model: nn.Module) -> Iterator[None]:
    """Give the module its mode and its buffers back."""
    modes = {module: module.training for module in model.modules()}
    buffers = {name: buffer.clone() for name, buffer in model.named_buffers()}
    try:
        yield
    finally:
        for module, mode in modes.items():
            module.training = mode
        with torch.no_grad():
            for name, buffer in model.named_buffers():
                buffer.copy_(buffers[name])


def _inputs(model: nn.Module, graph: Graph) -> list[Tensor]:
    weight = next((w for w in model.parameters()), torch.zeros(()))
    generator = torch.Generator().manual_seed(0)
    made = []
    for kind in graph.inputs.values():
        x = torch.randn(kind.shape, generator=generator)
        made.append(x.to(weight) if kind.is_float else torch.zeros(kind.shape, dtype=torch.int64))
    return made
