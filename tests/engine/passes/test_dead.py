"""What nobody needs goes; what is done twice is done once."""

from __future__ import annotations

from striate import Window
from striate.engine.passes import remove_dead, share_common
from striate.graph import Size, ops

from .checks import Net, kinds, same, unchanged


def test_dead_nodes_and_weights_go() -> None:
    net = Net(1, 2, 5, 5)
    y = net.conv("x", 2, 2, name="lives")
    net.relu(net.conv(y, 2, 2, name="dead"))
    net.weight("unused", 7)
    graph = same(net.graph(y), remove_dead)
    assert kinds(graph) == ["conv"]
    assert set(graph.weights) == {"lives.weight", "lives.bias"}


def test_a_second_output_keeps_its_node() -> None:
    net = Net(1, 2, 4, 4)
    y = net.add(ops.MaxPool((Window(2),) * 2, indices=True), "x", outputs=2)
    unchanged(net.graph(f"{y}.1"), remove_dead)


def test_what_sizes_are_read_from_lives() -> None:
    net = Net(1, 2, 4, 4)
    measured = net.conv("x", 2, 3, name="measured")
    y = net.add(ops.Fill((Size.of(measured, 2), 7)))
    unchanged(net.graph(y), remove_dead)


def test_the_same_twice_is_once() -> None:
    net = Net(1, 2, 4, 4)
    first, second = net.relu("x"), net.relu("x")
    y = net.two("add", net.number("mul", first, 2.0), net.number("mul", second, 2.0))
    graph = same(net.graph(y), share_common)
    assert kinds(graph) == ["activation", "binary", "binary"]
    assert graph.nodes[-1].inputs == (graph.nodes[1].name,) * 2


def test_what_is_random_is_not_the_same() -> None:
    net = Net(1, 2)
    a, b = (net.add(ops.Dropout(0.5, training=True), "x") for _ in range(2))
    unchanged(net.graph(net.two("add", a, b)), share_common)


def test_outputs_stay_two() -> None:
    net = Net(1, 2)
    unchanged(net.graph(net.relu("x"), net.relu("x")), share_common)


def test_equal_numbers_of_other_dtypes_are_not_the_same() -> None:
    net = Net(1, 2)
    whole = net.add(ops.Cast("int64"), "x")
    a, b = net.number("mul", whole, 2), net.number("mul", whole, 2.0)
    unchanged(net.graph(net.two("add", a, b)), share_common)
