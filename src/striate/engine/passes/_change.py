"""What a pass did, in words that a plan can print."""

from __future__ import annotations

from dataclasses import dataclass

from ...graph import Graph


@dataclass(frozen=True, slots=True)
class Change:
    """One thing that one pass did.

    Args:
        rule: The pass, by its function's name.
        gone: Names of the nodes that are no longer there, or that were written anew.
        into: Name of the node that does their work now; empty where none is needed.
        why: What happened and why the result is the same, in plain words.
    """

    rule: str
    gone: tuple[str, ...]
    into: str
    why: str

    def __str__(self) -> str:
        gone = ", ".join(self.gone)
        return f"{gone} -> {self.into}: {self.why}" if self.into else f"{gone}: {self.why}"


Result = tuple[Graph, list[Change]]
"""What every pass gives: the new graph (the old one where nothing changed) and what it did."""
