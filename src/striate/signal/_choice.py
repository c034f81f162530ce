"""Which of the ways to convolve is the quickest here, and why."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal, NamedTuple, get_args

from ..errors import OptionError
from . import _fourier
from ._boundary import Boundary
from ._lengths import Mode
from ._problem import Problem, pose
from ._separable import Term, factor

Method = Literal["auto", "direct", "separable", "fft"]
METHODS = get_args(Method)

CALL_NS = 40_000.0
"""Time of a convolution of next to nothing, in nanoseconds."""

FACTOR_NS = 40_000.0
"""Time to look whether a kernel is a product of vectors, in nanoseconds."""


class Choice(NamedTuple):
    """The way a convolution goes, and what it was compared with."""

    method: str
    """'direct', 'separable' or 'fft'."""
    reason: str
    """One sentence."""
    estimates_ms: dict[str, float]
    """Estimated time of each way that is open, in milliseconds on one core."""


def choose_method(
    input: Any,
    kernel: Any,
    mode: Mode = "full",
    boundary: Boundary = "zeros",
    axes: int | Sequence[int] | None = None,
) -> Choice:
    """Tell which way `convolve(..., method='auto')` goes for these arrays, and why.

    The times are estimated from the sizes alone, with constants measured on one core:

        direct      outputs * taps: kernel rows of up to 11 taps, or products with a banded matrix
        separable   the same for each 1D pass; open if the kernel is a sum of few outer products
        fft         blocks * B log2(B) for blocks of B pixels; open for floating point

    Whole numbers always go direct: only sums of products are exact.

    Args:
        input, kernel, mode, boundary, axes: As for `convolve`.
    Raises:
        OptionError, ShapeError: As for `convolve`.
    Example:
        >>> choose_method(np.zeros((500, 500)), np.ones((31, 31))).method
        'separable'
        >>> choose_method(np.zeros(1000, int), [1, 2, 1]).reason
        'Whole numbers: only sums of products are exact.'
    """
    return choose(pose("convolve", input, kernel, mode, boundary, axes))[0]


def choose(problem: Problem) -> tuple[Choice, list[Term] | None]:
    """The same for a problem; with the terms that the kernel was factored into."""
    direct = _direct_ns(problem, tuple(problem.w.shape))
    if problem.library.is_exact(problem.w):
        reason = "Whole numbers: only sums of products are exact."
        return Choice("direct", reason, {"direct": direct / 1e6}), None
    times = {"direct": direct, "fft": _fft_ns(problem)}
    terms = _worthwhile_terms(problem, min(times.values()))
    if terms:
        times["separable"] = _separable_ns(problem, len(terms))
    method = min(times, key=times.__getitem__)
    estimates = {way: times[way] / 1e6 for way in sorted(times, key=times.__getitem__)}
    return Choice(method, _reason(problem, method, terms, estimates), estimates), terms


def factored(problem: Problem, most: int) -> list[Term] | None:
    """Write the kernel as a sum of at most `most` outer products, if it is one."""
    library, w = problem.library, problem.w
    return factor(library.kernel_array(w), library.epsilon(w), most)


def check_method(problem: Problem, method: str) -> None:
    """Refuse an unknown way, or one that cannot be gone with these arrays."""
    if method not in METHODS:
        raise OptionError(f"method={method!r} is not known. Use one of {', '.join(METHODS)}.")
    rounds = method in ("separable", "fft")
    if rounds and problem.library.is_exact(problem.w):
        raise OptionError(
            f"method={method!r} rounds, and the result of whole numbers would not be exact. "
            f"Use method='direct' or 'auto', or convert the input to float."
        )
    if method == "separable" and problem.library.is_learned(problem.w):
        raise OptionError(
            "method='separable' has no gradient for the kernel: its factors are found by "
            "looking at the numbers. Use method='direct' or 'fft', or kernel.detach()."
        )


def _direct_ns(problem: Problem, kernel_sizes: tuple[int, ...]) -> float:
    sizes = (problem.x.shape[0], *problem.output_sizes)
    return float(CALL_NS + problem.library.direct_ns(sizes, kernel_sizes, problem.w))


def _fft_ns(problem: Problem) -> float:
    steps = _fourier.work(problem.extended_sizes, tuple(problem.w.shape))
    step_ns = _fourier.STEP_NS * (2.5 if "complex" in str(problem.dtype) else 1)
    return float(2 * CALL_NS + problem.x.shape[0] * steps * step_ns)


def _separable_ns(problem: Problem, terms: int) -> float:
    """Each term is a pass along each axis; one takes a bit more than its share of the outputs."""
    sizes = tuple(problem.w.shape)
    axes = range(len(sizes))
    passes = [tuple(sizes[a] if a == axis else 1 for a in axes) for axis in axes]
    return FACTOR_NS * terms + terms * sum(_direct_ns(problem, one) for one in passes)


def _worthwhile_terms(problem: Problem, other_ns: float) -> list[Term] | None:
    """Factor the kernel, unless even one term would be no gain."""
    longer = sum(k > 1 for k in problem.w.shape)
    most = int(other_ns / _separable_ns(problem, 1))
    if longer < 2 or most < 1 or problem.library.is_learned(problem.w):
        return None
    return factored(problem, most)


def _reason(
    problem: Problem, method: str, terms: list[Term] | None, estimates: dict[str, float]
) -> str:
    size = "x".join(map(str, problem.w.shape))
    what = {
        "direct": f"The {size} kernel tap by tap",
        "separable": f"The {size} kernel is {_count(terms or [])} of 1D kernels",
        "fft": f"The {size} kernel is long enough for fast Fourier transforms",
    }[method]
    times = [f"{ms:.2g} ms {way}" for way, ms in estimates.items()]
    others = f" against {' and '.join(times[1:])}" if times[1:] else ""
    return f"{what}: an estimated {times[0]}{others}."


def _count(terms: list[Term]) -> str:
    return "a product" if len(terms) == 1 else f"a sum of {len(terms)} products"
