"""Activation maximisation: an input that a unit answers to as strongly as it can."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from ..errors import OptionError
from ..filters import gaussian
from ..graph.aten import Program
from ._attribution import Floats
from ._gradient import checked_index, program_of, threads_for
from ._picture import Picture
from ._subject import Subject, open_subject
from ._target import Box, boxes_of, check_channel, crop, output_layer

if TYPE_CHECKING:
    from matplotlib.figure import Figure

TOGETHER = 8
"""Channels whose inputs are optimised at a time, as a batch."""

Where = Sequence[int] | Literal["middle", "all"]


@dataclass(frozen=True)
class Regularisers:
    """What keeps an optimised input from becoming noise.

    Args:
        decay: Pulls every number towards 0: the share of itself that it loses at a step of size 1.
        variation: Weight of the total variation, which smooths and keeps edges.
        blur: Standard deviation of a Gaussian, in pixels, that falls to 0 over the steps.
        blur_every: Steps from one blur to the next.
        jitter: Pixels by which the input is shifted at random before each step, and back after.
    """

    decay: float = 0.05
    variation: float = 0.05
    blur: float = 0.8
    blur_every: int = 4
    jitter: int = 2

    def __post_init__(self) -> None:
        for name, value in vars(self).items():
            if not math.isfinite(value) or value < (1 if name == "blur_every" else 0):
                least = 1 if name == "blur_every" else 0
                raise OptionError(f"maximise: {name}={value} must be {least} or more.")


@dataclass(frozen=True, eq=False)
class Maximised(Picture):
    """Inputs that were optimised for some channels.

    Args:
        subject: The network.
        layer: Whose channels.
        channels: Their numbers.
        place: The unit in each map; empty where the mean of the map was raised, or in a vector.
        inputs: One a channel, as the network takes them, (N, C, ...).
        history: What each was worth at the start and after every step, (N, steps + 1).
        box: What of the input the units see.
    """

    subject: Subject
    layer: str
    channels: tuple[int, ...]
    place: tuple[int, ...]
    inputs: Floats
    history: Floats
    box: Box

    def _draw(self) -> Figure:
        from ._sheet import sheet, sheet_height
        from ._style import PAGE, largest, new_figure

        tiles = [self._tile(part) for part in self.parts]
        aspect = tiles[0].shape[1] / tiles[0].shape[0] if tiles[0].ndim > 1 else 2.0
        columns = min(len(tiles), 8)
        title = f"{self.layer}: inputs that its {self._units()} answer to most"
        high = sheet_height(len(tiles), aspect, columns=columns, labels=True) + 0.3
        figure = new_figure(PAGE, high, title)
        ends = zip(self.channels, self.history[:, -1], strict=True)
        labels = [f"{self._name(channel)}: {value:.3g}" for channel, value in ends]
        sheet(figure.subplots(), tiles, largest(self.parts), columns=columns, labels=labels)
        return figure

    def _units(self) -> str:
        kind = self.subject.graph.types[self.subject.graph[self.layer].outputs[0]]
        if kind is None or kind.rank <= 2:
            return "classes" if self._gives_classes() else "units"
        at = f"unit at {', '.join(map(str, self.place))}" if self.place else "mean of the map"
        return f"channels ({at})"

    def _name(self, channel: int) -> str:
        name = self.subject.class_name(channel) if self._gives_classes() else str(channel)
        return name if len(name) <= 10 else f"{name[:9]}…"

    def _gives_classes(self) -> bool:
        return output_layer(self.subject) == self.layer and bool(self.subject.classes)

    def _tile(self, part: Floats) -> Floats:
        """Colours where a picture is meant, else the first channel's numbers or line."""
        from ._style import pixels

        if part.ndim == 4:
            part = part[:, part.shape[1] // 2]
        prepared = self.subject.preprocess
        if part.ndim == 3 and part.shape[0] in (1, 3):
            return pixels(part, prepared.mean, prepared.std)
        line: Floats = np.nan_to_num(part.reshape(len(part), -1)[0] if part.ndim < 3 else part[0])
        return line

    @property
    def parts(self) -> Floats:
        """What the units see of their inputs, (N, C, *box)."""
        return np.stack([crop(one, self.box) for one in self.inputs])


def maximise(
    model: Any,
    layer: str,
    channel: int | Sequence[int] = 0,
    *,
    place: Where = "middle",
    steps: int = 200,
    step: float = 0.1,
    decay: float = 0.05,
    variation: float = 0.05,
    blur: float = 0.8,
    blur_every: int = 4,
    jitter: int = 2,
    start: Any = None,
    seed: int = 0,
) -> Maximised:
    """Change an input, step by step, until a unit answers to it as strongly as it can.

    x <- clip(x + step * (g / rms(g) - decay * x - variation * dTV/dx)),   g = d unit / d x

    TV is the total variation, the sum over the places of the length of the difference to the next
    ones. The input stays in the range that pictures have (values from 0 to 1 before normalising);
    arrays and signals have no range. Every channel is optimised by itself, from the same start.

    Args:
        model: What `open_subject` takes; it must come from a torch module.
        layer: Whose unit.
        channel: One or several.
        place: The unit in the map; 'middle', or 'all' for the mean of the whole map.
        steps: How many.
        step: Of each, in the units of the network's input.
        decay, variation, blur, blur_every, jitter: What keeps it from becoming noise: see
            `Regularisers`. All 0 leaves plain gradient ascent.
        start: What to begin with, as `Subject.prepare` takes it; by default faint noise.
        seed: Of the noise and of the jitter.
    Raises:
        OptionError: There is no module, no such unit, or a setting below 0.
    Example:
        >>> from striate import look
        >>> found = look.maximise("lenet5", "c3", channel=[0, 1], steps=3)
        >>> found.inputs.shape, found.box, found.parts.shape
        ((2, 1, 32, 32), ((10, 24), (10, 24)), (2, 1, 14, 14))

    Source: Erhan et al. 2009, "Visualizing higher-layer features of a deep network"; Yosinski et
    al. 2015, arXiv:1506.06579 (decay, blur); Mahendran and Vedaldi 2015, arXiv:1412.0035 (total
    variation); Mordvintsev, Olah and Tyka 2015, "Inceptionism" (jitter).
    """
    subject = open_subject(model)
    program = program_of(subject)
    given = [channel] if isinstance(channel, int) else [int(one) for one in channel]
    if steps < 0 or not step > 0:
        raise OptionError(f"maximise: steps={steps} and step={step} must be above 0.")
    if not given:
        raise OptionError("maximise: channel=[]: name one channel or more.")
    keep = Regularisers(decay, variation, blur, blur_every, jitter)
    node = subject.graph[layer]
    kind = subject.graph.types[node.outputs[0]]
    shape = kind.shape[1:] if kind is not None and kind.rank > 1 else (1,)
    wanted = [check_channel(node.name, range(shape[0]), one) for one in given]
    at = _place(place, shape[1:])
    climb = _Climb(subject, program, node.outputs[0], steps, step, keep, seed)
    if at:
        checked_index(node.name, torch.empty(shape, device="meta"), (0, *at))
    begin = None if start is None else subject.prepare(start)
    groups = [wanted[i : i + climb.together] for i in range(0, len(wanted), climb.together)]
    with threads_for(subject, len(groups[0])):
        found = [climb.run(channels, at, begin) for channels in groups]
    unit = at or tuple(n // 2 for n in shape[1:])
    box = boxes_of(subject, node.name, unit)[1]
    if place == "all" and shape[1:]:
        box = tuple((0, n) for n in subject.input_shape[1:])
    inputs, history = (np.concatenate(parts) for parts in zip(*found, strict=True))
    return Maximised(subject, node.name, tuple(wanted), at, inputs, history, box)


def _place(place: Where, sizes: tuple[int, ...]) -> tuple[int, ...]:
    if isinstance(place, str):
        if place not in ("middle", "all"):
            raise OptionError(f"maximise: place={place!r} is neither 'middle', 'all' nor a place.")
        return () if place == "all" else tuple(n // 2 for n in sizes)
    return tuple(int(i) for i in place)


@dataclass(frozen=True, eq=False)
class _Climb:
    """Gradient ascent on one unit, or on the mean of a map."""

    subject: Subject
    program: Program
    value: str
    steps: int
    step: float
    keep: Regularisers
    seed: int

    @cached_property
    def together(self) -> int:
        """How many channels are climbed at a time."""
        alone = not runs_in_batches(self.subject, self.program, self.value)
        return 1 if alone else TOGETHER

    def run(
        self, channels: list[int], at: tuple[int, ...], start: Floats | None
    ) -> tuple[Floats, Floats]:
        """Give the inputs, (N, C, ...), and what they were worth, (N, steps + 1)."""
        generator = torch.Generator().manual_seed(self.seed)
        if start is None:
            noise = 0.1 * torch.randn(self.subject.input_shape, generator=generator)
            start = noise[None].numpy()
        x = self.program.cast(start)
        x = x.expand(len(channels), *x.shape[1:])
        low, high = self._range(x)
        values = []
        for number in range(self.steps):
            value, gradient = self._ascent(x, channels, at, self._jitter(x, generator))
            values.append(value)
            x = x + self.step * (gradient - self.keep.decay * x - self._smooth(x))
            sigma = self.keep.blur * (1 - number / self.steps)
            if sigma > 0.05 and number % self.keep.blur_every == self.keep.blur_every - 1:
                x = blurred(x, sigma)
            x = torch.minimum(torch.maximum(x, low), high)
        values.append(self._ascent(x, channels, at, [0] * (x.dim() - 2))[0])
        return x.float().cpu().numpy(), torch.stack(values, 1).cpu().numpy()

    def _ascent(
        self, x: Tensor, channels: list[int], at: tuple[int, ...], shifts: list[int]
    ) -> tuple[Tensor, Tensor]:
        """The units' values, and the gradient of each brought to a mean square of 1."""
        axes = list(range(2, x.dim()))
        with torch.enable_grad():
            x = x.detach().requires_grad_()
            moved = torch.roll(x, shifts, axes) if axes else x
            made = self.program.run([moved], [self.value])[self.value]
            units = made.reshape(len(x), -1) if made.dim() < 2 else made
            index: Any = (torch.arange(len(x)), torch.tensor(channels), *at)
            value = units[index].reshape(len(x), -1).mean(1)
            if not value.requires_grad:
                raise OptionError(f"{self.value}: it has no gradient on the input.")
            (gradient,) = torch.autograd.grad(value.sum(), x)
        length = gradient.square().mean(tuple(range(1, x.dim())), keepdim=True).sqrt()
        return value.detach().double(), gradient / torch.where(length > 0, length, 1.0)

    def _jitter(self, x: Tensor, generator: torch.Generator) -> list[int]:
        most = self.keep.jitter
        drawn = torch.randint(-most, most + 1, (x.dim() - 2,), generator=generator)
        return [int(shift) for shift in drawn]

    def _smooth(self, x: Tensor) -> Tensor:
        if not self.keep.variation or x.dim() < 3:
            return torch.zeros_like(x)
        with torch.enable_grad():
            x = x.detach().requires_grad_()
            (gradient,) = torch.autograd.grad(total_variation(x), x)
        return self.keep.variation * gradient

    def _range(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """What the network's input can hold."""
        prepared = self.subject.preprocess
        shape = (1, -1, *(1,) * (x.dim() - 2))
        mean = torch.tensor(prepared.mean, dtype=x.dtype, device=x.device).reshape(shape)
        std = torch.tensor(prepared.std, dtype=x.dtype, device=x.device).reshape(shape)
        if prepared.kind != "image":
            return torch.full_like(mean, -math.inf), torch.full_like(mean, math.inf)
        return (0 - mean) / std, (1 - mean) / std


def runs_in_batches(subject: Subject, program: Program, value: str) -> bool:
    """Whether the calls that were traced for one input give each of several inputs its own value.

    A network may have reshaped by the numbers that it saw, or mix what is in a batch.
    """
    x = program.cast(np.random.default_rng(0).standard_normal((2, *subject.input_shape)))
    with torch.no_grad():
        each = torch.cat([program.run([one[None]], [value])[value] for one in x])
        try:
            both = program.run([x], [value])[value]
        except RuntimeError:
            return False
    return both.shape == each.shape and torch.allclose(both, each, rtol=1e-3, atol=1e-4)


def total_variation(x: Tensor) -> Tensor:
    """Sum over the places of the length of the difference to the next place along each axis.

    Shape:
        x (N, C, ...).

    Source: Rudin, Osher and Fatemi 1992.
    """
    total = torch.zeros((), dtype=x.dtype, device=x.device)
    squares: Tensor | None = None
    for axis in range(2, x.dim()):
        last = x.narrow(axis, x.shape[axis] - 1, 1)
        difference = torch.diff(x, dim=axis, append=last).square()
        squares = difference if squares is None else squares + difference
    # Not at 0, where a square root has no gradient.
    return total if squares is None else (squares + 1e-8).sqrt().sum()


def blurred(x: Tensor, sigma: float) -> Tensor:
    """Blur every axis behind the channels with a Gaussian; the edge is repeated outside."""
    row = torch.from_numpy(gaussian(sigma, ndim=1)).to(x)
    for axis in range(2, x.dim()):
        moved = x.movedim(axis, -1)
        lines = moved.reshape(-1, 1, moved.shape[-1])
        side = len(row) // 2
        padded = F.pad(lines, (side, side), mode="replicate")
        x = F.conv1d(padded, row.reshape(1, 1, -1)).reshape(moved.shape).movedim(-1, axis)
    return x
