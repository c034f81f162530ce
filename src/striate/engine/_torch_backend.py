"""`torch.compile(model, backend="striate")`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, fx, nn

from ..errors import OptionError
from ._compile import compile


def backend(module: fx.GraphModule, examples: list[Any], **options: Any) -> Callable[..., Any]:
    """Compile what torch traced; parameters that torch hands over as inputs become weights.

    Raises:
        OptionError: Gradients are wanted: this plan is for inference.
    """
    if torch.is_grad_enabled() and any(isinstance(x, Tensor) and x.requires_grad for x in examples):
        raise OptionError(
            "torch.compile(backend='striate') is for inference: call the model under "
            "torch.no_grad() or torch.inference_mode()."
        )
    closed = _Closed(module, examples)
    shapes = [(tuple(examples[i].shape), examples[i].dtype) for i in closed.data]
    plans: list[Any] = []

    # Compiled at the first call: torch's tracing cannot be nested.
    @torch._dynamo.disable  # type: ignore[untyped-decorator]
    def run(*inputs: Any) -> Any:
        if not plans:
            zeros = [torch.zeros(shape, dtype=dtype) for shape, dtype in shapes]
            plans.append(compile(closed, zeros, **options))
        result = plans[0](*(inputs[i] for i in closed.data))
        return result if isinstance(result, tuple) else (result,)

    return run  # type: ignore[no-any-return]


class _Closed(nn.Module):
    """The traced module with its parameters put in: its inputs are the data alone."""

    def __init__(self, module: fx.GraphModule, examples: list[Any]) -> None:
        super().__init__()
        self.module = module
        self.fixed = [i for i, x in enumerate(examples) if _is_fixed(x)]
        self.data = [i for i in range(len(examples)) if i not in self.fixed]
        for i in self.fixed:
            x = examples[i]
            if isinstance(x, Tensor):  # detached: tracing must not touch the user's own
                self.register_buffer(f"fixed{i}", x.detach())
            else:
                setattr(self, f"fixed{i}", x)
        self.eval()

    def forward(self, *data: Tensor) -> Any:
        given = {i: getattr(self, f"fixed{i}") for i in self.fixed}
        given.update(zip(self.data, data, strict=True))
        result = self.module(*(given[i] for i in range(len(given))))
        return result[0] if isinstance(result, tuple | list) and len(result) == 1 else result


def _is_fixed(x: Any) -> bool:
    """Whether torch marks an input as one of the module's own: parameters and buffers."""
    return (
        not isinstance(x, Tensor)
        or isinstance(x, nn.Parameter)
        or getattr(x, "_dynamo_static_input_type", None) is not None
    )
