"""What a rule finds, the table of rules, and how findings of one pattern become one advice.

Adding a rule is adding one function in `rules/`: it takes a report and yields findings.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from ._words import listed, plural

if TYPE_CHECKING:
    from .._report import Report

Severity = Literal["warning", "hint"]


@dataclass(frozen=True, slots=True)
class Advice:
    """One thing that stands out.

    Args:
        rule: Name of the rule that found it.
        layer: Where: a row's name, or a module's path where no operation runs.
        finding: What is so, with the numbers.
        why: Why it matters.
        remedy: What to do about it.
        severity: `warning` where something is lost or unused for certain, `hint` where it may be
            meant.
        others: Further layers of which the same is true.
    """

    rule: str
    layer: str
    finding: str
    why: str
    remedy: str
    severity: Severity = "hint"
    others: tuple[str, ...] = ()

    def __str__(self) -> str:
        return f"{self.layer} ({self.rule}): {self.finding}\n  {self.why}\n  {self.remedy}"


@dataclass(frozen=True, slots=True)
class Finding:
    """What a rule says of one layer; findings of one pattern are told as one advice.

    Args:
        layer, finding, why, remedy, severity: As in `Advice`.
        pattern: Findings whose patterns are equal are told together, in the words of the first.
        amount: What is summed over the layers of a pattern.
        unit: What it counts: `parameter`.
    """

    layer: str
    finding: str
    why: str
    remedy: str
    severity: Severity = "hint"
    pattern: Hashable = None
    amount: int = 0
    unit: str = ""


Rule = Callable[["Report"], Iterable[Finding]]

RULES: dict[str, Rule] = {}
"""Every rule by name; `rule` puts it here."""


def rule(name: str) -> Callable[[Rule], Rule]:
    """Put a function into the table of rules under this name."""

    def register(function: Rule) -> Rule:
        RULES[name] = function
        return function

    return register


def advise(report: Report) -> tuple[Advice, ...]:
    """Ask every rule about a network.

    Args:
        report: The network's report.
    Returns:
        Warnings first, then hints, each in the order of the layers.
    Example:
        >>> import striate
        >>> net = torch.nn.Sequential(torch.nn.Conv2d(3, 8, 3, bias=True), torch.nn.BatchNorm2d(8))
        >>> print(advise(striate.inspect(net.eval(), (3, 32, 32)))[0])
        0 (bias-before-norm): Its 8 biases are subtracted again by the batch_norm '1' behind it.
          A norm takes the mean of each channel off, and a bias is part of that mean: it is ...
          Build the layer with bias=False: the norm has a bias of its own.
    """
    place = {row.name: position for position, row in enumerate(report.rows)}
    found = [
        advice for name, function in RULES.items() for advice in _grouped(name, function(report))
    ]
    end = len(place)
    return tuple(sorted(found, key=lambda a: (a.severity == "hint", place.get(a.layer, end))))


def _grouped(name: str, findings: Iterable[Finding]) -> Iterator[Advice]:
    """Make one advice of all findings that have the same pattern."""
    patterns: dict[Hashable, list[Finding]] = {}
    for finding in findings:
        patterns.setdefault(finding.pattern, []).append(finding)
    for group in patterns.values():
        first, others = group[0], tuple(finding.layer for finding in group[1:])
        words = first.finding
        if others:
            words += f" Likewise in {len(others)} more: {listed(others)}."
        if others and first.unit:
            words += f" Together {plural(sum(finding.amount for finding in group), first.unit)}."
        yield Advice(name, first.layer, words, first.why, first.remedy, first.severity, others)
