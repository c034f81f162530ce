"""What is asked of every gradient: torch's numbers, by the reference, in float64."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor, nn

import striate
from striate.graph import Graph, Node, Operation, TensorType
from striate.graph.gradient import Training, differentiate

Array = NDArray[Any]


def one_node(op: Operation, *arrays: Array | None) -> Graph:
    """A graph of one node whose inputs are the arrays."""
    names = tuple(None if a is None else f"in{k}" for k, a in enumerate(arrays))
    types = {
        f"in{k}": TensorType(a.shape, a.dtype.name) for k, a in enumerate(arrays) if a is not None
    }
    made = op.infer(*(types.get(name or "") for name in names))
    outputs = tuple(f"out{k}" for k in range(len(made)))
    return Graph("one", types, (Node("node", op, names, outputs),), outputs, {})


def agree(
    op: Operation, torch_op: Callable[..., Any], *arrays: Array | None, rtol: float = 1e-8
) -> None:
    """All gradients are torch's, asked for together and one by one.

    Args:
        op: The operation.
        torch_op: The same in torch.
        arrays: Its inputs, in float64; whole numbers want no gradient.
        rtol: Share of a gradient's largest magnitude by which it may differ.
    """
    graph = one_node(op, *arrays)
    tensors = [None if a is None else torch.from_numpy(a.copy()) for a in arrays]
    wanted = {
        f"in{k}": t.requires_grad_()
        for k, t in enumerate(tensors)
        if t is not None and t.is_floating_point()
    }
    results = torch_op(*tensors)
    results = results if isinstance(results, tuple | list) else (results,)
    torch.manual_seed(len(results))
    flows = [
        torch.randn_like(y) if y.is_floating_point() and y.requires_grad else None for y in results
    ]
    pairs = [(y, gy) for y, gy in zip(results, flows, strict=True) if gy is not None]
    expected = torch.autograd.grad(
        [y for y, _ in pairs], [*wanted.values()], [gy for _, gy in pairs], allow_unused=True
    )
    given = [a for a in arrays if a is not None]
    for names in {tuple(wanted), *((name,) for name in wanted)}:
        training = differentiate(graph, names)
        gradients = gradients_of(training, given, [], [], flows)
        for name in names:
            theirs = expected[[*wanted].index(name)]
            close(gradients[names.index(name)], theirs, wanted[name], rtol, name)


def close(
    ours: Array | None,
    theirs: Tensor | None,
    value: Tensor,
    rtol: float,
    name: str,
    least: float = 0,
) -> None:
    """Both are the same, where none is 0 everywhere."""
    found = np.zeros(value.shape) if ours is None else ours
    exact = np.zeros(value.shape) if theirs is None else theirs.detach().numpy()
    assert found.shape == exact.shape, name
    largest = np.nanmax(np.abs(exact), initial=least)
    np.testing.assert_allclose(found, exact, rtol=0, atol=rtol * largest, err_msg=name)


def gradients_of(
    training: Training,
    inputs: Sequence[Array],
    weights: Sequence[Array],
    masks: Sequence[Array],
    flows: Sequence[Tensor | None],
) -> list[Array | None]:
    """Run a training graph and give the gradients wanted."""
    into = [
        flow.numpy()
        for flow, name in zip(flows, training.output_gradients, strict=True)
        if name is not None and flow is not None
    ]
    results = training.graph.run(*inputs, *weights, *masks, *into)
    count = sum(name is not None for name in training.gradients)
    made: Iterator[Array] = iter(results[len(results) - count :])
    return [None if name is None else next(made) for name in training.gradients]


def check(
    net: nn.Module, *inputs: Tensor, wanted: Sequence[str] | None = None, rtol: float = 1e-9
) -> Training:
    """A network's outputs, moments and gradients are those of torch.

    Args:
        net: In the mode to check; it becomes a float64 network.
        inputs: Of `forward`; those of real numbers get a gradient.
        wanted: Names of weights and inputs; by default the weights that torch trains, and inputs.
        rtol: Share of a gradient's largest magnitude by which it may differ; of one that is
            nothing but rounding, of the largest of all.
    """
    net = net.double()
    given = [t.double() if t.is_floating_point() else t for t in inputs]
    graph = striate.capture(net, *given)
    arrays = [t.numpy() for t in given]  # no gradient reaches these
    values = {n: w.source for n, w in graph.weights.items() if isinstance(w.source, Tensor)}
    for name, tensor in zip(graph.inputs, given, strict=True):
        values[name] = tensor.clone().requires_grad_(tensor.is_floating_point())
    trained = [n for n, w in graph.weights.items() if w.trainable]
    names = [*trained, *graph.inputs] if wanted is None else [*wanted]
    names = [name for name in names if values[name].is_floating_point()]
    training = differentiate(graph, names)

    weights = [np.array(graph.weights[name].numpy()) for name in training.weights]
    torch.manual_seed(5)
    masks = drawn_masks(training)
    torch.manual_seed(5)
    results = net(*(values[name] for name in graph.inputs))
    results = results if isinstance(results, tuple | list) else (results,)
    flows = [torch.randn_like(y) if y.is_floating_point() else None for y in results]
    reached = [
        (y, f) for y, f in zip(results, flows, strict=True) if f is not None and y.requires_grad
    ]
    expected = torch.autograd.grad(
        [y for y, _ in reached],
        [values[name] for name in names],
        [f for _, f in reached],
        allow_unused=True,
    )
    found = gradients_of(training, arrays, weights, masks, flows)
    least = max((float(e.abs().max()) for e in expected if e is not None and e.numel()), default=0)
    for name, ours, theirs in zip(names, found, expected, strict=True):
        assert (ours is None) == (theirs is None), name
        close(ours, theirs, values[name], rtol, name, least=1e-6 * least)
    return training


def drawn_masks(training: Training) -> list[Array]:
    """Draw the masks as torch's dropouts draw them, from its generator."""
    ones = (torch.ones(training.graph.types[m.value].shape).double() for m in training.masks)
    return [F.dropout(t, m.p).numpy() for t, m in zip(ones, training.masks, strict=True)]
