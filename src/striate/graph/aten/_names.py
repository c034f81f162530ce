"""Names for nodes: the path of the user's module, and what tells its operations apart."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from torch import fx


@dataclass(frozen=True)
class Place:
    """Where in the user's model a call stands: the innermost module that makes it.

    Args:
        path: Its path; empty for the model itself.
        module: Its class.
        key: Unique for each call of the module.
        qualified: Its class with the Python module it stands in.
    """

    path: str
    module: str
    key: str
    qualified: str


def stack(node: fx.Node) -> list[Place]:
    """The modules that are running when a call is made, outermost first."""
    places = []
    for key, (path, kind) in (node.meta.get("nn_module_stack") or {}).items():
        qualified = kind if isinstance(kind, str) else f"{kind.__module__}.{kind.__qualname__}"
        clean = ".".join(p for p in _without_call(path).split(".") if p)
        places.append(Place(clean, qualified.rpartition(".")[2], key, qualified))
    return places


def _without_call(path: str) -> str:
    """Torch marks a module's second call `path@1`."""
    return path.partition("@")[0]


class Names:
    """Gives each node a name that no other has.

    A module without modules in it that makes one node, or whose weights one node reads, gives that
    node its path. Other nodes are called `path.kind`. A name that was given already gets `:2`, ...
    """

    def __init__(self, program: fx.Graph, containers: set[str]) -> None:
        self._containers = containers
        self._calls: Counter[str] = Counter()
        self._taken: Counter[str] = Counter()
        self.values: set[str] = set()
        for node in program.nodes:
            if node.op == "call_function" and (places := stack(node)):
                self._calls[places[-1].key] += 1

    def reserve(self, name: str) -> str:
        """Take a name that is not a node's: an input's."""
        return self._unique(name)

    def claim(
        self, node: fx.Node, kind: str, inputs: Sequence[str | None], *, whole: bool = False
    ) -> tuple[str, str, str]:
        """Find (path, class of the module, name) of a new node; `whole` is all of its module."""
        places = stack(node)
        place = places[-1] if places else Place("", "", "", "")
        owns = any(
            value is not None and value.startswith(f"{place.path}.") and value not in self.values
            for value in inputs
        )
        alone = self._calls[place.key] == 1
        if place.path and place.path not in self._containers and (alone or owns or whole):
            name = place.path
        else:
            name = f"{place.path}.{kind}".lstrip(".")
        return place.path, place.module, self._unique(name)

    def _unique(self, name: str) -> str:
        self._taken[name] += 1
        while self._taken[name] > 1 and f"{name}:{self._taken[name]}" in self._taken:
            self._taken[name] += 1
        count = self._taken[name]
        if count > 1:
            name = f"{name}:{count}"
            self._taken[name] += 1
        self.values.add(name)
        return name
