"""The step `cross_entropy` against the definition and torch."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from striate import _core
from striate.graph.ops import CrossEntropy, CrossEntropyGradient

from .steps import EPS, Array, run_step

TARGETS = [name for name, _ in _core.targets()]


def run(
    target: str, logits: Array, labels: Array, smoothing: float, gy: float | None = None,
    threads: int = 1,
) -> Array:  # fmt: skip
    """The loss, or with gy the gradient."""
    attributes = {
        "batch": logits.shape[0], "classes": logits.shape[1], "label_smoothing": smoothing,
        "gradient": gy is not None,
    }  # fmt: skip
    inputs = [logits, labels.astype(np.float32)]
    if gy is not None:
        inputs.append(np.array([gy], np.float32))
    (y,) = run_step(
        target, "cross_entropy", "images", attributes, [*inputs],
        [(1,) if gy is None else logits.shape], threads=threads,
    )  # fmt: skip
    return y


def drawn(batch: int, classes: int, scale: float = 3) -> tuple[Array, Array]:
    rng = np.random.default_rng(0)
    logits = (rng.standard_normal((batch, classes)) * scale).astype(np.float32)
    return logits, rng.integers(0, classes, batch)


@pytest.mark.parametrize("target", TARGETS)
@settings(max_examples=50, deadline=None)
@given(batch=st.integers(1, 70), classes=st.integers(1, 45), smoothing=st.sampled_from([0, 0.1, 1]))
def test_it_agrees_with_the_definition(
    target: str, batch: int, classes: int, smoothing: float
) -> None:
    logits, labels = drawn(batch, classes)
    exact = logits.astype(np.float64)
    (loss,) = CrossEntropy(smoothing).evaluate(exact, labels)
    assert abs(run(target, logits, labels, smoothing)[0] - loss) <= 16 * EPS * max(1, loss)
    (gx,) = CrossEntropyGradient(smoothing).evaluate(exact, labels, np.float64(2.5))
    found = run(target, logits, labels, smoothing, 2.5)
    assert np.abs(found - gx).max() <= 8 * EPS * 2.5 / batch
    for threads in (2, 3):
        assert np.array_equal(found, run(target, logits, labels, smoothing, 2.5, threads))


@pytest.mark.parametrize("smoothing", [0, 0.1])
@pytest.mark.parametrize(("batch", "classes"), [(64, 10), (9, 1000), (3, 20_000)])
def test_it_agrees_with_torch(batch: int, classes: int, smoothing: float) -> None:
    logits, labels = drawn(batch, classes)
    x = torch.from_numpy(logits).double().requires_grad_()
    loss = torch.nn.functional.cross_entropy(x, torch.from_numpy(labels), label_smoothing=smoothing)
    loss.backward()
    assert x.grad is not None
    exact = loss.item()
    found = [run(TARGETS[0], logits, labels, smoothing, threads=n)[0] for n in (1, 2, 3)]
    assert abs(found[0] - exact) <= 1e-6 * exact
    assert found[0] == found[1] == found[2]
    gx = run(TARGETS[0], logits, labels, smoothing, 1.0)
    assert np.abs(gx - x.grad.numpy()).max() <= 1e-6 / batch


@pytest.mark.parametrize("target", TARGETS)
def test_extreme_logits(target: str) -> None:
    logits = np.array([[1e30, -1e30, 0], [-np.inf, 5, 3], [300, 299, -300]], np.float32)
    labels = np.array([0, 1, 1])
    y = torch.nn.functional.cross_entropy(
        torch.from_numpy(logits), torch.from_numpy(labels), reduction="none"
    )
    for i in range(3):
        loss = run(target, logits[i : i + 1], labels[i : i + 1], 0)
        np.testing.assert_allclose(loss[0], y[i].item(), rtol=1e-6)
    gx = run(target, logits, labels, 0, 1.0)
    assert np.isfinite(gx).all()
    assert np.abs(gx.sum(1)).max() < 1e-6


@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize("wrong", [-1, 5, 1.5, 1e30, np.nan, np.inf])
def test_what_is_no_class_is_nan_for_its_image_only(wrong: float, target: str) -> None:
    logits, labels = drawn(3, 5)
    given = labels.astype(np.float32)
    given[1] = wrong
    assert np.isnan(run(target, logits, given, 0.1)).all()
    gx = run(target, logits, given, 0.1, 1.0)
    assert np.isnan(gx[1]).all()
    assert np.array_equal(gx[::2], run(target, logits, labels, 0.1, 1.0)[::2])


def test_nan_logits_give_nan() -> None:
    logits, labels = drawn(2, 11)
    logits[1, 9] = np.nan
    assert np.isnan(run(TARGETS[0], logits, labels, 0)).all()
    assert np.isnan(run(TARGETS[0], logits, labels, 0, 1.0)[1]).all()


def test_wrong_arguments_are_refused() -> None:
    sizes = {"batch": 1, "classes": 2, "label_smoothing": 1.5}
    with pytest.raises(ValueError, match="label_smoothing must be from 0 to 1"):
        _core.candidates(TARGETS[0], "cross_entropy", sizes)
