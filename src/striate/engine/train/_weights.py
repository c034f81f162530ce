"""The tensors behind a graph's weights, as the model holds them now."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from ...errors import OptionError
from ...graph import Graph


class Weights:
    """Finds a model's parameters, buffers and constants by the names of a graph.

    Args:
        model: The model.
        graph: What was captured of it.
    """

    def __init__(self, model: nn.Module, graph: Graph) -> None:
        places: dict[int, tuple[dict[str, Any], str]] = {}
        for module in model.modules():
            for holder in (module._parameters, module._buffers):
                for key, tensor in holder.items():
                    if tensor is not None:
                        places.setdefault(id(tensor), (holder, key))
        self._places: dict[str, tuple[dict[str, Any], str]] = {}
        self._constants: dict[str, Tensor] = {}
        for name, weight in graph.weights.items():
            if id(weight.source) in places:
                self._places[name] = places[id(weight.source)]
            else:
                self._constants[name] = torch.as_tensor(weight.numpy())
        self._shapes = {name: w.type.shape for name, w in graph.weights.items()}

    def current(self) -> dict[str, Tensor]:
        """The tensors by name.

        Raises:
            OptionError: One is not what it was when the network was captured.
        """
        found = dict(self._constants)
        for name, (holder, key) in self._places.items():
            tensor = found[name] = holder[key]
            if tensor.shape != self._shapes[name] or not tensor.is_cpu:
                raise OptionError(
                    f"{name} is {tuple(tensor.shape)} on {tensor.device}; the model was compiled "
                    f"with {self._shapes[name]} on the CPU. Compile it again."
                )
        return found
