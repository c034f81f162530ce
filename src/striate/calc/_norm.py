"""The arithmetic of a normalisation: what is averaged over which axes."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from ..errors import OptionError
from ._axes import product
from ._calculation import Calculation, Line
from ._checks import check_counts, check_groups, check_input, item_bytes
from ._cost import memory_line
from ._write import heading, number

_SUBJECT = "norm"

_SPATIAL = ("", "L", "HW", "DHW")


@dataclass(frozen=True, slots=True)
class _Kind:
    """What a kind of norm shares a mean over, and what has a mean of its own.

    Args:
        over: Axes that are averaged; S stands for the spatial ones, c for the channels of a group.
        per: Axes of which each place has its own mean.
        learned: Axes of the weight and bias.
        affine: Whether torch's layer learns them unless told otherwise.
    """

    over: str
    per: str
    learned: str
    affine: bool = True


KINDS = {
    "batch": _Kind("NS", "C", "C"),
    "layer": _Kind("CS", "N", "CS"),
    "group": _Kind("cS", "NG", "C"),
    "instance": _Kind("S", "NC", "C", affine=False),
}


def norm(
    input: tuple[int, ...],
    kind: str = "batch",
    *,
    groups: int = 32,
    affine: bool | None = None,
    batch_size: int = 32,
    dtype: str = "float32",
) -> Calculation:
    """Work out a normalisation: which numbers share a mean, how many there are, what is learned.

    y = (x - mean) / sqrt(var + eps) * weight + bias

    Args:
        input: Channels and sizes of one input; channels alone are features.
        kind: 'batch', 'layer' (over channels and all sizes), 'group' or 'instance'.
        groups: Of channels, for group norm.
        affine: Learn weight and bias; None is torch's choice, which is no for instance norm only.
        batch_size: Inputs that batch norm averages over.
        dtype: Type of the numbers, for their memory.
    Raises:
        ShapeError: The groups do not divide the channels.
        OptionError: An argument that is not one of the accepted values.
    Example:
        >>> layer = norm((64, 56, 56), "batch", batch_size=8)
        >>> [layer[label] for label in ("means", "numbers a mean", "parameters", "buffers")]
        [64, 25088, 128, 129]

    Source: Wu and He 2018, "Group normalization", arXiv:1803.08494, figure 2.
    """
    if kind not in KINDS:
        raise OptionError(f"kind={kind!r} is not known. Use {', '.join(KINDS)}.", subject=_SUBJECT)
    check_input(input, _SUBJECT, least=1 if kind == "instance" else 0)
    check_counts(_SUBJECT, batch=batch_size, groups=groups)
    if kind == "group":
        check_groups(groups, _SUBJECT, channels=input[0])
    each = item_bytes(dtype, _SUBJECT)
    this = KINDS[kind]
    spatial = _SPATIAL[len(input) - 1]
    lengths = {"N": batch_size, "C": input[0], "G": groups, "c": input[0] // groups}
    lengths |= dict(zip(spatial, input[1:], strict=True))
    letters = (axes.replace("S", spatial) for axes in (this.over, this.per, this.learned))
    over, per, learned = letters

    def sized(axes: str) -> Sequence[int]:
        return [lengths[axis] for axis in axes]

    learns = this.affine if affine is None else affine
    parameters = 2 * math.prod(sized(learned)) if learns else 0
    buffers = 2 * input[0] + 1 if kind == "batch" else 0
    amount, means, units = (math.prod(sized(axes)) for axes in (over, per, "NC" + spatial))
    worked = product(sized(per)) if len(per) > 1 else ""
    lines = [
        *_formula_lines(over, per, learned if learns else "", spatial),
        Line("numbers a mean", amount, "numbers", f"m = {_words(over)}", product(sized(over))),
        Line("means", means, "means", f"{_words(per)}, and as many variances", worked),
        Line(
            "parameters",
            parameters,
            "weights",
            f"2 * {_words(learned)}: weight and bias" if learns else "no weight, no bias",
            f"2 * {product(sized(learned))}" if learns else "",
        ),
        Line(
            "buffers",
            buffers,
            "numbers",
            "2 * C + 1: running means and variances, and a count of batches"
            if buffers
            else "none: evaluation computes as training does",
            f"2 * {number(input[0])} + 1" if buffers else "",
        ),
        Line("output", (batch_size, *input), "", "that of the input"),
        memory_line("output memory", "units", units, each),
    ]
    title = heading(_SUBJECT, f"{kind} norm", (batch_size, *input))
    notes = _warnings(kind, amount, batch_size, input) + _notes(kind, input)
    return Calculation(title, tuple(lines), tuple(notes))


def _formula_lines(over: str, per: str, learned: str, spatial: str) -> list[Line]:
    """Write mean, variance and output by index, where small letters run over their axes."""
    x, own = f"x[{_index('NC' + spatial)}]", f"[{_index(per)}]"
    run = ", ".join("c in g" if axis == "c" else axis.lower() for axis in over)
    learns = f" * weight[{_index(learned)}] + bias[{_index(learned)}]" if learned else ""
    axes = _words(over, ", ")
    return [
        Line("mean over", axes, "", f"mean{own} = 1/m * sum over {run} of {x}"),
        Line("variance over", axes, "", f"var{own} = 1/m * sum over {run} of (x - mean)^2"),
        Line("normalised", "", "", f"y = (x - mean) / sqrt(var + eps){learns}"),
    ]


def _index(axes: str) -> str:
    return ",".join(axes.lower())


def _words(axes: str, between: str = "*") -> str:
    return between.join("C/G" if axis == "c" else axis for axis in axes)


def _warnings(kind: str, amount: int, batch_size: int, input: tuple[int, ...]) -> list[str]:
    if amount == 1:
        return [
            f"a mean of 1 number is that number: every output of this {kind} norm is its bias, or "
            f"0{' (torch refuses to train that)' if kind in ('batch', 'instance') else ''}. Use "
            f"{'a batch of 2 or more, or ' if kind == 'batch' else ''}a norm over more numbers."
        ]
    if kind == "batch" and batch_size == 1:
        return [
            "with a batch of 1 the means are those of one input: training sees instance norm, and "
            "evaluation uses running means of what differs from input to input. Use a larger "
            "batch, or group norm."
        ]
    if kind == "batch" and amount == batch_size:
        return [
            f"a channel has 1 number in each input, so each mean is over {batch_size} numbers, "
            f"one an input: small batches make it noisy. Use a large batch, or layer norm."
        ]
    return []


def _notes(kind: str, input: tuple[int, ...]) -> list[str]:
    if kind == "batch":
        return [
            "in evaluation mean and var are the running ones: y = a[c]*x + b[c], which folds into "
            "the convolution before it."
        ]
    if kind == "layer" and len(input) > 1:
        return [
            f"this is torch.nn.LayerNorm({list(input)}). Group norm with 1 group has the same "
            f"means, and {2 * input[0]:,} parameters; nn.LayerNorm2d (ConvNeXt's) has a mean of "
            f"{input[0]:,} numbers at each place, and {2 * input[0]:,} parameters."
        ]
    return []
