"""Steps that do another's work as well: the map between the two is never written.

A max pooling of 2x2 pixels, 2 apart, and the convolution that makes its input become one step,
where nobody else reads that map and the convolution's kernel can keep the largest of each 2x2
outputs itself; with images as lanes also where they were, for the gradient. It takes them before
its activation, which goes with pooling only if it never falls:

    max(f(a), f(b)) = f(max(a, b))

Backwards the gradient for the filters reads the gradient of what was kept, and where it was, in
place of a map that is 0 but there; where nobody else reads that, as of a network's first layer.

Behind a batch norm by numbers of the batch a max pooling normalises what it reads itself, and the
norm's gradient reads that of what was kept, where windows lie side by side.

The gradient of a first layer's norm for its input is read by that layer's filters' gradient alone,
which makes it as it goes from what the norm's gradient read; the norm's gives it numbers.
"""

from __future__ import annotations

from typing import Any

from .. import _core
from ._values import Map, Step, Storage

_RISING = frozenset({"none", "clamp", "sigmoid"})
_RISING_FROM_0 = frozenset({"leaky_relu", "elu"})  # with alpha from 0 on
# What a norm's gradient for its input is made by: told again to the step that makes it.
_GIVEN = (
    "mask", "low", "high", "added", "added_batch_stride", "gy_batch_stride", "pooled", "window",
)  # fmt: skip


def join_steps(steps: list[Step], target: str) -> None:
    """Join max poolings with convolutions and norms in front of them, whose kernels are chosen.

    And their gradients with those behind them, and norms' gradients with those of first layers.
    """
    touching: dict[Storage, list[Step]] = {}

    def touch(step: Step) -> None:
        for storage in {map_.storage: None for map_ in step.maps}:
            if step not in touching.setdefault(storage, []):
                touching[storage].append(step)

    def drop(gone: Step, other: Step) -> None:
        """Take a step away whose work another one does now."""
        steps.remove(gone)
        for storage in {map_.storage: None for map_ in gone.maps}:
            touching[storage].remove(gone)
        touch(other)

    def beside(step: Step, between: Map | None) -> Step | None:
        """The only other step that has to do with a map."""
        if between is None or between.storage.space != "arena":
            return None
        others = [other for other in touching[between.storage] if other is not step]
        return others[0] if len(others) == 1 else None

    for step in steps:
        touch(step)
    for step in list(steps):
        if step.kind == "pool":
            made = beside(step, step.inputs[0])
            if made and _take(made, step, target):
                drop(step, made)
            elif made and _normalise(made, step, target):
                drop(made, step)
        elif step.kind == "pool_gradient":
            reader = beside(step, step.outputs[0])
            if reader and (_spread(reader, step, target) or _spread_norm(reader, step, target)):
                drop(step, reader)
        elif step.kind == "batch_norm" and step.attributes["mode"] == "gradient":
            reader = beside(step, step.outputs[0])
            if reader and _leave_input(step, reader, target):
                touch(step)
                touch(reader)


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
    _tell(conv, [conv, pool], "keeps the largest of 2x2 outputs")
    return True


def _normalise(norm: Step, pool: Step, target: str) -> bool:
    """Make a pooling normalise what it reads; False where it cannot."""
    told = norm.attributes
    if norm.kind != "batch_norm" or told["mode"] != "normalise" or len(pool.outputs) < 2:
        return False
    if told["residual"] or told.get("activation", "none") != "none":
        return False
    own = {name: told[name] for name in ("x_batch_stride", "eps", "weight", "bias")}
    both = {**pool.attributes, **own, "norm": True}
    if pool.kernel not in _core.candidates(target, "pool", both):
        return False
    pool.attributes, pool.inputs = both, norm.inputs[:5]
    _tell(pool, [norm, pool], "normalises what it reads")
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
    _tell(weight, [pool, weight], "of the largest of 2x2 outputs")
    return True


def _spread_norm(norm: Step, pool: Step, target: str) -> bool:
    """Make a batch norm's gradient read that of what was pooled; False where it cannot."""
    told, window = norm.attributes, pool.attributes
    if norm.kind != "batch_norm" or told["mode"] != "gradient" or not window.get("places"):
        return False
    if norm.inputs[0] != pool.outputs[0] or not _side_by_side(window):
        return False
    if told.get("added") or told.get("residual") or told.get("mask") == "output":
        return False
    gy, places = pool.inputs
    assert gy is not None
    both = {
        **told, "pooled": True, "in": window["in"], "window": window["kernel"],
        "gy_batch_stride": gy.batch_stride,
    }  # fmt: skip
    if norm.kernel not in _core.candidates(target, "batch_norm", both):
        return False
    norm.attributes, norm.inputs = both, [gy, *norm.inputs[1:6], None, places]
    _tell(norm, [pool, norm], "of the largest number of each window")
    return True


def _leave_input(norm: Step, weight: Step, target: str) -> bool:
    """Let a gradient for filters make that of a norm, which it reads; False where it cannot."""
    told, gx = norm.attributes, norm.outputs[0]
    if weight.kind != "conv_weight_gradient" or weight.inputs[1] != gx:
        return False
    if not told["training"] or told["residual"] or told.get("mask") == "output":
        return False
    gy, x, *_, beside = norm.inputs
    assert gx is not None
    assert x is not None
    given = {name: told[name] for name in _GIVEN if name in told}
    both = {**weight.attributes, **given, "norm": True, "norm_batch_stride": x.batch_stride}
    if weight.kernel not in _core.candidates(target, weight.kind, both):
        return False
    norm.attributes = {**told, "input": False, "numbers": True}
    floats = _core.extents(target, norm.kind, norm.kernel, norm.attributes)[1][0]
    numbers = Map(Storage(f"{gx.storage.name}:numbers", floats), (floats,))
    norm.outputs = [numbers, *norm.outputs[1:]]
    norm.notes = [*norm.notes, "of its input's gradient the numbers alone"]
    weight.attributes, weight.inputs = both, [weight.inputs[0], gy, x, numbers, beside]
    weight.notes = [*weight.notes, "makes the norm's gradient as it goes"]
    return True


def _tell(step: Step, both: list[Step], note: str) -> None:
    """Let a step tell that it does two's work."""
    step.nodes = [node for each in both for node in each.nodes]
    step.notes = [*(told for each in both for told in each.notes), note]
    step.macs = sum(each.macs for each in both)


def _side_by_side(window: dict[str, Any]) -> bool:
    """Whether a max pooling's windows neither overlap nor leave pixels between them out."""
    if window["mode"] != "max" or window.get("adaptive"):
        return False
    if window["dilation"] != [1, 1, 1] or window["padding"] != [0, 0, 0]:
        return False
    sizes = zip(window["in"], window["kernel"], window["out"], strict=True)
    return window["kernel"] == window["stride"] and all(n // k == m for n, k, m in sizes)


def _pairs(window: dict[str, Any]) -> bool:
    """Whether a pooling takes the largest of 2x2 pixels, 2 apart, and leaves the rest out."""
    return _side_by_side(window) and window["kernel"] == [1, 2, 2]


def _rises(activation: dict[str, Any]) -> bool:
    name, alpha = activation.get("activation", "none"), activation.get("alpha", 0.0)
    if name == "tanh":
        return bool(alpha * activation["beta"] >= 0)
    return name in _RISING or (name in _RISING_FROM_0 and alpha >= 0)
