"""How far maps follow a shift, a flip or a small rotation of the input, layer by layer."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING, Any

import numpy as np

from ..errors import DataError, OptionError
from ._blur import blur_strides
from ._changes import Change, Fill, Flip, Shift, Turn
from ._following import Following, following
from ._geometry import grids_of
from ._picture import Picture
from ._samples import open_samples
from ._subject import Activations, Subject, open_subject

if TYPE_CHECKING:
    from matplotlib.figure import Figure

TOLERANCE = 1e-3
"""A relative difference above this is more than rounding explains."""


@dataclass(frozen=True)
class Follows:
    """How far one layer follows the changes.

    Args:
        layer: Its name.
        kind: Of its operation.
        step: The largest stride that it adds to what it reads; 1 for none.
        jump: Pixels of the input from one unit to the next; None where its units do not slide, so
            that it should not change at all.
        interior: Whether only units were compared whose fields stay clear of the border; where no
            unit's does, all were.
        units: How many were compared, at the change that left the fewest; 0 where all were.
        differences: The relative difference at each change; None where the map was moved away as
            a whole, and no unit is left to compare.
    """

    layer: str
    kind: str
    step: float
    jump: float | None
    interior: bool
    units: int
    differences: tuple[float | None, ...]


@dataclass(frozen=True, eq=False)
class Equivariance(Picture):
    """How far the maps of a network follow changes of its input.

    Args:
        name: The network's.
        changes: What was done to the inputs.
        layers: How each layer follows, in the order they run.
        agreement: At each change the share of the inputs that keep their class; None where the
            output is no vector of classes.
        count: Inputs that were looked at.
        blurred: The same of a copy whose strides blur first, where that was asked for.
    """

    name: str
    changes: tuple[Change, ...]
    layers: tuple[Follows, ...]
    agreement: tuple[float, ...] | None
    count: int
    blurred: Equivariance | None = None

    def breaks(self, change: int, tolerance: float = TOLERANCE) -> Follows | None:
        """Find the first layer that does not follow a change, by its number; None if all do."""
        over = (one for one in self.layers if (one.differences[change] or 0) > tolerance)
        return next(over, None)

    def first_stride(self, tolerance: float = TOLERANCE) -> Follows | None:
        """Find the first layer with a stride that does not follow every shift."""
        shifts = [i for i, change in enumerate(self.changes) if change.kind == "shift"]
        for one in self.layers:
            if one.step > 1 and any((one.differences[i] or 0) > tolerance for i in shifts):
                return one
        return None

    def as_dict(self) -> dict[str, Any]:
        """Give all of it in a form that JSON takes."""
        from ._equivariance_text import as_dict

        return as_dict(self)

    def to_json(self) -> str:
        """Write it as JSON."""
        import json

        return json.dumps(self.as_dict(), indent=2, allow_nan=False)

    def to_text(self) -> str:
        """Write it as a table."""
        from ._equivariance_text import to_text

        return to_text(self)

    def _draw(self) -> Figure:
        from ._equivariance_drawing import draw

        return draw(self)


def equivariance(
    model: Any,
    data: Any,
    *,
    shifts: int | Sequence[int | Sequence[int]] = 4,
    flips: bool | Sequence[int] = True,
    angles: Sequence[float] | None = None,
    fill: Fill = "circular",
    blur: bool = False,
    most: int = 16,
) -> Equivariance:
    """Measure how far each layer's map follows when the input is shifted, flipped or rotated.

    d = |F(Tx) - T'F(x)| / sqrt((|F(Tx)|^2 + |T'F(x)|^2) / 2)

    T changes the input, T' the map in the same way, the norms are over all inputs, channels and
    units that are compared: 0 is the same, 1.41 as different as unrelated values of mean 0. A unit
    of F(Tx) whose field has its centre at pixel p is compared with F(x) at the unit that stands at
    the pixel q which T brought to p. Where a shift is no multiple of the layer's jump that lies
    between units, and F(x) is read linearly between them. Only units are compared whose fields, in
    both inputs, touch neither the border nor what came in over it; a layer that has none is
    compared as a whole, and says so. What does not slide (after a global pooling) should not change
    at all, and is compared unit by unit.

    Args:
        model: What `open_subject` takes; no gradients are needed.
        data: A data set, a folder, a name that `striate.data.load` knows, a list of files, or an
            array (N, C, ...).
        shifts: 1 .. this many pixels along every axis at once, or a list: numbers, or one an axis.
        flips: Turn the last axis round (left and right); or a list of axes, from the end.
        angles: In degrees, for pictures; by default 5 and 10.
        fill: What enters at the border when an input is shifted: 'circular', 'edge' or 'zeros'. It
            matters to the class, and to layers that see the whole.
        blur: Measure also a copy in which `blur_strides` put a BlurPool at every stride; it needs a
            module.
        most: Inputs looked at, the first ones.
    Raises:
        OptionError: A shift or an angle that does not fit the input.
        DataError: There are no inputs.
    Example:
        >>> from striate import look
        >>> net = torch.nn.Sequential(torch.nn.Conv2d(1, 4, 3), torch.nn.Conv2d(4, 4, 3, stride=2))
        >>> subject = look.open_subject(net, (1, 1, 16, 16))
        >>> found = look.equivariance(subject, np.random.rand(2, 1, 16, 16), shifts=4, flips=False)
        >>> [found.breaks(shift) and found.breaks(shift).layer for shift in range(4)]
        ['1', None, '1', None]

    Source: Zhang 2019, arXiv:1904.11486; Azulay and Weiss 2019, "Why do deep convolutional networks
    generalize so poorly to small image transformations?", arXiv:1805.12177; Lenc and Vedaldi 2015,
    "Understanding image representations by measuring their equivariance", arXiv:1411.5908.
    """
    subject = open_subject(model)
    changes = changes_of(subject.input_shape[1:], shifts, flips, angles, fill)
    samples = open_samples(subject, data)
    if most < 1:
        raise OptionError(f"equivariance: most={most} must be 1 or more.")

    def inputs() -> Iterable[Any]:
        # One at a time: all values of all layers are held, before and after a change (2 x 31 MiB
        # for ResNet-18 at 224).
        singly = (batch for _, batch in samples.batches(1))
        return islice(singly, most)

    after = None
    if blur:
        if subject.module is None:
            raise OptionError(
                f"{subject.name} comes from a file without its torch module, and only modules can "
                f"be given a BlurPool. Give the module, a run folder or a network of the zoo."
            )
        module = blur_strides(subject.module, (1, *subject.input_shape))
        shape = (1, *subject.input_shape)
        copied = open_subject(module, shape, preprocess=subject.preprocess)
        after = _measure(copied, inputs(), changes, None)
    return _measure(subject, inputs(), changes, after)


def changes_of(
    sizes: tuple[int, ...],
    shifts: int | Sequence[int | Sequence[int]],
    flips: bool | Sequence[int],
    angles: Sequence[float] | None,
    fill: Fill,
) -> tuple[Change, ...]:
    """List the changes that are meant, and check that they fit the input."""
    if not sizes:
        raise OptionError("equivariance: the input is a vector, which has no places to shift.")
    wanted = range(1, shifts + 1) if isinstance(shifts, int) else shifts
    made: list[Change] = []
    for one in wanted:
        by = (one,) * len(sizes) if isinstance(one, int) else tuple(int(n) for n in one)
        if len(by) != len(sizes) or any(abs(n) >= m for n, m in zip(by, sizes, strict=False)):
            raise OptionError(
                f"equivariance: a shift by {by} does not fit an input of "
                f"{'x'.join(map(str, sizes))}."
            )
        made.append(Shift(by, fill))
    axes: Sequence[int] = ((-1,) if flips else ()) if isinstance(flips, bool) else flips
    for axis in axes:
        if not -len(sizes) <= axis < 0:
            raise OptionError(f"equivariance: flips={axis}: axes count from the end, -1 the width.")
        made.append(Flip(axis))
    if angles is None:
        angles = (5.0, 10.0) if len(sizes) == 2 else ()
    if angles and len(sizes) != 2:
        raise OptionError("equivariance: only pictures can be rotated; leave out the angles.")
    made += [Turn(float(angle)) for angle in angles]
    if not made:
        raise OptionError("equivariance: no change was asked for.")
    return tuple(made)


def _measure(
    subject: Subject,
    inputs: Iterable[Any],
    changes: tuple[Change, ...],
    blurred: Equivariance | None,
) -> Equivariance:
    names = _moved(subject)
    sizes = subject.input_shape[1:]
    grids = {name: grids_of(subject, name) for name in names}
    ways = {name: [following(grids[name], change, sizes) for change in changes] for name in names}
    squares = {name: np.zeros((len(changes), 2)) for name in names}
    kept, count = np.zeros(len(changes)), 0
    classes = False
    for x in inputs:
        before = subject.run(x)
        classes = before.output.ndim == 1 and before.output.size > 1
        for number, change in enumerate(changes):
            after = subject.run(change.apply(before.input[0]))
            for name in names:
                squares[name][number] += ways[name][number].difference(before[name], after[name])
            kept[number] += classes and _class(before) == _class(after)
        count += 1
    if not count:
        raise DataError("equivariance: the data hold no input that can be read.")
    layers = tuple(_row(subject, n, grids, ways[n], squares[n]) for n in names)
    agreement = tuple((kept / count).tolist()) if classes else None
    return Equivariance(subject.name, changes, layers, agreement, count, blurred)


def _moved(subject: Subject) -> list[str]:
    """The layers that depend on the input, and not on weights alone."""
    reached = set(subject.graph.inputs)
    for node in subject.graph:
        if not reached.isdisjoint(v for v in node.inputs if v is not None):
            reached.update(node.outputs)
    return [node.name for node in subject.layers if node.outputs[0] in reached]


def _class(run: Activations) -> int:
    return int(np.argmax(run.output))


def _row(subject: Subject, name: str, grids: Any, ways: list[Following], squares: Any) -> Follows:
    node = subject.graph[name]
    slides = any(way.axes for way in ways)
    jump = _jump(grids[name]) if slides else None
    read = [subject.graph.producers[v].name for v in node.inputs if v in subject.graph.producers]
    # What is read straight from the input is read at a jump of 1.
    jumps = [_jump(grids.get(one, ())) for one in read] or [1.0]
    known = [one for one in jumps if one]
    step = jump / min(known) if jump and known else 1.0
    ratio = np.sqrt(squares[:, 0] / np.where(squares[:, 1] > 0, squares[:, 1], 1.0))
    return Follows(
        name,
        node.kind,
        step,
        jump,
        slides and all(way.interior for way in ways),
        min(way.units.shape[1] for way in ways),
        tuple(
            None if way.axes and not way.units.size else float(d)
            for way, d in zip(ways, ratio, strict=True)
        ),
    )


def _jump(grids: tuple[Any, ...]) -> float | None:
    known = [grid.jump for grid in grids if grid is not None]
    return max(known) if known and len(known) == len(grids) else None
