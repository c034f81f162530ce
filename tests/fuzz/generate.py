"""Problems at random: a generator for each kind of step."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np

from striate import Window
from striate.graph.ops import (
    ChannelShuffle,
    GroupNorm,
    LayerNorm,
    LocalResponseNorm,
    PixelShuffle,
    PixelUnshuffle,
    Resize,
)

from ..native import test_pool, test_resize
from ..native.steps import EPS, Convolution
from .problem import Array, Operand, Problem

Rng = np.random.Generator
CHANNELS = (1, 2, 3, 4, 5, 7, 8, 9, 12, 15, 16, 17, 20, 24, 31, 32, 33, 40, 48, 64, 65)


def _sigmoid(x: Array) -> Array:
    return 0.5 * (1 + np.tanh(x / 2))


def _erf(x: Array) -> Array:
    return np.vectorize(math.erf, otypes=[float])(x)


# Name, alpha, beta and the formula; none is steeper than 1.5, so that errors grow by no more.
ACTIVATIONS: list[tuple[str, float, float, Callable[[Array], Array]]] = [
    ("clamp", 0.0, math.inf, lambda x: np.maximum(x, 0)),
    ("clamp", 0.0, 6.0, lambda x: np.clip(x, 0, 6)),
    ("clamp", -0.5, 0.5, lambda x: np.clip(x, -0.5, 0.5)),
    ("leaky_relu", 0.1, 0.0, lambda x: np.where(x < 0, 0.1 * x, x)),
    ("elu", 0.7, 0.0, lambda x: np.where(x < 0, 0.7 * np.expm1(np.minimum(x, 0)), x)),
    ("sigmoid", 0.0, 0.0, _sigmoid),
    ("silu", 0.0, 0.0, lambda x: x * _sigmoid(x)),
    ("hard_swish", 1 / 6, 0.5, lambda x: x * np.clip(x / 6 + 0.5, 0, 1)),
    ("hard_sigmoid", 1 / 6, 0.5, lambda x: np.clip(x / 6 + 0.5, 0, 1)),
    ("tanh", 1.7159, 2 / 3, lambda x: 1.7159 * np.tanh(2 / 3 * x)),
    ("gelu", 0.0, 0.0, lambda x: x * (1 + _erf(x / math.sqrt(2))) / 2),
    ("softplus", 1.0, 20.0, lambda x: np.logaddexp(0, x)),
    ("mish", 0.0, 0.0, lambda x: x * np.tanh(np.logaddexp(0, x))),
    ("abs", 0.0, 0.0, np.abs),
]


def draw_activation(
    rng: Rng, attributes: dict[str, Any], expected: Array, bound: float
) -> tuple[dict[str, Any], Array, float]:
    """Perhaps let an activation follow."""
    if rng.random() < 0.5:
        return attributes, expected, bound
    name, alpha, beta, formula = ACTIVATIONS[rng.integers(len(ACTIVATIONS))]
    told = {"activation": name, "alpha": alpha, "beta": beta}
    with np.errstate(over="ignore"):
        result = formula(expected)
    largest = np.nanmax(np.abs(result), initial=0)
    return attributes | told, result, 1.5 * bound + 8 * EPS * max(1.0, float(largest))


def normal(rng: Rng, *shape: int) -> Array:
    return rng.standard_normal(shape).astype(np.float32)


def pick(rng: Rng, *options: Any) -> Any:
    return options[rng.integers(len(options))]


def channels(rng: Rng) -> int:
    return int(pick(rng, *CHANNELS) if rng.random() < 0.7 else rng.integers(1, 100))


def gap(rng: Rng) -> int:
    return int(pick(rng, 0, 0, 1, 2, 3, 10))


def axes(rng: Rng, most: int) -> list[int]:
    """Which of depth, height and width there are, by how many: 1, 2 or 3 axes."""
    return list(range(3 - int(pick(rng, 1, 2, 2, 2, 3)), 3))[-most:]


# --- convolution ----------------------------------------------------------------------------------


def conv(rng: Rng) -> Problem:
    """A convolution with all its attributes at random, small enough for the slowest target."""
    while True:
        p = _draw_conv(rng)
        if all(n >= 1 for n in p.out):
            macs = p.batch * p.out_channels * p.in_channels // p.groups * math.prod(p.kernel)
            work = macs * math.prod(p.out)
            floats = max(math.prod(p.size), math.prod(p.full)) * p.batch
            largest = max(p.in_channels, p.out_channels) + 16
            weights = macs // p.batch
            if work <= 4e6 and floats * largest < 4e5 and weights <= 400_000:
                return _conv_problem(rng, p)


def _draw_conv(rng: Rng) -> Convolution:
    kind = pick(rng, "any", "any", "3x3", "3x3", "1x1", "depthwise", "plain", "grouped", "large")
    used = axes(rng, 3)
    size, kernel, stride, dilation = [1] * 3, [1] * 3, [1] * 3, [1] * 3
    before, after = [0] * 3, [0] * 3
    for i in used:
        size[i] = int(rng.integers(1, 9 if len(used) == 3 else 40 if len(used) == 2 else 300))
        if kind == "1x1":
            stride[i] = int(pick(rng, 1, 1, 1, 2, 3))
            if rng.random() < 0.1:
                before[i], after[i] = int(rng.integers(-1, 3)), int(rng.integers(-1, 3))
            continue
        kernel[i] = 3 if kind == "3x3" else int(pick(rng, 1, 2, 3, 3, 3, 4, 5, 5, 7, 7, 9, 11))
        stride[i] = int(pick(rng, 1, 1, 1, 2, 2, 3, 4, 5)) if kind != "3x3" else 1
        if len(used) == 1 and rng.random() < 0.1:
            kernel[i] = int(rng.integers(12, 90))
        dilation[i] = int(pick(rng, 1, 1, 1, 1, 1, 2, 2, 3, 6))
        reach = dilation[i] * (kernel[i] - 1)
        if rng.random() < 0.5:
            before[i] = after[i] = reach // 2
        else:
            before[i], after[i] = (int(rng.integers(-1, reach + 3)) for _ in range(2))
    if kind in ("any", "plain", "depthwise", "grouped") and rng.random() < 0.5:
        dilation = [1, 1, 1]
    c, o, groups, plain = channels(rng), channels(rng), 1, False
    if kind == "depthwise":
        o = groups = c
    elif kind == "grouped":
        groups = int(pick(rng, 2, 3, 4, 8, 32))
        each = int(pick(rng, 1, 2, 3, 4, 5, 8, 16, 24, 32))
        c, o = groups * each, groups * int(pick(rng, each, each, 1, 2, 3, 7, 8, 16))
    elif kind == "plain":
        c, plain = int(pick(rng, 1, 1, 2, 3, 3, 3, 4, 5, 6, 9)), True
    elif kind == "large":
        c, o = int(rng.integers(150, 600)), int(rng.integers(150, 600))
        size = [1 if i not in used else int(rng.integers(1, 6)) for i in range(3)]
    p = Convolution(
        batch=int(pick(rng, 1, 1, 1, 2, 3)), in_channels=c, out_channels=o, groups=groups,
        size=tuple(size), kernel=tuple(kernel), stride=tuple(stride), dilation=tuple(dilation),
        before=tuple(before), after=tuple(after), bias=bool(rng.random() < 0.7),
        residual=bool(rng.random() < 0.3), scale=bool(not plain and rng.random() < 0.2),
        plain_input=plain,
    )  # fmt: skip
    if rng.random() < 0.15 and all(n >= 1 for n in p.out):
        step = [int(pick(rng, 1, 2, 3)) if i in used else 1 for i in range(3)]
        start = [int(rng.integers(0, 3)) if i in used else 0 for i in range(3)]
        full = [
            a + (n - 1) * s + 1 + int(rng.integers(0, 3)) * (i in used)
            for i, (a, n, s) in enumerate(zip(start, p.out, step, strict=True))
        ]
        p = replace(p, places=(tuple(full), tuple(step), tuple(start)))
    return p


def _conv_problem(rng: Rng, p: Convolution) -> Problem:
    arrays = p.arrays(int(rng.integers(1 << 30)))
    exact = p.reference(arrays)
    # The last additions, of bias and residual, round by the size of the whole sum.
    bound = p.tolerance(arrays) + 2 * EPS * float(np.abs(exact).max())
    attributes, expected, bound = draw_activation(rng, p.attributes, exact, bound)
    whole = np.full((p.batch, p.out_channels, *p.full), np.nan)
    p.at_places(whole)[...] = expected
    # Winograd's bound is a share of the largest output (docs/design.md), before the activation.
    slack = 1.5e-4 * float(np.abs(exact).max())
    inputs = [
        Operand(arrays["x"], not p.plain_input, "x_batch_stride", gap(rng)),
        Operand(arrays["residual"], True, "residual_batch_stride", gap(rng), -2.0)
        if p.residual
        else None,
        Operand(arrays["scale"], True, unused=5.0) if p.scale else None,
    ]
    return Problem(
        "conv", attributes, inputs, [Operand(whole, True, "y_batch_stride", gap(rng))],
        lambda kernel: bound + slack * kernel.startswith("winograd"),
        arrays["weight"], [arrays["bias"] if p.bias else None],
    )  # fmt: skip


# --- pooling --------------------------------------------------------------------------------------


def pool(rng: Rng) -> Problem:
    """A maximum or a mean over windows, adaptive or not."""
    used = axes(rng, 3)
    size = tuple(
        1 if i not in used else int(rng.integers(1, 10 if len(used) == 3 else 30)) for i in range(3)
    )
    common: dict[str, Any] = {
        "size": size, "channels": channels(rng), "batch": int(pick(rng, 1, 1, 2, 3)),
    }  # fmt: skip
    mode = pick(rng, "max", "avg")
    if rng.random() < 0.2:
        places = tuple(int(rng.integers(1, n + 3)) if i in used else 1 for i, n in enumerate(size))
        problem = test_pool.Pooling(places=places, **common)
    else:
        windows = tuple(_window(rng, n) if i in used else Window(1) for i, n in enumerate(size))
        problem = test_pool.Pooling(
            windows=windows, count_include_pad=bool(rng.random() < 0.5),
            divisor=int(rng.integers(1, 9)) if rng.random() < 0.1 else None, **common,
        )  # fmt: skip
    x = normal(rng, problem.batch, problem.channels, *size)
    exact = problem.reference(x, mode)
    terms = math.prod(size) if mode == "avg" else 0
    attributes, expected, bound = draw_activation(
        rng, problem.attributes(mode, exact.shape[2:]), exact, 4 * EPS * terms
    )
    return Problem(
        "pool", attributes, [Operand(x, True, "x_batch_stride", gap(rng))],
        [Operand(expected, True, "y_batch_stride", gap(rng))], lambda _: bound,
    )  # fmt: skip


def _window(rng: Rng, n: int) -> Window:
    """One that fits n pixels and never lies in the padding alone."""
    while True:
        size, dilation = int(rng.integers(1, min(n, 8) + 1)), int(pick(rng, 1, 1, 1, 2, 3))
        reach = dilation * (size - 1) + 1
        half = min(reach // 2, size // 2 if dilation == 1 else 0)
        padding = tuple(int(rng.integers(0, half + 1)) for _ in range(2))
        if reach <= n:
            return Window(
                size, int(rng.integers(1, 5)), dilation, padding, ceil_mode=bool(rng.random() < 0.3)
            )


# --- norms ----------------------------------------------------------------------------------------


def norm(rng: Rng) -> Problem:
    """Layer, group or response normalisation."""
    mode = pick(rng, "layer", "layer", "group", "response", "plain")
    n, c, pixels = int(pick(rng, 1, 1, 2, 3)), channels(rng), int(rng.integers(1, 200))
    if rng.random() < 0.1:
        pixels = int(rng.integers(1000, 3000))
    mean = float(pick(rng, 0, 0, 5, -30))
    attributes: dict[str, Any] = {"mode": mode, "batch": n, "channels": c, "pixels": pixels}
    w = normal(rng, c) if rng.random() < 0.7 else None
    b = normal(rng, c) if rng.random() < 0.7 else None
    if mode == "plain":
        c = int(rng.integers(2, 2000))
        w, b = (v if v is None else normal(rng, c) for v in (w, b))
        x = normal(rng, n, c) + np.float32(mean)
        rms = bool(rng.random() < 0.3)
        attributes |= {"mode": "layer", "plain": True, "channels": c, "pixels": 1, "rms": rms}
        (exact,) = LayerNorm(1, 1e-3, rms).evaluate(x.astype(float), w, b)
    elif mode == "layer":
        x, rms = normal(rng, n, c, pixels) + np.float32(mean), bool(rng.random() < 0.3)
        attributes["rms"] = rms
        (y,) = LayerNorm(1, 1e-3, rms).evaluate(np.moveaxis(x.astype(float), 1, -1), w, b)
        exact = np.moveaxis(y, -1, 1)
    elif mode == "group":
        groups = int(pick(rng, *(g for g in range(1, c + 1) if c % g == 0)))
        if c // groups * pixels == 1:
            pixels = attributes["pixels"] = 2
        x = normal(rng, n, c, pixels) + np.float32(mean)
        attributes["groups"] = groups
        (exact,) = GroupNorm(groups, 1e-3).evaluate(x.astype(float), w, b)
    else:
        w = b = None
        x, size = normal(rng, n, c, pixels), int(rng.integers(1, 12))
        power = float(pick(rng, 0.75, 0.5, 0.6))
        attributes |= {"size": size, "k": 2.0, "scale": 0.1 / size, "power": power}
        (exact,) = LocalResponseNorm(size, 0.1, power, 2.0).evaluate(x.astype(float))
    attributes |= {"eps": 1e-3, "weight": w is not None, "bias": b is not None}
    # A norm of nearly equal numbers divides their rounding errors by sqrt(eps).
    bound = 1e-5 * float(np.abs(exact).max()) + 8 * EPS * abs(mean) * (
        1 if w is None else float(np.abs(w).max())
    ) / math.sqrt(1e-3) * (c * pixels <= 4 or c == 1 or c <= 4)
    attributes, expected, bound = draw_activation(rng, attributes, exact, bound)
    blocked = not attributes.get("plain")
    return Problem(
        "norm", attributes, [Operand(x, blocked, "x_batch_stride", gap(rng), 77.0)],
        [Operand(expected, blocked, "y_batch_stride", gap(rng))], lambda _: bound,
        weights=[w, b],
    )  # fmt: skip


# --- elementwise ----------------------------------------------------------------------------------

OPS: dict[str, Any] = {
    "add": np.add, "sub": np.subtract, "mul": np.multiply, "div": np.divide, "pow": np.power,
    "max": np.maximum, "min": np.minimum, "prelu": lambda x, b: np.where(x > 0, x, b * x),
    "equal": np.equal, "less": np.less, "less_equal": np.less_equal,
}  # fmt: skip


def positive(rng: Rng, *shape: int) -> Array:
    """Numbers from 1/2 to 2: all operations are defined on them."""
    return rng.uniform(0.5, 2, shape).astype(np.float32)


def elementwise(rng: Rng) -> Problem:
    """Arithmetic of maps, or of arrays that are broadcast."""
    if rng.random() < 0.3:
        return _broadcast(rng)
    n, c, pixels = int(pick(rng, 1, 2, 3)), channels(rng), int(rng.integers(1, 300))
    plain = bool(rng.random() < 0.4)
    op = pick(rng, "none", "affine", *OPS)
    second = "none" if op == "none" else pick(rng, "same", "channel", "image_channel", "pixel")
    if op not in ("none", "affine") and rng.random() < 0.2:
        second = "number"
    shapes = {
        "none": (1, 1, 1), "number": (1, 1, 1), "same": (n, c, pixels), "channel": (1, c, 1),
        "image_channel": (n, c, 1), "pixel": (n, 1, pixels),
    }  # fmt: skip
    if op == "affine" and second == "pixel":
        second = "same"
    x, b, shift = positive(rng, n, c, pixels), positive(rng, *shapes[second]), None
    attributes: dict[str, Any] = {
        "batch": n, "channels": c, "pixels": pixels, "plain": plain, "op": op, "second": second,
    }  # fmt: skip
    real, other = x.astype(float), b.astype(float)
    if op == "none":
        attributes |= {"activation": "silu"}
        exact = real * _sigmoid(real)
    elif op == "affine":
        shift = positive(rng, *shapes[second])
        exact = real * other + shift
    else:
        reverse = op in ("sub", "div", "pow", "less", "less_equal") and rng.random() < 0.5
        attributes["reverse"] = bool(reverse)
        exact = (OPS[op](other, real) if reverse else OPS[op](real, other)).astype(float)
    if second == "number":
        attributes["number"] = float(b.item())
    bound = 4e-6
    if op != "none":
        attributes, exact, bound = draw_activation(rng, attributes, exact, bound)

    def beside(array: Array | None, stride: str) -> Operand | None:
        if array is None or second in ("none", "number"):
            return None
        strided = second in ("same", "pixel")
        blocked = not plain
        return Operand(array, blocked, stride * strided, gap(rng) * strided, 1.0)

    return Problem(
        "elementwise", attributes,
        [Operand(x, not plain, "x_batch_stride", gap(rng), 1.0), beside(b, "b_batch_stride"),
         beside(shift, "c_batch_stride")],
        [Operand(exact, not plain, "y_batch_stride", gap(rng))], lambda _: bound,
    )  # fmt: skip


def _broadcast(rng: Rng) -> Problem:
    sizes = [int(rng.integers(1, pick(rng, 3, 9, 30))) for _ in range(rng.integers(1, 7))]
    while math.prod(sizes) > 20000:
        sizes.pop()
    a, b = (positive(rng, *(1 if rng.random() < 0.3 else n for n in sizes)) for _ in range(2))
    sizes = list(np.broadcast_shapes(a.shape, b.shape))
    op = pick(rng, *OPS)
    strides = [[s // 4 for s in np.broadcast_to(v, sizes).strides] for v in (a, b)]
    attributes = {"op": op, "sizes": sizes, "a_strides": strides[0], "b_strides": strides[1]}
    exact = OPS[op](a.astype(float), b.astype(float)).astype(float)
    attributes, exact, bound = draw_activation(rng, attributes, exact, 4e-6)
    return Problem(
        "elementwise", attributes, [Operand(v.reshape(1, -1)) for v in (a, b)],
        [Operand(exact.reshape(1, -1))], lambda _: bound,
    )  # fmt: skip


# --- copies ---------------------------------------------------------------------------------------


def copy(rng: Rng) -> Problem:
    """Views of arrays; slices, shuffles and pads of maps. Exact."""
    if rng.random() < 0.4:
        return _strided(rng)
    n, h, w = int(pick(rng, 1, 2, 3)), int(rng.integers(1, 20)), int(rng.integers(1, 20))
    mode = pick(rng, "channels", "shuffled", "shuffle", "unshuffle", "pixels", "pixels")
    extra: dict[str, Any] = {"mode": "channels" if mode == "shuffled" else mode}
    if mode == "channels":
        x, step = normal(rng, n, channels(rng), h, w), int(pick(rng, 1, 1, 2, 3))
        first = int(rng.integers(0, x.shape[1]))
        count = int(rng.integers(1, (x.shape[1] - first - 1) // step + 2))
        extra |= {"x_first": first, "x_step": step}
        y = x[:, first : first + count * step : step]
    elif mode == "shuffled":
        groups = int(rng.integers(1, 9))
        x = normal(rng, n, groups * int(rng.integers(1, 12)), h, w)
        extra["groups"] = groups
        (y,) = ChannelShuffle(groups).evaluate(x)
    elif mode in ("shuffle", "unshuffle"):
        r, c, blocks_first = int(pick(rng, 2, 3, 4)), int(rng.integers(1, 12)), rng.random() < 0.5
        extra |= {"factor": r, "blocks_first": bool(blocks_first)}
        if mode == "shuffle":
            x = normal(rng, n, c * r * r, h, w)
            (y,) = PixelShuffle(r, bool(blocks_first)).evaluate(x)
        else:
            x = normal(rng, n, c, h * r, w * r)
            (y,) = PixelUnshuffle(r, bool(blocks_first)).evaluate(x)
    else:
        x = normal(rng, n, channels(rng), h, w)
        border = pick(rng, "constant", "reflect", "replicate", "circular")
        most = (max(h - 1, 0), max(w - 1, 0)) if border == "reflect" else (h, w)
        pads = [[int(rng.integers(0, m + 1)) for _ in range(2)] for m in most]
        modes: Any = {"replicate": "edge", "circular": "wrap"}
        value = {"constant_values": 2.5} if border == "constant" else {}
        y = np.pad(x, ((0, 0), (0, 0), *pads), modes.get(border, border), **value)
        extra |= {"before": [0, pads[0][0], pads[1][0]], "border": border, "value": 2.5}
        if rng.random() < 0.3:  # a slice with steps
            step = [int(rng.integers(1, 4)) for _ in range(2)]
            y = y[:, :, :: step[0], :: step[1]]
            extra["step"] = [1, *step]
        extra["out"] = [1, *y.shape[2:]]
    attributes = {
        "batch": n, "x_channels": x.shape[1], "y_channels": y.shape[1], "in": [1, *x.shape[2:]],
    } | extra  # fmt: skip
    return Problem(
        "copy", attributes, [Operand(x, True, "x_batch_stride", gap(rng), 9.0)],
        [Operand(y, True, "y_batch_stride", gap(rng))], lambda _: 0.0,
    )  # fmt: skip


def _strided(rng: Rng) -> Problem:
    sizes = [int(rng.integers(1, pick(rng, 3, 9, 40))) for _ in range(rng.integers(1, 7))]
    while math.prod(sizes) > 50000:
        sizes.pop()
    base = normal(rng, *sizes)
    view = base.transpose(rng.permutation(len(sizes)))
    for axis, n in enumerate(view.shape):
        first, step = int(rng.integers(0, n)) if rng.random() < 0.3 else 0, int(pick(rng, 1, 1, 2))
        index: list[Any] = [slice(None)] * view.ndim
        index[axis] = slice(first, None, step)
        if rng.random() < 0.2:
            index[axis] = slice(None, None, -1)
        view = view[tuple(index)]
    start = (view.__array_interface__["data"][0] - base.__array_interface__["data"][0]) // 4
    attributes = {
        "sizes": list(view.shape), "x_strides": [s // 4 for s in view.strides], "x_start": start,
        "y_strides": [s // 4 for s in np.empty(view.shape, np.float32).strides],
    }  # fmt: skip
    # It reads no further than the last number of the view.
    last = start + sum(
        (n - 1) * max(s // 4, 0) for n, s in zip(view.shape, view.strides, strict=True)
    )
    return Problem(
        "copy", attributes, [Operand(base.reshape(1, -1)[:, : last + 1])],
        [Operand(np.ascontiguousarray(view).reshape(1, -1))], lambda _: 0.0,
    )  # fmt: skip


# --- resizing, linear layers, layouts -------------------------------------------------------------


def resize(rng: Rng) -> Problem:
    """Nearest, linear or cubic interpolation along one to three axes."""
    count = int(pick(rng, 1, 2, 2, 3))
    most = (300, 24, 8)[count - 1]
    sizes, out = (tuple(int(rng.integers(1, most)) for _ in range(count)) for _ in range(2))
    mode = pick(rng, "nearest", "linear", "linear", "cubic")
    coordinates = pick(rng, "half_pixel", "align_corners", "asymmetric")
    op = Resize(out, mode=mode, coordinates=coordinates)
    x = normal(rng, int(pick(rng, 1, 2, 3)), channels(rng), *sizes)
    attributes, tables = test_resize.attributes_of(op, x.shape, out)
    (exact,) = op.evaluate(x.astype(float))
    attributes, expected, bound = draw_activation(rng, attributes, exact, 1e-5)
    return Problem(
        "resize", attributes, [Operand(x, True, "x_batch_stride", gap(rng), 5.0)],
        [Operand(expected, True, "y_batch_stride", gap(rng))], lambda _: bound, weights=[tables],
    )  # fmt: skip


def linear(rng: Rng) -> Problem:
    """A linear layer of rows, or of maps that it flattens."""
    batch, outputs = int(pick(rng, 1, 1, 2, 3, 4, 7, 20, 65)), channels(rng)
    features = int(rng.integers(1, 900))
    if rng.random() < 0.2:
        outputs = int(rng.integers(100, 700))
    attributes: dict[str, Any] = {}
    if rng.random() < 0.5:
        c, pixels = channels(rng), int(rng.integers(1, 30))
        features = c * pixels
        attributes = {"channels": c, "pixels": pixels}
    x, weight = normal(rng, batch, features), normal(rng, outputs, features)
    bias = normal(rng, outputs) if rng.random() < 0.7 else None
    exact = x.astype(float) @ weight.T.astype(float) + (0 if bias is None else bias)
    attributes |= {
        "batch": batch, "in_features": features, "out_features": outputs,
        "bias": bias is not None,
    }  # fmt: skip
    attributes, expected, bound = draw_activation(rng, attributes, exact, 4 * EPS * (features + 2))
    given = Operand(x)
    if "channels" in attributes:
        given = Operand(x.reshape(batch, attributes["channels"], -1), True, unused=7.0)
    return Problem(
        "linear", attributes, [given], [Operand(expected)], lambda _: bound, weight, [bias]
    )


def layout(rng: Rng) -> Problem:
    """Between plain and blocked maps, both ways."""
    x = normal(rng, int(pick(rng, 1, 2, 3)), channels(rng), int(rng.integers(1, 700)))
    to_blocked = bool(rng.random() < 0.5)
    attributes = {
        "batch": len(x), "channels": x.shape[1], "pixels": x.shape[2], "to_blocked": to_blocked,
    }  # fmt: skip
    plain, blocked = Operand(x), Operand(x, True, "batch_stride", gap(rng))
    inputs: list[Operand | None] = [plain if to_blocked else blocked]
    return Problem("layout", attributes, inputs, [blocked if to_blocked else plain], lambda _: 0.0)


GENERATORS: dict[str, Callable[[Rng], Problem]] = {
    "conv": conv, "pool": pool, "norm": norm, "elementwise": elementwise, "copy": copy,
    "resize": resize, "linear": linear, "layout": layout,
}  # fmt: skip
