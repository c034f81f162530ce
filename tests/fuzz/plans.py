"""Plan files of random networks, damaged in one place each: an error or a run, never a crash."""

from __future__ import annotations

import copy
import json
import random
import tempfile
from pathlib import Path

import numpy as np

import striate
from striate import StriateError
from striate.runtime import load

from ..runtime.test_file import joined, mutate, places
from .check import TARGETS
from .nets import make_net

CHANGES = 20
_MOST_NUMBERS = 1 << 20  # of an input: a larger one may be right, and takes long


def check_plans(_: str, seed: int, index: int) -> int:
    """Change a plan's recipe in one place, with the right checksum, load and run it; 20 times.

    Returns:
        How many ran: some changes are harmless.
    Raises:
        Exception: Anything but a StriateError.
    """
    net, x, _rng = make_net(seed, index)
    target = TARGETS[index % len(TARGETS)]
    plan = striate.compile(net, tuple(x.shape), threads=2, isa=target)
    recipe = json.loads(json.dumps(plan._recipe.as_json()))
    weights = plan._runner.weights.tobytes()
    draw, everywhere, ran = random.Random(f"{seed} {index}"), list(places(recipe)), 0
    with tempfile.TemporaryDirectory() as folder:
        for _change in range(CHANGES):
            told = copy.deepcopy(recipe)
            *outer, last = draw.choice(everywhere)
            inner = told
            for key in outer:
                inner = inner[key]
            inner[last] = mutate(draw, inner[last])
            path = Path(folder) / "net.striate"
            path.write_bytes(joined(told, weights))
            try:
                loaded = load(path)
                if max(t.numel for t in loaded._recipe.inputs) > _MOST_NUMBERS:
                    continue
                loaded(*(np.zeros(t.shape, t.dtype) for t in loaded._recipe.inputs))
                loaded.explain()
                ran += 1
            except StriateError:
                pass
    return ran
