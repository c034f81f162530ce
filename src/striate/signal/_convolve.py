"""`convolve` and `correlate`: the public functions."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from ..errors import OptionError
from . import _fourier
from ._boundary import Boundary
from ._choice import Method, check_method, choose, factored
from ._lengths import Mode
from ._problem import Problem, pose
from ._separable import Term


def convolve(
    input: Any,
    kernel: Any,
    mode: Mode = "full",
    boundary: Boundary = "zeros",
    method: Method = "auto",
    axes: int | Sequence[int] | None = None,
) -> Any:
    """Convolve a signal, an image or a volume with a kernel, which is flipped.

    y[i] = sum over u of kernel[u] * input[i + s - u]      along each convolved axis

    With K taps and n pixels, s and the length of y are

        mode      s              length
        full      0              n + K - 1     every place where the kernel touches the input
        same      (K - 1) // 2   n             the middle of 'full', as SciPy takes it
        valid     K - 1          n - K + 1     only where the whole kernel lies on the input

    NumPy arrays (or lists) give a NumPy array; if either is a torch tensor, the result is one, on
    its device, with gradients for both. Types are promoted as NumPy's (torch's) are; all integers
    and bool give exact int64, half precision is computed in float32.

    Args:
        input: The kernel's axes go along its last axes; those in front are a batch.
        kernel: 1, 2 or 3 axes; it may be longer than the input, except with 'valid'.
        mode: Which places are kept; see above.
        boundary: What stands outside the input: 'zeros', 'reflect' (d c b | a b c d), 'symmetric'
            (c b a | a b c d, the edge twice), 'replicate' (a a a | a b c d), 'circular'
            (b c d | a b c d).
        method: 'direct' adds up every tap, 'separable' makes 1D passes, 'fft' multiplies spectra;
            'auto' takes the quickest by `signal.choose_method`.
        axes: The input's axes that the kernel's axes go along, instead of the last ones.
    Returns:
        The input's shape, with the lengths above along the convolved axes. With K taps in all,
        'direct' and 'separable' err by less than (K + 8) * eps * |kernel| * |pixels read| in
        Euclidean norms, mostly by a few eps. 'fft' is computed in double precision and errs by
        some eps64 * log2(B) * |kernel| * |pixels of a block of B|: where tiny values must keep
        their digits beside huge ones, ask for 'direct'. NaN and infinity reach no farther than
        the kernel does, whichever way is taken.
    Raises:
        ShapeError: Nothing to convolve, too few axes, or a kernel that does not fit with 'valid'
            (NumPy would swap the two arrays).
        OptionError: An unknown word, a type that is no number, axes that are not there.
    Example:
        >>> convolve([1.0, 2.0, 3.0], [0.0, 1.0, 0.5])
        array([0. , 1. , 2.5, 4. , 1.5])
        >>> convolve(torch.ones(4), [1, 1, 1], mode="same", boundary="replicate")
        tensor([3., 3., 3., 3.])

    Source: Oppenheim and Schafer 2010, Discrete-Time Signal Processing, sections 2.3 and 8.7.
    """
    return _slide("convolve", input, kernel, mode, boundary, method, axes)


def correlate(
    input: Any,
    kernel: Any,
    mode: Mode = "full",
    boundary: Boundary = "zeros",
    method: Method = "auto",
    axes: int | Sequence[int] | None = None,
) -> Any:
    """Slide a kernel over a signal, an image or a volume as it is: `convolve` without the flip.

    y[i] = sum over u of conj(kernel[u]) * input[i - p + u]      along each convolved axis

    With K taps, p is K - 1 for 'full', K // 2 for 'same' and 0 for 'valid'. Where the kernel's
    pattern stands in the input, the result is large. A convolution layer does the same (without
    the conjugate of a complex kernel).

    Args:
        input, kernel, mode, boundary, method, axes: As for `convolve`.
    Returns:
        As `convolve`.
    Raises:
        ShapeError, OptionError: As `convolve`.
    Example:
        >>> correlate([0, 0, 1, 2, 0], [1, 2], mode="valid")
        array([0, 2, 5, 2])

    Source: Oppenheim and Schafer 2010, Discrete-Time Signal Processing, section 2.3.
    """
    return _slide("correlate", input, kernel, mode, boundary, method, axes)


def _slide(
    subject: str,
    input: Any,
    kernel: Any,
    mode: str,
    boundary: str,
    method: str,
    axes: int | Sequence[int] | None,
) -> Any:
    problem = pose(subject, input, kernel, mode, boundary, axes)
    try:
        check_method(problem, method)
        return problem.restored(_run(problem, method))
    except OptionError as error:
        raise error.of(subject) from None


def _run(problem: Problem, method: str) -> Any:
    terms: list[Term] | None = None
    if method == "auto":
        choice, terms = choose(problem)
        method = choice.method
    with np.errstate(all="ignore"):  # infinity and NaN go through, as in any sum
        return _run_by(problem, method, terms)


def _run_by(problem: Problem, method: str, terms: list[Term] | None) -> Any:
    library, w, x = problem.library, problem.w, problem.extended()
    if method == "direct" or 0 in x.shape:
        return library.direct(x, w)
    y = _fourier.correlate(library, x, w) if method == "fft" else _separable(problem, x, terms)
    # A spectrum, and a sum of products, spread one NaN or infinity: then tap by tap.
    return y if y is not None and library.is_finite(y) else library.tap_by_tap(x, w)


def _separable(problem: Problem, x: Any, terms: list[Term] | None) -> Any:
    """Add up the terms, each a pass along each axis; None for a kernel that is not finite."""
    library, w = problem.library, problem.w
    terms = terms or factored(problem, most=math.prod(w.shape))
    total = None
    for term in terms or ():
        y = x
        for axis, vector in enumerate(term):
            sizes = [len(vector) if a == axis else 1 for a in range(w.ndim)]
            y = library.direct(y, library.vector_like(vector, w).reshape(sizes))
        total = y if total is None else total + y
    return total
