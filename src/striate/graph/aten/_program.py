"""The traced program behind a graph: run again in torch, so that every value has a gradient."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, fx, nn

from ...errors import OptionError

Relu = Callable[[Tensor], Tensor]


@dataclass(frozen=True, eq=False)
class Program:
    """What a graph was made from: the module, and the calls that were traced in it.

    `run` makes the calls one by one, with the weights that the module has now, and never the
    module: its mode, its hooks, its gradients and its statistics stay as they are.

    Args:
        model: The module.
        calls: What it calls, in order.
        tensors: Its weights, by their places among the calls.
        inputs: The places of its inputs.
        made: The call that makes each value of the graph.
    """

    model: nn.Module
    calls: fx.Graph
    tensors: Mapping[fx.Node, Tensor]
    inputs: Sequence[fx.Node]
    made: Mapping[str, fx.Node]

    def __call__(self, *arrays: Any) -> list[Any]:
        """Run the module itself on NumPy arrays, as `Graph.source` does."""
        weight = next((w for w in self.model.parameters()), None)
        tensors = [torch.from_numpy(a) for a in arrays]
        if weight is not None:
            tensors = [t.to(weight) if t.is_floating_point() else t for t in tensors]
        with torch.no_grad():
            made = self.model(*tensors)
        flat = torch.utils._pytree.tree_leaves(made)
        return [t.detach().cpu().float().numpy() for t in flat if isinstance(t, Tensor)]

    def cast(self, array: Any) -> Tensor:
        """Copy an array to a tensor of the weights' precision, where they are."""
        tensor = torch.tensor(array)
        weight = next((w for w in self.tensors.values() if w.is_floating_point()), None)
        return tensor if weight is None else tensor.to(weight)

    def run(
        self, inputs: Sequence[Tensor], wanted: Sequence[str], relu: Relu | None = None
    ) -> dict[str, Tensor]:
        """Compute values of the graph from tensors, with torch's gradients.

        A value is kept as it was made: what overwrites it later writes into a copy.

        Args:
            inputs: One for each input of the graph.
            wanted: Names of values.
            relu: Stands in for ReLU wherever the network applies it: one with another gradient.
        Raises:
            OptionError: No single call of the module makes this value.
        """
        names: dict[fx.Node, list[str]] = {}
        for value in wanted:
            if value not in self.made:
                raise OptionError(
                    f"{value!r} is no value that a call of {type(self.model).__name__} makes by "
                    f"itself, so there is no gradient of it. Name the layer before or behind it."
                )
            names.setdefault(self.made[value], []).append(value)
        # Copies of what a network may write into: its statistics and its inputs.
        env: dict[fx.Node, Any] = {
            n: w.detach() if isinstance(w, nn.Parameter) else w.detach().clone()
            for n, w in self.tensors.items()
        }
        env.update((n, x.clone()) for n, x in zip(self.inputs, inputs, strict=True))
        found: dict[str, Tensor] = {}
        for node in self.calls.nodes:
            if len(found) == len(set(wanted)):
                break
            if node.op != "call_function":
                continue
            env[node] = result = _call(node, env, relu)
            if node in names:
                found.update(dict.fromkeys(names[node], result))
                # An operation in place gives its operand back, which has this value by now too.
                same = [n for n, value in env.items() if value is result]
                env.update(dict.fromkeys(same, result.clone()))
        return found


def _call(node: fx.Node, env: Mapping[fx.Node, Any], relu: Relu | None) -> Any:
    args: Any
    kwargs: Any
    args, kwargs = fx.node.map_arg((node.args, node.kwargs), lambda n: env[n])
    if relu is None or getattr(node.target, "overloadpacket", None) not in _RELUS:
        return node.target(*args, **kwargs)  # type: ignore[operator]
    result = relu(args[0])
    if node.target is torch.ops.aten.relu_.default:
        args[0].copy_(result)
        return args[0]
    return result


_RELUS = (torch.ops.aten.relu, torch.ops.aten.relu_)
