"""What hands its input on goes, and changes of shape in a row become one."""

from __future__ import annotations

import pytest

from striate import Window
from striate.engine.passes import merge_views, remove_identities, remove_identities_here
from striate.graph import Operation, Size, ops

from .checks import Net, kinds, optimized, same, unchanged

ONE = (Window(1),) * 2


@pytest.mark.parametrize(
    "op",
    [
        ops.Dropout(0.5),
        ops.Cast("float32"),
        ops.Reshape((2, 3, 4, 5)),
        ops.Reshape((-1, 3, 4, 5)),
        ops.Flatten(1, 1),
        ops.Squeeze(()),
        ops.Permute((0, 1, -2, 3)),
        ops.Expand((-1,) * 4),
        ops.AdaptivePool((None, None)),
        ops.Slice(2),
        ops.Roll((0,), (2,)),
        ops.Tile((1, 1, 1, 1)),
        ops.MaxPool(ONE),
        ops.AvgPool(ONE),
        ops.Pad(((0, 0),) * 4),
        ops.Resize(None, (1.0, 1.0)),
        ops.Activation("identity"),
        ops.Binary("mul", 1),
        ops.Binary("div", 1.0),
        ops.Binary("add", 0.0),
        ops.Binary("sub", 0),
    ],
    ids=lambda op: f"{op.kind}",
)
def test_identities_go(op: Operation) -> None:
    net = Net(2, 3, 4, 5)
    graph = net.graph(net.relu(net.add(op, net.relu("x"))))
    assert kinds(same(graph, remove_identities)) == ["activation", "activation"]


@pytest.mark.parametrize(
    "op",
    [
        ops.Dropout(0.5, training=True),
        ops.Cast("float16"),
        ops.MaxPool((Window(1, stride=2),) * 2),
        ops.MaxPool((Window(1, padding=1),) * 2),
        ops.AvgPool(ONE, divisor=2),
        ops.LpPool(ONE),
        ops.Permute((0, 1, 3, 2)),
        ops.Flip((2,)),
        ops.Slice(2, None, None, -1),  # type: ignore[arg-type]
        ops.Roll((1,), (2,)),
        ops.Resize(None, (1.2, 1.2), use_scale=True),
        ops.Binary("sub", 0.0, reverse=True),
        ops.Binary("div", 1.0, reverse=True),
        ops.Reduce("l2", (0,), keepdim=True),
    ],
    ids=lambda op: f"{op.kind}",
)
def test_what_does_something_stays(op: Operation) -> None:
    net = Net(1, 3, 4, 4)
    unchanged(net.graph(net.relu(net.add(op, net.relu("x")))), remove_identities)


@pytest.mark.parametrize(
    "op",
    [
        ops.AdaptivePool((4, 5)),
        ops.AdaptivePool((None, 5), "max"),
        ops.Slice(2, 0, 100),
        ops.Resize((4, 5), mode="linear", coordinates="half_pixel"),
        ops.Expand((1, -1, 4, 5)),
        ops.Permute((1, 0, 2, 3)),
        ops.Squeeze((2,)),
        ops.Reduce("mean", (0,), keepdim=True),
        ops.Reshape((1, Size.of("y", 1), 4, -1)),
    ],
    ids=lambda op: f"{op.kind}",
)
def test_identities_at_one_size_go_here_only(op: Operation) -> None:
    net = Net(1, 1, 4, 5, y=(7, 1))
    graph = net.graph(net.relu(net.add(op, net.relu("x"))))
    unchanged(graph, remove_identities)
    assert kinds(same(graph, remove_identities_here)) == ["activation", "activation"]


def test_reshapes_to_the_own_sizes_go() -> None:
    net = Net(2, 3, 4)
    y = net.relu("x")
    shape = (Size.of("x", 0), 3, Size.of(y, 2))
    z = net.relu(net.add(ops.Reshape(shape), y))
    graph = same(net.graph(net.add(ops.Reshape((Size.of(y, 0), -1)), z)), remove_identities)
    assert kinds(graph) == ["activation", "activation", "reshape"]


def test_an_output_keeps_its_name_where_it_can() -> None:
    net = Net(1, 3)
    y = net.relu("x")
    z = net.add(ops.Dropout(), y)
    graph = same(net.graph(z), remove_identities)
    assert (kinds(graph), graph.outputs) == (["activation"], (z,))
    assert same(net.graph(z, y), remove_identities).outputs == (y, y)
    graph = optimized(net.graph(y), keep=[z])
    assert graph.outputs == (y,)
    net = Net(1, 3)
    graph = optimized(net.graph(net.add(ops.Dropout(), "x")))
    assert graph.outputs == ("x",)
    assert len(graph) == 0


def test_sizes_read_from_a_copy_or_its_source() -> None:
    net = Net(2, 3)
    y = net.relu("x")
    z = net.add(ops.Dropout(), y)
    shape = (Size.of(y, 0), Size.of(z, 1), 1)
    graph = net.graph(z, net.add(ops.Reshape(shape), z))
    after = same(graph, remove_identities)
    assert after.outputs[0] == z
    assert after.at((5, 3)).types[graph.outputs[1]] == graph.at((5, 3)).types[graph.outputs[1]]


def test_broadcasting_by_zero_is_no_identity() -> None:
    net = Net(1, 3)
    unchanged(net.graph(net.two("add", "x", net.held("zeros", [[0.0] * 3] * 2))), remove_identities)


def test_permutes_and_reshapes_compose() -> None:
    net = Net(2, 3, 4, 5)
    y = net.add(ops.Permute((0, 3, 1, 2)), net.add(ops.Permute((0, 2, 3, 1)), "x"))
    assert kinds(optimized(net.graph(net.relu(y)))) == ["activation"]
    net = Net(2, 3, 4, 5)
    y = net.add(ops.Permute((0, 3, 1, 2)), net.add(ops.Permute((0, 3, 1, 2)), "x"))
    graph = same(net.graph(y), merge_views)
    assert graph.op(graph.nodes[-1]) == ops.Permute((0, 2, 3, 1))
    net = Net(2, 3, 4, 5)
    y = net.add(ops.Unsqueeze((1,)), net.add(ops.Flatten(), "x"))
    assert kinds(optimized(net.graph(y))) == ["flatten", "unsqueeze"]
    net = Net(2, 3, 4, 5)
    y = net.add(ops.Reshape((-1, 1, 60)), net.add(ops.Flatten(), "x"))
    assert kinds(optimized(net.graph(y))) == ["reshape"]


def test_the_first_stays_for_others() -> None:
    net = Net(2, 3, 4, 5)
    flat = net.add(ops.Flatten(2), "x")
    graph = optimized(net.graph(net.add(ops.Flatten(), flat), net.relu(flat)))
    assert kinds(graph) == ["flatten", "flatten", "activation"]


def test_concat_and_split_of_one() -> None:
    net = Net(2, 3, 4)
    y = net.add(ops.Split(1, pieces=1), net.add(ops.Concat(1), net.relu("x")))
    assert kinds(same(net.graph(net.relu(y)), merge_views)) == ["activation", "activation"]
