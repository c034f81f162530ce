"""`striate window`: the arithmetic of a sliding window, written out and drawn."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from ..errors import OptionError

if TYPE_CHECKING:
    from ..window import Padding, Window

WIDEST_DRAWING = 72
"""Columns; longer axes are not drawn."""

TALLEST_DRAWING = 24
"""Rows, one an output."""


def window(
    n: Annotated[
        int, typer.Argument(min=0, help="Length of the axis in pixels.", show_default=False)
    ],
    size: Annotated[int, typer.Option("--size", "-k", help="Number of taps.")] = 3,
    stride: Annotated[
        int, typer.Option("--stride", "-s", help="Pixels from output to output.")
    ] = 1,
    dilation: Annotated[int, typer.Option("--dilation", "-d", help="Pixels from tap to tap.")] = 1,
    padding: Annotated[
        str, typer.Option("--padding", "-p", help="Pixels: 1, or 0,1 (before,after), same, valid.")
    ] = "0",
    ceil_mode: Annotated[
        bool, typer.Option("--ceil-mode", help="Keep a last window that hangs over the end.")
    ] = False,
    exact: Annotated[
        bool, typer.Option("--exact", help="Refuse a window that leaves pixels over.")
    ] = False,
) -> None:
    """Work out a sliding window: output size, fit, who reads what."""
    from ..window import Window

    sliding = Window(size, stride, dilation, _padding(padding), ceil_mode)
    sliding.output_size(n, exact=exact)
    typer.echo(sliding.explain(n))
    picture = draw(sliding, n)
    if picture:
        typer.echo(f"\n{picture}")


def draw(window: Window, n: int) -> str:
    """Draw one row an output: `#` for a pixel it reads, `o` for padding it reads.

    Returns:
        The rows under the numbered input; an empty text where they would be too many or too wide.
    Example:
        >>> from striate import Window
        >>> print(draw(Window(3, stride=2, padding=1), 5))
        input     01234
        output 0 o##···
        output 1  ·###·
        output 2  ···##o
    """
    window = window.on(n)
    outputs = window.output_size(n)
    if not 0 < outputs <= TALLEST_DRAWING:
        return ""
    reads = [window.taps(i) for i in range(outputs)]
    first = min(0, reads[0][0])
    stop = max(n, reads[-1][-1] + 1)
    if stop - first > WIDEST_DRAWING:
        return ""

    def mark(position: int, taps: range) -> str:
        inside = 0 <= position < n
        if position in taps:
            return "#" if inside else "o"
        return "·" if inside else " "

    digits = len(str(outputs - 1))
    rows = [
        f"output {i:>{digits}} {''.join(mark(p, taps) for p in range(first, stop))}".rstrip()
        for i, taps in enumerate(reads)
    ]
    ruler = "".join(str(p % 10) if 0 <= p < n else " " for p in range(first, stop))
    return "\n".join([f"input  {'':>{digits}} {ruler}".rstrip(), *rows])


def _padding(text: str) -> Padding:
    if text in ("same", "valid"):
        return text  # type: ignore[return-value]
    try:
        numbers = [int(part) for part in text.split(",")]
    except ValueError:
        numbers = []
    if len(numbers) not in (1, 2):
        raise OptionError(
            f"Window: padding={text!r} is not known. Use 'same', 'valid', a number of pixels for "
            f"both sides, or two with a comma between (before,after)."
        )
    return numbers[0] if len(numbers) == 1 else (numbers[0], numbers[1])
