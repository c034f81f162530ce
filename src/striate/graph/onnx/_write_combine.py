"""Values put together, taken apart and padded, as ONNX nodes."""

from __future__ import annotations

from typing import Any

from ...errors import GraphError
from ..ops import Concat, Flip, Gather, Pad, Roll, Select, Slice, Split, Stack
from ._write_norm import flipped
from ._writer import FixedBatchError, Job, writes

_END = (1 << 63) - 1


@writes(Concat)
def concat(job: Job) -> None:
    """Concat, all in one dtype."""
    parts = [
        job.cast(value, type_.dtype, job.y[0].dtype)
        for value, type_ in zip(job.inputs, job.x, strict=True)
    ]
    job.end("Concat", *parts, axis=job.op.axis)


@writes(Stack)
def stack(job: Job) -> None:
    """A new axis each, then Concat."""
    axis = job.op.axis % (job.x[0].rank + 1)
    parts = [job.emit("Unsqueeze", value, job.ints([axis])) for value in job.inputs]
    job.end("Concat", *parts, axis=axis)


@writes(Split)
def split(job: Job) -> None:
    """Split by the lengths of its pieces."""
    axis = job.op.axis % job.x[0].rank
    if axis == 0 and job.writer.larger is not None:
        raise FixedBatchError
    lengths = job.ints(y.shape[axis] for y in job.y)
    job.end("Split", job.input(0), lengths, axis=axis)


def piece(job: Job, value: str, axis: int, start: Any, end: Any, step: int = 1) -> str:
    """Cut a piece out along an axis, with ends that are known."""
    last = end if end is not None else (_END if step > 0 else -_END)
    ends = job.ints([start]), job.ints([last])
    return job.emit("Slice", value, *ends, job.ints([axis]), job.ints([step]))


@writes(Slice)
def slice_(job: Job) -> None:
    """Slice."""
    raw: Slice = job.node.op  # type: ignore[assignment]
    op: Slice = job.op
    start = job.sizes_of((raw.start,), (op.start,))
    if op.end is None:
        end = job.ints([_END if op.step > 0 else -_END])
    else:
        end = job.sizes_of((raw.end,), (op.end,))
    job.end("Slice", job.input(0), start, end, job.ints([op.axis]), job.ints([op.step]))


@writes(Select)
def select(job: Job) -> None:
    """Gather of a single position."""
    index = job.number(job.whole(job.node.op.index), "int64")  # type: ignore[attr-defined]
    job.end("Gather", job.input(0), index, axis=job.op.axis)


@writes(Gather)
def gather(job: Job) -> None:
    """Gather, or GatherElements."""
    index = job.cast(job.input(1), job.x[1].dtype, "int64")
    kind = "GatherElements" if job.op.elementwise else "Gather"
    job.end(kind, job.input(0), index, axis=job.op.axis)


_MODES = {"constant": "constant", "reflect": "reflect", "replicate": "edge"}


@writes(Pad)
def pad(job: Job) -> None:
    """Pad; `wrap` came with opset 19, before that the ends are put on by hand."""
    op: Pad = job.op
    pads = [(job.whole(a), job.whole(b)) for a, b in job.node.op.pads]  # type: ignore[attr-defined]
    if op.mode == "circular":
        return _circular(job, pads)
    value = job.input(0)
    if op.mode != "constant" and any(min(pair) < 0 for pair in pads):
        value, pads = _crop(job, value, pads)
    both = job.ints([*(a for a, _ in pads), *(b for _, b in pads)])
    number = job.number(op.value, job.x[0].dtype) if op.mode == "constant" and op.value else ""
    return job.end("Pad", value, both, number, mode=_MODES[op.mode])


def _crop(job: Job, value: str, pads: list[tuple[int, int]]) -> tuple[str, list[tuple[int, int]]]:
    for axis, (before, after) in enumerate(pads):
        if min(before, after) < 0:
            end = min(after, 0) or None
            value = piece(job, value, axis, max(-before, 0), end)
    return value, [(max(a, 0), max(b, 0)) for a, b in pads]


def _circular(job: Job, pads: list[tuple[int, int]]) -> None:
    value, pads = _crop(job, job.input(0), pads)
    sizes = list(job.fixed())
    for axis, (before, after) in enumerate(pads):
        if not (before or after):
            continue
        if axis == 0 and job.writer.larger is not None:
            raise FixedBatchError
        raw = job.op.pads[axis]
        n = sizes[axis] + min(raw[0], 0) + min(raw[1], 0)
        parts = [piece(job, value, axis, n - before, None)] if before else []
        parts.append(value)
        parts += [piece(job, value, axis, 0, after)] if after else []
        value = job.emit("Concat", *parts, axis=axis)
    job.end("Identity", value)


@writes(Flip)
def flip(job: Job) -> None:
    """Slices that walk backwards."""
    axes = tuple(axis % job.x[0].rank for axis in job.op.axes)
    job.end("Identity", flipped(job, job.input(0), axes))


@writes(Roll)
def roll(job: Job) -> None:
    """The end put in front."""
    value, sizes = job.input(0), job.x[0].shape
    if len(job.op.shifts) != len(job.op.axes):
        raise GraphError("it rolls all axes as one.")
    for shift, axis in zip(job.op.shifts, job.op.axes, strict=True):
        axis %= len(sizes)
        n = sizes[axis] if axis == 0 and job.writer.larger is None else job.fixed()[axis]
        if axis == 0 and job.writer.larger is not None:
            raise FixedBatchError
        cut = n - shift % n if n else 0
        parts = piece(job, value, axis, cut, None), piece(job, value, axis, 0, cut)
        value = job.emit("Concat", *parts, axis=axis)
    job.end("Identity", value)
