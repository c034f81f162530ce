"""Compiled models of one ONNX node give what the onnx package's backend tests expect."""

from __future__ import annotations

import warnings
from collections import defaultdict
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import striate
from striate.errors import StriateError
from striate.graph.onnx._table import LOWERINGS

onnx = pytest.importorskip("onnx")

WEIGHTED = frozenset(
    {"Conv", "ConvTranspose", "BatchNormalization", "Gemm", "InstanceNormalization",
     "GroupNormalization", "LayerNormalization", "RMSNormalization", "PRelu"}
)  # fmt: skip
"""Operators whose further inputs are weights: the tests give them as inputs, files of networks do
not."""

DIFFERENT = {
    "test_div_int32_trunc": "whole numbers are divided towards minus infinity",
    "test_cumsum_2d_int32": "whole numbers add up to int64",
    "test_pow_types_int64_float32": "the result has the wider dtype",
    "test_pow_types_int32_float32": "the result has the wider dtype",
    **dict.fromkeys(
        ("test_training_dropout_default", "test_training_dropout_default_mask",
         "test_training_dropout", "test_training_dropout_mask"),
        "plans are for test time",
    ),
    **dict.fromkeys(
        ("test_attention_causal_boolmask_nan_robustness",
         "test_attention_23_boolmask_fullymasked_row_nan_robustness",
         "test_attention_23_fullymasked_qk_matmul_output_mode3_zero",
         "test_attention_24_fullymasked_qk_matmul_output_mode3_zero",
         "test_attention_24_qk_matmul_output_mode3_softmax_precision"),
        "a query that sees nothing gives NaN",
    ),
}  # fmt: skip
"""Known differences, and what they are."""


@cache
def _cases() -> dict[str, list[Any]]:
    """By operator, the models of one node that Striate's import might know; it takes seconds."""
    from onnx.backend.test.case import node as nodes

    kept = nodes.function_testcase_helper
    # What a function's expansion into other nodes gives is tested with those nodes.
    nodes.function_testcase_helper = lambda *_, **__: ([], None)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            cases = nodes.collect_testcases(None)
    finally:
        nodes.function_testcase_helper = kept
    found = defaultdict(list)
    for case in cases:
        kinds = {node.op_type for node in case.model.graph.node}
        if len(kinds) == 1 and kinds <= LOWERINGS.keys() and _plain(case):
            found[kinds.pop()].append(case)
    return found


def _plain(case: Any) -> bool:
    """Whether all inputs and outputs are arrays of dtypes that NumPy computes with."""
    arrays = [a for pair in case.data_sets for part in pair for a in part]
    kinds = {np.asarray(a).dtype.name for a in arrays if isinstance(a, np.ndarray | np.generic)}
    known = {"float32", "float64", "float16", "bool", "int8", "int16", "int32", "int64",
             "uint8", "uint16", "uint32", "uint64"}  # fmt: skip
    return all(isinstance(a, np.ndarray | np.generic) for a in arrays) and kinds <= known


def _with_weights(case: Any, inputs: list[Any]) -> tuple[Any, list[Any]]:
    """The model with shapes, bounds and weights in the file, and what is left to give."""
    model = onnx.ModelProto()
    model.CopyFrom(case.model)
    op_type = model.graph.node[0].op_type
    left = []
    for place, (told, array) in enumerate(zip(list(model.graph.input), inputs, strict=True)):
        array = np.asarray(array)
        fixed = array.dtype == np.int64 or array.ndim == 0 or op_type in WEIGHTED
        if place and fixed:
            model.graph.initializer.append(onnx.numpy_helper.from_array(array, told.name))
            model.graph.input.remove(told)
        else:
            left.append(array)
    return model, left


def _compile(model: Any, path: Path, given: list[Any]) -> Any:
    """The plan; of the first output alone where the others are not known. None: refused."""
    for outputs in sorted({len(model.graph.output), 1}, reverse=True):
        del model.graph.output[outputs:]
        onnx.save(model, path)
        try:
            return striate.compile(path, [x.shape for x in given] or None, threads=1)
        except StriateError:
            continue
    return None


def _check(case: Any, path: Path) -> bool:
    """Compare; False where the import refuses the model."""
    inputs, outputs = case.data_sets[0]
    model, given = _with_weights(case, inputs)
    plan = _compile(model, path, given)
    if plan is None:
        return False
    found = plan(*given)
    half = any(np.asarray(a).dtype == np.float16 for a in (*inputs, *outputs))
    rtol, atol = (max(case.rtol, 2e-2), 1e-3) if half else (case.rtol, max(case.atol, 1e-6))
    for ours, theirs in zip(found if isinstance(found, tuple) else (found,), outputs, strict=False):
        assert ours.shape == np.shape(theirs), case.name
        assert np.asarray(ours).dtype == np.asarray(theirs).dtype, case.name
        close = np.allclose(ours, theirs, rtol=rtol, atol=atol, equal_nan=True)
        assert close, (case.name, np.abs(ours - theirs).max())
    return True


@pytest.mark.parametrize("operator", sorted(LOWERINGS))
def test_nodes_give_what_onnx_expects(operator: str, tmp_path: Path) -> None:
    if operator not in _cases():
        pytest.skip("the onnx package tests no model of this node alone")
    cases = [case for case in _cases()[operator] if case.name not in DIFFERENT]
    passed = [case.name for case in cases if _check(case, tmp_path / "node.onnx")]
    if not passed:
        pytest.skip(f"the import refuses all {len(cases)} forms of {operator}")


def test_most_nodes_are_known() -> None:
    assert len(_cases()) > 90
    assert sum(map(len, _cases().values())) > 600
