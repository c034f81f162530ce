"""A layer's maps of one input, in slices and averaged down; its histogram; the input itself."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from .._subject import Floats
from ._answers import Answer, Ask, Json, Numbers, Picture, RequestError
from ._pictures import input_picture
from ._session import Session

BINS = 64


def maps(session: Session, ask: Ask) -> Answer:
    """Channels first .. first + count of a layer, no side longer than `side`."""
    node = ask.node(session)
    value = session.run(ask.path["run"])[node.name]
    first, count = ask.number("first", 0), ask.number("count", 64)
    if value.ndim < 2:
        return Numbers(value.reshape(-1)[first:] if first else value.reshape(-1))
    chosen = value[first : first + count]
    if chosen.ndim > 3:
        chosen = _slice(chosen, ask)
    return Numbers(shrink(chosen, ask.number("side", 64)))


def _slice(volumes: Floats, ask: Ask) -> Floats:
    """One slice across the first axis behind the channels; of more axes, the middle ones."""
    depth = volumes.shape[1]
    at = ask.number("slice", depth // 2)
    if at >= depth:
        raise RequestError(f"There is no slice {at}; the volume has {depth}, from 0.")
    sliced: Floats = volumes[:, at]
    while sliced.ndim > 3:
        sliced = sliced[:, sliced.shape[1] // 2]
    return sliced


def shrink(maps: Floats, most: int) -> Floats:
    """Average maps (N, ...) over blocks, so that no side is longer than `most`; 0 keeps all.

    The last block of an axis may be smaller.

    Example:
        >>> shrink(np.array([[0.0, 2.0, 5.0]]), 2)
        array([[1., 5.]])
    """
    for axis in range(1, maps.ndim):
        n = maps.shape[axis]
        if most and n > most:
            starts = np.arange(0, n, math.ceil(n / most))
            lengths = np.diff(starts, append=n).astype(maps.dtype)
            column = [-1 if a == axis else 1 for a in range(maps.ndim)]
            maps = np.add.reduceat(maps, starts, axis) / lengths.reshape(column)
    return maps


def histogram(session: Session, ask: Ask) -> Answer:
    """How often a layer's values lie where, in 64 bins from the smallest to the largest."""
    node = ask.node(session)
    value = session.run(ask.path["run"])[node.name].ravel()
    known = value[np.isfinite(value)]
    counts, edges = np.histogram(known.astype(np.float64), bins=BINS)
    data = {
        "edges": edges,
        "counts": counts,
        "zeros": float((value == 0).mean()) if value.size else 0.0,
        "not_finite": int(value.size - known.size),
    }
    return Json(data)


def given(session: Session, ask: Ask) -> Answer:
    """The input as the network takes it."""
    return Numbers(session.run(ask.path["run"]).input[0])


def picture(session: Session, ask: Ask) -> Answer:
    """The input as a picture."""
    run = session.run(ask.path["run"])
    drawn = input_picture(run.subject, run.input)
    if drawn is None:
        raise RequestError("This input is no picture; its numbers are under `input`.")
    return Picture(drawn)


def statistics(value: Floats) -> dict[str, Any]:
    """What there is to say of one layer's maps."""
    flat = value.reshape(len(value), -1) if value.ndim else value.reshape(1, 1)
    if not flat.size:
        nothing = dict.fromkeys(("min", "max", "mean", "std"))
        return {**nothing, "limit": 0, "dead": 0, "order": [], "peak": []}
    lows, highs = flat.min(1), flat.max(1)
    magnitude = np.maximum(np.abs(lows), np.abs(highs))
    vector = flat.shape[1] == 1
    with np.errstate(invalid="ignore", over="ignore"):
        activity = magnitude if vector else np.abs(flat).mean(1, dtype=np.float64)
        mean, std = float(flat.mean(dtype=np.float64)), float(flat.std(dtype=np.float64))
    order = np.argsort(-np.nan_to_num(activity, nan=-1), kind="stable")[:64]
    peak = np.abs(np.nan_to_num(flat[order[0]])).argmax()  # of the most active map
    return {
        "min": float(lows.min()), "max": float(highs.max()), "mean": mean, "std": std,
        "limit": float(magnitude.max()),
        "dead": int((flat[:, 0] == 0).sum() if vector else (lows == highs).sum()),
        "order": order,
        "peak": [int(n) for n in np.unravel_index(peak, value.shape[1:])],
    }  # fmt: skip
