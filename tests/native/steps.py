"""Run one step of the native core on NumPy arrays, for the tests of the kernels."""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from striate import _core

Array = np.ndarray[Any, Any]
NONE, ARENA, WEIGHTS, INPUT, OUTPUT = range(5)
EPS = 2.0**-23


def aligned(floats: int) -> Array:
    """Zeros that start at a multiple of 64 bytes."""
    memory = np.zeros(floats + 16, np.float32)
    start = -(memory.ctypes.data // 4) % 16
    return memory[start : start + floats]


def block(x: Array, lanes: int, unused: float = 0.0) -> Array:
    """(N, C, *sizes) as (N, blocks, *sizes, lanes); the lanes behind the channels are `unused`."""
    n, c, *sizes = x.shape
    blocks = -(-c // lanes)
    padded = np.full((n, blocks * lanes, *sizes), unused, np.float32)
    padded[:, :c] = x
    return np.ascontiguousarray(
        np.moveaxis(padded.reshape(n, blocks, lanes, *sizes), 2, -1), np.float32
    )


def unblock(y: Array, channels: int) -> Array:
    """(N, blocks, *sizes, lanes) as (N, C, *sizes)."""
    n, blocks, *sizes, lanes = y.shape
    return np.moveaxis(y, -1, 2).reshape(n, blocks * lanes, *sizes)[:, :channels]


def image_lanes(x: Array, lanes: int, unused: float = math.nan) -> Array:
    """(N, C, *sizes) as (blocks of N, C, *sizes, lanes); the lanes behind the images `unused`."""
    padded = np.full((-(-len(x) // lanes) * lanes, *x.shape[1:]), unused, np.float32)
    padded[: len(x)] = x
    blocks = padded.reshape(-1, lanes, *x.shape[1:])
    return np.ascontiguousarray(np.moveaxis(blocks, 1, -1))


def unlane(y: Array, images: int) -> Array:
    """(blocks, C, *sizes, lanes) as (N, C, *sizes)."""
    whole = np.moveaxis(y, -1, 1)
    return whole.reshape(-1, *whole.shape[2:])[:images]


def run_step(
    target: str,
    kind: str,
    kernel: str,
    attributes: dict[str, Any],
    inputs: list[Array | None],
    outputs: list[tuple[int, ...]],
    *,
    weight: Array | None = None,
    weights: list[Array | None] = [],  # noqa: B006 - read only
    threads: int = 1,
    repeats: int = 1,
) -> list[Array]:
    """Pack, place all operands in one arena with guards between them, run, and give the outputs.

    Everything a kernel may write starts as NaN: scratch, outputs. `weight` is packed as weight 0,
    `weights` are the ones behind it (bias, ...) as they are.

    Raises:
        AssertionError: The step wrote outside its outputs and scratch.
    """
    needs = _core.needs(target, kind, kernel, attributes, threads)
    _, _, extents = _core.extents(target, kind, kernel, attributes)
    pieces: list[Array] = []
    weight_places = []

    def put(array: Array) -> int:
        start = sum(len(piece) for piece in pieces)
        size = -(-array.size // 16) * 16
        piece = np.zeros(size, np.float32)
        piece[: array.size] = array.ravel()
        pieces.append(piece)
        return start

    if weight is not None:
        packed = aligned(needs.weight_floats)
        packed[:] = math.nan
        _core.pack(
            target, kind, kernel, attributes, np.ascontiguousarray(weight, np.float32), packed
        )
        weight_places.append((WEIGHTS, 0, put(packed)))
    for given, floats in zip(weights, extents[len(weight_places) :], strict=False):
        if given is None:
            weight_places.append((NONE, 0, 0))
            continue
        padded = np.zeros(floats, np.float32)
        padded[: given.size] = given.ravel()
        weight_places.append((WEIGHTS, 0, put(padded)))
    memory = aligned(max(16, sum(len(piece) for piece in pieces)))
    if pieces:
        memory[:] = np.concatenate(pieces)

    guard, size = 16, 16
    spans: list[tuple[int, int]] = []

    def place(floats: int) -> int:
        nonlocal size
        start = size
        spans.append((start, floats))
        size += -(-floats // 16) * 16 + guard
        return start

    input_places = [(NONE, 0, 0) if x is None else (ARENA, 0, place(x.size)) for x in inputs]
    output_places = [(ARENA, 0, place(math.prod(shape))) for shape in outputs]
    shared = place(needs.shared_floats)
    scratch = place(needs.thread_floats * threads)
    program = _core.Program(target, threads, size, memory, [], [])
    program.add(
        kind, kernel, attributes, input_places, output_places, weight_places, shared, scratch
    )
    context = _core.Context(program)
    arena = context.arena
    arena[:] = math.nan
    for x, (_, _, start) in zip(inputs, input_places, strict=True):
        if x is not None:
            arena[start : start + x.size] = np.asarray(x, np.float32).ravel()
    for _ in range(repeats):
        context.run([], [], 0, 1)
    outside = np.ones(size, bool)
    for start, floats in spans:
        outside[start : start + floats] = False
    assert np.isnan(arena[outside]).all(), "the step wrote outside its memory"
    for x, (_, _, start) in zip(inputs, input_places, strict=True):
        if x is not None:
            assert np.array_equal(arena[start : start + x.size], x.ravel(), equal_nan=True)
    return [
        arena[start : start + math.prod(shape)].reshape(shape).copy()
        for (_, _, start), shape in zip(output_places, outputs, strict=True)
    ]


def rms(a: Array) -> float:
    """The root of the mean square."""
    return float(np.sqrt(np.mean(np.square(a, dtype=np.float64))))


def digits_error(terms: int, *factors: Array) -> float:
    """What a sum of products of three digits is off at most (csrc/kernels/digits.hpp)."""
    return 2.0**-22 * terms * math.prod(float(np.abs(factor).max()) for factor in factors)


def filters_slack(kernel: str, x: Array, gy: Array, gradient: Array) -> float:
    """What a kernel of the filters' gradient errs more than a sum over as many places.

    Winograd's errs by 1e-6 of the largest number, three times what a plain sum does.

    Args:
        gradient: The exact one, of `x` and `gy`.
    """
    places = gy.shape[0] * math.prod(gy.shape[2:])
    if kernel.endswith("winograd"):
        # Windows may read padding alone.
        return 2e-6 * max(float(np.abs(gradient).max()), math.sqrt(places) * rms(x) * rms(gy))
    return digits_error(places, x, gy) if kernel == "int8x6" else 0.0


@dataclass(frozen=True)
class Convolution:
    """A convolution to try kernels on: sizes, along (depth, height, width)."""

    batch: int = 1
    in_channels: int = 8
    out_channels: int = 8
    groups: int = 1
    size: tuple[int, int, int] = (1, 7, 7)
    kernel: tuple[int, int, int] = (1, 3, 3)
    stride: tuple[int, int, int] = (1, 1, 1)
    dilation: tuple[int, int, int] = (1, 1, 1)
    before: tuple[int, int, int] = (0, 0, 0)
    after: tuple[int, int, int] = (0, 0, 0)
    bias: bool = True
    residual: bool = False
    scale: bool = False
    plain_input: bool = False
    pool: bool = False
    activation: dict[str, Any] = field(default_factory=dict)
    # Where outputs lie in a larger map: (out_full, out_step, out_start).
    places: tuple[tuple[int, ...], tuple[int, ...], tuple[int, ...]] | None = None

    @property
    def out(self) -> tuple[int, ...]:
        """Places of the window along each axis."""
        return tuple(
            (n + b + a - d * (k - 1) - 1) // s + 1
            for n, b, a, d, k, s in zip(
                self.size,
                self.before,
                self.after,
                self.dilation,
                self.kernel,
                self.stride,
                strict=True,
            )
        )

    @property
    def attributes(self) -> dict[str, Any]:
        """As the step `conv` takes them."""
        return {
            "batch": self.batch,
            "in_channels": self.in_channels,
            "out_channels": self.out_channels,
            "groups": self.groups,
            "in": list(self.size),
            "out": list(self.out),
            "kernel": list(self.kernel),
            "stride": list(self.stride),
            "dilation": list(self.dilation),
            "padding": list(self.before),
            "bias": self.bias,
            "residual": self.residual,
            "scale": self.scale,
            "plain_input": self.plain_input,
            "pool": self.pool,
            **self.activation,
            **(
                dict(
                    zip(("out_full", "out_step", "out_start"), map(list, self.places), strict=True)
                )
                if self.places
                else {}
            ),
        }

    @property
    def full(self) -> tuple[int, ...]:
        """Sizes of the map that outputs are written to."""
        if self.pool:
            depth, height, width = self.out
            return depth, height // 2, width // 2
        return self.places[0] if self.places else self.out

    def at_places(self, y: Array) -> Array:
        """The outputs of a map (N, C, *full)."""
        if self.places is None:
            return y
        index = [
            slice(start, start + (n - 1) * step + 1, step)
            for n, step, start in zip(self.out, *self.places[1:], strict=True)
        ]
        return y[:, :, *index]

    def arrays(self, seed: int = 0) -> dict[str, Array]:
        """Draw x, weight, bias, residual and scale."""
        rng = np.random.default_rng(seed)
        draw = lambda *shape: rng.standard_normal(shape).astype(np.float32)  # noqa: E731
        return {
            "x": draw(self.batch, self.in_channels, *self.size),
            "weight": draw(self.out_channels, self.in_channels // self.groups, *self.kernel),
            "bias": draw(self.out_channels),
            "residual": draw(self.batch, self.out_channels, *self.full),
            "scale": draw(self.batch, self.in_channels),
        }

    def reference(self, arrays: dict[str, Array]) -> Array:
        """The result without the activation, in float64."""
        from striate import Window
        from striate.graph.ops import Conv

        windows = tuple(
            Window(k, s, d, (b, a))
            for k, s, d, b, a in zip(
                self.kernel, self.stride, self.dilation, self.before, self.after, strict=True
            )
        )
        real = {name: value.astype(np.float64) for name, value in arrays.items()}
        x = real["x"]
        if self.scale:
            x = x * real["scale"][:, :, None, None, None]
        (y,) = Conv(windows, self.groups).evaluate(
            x, real["weight"], real["bias"] if self.bias else None
        )
        if self.pool:
            rows, columns = (2 * n for n in self.full[1:])
            pairs = y[:, :, :, :rows, :columns].reshape(*y.shape[:3], rows // 2, 2, columns // 2, 2)
            return pairs.max(axis=(4, 6))
        return y + self.at_places(real["residual"]) if self.residual else y

    def run(self, target: str, kernel: str, arrays: dict[str, Array], threads: int = 1) -> Array:
        """Run a kernel; unused lanes of the inputs hold a number that must not matter."""
        lanes = dict(_core.targets())[target]
        x = arrays["x"] if self.plain_input else block(arrays["x"], lanes, 1e30)
        residual = block(arrays["residual"], lanes, -2.0) if self.residual else None
        scale = block(arrays["scale"], lanes, 5.0) if self.scale else None
        blocks = -(-self.out_channels // lanes)
        (y,) = run_step(
            target, "conv", kernel, self.attributes, [x, residual, scale],
            [(self.batch, blocks, *self.full, lanes)],
            weight=arrays["weight"], weights=[arrays["bias"] if self.bias else None],
            threads=threads,
        )  # fmt: skip
        whole = unblock(y, blocks * lanes)
        found = self.at_places(whole)
        if np.isfinite(arrays["x"]).all():
            assert np.isfinite(found).all(), "unused lanes must hold finite numbers"
            assert np.isfinite(whole).sum() == found.size, "the kernel wrote other pixels"
        return found[:, : self.out_channels]

    def tolerance(self, arrays: dict[str, Array]) -> float:
        """4 * eps * K * rms(x) * rms(w), K terms summed: what rounding explains."""
        terms = self.in_channels // self.groups * math.prod(self.kernel) + 2
        scale = max(1.0, rms(arrays["scale"])) if self.scale else 1.0
        return 4 * EPS * terms * max(rms(arrays["x"]) * rms(arrays["weight"]) * scale, 0.5)

    def slack(self, kernel: str, arrays: dict[str, Array], sums: Array, winograd: float) -> float:
        """What a kernel's algorithm errs more than `tolerance`.

        Args:
            sums: What `reference` gives for the arrays.
            winograd: Of Winograd's, as a share of the largest sum, or a usual one.
        """
        terms = math.prod(self.kernel) * self.in_channels // self.groups
        if kernel.startswith("winograd"):
            # Tiles may reach pixels that no window reads: the sums may be of padding alone.
            usual = math.sqrt(terms) * rms(arrays["x"]) * rms(arrays["weight"])
            return winograd * max(float(np.abs(sums).max()), usual)
        if kernel == "int8x6":
            factors = ["x", "weight", *(["scale"] if self.scale else [])]
            return digits_error(terms, *(arrays[name] for name in factors))
        return 0.0

    def but(self, **changes: Any) -> Convolution:
        """The same with some changes."""
        return replace(self, **changes)
