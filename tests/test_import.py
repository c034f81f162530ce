"""`import striate` is light, and its public names are those pinned here."""

from __future__ import annotations

import subprocess
import sys

import striate

PUBLIC = {
    "DataError",
    "Graph",
    "GraphError",
    "MissingExtraError",
    "OptionError",
    "PlanError",
    "RunError",
    "ShapeError",
    "StriateError",
    "Window",
    "calc",
    "capture",
    "compile",
    "convolve",
    "correlate",
    "data",
    "engine",
    "errors",
    "filters",
    "functional",
    "get_num_threads",
    "graph",
    "inspect",
    "inspection",
    "look",
    "load_onnx",
    "nn",
    "runtime",
    "set_num_threads",
    "signal",
    "train",
    "window",
    "zoo",
}

# What __init__.py imports for itself.
IMPORTED = {"Any", "TYPE_CHECKING", "annotations", "import_module"}

HEAVY = {"torch", "sklearn", "matplotlib", "PIL", "pooch", "jinja2", "scipy"}
HEAVY |= {"numpy", "typer", "rich", "tensorboard", "safetensors"}


def words_of(code: str) -> set[str]:
    """Run code in a process of its own and split what it prints."""
    result = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    return set(result.stdout.split())


def modules_after(statement: str) -> set[str]:
    return words_of(f"import sys; {statement}; print(*sys.modules)")


def test_import_loads_nothing_heavy() -> None:
    loaded = modules_after("import striate")
    assert "striate.window" in loaded
    assert not loaded & HEAVY
    assert "striate._core" not in loaded


def test_windows_and_threads_need_no_torch() -> None:
    loaded = modules_after(
        "import striate; striate.Window(3).explain(7); striate.set_num_threads(1)"
    )
    assert "striate._core" in loaded
    assert not loaded & HEAVY


def test_public_names_are_pinned() -> None:
    # In a process of its own: modules that other tests imported show up as attributes here.
    code = "import striate; print(*(name for name in dir(striate) if name[0] != '_'))"
    assert words_of(code) - IMPORTED == PUBLIC


def test_every_public_name_can_be_reached() -> None:
    for name in PUBLIC:
        assert getattr(striate, name) is not None


def test_graph_files_are_inspected_without_torch() -> None:
    loaded = modules_after(
        "from striate.graph import Graph, Node, TensorType, ops; from striate import inspect; "
        "relu = Node('r', ops.Activation('relu'), ('x',), ('r',)); "
        "inspect(Graph('g', {'x': TensorType((1, 2))}, (relu,), ('r',), {})).to_text()"
    )
    assert "striate.inspection" in loaded
    assert "torch" not in loaded
