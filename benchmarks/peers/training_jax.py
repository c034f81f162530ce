"""JAX: a step of training as one jitted function, NCHW."""

from __future__ import annotations

import math
from typing import Any

import jax
import jax.numpy as jnp

from striate import Graph

from ._loaded import Loaded
from ._training import LEARNING_RATE, MOMENTUM, TrainingTask
from .jax_function import evaluate, moments, open_graph

RUNNING = 0.1
"""Share of a batch in the running statistics: torch's default."""


def load(task: TrainingTask, threads: int) -> Loaded:
    """Compile; XLA takes as many threads as the process has cores, which are pinned already."""
    graph = open_graph(task)
    weights = {name: jnp.asarray(w.numpy()) for name, w in graph.weights.items()}
    parameters = {name: weights.pop(name) for name in task.parameters}
    momenta = jax.tree.map(jnp.zeros_like, parameters)

    def loss_of(parameters: Any, others: Any, x: Any, labels: Any) -> tuple[Any, Any]:
        values = evaluate(graph, x, parameters | others)
        logs = jax.nn.log_softmax(values[graph.outputs[0]])
        loss = -jnp.take_along_axis(logs, labels[:, None], 1).mean()
        return loss, others | _running_statistics(graph, values)

    def step(parameters: Any, momenta: Any, others: Any, x: Any, labels: Any) -> Any:
        differentiate = jax.value_and_grad(loss_of, has_aux=True)
        (loss, others), gradients = differentiate(parameters, others, x, labels)
        momenta = jax.tree.map(lambda m, g: MOMENTUM * m + g, momenta, gradients)
        parameters = jax.tree.map(lambda p, m: p - LEARNING_RATE * m, parameters, momenta)
        return loss, parameters, momenta, others

    state = [parameters, momenta, weights]
    batch = jnp.asarray(task.input), jnp.asarray(task.labels)
    compiled = jax.jit(step, donate_argnums=(0, 1, 2)).lower(*state, *batch).compile()

    def run() -> Any:
        loss, *state[:] = jax.block_until_ready(compiled(*state, *batch))
        return loss

    # The momenta of the first step are its gradients.
    return Loaded(run, lambda loss: task.flatten(loss, state[1]))


def _running_statistics(graph: Graph, values: dict[str, Any]) -> dict[str, Any]:
    """What batch norms keep, with this batch in it."""
    found = {}
    for node in graph:
        if node.kind != "batch_norm":
            continue
        x, _, _, *names = node.inputs
        maps = values[x]
        count = math.prod(maps.shape) // maps.shape[1]
        mean, variance = moments(maps)
        for name, new in zip(names, (mean, variance * count / (count - 1)), strict=True):
            found[name] = (1 - RUNNING) * values[name] + RUNNING * new
    return found
