"""A call of a compiled module as one node of autograd."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from ._program import Program


def apply(
    program: Program, inputs: list[Tensor], weights: dict[str, Tensor], wanted: tuple[str, ...]
) -> tuple[list[Tensor], list[Tensor]]:
    """Run a network's forward pass, so that autograd can run the backward pass.

    Args:
        program: Both passes.
        inputs: The network's.
        weights: By name.
        wanted: Names of those whose gradients the program computes.
    Returns:
        Outputs, and the moments of batch norms.
    """
    training = program.training
    read = [*inputs, *(weights[name] for name in training.weights)]
    masks = [draw(torch.empty(training.graph.inputs[m.value].shape), m.p) for m in training.masks]
    tensors = [*(x.contiguous() for x in read), *masks]
    outputs = program.outputs
    if not wanted:
        made, call = program.forward(tensors)
        program.end(call)
        return made[:outputs], made[outputs:]
    order = [program.places.get(name) for name in wanted]
    moments: list[Tensor] = []  # past autograd, which would wrap each of them
    made = _Step.apply(program, moments, order, *tensors)
    return list(made), moments


def draw(mask: Tensor, p: float) -> Tensor:
    """Fill in what a dropout multiplies by, from torch's generator."""
    return mask.zero_() if p >= 1 else mask.bernoulli_(1 - p).div_(1 - p)


class _Step(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any,
        program: Program,
        moments: list[Tensor],
        order: list[int | None],
        *tensors: Tensor,
    ) -> Any:
        made, call = program.forward(tensors)
        outputs = made[: program.outputs]
        moments += made[program.outputs :]
        ctx.save_for_backward(*tensors)
        ctx.program, ctx.call, ctx.order = program, call, order
        flat = program.training.output_gradients
        dead = [y for y, g in zip(outputs, flat, strict=True) if g is None]
        ctx.mark_non_differentiable(*dead)
        return tuple(outputs)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *gradients: Tensor) -> Any:
        program = ctx.program
        given = [
            gradient.contiguous()
            for gradient, name in zip(gradients, program.training.output_gradients, strict=False)
            if name is not None
        ]
        tensors = ctx.saved_tensors
        call, ctx.call = ctx.call, None  # a graph that stays must not keep the memory
        if call is None:
            _, call = program.forward(tensors)
        made = iter(program.backward(call, tensors, given))
        found: list[Tensor | None] = [None] * len(tensors)
        for place, gradient in zip(ctx.order, program.training.gradients, strict=True):
            if gradient is not None and place is not None:
                found[place] = next(made)
        return (None, None, None, *found)
