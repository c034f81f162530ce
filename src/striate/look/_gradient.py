"""Gradients of one unit, by torch: on the input or on a layer; ReLU's way back can be chosen."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Literal, get_args

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ..errors import OptionError
from ..graph.aten import Program
from ._subject import Subject
from ._target import check_channel

Floats = NDArray[Any]
Rule = Literal["gradient", "deconv", "guided"]


def input_gradient(
    subject: Subject,
    x: Any,
    layer: str,
    channel: int,
    place: Sequence[int] = (),
    *,
    rule: Rule = "gradient",
) -> Floats:
    """Compute how strongly each number of the input moves one unit.

    Args:
        subject: The network; it must come from a torch module.
        x: What `Subject.prepare` takes.
        layer, channel, place: The unit; no place in a vector.
        rule: How signals go back through a ReLU: see `back_project`.
    Shape:
        output (C, ...) like the input, float32.
    Raises:
        OptionError: There is no module, or no such unit, or no gradient of it.
    Example:
        >>> from striate import look
        >>> lenet = look.open_subject("lenet5")
        >>> input_gradient(lenet, np.zeros((1, 32, 32)), "c1", 0, (3, 4)).shape
        (1, 32, 32)
    """
    return unit_gradient(subject, x, layer, (channel, *place), rule=rule)[0]


def unit_gradient(
    subject: Subject,
    x: Any,
    layer: str,
    index: tuple[int | None, ...],
    *,
    by: str | None = None,
    rule: Rule = "gradient",
) -> tuple[Floats, int]:
    """Compute the gradient of a unit by the input, or by the output of the layer `by`.

    A channel of None stands for the sum of all channels at the place.

    Returns:
        The gradient, and how many ReLUs the signal came back through.
    """
    program = program_of(subject)
    unit, source = subject.graph[layer].outputs[0], None if by is None else subject.graph[by]
    wanted = [unit] if source is None else [source.outputs[0], unit]
    relu = _Relu(rule)
    given = program.cast(subject.prepare(x)).requires_grad_()
    with torch.enable_grad():
        found = program.run([given], wanted, relu)
        values = torch.atleast_1d(found[unit][0])
        at = given if source is None else found[source.outputs[0]]
        value = _unit(layer, values, index)
        gradient = _gradient(value, at)
    if gradient is None:
        raise OptionError(
            f"{subject.name}: {layer!r} does not depend on {by or 'the input'!r} in a way that has "
            f"a gradient."
        )
    return gradient[0].float().cpu().numpy(), relu.passed


def _unit(layer: str, values: Tensor, index: Sequence[Any]) -> Tensor:
    channel, *place = index
    at = checked_index(layer, values, (0 if channel is None else channel, *place))
    return values[at] if channel is not None else values.movedim(0, -1)[at[1:]].sum()


def _gradient(value: Tensor, at: Tensor) -> Tensor | None:
    if not value.requires_grad or not at.requires_grad:
        return None
    (gradient,) = torch.autograd.grad(value, at, allow_unused=True)
    return gradient


def checked_index(layer: str, values: Tensor, index: Sequence[int]) -> tuple[int, ...]:
    """Check an index into a layer's output.

    Raises:
        OptionError: There is no such unit.
    """
    check_channel(layer, values, index[0])
    sizes = tuple(values.shape)
    if len(index) != len(sizes) or any(not -n <= i < n for i, n in zip(index, sizes, strict=True)):
        raise OptionError(
            f"{layer}: there is no unit {tuple(index)}; its output is {sizes}, channel first, "
            f"counted from 0."
        )
    return tuple(index)


SMALL = 10**9
"""MACs: in a pass of fewer, torch's threads wait for each other longer than they work."""


@contextmanager
def threads_for(subject: Subject, inputs: int) -> Iterator[None]:
    """Let torch run passes over so many inputs on one thread where they are small.

    On a busy machine a small network's passes take ten times the processor's time on two.
    """
    before = torch.get_num_threads()
    if inputs * subject.report.macs < SMALL:
        torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def has_gradients(subject: Subject) -> bool:
    """Whether there is a torch module whose gradients can be taken."""
    return isinstance(subject.graph.source, Program)


def program_of(subject: Subject) -> Program:
    """The traced calls of the network's torch module.

    Raises:
        OptionError: It has none.
    """
    program = subject.graph.source
    if not isinstance(program, Program):
        raise OptionError(
            f"{subject.name} comes from a file without its torch module, and gradients need one. "
            f"Give the module, a run folder or a network of the zoo; look.occlusion and "
            f"look.top_patches need no gradient."
        )
    return program


class _Relu:
    """ReLU with a chosen way back, and a count of those that a signal came back through."""

    def __init__(self, rule: Rule) -> None:
        if rule not in get_args(Rule):
            known = ", ".join(map(repr, get_args(Rule)))
            raise OptionError(f"rule={rule!r} is not one of {known}.")
        self.rule, self.passed = rule, 0

    def __call__(self, x: Tensor) -> Tensor:
        made: Tensor = _ReluBack.apply(x, self)
        return made


class _ReluBack(torch.autograd.Function):
    """ReLU forward; backward the gradient's mask, a ReLU of the signal, or both."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, how: _Relu) -> Tensor:
        ctx.save_for_backward(x > 0)  # not x, which ReLU in place writes over
        ctx.how = how
        return x.clamp(min=0)

    @staticmethod
    def backward(ctx: Any, *signals: Tensor) -> tuple[Tensor, None]:
        ctx.how.passed += 1
        signal = signals[0] if ctx.how.rule == "gradient" else signals[0].clamp(min=0)
        (above,) = ctx.saved_tensors
        return (signal if ctx.how.rule == "deconv" else signal * above), None


def magnitude(gradient: Floats) -> Floats:
    """The largest magnitude over the channels, at each place.

    Source: Simonyan, Vedaldi and Zisserman 2014, section 3.1.
    """
    largest: Floats = np.abs(gradient).max(axis=0)
    return largest
