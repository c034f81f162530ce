"""Which places of an input move a unit most: its gradient, and its deconvolution."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from ._attribution import Attribution, Floats
from ._gradient import Rule, magnitude, program_of, unit_gradient
from ._subject import open_subject
from ._target import find_target


@dataclass(frozen=True, eq=False)
class Saliency(Attribution):
    """The gradient of a unit on the input; `map` is its largest magnitude over the channels.

    Args:
        gradient: Of the unit by each number of the input, (C, ...).
    """

    gradient: Floats

    quantity = "|gradient|"


def saliency(
    model: Any,
    image: Any,
    layer: str | None = None,
    channel: int | None = None,
    place: Sequence[int] | None = None,
) -> Saliency:
    """Show how strongly each place of an input moves a unit: the magnitude of the gradient.

    map[i,j] = max over c of |d unit / d x[c,i,j]|

    Take the logits of a classifier: behind a softmax the gradient is also that of all other
    classes, and near 0 where the network is sure.

    Args:
        model: What `open_subject` takes; it must come from a torch module.
        image: What `Subject.prepare` takes.
        layer: By default the network's first output.
        channel: Or the class; by default the strongest.
        place: In the map; by default where the channel is strongest.
    Raises:
        OptionError: There is no module, no such unit, or no gradient of it.
    Example:
        >>> from striate import look
        >>> found = look.saliency("lenet5", np.ones((1, 32, 32)), channel=3)
        >>> found.map.shape, found.target.name
        ((32, 32), '3')

    Source: Simonyan, Vedaldi and Zisserman 2014, "Deep inside convolutional networks",
    arXiv:1312.6034, section 3.
    """
    subject = open_subject(model)
    program_of(subject)
    run = subject.run(image)
    target = find_target(run, layer, channel, place)
    gradient, _ = unit_gradient(subject, run.input, target.layer, target.index)
    return Saliency(subject, target, run.input[0], magnitude(gradient), gradient)


@dataclass(frozen=True, eq=False)
class BackProjection(Attribution):
    """A unit's value sent back through the network; `map` is the sum of `signal` over channels.

    Args:
        signal: What arrives at each number of the input, (C, ...).
        rule: How it went back through ReLUs.
        relus: How many it went through; with none it is the gradient times the value.
    """

    signal: Floats
    rule: Rule
    relus: int

    signed = True
    quantity = "signal"

    @property
    def title(self) -> str:
        """What is drawn, of which unit."""
        words = {"deconv": "Deconvolution", "guided": "Guided back-projection"}
        return f"{words.get(self.rule, 'Gradient times value')} of {self.target.name}"


def back_project(
    model: Any,
    image: Any,
    layer: str | None = None,
    channel: int | None = None,
    place: Sequence[int] | None = None,
    *,
    rule: Rule = "deconv",
) -> BackProjection:
    """Send one unit's value back to the input, as a deconvolutional network does.

    All other units of the layer are set to 0. A convolution is gone back through by its transpose,
    a max pooling by the places of its maxima, which is what the gradient does too. The rules differ
    in what a ReLU lets back:

        gradient   the signal where the unit was above 0 on the way forward
        deconv     what of the signal is above 0 (Zeiler and Fergus)
        guided     what passes both (Springenberg et al.)

    Args:
        model, image, layer, channel, place: As for `saliency`.
        rule: One of these. In a network without ReLUs all three are the same.
    Raises:
        OptionError: There is no module, no such unit, no such rule, or no gradient.
    Example:
        >>> from striate import look
        >>> found = look.back_project("lenet5", np.ones((1, 32, 32)), "c3", 2, (1, 1))
        >>> found.signal.shape, found.box
        ((1, 32, 32), ((2, 16), (2, 16)))

    Source: Zeiler and Fergus 2014, "Visualizing and understanding convolutional networks",
    arXiv:1311.2901, section 2.1; Springenberg, Dosovitskiy, Brox and Riedmiller 2015, "Striving for
    simplicity", arXiv:1412.6806, section 3.4.
    """
    subject = open_subject(model)
    program_of(subject)
    run = subject.run(image)
    target = find_target(run, layer, channel, place)
    gradient, relus = unit_gradient(subject, run.input, target.layer, target.index, rule=rule)
    signal = gradient * target.value
    return BackProjection(subject, target, run.input[0], signal.sum(0), signal, rule, relus)
