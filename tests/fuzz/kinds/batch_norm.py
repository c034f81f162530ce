"""Batch norms of training: moments, the norm, its gradients."""

from __future__ import annotations

from typing import Any

import numpy as np

from striate.graph.ops import BatchMoments

from ...native.test_batch_norm import NO_END, Norm, pooled
from ..draw import Rng, channels, draw_activation, gap, pick
from ..problem import Array, Operand, Problem


def draw(rng: Rng) -> Problem:
    """One of the three, with all that may be fused with it."""
    mode = str(pick(rng, "moments", "normalise", "gradient", "gradient"))
    n, c, pixels = int(pick(rng, 1, 2, 3, 20)), channels(rng), int(rng.integers(1, 200))
    if rng.random() < 0.1:
        n, c, pixels = n % 4 + 1, c % 20 + 1, int(rng.integers(1000, 5000))
    mask = str(pick(rng, "none", "own", "output")) if mode == "gradient" else "none"
    norm = Norm(
        (n, c, pixels), bool(rng.random() < 0.8), bool(rng.random() < 0.8),
        mask != "own" and bool(rng.random() < 0.4), bool(rng.random() < 0.7), mask,
        bool(rng.random() < 0.85), bool(rng.random() < 0.4), float(pick(rng, 0, 0, -0.5)),
        float(pick(rng, NO_END, NO_END, 0.7, 6)), mean=float(pick(rng, 0, 0, 5, -30)),
        seed=int(rng.integers(1 << 30)),
    )  # fmt: skip
    attributes = {
        "mode": mode, "batch": n, "channels": c, "pixels": pixels, "eps": norm.eps,
        "weight": norm.weight, "bias": norm.bias,
    }  # fmt: skip
    drawn = {"moments": _moments, "normalise": _normalise, "gradient": _gradient}[mode]
    return drawn(rng, norm, attributes)


def _vector(array: Array | None) -> Operand | None:
    return None if array is None else Operand(array.reshape(1, -1))


def _map(name: str, array: Array | None, gap_: int) -> Operand | None:
    return None if array is None else Operand(array, True, f"{name}_batch_stride", gap_, 77.0)


def _largest(*arrays: Array | None) -> float:
    return max(float(np.abs(a).max()) for a in arrays if a is not None)


def _moments(rng: Rng, norm: Norm, attributes: dict[str, Any]) -> Problem:
    x = norm.arrays["x"]
    assert x is not None
    mean, variance = BatchMoments().evaluate(x.astype(float))
    bounds = [1e-7 * _largest(x) + 1e-9, 1e-5 * _largest(variance) + 1e-9]
    return Problem(
        "batch_norm", attributes, [_map("x", x, gap(rng))], [_vector(mean), _vector(variance)],
        lambda _: bounds,
    )  # fmt: skip


def _normalise(rng: Rng, norm: Norm, attributes: dict[str, Any]) -> Problem:
    a, gap_ = norm.arrays, gap(rng)
    y = norm.output()
    attributes, y, bound = draw_activation(rng, attributes, y, 1e-5 * _largest(y))
    vectors = [_vector(a[name]) for name in ("mean", "variance", "weight", "bias")]
    return Problem(
        "batch_norm", attributes | {"residual": norm.residual},
        [_map("x", a["x"], gap_), *vectors, _map("residual", a["residual"], gap(rng))],
        [_map("y", y, gap_)], lambda _: bound, in_place=((0, 0),),
    )  # fmt: skip


def _gradient(rng: Rng, norm: Norm, attributes: dict[str, Any]) -> Problem:
    a, gap_ = norm.arrays, gap(rng)
    gx, gw, gb, gr = norm.expected_gradients()
    attributes = attributes | {
        "residual": norm.residual, "added": norm.added, "training": norm.training,
        "input": norm.input, "mask": norm.mask, "low": norm.low, "high": norm.high,
    }  # fmt: skip
    variance, weight = a["variance"], a["weight"]
    assert variance is not None
    # What gx is made of; it may be 0 where that is not.
    slope = _largest(weight, np.ones(1)) / float(np.sqrt(variance.min() + norm.eps))
    share = 1e-4 if norm.mean else 1e-5
    of = _largest(a["gy"], gr)
    bounds = [
        share * max(_largest(gx), of * slope), share * max(_largest(gw), of),
        share * max(_largest(gb), of), 1e-7 * of,
    ]  # fmt: skip
    if norm.mask == "none" and not norm.residual and not norm.added and rng.random() < 0.4:
        return _of_pooled(rng, norm, attributes)
    maps = [_map("gy", a["gy"], gap_), _map("x", a["x"], gap(rng))]
    first = _map("gx", gx, gap_) if norm.input else None
    in_place = [(0, 0), (3, 0)]
    if norm.training and not norm.residual and norm.mask != "output" and rng.random() < 0.3:
        numbers = _numbers(norm, gw, gb)
        attributes |= {"input": False, "numbers": True}
        first, in_place = Operand(numbers, True), []
        bounds[0] = share * max(_largest(numbers), of * slope)
    vectors = [_vector(a[name]) for name in ("mean", "variance", "weight", "bias")]
    return Problem(
        "batch_norm", attributes,
        [*maps, *vectors, _map("y", a["y"], gap(rng)), _map("added", a["added"], gap(rng))],
        [first, _vector(gw), _vector(gb), _map("residual", gr, gap_) if norm.residual else None],
        lambda _: bounds, in_place=tuple(in_place),
    )  # fmt: skip


def _numbers(norm: Norm, gw: Array, gb: Array) -> Array:
    """What the gradient for the input is made of, by the definition: (1, C, 5)."""
    n, c, pixels = norm.shape
    real = {name: None if a is None else a.astype(float) for name, a in norm.arrays.items()}
    mean, variance, weight, bias = (real[name] for name in ("mean", "variance", "weight", "bias"))
    assert mean is not None
    assert variance is not None
    spread = np.sqrt(variance + norm.eps)
    scale = (np.ones(c) if weight is None else weight) / spread
    shift = np.zeros(c) if bias is None else bias
    count = n * pixels
    rows = [mean, scale, shift, -scale * gw / (spread * count), -scale * gb / count]
    return np.stack(rows, axis=1)[None]


def _of_pooled(rng: Rng, norm: Norm, attributes: dict[str, Any]) -> Problem:
    """Of a map whose rows are as long as it is, or two, in windows of some pixels."""
    n, c, pixels = norm.shape
    rows = 2 if pixels % 2 == 0 else 1
    sizes = (1, rows, pixels // rows)
    window = (1, int(rng.integers(1, rows + 1)), int(rng.integers(1, min(9, sizes[2]) + 1)))
    kept, place, spread = pooled(rng, (n, c), sizes, window)
    a = norm.arrays
    a["gy"] = spread
    gx, gw, gb, _ = norm.expected_gradients()
    variance = a["variance"]
    assert variance is not None
    of = _largest(kept, np.ones(1)) * max(1.0, 1 / float(np.sqrt(variance.min() + norm.eps)))
    share = (1e-4 if norm.mean else 1e-5) * max(1.0, _largest(a["weight"], np.ones(1)))
    attributes |= {"pooled": True, "in": list(sizes), "window": list(window)}
    bounds = [share * max(_largest(g), of) for g in (gx, gw, gb)] + [0.0]
    return Problem(
        "batch_norm", attributes,
        [_map("gy", kept, gap(rng)), _map("x", a["x"], gap(rng)),
         *(_vector(a[name]) for name in ("mean", "variance", "weight", "bias")), None,
         Operand(place, True, in_bytes=True)],
        [_map("gx", gx, gap(rng)) if norm.input else None, _vector(gw), _vector(gb), None],
        lambda _: bounds,
    )  # fmt: skip
