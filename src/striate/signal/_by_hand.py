"""Kernels over pictures and signals, by hand: `striate filter`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .. import filters
from ..errors import DataError, OptionError
from ._boundary import Boundary
from ._tiled import TILE, correlate_tiles

Floats = NDArray[Any]


@dataclass(frozen=True, eq=False)
class Kernels:
    """What is slid over a picture.

    Args:
        name: What it is called.
        arrays: One kernel, or several whose results make one.
        combine: How; by default the first alone.
        signed: Whether results have a sign though the picture has none: the kernel sums to 0.
    """

    name: str
    arrays: tuple[Floats, ...]
    combine: Callable[[list[Floats]], Floats] | None = None
    signed: bool = False


def _steepness(found: list[Floats]) -> Floats:
    steepness: Floats = np.sqrt(np.sum([one**2 for one in found], axis=0))
    return steepness


Options = dict[str, Any]

KERNELS: dict[str, tuple[tuple[str, ...], Callable[[int, Options], Kernels]]] = {
    "gaussian": (("sigma",), lambda n, o: _one("gaussian", filters.gaussian(o["sigma"], n))),
    "box": (("size",), lambda n, o: _one("box", filters.box(o["size"], n))),
    "sobel": ((), lambda n, o: _sobel(n)),
    "sobel-x": ((), lambda n, o: _one("sobel-x", filters.sobel(-1, n))),
    "sobel-y": ((), lambda n, o: _one("sobel-y", filters.sobel(-2, n))),
    "laplacian": ((), lambda n, o: _one("laplacian", filters.laplacian(n))),
    "sharpen": (("amount",), lambda n, o: _one("sharpen", filters.sharpen(o["amount"], n))),
    "gabor": (("wavelength", "angle"), lambda n, o: _gabor(n, o)),
}
"""By name: the options each takes, and what makes it for a number of axes."""


def make_kernels(name: str, ndim: int, given: Options) -> Kernels:
    """Make a kernel by its name, or read it from a file of numbers.

    Args:
        name: A key of `KERNELS`, or a path: `.csv` or `.txt` with numbers in rows, or `.npy`.
        ndim: Axes of what it slides over.
        given: The options by name; None where one was not given.
    Raises:
        OptionError: There is no such kernel; an option is of another kernel, or out of range.
        DataError: The file is absent or holds something else.
    """
    chosen = {key: value for key, value in given.items() if value is not None}
    takes: tuple[str, ...] = KERNELS[name][0] if name in KERNELS else ()
    if strange := [key for key in chosen if key not in takes]:
        raise OptionError(f"filter: --{strange[0]} is no option of the kernel {name}.")
    if name in KERNELS:
        usual = {"sigma": 1.0, "size": 3, "amount": 1.0, "wavelength": 8.0, "angle": 0.0}
        return KERNELS[name][1](ndim, {**usual, **chosen})
    if not Path(name).suffix:
        raise OptionError(
            f"filter: there is no kernel {name!r}. Use {', '.join(KERNELS)}, or a file of numbers "
            f"(.csv, .txt or .npy)."
        )
    return _one(Path(name).stem, _from_file(Path(name), ndim))


def _one(name: str, kernel: Floats) -> Kernels:
    magnitude = float(np.abs(kernel).sum())
    return Kernels(name, (kernel,), signed=abs(float(kernel.sum())) <= 1e-9 * magnitude)


def _sobel(ndim: int) -> Kernels:
    return Kernels("sobel", tuple(filters.sobel(axis, ndim) for axis in range(ndim)), _steepness)


def _gabor(ndim: int, options: Options) -> Kernels:
    turn = float(np.deg2rad(options["angle"]))
    return _one("gabor", filters.gabor(options["wavelength"], turn, ndim=ndim))


def _from_file(path: Path, ndim: int) -> Floats:
    try:
        if path.suffix.lower() == ".npy":
            kernel = np.load(path, allow_pickle=False)
        else:
            text = path.read_text(encoding="utf-8").replace(",", " ").replace(";", " ")
            kernel = np.array([[float(w) for w in row.split()] for row in text.splitlines() if row])
        kernel = np.asarray(kernel, np.float64)
    except OSError as error:
        raise DataError(f"{path}: cannot be read: {error.strerror or error}.") from None
    except (ValueError, EOFError) as error:
        raise DataError(f"{path}: a kernel is rows of as many numbers each: {error}.") from None
    if ndim == 1 and kernel.ndim == 2 and 1 in kernel.shape:
        kernel = kernel.ravel()
    if kernel.ndim != ndim or not kernel.size or not np.isfinite(kernel).all():
        raise DataError(
            f"{path}: the kernel is {kernel.shape}; {ndim} axes of finite numbers are needed."
        )
    return np.asarray(kernel)


def filter_pixels(
    pixels: Floats, kernels: Kernels, *, boundary: Boundary = "symmetric", tile: int = TILE
) -> Floats:
    """Slide kernels over a picture, colour by colour, and give pixels of the same kind.

    Whole numbers are rounded and kept in their range. Of a kernel that sums to 0 the middle of the
    range stands for 0 then (128 of 8 bits). Floats stay as they are. Opacity is not touched.

    Args:
        pixels: (H, W), or (H, W, C) with C from 1 to 4; 2 and 4 are with opacity.
        kernels: From `make_kernels`.
        boundary: What stands outside, as `striate.correlate` takes it.
        tile: Pixels along an axis that are worked on at a time; the result does not depend on it.
    Example:
        >>> photo = np.array([[0, 0, 255, 255]], np.uint8)
        >>> filter_pixels(photo, make_kernels("box", 2, {"size": 3})).tolist()
        [[0, 85, 170, 255]]
    """
    planes = pixels[:, :, None] if pixels.ndim == 2 else pixels
    made = planes.copy()
    for channel in range(planes.shape[2] - (planes.shape[2] in (2, 4))):
        plane = planes[:, :, channel]
        found = correlate_tiles(
            plane, kernels.arrays, boundary=boundary, tile=tile, combine=kernels.combine
        )
        for where, values in found:
            made[:, :, channel][where] = _as_kind(values, pixels.dtype, kernels.signed)
    return made.reshape(pixels.shape)


def _as_kind(values: Floats, dtype: Any, signed: bool) -> Floats:
    """Round to the kind of the picture's numbers."""
    if dtype.kind == "f":
        return np.asarray(values, dtype)
    bounds = np.iinfo(dtype)
    middle = (bounds.max + 1) // 2 if signed and bounds.min == 0 else 0
    whole = np.rint(np.nan_to_num(values) + middle).clip(bounds.min, bounds.max)
    return np.asarray(whole, dtype)


# Signals ------------------------------------------------------------------------------------------


def filter_signal(signal: Floats, kernels: Kernels, *, boundary: Boundary = "symmetric") -> Floats:
    """Slide kernels along a signal (L,) in float64."""
    made = np.empty(len(signal))
    for where, values in correlate_tiles(
        signal, kernels.arrays, boundary=boundary, tile=1 << 16, combine=kernels.combine
    ):
        made[where] = values
    return made


def peaks(signal: Floats) -> list[int]:
    """Find the places that are higher than both neighbours; of a flat top its middle.

    The ends are no peaks: what stands beyond is not known.

    Example:
        >>> peaks(np.array([0, 2, 1, 3, 3, 3, 0, 1]))
        [1, 4]
    """
    signal = np.asarray(signal, np.float64)
    if len(signal) < 3:
        return []
    steps = np.flatnonzero(np.diff(signal))  # a flat run begins behind each of them
    starts = np.concatenate([[0], steps + 1])
    stops = np.concatenate([steps + 1, [len(signal)]])
    heights = signal[starts]
    inner = range(1, len(starts) - 1)
    return [
        int((starts[i] + stops[i] - 1) // 2)
        for i in inner
        if heights[i] > heights[i - 1] and heights[i] > heights[i + 1]
    ]


def highest(signal: Floats, found: Sequence[int], most: int) -> list[int]:
    """The highest of some peaks, in the order they stand."""
    order = sorted(found, key=lambda i: (-float(signal[i]), i))
    return sorted(order[:most])
