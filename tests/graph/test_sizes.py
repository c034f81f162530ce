"""Sizes as data: arithmetic over the lengths of axes, put off until they are known."""

from __future__ import annotations

import math
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from striate.errors import OptionError, ShapeError
from striate.graph import FitError, Graph, Node, Size, TensorType
from striate.graph._sizes import bound, depends
from striate.graph.ops import Pad, Reshape, Slice

LENGTHS = {("x", 0): 2, ("x", 2): 28, ("y", 1): 7}


def lookup(value: str, axis: int) -> int:
    return LENGTHS[value, axis]


HEIGHT = Size.of("x", 2)


def test_arithmetic_by_hand() -> None:
    assert HEIGHT.resolve(lookup) == 28
    assert (HEIGHT * 2 + 1).resolve(lookup) == 57
    assert (1 + 2 * HEIGHT).resolve(lookup) == 57
    assert (30 - HEIGHT).resolve(lookup) == 2
    assert (HEIGHT - 3).resolve(lookup) == 25
    assert (HEIGHT // 3 % 5).resolve(lookup) == 4
    assert Size.apply("max", HEIGHT, Size.of("y", 1), 5).resolve(lookup) == 28
    assert Size.apply("min", HEIGHT, 5).resolve(lookup) == 5


def test_fractions_stay_exact() -> None:
    third = HEIGHT / 3
    assert third.resolve(lookup) == Fraction(28, 3)
    assert (third * 3).resolve(lookup) == 28
    assert isinstance((third * 3).resolve(lookup), int)
    assert Size.apply("ceil", third).resolve(lookup) == 10
    assert Size.apply("floor", third).resolve(lookup) == 9
    assert Size.apply("trunc", 0 - third).resolve(lookup) == -9


def test_numbers_alone_are_worked_out_at_once() -> None:
    assert Size.apply("+", 2, 3) == 5
    assert Size.apply("/", 6, 3) == 2
    assert isinstance(Size.apply("/", 6, 3), int)
    assert Size.apply("/", 7, 2) == Fraction(7, 2)


def test_an_operator_that_is_not_known() -> None:
    with pytest.raises(OptionError, match="cannot be made with '__import__'"):
        Size.apply("__import__", HEIGHT)


@settings(max_examples=50)
@given(st.recursive(
    st.integers(-9, 9) | st.sampled_from([Size.of(*key) for key in LENGTHS]),
    lambda part: st.tuples(st.sampled_from(["+", "-", "*", "//", "%", "max", "min"]), part, part),
    max_leaves=8,
))  # fmt: skip
def test_arithmetic_is_pythons(tree: Any) -> None:
    def work_out(part: Any) -> Any:
        if isinstance(part, Size):
            return part.resolve(lookup)
        if isinstance(part, int):
            return part
        sign, *operands = part
        a, b = map(work_out, operands)
        if sign in ("max", "min"):
            return max(a, b) if sign == "max" else min(a, b)
        return eval(f"({a}) {sign} ({b})")

    def build(part: Any) -> Any:
        return part if isinstance(part, int | Size) else Size.apply(part[0], *map(build, part[1:]))

    try:
        expected = work_out(tree)
    except ZeroDivisionError:
        return
    size = build(tree)
    assert (size.resolve(lookup) if isinstance(size, Size) else size) == expected
    renamed = size.renamed(str.upper) if isinstance(size, Size) else size
    upper = {(value.upper(), axis): n for (value, axis), n in LENGTHS.items()}
    if isinstance(renamed, Size):
        assert renamed.resolve(lambda *key: upper[key]) == expected


def test_words() -> None:
    assert str(HEIGHT) == "x.shape[2]"
    assert str(HEIGHT // 2 - 1) == "((x.shape[2] // 2) - 1)"
    assert str(Size.apply("max", HEIGHT, 3)) == "max(x.shape[2], 3)"
    assert Reshape((Size.of("x", 0), -1)).describe() == "shape=(x.shape[0], -1)"


def test_fields_at_any_depth() -> None:
    field = (1, (HEIGHT, (2, HEIGHT + 1)))
    assert depends(field)
    assert not depends((1, (2, (3,))))
    assert bound(field, lookup) == (1, (28, (2, 29)))


def test_operations_are_bound() -> None:
    op = Pad(((0, 0), (HEIGHT // 4, 1)))
    assert op.depends_on_sizes
    assert op.bind(lookup) == Pad(((0, 0), (7, 1)))
    assert not op.bind(lookup).depends_on_sizes
    with pytest.raises(ShapeError, match=r"shape=\(2, 28/3\) must be whole"):
        Reshape((Size.of("x", 0), HEIGHT / 3)).bind(lookup)


def test_a_graph_puts_the_sizes_in() -> None:
    half = Size.of("x", 2) // 2
    nodes = (
        Node("crop", Slice(2, 0, half), ("x",), ("crop",)),
        Node("flat", Reshape((Size.of("x", 0), Size.of("crop", 2) * 3)), ("crop",), ("flat",)),
    )
    graph = Graph("Half", {"x": TensorType((2, 3, 8))}, nodes, ("flat",), {})
    assert graph.types["flat"] == TensorType((2, 12))
    assert graph.op(nodes[0]) == Slice(2, 0, 4)
    assert graph.at((5, 3, 11)).types["flat"] == TensorType((5, 15))
    assert graph.nodes[0].op == Slice(2, 0, half)
    with pytest.raises(FitError, match="reshape 'flat': input 2x4x4 has 32 numbers"):
        graph.at((2, 4, 8))


def test_the_size_of_what_is_not_known() -> None:
    with pytest.raises(KeyError):
        HEIGHT.resolve(lambda value, axis: {}[value])
    assert math.isclose(float(Size.apply("/", 1, 3)), 1 / 3)  # type: ignore[arg-type]
