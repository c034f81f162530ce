"""What excites a unit: the parts of a data set that it answers to most."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ..errors import DataError, OptionError
from ._picture import Picture
from ._samples import Samples, open_samples
from ._subject import Subject, open_subject
from ._target import Box, boxes_of, check_channel, crop

if TYPE_CHECKING:
    from matplotlib.figure import Figure

Floats = NDArray[Any]


@dataclass(frozen=True, eq=False)
class Patch:
    """One place in a data set that a channel answers to.

    Args:
        sample: Number of the input in the data.
        name: Of that input.
        value: The channel's value there.
        place: In the channel's map.
        box: The receptive field of that unit, over the border too.
        visible: Its real pixels.
        input: The whole input, (C, ...).
    """

    sample: int
    name: str
    value: float
    place: tuple[int, ...]
    box: Box
    visible: Box
    input: Floats

    @property
    def pixels(self) -> Floats:
        """What the unit sees, (C, *box); NaN where it is padding."""
        cut: Floats = crop(self.input, self.box)
        return cut


@dataclass(frozen=True, eq=False)
class TopPatches(Picture):
    """The parts of a data set that excite the channels of a layer most.

    Args:
        subject: The network.
        layer: Whose channels.
        channels: Their numbers.
        patches: Of each channel, strongest first.
        seen: Inputs that were looked at.
    """

    subject: Subject
    layer: str
    channels: tuple[int, ...]
    patches: tuple[tuple[Patch, ...], ...]
    seen: int

    def _draw(self) -> Figure:
        from ._top_drawing import draw

        return draw(self)


def top_patches(
    model: Any,
    layer: str,
    data: Any,
    channel: int | Sequence[int] = 0,
    k: int = 9,
    *,
    one_per_input: bool = True,
    most: int | None = None,
    batch_size: int = 16,
) -> TopPatches:
    """Find the inputs, and the parts of them, that excite a channel most.

    The data go through the network batch by batch; only the k best places of each channel are kept.
    Each is cut out by the exact receptive field of its unit.

    Args:
        model: What `open_subject` takes; no gradients are needed.
        layer: Whose channels; a vector's numbers have the whole input as their field.
        data: A data set, a folder, a name that `striate.data.load` knows, a list of files, or an
            array (N, C, ...).
        channel: One or several.
        k: Patches of each.
        one_per_input: Only the strongest place of each input; else its neighbours, which see nearly
            the same, take the other places.
        most: Look at this many inputs only, the first ones.
        batch_size: Inputs that are run at a time.
    Raises:
        OptionError: There is no such layer or channel.
        DataError: There are no inputs.
    Example:
        >>> from striate import look
        >>> images = np.zeros((5, 1, 32, 32), np.float32)
        >>> images[3, 0, 10:20, 12] = 1
        >>> found = look.top_patches("lenet5", "c1", images, channel=[0, 1], k=2)
        >>> [patch.sample for patch in found.patches[0]], found.patches[0][0].pixels.shape
        ([3, 0], (1, 5, 5))

    Source: Zeiler and Fergus 2014, "Visualizing and understanding convolutional networks",
    arXiv:1311.2901, section 4.
    """
    subject = open_subject(model)
    samples = open_samples(subject, data)
    node = subject.graph[layer].name
    if k < 1 or batch_size < 1:
        raise OptionError(f"top_patches: k={k} and batch_size={batch_size} must be 1 or more.")
    wanted = [channel] if isinstance(channel, int) else [int(one) for one in channel]
    best: list[_Best] | None = None
    seen = 0
    for numbers, inputs in _first(samples, most).batches(batch_size):
        values = subject.activations([node], inputs)[node]
        values = values.reshape(len(values), -1) if values.ndim == 1 else values
        if best is None:
            wanted = [check_channel(node, values[0], one) for one in wanted]
            best = [_Best(k, one_per_input) for _ in wanted]
        for one, kept in zip(wanted, best, strict=True):
            kept.add(numbers, values[:, one])
        seen += len(numbers)
    if best is None:
        raise DataError("top_patches: the data hold no input that can be read.")
    patches = [tuple(_patch(subject, samples, node, *at) for at in kept.places()) for kept in best]
    return TopPatches(subject, node, tuple(wanted), tuple(patches), seen)


def _first(samples: Samples, most: int | None) -> Samples:
    if most is None or most >= samples.count:
        return samples
    return Samples(most, samples.fetch, samples.name_of)


class _Best:
    """The k strongest places so far; of equal ones the first."""

    def __init__(self, k: int, one_per_input: bool) -> None:
        self.k, self.one_per_input = k, one_per_input
        self.values = np.empty(0)
        self.at: list[tuple[int, tuple[int, ...]]] = []

    def add(self, numbers: Sequence[int], maps: Floats) -> None:
        """Take a batch of the channel's maps, (N, *sizes)."""
        flat = np.nan_to_num(maps.reshape(len(maps), -1).astype(np.float64), nan=-np.inf)
        count = 1 if self.one_per_input else min(self.k, flat.shape[1])
        if count == 1:
            places = flat.argmax(1)[:, None]
        else:
            places = np.argsort(-flat, axis=1, kind="stable")[:, :count]
        values = np.concatenate([self.values, np.take_along_axis(flat, places, 1).ravel()])
        sizes = maps.shape[1:]
        at = [
            (number, tuple(map(int, np.unravel_index(place, sizes))))
            for number, row in zip(numbers, places, strict=True)
            for place in row
        ]
        both = [*self.at, *at]
        order = np.argsort(-values, kind="stable")[: self.k]
        self.values, self.at = values[order], [both[i] for i in order]

    def places(self) -> list[tuple[float, int, tuple[int, ...]]]:
        """Value, sample and place, strongest first."""
        return [(float(v), *at) for v, at in zip(self.values, self.at, strict=True)]


def _patch(
    subject: Subject, samples: Samples, layer: str, value: float, sample: int, place: Any
) -> Patch:
    box, visible = boxes_of(subject, layer, place)
    (picture,) = samples.fetch([sample])
    return Patch(sample, samples.name_of(sample), value, place, box, visible, picture)
