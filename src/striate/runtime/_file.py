r"""A plan in a file: a header, the recipe as JSON, and the packed weights, ready to be mapped.

    bytes 0..7     b"STRIATE\0"
          8..11    version
          12..15   0
          16..23   bytes of the JSON, which starts at 96
          24..31   where the weights start, a multiple of 4096
          32..39   bytes of the weights
          40..47   checksum of the weights (csrc/engine/checksum.hpp)
          48..63   0
          64..95   SHA-256 of bytes 0..63 and the JSON

All numbers are little-endian. The weights are not copied: pages that nobody reads stay on the disk.
"""

from __future__ import annotations

import hashlib
import json
import mmap
import os
import struct
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from .. import _core
from .._files import reading, writing
from ..errors import OptionError, PlanError
from ._plan import Plan
from ._recipe import Array, Recipe

MAGIC = b"STRIATE\0"
VERSION = 1

_HEAD = struct.Struct("<8sIIQQQQ16x")
_JSON_START = 96
_PAGE = 4096
_MOST_JSON_BYTES = 256 << 20


def save(path: Path, recipe: Recipe, weights: Array) -> None:
    """Write the file under another name, then give it its own: whole or not at all."""
    text = json.dumps(recipe.as_json(), separators=(",", ":")).encode()
    start = -(-(_JSON_START + len(text)) // _PAGE) * _PAGE
    head = _HEAD.pack(MAGIC, VERSION, 0, len(text), start, weights.nbytes, _core.checksum(weights))
    with writing(path, PlanError) as file:
        file.write(head + hashlib.sha256(head + text).digest() + text)
        file.write(b"\0" * (start - _JSON_START - len(text)))
        file.write(weights.view(np.uint8).data)


def load(path: str | Path, *, threads: int | None = None) -> Plan:
    """Read a plan that `Plan.save` wrote. It needs NumPy alone: no torch, no onnx.

    Args:
        path: The file. It must not change while the plan is in use: the weights stay in it.
        threads: Threads to run on, at most those it was compiled for; None takes these.
    Raises:
        PlanError: It is no plan, is damaged, of another version, or for other processors.
        OptionError: More threads are asked for than it was compiled for.
    Example:
        >>> import striate
        >>> from tempfile import TemporaryDirectory
        >>> plan = striate.compile(striate.zoo.create("lenet5"), (1, 1, 32, 32))
        >>> with TemporaryDirectory() as folder:
        ...     plan.save(f"{folder}/lenet5.striate")
        ...     striate.runtime.load(f"{folder}/lenet5.striate").output_shapes
        ((1, 10),)
    """
    path = Path(path)
    with reading(path, PlanError, "plan", "Plan.save"):
        recipe, weights = _read(path)
    if threads is not None:
        recipe = replace(recipe, threads=_fewer(threads, recipe))
    with reading(path, PlanError, "plan", "Plan.save"):
        return Plan(recipe, weights)


def _fewer(threads: int, recipe: Recipe) -> int:
    if not isinstance(threads, int) or not 1 <= threads <= recipe.threads:
        raise OptionError(
            f"threads={threads!r} must be from 1 to {recipe.threads}, for which the plan's memory "
            f"was laid out. Compile it for more."
        )
    return threads


def _read(path: Path) -> tuple[Recipe, Array]:
    with path.open("rb") as file:
        head = file.read(_HEAD.size)
        if head[:2] == b"PK":
            raise PlanError("it is a graph that Graph.save wrote: striate.compile makes a plan.")
        if len(head) < _HEAD.size or head[:8] != MAGIC:
            raise PlanError("it is no plan. striate.compile(...).save(path) writes one.")
        _, version, _, size, start, weight_bytes, checksum = _HEAD.unpack(head)
        if version != VERSION:
            raise PlanError(
                f"its version is {version}; this Striate reads version {VERSION}. Install the "
                f"Striate that wrote it, or compile the network again."
            )
        if size > _MOST_JSON_BYTES:
            raise PlanError("its recipe is absurdly large: the file is damaged.")
        digest, text = file.read(32), file.read(size)
        if len(text) < size or hashlib.sha256(head + text).digest() != digest:
            raise PlanError("its checksum is wrong: the file is damaged or cut short.")
        if start < _JSON_START + size:
            raise PlanError("its weights start before its recipe ends: the file is damaged.")
        weights = _mapped(file.fileno(), start, weight_bytes)
    if _core.checksum(weights) != checksum:
        raise PlanError("the checksum of its weights is wrong: the file is damaged.")
    return Recipe.from_json(json.loads(text)), weights


def _mapped(handle: int, start: int, weight_bytes: int) -> Any:
    file_bytes = os.fstat(handle).st_size
    if start % _PAGE or weight_bytes % 64 or start + weight_bytes != file_bytes:
        raise PlanError(
            f"it holds {file_bytes:,} bytes where {start + weight_bytes:,} are told: it is cut "
            f"short or damaged."
        )
    memory = mmap.mmap(handle, file_bytes, access=mmap.ACCESS_READ)
    return np.frombuffer(memory, np.float32, weight_bytes // 4, start)
