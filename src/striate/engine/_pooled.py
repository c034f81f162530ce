"""Max pooling by the convolution in front of it: the map between the two is never written.

A max pooling of 2x2 pixels, 2 apart, and the convolution that makes its input become one step,
where nobody else reads that map and the convolution's kernel can keep the largest of each 2x2
outputs itself; with images as lanes also where they were, for the gradient. It takes them before
its activation, which goes with pooling only if it never falls:

    max(f(a), f(b)) = f(max(a, b))

Backwards the gradient for the filters reads the gradient of what was kept, and where it was, in
place of a map that is 0 but there; where nobody else reads that, as of a network's first layer.
"""

from __future__ import annotations

from typing import Any

from .. import _core
from ._values import Map, Step, Storage

_RISING = frozenset({"none", "clamp", "sigmoid"})
_RISING_FROM_0 = frozenset({"leaky_relu", "elu"})  # with alpha from 0 on


def pool_in_convolutions(steps: list[Step], target: str) -> None:
    """Let convolutions, whose kernels are chosen, take over the poolings behind them.

    And gradients for filters those in front of them.
    """
    touching: dict[Storage, list[Step]] = {}
    for step in steps:
        for storage in {map_.storage: None for map_ in step.maps}:
            touching.setdefault(storage, []).append(step)

    def beside(step: Step, between: Map | None) -> Step | None:
        """The only other step that has to do with a map."""
        if between is None or between.storage.space != "arena":
            return None
        others = [other for other in touching[between.storage] if other is not step]
        return others[0] if len(others) == 1 else None

    for step in list(steps):
        if step.kind == "pool":
            made = beside(step, step.inputs[0])
            taken = made is not None and _take(made, step, target)
        elif step.kind == "pool_gradient":
            reader = beside(step, step.outputs[0])
            taken = reader is not None and _spread(reader, step, target)
        else:
            continue
        if taken:
            steps.remove(step)


def _take(conv: Step, pool: Step, target: str) -> bool:
    """Make a convolution pool as well; False where it cannot."""
    told, window = conv.attributes, pool.attributes
    images = conv.kind == "image_conv"
    if not images and (conv.kind != "conv" or told.get("residual") or "out_full" in told):
        return False
    if not _pairs(window) or told["out"] != window["in"][-len(told["out"]) :]:
        return False
    (y, *places) = pool.outputs
    assert y is not None
    if (places and not images) or (images and y.batch_stride != y.image_floats):
        return False
    names = ("activation", "alpha", "beta")
    mine, theirs = ({k: a[k] for k in names if k in a} for a in (told, window))
    if (theirs and mine) or not _rises(mine):
        return False
    where = {"places": bool(places)} if images else {"y_batch_stride": y.batch_stride}
    both: dict[str, Any] = {**told, **theirs, "pool": True, **where}
    if conv.kernel not in _core.candidates(target, conv.kind, both):
        return False
    conv.attributes, conv.outputs = both, pool.outputs
    conv.nodes = [*conv.nodes, *pool.nodes]
    conv.notes = [*conv.notes, *pool.notes, "keeps the largest of 2x2 outputs"]
    conv.macs += pool.macs
    return True


def _spread(weight: Step, pool: Step, target: str) -> bool:
    """Make a gradient for filters read that of what was pooled; False where it cannot."""
    window = pool.attributes
    if weight.kind != "image_conv_weight_gradient" or not window.get("places"):
        return False
    if weight.inputs[1] != pool.outputs[0]:
        return False
    gy, places = pool.inputs
    assert gy is not None
    if not _pairs(window) or gy.batch_stride != gy.image_floats:
        return False
    both = {**weight.attributes, "pool": True}
    if weight.kernel not in _core.candidates(target, weight.kind, both):
        return False
    weight.attributes, weight.inputs = both, [weight.inputs[0], gy, places]
    weight.nodes = [*pool.nodes, *weight.nodes]
    weight.notes = [*pool.notes, *weight.notes, "of the largest of 2x2 outputs"]
    weight.macs += pool.macs
    return True


def _pairs(window: dict[str, Any]) -> bool:
    """Whether a pooling takes the largest of 2x2 pixels, 2 apart, and leaves the rest out."""
    if window["mode"] != "max" or window.get("adaptive"):
        return False
    depth, height, width = window["in"]
    wanted = {
        "kernel": [1, 2, 2],
        "stride": [1, 2, 2],
        "dilation": [1, 1, 1],
        "padding": [0, 0, 0],
        "out": [depth, height // 2, width // 2],
    }
    return all(window[name] == numbers for name, numbers in wanted.items())


def _rises(activation: dict[str, Any]) -> bool:
    name, alpha = activation.get("activation", "none"), activation.get("alpha", 0.0)
    if name == "tanh":
        return bool(alpha * activation["beta"] >= 0)
    return name in _RISING or (name in _RISING_FROM_0 and alpha >= 0)
