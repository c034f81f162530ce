"""From torch's arguments to one window an axis, and what is said when they do not fit."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Any, Literal

import torch
from torch import Tensor

from ..errors import OptionError, ShapeError
from ..window import Padding, Window

Size = int | tuple[int, ...]
"""One number for every spatial axis, or one an axis."""

PaddingSpec = int | str | tuple[int, ...] | tuple[tuple[int, int], ...]
"""Pixels for both sides (one number, or one an axis), `((before, after), ...)`, 'same', 'valid'."""

Fit = Literal["floor", "exact"]

LAYOUT = {1: "NCL", 2: "NCHW", 3: "NCDHW"}
_AXES = {1: ("length",), 2: ("height", "width"), 3: ("depth", "height", "width")}

TORCH_ERRORS = (RuntimeError, ValueError, TypeError, IndexError)
"""What torch raises for arguments that do not fit."""


def frozen(value: Any) -> Any:
    """Turn lists into tuples, also nested ones: what comes from a file can be a key of a cache."""
    return tuple(map(frozen, value)) if isinstance(value, list | tuple) else value


def per_axis(value: Size, ndim: int, name: str, subject: str) -> tuple[int, ...]:
    """Give every spatial axis its number."""
    values = tuple(value) if isinstance(value, Sequence) else (value,) * ndim
    if len(values) == 1:
        values *= ndim
    if len(values) != ndim:
        raise OptionError(
            f"{name}={value!r} has {len(values)} numbers; give one, or {ndim} for the "
            f"{' and '.join(_AXES[ndim])}.",
            subject=subject,
        )
    return values


@lru_cache(maxsize=4096, typed=True)  # 3.0 is not 3
def windows(
    subject: str,
    ndim: int,
    kernel_size: Size,
    stride: Size = 1,
    padding: PaddingSpec = 0,
    dilation: Size = 1,
    ceil_mode: bool = False,
) -> tuple[Window, ...]:
    """Make the window of each spatial axis.

    Raises:
        OptionError: A wrong number of axes, a size that is not positive, an unknown padding.
    """
    try:
        return tuple(
            Window(size, step, gap, pad, ceil_mode)
            for size, step, gap, pad in zip(
                per_axis(kernel_size, ndim, "kernel_size", subject),
                per_axis(stride, ndim, "stride", subject),
                per_axis(dilation, ndim, "dilation", subject),
                _paddings(padding, ndim, subject),
                strict=True,
            )
        )
    except OptionError as error:
        raise error.of(subject) from None


def _paddings(padding: PaddingSpec, ndim: int, subject: str) -> tuple[Padding, ...]:
    if isinstance(padding, str):
        if padding not in ("same", "valid"):
            raise OptionError(
                f"padding={padding!r} is not known. Use 'same', 'valid', a number of pixels, "
                f"or ((before, after), ...) with one pair an axis.",
                subject=subject,
            )
        return (padding,) * ndim  # type: ignore[return-value]
    if isinstance(padding, tuple) and any(isinstance(pad, tuple) for pad in padding):
        if len(padding) != ndim or not all(isinstance(p, tuple) and len(p) == 2 for p in padding):
            raise OptionError(
                f"padding={padding} must hold {ndim} pairs (before, after), one for each of "
                f"{', '.join(_AXES[ndim])}.",
                subject=subject,
            )
        paddings: tuple[Padding, ...] = padding
    else:
        paddings = per_axis(padding, ndim, "padding", subject)  # type: ignore[arg-type]
    flat = [side for pad in paddings for side in (pad if isinstance(pad, tuple) else (pad,))]
    if any(not isinstance(side, int) or side < 0 for side in flat):
        raise OptionError(f"padding={padding} must hold whole numbers, 0 or more.", subject=subject)
    return paddings


def is_plain(padding: PaddingSpec) -> bool:
    """Whether torch's own functions take this padding: one number an axis for both sides."""
    if isinstance(padding, str):
        return padding == "valid"
    return isinstance(padding, int) or all(isinstance(pad, int) for pad in padding)


def pad(
    input: Tensor, windows: Sequence[Window], mode: str = "constant", value: float = 0.0
) -> Tensor:
    """Add the padding that the windows ask for, in front and behind on each axis."""
    sizes = input.shape[-len(windows) :]
    sides = [w.on(n) for w, n in zip(windows, sizes, strict=True)]
    amounts = [int(side) for w in reversed(sides) for side in (w.before, w.after)]
    if not any(amounts):
        return input
    return torch.nn.functional.pad(input, amounts, mode, value if mode == "constant" else None)


def check_fit(fit: Fit, subject: str) -> None:
    """Refuse an unknown rule for what a stride leaves over."""
    if fit not in ("floor", "exact"):
        raise OptionError(
            f"fit={fit!r} is not known. Use 'floor' (drop what a stride leaves over, as torch "
            f"does) or 'exact' (refuse it).",
            subject=subject,
        )


def check_rank(input: Tensor, ndim: int, subject: str) -> None:
    """Refuse an input that has not `ndim` spatial axes behind its channels."""
    if not isinstance(input, Tensor):
        raise OptionError(
            f"input is a {type(input).__name__}; it must be a torch.Tensor in {LAYOUT[ndim]}. "
            f"Use torch.as_tensor(input).",
            subject=subject,
        )
    if input.dim() in (ndim + 1, ndim + 2):
        return
    advice = {
        ndim: f"Add the axis of the channels with x.unsqueeze({0 if ndim > 1 else -2}).",
        ndim + 3: "Merge the leading axes into one batch with x.flatten(0, 1).",
    }.get(input.dim(), f"Give it as {LAYOUT[ndim]}.")
    raise ShapeError(
        f"input {tuple(input.shape)} has {input.dim()} axes; {LAYOUT[ndim]} has {ndim + 2} "
        f"(or {ndim + 1} without a batch). {advice}",
        subject=subject,
    )


def check_sizes(
    input: Tensor, windows: Sequence[Window], subject: str, *, exact: bool = False
) -> None:
    """Refuse an input that a window does not fit in, or (`exact`) does not tile."""
    sizes = input.shape[-len(windows) :]
    pairs = list(zip(windows, sizes, strict=True))
    # Where all axes are alike one sentence says it for all of them.
    alike = len(set(pairs)) == 1 and len(pairs) > 1
    names = ("on each axis",) if alike else tuple(f"along the {a}" for a in _AXES[len(pairs)])
    for name, (window, n) in zip(names, pairs, strict=False):
        if window.output_size(n) > 0 and not exact:
            continue
        try:
            window.output_size(n, exact=True)
        except ShapeError as error:
            where = "" if len(pairs) == 1 else f"{name}, "
            given = f"input {tuple(input.shape)} does not fit: "
            raise ShapeError(f"{given}{where}{error.message}", subject=subject) from None


def check_like(input: Tensor, other: Tensor, name: str, subject: str) -> None:
    """Refuse tensors of different types or devices."""
    for what, given, needed in (
        ("dtype", input.dtype, other.dtype),
        ("device", input.device, other.device),
    ):
        if given != needed:
            raise OptionError(
                f"input has {what} {given}, {name} has {needed}. Convert one of them, "
                f"for example with x.to({name}.{what}).",
                subject=subject,
            )
