"""One row of the report: everything that is known of one layer."""

from __future__ import annotations

from dataclasses import dataclass

from ..graph import Graph, Node, Operation, TensorType
from ..graph._fit import CUTS
from ..graph._reach import Along
from ._field import AxisField
from ._memory import Memory

Axes = tuple[float | None, ...]


@dataclass(frozen=True)
class Row:
    """One operation of the network. None is unknown, or does not apply; it is never shown as zero.

    Args:
        name: Path of the user's module, with what tells its operations apart.
        path: Path of the module alone; empty for the model itself.
        module: Class of that module.
        kind: The operation's kind: `conv`, `max_pool`, ...
        details: Its arguments in words.
        reads: Names of the rows whose maps it reads.
        input_shape: Shape of the first map it reads, batch in front.
        output_shape: Shape of the (first) map it makes.
        dtype: Its dtype.
        params: Learned numbers that this row is the first to use.
        trainable_params: Those of them that receive a gradient.
        shared_params: Learned numbers it uses that an earlier row counted.
        macs: Multiply-adds of its products, forward.
        backward_macs: Multiply-adds of the gradients: once for the weights if they are trained,
            once for the input if a gradient flows on.
        units: Numbers in its output.
        weights: Learned numbers it uses, counted here or before.
        connections: Pairs of a unit and a real unit (or a bias) it sums up; None where a layer sums
            nothing up.
        padding_connections: Pairs of a unit and a pixel of padding, which are not among them.
        param_bytes, buffer_bytes: Bytes of its learned numbers and of its buffers, counted once.
        output_bytes: Bytes of all it makes; 0 for a view.
        saved_bytes: Bytes it adds to what training keeps for backward.
        alive_bytes: Bytes of all maps alive while it runs at test time.
        field: Receptive field in the input, for each axis behind the channels.
        previous: Receptive field in the map it reads.
        overhang: Mean share of its units' fields that hangs over the input's border, per axis.
        unread: Pixels along each axis of its input that no output reads.
    """

    name: str
    path: str
    module: str
    kind: str
    details: str
    reads: tuple[str, ...]
    input_shape: tuple[int, ...] | None
    output_shape: tuple[int, ...] | None
    dtype: str | None
    params: int
    trainable_params: int
    shared_params: int
    macs: int | None
    backward_macs: int | None
    units: int | None
    weights: int
    connections: int | None
    padding_connections: int | None
    param_bytes: int
    buffer_bytes: int
    output_bytes: int | None
    saved_bytes: int | None
    alive_bytes: int
    field: tuple[AxisField | None, ...] | None
    previous: tuple[AxisField | None, ...] | None
    overhang: tuple[float | None, ...] | None
    unread: tuple[int, ...] | None

    @property
    def flops(self) -> int | None:
        """Floating point operations of the products: 2 a MAC."""
        return None if self.macs is None else 2 * self.macs

    @property
    def receptive_field(self) -> Axes | None:
        """Size of the field in the input, per axis, in pixels; `math.inf` is all of any input."""
        return None if self.field is None else tuple(f.size if f else None for f in self.field)

    @property
    def jump(self) -> Axes | None:
        """Input pixels from one unit's field to the next one's: the effective stride."""
        return None if self.field is None else tuple(f.jump if f else None for f in self.field)

    @property
    def start(self) -> Axes | None:
        """Centre of the first unit's field, in input pixels; that of pixel 0 is 0."""
        return None if self.field is None else tuple(f.start if f else None for f in self.field)

    @property
    def padding(self) -> Axes | None:
        """How far the first unit's field reaches over the border: the effective padding."""
        return None if self.field is None else tuple(f.padding if f else None for f in self.field)

    @property
    def infinite_by(self) -> str:
        """The row that made the receptive field infinite; empty where it is not."""
        return next((f.cause for f in self.field or () if f and f.cause), "")

    @property
    def aligned(self) -> bool:
        """Whether all branches that met on the way had the same centres."""
        return all(f.aligned for f in self.field or () if f)

    @property
    def intensity(self) -> float | None:
        """FLOPs for each byte read and written once: input, weights, output."""
        if not self.flops or self.input_shape is None or not self.output_bytes or not self.units:
            return None
        item = self.output_bytes // self.units
        read = item
        for n in self.input_shape:
            read *= n
        return self.flops / (read + self.output_bytes + self.weights * item)


def make_rows(
    graph: Graph,
    memory: Memory,
    flows: set[str],
    seen: dict[str, tuple[AxisField | None, ...]],
    overhang: dict[str, tuple[float | None, ...]],
) -> tuple[Row, ...]:
    """Make one row for each node."""
    counted: set[str] = set()
    rows = []
    for node in graph.nodes:
        op, inputs = graph.op(node), graph.input_types(node)
        outputs = graph.output_types(node)
        first = outputs[0] if outputs else None
        known = tuple(t for t in outputs if t is not None)
        complete = len(known) == len(outputs)
        data = next((v for v in node.inputs if v is not None and v not in graph.weights), None)
        source = graph.types[data] if data else None
        macs = op.macs(inputs, known) if complete else None
        pairs = op.connections(inputs, known) if complete else None
        own = [graph.weights[v] for v in node.inputs if v is not None and v in graph.weights]
        fresh = [w for w in own if w.name not in counted]
        learned = [w for w in fresh if w.role == "parameter"]
        counted.update(w.name for w in own)
        uses = sum(w.type.numel for w in own if w.role == "parameter")
        rows.append(
            Row(
                name=node.name,
                path=node.path,
                module=node.module,
                kind=node.kind,
                details=op.describe(),
                reads=_reads(graph, node),
                input_shape=source.shape if source else None,
                output_shape=first.shape if first else None,
                dtype=first.dtype if first else None,
                params=sum(w.type.numel for w in learned),
                trainable_params=sum(w.type.numel for w in learned if w.trainable),
                shared_params=uses - sum(w.type.numel for w in learned),
                macs=macs,
                backward_macs=_backward(node, macs, flows),
                units=sum(t.numel for t in known) if complete else None,
                weights=uses,
                connections=pairs.real if pairs else None,
                padding_connections=pairs.padding if pairs else None,
                param_bytes=sum(w.type.nbytes for w in learned),
                buffer_bytes=sum(w.type.nbytes for w in fresh if w.role != "parameter"),
                output_bytes=_written(node, op, known) if complete else None,
                saved_bytes=None if node.name in memory.unknown else memory.saved[node.name],
                alive_bytes=memory.alive[node.name],
                field=seen.get(node.outputs[0]) if node.outputs else None,
                previous=_previous(op, inputs, known) if complete else None,
                overhang=overhang.get(node.outputs[0]) if node.outputs else None,
                unread=_unread(op, inputs, known) if complete else None,
            )
        )
    return tuple(rows)


def _reads(graph: Graph, node: Node) -> tuple[str, ...]:
    data = (v for v in node.inputs if v is not None and v not in graph.weights)
    return tuple(
        dict.fromkeys(graph.producers[v].name if v in graph.producers else v for v in data)
    )


def _backward(node: Node, macs: int | None, flows: set[str]) -> int | None:
    """A product of two operands has one gradient of as many multiply-adds for each of them."""
    if not macs:
        return macs
    operands = node.inputs[:2]
    if node.kind == "attention":
        return 2 * macs if any(v in flows for v in node.inputs) else 0
    return macs * sum(value in flows for value in operands)


def _written(node: Node, op: Operation, outputs: tuple[TensorType, ...]) -> int:
    return 0 if op.view or node.inplace else sum(t.nbytes for t in outputs)


def _windows(
    op: Operation, inputs: tuple[TensorType | None, ...], outputs: tuple[TensorType, ...]
) -> list[tuple[int, Along | None]] | None:
    """How each axis behind the channels of the first input is read; None if there are none."""
    if not inputs or inputs[0] is None or inputs[0].rank < 3 or op.kind == "opaque":
        return None
    reach = op.reach(inputs, outputs)[0]
    return [
        (n, how if isinstance(how, Along) else None)
        for n, how in zip(inputs[0].shape[2:], reach[2:], strict=True)
    ]


def _previous(
    op: Operation, inputs: tuple[TensorType | None, ...], outputs: tuple[TensorType, ...]
) -> tuple[AxisField | None, ...] | None:
    from ._field import Sliding

    found = _windows(op, inputs, outputs)
    if found is None:
        return None
    return tuple(
        AxisField.of(Sliding(how.axis, how.window))
        if how
        else AxisField(float("inf") if n > 1 else 1)
        for n, how in found
    )


def _unread(
    op: Operation, inputs: tuple[TensorType | None, ...], outputs: tuple[TensorType, ...]
) -> tuple[int, ...] | None:
    if op.kind in CUTS:
        return None
    found = _windows(op, inputs, outputs)
    if found is None:
        return None
    return tuple(
        len(how.window.unread(n)) if how and how.window.stride != 1 else 0 for n, how in found
    )
