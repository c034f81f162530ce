"""Networks of a few layers, and the advice that one rule gives on them."""

from __future__ import annotations

from torch import nn

import striate
from striate.inspection import Report
from striate.inspection.advice import Advice


def report_on(net: nn.Module, *shape: int, training: bool = False) -> Report:
    """Report on a module with freshly drawn weights."""
    return striate.inspect(net.train(training), shape)


def advice_on(rule: str, net: nn.Module, *shape: int, training: bool = False) -> list[Advice]:
    """What one rule says of a module."""
    return [a for a in report_on(net, *shape, training=training).advice if a.rule == rule]


def only_advice(rule: str, net: nn.Module, *shape: int, training: bool = False) -> Advice:
    """The one thing that a rule says of a module."""
    (advice,) = advice_on(rule, net, *shape, training=training)
    return advice
