"""`torch.compile(model, backend="striate")`."""

from __future__ import annotations

import threading
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch import Tensor, fx, nn
from torch._subclasses import FakeTensorMode

from ..errors import GraphError, OptionError, ShapeError
from ._compile import compile


def backend(
    module: fx.GraphModule,
    examples: list[Any],
    *,
    options: dict[str, Any] | None = None,
    mode: str | None = None,
) -> Callable[..., Any]:
    """Compile what torch traced. It is registered in pyproject.toml, so torch finds it by name.

    Parameters, which torch hands over as inputs, become weights: packed once, and again when they
    have changed. A part of the network that Striate has no graph for runs in torch, with a warning.

    Args:
        module, examples: What torch traced, and what it was traced with.
        options: As `striate.compile` takes them (threads, precision, ...); `strict=True` refuses
            what would run in torch.
        mode: One of torch.compile's, which mean nothing here.
    Raises:
        OptionError: Gradients are wanted, or another device than the CPU.
    """
    if mode is not None:
        raise OptionError(f"torch.compile(backend='striate') has no mode={mode!r}.")
    tensors = [x for x in examples if isinstance(x, Tensor)]
    if torch.is_grad_enabled() and any(x.requires_grad for x in tensors):
        raise OptionError(
            "torch.compile(backend='striate') is for inference: call the model under "
            "torch.no_grad() or torch.inference_mode()."
        )
    if any(x.device.type != "cpu" for x in tensors):
        raise OptionError("torch.compile(backend='striate') is for the CPU: use model.cpu().")
    given = dict(options or {})
    return _Part(module, examples, strict=given.pop("strict", False), options=given)


class _Part:
    """A part of a network that torch traced in one piece.

    It is compiled at its first call: torch's tracing cannot be nested.
    """

    def __init__(
        self, module: fx.GraphModule, examples: list[Any], *, strict: bool, options: dict[str, Any]
    ) -> None:
        self._module = module
        self._strict = strict
        self._options = options
        self._sizes = _sizes(module, examples)
        self._words = [
            i for i, x in enumerate(examples)
            if _is_number(x) or not (isinstance(x, Tensor) or i in self._sizes)
        ]  # fmt: skip
        self._data = [
            i for i, x in enumerate(examples)
            if isinstance(x, Tensor) and i not in self._words and not _is_fixed(x)
        ]  # fmt: skip
        self._made, self._handed_on = _outputs(module)
        self._plans: dict[Any, Any] = {}
        self._lock = threading.Lock()

    @torch._dynamo.disable  # type: ignore[untyped-decorator]
    def __call__(self, *inputs: Any) -> Any:
        inputs = tuple(np.float64(x.item()) if _is_number(x) else x for x in inputs)
        words = tuple(inputs[i] for i in self._words)
        versions = self._versions(inputs)
        with self._lock:
            known, plan = self._plans.get(words, (None, None))
            if known != versions:
                plan = self._compiled(inputs)
                self._plans[words] = versions, plan
        if plan is None:
            return self._module(*inputs)
        result = plan(*(inputs[i].detach() for i in self._data))
        made = iter(result if isinstance(result, tuple) else (result,))
        return tuple(next(made) if i is None else inputs[i] for i in self._handed_on)

    def _versions(self, inputs: tuple[Any, ...]) -> list[Any]:
        """What changes whenever somebody writes into a parameter, or puts another in its place."""
        own = [x for i, x in enumerate(inputs) if isinstance(x, Tensor) and i not in self._data]
        own += [*self._module.parameters(), *self._module.buffers()]
        return [(x.data_ptr(), 0 if x.is_inference() else x._version) for x in own]

    def _compiled(self, inputs: tuple[Any, ...]) -> Any:
        closed = TracedPart(self._module, inputs, self._data, self._sizes, self._made)
        try:
            self._check_numbers(inputs)
            zeros = [torch.zeros_like(inputs[i], requires_grad=False) for i in self._data]
            plan = compile(closed, zeros, **self._options)
            self._check_writes(inputs)
            return plan
        except (GraphError, ShapeError) as error:
            if self._strict:
                raise
            warnings.warn(
                f"a part of the network runs in torch, as Striate cannot compile it: {error}",
                stacklevel=2,
            )
            return None

    def _check_numbers(self, inputs: tuple[Any, ...]) -> None:
        if not self._data or not self._made:
            raise GraphError("it has no input or makes no output.")
        others = {x.dtype for x in inputs if isinstance(x, Tensor) and x.is_floating_point()}
        if others - {torch.float32}:
            names = ", ".join(sorted(map(str, others)))
            raise GraphError(f"it has numbers of {names}; Striate's kernels take float32.")

    def _check_writes(self, inputs: tuple[Any, ...]) -> None:
        """Refuse what writes where others read: a plan leaves all it is given as it is."""
        modes = torch.inference_mode(False), torch.no_grad()
        with modes[0], modes[1], FakeTensorMode(allow_non_fake_inputs=True) as fake:
            given = [
                fake.from_tensor(x.detach().clone()) if isinstance(x, Tensor) else x for x in inputs
            ]
            before = [x._version for x in given if isinstance(x, Tensor)]
            self._module(*given)
            if [x._version for x in given if isinstance(x, Tensor)] != before:
                raise GraphError("it writes into its inputs, parameters or buffers.")


class TracedPart(nn.Module):
    """The traced module with its parameters put in: its inputs are the data alone."""

    def __init__(
        self,
        module: fx.GraphModule,
        inputs: tuple[Any, ...],
        data: list[int],
        sizes: dict[int, tuple[int, int]],
        made: list[int],
    ) -> None:
        super().__init__()
        self.module = module
        self._data = data
        self._sizes = sizes
        self._made = made
        self._others: dict[int, Any] = {}
        for i, x in enumerate(inputs):
            if i in data or i in sizes:
                continue
            if isinstance(x, Tensor):  # detached: tracing must not touch the user's own
                self.register_buffer(f"fixed{i}", x.detach())
            else:
                self._others[i] = x
        self._count = len(inputs)

    def forward(self, *data: Tensor) -> Any:
        tensors = dict(zip(self._data, data, strict=True))
        given = {**self._others, **tensors}
        for i in range(self._count):
            if i in self._sizes:
                where, axis = self._sizes[i]
                given[i] = tensors[where].shape[axis]
            elif i not in given:
                given[i] = getattr(self, f"fixed{i}")
        result = self.module(*(given[i] for i in range(self._count)))
        made = tuple(result[i] for i in self._made)
        return made[0] if len(made) == 1 else made


def _outputs(module: fx.GraphModule) -> tuple[list[int], list[int | None]]:
    """Which outputs are made, and for each output, which input it is; None where it is made.

    An output that is neither a tensor nor an input, such as a length worked out, is not made: then
    there are none.
    """
    nodes = list(module.graph.nodes)
    inputs = [node for node in nodes if node.op == "placeholder"]
    made: list[int] = []
    handed_on: list[int | None] = []
    for i, output in enumerate(nodes[-1].args[0]):
        if output in inputs:
            handed_on.append(inputs.index(output))
            continue
        if not isinstance(output, fx.Node) or not isinstance(
            output.meta.get("example_value"), Tensor
        ):
            return [], []
        made.append(i)
        handed_on.append(None)
    return made, handed_on


def _sizes(module: fx.GraphModule, examples: list[Any]) -> dict[int, tuple[int, int]]:
    """Which inputs are lengths that torch left open, and of which axis of which data."""
    nodes = [node for node in module.graph.nodes if node.op == "placeholder"]
    lengths: dict[str, tuple[int, int]] = {}
    for i, (node, x) in enumerate(zip(nodes, examples, strict=True)):
        if isinstance(x, Tensor) and not _is_fixed(x):
            for axis, length in enumerate(node.meta["example_value"].shape):
                lengths.setdefault(str(length), (i, axis))
    return {
        i: lengths[str(x)]
        for i, x in enumerate(examples)
        if isinstance(x, torch.SymInt) and str(x) in lengths
    }


def _is_fixed(x: Tensor) -> bool:
    """Whether torch marks an input as one of the module's own: parameters and buffers."""
    return isinstance(x, nn.Parameter) or getattr(x, "_dynamo_static_input_type", None) is not None


def _is_number(x: Any) -> bool:
    """Whether it is a Python number, which torch wraps where all sizes are open (`dynamic=True`).

    NumPy's float64 stands for it: it has the method `item`, too, which the traced module calls.
    """
    return isinstance(x, Tensor) and x.dim() == 0 and x.dtype == torch.float64
