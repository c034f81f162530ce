"""Max pooling by the convolution in front of it: the map between the two is never written.

A max pooling of 2x2 pixels, 2 apart, and the convolution that makes its input become one step,
where nobody else reads that map and the convolution's kernel can keep the largest of each 2x2
outputs itself. It takes them before its activation, which goes with pooling only if it never falls:

    max(f(a), f(b)) = f(max(a, b))
"""

from __future__ import annotations

from typing import Any

from .. import _core
from ._values import Step, Storage

_RISING = frozenset({"none", "clamp", "sigmoid"})
_RISING_FROM_0 = frozenset({"leaky_relu", "elu"})  # with alpha from 0 on


def pool_in_convolutions(steps: list[Step], target: str) -> None:
    """Let convolutions, whose kernels are chosen, take over the poolings behind them."""
    touching: dict[Storage, list[Step]] = {}
    for step in steps:
        for storage in {map_.storage: None for map_ in step.maps}:
            touching.setdefault(storage, []).append(step)
    for step in list(steps):
        if step.kind != "pool":
            continue
        (x, *_) = step.inputs
        made, *others = touching[x.storage] if x else []
        if x and x.storage.space == "arena" and others == [step] and _take(made, step, target):
            steps.remove(step)


def _take(conv: Step, pool: Step, target: str) -> bool:
    """Make a convolution pool as well; False where it cannot."""
    told, window = conv.attributes, pool.attributes
    if conv.kind != "conv" or told.get("residual") or "out_full" in told or not _pairs(window):
        return False
    if told["out"] != window["in"]:
        return False
    names = ("activation", "alpha", "beta")
    mine, theirs = ({k: a[k] for k in names if k in a} for a in (told, window))
    if (theirs and mine) or not _rises(mine):
        return False
    both: dict[str, Any] = {
        **told, **theirs, "pool": True, "y_batch_stride": window["y_batch_stride"],
    }  # fmt: skip
    if conv.kernel not in _core.candidates(target, "conv", both):
        return False
    conv.attributes, conv.outputs = both, pool.outputs
    conv.nodes = [*conv.nodes, *pool.nodes]
    conv.notes = [*conv.notes, *pool.notes, "keeps the largest of 2x2 outputs"]
    conv.macs += pool.macs
    return True


def _pairs(window: dict[str, Any]) -> bool:
    """Whether a pooling takes the largest of 2x2 pixels, 2 apart, and leaves the rest out."""
    if window["mode"] != "max" or window.get("adaptive") or window.get("places"):
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
