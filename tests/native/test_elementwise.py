"""The step `elementwise`: arithmetic of maps and arrays against NumPy."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from striate import _core

from .steps import Array, aligned, block, run_step, unblock

TARGETS = [name for name, _ in _core.targets()]
OPS: dict[str, Any] = {
    "add": np.add, "sub": np.subtract, "mul": np.multiply, "div": np.divide, "pow": np.power,
    "max": np.maximum, "min": np.minimum, "prelu": lambda x, b: np.where(x > 0, x, b * x),
    "equal": np.equal, "less": np.less, "less_equal": np.less_equal,
}  # fmt: skip
SECONDS = ("number", "same", "channel", "image_channel", "pixel")
MAPS = [(2, 9, (5, 7)), (1, 16, (1,)), (3, 1, (4,)), (2, 17, (1,)), (2, 8, (3, 1000))]


def draw(*shape: int, seed: int = 0) -> Array:
    """Numbers from 1/2 to 2: all operations are defined on them."""
    return np.random.default_rng(seed).uniform(0.5, 2, shape).astype(np.float32)


def second_of(second: str, n: int, c: int, sizes: tuple[int, ...]) -> Array:
    """What stands beside a map, with the axes of the map."""
    ones = [1] * len(sizes)
    shapes = {
        "number": (1, 1, *ones), "same": (n, c, *sizes), "channel": (1, c, *ones),
        "image_channel": (n, c, *ones), "pixel": (n, 1, *sizes),
    }  # fmt: skip
    return draw(*shapes[second], seed=1)


def laid_out(b: Array, plain: bool, lanes: int) -> Array:
    """An operand as the step reads it; unused lanes hold 0, which division must survive."""
    return b if plain else block(b, lanes, 0.0)


@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize("second", SECONDS)
def test_all_operations_on_both_layouts_agree_with_numpy(second: str, target: str) -> None:
    lanes = dict(_core.targets())[target]
    for n, c, sizes in MAPS:
        x, b = draw(n, c, *sizes), second_of(second, n, c, sizes)
        for plain in (False, True):
            for name, formula in OPS.items():
                attributes: dict[str, Any] = {
                    "batch": n, "channels": c, "pixels": int(np.prod(sizes)), "plain": plain,
                    "op": name, "second": second,
                }  # fmt: skip
                given = [laid_out(x, plain, lanes), laid_out(b, plain, lanes)]
                if second == "number":
                    attributes["number"] = float(b.item())
                    given = given[:1]
                for reverse in (False, True) if name in {"sub", "div", "less"} else (False,):
                    attributes["reverse"] = reverse
                    (y,) = run_step(
                        target, "elementwise", "flat", attributes, [*given], [given[0].shape]
                    )
                    expected = formula(b, x) if reverse else formula(x, b)
                    assert np.isfinite(y).all()
                    result = y if plain else unblock(y, c)
                    np.testing.assert_allclose(result, expected, rtol=1e-6, err_msg=str(attributes))


@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize("second", ["channel", "image_channel", "same"])
def test_affine_with_activation(second: str, target: str) -> None:
    lanes = dict(_core.targets())[target]
    for n, c, sizes in MAPS:
        x, b = draw(n, c, *sizes), second_of(second, n, c, sizes)
        shift = second_of(second, n, c, sizes) - 3
        attributes = {
            "batch": n, "channels": c, "pixels": int(np.prod(sizes)), "op": "affine",
            "second": second, "activation": "clamp", "alpha": 0, "beta": 0.5,
        }  # fmt: skip
        given = [block(v, lanes, 7.0) for v in (x, b, shift)]
        (y,) = run_step(target, "elementwise", "flat", attributes, [*given], [given[0].shape])
        expected = np.clip(x.astype(float) * b + shift, 0, 0.5)
        np.testing.assert_allclose(unblock(y, c), expected, atol=1e-6)


@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize("activation", ["log", "silu", "exp"])
def test_unused_lanes_stay_finite_behind_any_activation(activation: str, target: str) -> None:
    lanes = dict(_core.targets())[target]
    x = draw(2, 9, 500)
    given = block(x, lanes, 500.0 if activation == "exp" else -1.0)
    attributes = {"batch": 2, "channels": 9, "pixels": 500, "activation": activation}
    (y,) = run_step(target, "elementwise", "flat", attributes, [given], [given.shape])
    assert np.isfinite(y).all()
    real = x.astype(float)
    expected = {"log": np.log(real), "silu": real / (1 + np.exp(-real)), "exp": np.exp(real)}
    np.testing.assert_allclose(unblock(y, 9), expected[activation], rtol=2e-6, atol=1e-7)


@pytest.mark.parametrize("target", TARGETS)
def test_arrays_with_strides_are_broadcast(target: str) -> None:
    problems = [
        ((2, 3, 4, 5), (1, 3, 1, 5)), ((7, 1), (1, 9)), ((3, 300), (3, 1)), ((1,), (1,)),
        ((2, 1, 4, 1, 3, 1), (1, 5, 1, 2, 1, 6)), ((20000,), (1,)), ((3, 50, 40), (50, 40)),
    ]  # fmt: skip
    for a_shape, b_shape in problems:
        a, b = draw(*a_shape), draw(*b_shape, seed=1)
        sizes = np.broadcast_shapes(a_shape, b_shape)
        strides = [
            [s // 4 for s in np.broadcast_to(v, sizes).strides] for v in (a, b)
        ]  # fmt: skip
        attributes = {"sizes": list(sizes), "a_strides": strides[0], "b_strides": strides[1]}
        for name, formula in OPS.items():
            arguments = {**attributes, "op": name, "activation": "tanh", "alpha": 1, "beta": 1}
            kernels = _core.candidates(target, "elementwise", arguments)
            assert kernels == ["broadcast"]
            (y,) = run_step(target, "elementwise", "broadcast", arguments, [a, b], [sizes])
            expected = np.tanh(formula(a, b).astype(float))
            np.testing.assert_allclose(y, expected, rtol=1e-6)


@pytest.mark.parametrize("target", TARGETS)
def test_maps_inside_others_and_in_place(target: str) -> None:
    lanes = dict(_core.targets())[target]
    x, b = draw(3, 2 * lanes, 12), draw(3, lanes, 12, seed=1)
    half = lanes * 12
    program = _core.Program(target, 2, 8192, aligned(16), [], [])
    attributes = {
        "batch": 3, "channels": lanes, "pixels": 12, "op": "add",
        "x_batch_stride": 2 * half, "y_batch_stride": 2 * half,
    }  # fmt: skip
    program.add("elementwise", "flat", attributes, [(1, 0, half), (1, 0, 6 * half)],
                [(1, 0, half)], [])  # fmt: skip
    context = _core.Context(program)
    context.arena[: 6 * half] = block(x, lanes).ravel()
    context.arena[6 * half : 9 * half] = block(b, lanes).ravel()
    context.run([], [], 0, 1)
    y = unblock(context.arena[: 6 * half].reshape(3, 2, 12, lanes), 2 * lanes)
    assert np.array_equal(y[:, :lanes], x[:, :lanes])
    assert np.array_equal(y[:, lanes:], x[:, lanes:] + b)


@pytest.mark.parametrize(
    "attributes",
    [
        {"pixels": 4, "op": "add", "second": "none"},
        {"pixels": 4, "second": "same"},
        {"pixels": 4, "op": "plus"},
        {"pixels": 4, "op": "add", "x_batch_stride": 3},
        {"pixels": 1 << 40, "channels": 1 << 30, "op": "add"},
        {"sizes": [2] * 7, "a_strides": [1] * 7, "b_strides": [1] * 7, "op": "add"},
        {"sizes": [2], "a_strides": [-1], "b_strides": [1], "op": "add"},
        {"sizes": [2], "a_strides": [1], "b_strides": [1]},
    ],
)
def test_wrong_arguments_are_refused(attributes: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="elementwise"):
        _core.candidates(TARGETS[0], "elementwise", attributes)
