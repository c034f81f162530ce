"""`striate filter`: smooth, sharpen and find edges by hand, in pictures and signals."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ..errors import OptionError
from ._options import option

if TYPE_CHECKING:
    from ..signal._by_hand import Floats, Kernels

_KERNEL, _SIGNAL = "The kernel", "Signals"
SIGNALS = (".csv", ".txt", ".wav")
"""Suffixes of signals; all other files are pictures."""


def filter(
    file: Annotated[
        Path,
        typer.Argument(
            help="A picture (PNG, JPEG, TIFF, .npy), or a signal (CSV, WAV).", show_default=False
        ),
    ],
    kernel: Annotated[
        str,
        option(
            "gaussian, box, sobel, sobel-x, sobel-y, laplacian, sharpen, gabor, or a file of "
            "numbers (.csv, .npy)",
            _KERNEL,
            "--kernel",
            "-k",
        ),
    ] = "gaussian",
    sigma: Annotated[float | None, option("Of gaussian, in pixels (1)", _KERNEL)] = None,
    size: Annotated[int | None, option("Of box, in pixels (3)", _KERNEL)] = None,
    amount: Annotated[float | None, option("Of sharpen (1)", _KERNEL)] = None,
    wavelength: Annotated[
        float | None, option("Of gabor: pixels from crest to crest (8)", _KERNEL)
    ] = None,
    angle: Annotated[
        float | None, option("Of gabor: degrees from upright stripes (0)", _KERNEL)
    ] = None,
    boundary: Annotated[
        str, option("Outside: symmetric, reflect, replicate, circular or zeros", _KERNEL)
    ] = "symmetric",
    out: Annotated[
        Path | None,
        option("Where to write; by default NAME-KERNEL beside the file", _KERNEL, "--out", "-o"),
    ] = None,
    tile: Annotated[
        int, option("Pixels of a tile worked on at a time; the result is the same", _KERNEL)
    ] = 512,
    column: Annotated[int, option("Of a CSV file, counted from 1", _SIGNAL)] = 1,
    show: Annotated[int, option("Highest peaks that are listed (10)", _SIGNAL)] = 10,
) -> None:
    """Slide a kernel over a picture or a signal, and write the result in the same kind of numbers.

    Whole numbers are rounded and kept in range; where a kernel sums to 0, the middle of the range
    (128 of 8 bits) stands for 0. Of signals the peaks are listed before and after.
    """
    from ..signal._by_hand import make_kernels

    given = {
        "sigma": sigma, "size": size, "amount": amount, "wavelength": wavelength, "angle": angle,
    }  # fmt: skip
    is_signal = file.suffix.lower() in SIGNALS
    if not is_signal and (column != 1 or show != 10):
        raise OptionError("filter: --column and --show are for signals (.csv, .wav).")
    kernels = make_kernels(kernel, 1 if is_signal else 2, given)
    target = out or file.with_name(f"{file.stem}-{kernels.name}{file.suffix}")
    if target.resolve() == file.resolve():
        raise OptionError(f"filter: {target} is the input; give another name with --out.")
    if is_signal:
        _filter_signal(file, target, kernels, boundary, column, show)
    else:
        _filter_picture(file, target, kernels, boundary, tile)


def _filter_picture(file: Path, target: Path, kernels: Kernels, boundary: Any, tile: int) -> None:
    from .._raster import check_writable, read_raster, write_raster
    from ..signal._by_hand import filter_pixels

    pixels = read_raster(file)
    check_writable(target, pixels.dtype, pixels.shape[2] if pixels.ndim == 3 else 1)
    write_raster(target, filter_pixels(pixels, kernels, boundary=boundary, tile=tile))
    size = f"{pixels.shape[1]}x{pixels.shape[0]}"
    sizes = " and ".join("x".join(map(str, one.shape)) for one in kernels.arrays)
    middle = pixels.dtype.kind == "u" and kernels.signed
    zero = f"; 0 is {2 ** (8 * pixels.itemsize - 1)}" if middle else ""
    typer.echo(f"{target}: {size} pixels of {pixels.dtype}, kernel {sizes}{zero}")


def _filter_signal(
    file: Path, target: Path, kernels: Kernels, boundary: Any, column: int, show: int
) -> None:
    from ..signal._by_hand import filter_signal
    from ..signal._files import read_signal, write_signal

    if target.suffix.lower() != file.suffix.lower():
        raise OptionError(f"filter: {target}: a signal is written as it was read, {file.suffix}.")
    if column < 1 or show < 0:
        raise OptionError(f"filter: --column {column} --show {show}: count from 1, show 0 or more.")
    before, rate = read_signal(file, column)
    after = filter_signal(before, kernels, boundary=boundary)
    write_signal(target, before, after, rate)
    typer.echo(f"{target}: {len(before):,} samples, kernel of {len(kernels.arrays[0])}")
    typer.echo(_peaks("before", before, rate, show))
    typer.echo(_peaks("after ", after, rate, show))


def _peaks(when: str, signal: Floats, rate: int | None, show: int) -> str:
    from ..signal._by_hand import highest, peaks

    found = peaks(signal)
    listed = highest(signal, found, show)
    texts = [f"{i if rate is None else f'{i / rate:.4f} s'}: {signal[i]:.4g}" for i in listed]
    of = "" if len(listed) == len(found) else f", the {len(listed)} highest"
    return f"{when}  {len(found)} peaks{of}" + ("".join(f"\n  {text}" for text in texts))
