"""What the layers make of an input: their maps, most active first; before and after activations."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from ..errors import OptionError
from . import _style as style
from ._picture import Picture
from ._subject import Activations, Floats, Subject, open_subject

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_SAME = ("dropout", "flatten", "reshape", "squeeze", "unsqueeze", "cast")
"""Kinds that give their input in another form: not drawn unless they are asked for."""

_FUNCTIONS = ("activation", "prelu", "softmax")

ROW = 12
"""Maps drawn of each layer where there are several."""


@dataclass(frozen=True, eq=False)
class LayerMaps:
    """What one layer gives.

    Args:
        layer, kind: Its name, and what it does.
        shape: Of its output, without the batch.
        values: (shown, *axes), most active first; (F,) of a vector, in its own order.
        channels: The number of each in the layer.
        activity: The mean magnitude of each.
        limit: The largest magnitude in all the layer's output (and in `before`): full colour.
        silent: Channels of the layer that are 0 everywhere.
        before: The same channels of what the layer reads, where it is an activation.
    """

    layer: str
    kind: str
    shape: tuple[int, ...]
    values: Floats
    channels: tuple[int, ...]
    activity: tuple[float, ...]
    limit: float
    silent: int
    before: Floats | None = None


@dataclass(frozen=True, eq=False)
class Maps(Picture):
    """Maps of one or several layers for one input.

    Args:
        name: The network's.
        input: As the network takes it, (C, ...).
        shown: The input as colours (H, W, 3), or as it is where it is no picture.
        layers: In the order they run.
    """

    name: str
    input: Floats
    shown: Floats
    layers: tuple[LayerMaps, ...]

    def _draw(self) -> Figure:
        from ._maps_draw import draw

        return draw(self)


def maps(
    model: Any,
    image: Any,
    layer: str | Sequence[str] | None = None,
    *,
    count: int | None = None,
    pairs: bool = False,
    input_shape: Any = None,
) -> Maps:
    """Run a network on an input and draw the maps that its layers give, most active first.

    Args:
        model: What `open_subject` takes.
        image: What `Subject.prepare` takes; or `Activations` of it.
        layer: One, or several; by default all that compute something.
        count: Most maps of a layer; by default 64 of one layer, 12 of each of several.
        pairs: Draw what activations read above what they give; a layer that is no activation
            stands for the one that reads it. Of all layers, only the activations.
        input_shape: What `open_subject` takes.
    Raises:
        OptionError: There is no such layer, or with `pairs` no activation.
        DataError, ShapeError: The image is not what the network takes.
    Example:
        >>> import striate
        >>> found = striate.look.maps("lenet5", np.ones((1, 32, 32)), "c3", count=4)
        >>> found.layers[0].values.shape, len(found.layers[0].channels)
        ((4, 10, 10), 4)
    """
    if count is not None and count < 1:
        raise OptionError(f"count={count}: 1 map or more must be drawn.")
    seen = image if isinstance(image, Activations) else open_subject(model, input_shape).run(image)
    names = _names(seen.subject, layer, pairs)
    most = count or (64 if len(names) == 1 else ROW)
    return Maps(
        name=seen.subject.name,
        input=seen.input[0],
        shown=shown_input(seen.subject, seen.input[0]),
        layers=tuple(_of_layer(seen, name, most, pairs) for name in names),
    )


def shown_input(subject: Subject, given: Floats) -> Floats:
    """An input as colours (H, W, 3), where it is a picture; the middle slice of a volume.

    What is neither is given back as it is.
    """
    if given.ndim == 4 and len(given) in (1, 3):
        given = given[:, given.shape[1] // 2]
    if given.ndim == 3 and len(given) in (1, 3):
        return style.pixels(given, subject.preprocess.mean, subject.preprocess.std)
    return given.mean(0)[:, :, None].repeat(3, 2) if given.ndim == 3 else given


def _names(subject: Subject, layer: str | Sequence[str] | None, pairs: bool) -> list[str]:
    if layer is None:
        kinds = [n for n in subject.layers if n.kind not in _SAME]
        kinds = [n for n in kinds if n.kind in _FUNCTIONS] if pairs else kinds
        if not kinds:
            raise OptionError(f"{subject.name} has no activations to draw.")
        return [n.name for n in kinds]
    chosen = [subject.graph[n].name for n in ([layer] if isinstance(layer, str) else layer)]
    if not chosen:
        raise OptionError("layer=[]: name one layer or more, or None for all.")
    return [_activation(subject, name) for name in chosen] if pairs else chosen


def _activation(subject: Subject, layer: str) -> str:
    """The layer itself, or the activation that reads it, also behind a normalisation."""
    node = subject.graph[layer]
    while node.kind not in _FUNCTIONS:
        readers = [n for n in subject.graph if node.outputs[0] in n.inputs]
        if len(readers) != 1 or readers[0].kind not in (*_FUNCTIONS, "batch_norm"):
            raise OptionError(
                f"{layer}: no activation reads it alone, so there is no pair to draw."
            )
        node = readers[0]
    return node.name


def _of_layer(seen: Activations, layer: str, most: int, pairs: bool) -> LayerMaps:
    node, output = seen.subject.graph[layer], seen[layer]
    read = seen.read_by(layer) if pairs else None
    if output.ndim > 1 and output[0].size == 1:
        output = output.ravel()  # 1x1 maps are a vector
        read = None if read is None else read.ravel()
    flat = np.abs(np.nan_to_num(output)).reshape(len(output), -1)
    activity = flat.mean(1)
    if output.ndim == 1:
        order = np.arange(len(output))
    else:
        order = np.argsort(-activity, kind="stable")[:most]
    limit = max(style.largest(output), 0.0 if read is None else style.largest(read))
    return LayerMaps(
        layer=node.name,
        kind=getattr(seen.subject.graph.op(node), "function", "") or node.kind,
        shape=seen[layer].shape,
        values=output[order],
        channels=tuple(map(int, order)),
        activity=tuple(float(a) for a in activity[order]),
        limit=limit,
        silent=int((flat.max(1, initial=0.0) == 0).sum()),
        before=None if read is None else read[order],
    )
