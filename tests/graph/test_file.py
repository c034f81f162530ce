"""Graphs in files: all that goes in comes out, and nothing that is damaged or hostile gets in."""

from __future__ import annotations

import errno
import io
import json
import os
import pickle
import zipfile
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from striate import Window
from striate.errors import GraphError
from striate.graph import OPERATIONS, Graph, Node, Size, TensorType, Weight
from striate.graph.ops import (
    Activation,
    AdaptivePool,
    Attention,
    Binary,
    Conv,
    ConvTranspose,
    Fill,
    Flatten,
    Linear,
    MaxPool,
    Opaque,
    Pad,
    Reshape,
    Resize,
)

HALF = Size.of("x", 2) // 2
FIELDS = [
    Conv((Window(3, padding="same", stride=2), Window(5, dilation=2, padding=(1, 2))), groups=2),
    Conv((Window(5),), table=((0, 1), (2,))),
    ConvTranspose((Window(4, 2, padding=1),), (1,)),
    MaxPool(
        (Window(3, 2, ceil_mode=True), Window(2, padding="same_lower", stride=2)), indices=True
    ),
    MaxPool((Window(2, stride=Fraction(1, 2), padding=(Fraction(1, 2), 1)),)),
    AdaptivePool((None, 7), "max"),
    Activation("clip", (0.0, float("inf"))),
    Activation("clip", (float("-inf"), float("nan"))),
    Attention(scale=None, causal=True),
    Reshape((Size.of("x", 0), -1, Size.apply("max", HALF - 1, 3))),  # type: ignore[arg-type]
    Pad(((0, 0), (HALF, Size.of("x", 3) * Fraction(1, 2))), "reflect", -1.5),  # type: ignore[arg-type]
    Resize(None, (2.0, 0.1), "cubic", "align_corners", use_scale=True),
    Binary("mul", 3),
    Binary("mul", 3.0, reverse=True),
    Fill((2, HALF), HALF, "bool"),  # type: ignore[arg-type]
    Opaque("fft", (((1, HALF), "float32"), None), "why not"),  # type: ignore[arg-type]
]


def small() -> Graph:
    """One linear layer with weights of three dtypes, one of which nobody reads."""
    weights = [
        Weight("fc.weight", TensorType((2, 3)), np.arange(6, dtype=np.float32).reshape(2, 3)),
        Weight("fc.bias", TensorType((2,), "bfloat16"), torch.tensor([0.5, -3e38]).bfloat16(),
               trainable=False),
        Weight("steps", TensorType((), "int64"), np.array(7), "buffer", False),
    ]  # fmt: skip
    nodes = (
        Node("flat", Flatten(), ("x",), ("flat",)),
        Node(
            "fc", Linear(), ("flat", "fc.weight", "fc.bias"), ("y",), "fc", "Linear", inplace=True
        ),
        Node("add", Binary("add"), ("y", None), ("z",)),
    )
    inputs = {"x": TensorType((1, 3, 1)), "mask": TensorType((4,), "bool")}
    return Graph("Small", inputs, nodes, ("z", "y"), {w.name: w for w in weights}, training=True)


@pytest.fixture
def saved(tmp_path: Path) -> Path:
    small().save(tmp_path / "small.striate")
    return tmp_path / "small.striate"


def rewrite(path: Path, change: Callable[[dict[str, bytes]], None]) -> None:
    """Unpack the file, let `change` at its entries, and pack it again."""
    with zipfile.ZipFile(path) as archive:
        entries = {name: archive.read(name) for name in archive.namelist()}
    change(entries)
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in entries.items():
            archive.writestr(name, content)


def edit(path: Path, change: Callable[[dict[str, Any]], Any]) -> None:
    """Change the graph's JSON."""

    def entries(found: dict[str, bytes]) -> None:
        content = json.loads(found["graph.json"])
        change(content)
        found["graph.json"] = json.dumps(content).encode()

    rewrite(path, entries)


# What goes in comes out ---------------------------------------------------------------------------


def test_a_graph_comes_back(saved: Path) -> None:
    graph, loaded = small(), Graph.load(saved)
    for name in ("name", "inputs", "nodes", "outputs", "training", "types"):
        assert getattr(loaded, name) == getattr(graph, name)
    assert list(loaded.weights) == list(graph.weights)
    for name, weight in graph.weights.items():
        other = loaded.weights[name]
        assert (other.type, other.role, other.trainable) == (
            weight.type, weight.role, weight.trainable,
        )  # fmt: skip
        assert np.array_equal(other.numpy(), weight.numpy())
    x = np.array([[[1.0], [2], [3]]])
    mine, theirs = graph.run(x, np.zeros(4, bool)), loaded.run(x, np.zeros(4, bool))
    assert all(map(np.array_equal, mine, theirs))


@pytest.mark.parametrize("op", FIELDS, ids=lambda op: op.kind)
def test_every_kind_of_field_comes_back(op: Any, tmp_path: Path) -> None:
    from striate.graph import _file

    told = json.loads(json.dumps(_file.operation_as_json(op), allow_nan=False))
    assert repr(_file.operation_from_json(told)) == repr(op)
    numbers = [getattr(_file.operation_from_json(told), name) for name in told if name == "number"]
    assert [type(n) for n in numbers] == [type(op.number) for _ in numbers]


def test_the_file_is_the_same_each_time(saved: Path) -> None:
    first = saved.read_bytes()
    Graph.load(saved).save(saved)
    with zipfile.ZipFile(io.BytesIO(first)) as before, zipfile.ZipFile(saved) as after:
        assert before.namelist() == after.namelist()
        assert all(before.read(name) == after.read(name) for name in before.namelist())


def test_a_bfloat16_weight_takes_two_bytes(saved: Path) -> None:
    with zipfile.ZipFile(saved) as archive:
        stored = np.load(io.BytesIO(archive.read("weights/1.npy")))
    assert stored.dtype == np.uint16
    assert stored.tolist() == [0x3F00, 0xFF62]


def test_weights_that_do_not_lie_in_a_row(tmp_path: Path) -> None:
    numbers = np.arange(24, dtype=np.float32).reshape(2, 3, 4).transpose(2, 0, 1)[:, ::-1]
    weight = Weight("w", TensorType(numbers.shape), numbers)
    Graph("Net", {"x": TensorType((1,))}, (), ("x",), {"w": weight}).save(tmp_path / "w.striate")
    assert np.array_equal(Graph.load(tmp_path / "w.striate").weights["w"].numpy(), numbers)


def test_a_new_folder_is_made(tmp_path: Path) -> None:
    small().save(tmp_path / "new" / "deep.striate")
    assert [p.name for p in (tmp_path / "new").iterdir()] == ["deep.striate"]


def test_a_file_has_the_usual_permissions(saved: Path) -> None:
    plain = saved.with_name("plain")
    plain.touch()
    assert saved.stat().st_mode == plain.stat().st_mode


# What is damaged is refused -----------------------------------------------------------------------


@pytest.mark.parametrize("share", [0.0, 0.1, 0.5, 0.9, 0.999])
def test_a_file_cut_short(saved: Path, share: float) -> None:
    content = saved.read_bytes()
    saved.write_bytes(content[: int(share * len(content))])
    with pytest.raises(GraphError, match="is no graph file, or it is damaged"):
        Graph.load(saved)


def test_flipped_bytes_are_noticed(saved: Path) -> None:
    content = bytearray(saved.read_bytes())
    content[content.index(b"fc.weight")] ^= 1
    saved.write_bytes(content)
    with pytest.raises(GraphError, match="damaged"):
        Graph.load(saved)


def test_no_file_and_no_zip(tmp_path: Path) -> None:
    with pytest.raises(GraphError, match="cannot be read: No such file"):
        Graph.load(tmp_path / "absent.striate")
    with pytest.raises(GraphError, match="cannot be read"):
        Graph.load(tmp_path)
    (tmp_path / "text").write_text("not a zip")
    with pytest.raises(GraphError, match="is no graph file"):
        Graph.load(tmp_path / "text")


class Explosive:
    """Runs code when it is unpickled."""

    def __reduce__(self) -> Any:
        return os._exit, (13,)


def test_pickled_arrays_are_refused(saved: Path) -> None:
    stream = io.BytesIO()
    array = np.empty(1, dtype=object)
    array[0] = Explosive()
    np.lib.format.write_array(stream, array, allow_pickle=True)
    rewrite(saved, lambda entries: entries.update({"weights/0.npy": stream.getvalue()}))
    with pytest.raises(GraphError, match=r"damaged .*allow_pickle=False"):
        Graph.load(saved)
    rewrite(saved, lambda entries: entries.update({"weights/0.npy": pickle.dumps(Explosive())}))
    with pytest.raises(GraphError, match="damaged"):
        Graph.load(saved)


def npy(array: Any) -> bytes:
    stream = io.BytesIO()
    np.save(stream, array)
    return stream.getvalue()


@pytest.mark.parametrize(
    ("array", "words"),
    [
        (np.zeros((2, 3)), r"'fc.weight' is float64 \(2, 3\); the graph says float32 \(2, 3\)"),
        (np.zeros((3, 2), np.float32), r"is float32 \(3, 2\); the graph says float32 \(2, 3\)"),
        (np.zeros((2, 3), ">f4"), "the graph says float32"),
    ],
)
def test_a_weight_that_is_not_as_told(saved: Path, array: Any, words: str) -> None:
    rewrite(saved, lambda entries: entries.update({"weights/0.npy": npy(array)}))
    with pytest.raises(GraphError, match=words):
        Graph.load(saved)


def test_a_weight_that_claims_more_than_there_is(saved: Path) -> None:
    header = npy(np.zeros((2, 3), np.float32))
    huge = header.replace(b"(2, 3), }        ", b"(1 << 60, 3), }  "[:17])
    huge = huge.replace(b"(1 << 60, 3), }  ", b"(99999999999, 3),")
    rewrite(saved, lambda entries: entries.update({"weights/0.npy": huge}))
    with pytest.raises(GraphError, match="damaged"):
        Graph.load(saved)


@pytest.mark.parametrize("entry", ["graph.json", "weights/0.npy", "weights/2.npy"])
def test_an_entry_is_missing(saved: Path, entry: str) -> None:
    rewrite(saved, lambda entries: entries.pop(entry) and None)
    with pytest.raises(GraphError, match=f"damaged .*{entry}"):
        Graph.load(saved)


def node(content: dict[str, Any], **changes: Any) -> None:
    content["nodes"][1].update(changes)


HOSTILE: dict[str, tuple[Callable[[dict[str, Any]], Any], str]] = {
    "version": (lambda c: c.update(version=99), "its version is 99; this Striate reads version 1"),
    "no version": (lambda c: c.pop("version"), "is no graph"),
    "no nodes": (lambda c: c.pop("nodes"), "damaged .*nodes"),
    "dtype": (lambda c: c["inputs"].update(x=[[1, 3, 1], "float31"]), "dtype 'float31'"),
    "weight dtype": (lambda c: c["weights"][0].update(dtype="object"), "the graph says object"),
    "kind": (lambda c: node(c, op={"kind": "system"}), "operation 'system' is not known"),
    "field": (lambda c: node(c, op={"kind": "linear", "run": 1}), "damaged .*run"),
    "value": (lambda c: node(c, inputs=["nowhere", "fc.weight", None]), "damaged .*nowhere"),
    "order": (lambda c: c["nodes"].reverse(), "damaged"),
    "window": (
        lambda c: node(c, op={"kind": "max_pool", "windows": [
            {"window": [0, 1, 1, [0, 0]], "ceil_mode": False}]}),
        "size=0 must be 1 or more",
    ),
    "size operator": (
        lambda c: node(c, op={"kind": "reshape", "shape": [{"size": ["exec", "1"]}]}), "damaged"),
    "division by zero": (
        lambda c: node(c, op={"kind": "reshape", "shape": [
            {"size": ["//", {"size": ["shape", "x", 0]}, 0]}]}),
        "damaged .*ZeroDivisionError",
    ),
    "misfit": (lambda c: c["inputs"].update(x=[[1, 4, 1], "float32"]), "4 features; the layer"),
    "list": (lambda c: c.update(nodes={"a": 1}), "damaged"),
}  # fmt: skip


@pytest.mark.parametrize(("change", "words"), HOSTILE.values(), ids=list(HOSTILE))
def test_json_that_is_no_graph(saved: Path, change: Any, words: str) -> None:
    edit(saved, change)
    with pytest.raises(GraphError, match=words):
        Graph.load(saved)


@pytest.mark.parametrize("content", [b"", b"[]", b"3", b'"graph"', b"{", b"\xff", b"[" * 100_000])
def test_json_that_is_none(saved: Path, content: bytes) -> None:
    rewrite(saved, lambda entries: entries.update({"graph.json": content}))
    with pytest.raises(GraphError, match=r"damaged|is no graph"):
        Graph.load(saved)


def test_every_operation_is_found_by_its_kind() -> None:
    assert all(kind == operation.kind for kind, operation in OPERATIONS.items())


# Nothing half-written stays -----------------------------------------------------------------------


def test_a_full_disk_leaves_the_old_file(saved: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = saved.read_bytes()

    def full(*_: object, **__: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(np.lib.format, "write_array", full)
    with pytest.raises(GraphError, match="cannot be written: No space left on device"):
        small().save(saved)
    assert [p.name for p in saved.parent.iterdir()] == ["small.striate"]
    assert saved.read_bytes() == before


def test_an_interrupt_leaves_the_old_file(saved: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = saved.read_bytes()

    def interrupted(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(np.lib.format, "write_array", interrupted)
    with pytest.raises(KeyboardInterrupt):
        small().save(saved)
    assert [p.name for p in saved.parent.iterdir()] == ["small.striate"]
    assert saved.read_bytes() == before


def test_a_refusal_names_the_file_once(saved: Path) -> None:
    edit(saved, lambda content: content.update(version=99))
    with pytest.raises(GraphError) as refused:
        Graph.load(saved)
    assert str(refused.value).count(saved.name) == 1


def test_a_folder_that_is_a_file(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(GraphError, match="cannot be written"):
        small().save(tmp_path / "file" / "small.striate")
    (tmp_path / "folder").mkdir()
    with pytest.raises(GraphError, match="cannot be written"):
        small().save(tmp_path / "folder")
    assert sorted(p.name for p in tmp_path.iterdir()) == ["file", "folder"]


@pytest.mark.skipif(os.name != "posix" or os.geteuid() == 0, reason="root may write anywhere")
def test_a_folder_that_may_not_be_written(tmp_path: Path) -> None:
    tmp_path.chmod(0o555)
    try:
        with pytest.raises(GraphError, match="cannot be written: Permission denied"):
            small().save(tmp_path / "small.striate")
        assert list(tmp_path.iterdir()) == []
    finally:
        tmp_path.chmod(0o755)
