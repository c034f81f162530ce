"""What `differentiate` gives: one graph for a whole step, and what its inputs and outputs are."""

from __future__ import annotations

from dataclasses import dataclass

from .._graph import Graph


@dataclass(frozen=True, slots=True)
class Mask:
    """An input that a dropout multiplies by: 0 with probability `p`, else 1 / (1 - p).

    Args:
        value: Its name among the inputs, which tell its shape.
        node: The dropout in the network.
        p: The probability.
    """

    value: str
    node: str
    p: float


@dataclass(frozen=True, slots=True)
class Moments:
    """Outputs that hold what a batch norm normalised by, for its running statistics.

    Args:
        mean, variance: Names of the outputs; the variance is divided by the count.
        count: How many numbers of each channel they are of.
        node: The batch norm in the network.
        running_mean, running_var: Names of the network's running statistics, if it keeps them.
    """

    mean: str
    variance: str
    count: int
    node: str
    running_mean: str | None
    running_var: str | None


@dataclass(frozen=True)
class Training:
    """A forward and a backward pass as one graph.

    Its inputs are those of the network, then `weights`, the masks, and the gradients of outputs;
    its outputs those of the network, then means and variances in turn, then the gradients wanted
    that are not None. Each gradient is a value of its own.

    Args:
        graph: The forward pass, then the backward pass.
        forward: How many nodes the forward pass has.
        weights: The network's weights that are read, as inputs; `graph.weights` is empty.
        output_gradients: For each of the network's outputs the input that holds its gradient; None
            where nothing wanted depends on it.
        gradients: The gradient of each value wanted; None where no output depends on it.
        masks: Of dropouts that are switched on, in order.
        moments: Of batch norms that use the batch's statistics, in order.
    """

    graph: Graph
    forward: int
    weights: tuple[str, ...]
    output_gradients: tuple[str | None, ...]
    gradients: tuple[str | None, ...]
    masks: tuple[Mask, ...]
    moments: tuple[Moments, ...]
