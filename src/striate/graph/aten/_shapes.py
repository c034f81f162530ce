"""ATen's reshapes, joins, cuts and constants."""

from __future__ import annotations

from typing import Any

from .. import ops
from .._sizes import Size
from ._translator import Call, dtype_name, translates


@translates("aten.view.default", "aten.reshape", "aten.reshape_as", "aten._unsafe_view",
            "aten.unflatten", "aten.view_as")  # fmt: skip
def _reshape(call: Call) -> Any:
    shape = call.translator.symbols.shape(call.node.meta["val"])
    return call.emit(ops.Reshape(_with_rest(call, shape)), call["self"])


def _with_rest(call: Call, shape: tuple[Any, ...]) -> tuple[Any, ...]:
    """Put -1 for the one size that follows from the others, if the user wrote it so."""
    given = call.get("shape", call.get("size"))
    if isinstance(given, tuple) and given.count(-1) == 1 and len(given) == len(shape):
        return tuple(-1 if asked == -1 else n for asked, n in zip(given, shape, strict=True))
    return shape


@translates("aten.flatten")
def _flatten(call: Call) -> Any:
    return call.emit(ops.Flatten(call["start_dim"], call["end_dim"]), call["self"])


@translates("aten.permute")
def _permute(call: Call) -> Any:
    return call.emit(ops.Permute(tuple(call["dims"])), call["self"])


@translates("aten.movedim", "aten.moveaxis")
def _movedim(call: Call) -> Any:
    rank = call.rank("self")
    sources, targets = (
        [axis % rank for axis in ((given,) if isinstance(given, int) else given)]
        for given in (call["source"], call["destination"])
    )
    rest = iter(axis for axis in range(rank) if axis not in sources)
    moved = dict(zip(targets, sources, strict=True))
    axes = tuple(moved[axis] if axis in moved else next(rest) for axis in range(rank))
    return call.emit(ops.Permute(axes), call["self"])


@translates("aten.transpose", "aten.transpose_", "aten.swapaxes")
def _transpose(call: Call) -> Any:
    axes = list(range(call.rank("self")))
    a, b = call.get("dim0", call.get("axis0")), call.get("dim1", call.get("axis1"))
    axes[a], axes[b] = axes[b], axes[a]
    return call.emit(ops.Permute(tuple(axes)), call["self"])


@translates("aten.t", "aten.numpy_T", "aten.mT")
def _t(call: Call) -> Any:
    axes = list(range(call.rank("self")))
    axes[-2:] = axes[-2:][::-1]
    return call.emit(ops.Permute(tuple(axes)), call["self"])


@translates("aten.squeeze", "aten.squeeze_")
def _squeeze(call: Call) -> Any:
    dim = call.get("dim")
    axes = None if dim is None else (dim,) if isinstance(dim, int) else tuple(dim)
    return call.emit(ops.Squeeze(axes), call["self"])


@translates("aten.unsqueeze", "aten.unsqueeze_")
def _unsqueeze(call: Call) -> Any:
    return call.emit(ops.Unsqueeze((call["dim"],)), call["self"])


@translates("aten.expand", "aten.expand_as")
def _expand(call: Call) -> Any:
    shape = call.translator.symbols.shape(call.node.meta["val"])
    return call.emit(ops.Expand(shape), call["self"])


@translates("aten.repeat", "aten.tile")
def _repeat(call: Call) -> Any:
    repeats = call.get("repeats", call.get("dims"))
    return call.emit(ops.Tile(tuple(repeats)), call["self"])


@translates("aten.roll")
def _roll(call: Call) -> Any:
    if not call["dims"] or any(isinstance(s, Size) for s in call["shifts"]):
        return None
    return call.emit(ops.Roll(tuple(call["shifts"]), tuple(call["dims"])), call["self"])


@translates("aten.flip")
def _flip(call: Call) -> Any:
    return call.emit(ops.Flip(tuple(call["dims"])), call["self"])


@translates("aten.cat", "aten.concat", "aten.concatenate")
def _cat(call: Call) -> Any:
    return call.emit(ops.Concat(call["dim"]), *call["tensors"])


@translates("aten.stack")
def _stack(call: Call) -> Any:
    return call.emit(ops.Stack(call["dim"]), *call["tensors"])


@translates("aten.split", "aten.split_with_sizes", "aten.tensor_split.sections")
def _split(call: Call) -> Any:
    count = len(call.node.meta["val"])
    sizes = call.get("split_size", call.get("split_sizes"))
    if sizes is None:
        return None
    op = ops.Split(call["dim"], tuple(sizes) if isinstance(sizes, tuple) else sizes)
    return _as_tuple(call.emit(op, call["self"], outputs=count))


@translates("aten.chunk")
def _chunk(call: Call) -> Any:
    count = len(call.node.meta["val"])
    op = ops.Split(call["dim"], pieces=call["chunks"])
    return _as_tuple(call.emit(op, call["self"], outputs=count))


@translates("aten.unbind")
def _unbind(call: Call) -> Any:
    count = len(call.node.meta["val"])
    return tuple(
        call.emit(ops.Select(call["dim"], k), call["self"], part="select") for k in range(count)
    )


def _as_tuple(names: Any) -> tuple[str, ...]:
    return (names,) if isinstance(names, str) else names


@translates("aten.slice.Tensor")
def _slice(call: Call) -> Any:
    start, end = call["start"] or 0, call["end"]
    if isinstance(end, int) and end >= 2**31:
        end = None
    if start == 0 and end is None and call["step"] == 1:
        return call["self"]
    return call.emit(ops.Slice(call["dim"], start, end, call["step"]), call["self"])


@translates("aten.select.int")
def _select(call: Call) -> Any:
    return call.emit(ops.Select(call["dim"], call["index"]), call["self"])


@translates("aten.narrow")
def _narrow(call: Call) -> Any:
    start = call["start"]
    return call.emit(ops.Slice(call["dim"], start, start + call["length"]), call["self"])


@translates("aten.pad")
def _pad(call: Call) -> Any:
    value = call["value"] if call["value"] is not None else 0.0
    return _padded(call, call["pad"], call["mode"], value)


@translates("aten.constant_pad_nd")
def _constant_pad(call: Call) -> Any:
    return _padded(call, call["pad"], "constant", call["value"])


@translates("aten.reflection_pad1d", "aten.reflection_pad2d", "aten.reflection_pad3d")
def _reflection_pad(call: Call) -> Any:
    return _padded(call, call["padding"], "reflect", 0.0)


@translates("aten.replication_pad1d", "aten.replication_pad2d", "aten.replication_pad3d")
def _replication_pad(call: Call) -> Any:
    return _padded(call, call["padding"], "replicate", 0.0)


def _padded(call: Call, pad: Any, mode: Any, value: float) -> Any:
    """Torch lists (before, after) from the last axis on; we list all axes from the first."""
    given = [(pad[k], pad[k + 1]) for k in range(0, len(pad), 2)]
    front: list[Any] = [(0, 0)] * (call.rank("self") - len(given))
    return call.emit(ops.Pad((*front, *reversed(given)), mode, float(value)), call["self"])


@translates("aten.index_select")
def _index_select(call: Call) -> Any:
    return call.emit(ops.Gather(call["dim"]), call["self"], call["index"])


@translates("aten.gather")
def _gather(call: Call) -> Any:
    return call.emit(ops.Gather(call["dim"], elementwise=True), call["self"], call["index"])


@translates("aten.index.Tensor")
def _index(call: Call) -> Any:
    """`x[:, index]`: one index along one axis."""
    given = [(axis, index) for axis, index in enumerate(call["indices"]) if index is not None]
    if len(given) != 1:
        return None
    ((axis, index),) = given
    return call.emit(ops.Gather(axis), call["self"], index)


@translates("aten.zeros", "aten.ones", "aten.full", "aten.zeros_like", "aten.ones_like",
            "aten.full_like", "aten.new_zeros", "aten.new_ones", "aten.new_full",
            "aten.empty", "aten.empty_like", "aten.new_empty", "aten.scalar_tensor")  # fmt: skip
def _fill(call: Call) -> Any:
    example = call.node.meta["val"]
    value = 1.0 if "ones" in call.operator else 0.0
    value = call.get("fill_value", call.get("s", value))
    if isinstance(value, str):
        return None
    shape = call.translator.symbols.shape(example)
    return call.emit(ops.Fill(shape, value, dtype_name(example.dtype)))


@translates("aten.arange")
def _arange(call: Call) -> Any:
    example = call.node.meta["val"]
    shape = call.translator.symbols.shape(example)
    start, step = call.get("start", 0), call.get("step", 1)
    return call.emit(ops.Fill(shape, start, dtype_name(example.dtype), step))


@translates(
    "aten.contiguous", "aten.clone", "aten.alias", "aten.lift_fresh_copy",
    "aten.lift_fresh", "aten.detach_", "aten.identity", "aten.positive",
    "aten.resolve_conj", "aten.resolve_neg",
)  # fmt: skip
def _same(call: Call) -> Any:
    return call["self"]


@translates("aten.detach")
def _detach(call: Call) -> Any:
    return call.emit(ops.Activation("detach"), call["self"])


@translates(
    "aten._assert_tensor_metadata", "aten.sym_constrain_range_for_size", "aten._assert_scalar",
    "aten.sym_constrain_range",
)  # fmt: skip
def _ignored(call: Call) -> Any:
    return ()
