"""Other shapes, pieces, reductions and resizes of ONNX files, against ONNX Runtime."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from onnx import helper

from striate.errors import GraphError
from striate.graph import load_onnx

from .models import checked, draw, kinds, model, one, written


def ints(*values: int) -> np.ndarray[Any, Any]:
    return np.array(values, np.int64)


@pytest.mark.parametrize("shape", [(2, 12), (0, -1), (-1, 0), (0, 0, 2, 2), (24,)])
def test_reshape_copies_where_there_is_a_zero(shape: tuple[int, ...], tmp_path: Path) -> None:
    checked(one("Reshape", (2, 3, 4), ints(*shape)), tmp_path)


def test_a_copied_size_follows_the_input(tmp_path: Path) -> None:
    graph = checked(one("Reshape", (2, 3, 4), ints(0, -1)), tmp_path)
    assert graph.at((7, 3, 4)).types["node"].shape == (7, 12)


@pytest.mark.parametrize("axis", [0, 1, 2, 3, -1])
def test_flatten(axis: int, tmp_path: Path) -> None:
    graph = checked(one("Flatten", (2, 3, 4), axis=axis, opset=13), tmp_path)
    assert (kinds(graph) == ["flatten"]) == (axis == 1)
    graph.at((5, 1, 3))


@pytest.mark.parametrize("perm", [None, [1, 0, 2], [2, 0, 1]])
def test_transpose(perm: list[int] | None, tmp_path: Path) -> None:
    checked(one("Transpose", (2, 3, 4), **({"perm": perm} if perm else {})), tmp_path)


def test_axes_of_one_come_and_go(tmp_path: Path) -> None:
    checked(one("Squeeze", (2, 1, 4, 1), ints(1, -1)), tmp_path)
    checked(one("Squeeze", (2, 1, 4, 1), opset=7, axes=[3]), tmp_path)
    checked(one("Squeeze", (2, 1, 4, 1)), tmp_path)
    checked(one("Unsqueeze", (2, 4), ints(1, -1)), tmp_path)
    checked(one("Unsqueeze", (2, 4), opset=7, axes=[0, 3]), tmp_path)


def test_repeats(tmp_path: Path) -> None:
    checked(one("Expand", (3, 1), ints(2, 1, 4)), tmp_path)
    checked(one("Expand", (2, 3, 1), ints(3, 4)), tmp_path)
    checked(one("Tile", (2, 3), ints(2, 1)), tmp_path)


@pytest.mark.parametrize("mode", ["DCR", "CRD"])
def test_channels_to_pixels(mode: str, tmp_path: Path) -> None:
    checked(one("DepthToSpace", (2, 12, 3, 2), blocksize=2, mode=mode), tmp_path)


def test_pixels_to_channels(tmp_path: Path) -> None:
    checked(one("SpaceToDepth", (2, 3, 4, 6), blocksize=2), tmp_path)


# Pieces -----------------------------------------------------------------------------------------


def test_concat(tmp_path: Path) -> None:
    checked(one("Concat", (2, 3), (2, 1), draw(2, 2), axis=-1), tmp_path)


@pytest.mark.parametrize(
    ("opset", "inputs", "options"),
    [
        (7, (), {"split": [1, 4]}),
        (13, (ints(2, 3),), {}),
        (18, (ints(2, 3),), {}),
        (18, (), {"num_outputs": 2}),
    ],
)
def test_split(
    opset: int, inputs: tuple[Any, ...], options: dict[str, Any], tmp_path: Path
) -> None:
    made = one("Split", (2, 5), *inputs, opset=opset, outputs=2, dtypes=(1, 1), axis=1, **options)
    checked(made, tmp_path)


def test_split_into_equal_pieces(tmp_path: Path) -> None:
    made = one("Split", (2, 6), opset=13, outputs=3, dtypes=(1, 1, 1), axis=-1)
    assert checked(made, tmp_path).outputs == ("node[0]", "node[1]", "node[2]")


@pytest.mark.parametrize(
    ("starts", "ends", "axes", "steps"),
    [
        ((1,), (3,), (1,), None),
        ((1, -3), (2**63 - 1, -1), (0, 2), None),
        ((0,), (2**31 - 1,), (2,), (2,)),
        ((-1,), (-(2**63),), (2,), (-1,)),
        ((4,), (0,), (-1,), (-2,)),
        ((0, 1), (2, 3), None, None),
        ((0,), (9,), (0,), None),
    ],
)
def test_slices(starts: Any, ends: Any, axes: Any, steps: Any, tmp_path: Path) -> None:
    parts = [None if part is None else ints(*part) for part in (starts, ends, axes, steps)]
    checked(one("Slice", (3, 4, 5), *parts), tmp_path)
    if steps is None:
        told = {"axes": axes} if axes else {}
        checked(one("Slice", (3, 4, 5), opset=9, starts=starts, ends=ends, **told), tmp_path)


def test_lookups(tmp_path: Path) -> None:
    assert kinds(checked(one("Gather", (3, 4), np.int64(-1), axis=1), tmp_path)) == ["select"]
    graph = checked(one("Gather", (3, 4), ints(2, 0, -1), axis=1), tmp_path)
    assert graph.weights["w1"].role == "constant"
    checked(one("Gather", draw(5, 4), np.array([[1, 0]])), tmp_path)
    checked(one("GatherElements", (2, 2), np.array([[1, 0], [1, 1]]), axis=1), tmp_path)


@pytest.mark.parametrize("mode", ["constant", "reflect", "edge"])
def test_pads_of_all_opsets(mode: str, tmp_path: Path) -> None:
    pads = (0, 0, 1, 2, 0, 0, 2, 0)
    checked(one("Pad", (1, 2, 4, 5), opset=7, pads=pads, mode=mode), tmp_path)
    checked(one("Pad", (1, 2, 4, 5), ints(*pads), opset=13, mode=mode), tmp_path)
    checked(one("Pad", (1, 2, 4, 5), ints(1, 2, 2, 0), None, ints(-2, 3), mode=mode), tmp_path)


def test_other_pads(tmp_path: Path) -> None:
    pads = ints(0, 0, 1, 2, 0, 0, 2, 0)
    checked(one("Pad", (1, 2, 4, 5), pads, np.float32(0.5)), tmp_path)
    checked(one("Pad", (1, 2, 4, 5), opset=7, pads=pads.tolist(), value=-1.0), tmp_path)
    checked(one("Pad", (1, 2, 4, 5), ints(0, 0, -1, 2, 0, 0, 0, -3)), tmp_path)
    checked(one("Pad", (1, 2, 4, 5), pads, opset=19, mode="wrap"), tmp_path)


# Reductions -------------------------------------------------------------------------------------

REDUCTIONS = ["Sum", "Mean", "Max", "Min", "Prod", "L1", "L2", "SumSquare"]


@pytest.mark.parametrize("kind", REDUCTIONS)
@pytest.mark.parametrize("keepdims", [0, 1])
def test_reductions(kind: str, keepdims: int, tmp_path: Path) -> None:
    name, shape = f"Reduce{kind}", (2, 3, 4)
    checked(one(name, shape, ints(-1, 1), keepdims=keepdims), tmp_path)
    checked(one(name, shape, opset=11, axes=[0, 2], keepdims=keepdims), tmp_path)
    checked(one(name, shape, keepdims=keepdims), tmp_path)


def test_logarithms_of_sums(tmp_path: Path) -> None:
    checked(one("ReduceLogSumExp", (2, 3, 4), ints(1)), tmp_path)
    nodes = [
        helper.make_node("Exp", ["x"], ["a"]),
        helper.make_node("ReduceLogSum", ["a", "axes"], ["y"]),
    ]
    checked(model(nodes, {"x": (2, 3)}, weights={"axes": ints(1)}), tmp_path)


def test_no_axes_can_mean_none(tmp_path: Path) -> None:
    node = helper.make_node("ReduceSum", ["x"], ["a"], noop_with_empty_axes=1)
    relu = helper.make_node("Relu", ["a"], ["y"])
    assert kinds(checked(model([node, relu], {"x": (2, 3)}), tmp_path)) == ["activation"]


@pytest.mark.parametrize("kind", ["ArgMax", "ArgMin"])
def test_positions(kind: str, tmp_path: Path) -> None:
    checked(one(kind, (2, 3, 4), axis=-1, keepdims=0, dtypes=(7,)), tmp_path)


@pytest.mark.parametrize("reverse", [0, 1])
def test_running_sums(reverse: int, tmp_path: Path) -> None:
    checked(one("CumSum", (2, 3, 4), np.int64(-1), reverse=reverse), tmp_path)


# Resizes ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("scale", [(2.0, 3.0), (1.3, 0.6), (0.5, 1.0)])
@pytest.mark.parametrize(
    "coordinates", ["half_pixel", "align_corners", "asymmetric", "pytorch_half_pixel"]
)
@pytest.mark.parametrize("mode", ["nearest", "linear", "cubic"])
def test_resizes(mode: str, coordinates: str, scale: tuple[float, ...], tmp_path: Path) -> None:
    scales = np.array([1, 1, *scale], np.float32)
    told: dict[str, Any] = {"mode": mode, "coordinate_transformation_mode": coordinates}
    checked(one("Resize", (1, 2, 10, 7), None, scales, **told), tmp_path, tolerance=1e-5)
    sizes = ints(1, 2, 13, 4)
    checked(one("Resize", (1, 2, 10, 7), None, None, sizes, **told), tmp_path, tolerance=1e-5)


@pytest.mark.parametrize("rounding", ["floor", "ceil", "round_prefer_floor", "round_prefer_ceil"])
def test_nearest_pixels(rounding: str, tmp_path: Path) -> None:
    for factor in (2.0, 0.5, 1.25):
        scales = np.array([1, 1, factor, factor], np.float32)
        checked(one("Resize", (1, 1, 8, 8), None, scales, nearest_mode=rounding), tmp_path)


def test_resizes_of_old_opsets(tmp_path: Path) -> None:
    scales = np.array([1, 1, 2, 1.5], np.float32)
    for mode in ("nearest", "linear"):
        checked(one("Upsample", (1, 2, 4, 6), opset=7, scales=scales, mode=mode), tmp_path)
        checked(one("Upsample", (1, 2, 4, 6), scales, opset=9, mode=mode), tmp_path)
        checked(one("Resize", (1, 2, 4, 6), scales, opset=10, mode=mode), tmp_path)


def test_resizes_of_named_axes(tmp_path: Path) -> None:
    made = one("Resize", (1, 2, 4, 6), None, None, ints(9, 5), axes=[3, 2])
    assert checked(made, tmp_path).types["node"].shape == (1, 2, 5, 9)


@pytest.mark.parametrize(
    "options",
    [
        {"coordinate_transformation_mode": "tf_crop_and_resize"},
        {"mode": "linear", "antialias": 1},
        {"mode": "cubic", "exclude_outside": 1},
    ],
)
def test_resizes_that_are_not_known_are_opaque(options: dict[str, Any], tmp_path: Path) -> None:
    roi, scales = np.zeros(8, np.float32), np.array([1, 1, 2, 2], np.float32)
    graph = load_onnx(written(one("Resize", (1, 2, 4, 6), roi, scales, **options), tmp_path))
    assert kinds(graph) == ["opaque"]
    assert "it" in graph["node"].op.why  # type: ignore[attr-defined]


def test_a_squeeze_of_a_longer_axis_is_refused(tmp_path: Path) -> None:
    path = written(one("Squeeze", (2, 3), ints(1)), tmp_path)
    with pytest.raises(GraphError, match=r"axis 1 of input 2x3 cannot go"):
        load_onnx(path)
