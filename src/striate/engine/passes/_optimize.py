"""All passes in order, until nothing changes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from ...errors import OptionError
from ...graph import Graph
from ._activations import name_activations
from ._change import Change, Result
from ._compose import compose_layers
from ._constants import fold_constants, round_weights
from ._dead import remove_dead, share_common
from ._dense import write_plainly
from ._fold_back import fold_into_producer
from ._fold_forward import fold_into_consumers
from ._identity import merge_views, remove_identities
from ._merge_affine import merge_affine, plain_batch_norm
from ._norms import name_global_pools, name_layer_norms
from ._pad import fold_pads
from ._sums import merge_sums

Pass = Callable[[Graph], Result]

PASSES: tuple[Pass, ...] = (
    remove_dead,
    fold_constants,
    remove_identities,
    merge_views,
    share_common,
    name_activations,
    name_layer_norms,
    name_global_pools,
    write_plainly,
    fold_pads,
    fold_into_producer,
    fold_into_consumers,
    merge_affine,
    merge_sums,
    compose_layers,
    remove_dead,
)
"""In the order they run; names first, so that no fold takes a step out of what has a name."""

MOST_ROUNDS = 20
"""Each round takes nodes out or writes them in plainer form, so that few are ever needed."""


def optimize(graph: Graph, *, keep: Sequence[str] = ()) -> tuple[Graph, list[Change]]:
    """Fold a network for inference: the same numbers from fewer operations.

    Batch norms and other arithmetic with constants go into the layers beside them, pads into
    windows, layers in a row into one, steps that spell out an activation or a norm into one node;
    what does not depend on the input is computed once. Only what is exact is done: the result
    differs by rounding alone. New weights are computed in float64 through all passes and rounded
    once, at the end.

    The network is taken as it is at test time. Nothing is decided by the sizes of the input, and
    sizes worked out from it stay so: the result can be given other shapes with `Graph.at`. What is
    the identity at one size only goes with `remove_identities_here`, afterwards.

    A value that keeps its name keeps its numbers. Outputs stay in order; one that is only a copy of
    an input or of another output has the name of that.

    Args:
        graph: The network.
        keep: Values besides the outputs that must still be there, to look at them.
    Returns:
        The new graph, and what was done, in order.
    Raises:
        OptionError: A value to keep is not there.
    Example:
        >>> import striate
        >>> net = torch.nn.Sequential(torch.nn.Conv2d(1, 2, 3), torch.nn.BatchNorm2d(2)).eval()
        >>> graph, changes = optimize(striate.capture(net, (1, 1, 8, 8)))
        >>> print(changes[0])
        1 -> 0: batch norm goes into the weights and bias of the conv before it
    """
    made = {value for node in graph.nodes for value in node.outputs} | set(graph.inputs)
    missing = [value for value in keep if value not in made]
    if missing:
        raise OptionError(f"{graph.name}: there is no value {missing[0]!r} to keep.")
    outputs = len(graph.outputs)
    # Memory is the plan's business: nothing is written in place until it says so.
    nodes = tuple(replace(n, inplace=False) if n.inplace else n for n in graph.nodes)
    graph = replace(graph, nodes=nodes, outputs=(*graph.outputs, *keep))
    changes: list[Change] = []
    for _ in range(MOST_ROUNDS):
        settled = True
        for one in PASSES:
            graph, found = one(graph)
            changes += _news(changes, found)
            settled = settled and not found
        if settled:
            break
    for one in (plain_batch_norm, remove_dead):
        graph, found = one(graph)
        changes += _news(changes, found)
    return round_weights(replace(graph, outputs=graph.outputs[:outputs])), changes


def _news(told: Sequence[Change], found: Sequence[Change]) -> list[Change]:
    """Leave out that a node is dead where a change has told already what became of it."""
    known = {name for change in told for name in change.gone}
    return [c for c in found if c.rule != "remove_dead" or not known.issuperset(c.gone)]
