"""Matrix products, as ONNX nodes."""

from __future__ import annotations

import math

import numpy as np

from ..ops import RBF, Attention, Einsum, Linear, MatMul
from ._write_conv import reduced
from ._writer import Job, writes


@writes(Linear)
def linear(job: Job) -> None:
    """Gemm for rows of features; else a product with the weight turned around."""
    if job.x[0].rank == 2:
        return job.end("Gemm", *job.inputs, transB=1)
    weight = job.emit("Transpose", job.input(1), perm=[1, 0])
    if not job.given(2):
        return job.end("MatMul", job.input(0), weight)
    return job.end("Add", job.emit("MatMul", job.input(0), weight, main=True), job.input(2))


@writes(MatMul)
def matmul(job: Job) -> None:
    """MatMul."""
    job.end("MatMul", *job.inputs)


@writes(Einsum)
def einsum(job: Job) -> None:
    """Einsum."""
    job.end("Einsum", *job.inputs, equation=job.op.equation)


@writes(Attention)
def attention(job: Job) -> None:
    """Two products with a softmax between them."""
    op: Attention = job.op
    query, key, value = (job.input(k) for k in range(3))
    rank = job.x[0].rank
    scale = op.scale if op.scale is not None else 1 / math.sqrt(job.x[0].shape[-1])
    order = [*range(job.x[1].rank - 2), job.x[1].rank - 1, job.x[1].rank - 2]
    turned = job.emit("Transpose", key, perm=order)
    scores = job.emit("MatMul", query, turned, main=True)
    scores = job.emit("Mul", scores, job.number(scale))
    least = job.number(-np.inf)
    if op.causal:
        tokens = job.fixed(0)[-2] if rank > 2 else job.x[0].shape[-2]
        seen = job.number(np.tri(tokens, job.x[1].shape[-2], dtype=bool), "bool")
        scores = job.emit("Where", seen, scores, least)
    if job.given(3):
        if job.x[3].dtype == "bool":
            scores = job.emit("Where", job.input(3), scores, least)
        else:
            scores = job.emit("Add", scores, job.input(3))
    job.end("MatMul", job.emit("Softmax", scores, axis=-1), value)


@writes(RBF)
def rbf(job: Job) -> None:
    """-|x - p|^2 = 2 x.p - |x|^2 - |p|^2: a product with the prototypes, as torch computes it."""
    x, prototypes = job.input(0), job.input(1)
    rank = job.x[0].rank
    own = reduced(job, "SumSquare", prototypes, [1], keep=False)
    if rank == 2:
        products = job.emit("Gemm", x, prototypes, main=True, transB=1)
    else:
        filters = job.emit("Unsqueeze", prototypes, job.ints(range(2, rank)))
        products = job.emit("Conv", x, filters, main=True)
        own = job.emit("Unsqueeze", own, job.ints(range(1, rank - 1)))
    twice = job.emit("Mul", products, job.number(2.0))
    squares = reduced(job, "SumSquare", x, [1])
    job.end("Sub", job.emit("Sub", twice, squares), own)
