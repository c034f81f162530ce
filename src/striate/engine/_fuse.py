"""Which nodes of a graph become one step: the producer with what is done to its result.

    conv -> add -> relu        the convolution adds the other operand and clamps before it stores
    mul  -> conv               a factor per channel (squeeze-and-excite) goes into a 1x1 convolution
    mul  -> sum                products are added up as they are made
    add  -> relu's gradient    two gradients are added as one goes through
    conv_weight_gradient, sum  the gradient for the filters also adds up the one for the bias
    permute -> matmul, sum     the same of a linear layer: gy^T x
    clamp' -> batch_norm'      while training: the norm's gradient masks what it reads

A group runs where its last node stands: all it reads is there by then, and since nobody else reads
what lies between its nodes, nobody misses it. The two gradients are independent, and are computed
where the first one stands.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from ..graph import Graph, Node
from ..graph.ops import Activation, ActivationGradient, Binary, Conv, Permute, Reduce
from ._activations import native_activation

_TAKES_ACTIVATION = frozenset(
    {"conv", "conv_transpose", "linear", "batch_norm", "binary", "avg_pool", "max_pool",
     "adaptive_pool", "layer_norm", "group_norm", "resize"}
)  # fmt: skip
_MOVES = frozenset({"slice", "pad"})


@dataclass
class Group:
    """An operation with what is done before and behind it.

    Args:
        node: The operation.
        output: Name of the value the group makes (the first, if the node makes several).
        scaled: The multiplication in front that it takes over.
        mask: The gradient of a clamp in front that it takes over.
        shares_mask: Whether others read that gradient too.
        sum: The addition in front of the mask.
        residual: Name of the value it adds.
        permuted: Order of the axes it gives its result, in the words of Permute: of a blocked map a
            view, so that what follows can still be fused.
        turned: Of a product of matrices: the permutation in front that turns the first one.
        sums: Of a convolution's gradient for its filters, or a linear layer's: the sum of the same
            gradient over batch and places, which it makes as well.
        shuffled: Of a reshape, permute and reshape that deal out channels: how many groups.
        through: Of arithmetic: the node behind that uses its result as it is made. A sum of
            products, or the gradient of an activation, of a sum.
        activation: What it applies last.
        nodes: All of it, in order.
    """

    node: Node
    output: str
    scaled: Node | None = None
    mask: Node | None = None
    shares_mask: bool = False
    sum: Node | None = None
    residual: str | None = None
    permuted: tuple[int, ...] | None = None
    shuffled: int = 0
    turned: Node | None = None
    sums: Node | None = None
    through: Node | None = None
    activation: Activation | None = None
    nodes: list[Node] = field(default_factory=list)


def groups(graph: Graph) -> list[Group]:
    """Part the nodes of a graph into groups, in the order they run."""
    position = {node.name: i for i, node in enumerate(graph.nodes)}
    taken: set[str] = set()
    found: list[Group] = []
    for node in graph.nodes:
        if node.name in taken:
            continue
        group = Group(node, node.outputs[0], nodes=[node])
        _take_scale(graph, group, taken, found)
        _take_turn(graph, group, found)
        _take_sums(graph, group, taken, found, position)
        _take_mask(graph, group, found, position)
        _take_followers(graph, group, taken)
        taken.update(n.name for n in group.nodes)
        found.append(group)

    def runs_at(group: Group) -> int:
        if group.sums:
            return min(position[group.node.name], position[group.sums.name])
        return max(position[n.name] for n in group.nodes)

    return sorted(found, key=runs_at)


def _take_followers(graph: Graph, group: Group, taken: set[str]) -> None:
    while (reader := only_reader(graph, group.output)) and reader.name not in taken:
        op = graph.op(reader)
        if group.activation is not None or group.shuffled or group.through:
            return
        if isinstance(op, Permute) and group.node.kind == "linear" and not group.permuted:
            if not _adds_next(graph, reader):
                return
            group.permuted = tuple(axis % len(op.axes) for axis in op.axes)
        elif group.node.kind in _MOVES:
            if reader.kind not in _MOVES:
                return
        elif group.node.kind == "slice_gradient":
            if reader.kind != "slice_gradient":
                return
        elif isinstance(op, Permute) and group.node.kind == "reshape":
            if not (groups := _shuffles(graph, group, reader)):
                return
            group.shuffled = groups
            group.nodes.append(reader)
            reader = only_reader(graph, reader.outputs[0])
            assert reader is not None
        elif isinstance(op, Activation):
            if group.node.kind not in _TAKES_ACTIVATION or not native_activation(op):
                return
            group.activation = op
        elif _goes_through(graph, group, reader):
            group.through = reader
        elif not (residual := _residual(graph, group, reader)):
            return
        else:
            group.residual = residual
        group.nodes.append(reader)
        group.output = reader.outputs[0]


def _goes_through(graph: Graph, group: Group, reader: Node) -> bool:
    """Whether arithmetic and its reader are one step: `sums` or `activation_gradient`."""
    op, behind = graph.op(group.node), graph.op(reader)
    if not isinstance(op, Binary) or op.alpha != 1 or len(group.node.inputs) != 2:
        return False
    types = [graph.types[name or ""] for name in group.node.inputs]
    if types[0] != types[1] or not types[0] or types[0].dtype != "float32":
        return False
    if op.function == "mul" and isinstance(behind, Reduce) and behind.function == "sum":
        return True
    gradient = isinstance(behind, ActivationGradient) and reader.inputs[0] == group.output
    return op.function == "add" and gradient


def _shuffles(graph: Graph, group: Group, permute: Node) -> int:
    """Groups of the channels that a reshape, this permute and a reshape deal out (ShuffleNet)."""
    last = only_reader(graph, permute.outputs[0])
    op = graph.op(permute)
    x, parts = graph.types[group.node.inputs[0] or ""], graph.types[group.output]
    if (
        last is None
        or last.kind not in ("reshape", "flatten")
        or not isinstance(op, Permute)
        or not x
        or not parts
    ):
        return 0
    swapped = (0, 2, 1, *range(3, parts.rank))
    if parts.rank < 3 or tuple(axis % parts.rank for axis in op.axes) != swapped:
        return 0
    one, more, each, *rest = parts.shape
    same = x.shape == (one, more * each, *rest) and graph.types[last.outputs[0]] == x
    return more if same and x.dtype == "float32" else 0


def _adds_next(graph: Graph, permute: Node) -> bool:
    """Whether the only thing done with a permuted result is adding it (ConvNeXt's blocks)."""
    reader = only_reader(graph, permute.outputs[0])
    op = graph.op(reader) if reader else None
    return isinstance(op, Binary) and op.function == "add" and op.number is None


def _residual(graph: Graph, group: Group, reader: Node) -> str | None:
    """The other operand of an addition that a convolution or a norm can take over."""
    op = graph.op(reader)
    takes = (
        group.node.kind == "conv"
        or (group.node.kind == "linear" and group.permuted)
        or _is_measured(graph, group.node)
    )
    if not takes or group.residual or len(reader.inputs) != 2:
        return None
    if not isinstance(op, Binary) or op.function != "add" or op.alpha != 1:
        return None
    other = next((v for v in reader.inputs if v != group.output), None)
    if other is None or other in graph.weights:
        return None
    mine, theirs = graph.types[group.output], graph.types[other]
    return other if mine == theirs and mine and mine.dtype == "float32" else None


def _take_scale(graph: Graph, group: Group, taken: set[str], found: list[Group]) -> None:
    """Let a 1x1 convolution take over the multiplication that makes its input."""
    op = graph.op(group.node)
    x = group.node.inputs[0] if group.node.inputs else None
    if not isinstance(op, Conv) or op.groups != 1 or x not in graph.producers:
        return
    if any(w.size != 1 or w.stride != 1 or w.padding not in (0, (0, 0)) for w in op.windows):
        return
    made = graph.producers[x]
    product = graph.op(made)
    if not isinstance(product, Binary) or product.function != "mul" or len(made.inputs) != 2:
        return
    if only_reader(graph, x) is None or scale_of(graph, made) is None:
        return
    own = next((g for g in found if g.node is made), None)
    if own is None or own.activation is not None:
        return
    found.remove(own)
    group.scaled = made
    group.nodes.insert(0, made)


def _take_turn(graph: Graph, group: Group, found: list[Group]) -> None:
    """Let a product of two matrices read its first one turned."""
    if group.node.kind != "matmul":
        return
    a, b = (graph.types[v or ""] for v in group.node.inputs)
    made = graph.producers.get(group.node.inputs[0] or "")
    if not made or not a or not b or a.rank != 2 or b.rank != 2:
        return
    own = next((g for g in found if g.node is made and len(g.nodes) == 1), None)
    if made.kind == "permute" and own and only_reader(graph, made.outputs[0]):
        found.remove(own)
        group.turned = made
        group.nodes.insert(0, made)


def _take_sums(
    graph: Graph, group: Group, taken: set[str], found: list[Group], position: dict[str, int]
) -> None:
    """Let a gradient for filters take over the sum that is the gradient for the bias."""
    if group.turned:
        x, gy = group.node.inputs[1], group.turned.inputs[0]
    elif group.node.kind == "conv_weight_gradient":
        x, gy = group.node.inputs
    else:
        return
    made = graph.producers.get(x or "")
    for reader in graph.readers[gy or ""]:
        early = made is None or position[made.name] < position[reader.name]
        if not early or not _sums_channels(graph, reader):
            continue
        if reader.name in taken:
            own = next((g for g in found if g.node is reader), None)
            if own is None or len(own.nodes) > 1:
                continue
            found.remove(own)
        group.sums = reader
        group.nodes.append(reader)
        return


def _sums_channels(graph: Graph, node: Node) -> bool:
    op, x = graph.op(node), graph.types[node.inputs[0] or ""]
    if not isinstance(op, Reduce) or op.function != "sum" or not x or x.dtype != "float32":
        return False
    return sorted(op.reduced(x.rank)) == [0, *range(2, x.rank)]


def _is_measured(graph: Graph, node: Node) -> bool:
    """Whether a batch norm's statistics are computed while the network runs."""
    return node.kind == "batch_norm" and any(
        name is not None and name not in graph.weights for name in node.inputs[3:]
    )


def _take_mask(graph: Graph, group: Group, found: list[Group], position: dict[str, int]) -> None:
    """Let a batch norm's gradient take over that of the clamp behind it, and a sum before."""
    node = group.node
    made = graph.producers.get(node.inputs[0] or "") if node.kind == "batch_norm_gradient" else None
    op = graph.op(made) if made else None
    if made is None or not isinstance(op, ActivationGradient):
        return
    native = native_activation(Activation(op.function, op.numbers))
    own = next((g for g in found if made in (g.node, g.through)), None)
    if own is None or own.nodes[-1] is not made:
        return
    if native is None or native["activation"] != "clamp":
        return
    masked = made.outputs[0]
    readers = graph.readers[masked]
    if any(position[other.name] < position[node.name] for other in readers):
        return
    found.remove(own)
    group.mask, group.sum = made, own.node if own.through else None
    group.shares_mask = len(readers) > 1 or masked in graph.outputs
    group.nodes[:0] = own.nodes


def scale_of(graph: Graph, node: Node) -> tuple[str, str] | None:
    """Of map * factor per image and channel: the two names, map first."""
    first, second = node.inputs[:2]
    for map_, factor in ((first, second), (second, first)):
        if map_ is None or factor is None or {map_, factor} & graph.weights.keys():
            return None
        x, s = graph.types[map_], graph.types[factor]
        if not x or not s or x.rank < 3 or x.shape == s.shape:
            continue
        if s.shape == (*x.shape[:2], *(1,) * (x.rank - 2)) and x.dtype == s.dtype == "float32":
            return map_, factor
    return None


def only_reader(graph: Graph, value: str) -> Node | None:
    """The node that reads a value, if it is the only one and the value is no output."""
    readers = graph.readers.get(value, [])
    if len(readers) != 1 or value in graph.outputs or readers[0].inputs.count(value) != 1:
        return None
    return readers[0]
