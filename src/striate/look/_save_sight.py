"""Figures of what units answer to, for `striate look --save --figures`."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import numpy as np

from ..errors import OptionError
from ._equivariance import Equivariance, equivariance
from ._grad_cam import grad_cam
from ._maximise import maximise
from ._occlusion import occlusion
from ._picture import Picture
from ._saliency import back_project, saliency
from ._subject import Subject
from ._top import top_patches

if TYPE_CHECKING:
    from ._save import Wanted

MOST = 32
"""Inputs that equivariance is measured on; of more, the first."""

CHANNELS = 8
"""Of a layer, where a figure shows several: the first."""


def _explained(function: Callable[..., Picture], name: str) -> Callable[[Wanted], Any]:
    """Figures that explain one unit: the strongest of each layer named, else of the output."""

    def figures(wanted: Wanted) -> Iterator[tuple[str, Picture]]:
        for image_name, image in wanted.images:
            for layer in wanted.layers or (None,):
                parts = [name, *([layer] if layer else []), image_name]
                yield "-".join(parts), function(wanted.subject, image, layer)

    return figures


def _top(wanted: Wanted) -> Iterator[tuple[str, Picture]]:
    if wanted.data is None:
        raise OptionError("look: --figures top looks through a data set; name one with --data.")
    for layer in wanted.map_layers:
        channels = range(_channels(wanted.subject, layer))
        yield f"top-{layer}", top_patches(wanted.subject, layer, wanted.data, channels, most=2000)


def _inputs(wanted: Wanted) -> Iterator[tuple[str, Picture]]:
    for layer in wanted.map_layers:
        channels = range(_channels(wanted.subject, layer))
        yield f"inputs-{layer}", maximise(wanted.subject, layer, channels)


def _equivariance(wanted: Wanted) -> Iterator[tuple[str, Picture]]:
    yield "equivariance", of_images(wanted.subject, [image for _, image in wanted.images])


def of_images(subject: Subject, images: list[Any], *, blur: bool = False) -> Equivariance:
    """Measure equivariance on some inputs, as the network takes them, (1, C, ...).

    Raises:
        OptionError: There are none.
    """
    if not images:
        raise OptionError("look: equivariance is measured on inputs; give images, or --data.")
    return equivariance(subject, np.concatenate(images), blur=blur, most=len(images))


def _channels(subject: Subject, layer: str) -> int:
    kind = subject.graph.types[subject.graph[layer].outputs[0]]
    return min(CHANNELS, kind.shape[1] if kind is not None and kind.rank > 1 else 1)


SIGHT: dict[str, Callable[[Wanted], Any]] = {
    "saliency": _explained(saliency, "saliency"),
    "back": _explained(back_project, "back"),
    "occlusion": _explained(occlusion, "occlusion"),
    "cam": _explained(grad_cam, "cam"),
    "top": _top,
    "inputs": _inputs,
    "equivariance": _equivariance,
}
"""Kinds of figures, by the names on the command line."""
