"""Normalisations and dropout, as ONNX nodes."""

from __future__ import annotations

from typing import Any

import numpy as np

from ...errors import GraphError
from ..ops import BatchNorm, Dropout, GroupNorm, LayerNorm, LocalResponseNorm
from ._write_conv import reduced
from ._writer import Job, writes


def _column(job: Job, index: int, rank: int) -> str:
    """A number a channel, shaped to stand behind the batch."""
    if rank <= 2:
        return job.input(index)
    return job.emit("Unsqueeze", job.input(index), job.ints(range(1, rank - 1)))


def _filled(job: Job, index: int, number: float, count: int) -> str:
    """An input, or the number that does nothing where it is left out."""
    if job.given(index):
        return job.input(index)
    return job.number(np.full(count, number))


def _normalised(job: Job, axes: list[int], eps: float, *, rms: bool = False) -> str:
    x = job.input(0)
    centred = x if rms else job.emit("Sub", x, reduced(job, "Mean", x, axes))
    variance = reduced(job, "Mean", job.emit("Mul", centred, centred), axes)
    deviation = job.emit("Sqrt", job.emit("Add", variance, job.number(eps)))
    return job.emit("Div", centred, deviation)


def _affine(job: Job, value: str, weight: str, bias: str) -> None:
    for op_type, factor in (("Mul", weight), ("Add", bias)):
        if factor:
            value = job.emit(op_type, value, factor)
    job.end("Identity", value)


@writes(BatchNorm)
def batch_norm(job: Job) -> None:
    """BatchNormalization with running statistics, and the formula written out with the batch's."""
    op: BatchNorm = job.op
    rank, channels = job.x[0].rank, job.x[0].shape[1]
    if not op.training and job.given(3) and job.given(4):
        weights = [_filled(job, k, number, channels) for k, number in ((1, 1.0), (2, 0.0))]
        inputs = (job.input(0), *weights, job.input(3), job.input(4))
        return job.end("BatchNormalization", *inputs, epsilon=op.eps)
    value = _normalised(job, [0, *range(2, rank)], op.eps)
    weight, bias = (_column(job, k, rank) if job.given(k) else "" for k in (1, 2))
    return _affine(job, value, weight, bias)


@writes(LayerNorm)
def layer_norm(job: Job) -> None:
    """LayerNormalization, which opset 17 brought; before it, and for RMS, the formula."""
    op: LayerNorm = job.op
    rank = job.x[0].rank
    if op.rms or job.opset < 17:
        axes = list(range(rank - op.axes, rank))
        value = _normalised(job, axes, op.eps, rms=op.rms)
        return _affine(job, value, job.input(1), job.input(2))
    shape = job.x[0].shape[rank - op.axes :]
    weight = job.input(1)
    if not weight:
        job.fixed()
        weight = job.number(np.ones(shape))
    inputs = (job.input(0), weight, job.input(2))
    return job.end("LayerNormalization", *inputs, axis=-op.axes, epsilon=op.eps)


@writes(GroupNorm)
def group_norm(job: Job) -> None:
    """InstanceNormalization over groups: GroupNormalization changed its weights in opset 21."""
    op: GroupNorm = job.op
    rank, channels = job.x[0].rank, job.x[0].shape[1]
    groups = op.groups or channels
    if groups == channels and rank > 2:
        weights = (_filled(job, 1, 1.0, channels), _filled(job, 2, 0.0, channels))
        return job.end("InstanceNormalization", job.input(0), *weights, epsilon=op.eps)
    if job.opset >= 21 and rank > 2:
        weights = (_filled(job, 1, 1.0, channels), _filled(job, 2, 0.0, channels))
        told: dict[str, Any] = {"num_groups": groups, "epsilon": op.eps}
        return job.end("GroupNormalization", job.input(0), *weights, **told)
    parts = job.emit("Reshape", job.input(0), job.ints([0, groups, -1]))
    plain = job.number(np.ones(groups)), job.number(np.zeros(groups))
    value = job.emit("InstanceNormalization", parts, *plain, main=True, epsilon=op.eps)
    value = job.emit("Reshape", value, job.emit("Shape", job.input(0)))
    weight, bias = (_column(job, k, rank) if job.given(k) else "" for k in (1, 2))
    return _affine(job, value, weight, bias)


@writes(LocalResponseNorm)
def local_response_norm(job: Job) -> None:
    """LRN; with an even size, which ONNX Runtime refuses, the formula with a mean of channels."""
    op: LocalResponseNorm = job.op
    told: dict[str, Any] = {"size": op.size, "alpha": op.alpha, "beta": op.beta, "bias": op.k}
    x = job.input(0)
    if op.size % 2:
        return job.end("LRN", x, **told)
    column = job.emit("Reshape", job.emit("Mul", x, x), job.ints([0, 1, job.fixed()[1], -1]))
    window = {"kernel_shape": [op.size, 1], "pads": [op.size // 2, 0, (op.size - 1) // 2, 0]}
    mean = job.emit("AveragePool", column, main=True, count_include_pad=1, **window)
    mean = job.emit("Reshape", mean, job.emit("Shape", x))
    total = job.emit("Add", job.emit("Mul", mean, job.number(op.alpha)), job.number(op.k))
    return job.end("Div", x, job.emit("Pow", total, job.number(op.beta)))


def flipped(job: Job, value: str, axes: tuple[int, ...]) -> str:
    """Turn axes around: a slice that walks backwards."""
    starts, ends = job.ints([-1] * len(axes)), job.ints([-(1 << 62)] * len(axes))
    return job.emit("Slice", value, starts, ends, job.ints(axes), job.ints([-1] * len(axes)))


@writes(Dropout)
def dropout(job: Job) -> None:
    """Nothing, unless the graph is one in training."""
    op: Dropout = job.op
    if not op.training or op.p == 0:
        return job.end("Identity", job.input(0))
    if op.per != "element":
        raise GraphError(f"ONNX has no dropout of a whole {op.per}.")
    ratio, training = job.number(op.p, "float32"), job.number(True, "bool")
    return job.end("Dropout", job.input(0), ratio, training)
