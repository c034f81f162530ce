"""Make one convolution of parallel ones whose results are added up (RepVGG)."""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from ...graph import Graph, Node, Operation, TensorType, ops
from ...window import Window
from ._affine import affine_of
from ._change import Result
from ._editor import Array, Editor
from ._layers import Layer, layer_of, written
from ._scaled import Scaled


@dataclass(frozen=True, eq=False)
class _Branch:
    """One summand, as a convolution of the common input."""

    source: str
    windows: tuple[Window, ...]
    groups: int
    weight: Array | Scaled
    bias: Array


def merge_sums(graph: Graph) -> Result:
    """Make one convolution of two that read the same value and are added: weights add up.

    Each filter is put into the window that covers both, 0 where it has no tap; a bare input, or one
    that a batch norm scales, is a convolution of 1x1 whose filters are the identity. Strides and
    groups must agree, and the sum must take no more multiply-adds than the two together (so a 1x1
    goes into a 3x3, and a 1x3 and a 3x1 stay apart). Exact: padding adds zeros in either.

    Source: Ding et al. 2021, "RepVGG", arXiv:2101.03697, figure 4.
    """
    editor = Editor(graph, "merge_sums")
    for node in editor:
        if isinstance(node.op, ops.Binary) and node.op == ops.Binary("add"):
            _merge(editor, node)
    return editor.result()


def _merge(editor: Editor, node: Node) -> None:
    a, b = (*node.inputs, None)[:2]
    if a is None or b is None or a == b or editor.type(a) != editor.type(b):
        return
    for main, other in ((a, b), (b, a)):
        maker = editor.maker(main)
        layer = layer_of(editor, maker) if maker is not None else None
        if maker is None or layer is None or not isinstance(layer.op, ops.Conv):
            continue
        if editor.only_reader(main) is None or editor.measured(main) or maker.inputs[0] is None:
            continue
        conv = _Branch(maker.inputs[0], layer.op.windows, layer.groups, layer.stored, layer.biases)
        side, gone = _side(editor, other, layer, conv)
        if side is None:
            continue
        windows = _union(conv, side)
        if windows is None:
            continue
        weight = _spread(conv, windows) + _spread(side, windows)
        op: Operation = ops.Conv(windows, conv.groups)
        kinds = (editor.type(conv.source), TensorType(weight.shape))
        if op.infer(*kinds) != (editor.type(node.outputs[0]),):
            continue
        whole = replace(layer, op=op)
        made = written(editor, whole, weight, conv.bias + side.bias, output=node.outputs[0])
        if made is None:
            continue
        editor.take_out(maker.name, *gone)
        editor.put(node.name, made)
        editor.tell([*gone, node.name], made.name, "branches on the same input, added: one filter")
        return


def _side(
    editor: Editor, value: str, layer: Layer, conv: _Branch
) -> tuple[_Branch | None, list[str]]:
    """Read the other summand as a convolution of the same input, and what goes with it."""
    rank = len(conv.windows)
    node = editor.maker(value)
    scale, shift = np.ones(layer.out_channels), np.zeros(layer.out_channels)
    gone: list[str] = []
    if value != conv.source:
        if node is None or editor.only_reader(value) is None or editor.measured(value):
            return None, []
        gone = [node.name]
        other = layer_of(editor, node)
        if other is not None and isinstance(other.op, ops.Conv) and node.inputs[0] == conv.source:
            branch = _Branch(
                conv.source, other.op.windows, other.groups, other.stored, other.biases
            )
            return branch, gone
        found = affine_of(editor, node)
        if found is None or found[0] != conv.source or found[1].axis not in (None, 1):
            return None, []
        scale, shift = found[1].over(layer.out_channels)
    each = layer.stored.shape[1]
    if each * conv.groups != layer.out_channels:
        return None, []
    same = np.zeros((layer.out_channels, each))
    same[np.arange(layer.out_channels), np.arange(layer.out_channels) % each] = scale
    weight = same.reshape(*same.shape, *[1] * rank)
    return _Branch(conv.source, (Window(1),) * rank, conv.groups, weight, shift), gone


def _union(a: _Branch, b: _Branch) -> tuple[Window, ...] | None:
    """The windows that cover both; None where they are not aligned or would cost more."""
    if a.groups != b.groups or a.weight.shape[:2] != b.weight.shape[:2]:
        return None
    windows = []
    for one, two in zip(a.windows, b.windows, strict=True):
        if not one.resolved or not two.resolved or one.stride != two.stride:
            return None
        if min(one.before, two.before) < 0:
            return None
        windows.append(one if one.size >= two.size and _covers(one, two) else one | two)
    taps = [math.prod(w.size for w in each) for each in (windows, a.windows, b.windows)]
    return tuple(windows) if taps[0] <= taps[1] + taps[2] else None


def _covers(one: Window, two: Window) -> bool:
    """Whether each tap of the second window stands on one of the first."""
    first, second = _positions(one), _positions(two)
    return set(second) <= set(first)


def _positions(window: Window) -> list[int]:
    """Where the taps stand, from the output's own pixel on."""
    return [u * int(window.dilation) - int(window.before) for u in range(window.size)]


def _spread(branch: _Branch, windows: tuple[Window, ...]) -> Array:
    """Put filters into larger windows, 0 elsewhere."""
    sizes = [window.size for window in windows]
    full = np.zeros((*branch.weight.shape[:2], *sizes))
    places = []
    for own, whole in zip(branch.windows, windows, strict=True):
        all_taps = _positions(whole)
        places.append([all_taps.index(position) for position in _positions(own)])
    weight = np.asarray(branch.weight)
    for u in itertools.product(*(range(window.size) for window in branch.windows)):
        into: Any = (..., *(place[k] for place, k in zip(places, u, strict=True)))
        tap: Any = (..., *u)
        full[into] += weight[tap]
    return full
