"""What a unit really sees, by gradient: the effective field, and a check of the theoretical one."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from ..errors import OptionError
from ..graph import Graph, capture
from ._unit import Unit, look_at_unit

COUNTS = 0.0455
"""Share of the largest weight above which a pixel counts: two standard deviations."""


@dataclass(frozen=True)
class EffectiveField:
    """How strongly each input pixel moves one unit.

    Args:
        unit: The unit, with its theoretical box.
        weight: Mean magnitude of the gradient at each pixel (summed over channels), largest 1.
    """

    unit: Unit
    weight: np.ndarray[Any, Any]

    def size(self, share: float = COUNTS) -> float:
        """Side of the square (cube, interval) as large as the pixels that count.

        Args:
            share: A pixel counts whose weight is more than this share of the largest; 4.55 %, two
                standard deviations of a bell curve, is the paper's.
        """
        return counted_side(self.weight, share)


def counted_side(weight: np.ndarray[Any, Any], share: float = COUNTS) -> float:
    """Side of the square (cube, interval) as large as the pixels above a share of the largest, 1.

    Example:
        >>> round(counted_side(np.array([[1.0, 0.5], [0.2, 0.01]]), share=0.1) ** 2)
        3
    """
    counted = int((weight > share).sum())
    return float(counted ** (1 / weight.ndim))


def effective_field(
    model: nn.Module,
    layer: str,
    input_shape: Sequence[int],
    *,
    place: Sequence[int] | None = None,
    samples: int = 20,
    seed: int = 0,
) -> EffectiveField:
    """Measure the effective receptive field of a unit: the mean gradient over random inputs.

    Args:
        model: The network, with the weights it has.
        layer: Path of a module.
        input_shape: (N, C, *); N is taken as 1.
        place: The unit; by default the one in the middle.
        samples: Number of random inputs (normal distribution).
        seed: Of the random numbers.
    Raises:
        OptionError: There is no such module.
    Example:
        >>> net = torch.nn.Sequential(torch.nn.Conv2d(1, 1, 3, padding=1))
        >>> effective_field(net, "0", (1, 1, 9, 9)).weight.shape
        (9, 9)

    Source: Luo, Li, Urtasun and Zemel 2016, "Understanding the effective receptive field in deep
    convolutional neural networks".
    """
    shape = (1, *input_shape[1:])
    unit, module = _unit_of(capture(model, shape), model, layer, place)
    total = _gradients(model, module, unit.place, shape, samples, seed, positive=False)
    weight = total.sum(0)
    largest = float(weight.max())
    return EffectiveField(unit, (weight / largest if largest else weight).numpy())


@dataclass(frozen=True)
class BoxCheck:
    """A unit's theoretical box beside the box of all pixels that have a gradient.

    Args:
        unit: The unit, with its theoretical box.
        support: (first, last + 1) of the pixels with a gradient, along each axis.
    """

    unit: Unit
    support: tuple[tuple[int, int], ...]

    @property
    def exact(self) -> bool:
        """Whether the gradient reaches every edge of the box, as far as it is on the input, and
        nothing outside.
        """
        visible = self.unit.visible
        if any(seen is not None and seen[0] >= seen[1] for seen in visible):
            visible = tuple((0, 0) for _ in visible)  # all of it is padding
        return self.support == visible


def check_box(
    model: nn.Module,
    layer: str,
    input_shape: Sequence[int],
    *,
    place: Sequence[int] | None = None,
    samples: int = 100,
    seed: int = 0,
) -> BoxCheck:
    """Find the pixels that a unit depends on by gradient, with random positive weights.

    Positive weights and inputs leave no gradient to cancel another; what a maximum hides in one
    sample another one shows.

    Args:
        model: The network; it is copied, and its weights are not used.
        layer: Path of a module.
        input_shape: (N, C, *); N is taken as 1.
        place: The unit; by default the one in the middle.
        samples: Most random inputs tried; it ends as soon as the box is reached.
        seed: Of the random numbers.
    Example:
        >>> net = torch.nn.Sequential(torch.nn.Conv2d(1, 2, 3), torch.nn.MaxPool2d(2))
        >>> check_box(net, "1", (1, 1, 9, 9)).exact
        True
    """
    shape = (1, *input_shape[1:])
    net = copy.deepcopy(model).double().eval()
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for weight in (*net.parameters(), *net.buffers()):
            if weight.is_floating_point():
                drawn = torch.rand(weight.shape, generator=generator, dtype=torch.float64)
                weight.copy_((drawn + 0.1) / max(weight[0].numel() if weight.dim() else 1, 1))
    unit, module = _unit_of(capture(net, shape), net, layer, place)
    touched = torch.zeros(shape[2:], dtype=torch.bool)
    check = BoxCheck(unit, ())
    for sample in range(samples):
        found = _gradients(net, module, unit.place, shape, 1, seed + sample, positive=True)
        touched |= found.sum(0) != 0
        check = BoxCheck(unit, _extent(touched))
        if check.exact:
            break
    return check


def _extent(touched: Tensor) -> tuple[tuple[int, int], ...]:
    places = touched.nonzero()
    if not len(places):
        return tuple((0, 0) for _ in touched.shape)
    low, high = places.amin(0).tolist(), places.amax(0).tolist()
    return tuple((a, b + 1) for a, b in zip(low, high, strict=True))


def _unit_of(
    graph: Graph, model: nn.Module, layer: str, place: Sequence[int] | None
) -> tuple[Unit, nn.Module]:
    modules = dict(model.named_modules())
    if layer not in modules:
        from difflib import get_close_matches

        near = get_close_matches(layer, [m for m in modules if m], n=3) or list(modules)[1:4]
        raise OptionError(
            f"{layer!r} is no module of {type(model).__name__}, and gradients are measured at "
            f"modules. Near it: {', '.join(map(repr, near))}."
        )
    inside = [n for n in graph if not layer or n.path == layer or n.path.startswith(f"{layer}.")]
    if not inside:
        raise OptionError(f"{layer!r} is not used by {type(model).__name__}.")
    node = inside[-1]
    kind = graph.types[node.outputs[0]]
    sizes = kind.shape[2:] if kind else ()
    at = tuple(n // 2 for n in sizes) if place is None else tuple(place)
    return look_at_unit(graph, node.name, at), modules[layer]


def _gradients(
    model: nn.Module,
    module: nn.Module,
    place: tuple[int, ...],
    shape: tuple[int, ...],
    samples: int,
    seed: int,
    *,
    positive: bool,
) -> Tensor:
    """Sum of |d unit / d input| over samples, (C, *); of normal or of `positive` inputs."""
    generator = torch.Generator().manual_seed(seed)
    weight = next((w for w in model.parameters()), torch.zeros(()))
    caught: list[Tensor] = []
    handle = module.register_forward_hook(lambda m, i, output: caught.append(output))
    training = model.training
    model.eval()
    total = torch.zeros(shape[1:], dtype=torch.float64)
    try:
        for _ in range(samples):
            x = torch.randn(shape, generator=generator)
            # Positive with a long tail: every pixel is the largest of its window in some sample.
            x = (x.mul(3).exp() if positive else x).to(weight).requires_grad_()
            caught.clear()
            with torch.enable_grad():
                model(x)
                values = caught[-1][0].movedim(0, -1)[place]
                (gradient,) = torch.autograd.grad(values.sum(), x)
            total += gradient[0].abs().double().cpu()
    finally:
        handle.remove()
        model.train(training)
    return total
