"""Classic kernels for signals (ndim=1), images (2) and volumes (3), as float64 NumPy arrays.

They are written the way `correlate` reads them, unflipped, with the middle tap on the output's
pixel. `convolve` flips them, which shows only in `sobel` and in `gabor` with a phase: as the sign.

    smoothed = striate.correlate(image, filters.gaussian(2.0), mode="same", boundary="reflect")
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import reduce
from numbers import Real
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .errors import OptionError

Kernel = NDArray[np.float64]

_SMOOTH = np.array([1.0, 2.0, 1.0]) / 4
_SLOPE = np.array([-1.0, 0.0, 1.0]) / 2


def gaussian(sigma: float | Sequence[float], ndim: int = 2, truncate: float = 4.0) -> Kernel:
    """Weight pixels by a bell around the middle: smoothing without edges of its own.

    g[r] = exp(-sum over axes of r^2 / (2*sigma^2)) / (sum of all)      r = -R .. R

    Sums to 1. It is a product of 1D kernels, so `convolve` passes along each axis in turn.

    Args:
        sigma: Standard deviation in pixels; one number, or one an axis. 0 leaves an axis alone.
        ndim: Number of axes.
        truncate: Where the bell is cut off, in sigmas: R = round(truncate * sigma).
    Returns:
        2R + 1 taps along each axis.
    Raises:
        OptionError: A negative sigma, no truncate, or ndim other than 1, 2, 3.
    Example:
        >>> gaussian(1.0, ndim=1, truncate=1.0).round(3)
        array([0.274, 0.452, 0.274])
        >>> gaussian((0.0, 2.0)).shape
        (1, 17)

    Source: Marr and Hildreth 1980, "Theory of edge detection"; the taps are scipy.ndimage's.
    """
    sigmas = _per_axis("gaussian", "sigma", sigma, ndim)
    _check("gaussian", "sigma", sigma, all(s >= 0 for s in sigmas), "finite, 0 or more")
    _check("gaussian", "truncate", truncate, 0 < truncate < math.inf, "finite, more than 0")
    return _product([_bell(s, truncate) for s in sigmas])


def _bell(sigma: float, truncate: float) -> Kernel:
    radius = int(truncate * sigma + 0.5)
    r = np.arange(-radius, radius + 1)
    bell = np.exp(-0.5 * (r / sigma) ** 2) if radius else np.ones(1)
    return np.asarray(bell / bell.sum())


def box(size: int | Sequence[int], ndim: int = 2) -> Kernel:
    """Average a block of pixels.

    b[r] = 1 / (number of taps)

    Sums to 1.

    Args:
        size: Taps along each axis; one number, or one an axis. An even size has no middle tap.
        ndim: Number of axes.
    Raises:
        OptionError: A size that is no whole number of 1 or more, or ndim other than 1, 2, 3.
    Example:
        >>> box(2)
        array([[0.25, 0.25],
               [0.25, 0.25]])

    Source: Gonzalez and Woods 2018, Digital Image Processing, section 3.5.
    """
    sizes = _per_axis("box", "size", size, ndim)
    whole = all(float(s).is_integer() and s >= 1 for s in sizes)
    _check("box", "size", size, whole, "a whole number of 1 or more")
    shape = tuple(map(int, sizes))
    return np.full(shape, 1 / math.prod(shape))


def laplacian(ndim: int = 2, diagonal: bool = False) -> Kernel:
    """Compare a pixel with its neighbours: the sum of the second derivatives.

    (sum of the neighbours) - (number of neighbours) * (middle)

    Sums to 0. Of x^2 + y^2 it gives 4 everywhere: the Laplacian. With `diagonal` it is
    3^(ndim - 1) times the Laplacian, and less partial to the axes.

    Args:
        ndim: Number of axes.
        diagonal: Count the neighbours across corners too: 3^ndim - 1 instead of 2*ndim.
    Returns:
        3 taps along each axis.
    Raises:
        OptionError: ndim other than 1, 2, 3.
    Example:
        >>> laplacian()
        array([[ 0.,  1.,  0.],
               [ 1., -4.,  1.],
               [ 0.,  1.,  0.]])

    Source: Gonzalez and Woods 2018, Digital Image Processing, equations 3-62 to 3-64.
    """
    _check_ndim("laplacian", ndim)
    distance = abs(_grid([1] * ndim)).sum(0)
    kernel: Kernel = (distance > 0 if diagonal else distance == 1).astype(np.float64)
    kernel[(1,) * ndim] = -kernel.sum()
    return kernel


def sharpen(amount: float = 1.0, ndim: int = 2, diagonal: bool = False) -> Kernel:
    """Exaggerate what sets a pixel off from its neighbours.

    (middle) - amount * laplacian

    Sums to 1, so that even areas stay as they are. `amount` 0 changes nothing.

    Args:
        amount: How much; negative amounts smooth.
        ndim, diagonal: As for `laplacian`.
    Returns:
        3 taps along each axis.
    Raises:
        OptionError: An amount that is not finite, or ndim other than 1, 2, 3.
    Example:
        >>> sharpen()
        array([[ 0., -1.,  0.],
               [-1.,  5., -1.],
               [ 0., -1.,  0.]])

    Source: Gonzalez and Woods 2018, Digital Image Processing, equation 3-63.
    """
    _check("sharpen", "amount", amount, math.isfinite(amount), "finite")
    kernel = -amount * laplacian(ndim, diagonal)
    kernel[(1,) * ndim] += 1
    return kernel + 0.0  # no minus zeros


def sobel(axis: int = -1, ndim: int = 2) -> Kernel:
    """Measure the slope along one axis, smoothed across the others.

    (-1, 0, 1) / 2 along `axis`, times (1, 2, 1) / 4 along every other

    Sums to 0. A ramp that rises by s a pixel gives s; times 2 * 4^(ndim - 1), which is 8 for
    an image, it is the kernel of whole numbers known by this name.

    Args:
        axis: The axis of the slope: -1 is x in an image, and finds upright edges.
        ndim: Number of axes.
    Returns:
        3 taps along each axis.
    Raises:
        OptionError: An axis that is not there, or ndim other than 1, 2, 3.
    Example:
        >>> 8 * sobel(axis=-1)
        array([[-1.,  0.,  1.],
               [-2.,  0.,  2.],
               [-1.,  0.,  1.]])

    Source: Sobel and Feldman 1968, "A 3x3 isotropic gradient operator for image processing".
    """
    _check_ndim("sobel", ndim)
    there = isinstance(axis, int) and -ndim <= axis < ndim
    _check("sobel", "axis", axis, there, f"a whole number from {-ndim} to {ndim - 1}")
    return _product([_SLOPE if a == axis % ndim else _SMOOTH for a in range(ndim)])


def gabor(
    wavelength: float,
    orientation: float | Sequence[float] = 0.0,
    sigma: float | None = None,
    phase: float = 0.0,
    aspect: float = 1.0,
    ndim: int = 2,
    truncate: float = 3.0,
) -> Kernel:
    """Look for stripes of one width and direction: a wave under a bell.

    g[r] = exp(-(a^2 + aspect^2 * b^2) / (2*sigma^2)) * (cos(2*pi*a / wavelength + phase) - d) / c

    a is how far r lies along the direction in which the wave runs, b how far off it. d makes the
    sum 0; c makes the answer to the wave itself, of height 1, be 1.

    Args:
        wavelength: From crest to crest, in pixels; 2 or more.
        orientation: Where the wave runs. Of an image, an angle in radians from the last axis
            (x) to the first (y, downwards): 0 finds upright stripes. Or a direction for any
            number of axes, one number an axis in their order, of any length but 0.
        sigma: Standard deviation of the bell along the wave, in pixels; by default
            0.56 * wavelength, which answers to waves within one octave.
        phase: In radians: 0 is a crest in the middle, -pi/2 rises there, as an edge does.
        aspect: The bell along the wave, against across it: below 1 it is long along the stripes.
        ndim: Number of axes.
        truncate: Where the bell is cut off, in sigmas.
    Returns:
        2R + 1 taps along each axis, R = ceil(truncate * sigma / min(aspect, 1)).
    Raises:
        OptionError: A number out of its range, or a direction that does not fit `ndim`.
    Example:
        >>> gabor(4.0, ndim=1, truncate=1.0).round(2)
        array([ 0.01, -0.27,  0.03,  0.46,  0.03, -0.27,  0.01])
        >>> gabor(4.0, orientation=(1.0, 1.0, 0.0), ndim=3).shape
        (15, 15, 15)

    Source: Daugman 1985, equation 2; Petkov 1995 for the default sigma.
    """
    positive = {"sigma": sigma, "aspect": aspect, "truncate": truncate}
    for name, value in positive.items():
        fine = value is None or 0 < value < math.inf
        _check("gabor", name, value, fine, "finite, more than 0")
    _check("gabor", "wavelength", wavelength, 2 <= wavelength < math.inf, "2 pixels or more")
    _check("gabor", "phase", phase, math.isfinite(phase), "finite, in radians")
    direction = _direction(orientation, ndim)
    sigma = 0.56 * wavelength if sigma is None else sigma
    r = _grid([math.ceil(truncate * sigma / min(aspect, 1.0))] * ndim)
    along = np.tensordot(direction, r, 1)
    across_squared = (r**2).sum(0) - along**2
    bell = np.exp(-(along**2 + aspect**2 * across_squared) / (2 * sigma**2))
    wave = np.cos(2 * math.pi * along / wavelength + phase)
    kernel = bell * (wave - (bell * wave).sum() / bell.sum())
    answer = float((kernel * wave).sum())
    if answer < 1e-6:
        raise OptionError(
            f"wavelength={wavelength}, sigma={sigma} and phase={phase} leave nothing: on whole "
            f"pixels under this bell the wave is even. Use a longer wave, a wider bell or phase=0.",
            subject="gabor",
        )
    return np.asarray(kernel / answer)


def _direction(orientation: float | Sequence[float], ndim: int) -> Kernel:
    """The unit vector, one number an axis, of an angle or of a vector."""
    _check_ndim("gabor", ndim)
    if isinstance(orientation, Real):
        # The angle turns the last axis towards the one before; a signal has only the one.
        fine = math.isfinite(orientation) and (ndim == 2 or orientation == 0)
        turned = (math.sin(orientation), math.cos(orientation)) if fine else ()
        vector = np.array([0.0, *turned][-ndim:])
    else:
        vector = np.asarray(orientation, np.float64)
        fine = vector.shape == (ndim,) and bool(np.isfinite(vector).all() and vector.any())
    required = f"a direction of {ndim} numbers, one an axis, not all 0"
    angle = "a finite angle or " if ndim == 2 else "0 or "
    _check("gabor", "orientation", orientation, fine, angle + required)
    return np.asarray(vector / np.linalg.norm(vector))


def _product(vectors: Sequence[Kernel]) -> Kernel:
    """The outer product: vectors[0] along the first axis, and so on."""
    return np.asarray(reduce(np.multiply.outer, vectors))


def _grid(radii: Sequence[int]) -> Kernel:
    """Coordinates around the middle: (axes, 2R + 1, 2R + 1, ...)."""
    return np.mgrid[tuple(slice(-radius, radius + 1) for radius in radii)].astype(np.float64)


def _per_axis(subject: str, name: str, value: Any, ndim: int) -> tuple[float, ...]:
    """One finite number an axis."""
    _check_ndim(subject, ndim)
    try:
        numbers = np.broadcast_to(np.asarray(value, np.float64), ndim)
    except (TypeError, ValueError):
        numbers = np.full(ndim, np.nan)
    _check(subject, name, value, bool(np.isfinite(numbers).all()), f"one number, or {ndim}")
    return tuple(map(float, numbers))


def _check_ndim(subject: str, ndim: int) -> None:
    _check(subject, "ndim", ndim, isinstance(ndim, int) and ndim in (1, 2, 3), "1, 2 or 3")


def _check(subject: str, name: str, value: object, fine: bool, required: str) -> None:
    if not fine:
        raise OptionError(f"{name}={value!r} must be {required}.", subject=subject)
