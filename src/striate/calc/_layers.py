"""The short spelling of a layer: conv3p1, pool2, up2, conv3s2psame, conv3d2x4."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from ..errors import OptionError, ShapeError
from ..window import Padding, Window
from ._checks import check_length
from ._conv_transpose import resolve

_SPELLING = re.compile(r"(conv|pool|up)([0-9]{1,6})((?:[sdp][0-9]{1,6}|psame)*)(?:x([0-9]{1,3}))?")
_OPTION = re.compile(r"([sdp])([0-9]+|same)")

HELP = (
    "conv, pool or up (a transposed convolution), the kernel, then maybe s stride, p padding "
    "(a number or same), d dilation and x times: conv3p1, pool3s2, conv3d2x4. The stride of pool "
    "and up is the kernel unless given"
)


@dataclass(frozen=True, slots=True)
class Layer:
    """One layer of a stack, on the axis it reads.

    Args:
        spelling: As it was given, without `x times`.
        window: How an output looks at the layer's input; its padding is explicit.
        n: Pixels of the layer's input.
    """

    spelling: str
    window: Window
    n: int

    @property
    def outputs(self) -> int:
        """Pixels of the layer's output."""
        return self.window.output_size(self.n)


def read_layers(
    spellings: Sequence[str], n: int, subject: str, *, exact: bool = False
) -> list[Layer]:
    """Put a stack of layers on an axis of n pixels; `exact` refuses pixels left over.

    Raises:
        OptionError: A spelling that is not known.
        ShapeError: A window that does not fit what the layer before it gives.
    Example:
        >>> [layer.outputs for layer in read_layers(["conv3", "pool2", "up2x2"], 32, "stack")]
        [30, 15, 30, 60]
    """
    layers: list[Layer] = []
    for spelling in spellings:
        found = _SPELLING.fullmatch(spelling)
        options = _OPTION.findall(found[3]) if found else []
        if not found or len({letter for letter, _ in options}) < len(options):
            raise OptionError(f"layer {spelling!r} is not known. Write {HELP}.", subject=subject)
        kind, kernel, _, times = found.groups()
        once = spelling.removesuffix(f"x{times}") if times else spelling
        for _ in range(int(times or 1)):
            window = _window(kind, int(kernel), dict(options), n, f"{subject}: {once}")
            where = f"{subject}: layer {len(layers) + 1} {once!r}"
            try:
                window.output_size(n, exact=exact or window.output_size(n) < 1)
            except ShapeError as error:
                raise error.of(where) from None
            layers.append(Layer(once, window.on(n), n))
            n = layers[-1].outputs
            check_length(n, "the output", where)
    return layers


def _window(kind: str, kernel: int, options: dict[str, str], n: int, subject: str) -> Window:
    stride = int(options.get("s", 1 if kind == "conv" else kernel))
    pad = options.get("p", "0")
    padding: Padding = "same" if pad == "same" else int(pad)
    try:
        window = Window(kernel, stride, int(options.get("d", 1)), padding)
    except OptionError as error:
        message = error.message.removeprefix("Window: ").replace("size=", "kernel=", 1)
        raise OptionError(message, subject=subject) from None
    if kind == "up":
        down, extra = resolve(window, n, 0)
        return down.transposed(extra)
    return window
