"""TensorFlow: a step of training as one `tf.function`, as a graph or compiled by XLA."""

from __future__ import annotations

from typing import Any

import numpy as np
import tensorflow as tf

from striate import Graph

from ._loaded import Loaded
from ._training import LEARNING_RATE, MOMENTUM, TrainingTask
from .tensorflow_function import Order, Value, evaluate, filters, plain

RUNNING = 0.1
"""Share of a batch in the running statistics: torch's default."""


def load(task: TrainingTask, threads: int, variant: str) -> Loaded:
    """Make variables of the weights, and a function of the step.

    Args:
        variant: "graph" or "xla".
    """
    tf.config.threading.set_intra_op_parallelism_threads(threads)
    tf.config.threading.set_inter_op_parallelism_threads(1)
    graph = Graph.load(task.graph)
    orders = _orders(graph)
    variables = {
        name: tf.Variable(np.transpose(weight.numpy(), orders[name]))
        for name, weight in graph.weights.items()
    }
    momenta = {name: tf.Variable(tf.zeros_like(variables[name])) for name in task.parameters}
    x = tf.constant(np.moveaxis(task.input, 1, -1))
    labels = tf.constant(task.labels)
    rates = {"lr": LEARNING_RATE, "momentum": MOMENTUM}

    @tf.function(jit_compile=variant == "xla")
    def step(x: Any, labels: Any) -> Any:
        with tf.GradientTape() as tape:
            values = {n: Value(tf.convert_to_tensor(v), orders[n]) for n, v in variables.items()}
            logits, statistics = evaluate(graph, x, values)
            losses = tf.nn.sparse_softmax_cross_entropy_with_logits(labels, logits)
            loss = tf.reduce_mean(losses)
        gradients = tape.gradient(loss, [variables[name] for name in momenta])
        for (name, momentum), gradient in zip(momenta.items(), gradients, strict=True):
            tf.raw_ops.ResourceApplyMomentum(
                var=variables[name].handle, accum=momentum.handle, grad=gradient, **rates
            )
        for name, new in statistics.items():
            variables[name].assign((1 - RUNNING) * variables[name] + RUNNING * new)
        return loss

    def read(loss: Any) -> Any:  # the momenta of the first step are its gradients
        found = {n: np.transpose(m.numpy(), np.argsort(orders[n])) for n, m in momenta.items()}
        return task.flatten(loss, found)

    return Loaded(lambda: step(x, labels).numpy(), read)


def _orders(graph: Graph) -> dict[str, Order]:
    """How the axes of each weight lie: filters as TensorFlow's kernels read them."""
    orders = {name: plain(weight.type.rank) for name, weight in graph.weights.items()}
    for node in graph:
        if node.kind == "conv" and node.inputs[1] is not None:
            name = node.inputs[1]
            orders[name] = filters(graph.op(node), len(orders[name]))
    return orders
