"""Find activations that a file spells out in single steps: x * sigmoid(x) is silu."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np

from ...graph import Graph, Node, ops
from ._change import Result
from ._editor import Array, Editor

MOST_STEPS = 12
"""Operations that a spelled-out function has at most; GELU's tanh formula has nine."""

TOLERANCE = 1e-6
"""Relative difference that constants rounded to float32 in a file explain."""

KNOWN = (
    ops.Activation("relu"),
    ops.Activation("silu"),
    ops.Activation("hardswish"),
    ops.Activation("hardsigmoid"),
    ops.Activation("gelu"),
    ops.Activation("gelu", (1,)),
    ops.Activation("mish"),
    ops.Activation("sigmoid"),
    ops.Activation("tanh"),
    ops.Activation("softsign"),
)
"""What is looked for, and any clip (ReLU6 is one)."""

STEPS = frozenset({"add", "sub", "mul", "div", "pow", "max", "min"})


def name_activations(graph: Graph) -> Result:
    """Put one activation in the place of the steps that a function of one value is spelled out in.

    Steps are sums, products, powers, extremes with numbers or with each other, and functions of one
    number. They are followed back from each such operation to the value that all of them start
    from, computed in float64 at some 500 points - near 0, far out, and on both sides of each of
    their constants, where pieces may meet - and compared with each known function: a difference of
    more than 1e-6 anywhere, and they stay as they are. GELU's two formulas differ by 5e-4.
    """
    editor = Editor(graph, "name_activations")
    order = {node.name: k for k, node in enumerate(graph.nodes)}  # no node is moved or added
    for node in editor:
        if not isinstance(node.op, ops.Binary) and node.kind != "activation":
            continue
        kind = editor.type(node.outputs[0])
        if kind is None or not kind.is_float:
            continue
        for source, steps in _sources(editor, node, order):
            op = _named(editor, source, steps, node)
            if op is not None:
                editor.put(node.name, replace(node, op=op, inputs=(source,), inplace=False))
                gone = [step.name for step in steps if step.name != node.name]
                editor.tell([*gone, node.name], node.name, f"spell out {op.describe()}")
                break
    return editor.result()


def _sources(editor: Editor, node: Node, order: dict[str, int]) -> list[tuple[str, list[Node]]]:
    """Values that a node is a function of alone, nearest first, with the steps from there."""
    kind = editor.type(node.outputs[0])
    found: list[tuple[str, list[Node]]] = []
    steps, open_values = [node], _data(editor, node)
    while open_values and len(steps) <= MOST_STEPS:
        if len(open_values) == 1 and editor.type(next(iter(open_values))) == kind:
            found.append((next(iter(open_values)), steps[::-1]))
        # Go on behind the value that was made last, so that no step comes before what it reads.
        makers = [maker for maker in map(editor.maker, open_values) if maker is not None]
        if not makers:
            break
        last = max(makers, key=lambda maker: order[maker.name])
        if not _is_step(editor, last):
            break
        steps = [*steps, last]
        open_values = (open_values - set(last.outputs)) | _data(editor, last)
    return found


def _is_step(editor: Editor, node: Node) -> bool:
    if isinstance(node.op, ops.Binary):
        fits = node.op.function in STEPS
    else:
        fits = node.kind == "activation"
    kind = editor.type(node.outputs[0])
    constants = all(
        kind is not None and kind.numel == 1
        for kind in (editor.type(v) for v in node.inputs if editor.is_weight(v))
    )
    return fits and constants and kind is not None and kind.is_float


def _data(editor: Editor, node: Node) -> set[str]:
    return {v for v in node.inputs if v is not None and not editor.is_weight(v)}


def _named(editor: Editor, source: str, steps: list[Node], node: Node) -> ops.Activation | None:
    """The known activation that the steps compute; None where there is none."""
    if not all(_is_step(editor, step) for step in steps):
        return None
    if len(steps) == 1 and node.kind == "activation":
        return None  # it has its name
    points = _points(editor, steps)
    with np.errstate(all="ignore"):
        values = _computed(editor, source, steps, points)
        if values is None or not np.isfinite(values).all():
            return None
        for op in (*KNOWN, *_clips(values)):
            (expected,) = op.evaluate(points)
            if (np.abs(values - expected) <= TOLERANCE * np.maximum(1, np.abs(expected))).all():
                return op
    return None


def _clips(values: Array) -> list[ops.Activation]:
    """The only clip that it can be, by its values far out on both sides."""
    low, high = _number(values[0]), _number(values[-1])
    return [ops.Activation("clip", (low, high))] if low < high and high - low < 1e3 else []


def _number(value: float) -> float:
    """A bound as the float32 that a file holds, where that is the same."""
    return float(np.float32(value))


def _points(editor: Editor, steps: list[Node]) -> Array:
    """Where to compare: from -5000 to 5000, densely near 0, and around the steps' constants."""
    near = np.linspace(-12, 12, 385)
    far = np.array([20.0, 40, 87, 100, 300, 1000, 5000])
    small = np.logspace(-6, -2, 9)
    edges: list[float] = [1.0, 3.0, 6.0]
    for step in steps:
        numbers = [step.op.number or 0] if isinstance(step.op, ops.Binary) else []
        numbers += list(step.op.constants.values()) if isinstance(step.op, ops.Activation) else []
        numbers += [
            float(np.ravel(editor.raw(value))[0])
            for value in step.inputs
            if value is not None and editor.is_weight(value)
        ]
        edges += [abs(float(n)) for n in numbers if math.isfinite(n) and abs(n) < 5000]
    around = np.ravel([[e * 0.999, e, e * 1.001] for e in edges])
    positive = np.concatenate([far, small, around])
    return np.unique(np.concatenate([near, positive, -positive]))


def _computed(editor: Editor, source: str, steps: list[Node], points: Array) -> Array | None:
    """Run the steps on points; None where the result is no function of each point alone."""
    values: dict[str, Array] = {source: points}
    for step in steps:
        inputs = []
        for name in step.inputs:
            held = editor.numbers(name) if name is not None and editor.is_weight(name) else None
            inputs.append(held.reshape(()) if held is not None else values.get(name or ""))
        if any(name and array is None for name, array in zip(step.inputs, inputs, strict=True)):
            return None
        values[step.outputs[0]] = step.op.evaluate(*inputs)[0]
    result = values[steps[-1].outputs[0]]
    return result if result.shape == points.shape else None
