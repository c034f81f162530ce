"""Plans in files: whole or refused. Nothing that stands in one makes a kernel leave its memory."""

from __future__ import annotations

import copy
import errno
import hashlib
import json
import os
import random
import struct
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import striate
from striate import OptionError, PlanError, StriateError, _core
from striate.runtime import Plan, load

from ..engine.nets import NETS

HEAD = struct.Struct("<8sIIQQQQ16x")
JSON_START = 96
X = np.random.default_rng(0).standard_normal((2, 3, 6, 6)).astype(np.float32)


def compiled(name: str) -> Plan:
    torch.manual_seed(0)
    build, shape = NETS[name]
    return striate.compile(build().eval(), shape, threads=2)


@pytest.fixture(scope="module")
def content(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """A file with native steps, islands and constants of all kinds."""
    path = tmp_path_factory.mktemp("plans") / "net.striate"
    compiled("other types").save(path)
    return path.read_bytes()


@pytest.fixture
def saved(tmp_path: Path, content: bytes) -> Path:
    path = tmp_path / "net.striate"
    path.write_bytes(content)
    return path


def recipe_of(content: bytes) -> dict[str, Any]:
    size = HEAD.unpack_from(content)[3]
    recipe: dict[str, Any] = json.loads(content[JSON_START : JSON_START + size])
    return recipe


def weights_of(content: bytes) -> bytes:
    return content[HEAD.unpack_from(content)[4] :]


def joined(recipe: Any, weights: bytes, **head: int) -> bytes:
    """A file with right checksums, whatever it says."""
    text = recipe if isinstance(recipe, bytes) else json.dumps(recipe).encode()
    start = -(-(JSON_START + len(text)) // 4096) * 4096
    fields = {
        "version": 1,
        "reserved": 0,
        "size": len(text),
        "start": start,
        "bytes": len(weights),
        "checksum": _core.checksum(np.frombuffer(weights, np.float32)),
    }
    packed = HEAD.pack(b"STRIATE\0", *{**fields, **head}.values())
    digest = hashlib.sha256(packed + text).digest()
    return (packed + digest + text).ljust(start, b"\0") + weights


# --- what is whole comes back ---------------------------------------------------------------------


def test_a_file_gives_the_plan_back(saved: Path) -> None:
    plan, loaded = compiled("other types"), load(saved)
    assert repr(loaded) == repr(plan)
    assert (loaded.peak_bytes, loaded.weight_bytes) == (plan.peak_bytes, plan.weight_bytes)
    for ours, theirs in zip(loaded(X), plan(X), strict=True):
        assert ours.dtype == theirs.dtype
        np.testing.assert_array_equal(ours, theirs)


def test_a_file_is_written_alike_again(saved: Path, tmp_path: Path) -> None:
    load(saved).save(tmp_path / "again.striate")
    assert (tmp_path / "again.striate").read_bytes() == saved.read_bytes()


def test_what_joined_writes_is_read(saved: Path, content: bytes) -> None:
    saved.write_bytes(joined(recipe_of(content), weights_of(content)))
    assert load(saved)(X)[0].shape == (2, 3, 4, 4)


def test_weights_stay_in_the_file(saved: Path) -> None:
    weights = load(saved)._runner.weights
    assert not weights.flags.owndata
    assert not weights.flags.writeable
    assert weights.ctypes.data % 64 == 0


def test_outputs_that_are_constants_are_the_callers(saved: Path) -> None:
    plan = load(saved)
    first = [y.copy() for y in plan(X)]
    for y in plan(X):
        y[...] = 1
    for ours, theirs in zip(plan(X), first, strict=True):
        np.testing.assert_array_equal(ours, theirs)


def test_threads_are_as_many_or_fewer(saved: Path) -> None:
    assert load(saved, threads=1).threads == 1
    np.testing.assert_array_equal(load(saved, threads=1)(X)[0], load(saved)(X)[0])
    for wrong in (0, 3, -1, "2", 1.5):
        with pytest.raises(OptionError, match="must be from 1 to 2"):
            load(saved, threads=wrong)  # type: ignore[arg-type]


@pytest.mark.parametrize(("target", "lanes"), [("neon", 8), ("portable8", 16)])
def test_a_plan_of_another_processor_is_told(
    saved: Path, content: bytes, target: str, lanes: int
) -> None:
    recipe = recipe_of(content) | {"target": target, "lanes": lanes}
    match = f"was compiled for {target}; this machine runs .*portable8"
    refused(saved, joined(recipe, weights_of(content)), match)


# --- neither torch nor onnx -----------------------------------------------------------------------


def modules_after(code: str) -> set[str]:
    code += "\nimport sys; print(*sys.modules)"
    result = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    return set(result.stdout.split())


def test_importing_the_runtime_takes_numpy_alone() -> None:
    loaded = modules_after("import striate.runtime")
    assert "striate.runtime" in loaded
    assert not loaded & {"torch", "onnx", "striate.graph", "striate.engine", "PIL", "typer"}


def test_running_a_file_takes_neither_torch_nor_onnx(saved: Path, tmp_path: Path) -> None:
    run = "import numpy as np; from striate.runtime import load\n"
    run += "load({!r})(np.zeros({}, np.float32))"
    islands = modules_after(run.format(str(saved), (2, 3, 6, 6)))
    assert "striate.graph" in islands  # whose references the islands run
    assert not islands & {"torch", "onnx", "striate.engine"}
    compiled("residual").save(tmp_path / "native.striate")
    native = modules_after(run.format(str(tmp_path / "native.striate"), (2, 12, 9, 11)))
    assert not native & {"torch", "onnx", "striate.engine", "striate.graph"}


# --- what is none, or is damaged ------------------------------------------------------------------


def refused(path: Path, content: bytes, match: str = r"\S") -> None:
    path.write_bytes(content)
    with pytest.raises(PlanError, match=match) as caught:
        load(path)
    assert str(caught.value).startswith(str(path))


def test_a_file_cut_short_at_any_length(saved: Path, content: bytes) -> None:
    draw = random.Random(0)
    for length in {*range(0, 100, 3), *draw.sample(range(len(content)), 60), len(content) - 1}:
        refused(saved, content[:length])


def test_a_file_with_something_behind_it(saved: Path, content: bytes) -> None:
    refused(saved, content + b"\0", "cut short or damaged")


@pytest.mark.parametrize("position", range(JSON_START))
def test_every_byte_of_the_header_counts(saved: Path, content: bytes, position: int) -> None:
    changed = bytearray(content)
    changed[position] ^= 0x41
    refused(saved, bytes(changed))


def test_bytes_of_recipe_and_weights_count(saved: Path, content: bytes) -> None:
    draw = random.Random(0)
    start = HEAD.unpack_from(content)[4]
    size = HEAD.unpack_from(content)[3]
    for position in [
        *draw.sample(range(JSON_START, JSON_START + size), 20),
        *draw.sample(range(start, len(content)), 20),
    ]:
        changed = bytearray(content)
        changed[position] ^= 1 << draw.randrange(8)
        refused(saved, bytes(changed), "checksum")


@pytest.mark.parametrize(
    ("field", "value", "match"),
    [
        ("version", 0, "its version is 0; this Striate reads version 1"),
        ("version", 2, "its version is 2"),
        ("size", 0, "damaged"),
        ("size", 1 << 40, "absurdly large"),
        ("size", (1 << 64) - 1, "absurdly large"),
        ("start", 0, "before its recipe ends"),
        ("start", 1 << 40, "cut short"),
        ("start", (1 << 64) - 4096, "cut short"),
        ("bytes", 0, "cut short"),
        ("bytes", 64, "cut short"),
        ("bytes", (1 << 64) - 64, "cut short"),
        ("checksum", 0, "checksum of its weights"),
    ],
)
def test_headers_that_lie(saved: Path, content: bytes, field: str, value: int, match: str) -> None:
    refused(saved, joined(recipe_of(content), weights_of(content), **{field: value}), match)


@pytest.mark.parametrize(
    "content", [b"", b"STRIATE", b"no plan at all" * 100, b"STRIATE\0" + bytes(500)]
)
def test_other_files_are_told(saved: Path, content: bytes) -> None:
    refused(saved, content)


def test_a_graphs_file_is_told(tmp_path: Path) -> None:
    path = tmp_path / "graph.striate"
    striate.capture(NETS["residual"][0](), (2, 12, 9, 11)).save(path)
    with pytest.raises(PlanError, match=r"is a graph that Graph\.save wrote"):
        load(path)


def test_files_that_cannot_be_opened(tmp_path: Path) -> None:
    for path in (tmp_path / "none.striate", tmp_path):
        with pytest.raises(PlanError, match="cannot be read"):
            load(path)


@pytest.mark.parametrize(
    "text", [b"", b"{", b"[]", b"3", b"null", b'"plan"', b"\xff", b"[" * 100_000, b"{}"]
)
def test_recipes_that_are_none(saved: Path, content: bytes, text: bytes) -> None:
    refused(saved, joined(text, weights_of(content)), "damaged")


# --- recipes that lie -----------------------------------------------------------------------------

Change = Callable[[dict[str, Any]], Any]


def first(recipe: dict[str, Any], kind: str) -> dict[str, Any]:
    step: dict[str, Any] = next(s for s in recipe["steps"] if s["kind"] == kind)
    return step


HOSTILE: dict[str, Change] = {
    "a key dropped": lambda r: r.pop("lanes"),
    "a step's key dropped": lambda r: r["steps"][0].pop("scratch"),
    "an unknown kernel": lambda r: r["steps"][0].update(kernel="nowhere"),
    "an unknown kind": lambda r: r["steps"][0].update(kind="nothing"),
    "a kernel of another kind": lambda r: r["steps"][0].update(kernel="blocked"),
    "an attribute dropped": lambda r: r["steps"][0]["attributes"].pop("in_channels"),
    "more channels": lambda r: r["steps"][0]["attributes"].update(out_channels=800),
    "an offset beyond the weights": lambda r: r["steps"][0].update(weights=[[2, 0, 1 << 20]]),
    "an offset off alignment": lambda r: r["steps"][0].update(weights=[[2, 0, 1]]),
    "a negative offset": lambda r: r["steps"][0].update(weights=[[2, 0, -16]]),
    "weights in the caller's output": lambda r: first(r, "layout").update(inputs=[[4, 1, 0]]),
    "no output": lambda r: r["steps"][0].update(outputs=[]),
    "an output in the weights": lambda r: r["steps"][0].update(outputs=[[2, 0, 0]]),
    "an output in the input": lambda r: r["steps"][0].update(outputs=[[3, 0, 0]]),
    "too many operands": lambda r: r["steps"][0].update(weights=[[2, 0, 0]] * 9),
    "an unknown space": lambda r: r["steps"][0].update(outputs=[[7, 0, 0]]),
    "maps off alignment": lambda r: first(r, "layout")["attributes"].update(batch_stride=129),
    "scratch outside": lambda r: r["steps"][0].update(scratch=1 << 30),
    "no arena": lambda r: r.update(arena_floats=0),
    "an arena beyond memory": lambda r: r.update(arena_floats=1 << 61),
    "no threads": lambda r: r.update(threads=0),
    "many threads": lambda r: r.update(threads=1 << 20),
    "half a thread": lambda r: r.update(threads=1.5),
    "other lanes": lambda r: r.update(lanes=3),
    "an input too small": lambda r: r["inputs"][0].update(shape=[2, 3, 6, 5]),
    "a negative input": lambda r: r["inputs"][0].update(shape=[-2, -3, 6, 6]),
    "an input of objects": lambda r: r["inputs"][0].update(dtype="object"),
    "an output too small": lambda r: r["outputs"][0].update(shape=[2, 3, 4, 3]),
    "another batch": lambda r: r.update(batched=True),
    "an island's op unknown": lambda r: first(r, "island")["op"].update(kind="system"),
    "an island's op absent": lambda r: first(r, "island").update(op=None),
    "an island outside": lambda r: first(r, "island")["inputs"][0].__setitem__(2, 1 << 30),
    "an island's memory unknown": lambda r: first(r, "island")["inputs"].__setitem__(0, [9, 0, 0]),
    "an island's output in the input": lambda r: first(r, "island").update(outputs=[[3, 0, 0]]),
    "an island's output of another shape": lambda r: first(r, "island")["types"][-1].__setitem__(
        0, [1, 1]
    ),
    "an island that reads what is not made": lambda r: first(r, "island")["inputs"].__setitem__(
        0, ["held", -1, "nobody"]
    ),
    "a constant of objects": lambda r: r["constants"]["index"].__setitem__(1, "object"),
    "a constant outside": lambda r: r["constants"]["index"].__setitem__(2, 1 << 40),
    "a constant too large": lambda r: r["constants"]["index"].__setitem__(0, [1 << 40]),
    "a negative constant": lambda r: r["constants"]["index"].__setitem__(0, [-1, -3]),
    "a constant that an output wants": lambda r: r["constants"].pop("mask"),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_recipes_are_refused(saved: Path, content: bytes, name: str) -> None:
    recipe = recipe_of(content)
    HOSTILE[name](recipe)
    refused(saved, joined(recipe, weights_of(content)))


def test_an_arena_for_which_there_is_no_memory(saved: Path, content: bytes) -> None:
    recipe = recipe_of(content)
    recipe["arena_floats"] = 1 << 40  # 4 TiB
    saved.write_bytes(joined(recipe, weights_of(content)))
    with pytest.raises(PlanError, match="there is no memory for an arena of 4,398,046,511,104"):
        load(saved)(X)


VALUES = (
    0, 1, -1, 7, 16, 31, 1 << 31, 1 << 40, 1 << 62, 1 << 63, 10**30, 0.5, float("nan"), 1e300, "",
    "conv", "held", "island", "float64", None, [], [3], {}, True,
)  # fmt: skip


def mutate(draw: random.Random, value: Any) -> Any:
    """Something near a value, or anything else."""
    if isinstance(value, dict) and value and draw.random() < 0.7:
        return {k: v for k, v in value.items() if k != draw.choice(list(value))}
    if isinstance(value, list) and value and draw.random() < 0.7:
        return draw.choice([value[:-1], value[::-1], value + value, [*value, None]])
    if isinstance(value, int) and draw.random() < 0.5:
        return draw.choice([value + 1, value - 1, 2 * value, -value, value + 16, 1000 * value])
    return draw.choice(VALUES)


def places(value: Any, place: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Every place in a recipe."""
    keys = value.keys() if isinstance(value, dict) else range(len(value))
    for key in keys if isinstance(value, dict | list) else ():
        yield (*place, key)
        yield from places(value[key], (*place, key)) if isinstance(value[key], dict | list) else ()


@pytest.mark.parametrize(
    "name", ["other types", "residual", "squeeze and excite", "volume", "pools", "norms", "signal"]
)
def test_no_recipe_makes_a_kernel_leave_its_memory(name: str, tmp_path: Path) -> None:
    plan = compiled(name)
    recipe = json.loads(json.dumps(plan._recipe.as_json()))
    weights = plan._runner.weights.tobytes()
    draw = random.Random(name)
    everywhere = list(places(recipe))
    path = tmp_path / "net.striate"
    ran = 0
    for _ in range(120):
        told = copy.deepcopy(recipe)
        *outer, last = draw.choice(everywhere)
        inner = told
        for key in outer:
            inner = inner[key]
        inner[last] = mutate(draw, inner[last])
        path.write_bytes(joined(told, weights))
        try:
            loaded = load(path)
            if max(t.numel for t in loaded._recipe.inputs) > 1 << 20:
                continue
            loaded(*(np.zeros(t.shape, t.dtype) for t in loaded._recipe.inputs))
            loaded.explain()
            ran += 1
        except StriateError:
            pass
    assert 10 < ran < 110  # some changes are harmless, most are not


# --- nothing half-written stays -------------------------------------------------------------------


@pytest.mark.parametrize("error", [OSError(errno.ENOSPC, "No space left on device"), None])
def test_a_save_that_ends_early_leaves_the_old_file(
    saved: Path, monkeypatch: pytest.MonkeyPatch, error: OSError | None
) -> None:
    before = saved.read_bytes()

    def fail(descriptor: int) -> None:
        raise error or KeyboardInterrupt

    plan = compiled("residual")
    monkeypatch.setattr(os, "fsync", fail)
    with pytest.raises(PlanError if error else KeyboardInterrupt) as caught:
        plan.save(saved)
    if error:
        assert str(caught.value) == f"{saved} cannot be written: No space left on device."
    assert [path.name for path in saved.parent.iterdir()] == ["net.striate"]
    assert saved.read_bytes() == before
