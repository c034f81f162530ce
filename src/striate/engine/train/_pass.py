"""A forward and a backward pass with its loss, for one shape, on memory that stays."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor

from ...graph.gradient import Training
from ._program import Program
from ._room import Room
from ._statistics import Statistics
from ._step import draw

Array = np.ndarray[Any, Any]


class Pass:
    """Both passes, whose outputs are written to the same tensors each time.

    Args:
        training: With the input and the labels as inputs, and the loss and the logits as outputs,
            of which the loss is followed back.
        weights: By name.
        wanted: Those whose gradients it computes.
        statistics: Of the model's batch norms.
        gradients: Of weights, where they are written: what is missing is added.
        room: Where it runs.
        options: What `striate.compile` was asked for.
    """

    def __init__(
        self,
        training: Training,
        weights: dict[str, Tensor],
        wanted: tuple[str, ...],
        statistics: Statistics,
        gradients: dict[Tensor, Tensor],
        room: Room,
        options: dict[str, Any],
    ) -> None:
        graph = training.graph
        self.training, self.statistics = training, statistics
        self.program = Program(training, 2, room, **options)
        self._labels = torch.empty(next(iter(graph.inputs.values())).shape[:1])
        self._label_array = self._labels.numpy()
        self._masks = [(torch.empty(graph.inputs[m.value].shape), m.p) for m in training.masks]
        self._weights = [weights[name] for name in training.weights]
        one = torch.ones(())  # the gradient of the loss
        self._rest = [*(mask for mask, _ in self._masks), one]
        wanted = tuple(n for n, g in zip(wanted, training.gradients, strict=True) if g is not None)
        made = [torch.empty(_shape(graph, n)) for n in graph.outputs[: -len(wanted) or None]]
        self._loss, self.logits, *self.moments = made
        self._loss_array = self._loss.numpy()  # NumPy reads one number quicker than torch
        self.gradients = {
            weights[name]: gradients.setdefault(weights[name], torch.empty_like(weights[name]))
            for name in wanted
        }
        self._outputs = [*made, *self.gradients.values()]
        self._written = [tensor.data_ptr() for tensor in self._outputs]
        self._fixed = [tensor.data_ptr() for tensor in self._rest]

    def run(self, x: Tensor, labels: Tensor) -> float:
        """Compute the loss, the logits, the moments and the gradients; give the loss."""
        x = x if x.is_contiguous() else x.contiguous()
        self._label_array[:] = labels.numpy()
        for mask, p in self._masks:
            draw(mask, p)
        weights = [w if w.is_contiguous() else w.contiguous() for w in self._weights]
        read = [x, self._labels, *weights]
        addresses = [*(t.data_ptr() for t in read), *self._fixed]

        def arrays() -> tuple[list[Array], list[Array]]:
            ins = [t.detach().numpy() for t in (*read, *self._rest)]
            return ins, [t.numpy() for t in self._outputs]

        self.program.run(addresses, self._written, arrays)
        return float(self._loss_array)


def _shape(graph: Any, name: str) -> tuple[int, ...]:
    shape: tuple[int, ...] = graph.types[name].shape
    return shape
