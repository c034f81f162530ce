"""Which kernel computes a step: forced, measured, or by an estimate."""

from __future__ import annotations

import math
import os
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np

from .. import _core
from ..runtime._speeds import leave_cache, speeds
from ._first_layers import WINOGRAD_FIRST, first_layer_work
from ._tune import measure_kernels
from ._values import Map, Step

_ESTIMATED = (
    "winograd6", "winograd4", "winograd4_int8x6", "winograd4_streamed", "winograd4_strided",
    "winograd2", "winograd2_streamed", "winograd4_5", "winograd2_5", "int8x6", "direct",
    *WINOGRAD_FIRST,
)  # fmt: skip

# Share of the peak that the GEMM in them reaches with so many lanes, measured layer by layer
# (docs/performance.md).
_GEMM = {8: 0.87, 16: 0.74}

# What transforming a line of so many inputs of a tile takes, in multiply-adds a channel: measured,
# loads and stores included.
_LINE = {4: 9.5, 6: 23, 8: 50}

# What transforming a window takes as it is used, for tiles of so many inputs, with so many lanes:
# measured, too. With few tiles, it stays in registers.
_WINDOW = {8: {4: 90, 6: 200}, 16: {4: 390, 6: 440}}
_FEW_TILES, _FEW_WINDOW = 4, 200  # kFewTiles in csrc/conv/kernels/winograd_windows.hpp
_STREAMED_CHUNK = 32  # channels: kChunk in csrc/conv/kernels/winograd_streamed.hpp

# Of a tile at stride 2 (csrc/conv/kernels/winograd4_strided.cpp): its products, what transforming a
# channel of inputs (a group of outputs) and one of outputs takes in multiply-adds, and a window (a
# block of tiles); and the outputs of a group.
_STRIDED_PRODUCTS, _STRIDED_IN, _STRIDED_OUT = 81, 1300, 175
_STRIDED_WINDOW, _STRIDED_GROUP = 220, 128

# Of products of tiles (csrc/kernels/digits.hpp): the operations of one, that is a sixth of one of
# float32; how much faster they are done than those of vectors, all in L1 (a core's two units of 16
# lanes do 64 operations in a cycle, AMX 2048 of int8); the share of that which is counted on; and
# seconds for a cell that is split, for a vector of outputs, and for one of Winograd's sums.
# Measured. Of a core that is nobody else's 0.8 are reached; where others take their part, tiles
# lose more than vectors do (3 times for 1.3), and by this share neither case is far from its best
# choice.
_TILE, _TILE_OUTPUTS = 2 * 16 * 16 * 64 / 6, 16
_TILE_RATE, _TILE_SHARE = 4.6, 0.4
_CELL_S, _OUTPUT_S, _SUM_S = 13e-9, 4e-9, 16e-9

# Seconds for a packed number as it is, for a word of digits, and for a number of a transformed
# filter: measured, two threads.
_PACKED_S = 0.3e-9
_DIGITS_S = 0.8e-9
_TRANSFORMED_S = 0.6e-9

# Seconds from the last task of a phase to the first of the next: measured.
_PHASE_S = 0.8e-6

# Kernels differ in their last bits, and results must not depend on the number of threads: estimates
# are for so many, whatever runs the plan.
_TEAM = 2

# Of kernels that are so close in time, the one with fewer weights is taken: less memory. Weights
# that stay plain, as the model has them, or are half of the quickest's may cost more than others.
# F(6x6) is taken where it saves a tenth: it errs five times as much as F(4x4), and in ResNet-50,
# where errors grow from norm to norm, the layers that would gain less bring 4e-5 of the largest
# output to 7e-5.
_CLOSE = {"speed": 1.04, "memory": 1.6}
_CLOSE_PLAIN = _CLOSE_SIX = {"speed": 1.1, "memory": 1.6}
_CLOSE_HALF = {"speed": 1.08, "memory": 1.6}


@dataclass(frozen=True)
class Choice:
    """A kernel, and why it is the one."""

    kernel: str
    why: str = ""


def multiplies_tiles(target: str) -> bool:
    """Whether this machine has what `int8x6` is for; elsewhere it is slower than others."""
    return target == "avx512" and _core.multiplies_tiles()


class Chooser:
    """Chooses the kernels of one plan.

    STRIATE_CONV, the name of a convolution kernel, wins wherever that kernel computes the shape.
    Else kernels made for special shapes (depthwise, first layers) come first, as the table in
    csrc/conv/kernels/table.cpp has them; between Winograd's algorithm and the direct product
    (`direct`, for first layers `first`) an estimate decides, or with `tune` the clock.

    Args:
        steps: All of the plan's: together their weights do, or don't, stay in cache from call to
            call.
        prefer: `memory` gives up to 1.6 times a step's time for fewer weights.
    """

    def __init__(
        self,
        steps: Iterable[Step],
        *,
        target: str,
        threads: int,
        precision: str,
        tune: bool,
        prefer: str,
    ) -> None:
        self._target = target
        self._threads = threads
        self._exact = precision == "exact"
        self._tiles = precision != "exact" and multiplies_tiles(target)
        self._tune = tune
        self._prefer = prefer
        self._weight_bytes = sum(
            4 * s.weight.size for s in steps if isinstance(s.weight, np.ndarray)
        )
        self._cold = leave_cache(self._weight_bytes)
        self._measured: dict[str, dict[str, float]] = {}

    def __call__(self, step: Step) -> Choice:
        """Choose a step's kernel."""
        names = _core.candidates(self._target, step.kind, step.attributes)
        if step.kind == "conv":
            forced = os.environ.get("STRIATE_CONV", "")
            if forced in names:
                return Choice(forced, "forced by STRIATE_CONV")
        if self._exact:
            names = [name for name in names if not name.startswith("winograd")]
        if not self._tiles:
            names = [name for name in names if not name.endswith("int8x6")]
        names = [name for name in names if name != "reference"] or names
        if "first" in names:  # the kernels behind it are never quicker
            names = names[: names.index("first") + 1]
        if len(names) == 1 or (step.kind == "conv" and names[0] not in _ESTIMATED):
            return Choice(names[0])
        if self._tune:
            return self._quickest(step, self._times(step, names), "measured")
        if step.kind != "conv":
            return Choice(names[0])
        times = {name: self._estimate(name, step.attributes) for name in names}
        if isinstance(step.weight, Map):
            times = {name: time + self._packing(name, step) for name, time in times.items()}
        return self._quickest(step, times, f"estimated for {_TEAM} threads:")

    def _packing(self, kernel: str, step: Step) -> float:
        """Seconds that packing takes, of a weight that is made while the plan runs."""
        floats = self._needs(kernel, step.kind, step.attributes).weight_floats
        if kernel == "int8x6":
            return float(floats * _DIGITS_S)
        if kernel == "winograd4_int8x6":  # transformed twice
            return float(floats * 2 * _TRANSFORMED_S)
        plain = kernel == "direct" or kernel.endswith(("_streamed", "_strided"))
        return float(floats * (_PACKED_S if plain else _TRANSFORMED_S))

    def _quickest(self, step: Step, times: dict[str, float], how: str) -> Choice:
        weights = {
            name: self._needs(name, step.kind, step.attributes).weight_floats for name in times
        }
        return quickest(times, weights, how, prefer=self._prefer)

    def _times(self, step: Step, names: list[str]) -> dict[str, float]:
        key = f"{step.kind} {sorted(step.attributes.items())}"
        if key not in self._measured:
            self._measured[key] = measure_kernels(
                self._target, step.kind, step.attributes, names,
                threads=self._threads, cold=self._cold,
            )  # fmt: skip
        return self._measured[key]

    def _needs(self, kernel: str, kind: str, attributes: dict[str, Any]) -> Any:
        return _core.needs(self._target, kind, kernel, attributes, _TEAM)

    def _estimate(self, kernel: str, attributes: dict[str, Any]) -> float:
        """Seconds that a convolution takes.

        Arithmetic at the share of the peak that was measured, weights read meanwhile; then
        Winograd's transforms. Of what hides the other, a part is still seen where both take as
        long: 512 channels at 14x14, F(4x4), compute 3.4 ms, read 2.9 and take 4.
        """
        machine = speeds(self._target)
        needs = self._needs(kernel, "conv", attributes)
        lanes = dict(_core.targets())[self._target]
        if kernel.endswith("int8x6"):
            products, transforms = _tile_work(kernel, needs, attributes, 1e9 * machine.gflops)
        else:
            first = kernel == "first" or kernel in WINOGRAD_FIRST
            gemm, transforms = (
                first_layer_work(kernel, attributes, lanes) if first else _work(kernel, attributes)
            )
            products = gemm / _GEMM[lanes]
        windows = 0.0
        if kernel.endswith("_streamed"):
            # Its first phase has a task a block of tiles and chunk; of few tiles there is none.
            chunks = -(-attributes["in_channels"] // _STREAMED_CHUNK)
            blocks = needs.tasks[0] // chunks if len(needs.tasks) > 1 else 1
            windows = blocks * _window_work(kernel, attributes, lanes)
        elif kernel.endswith("_strided"):  # a task a block of tiles and group of outputs
            groups = -(-attributes["out_channels"] // _STRIDED_GROUP)
            windows = needs.tasks[0] // groups * _window_work(kernel, attributes, lanes)
            again = _tiles(kernel, attributes) * _STRIDED_IN * attributes["in_channels"]
            transforms += 2.0 * (groups - 1) * again
        tasks = max(needs.tasks)
        share = math.ceil(tasks / _TEAM) / tasks
        peak = 1e9 * machine.gflops / share
        arithmetic = (products + windows) / peak
        weights = machine.read_s(
            4 * needs.weight_floats, cold=self._cold, among=self._weight_bytes, threads=_TEAM
        )
        # Of what phases hand on, a thread reads half, and half of that was written by the other.
        handed = needs.shared_floats / (1e9 * machine.l3) + (len(needs.tasks) - 1) * _PHASE_S
        return float((arithmetic**3 + weights**3) ** (1 / 3) + transforms / peak + handed)


def _work(kernel: str, attributes: dict[str, Any]) -> tuple[float, float]:
    """Operations of a convolution's GEMMs, and what its transforms take, in operations."""
    taps, out = attributes["kernel"], attributes["out"]
    channels_in = attributes["in_channels"] // attributes.get("groups", 1)
    channels_out = attributes["out_channels"]
    if kernel == "direct":
        places = attributes["batch"] * math.prod(out)
        return 2.0 * places * math.prod(taps) * channels_in * channels_out, 0.0
    tiles = _tiles(kernel, attributes)
    if kernel.endswith("_strided"):
        lines = _STRIDED_IN * channels_in + _STRIDED_OUT * channels_out
        return 2.0 * _STRIDED_PRODUCTS * tiles * channels_in * channels_out, 2.0 * tiles * lines
    size, reach = _tile(kernel)
    axes = _tiled_axes(attributes)
    edge = size + reach - 1
    slices = math.prod(taps[axis] for axis in range(3) if axis not in axes)
    gemm = 2.0 * _products(kernel, attributes) * slices * channels_in * channels_out
    # B' x B of a tile in the plane transforms edge columns and edge rows, A' Q A edge columns and
    # as many rows as there are outputs.
    lines_in, lines_out = (1, 1) if len(axes) == 1 else (2 * edge, edge + size)
    lines = lines_in * channels_in + lines_out * channels_out
    return gemm, 2.0 * tiles * _LINE[edge] * lines


def _tile_work(
    kernel: str, needs: Any, attributes: dict[str, Any], peak: float
) -> tuple[float, float]:
    """Products of tiles, and what is around them: operations of vectors that take as long."""
    vectors = -(-attributes["out_channels"] // _TILE_OUTPUTS)
    products = needs.tile_products * _TILE / _TILE_RATE / _TILE_SHARE
    around = needs.cells * _CELL_S
    if kernel == "int8x6":
        outputs = attributes["batch"] * math.prod(attributes["out"]) * vectors
        return products, (around + outputs * _OUTPUT_S) * peak
    sums = (sum(_tile(kernel)) - 1) ** 2 * _tiles(kernel, attributes) * vectors
    return products, (around + sums * _SUM_S) * peak + _work(kernel, attributes)[1]


def _tiled_axes(attributes: dict[str, Any]) -> list[int]:
    return [2] if attributes["kernel"][1] == 1 else [1, 2]


def _tiles(kernel: str, attributes: dict[str, Any]) -> int:
    """Tiles of all images, of the slices of a volume each."""
    size, axes = _tile(kernel)[0], _tiled_axes(attributes)
    tiles = int(attributes["batch"])
    for axis, (out, dilation) in enumerate(
        zip(attributes["out"], attributes["dilation"], strict=True)
    ):
        # A dilated axis is as many interleaved ones, with tiles of their own.
        tiles *= min(dilation, out) * -(-out // (dilation * size)) if axis in axes else out
    return tiles


def _products(kernel: str, attributes: dict[str, Any]) -> int:
    """Products of all tiles. An axis's last one does with fewer where it has fewer outputs."""
    size, reach = _tile(kernel)
    edge, products = size + reach - 1, _tiles(kernel, attributes)
    for axis in _tiled_axes(attributes):
        whole, left = divmod(attributes["out"][axis], size)
        if left and attributes["dilation"][axis] == 1 and not kernel.endswith("_streamed"):
            products = products // (whole + 1) * (whole * edge + left + reach - 1)
        else:
            products *= edge
    return products


def _window_work(kernel: str, attributes: dict[str, Any], lanes: int) -> float:
    """Operations that take as long as transforming all windows once."""
    edge = sum(_tile(kernel)) - 1
    if kernel.endswith("_strided"):
        window = _STRIDED_WINDOW
    elif edge == 6 and _tiles(kernel, attributes) <= _FEW_TILES:
        window = _FEW_WINDOW
    else:
        window = _WINDOW[lanes][edge]
    return float(2 * window * attributes["in_channels"] * attributes["out_channels"])


def _tile(kernel: str) -> tuple[int, int]:
    """Outputs of a tile along the transformed axes, and taps: of winograd4_streamed 4, 3."""
    size, _, more = kernel.removeprefix("winograd").partition("_")
    return int(size), int(more) if more.isdigit() else 3


def quickest(times: dict[str, float], weights: dict[str, int], how: str, *, prefer: str) -> Choice:
    """Of the kernels that are close to the least time, the one with the fewest weights."""
    fastest = min(times, key=lambda name: times[name])

    def close(name: str) -> bool:
        allowed = _CLOSE_PLAIN if name.endswith("_streamed") else _CLOSE
        if fastest == "winograd6":
            allowed = _CLOSE_SIX
        if allowed is _CLOSE and 2 * weights[name] <= weights[fastest]:
            allowed = _CLOSE_HALF
        return times[name] <= allowed[prefer] * times[fastest]

    near = [name for name in times if close(name)]
    kernel = min(near, key=lambda name: (weights[name], times[name]))
    others = [f"{name} {1e3 * time:.3g}" for name, time in times.items() if name != kernel]
    why = f"{how} {1e3 * times[kernel]:.3g} ms"
    return Choice(kernel, why + (f" ({', '.join(others)})" if others else ""))
