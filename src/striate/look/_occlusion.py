"""Cover a part of the input, and see what the unit says: no gradients needed."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..errors import OptionError
from ..window import Window
from ._attribution import Attribution, Floats
from ._subject import Subject, open_subject
from ._target import Target, find_target


@dataclass(frozen=True, eq=False)
class Occlusion(Attribution):
    """How much a unit loses when a part of the input is covered.

    `map` is, at each place, the mean drop of all covers that lie on it.

    Args:
        drops: The drop of each place of the cover: the unit's value less that with the cover.
        cover: Size and stride of the cover along each axis.
        fill: What covers: a value for each channel, in the network's units.
    """

    drops: Floats
    cover: tuple[Window, ...]
    fill: tuple[float, ...]

    signed = True
    quantity = "drop under the cover"


def occlusion(
    model: Any,
    image: Any,
    layer: str | None = None,
    channel: int | None = None,
    place: Sequence[int] | None = None,
    *,
    size: int | Sequence[int] | None = None,
    stride: int | Sequence[int] | None = None,
    fill: float | Sequence[float] = 0.0,
    batch_size: int = 16,
) -> Occlusion:
    """Slide a cover over the input, and show by how much the unit's value drops.

    drop[k] = unit(x) - unit(x with cover k);   map[i,j] = mean of the drops of covers on (i, j)

    Orange places speak for the unit, blue ones against it. The network is only run, on Striate's
    engine, many covers at a time: it works for ONNX files as well.

    Args:
        model: What `open_subject` takes.
        image: What `Subject.prepare` takes.
        layer, channel, place: The unit; by default the strongest of the network's first output.
        size: Of the cover; by default an eighth of each axis.
        stride: Steps of the cover; by default half its size. A last cover may hang over the end.
        fill: What covers, in the network's units, or one for each channel; 0 is the mean of the
            data for a network that normalises.
        batch_size: Covers tried at a time.
    Raises:
        OptionError: There is no such unit, or the cover is no size.
    Example:
        >>> from striate import look
        >>> found = look.occlusion("lenet5", np.ones((1, 32, 32)), size=8, stride=4)
        >>> found.drops.shape, found.map.shape
        ((7, 7), (32, 32))

    Source: Zeiler and Fergus 2014, "Visualizing and understanding convolutional networks",
    arXiv:1311.2901, section 4.2.
    """
    subject = open_subject(model)
    run = subject.run(image)
    target = find_target(run, layer, channel, place)
    x = run.input[0]
    cover = _cover(x.shape[1:], size, stride)
    filling = _filling(fill, len(x))
    places = [w.output_size(n) for w, n in zip(cover, x.shape[1:], strict=True)]
    values = [
        value
        for batch in _batches(_covered(x, cover, filling), batch_size)
        for value in _values(subject, target, batch)
    ]
    drops = (target.value - np.asarray(values, np.float64)).reshape(places)
    spread = _spread(drops, cover, x.shape[1:])
    return Occlusion(subject, target, x, spread, drops, cover, tuple(map(float, filling)))


def _cover(
    sizes: Sequence[int], size: int | Sequence[int] | None, stride: int | Sequence[int] | None
) -> tuple[Window, ...]:
    if not sizes:
        raise OptionError("occlusion: the input is a vector, which has no places to cover.")
    size = [max(1, n // 8) for n in sizes] if size is None else _each(size, sizes, "size")
    stride = [max(1, s // 2) for s in size] if stride is None else _each(stride, sizes, "stride")
    for wanted, n in zip(size, sizes, strict=True):
        if not 1 <= wanted <= n:
            raise OptionError(f"occlusion: a cover of {wanted} does not go along an axis of {n}.")
    pairs = zip(size, stride, strict=True)
    return tuple(Window(side, stride=step, ceil_mode=True) for side, step in pairs)


def _each(value: int | Sequence[int], sizes: Sequence[int], name: str) -> list[int]:
    several = [value] * len(sizes) if isinstance(value, int) else list(value)
    if len(several) != len(sizes):
        raise OptionError(
            f"occlusion: {name}={tuple(several)} has {len(several)} numbers; give one, or "
            f"{len(sizes)}."
        )
    return several


def _filling(fill: float | Sequence[float], channels: int) -> Floats:
    several = np.ravel(np.asarray(fill, np.float32))
    if several.size not in (1, channels):
        raise OptionError(f"occlusion: fill has {several.size} numbers; give 1, or {channels}.")
    return np.broadcast_to(several, (channels,))


def _parts(cover: Sequence[Window], sizes: Sequence[int]) -> Iterator[tuple[slice, ...]]:
    """The places of the cover, as slices of the axes behind the channels."""
    axes = [
        [w.input_interval(i, n) for i in range(w.output_size(n))]
        for w, n in zip(cover, sizes, strict=True)
    ]
    for runs in itertools.product(*axes):
        yield tuple(slice(run.start, run.stop) for run in runs)


def _batches(inputs: Iterator[Floats], size: int) -> Iterator[Floats]:
    while batch := list(itertools.islice(inputs, size)):
        yield np.stack(batch)


def _covered(x: Floats, cover: Sequence[Window], filling: Floats) -> Iterator[Floats]:
    for part in _parts(cover, x.shape[1:]):
        one = x.copy()
        one[(slice(None), *part)] = filling.reshape(-1, *(1,) * len(part))
        yield one


def _values(subject: Subject, target: Target, inputs: Floats) -> Floats:
    made = subject.activations([target.layer], inputs)[target.layer]
    values: Floats = np.moveaxis(made, 0, -1)[target.index] if made.ndim > 1 else made
    return values


def _spread(drops: Floats, cover: Sequence[Window], sizes: tuple[int, ...]) -> Floats:
    """The mean drop of the covers on each place; 0 where none lies."""
    total, count = np.zeros(sizes), np.zeros(sizes)
    for part, drop in zip(_parts(cover, sizes), drops.ravel(), strict=True):
        total[part] += drop
        count[part] += 1
    mean: Floats = total / np.maximum(count, 1)
    return mean
