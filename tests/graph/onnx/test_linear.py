"""Matrix products of ONNX files, against ONNX Runtime."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from onnx import helper

from .models import checked, draw, kinds, model, one


@pytest.mark.parametrize("trans_b", [0, 1])
@pytest.mark.parametrize("bias", [None, (4,), (1, 4)])
def test_gemm_is_a_linear_layer(trans_b: int, bias: tuple[int, ...] | None, tmp_path: Path) -> None:
    weight = draw(4, 3) if trans_b else draw(3, 4)
    extra = [] if bias is None else [draw(*bias)]
    graph = checked(one("Gemm", (2, 3), weight, *extra, transB=trans_b), tmp_path)
    assert kinds(graph) == ["linear"]
    assert {w.role for w in graph.weights.values()} == {"parameter"}
    assert graph.weights["w1"].type.shape == (4, 3)


@pytest.mark.parametrize("bias", [(4,), (1,), (2, 1), (2, 4), ()])
@pytest.mark.parametrize(("alpha", "beta"), [(1.0, 1.0), (0.5, 1.0), (1.0, 0.3), (2.0, 0.0)])
def test_gemm_with_factors(
    bias: tuple[int, ...], alpha: float, beta: float, tmp_path: Path
) -> None:
    made = one("Gemm", (2, 3), draw(3, 4), draw(*bias), alpha=alpha, beta=beta)
    checked(made, tmp_path)


def test_gemm_of_two_values(tmp_path: Path) -> None:
    assert kinds(checked(one("Gemm", (3, 2), (4, 3), transA=1, transB=1), tmp_path)) == [
        "permute", "permute", "matmul",
    ]  # fmt: skip


@pytest.mark.parametrize("shape", [(3,), (2, 3), (2, 5, 3), (2, 2, 5, 3)])
def test_a_product_with_a_weight_is_linear(shape: tuple[int, ...], tmp_path: Path) -> None:
    assert kinds(checked(one("MatMul", shape, draw(3, 4)), tmp_path)) == ["linear"]


def test_a_sum_behind_it_is_its_bias(tmp_path: Path) -> None:
    nodes = [
        helper.make_node("MatMul", ["x", "w"], ["a"], name="/fc/MatMul"),
        helper.make_node("Add", ["b", "a"], ["y"], name="/fc/Add"),
    ]
    weights = {"w": draw(3, 4), "b": draw(4)}
    graph = checked(model(nodes, {"x": (2, 5, 3)}, weights=weights), tmp_path)
    assert kinds(graph) == ["linear"]
    assert graph["fc"].inputs == ("x", "w", "b")


def test_a_sum_is_not_a_bias_if_the_product_is_read_twice(tmp_path: Path) -> None:
    nodes = [
        helper.make_node("MatMul", ["x", "w"], ["a"]),
        helper.make_node("Add", ["a", "b"], ["c"]),
        helper.make_node("Mul", ["a", "c"], ["y"]),
    ]
    weights = {"w": draw(3, 4), "b": draw(4)}
    graph = checked(model(nodes, {"x": (2, 3)}, weights=weights), tmp_path)
    assert kinds(graph) == ["linear", "binary", "binary"]


@pytest.mark.parametrize(
    ("a", "b"), [((2, 3), (3, 4)), ((5, 2, 3), (3, 4)), ((5, 2, 3), (5, 3, 4)), ((3,), (3, 4))]
)
def test_products_of_two_values(a: tuple[int, ...], b: tuple[int, ...], tmp_path: Path) -> None:
    checked(one("MatMul", a, b), tmp_path)


def test_a_turned_weight_is_a_view(tmp_path: Path) -> None:
    weight = draw(3, 4)
    nodes = [
        helper.make_node("Transpose", ["w"], ["t"], perm=[1, 0]),
        helper.make_node("MatMul", ["x", "t"], ["y"]),
    ]
    graph = checked(model(nodes, {"x": (2, 4)}, weights={"w": weight}), tmp_path)
    assert kinds(graph) == ["linear"]
    assert np.array_equal(graph.weights["w"].numpy(), weight)
    assert graph.weights["w"].numpy().base is not None


@pytest.mark.parametrize("causal", [0, 1])
def test_attention(causal: int, tmp_path: Path) -> None:
    made = one("Attention", (1, 2, 5, 4), (1, 2, 6, 4), (1, 2, 6, 3), is_causal=causal, opset=23)
    made.ir_version = 11
    assert kinds(checked(made, tmp_path)) == ["attention"]
