"""Other shapes, reductions, resizes, constants, as ONNX nodes."""

from __future__ import annotations

from typing import Any

from ...errors import GraphError
from .._sizes import Size
from ..ops import (
    ArgReduce,
    ChannelShuffle,
    CumSum,
    Expand,
    Fill,
    Flatten,
    Permute,
    PixelShuffle,
    PixelUnshuffle,
    Reduce,
    Reshape,
    Resize,
    Squeeze,
    Tile,
    Unsqueeze,
)
from ._tensors import NUMBERS
from ._write_conv import reduced, reduction_axes
from ._writer import Job, writes


@writes(Reshape)
def reshape(job: Job) -> None:
    """Reshape; a size of 0 would copy one, so an empty value needs to be told."""
    told: dict[str, Any] = {"allowzero": 1} if job.opset >= 14 and 0 in job.op.shape else {}
    job.end("Reshape", job.input(0), job.sizes("shape"), **told)


@writes(Flatten)
def flatten(job: Job) -> None:
    """Flatten of all behind the batch; else Reshape."""
    rank = job.x[0].rank
    if rank == 0:
        return job.end("Reshape", job.input(0), job.ints([1]))
    start, end = job.op.start % rank, job.op.end % rank
    if start == 1 and end == rank - 1:
        return job.end("Flatten", job.input(0), axis=1)
    value = job.input(0)
    raw = [Size.of(value, axis) for axis in range(rank)]
    raw[start : end + 1] = [-1]  # type: ignore[list-item]
    bound = [*job.x[0].shape[:start], -1, *job.x[0].shape[end + 1 :]]
    return job.end("Reshape", value, job.sizes_of(raw, bound))


@writes(Permute)
def permute(job: Job) -> None:
    """Transpose."""
    rank = job.x[0].rank
    job.end("Transpose", job.input(0), perm=[axis % rank for axis in job.op.axes])


@writes(Squeeze)
def squeeze(job: Job) -> None:
    """Squeeze of those axes that have length 1."""
    x = job.x[0]
    axes = job.op.axes if job.op.axes is not None else range(x.rank)
    gone = sorted({axis % x.rank for axis in axes if x.shape[axis] == 1}) if x.rank else []
    if not gone:
        return job.end("Identity", job.input(0))
    return job.end("Squeeze", job.input(0), job.ints(gone))


@writes(Unsqueeze)
def unsqueeze(job: Job) -> None:
    """Unsqueeze."""
    job.end("Unsqueeze", job.input(0), job.ints(job.op.axes))


@writes(Expand)
def expand(job: Job) -> None:
    """Expand, where a 1 keeps an axis."""
    raw: Any = job.node.op
    kept = [1 if size == -1 else size for size in job.op.shape]
    told = [1 if isinstance(size, int) and size == -1 else size for size in raw.shape]
    job.end("Expand", job.input(0), job.sizes_of(told, kept))


@writes(Tile)
def tile(job: Job) -> None:
    """Tile, with axes put in front where it names more."""
    value, missing = job.input(0), len(job.op.repeats) - job.x[0].rank
    if missing:
        value = job.emit("Unsqueeze", value, job.ints(range(missing)))
    job.end("Tile", value, job.sizes("repeats"))


@writes(PixelShuffle)
def pixel_shuffle(job: Job) -> None:
    """DepthToSpace."""
    mode = "DCR" if job.op.blocks_first else "CRD"
    job.end("DepthToSpace", job.input(0), blocksize=job.op.factor, mode=mode)


@writes(PixelUnshuffle)
def pixel_unshuffle(job: Job) -> None:
    """SpaceToDepth, which knows one order only; the other is written out."""
    if job.op.blocks_first:
        return job.end("SpaceToDepth", job.input(0), blocksize=job.op.factor)
    (_, C, H, W), r = job.fixed(), job.op.factor
    parts = job.emit("Reshape", job.input(0), job.ints([0, C, H // r, r, W // r, r]))
    turned = job.emit("Transpose", parts, perm=[0, 1, 3, 5, 2, 4])
    return job.end("Reshape", turned, job.ints([0, C * r * r, H // r, W // r]))


@writes(ChannelShuffle)
def channel_shuffle(job: Job) -> None:
    """Channels in rows of groups, read by columns."""
    (_, C, *rest), groups = job.fixed(), job.op.groups
    parts = job.emit("Reshape", job.input(0), job.ints([0, groups, C // groups, *rest]))
    turned = job.emit("Transpose", parts, perm=[0, 2, 1, *range(3, 3 + len(rest))])
    job.end("Reshape", turned, job.ints([0, C, *rest]))


@writes(Resize)
def resize(job: Job) -> None:
    """Resize, to sizes or by the factors given."""
    op: Resize = job.op
    told: dict[str, Any] = {"coordinate_transformation_mode": op.coordinates, "mode": op.mode}
    if op.mode == "nearest":
        told["nearest_mode"] = op.rounding
    if op.mode == "cubic":
        told["cubic_coeff_a"] = op.cubic_a
    if op.coordinates == "half_pixel_symmetric" and job.opset < 19:
        raise GraphError("half_pixel_symmetric came with opset 19. Write a later opset.")
    scale = op.scale if op.use_scale else None
    if scale is not None:
        numbers = job.writer.constant([1.0, 1.0, *scale], "float32")
        return job.end("Resize", job.input(0), "", numbers, **told)
    value = job.input(0)
    job.fixed()
    raw = [Size.of(value, 0), *job.y[0].shape[1:]]
    sizes = job.sizes_of(raw, job.y[0].shape)
    return job.end("Resize", value, "", "", sizes, **told)


# Reductions -------------------------------------------------------------------------------------

_REDUCTIONS = {
    "sum": "Sum", "mean": "Mean", "max": "Max", "min": "Min", "prod": "Prod", "l1": "L1",
    "l2": "L2", "sum_square": "SumSquare", "log_sum_exp": "LogSumExp",
}  # fmt: skip


@writes(Reduce)
def reduce(job: Job) -> None:
    """ReduceX, or for variances its formula."""
    op: Reduce = job.op
    x, axes = job.input(0), list(op.reduced(job.x[0].rank))
    if op.function in _REDUCTIONS:
        x = job.cast(x, job.x[0].dtype, job.y[0].dtype)
        return _end_reduction(job, _REDUCTIONS[op.function], x, axes)
    if op.function in ("any", "all"):
        told = job.emit("Cast", x, to=NUMBERS["bool"]) if job.x[0].dtype != "bool" else x
        ints = job.emit("Cast", told, to=NUMBERS["int32"])
        function = "Max" if op.function == "any" else "Min"
        return job.end("Cast", reduced(job, function, ints, axes, op.keepdim), to=NUMBERS["bool"])
    base, _, unbiased = op.function.partition("_")
    if base not in ("var", "std"):
        raise GraphError(f"ONNX has no reduction {op.function}.")
    centred = job.emit("Sub", x, reduced(job, "Mean", x, axes))
    squares = job.emit("Mul", centred, centred)
    value = reduced(job, "Mean", squares, axes, op.keepdim)
    if unbiased:
        sizes = job.x[0].shape if 0 in axes and job.writer.larger is None else job.fixed()
        count = 1
        for axis in axes:
            count *= sizes[axis]
        value = job.emit("Mul", value, job.number(count / max(count - 1, 1)))
    return job.end("Sqrt" if base == "std" else "Identity", value)


def _end_reduction(job: Job, function: str, x: str, axes: list[int]) -> None:
    if not axes:  # a scalar: nothing is reduced
        return job.end("Identity", x)
    told, inputs = reduction_axes(job, function, axes)
    return job.end(f"Reduce{function}", x, *inputs, keepdims=int(job.op.keepdim), **told)


@writes(ArgReduce)
def arg_reduce(job: Job) -> None:
    """ArgMax or ArgMin; over all numbers, of the value as one row."""
    op: ArgReduce = job.op
    kind = "ArgMax" if op.function == "max" else "ArgMin"
    if op.axis is not None:
        return job.end(kind, job.input(0), axis=op.axis, keepdims=int(op.keepdim))
    row = job.emit("Reshape", job.input(0), job.ints([-1]))
    place = job.emit(kind, row, axis=0, keepdims=0)
    return job.end("Reshape", place, job.ints(job.y[0].shape))


@writes(CumSum)
def cumsum(job: Job) -> None:
    """CumSum."""
    job.end("CumSum", job.input(0), job.number(job.op.axis, "int64"))


@writes(Fill)
def fill(job: Job) -> None:
    """One number everywhere, or numbers counted up."""
    op: Fill = job.op
    raw: Fill = job.node.op  # type: ignore[assignment]
    if op.step:
        first, count = job.whole(raw.value), job.whole(raw.shape[0])
        last = first + op.step * count
        whole = all(float(n).is_integer() for n in (first, op.step))
        dtype = "int64" if whole else "float32"
        ends = (job.number(n, dtype) for n in (first, last, op.step))
        return job.end("Cast", job.emit("Range", *ends), to=NUMBERS[op.dtype])
    number = job.number([job.whole(raw.value) if isinstance(raw.value, Size) else op.value])
    if not op.shape:
        return job.end("Reshape", number, job.writer.constant([], "int64"))
    return job.end("Expand", number, job.sizes("shape"))
