"""Convolutions and poolings, as ONNX nodes."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from ...errors import GraphError
from ...window import Window
from ..ops import AdaptivePool, AvgPool, Conv, ConvTranspose, LpPool, MaxPool, Subsample
from ._writer import Job, writes


def _attributes(job: Job, windows: Sequence[Window], *, pads: bool = True) -> dict[str, Any]:
    """kernel_shape, strides, dilations and pads of windows over the input at hand."""
    told: dict[str, Any] = {"kernel_shape": [w.size for w in windows]}
    for name, values in (
        ("strides", [w.stride for w in windows]),
        ("dilations", [w.dilation for w in windows]),
    ):
        if any(value != 1 for value in values):
            told[name] = [_whole(value) for value in values]
    if not pads:
        return told
    names = {w.padding if isinstance(w.padding, str) else "" for w in windows}
    if names in ({"same"}, {"same_lower"}) and all(w.dilation == 1 for w in windows):
        told["auto_pad"] = "SAME_UPPER" if names == {"same"} else "SAME_LOWER"
        return told
    concrete = list(windows)
    if any(not w.resolved for w in windows):
        lengths = job.fixed()[2:]
        if all(map(_plain_ceil, windows, lengths)) and not any(
            isinstance(w.padding, str) for w in windows
        ):
            told["ceil_mode"] = 1
        else:
            concrete = [w.on(n) for w, n in zip(windows, lengths, strict=True)]
    both = [w.before for w in concrete] + [w.after for w in concrete]
    if any(both):
        told["pads"] = [_whole(value) for value in both]
    return told


def _plain_ceil(window: Window, n: int) -> bool:
    """Whether rounding up gives the same outputs, without the rule for windows on padding."""
    room = n + window.before + window.after - window.extent
    return window.ceil_mode and -(-room // window.stride) + 1 == window.output_size(n)


def _whole(number: Any) -> int:
    if number != int(number):
        raise GraphError(f"{number} is not whole.")
    return int(number)


def _cropped(job: Job, windows: Sequence[Window]) -> tuple[str, list[Window]]:
    """Take negative padding off the input first, which ONNX's windows cannot."""
    if not any(w.resolved and min(w.before, w.after) < 0 for w in windows):
        return job.input(0), list(windows)
    pads = [(0, 0), (0, 0), *((_whole(w.before), _whole(w.after)) for w in windows)]
    numbers = job.ints([*(a for a, _ in pads), *(b for _, b in pads)])
    padded = job.emit("Pad", job.input(0), numbers)
    return padded, [Window(w.size, w.stride, w.dilation) for w in windows]


@writes(Conv)
def conv(job: Job) -> None:
    """Conv."""
    x, windows = _cropped(job, job.op.windows)
    told = _attributes(job, windows)
    weight = job.input(1) if job.op.table is None else _dense(job)
    job.end("Conv", x, weight, job.input(2), group=job.op.groups, **told)


def _dense(job: Job) -> str:
    """Spread the filters of a table: absent pairs look up a filter of zeros behind the others."""
    table, filters = job.op.table, job.x[1].shape
    place = iter(range(filters[0]))
    index = np.full((len(table), job.x[0].shape[1]), filters[0])
    for o, row in enumerate(table):
        for c in row:
            index[o, c] = next(place)
    zeros = job.number(np.zeros((1, *filters[1:])))
    padded = job.emit("Concat", job.input(1), zeros, axis=0)
    return job.emit("Gather", padded, job.writer.constant(index, "int64"), axis=0)


@writes(ConvTranspose)
def conv_transpose(job: Job) -> None:
    """ConvTranspose."""
    windows = job.op.windows
    told = _attributes(job, windows, pads=False)
    both = [w.before for w in windows] + [w.after for w in windows]
    if any(p < 0 for p in both):
        raise GraphError("its padding is negative.")
    if any(both):
        told["pads"] = [_whole(value) for value in both]
    if any(job.op.output_padding):
        told["output_padding"] = list(job.op.output_padding)
    job.end("ConvTranspose", *job.inputs, group=job.op.groups, **told)


@writes(MaxPool)
def max_pool(job: Job) -> None:
    """MaxPool; its indices count through all maps, so a remainder brings them into each."""
    told = _attributes(job, job.op.windows)
    if not job.op.indices or not job.read(1):
        return job.end("MaxPool", job.input(0), outputs=job.outputs[:1], **told)
    flat = job.writer.unique(f"{job.node.name}/indices")
    job.end("MaxPool", job.input(0), outputs=(job.outputs[0], flat), **told)
    job.writer.node(
        "Mod", (flat, job.ints([math.prod(job.fixed()[2:])])), (job.outputs[1],), f"{flat}/Mod"
    )
    return None


@writes(AvgPool)
def avg_pool(job: Job) -> None:
    """AveragePool; another divisor becomes a factor."""
    op: AvgPool = job.op
    windows = list(op.windows)
    x = job.input(0)
    dilated = any(w.dilation != 1 for w in windows)
    if dilated and job.opset < 19:
        raise GraphError("its window has holes, which opset 19 brings. Write a later opset.")
    counts: Any = None
    counted = op.count_include_pad or op.divisor is not None
    overhangs = any(w.ceil_mode for w in windows)
    if op.divisor is not None or (counted and overhangs):
        lengths = job.fixed()[2:]
        concrete = [w.on(n) for w, n in zip(windows, lengths, strict=True)]
        x = _zero_padded(job, concrete)
        counts = _counts(windows, lengths, job.y[0].shape[2:])
        windows = [Window(w.size, w.stride, w.dilation) for w in concrete]
    told = _attributes(job, windows)
    told["count_include_pad"] = int(counted)
    if counts is None:
        return job.end("AveragePool", x, **told)
    mean = job.emit("AveragePool", x, main=True, **told)
    taps = math.prod(w.size for w in windows)
    return job.end("Mul", mean, job.number(taps / (op.divisor or counts)))


def _counts(windows: Sequence[Window], lengths: Sequence[int], places: Sequence[int]) -> Any:
    """Taps of each window on pixels and on padding, without what hangs over the padded end."""
    count = np.ones(places)
    for axis, (window, n, m) in enumerate(zip(windows, lengths, places, strict=True)):
        inside = range(-_whole(window.before), n + _whole(window.after))
        taps = [sum(p in inside for p in window.on(n).taps(i)) for i in range(m)]
        count *= np.reshape(taps, [-1 if a == axis else 1 for a in range(len(places))])
    return count


def _zero_padded(job: Job, windows: Sequence[Window]) -> str:
    pads = [0, 0, *(_whole(w.before) for w in windows), 0, 0, *(_whole(w.after) for w in windows)]
    return job.emit("Pad", job.input(0), job.ints(pads)) if any(pads) else job.input(0)


@writes(LpPool)
def lp_pool(job: Job) -> None:
    """LpPool where magnitudes are taken; else powers, a mean and a root."""
    op: LpPool = job.op
    odd = op.p != int(op.p) or op.p % 2
    plain = op.p == int(op.p) and (op.absolute or not odd)
    concrete = [w.on(n) for w, n in zip(op.windows, job.fixed()[2:], strict=True)]
    x = _zero_padded(job, concrete)
    windows = [Window(w.size, w.stride, w.dilation) for w in concrete]
    told = _attributes(job, windows)
    holes = any(w.dilation != 1 for w in windows)
    if plain and not (holes and job.opset < 18):
        return job.end("LpPool", x, p=int(op.p), **told)
    if holes:
        raise GraphError("its window has holes.")
    x = job.emit("Abs", x) if op.absolute else x
    powers = job.emit("Pow", x, job.number(op.p))
    mean = job.emit("AveragePool", powers, **told)
    total = job.emit("Mul", mean, job.number(float(math.prod(w.size for w in windows))))
    return job.end("Pow", job.emit("Relu", total), job.number(1 / op.p))


@writes(AdaptivePool)
def adaptive_pool(job: Job) -> None:
    """One number a map, equal windows, or place by place."""
    op: AdaptivePool = job.op
    if op.indices and job.read(1):
        raise GraphError("ONNX has no indices of adaptive windows.")
    job.outputs = job.outputs[:1]
    lengths, places = job.fixed()[2:], job.y[0].shape[2:]
    kind = "AveragePool" if op.reduction == "mean" else "MaxPool"
    if all(m == 1 for m in op.output_size):
        return job.end(f"Global{kind}", job.input(0))
    if all(n % m == 0 for n, m in zip(lengths, places, strict=True)):
        steps = [n // m for n, m in zip(lengths, places, strict=True)]
        return job.end(kind, job.input(0), kernel_shape=steps, strides=steps)
    value = job.input(0)
    for axis, (n, m) in enumerate(zip(lengths, places, strict=True), start=2):
        if n != m:
            value = _adaptive_axis(job, value, axis, n, m)
    return job.end("Identity", value)


def _adaptive_axis(job: Job, value: str, axis: int, n: int, m: int) -> str:
    """Slices of an axis, each reduced to one place: means (and maxima) may go axis by axis."""
    parts = []
    for i in range(m):
        ends = job.ints([i * n // m]), job.ints([-(-(i + 1) * n // m)])
        piece = job.emit("Slice", value, *ends, job.ints([axis]))
        parts.append(reduced(job, "Mean" if job.op.reduction == "mean" else "Max", piece, [axis]))
    return job.emit("Concat", *parts, axis=axis)


def reduced(job: Job, function: str, value: str, axes: Sequence[int], keep: bool = True) -> str:
    """Reduce axes: named by an attribute before opset 18, by an input from then on."""
    told, inputs = reduction_axes(job, function, axes)
    return job.emit(f"Reduce{function}", value, *inputs, keepdims=int(keep), **told)


def reduction_axes(
    job: Job, function: str, axes: Sequence[int]
) -> tuple[dict[str, Any], tuple[str, ...]]:
    """Attributes and inputs that name the axes of a reduction."""
    if job.opset >= 18 or function == "Sum":
        return {}, (job.ints(axes),)
    return {"axes": list(axes)}, ()


@writes(Subsample)
def subsample(job: Job) -> None:
    """The sum of a window, times a coefficient a map, plus a bias."""
    windows = job.op.windows
    told = _attributes(job, windows)
    mean = job.emit("AveragePool", job.input(0), main=True, count_include_pad=1, **told)
    total = job.emit("Mul", mean, job.number(float(math.prod(w.size for w in windows))))
    axes = job.ints(range(1, 1 + len(windows)))
    scaled = job.emit("Mul", total, job.emit("Unsqueeze", job.input(1), axes))
    job.end("Add", scaled, job.emit("Unsqueeze", job.input(2), axes))
