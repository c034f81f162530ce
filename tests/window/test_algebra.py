"""Windows that follow each other, and windows that meet again."""

from __future__ import annotations

from fractions import Fraction

import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

from striate import Window
from striate.errors import ShapeError

from .brute_force import (
    axes,
    fractional_pads,
    fractions,
    hull,
    indices,
    pads,
    reads,
    small,
    transposes,
    whole,
    windows,
)

HALF = Fraction(1, 2)


def reads_through(first: Window, second: Window, i: int) -> set[int]:
    """Follow output i back through two layers."""
    return {pixel for j in reads(second, i) for pixel in reads(first, j)}


class TestThen:
    @given(whole, whole, indices)
    def test_spans_exactly_what_two_layers_read(self, a: Window, b: Window, i: int) -> None:
        both = a.then(b)
        assert both.input_interval(i) == hull(reads_through(a, b, i))
        assert list(both.taps(i)) == list(both.input_interval(i))  # gapless

    @given(whole, whole, st.integers(0, 60))
    def test_output_sizes_compose(self, a: Window, b: Window, n: int) -> None:
        between = a.output_size(n)
        assume(between)
        assert a.then(b).output_size(n) == b.output_size(between)

    # Spans a whole pixel, yet starts on half a one.
    @example(Window(2, dilation=HALF, padding=HALF), Window(2, dilation=HALF), 0)
    @given(windows, windows, indices)
    def test_covers_what_two_layers_read(self, a: Window, b: Window, i: int) -> None:
        read = reads_through(a, b, i)
        assert read <= set(a.then(b).input_interval(i))

    @given(whole, transposes, st.integers(1, 12))
    def test_output_sizes_compose_with_an_upsampling_behind_an_exact_fit(
        self, a: Window, up: Window, outputs: int
    ) -> None:
        n = (outputs - 1) * a.stride + a.extent - a.before - a.after
        assume(n > 0)
        assert a.then(up).output_size(int(n)) == up.output_size(outputs)

    @given(transposes, whole, axes)
    def test_output_sizes_compose_behind_an_upsampling(self, up: Window, b: Window, n: int) -> None:
        between = up.output_size(n)
        assume(between)
        assert up.then(b).output_size(n) == b.output_size(between)

    @given(windows, windows, windows)
    def test_is_associative_in_what_it_sees(self, a: Window, b: Window, c: Window) -> None:
        left, right = a.then(b).then(c), a.then(b.then(c))
        for quantity in ("stride", "extent", "before", "after"):
            assert getattr(left, quantity) == getattr(right, quantity)

    @given(whole, whole, whole)
    def test_is_associative(self, a: Window, b: Window, c: Window) -> None:
        assert a.then(b).then(c) == a.then(b.then(c))

    @given(whole)
    def test_one_pixel_is_its_identity(self, a: Window) -> None:
        gapless = Window(int(a.extent), a.stride, 1, a.padding)
        assert Window(1).then(a) == a.then(Window(1)) == gapless

    @given(small, small, small, small)
    def test_has_the_size_stride_and_padding_of_the_formula(
        self, k1: int, s1: int, k2: int, s2: int
    ) -> None:
        both = Window(k1, s1, padding=(1, 2)).then(Window(k2, s2, padding=(3, 4)))
        assert both == Window(
            1 + (k1 - 1) + (k2 - 1) * s1, s1 * s2, padding=(1 + 3 * s1, 2 + 4 * s1)
        )


class TestCompose:
    @given(st.lists(whole, max_size=4))
    def test_folds_then(self, stack: list[Window]) -> None:
        folded = Window(1)
        for window in stack:
            folded = folded.then(window)
        assert Window.compose(stack) == folded

    @given(st.lists(st.tuples(small, small, st.booleans()), max_size=4), st.integers(1, 60))
    def test_resolves_same_and_ceil_mode_layer_by_layer(
        self, layers: list[tuple[int, int, bool]], n: int
    ) -> None:
        stack = [
            Window(k, s, padding="same" if same else 0, ceil_mode=not same) for k, s, same in layers
        ]
        sizes = [n]
        for window in stack:
            sizes.append(window.output_size(sizes[-1]))
        assume(sizes[-1])
        assert Window.compose(stack, n).output_size(n) == sizes[-1]

    def test_needs_the_length_where_a_padding_depends_on_it(self) -> None:
        stack = [Window(3, stride=2, padding="same")] * 2
        with pytest.raises(ShapeError, match="depends on the length of the axis"):
            Window.compose(stack)
        # 8 -> 4 -> 2: both pad one pixel at the end, the second one counts double.
        assert Window.compose(stack, 8) == Window(7, stride=4, padding=(0, 3))

    def test_down_and_up_again_steps_by_one_pixel_and_covers_both_phases(self) -> None:
        pool, up = Window(2, stride=2), Window(2, stride=2).transposed()
        # Outputs 0 and 1 both read pixels 0 and 1: one window for both needs a pixel on each side.
        assert pool.then(up) == Window(3, padding=1)


class TestUnion:
    @given(small, st.integers(1, 3), st.data())
    def test_spans_what_either_branch_reads(
        self, stride: int, count: int, data: st.DataObject
    ) -> None:
        a, b = (data.draw(branch(stride)) for _ in range(2))
        for i in range(-count, count):
            assert a.union(b).input_interval(i) == hull({*reads(a, i), *reads(b, i)})

    @given(small, axes, st.data())
    def test_has_the_outputs_that_both_branches_have(
        self, stride: int, n: int, data: st.DataObject
    ) -> None:
        a, b = (data.draw(branch(stride)) for _ in range(2))
        assert (a | b).output_size(n) == min(a.output_size(n), b.output_size(n))

    @given(fractions, indices, st.data())
    def test_covers_fractional_branches(
        self, stride: Fraction, i: int, data: st.DataObject
    ) -> None:
        a, b = (
            Window(
                data.draw(small),
                stride,
                data.draw(fractions),
                (data.draw(fractional_pads), data.draw(fractional_pads)),
            )
            for _ in range(2)
        )
        assert {*reads(a, i), *reads(b, i)} <= set(a.union(b).input_interval(i))

    @given(small, st.data())
    def test_is_a_union(self, stride: int, data: st.DataObject) -> None:
        a, b, c = (data.draw(branch(stride)) for _ in range(3))
        assert a | b == b | a
        assert (a | b) | c == a | (b | c)
        gapless = Window(int(a.extent), a.stride, 1, a.padding)
        assert a | a == gapless

    def test_a_shortcut_adds_nothing_to_a_residual_branch(self) -> None:
        branch = Window(3, padding=1).then(Window(3, padding=1))
        assert Window(1) | branch == branch == Window(5, padding=2)

    def test_refuses_branches_that_drift_apart(self) -> None:
        with pytest.raises(ShapeError, match="branches with strides 1 and 2 are not aligned"):
            Window(3).union(Window(3, stride=2))

    def test_refuses_a_padding_that_depends_on_the_length(self) -> None:
        with pytest.raises(ShapeError, match="depends on the length of the axis"):
            Window(3, stride=2).union(Window(3, stride=2, padding="same"))


def branch(stride: int) -> st.SearchStrategy[Window]:
    return st.builds(Window, small, st.just(stride), st.integers(1, 3), st.tuples(pads, pads))
