"""What a window says of itself: its repr, its arithmetic in numbers, what would fit."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .window import Number, Window


def representation(window: Window) -> str:
    """Write the call that makes the window, without the defaults."""
    words = [str(window.size)]
    words += [
        f"{name}={value!r}"
        for name in ("stride", "dilation")
        if (value := getattr(window, name)) != 1
    ]
    if isinstance(window.padding, str):
        words.append(f"padding={window.padding!r}")
    elif window.padding != (0, 0):
        words.append(f"padding={_padding(window)}")
    if window.ceil_mode:
        words.append("ceil_mode=True")
    return f"Window({', '.join(words)})"


def explain(window: Window, n: int) -> str:
    """Write every quantity of the window on an axis of n, one formula a line."""
    concrete = window.on(n)
    outputs = window.output_size(n)
    lines = [
        f"{window} on {_pixels(n)}",
        *_padding_lines(window, n),
        f"extent       dilation*(size - 1) + 1 = {_factor(window.dilation)}*({window.size} - 1) + 1"
        f" = {window.extent}",
        f"output size  floor((n + before + after - extent) / stride) + 1 = "
        f"{division(concrete, n, floor=True)} = {_places(concrete, n)}",
    ]
    if outputs:
        real, every = (concrete.connections(n, padding=p) for p in (False, True))
        first, last = (concrete.input_interval(i) for i in (0, outputs - 1))
        lines += [
            f"fit          {_fit(concrete, n)}",
            f"reads        output i reads {_affine(concrete)}: "
            f"output 0 reads {_interval(first)}, output {outputs - 1} reads {_interval(last)}",
            f"connections  {real}, and {every - real} to padding",
        ]
    else:
        lines.append(f"fit          none: {misfit(window, n)}")
    return "\n".join(lines)


def misfit(window: Window, n: int) -> str:
    """Say why the window does not tile n pixels, and what would."""
    concrete = window.on(n)
    padding = f"padding {_padding(concrete, str)}"
    if concrete.output_size(n) < 1:
        needed = window.input_sizes(0).stop
        reach = f" (it reaches over {concrete.extent})" if concrete.dilation != 1 else ""
        return (
            f"a window of {window.size}{reach} is longer than {_pixels(n)} with {padding}. "
            f"Use an input of at least {needed}, or padding={_least_padding(concrete, n)}."
        )
    floor = concrete.output_size(n)
    return (
        f"{untiled(window, n)} "
        f"Use {', '.join(offers(window, n))}, or fit='floor' to drop the rest (output {floor})."
    )


def untiled(window: Window, n: int) -> str:
    """Say why a window that fits leaves some of the padded axis over, and what that is."""
    concrete = window.on(n)
    exact = Fraction(n + concrete.before + concrete.after - concrete.extent) / concrete.stride + 1
    lost = concrete.leftover(n)
    pixels = lost - concrete.after  # the padding behind them is lost first
    what = _last(pixels) if pixels > 0 else f"{_last(lost)} of the padding"
    return (
        f"a window of {window.size} with stride {window.stride} does not tile {_pixels(n)} with "
        f"padding {_padding(concrete, str)}: {division(concrete, n)} = {float(exact):.2f} is not "
        f"whole, so {what} would never be read."
    )


def offers(window: Window, n: int) -> list[str]:
    """List the nearest changes that make the window tile n pixels exactly."""
    from .window import Window

    concrete = window.on(n)
    found = []
    for extra in range(1, int(concrete.stride) + 1):
        wider = Window(
            window.size,
            window.stride,
            window.dilation,
            (concrete.before + extra, concrete.after + extra),
        )
        if 2 * extra < concrete.extent and wider.fits(n):
            found.append(f"padding={_padding(wider)} (output {wider.output_size(n)})")
            break
    for stride in range(int(window.stride) - 1, 0, -1):
        slower = Window(window.size, stride, window.dilation, concrete.padding)
        if slower.fits(n):
            found.append(f"stride={stride} (output {slower.output_size(n)})")
            break
    smaller = n - int(concrete.leftover(n))
    sizes = [smaller, smaller + int(window.stride)]
    sizes = [size for size in sizes if size > 0 and window.fits(size)]
    if sizes:
        found.append(f"an input of {' or '.join(map(str, sizes))}")
    return found


def _padding_lines(window: Window, n: int) -> list[str]:
    concrete = window.on(n)
    before, after = concrete.before, concrete.after
    if isinstance(window.padding, str):
        outputs = concrete.output_size(n)
        total = f"({outputs} - 1)*{window.stride} + {window.extent} - {n}"
        return [
            f"same         ceil(n / stride) = ceil({n} / {window.stride}) = {outputs} outputs need "
            f"max({total}, 0) = {before + after} of padding: {before} before, {after} after"
        ]
    if window.ceil_mode:
        return [
            f"ceil mode    the last window may hang over: padding {before} before, {after} after"
        ]
    return [f"padding      {before} before, {after} after"]


def division(window: Window, n: int, floor: bool = False) -> str:
    """Write the number of outputs on n pixels with the numbers put in; the padding is explicit."""
    sides = "".join(
        f" {'+' if p > 0 else '-'} {abs(p)}" for p in (window.before, window.after) if p
    )
    quotient = f"({n}{sides} - {window.extent}) / {_factor(window.stride)}"
    return f"floor({quotient}) + 1" if floor else f"{quotient} + 1"


def _places(window: Window, n: int) -> str:
    """What the formula gives, which is below 0 where the window is much too long."""
    places = (n + window.before + window.after - window.extent) // window.stride + 1
    return f"{places}, so none" if places < 0 else str(places)


def _fit(window: Window, n: int) -> str:
    unread = window.unread(n)
    if not unread:
        return "exact" if window.fits(n) else "every pixel is read; padding is left over at the end"
    shown = ", ".join(map(str, unread[:4])) + (", ..." if len(unread) > 4 else "")
    return f"{_pixels(len(unread))} never read: {shown}"


def _affine(window: Window) -> str:
    def position(offset: Number) -> str:
        step = "i" if window.stride == 1 else f"{_factor(window.stride)}*i"
        if offset == 0:
            return step
        return f"{step} {'+' if offset > 0 else '-'} {abs(offset)}"

    first, last = position(-window.before), position(window.extent - 1 - window.before)
    between = "" if window.dilation == 1 else f" in steps of {window.dilation}"
    return first if first == last else f"{first} .. {last}{between}"


def _factor(value: Number) -> str:
    return str(value) if value.denominator == 1 else f"({value})"


def _interval(interval: range) -> str:
    if not interval:
        return "nothing"
    first, last = interval[0], interval[-1]
    return str(first) if first == last else f"{first} .. {last}"


def _least_padding(window: Window, n: int) -> str:
    missing = window.extent - n
    return str(-(-missing // 2))


def _padding(window: Window, write: Callable[[Number], str] = repr) -> str:
    """Write the padding as code, or (with `str`) in words: Fraction(1, 2) or 1/2."""
    before, after = write(window.before), write(window.after)
    return before if before == after else f"({before}, {after})"


def _last(count: Number) -> str:
    return "the last pixel" if count == 1 else f"the last {count} pixels"


def _pixels(count: Number) -> str:
    return "1 pixel" if count == 1 else f"{count} pixels"
