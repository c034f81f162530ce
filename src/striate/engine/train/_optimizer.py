"""The update of a torch optimizer natively, with the optimizer's own options and state."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ... import _core
from ...errors import OptionError

Array = np.ndarray[Any, Any]
Apply = Callable[[], None]

_NOT_NATIVE = ("maximize", "capturable", "differentiable")


def check_optimizer(optimizer: torch.optim.Optimizer) -> None:
    """Refuse an optimizer whose update is not native.

    Raises:
        OptionError: Another kind than SGD and AdamW, an option of theirs, or hooks.
    """
    kind = type(optimizer).__name__
    if type(optimizer) not in (torch.optim.SGD, torch.optim.AdamW):
        raise OptionError(
            f"TrainStep: the optimizer is {kind}; torch.optim.SGD and torch.optim.AdamW are "
            f"updated natively. With others use striate.compile(model, example, train=True)."
        )
    for group in optimizer.param_groups:
        if wrong := [name for name in _NOT_NATIVE if group.get(name)]:
            raise OptionError(f"TrainStep: {kind} with {wrong[0]}=True is not updated natively.")
    if optimizer._optimizer_step_pre_hooks or optimizer._optimizer_step_post_hooks:
        raise OptionError(f"TrainStep: hooks on the steps of {kind} would not run. Remove them.")


class Update:
    """What `optimizer.step()` would do with gradients at hand, for as long as its state stays.

    Args:
        optimizer: SGD or AdamW. State that is missing is made, and all of it is kept up to date.
        gradients: By parameter; those of its parameters without one are left out.
    """

    def __init__(self, optimizer: torch.optim.Optimizer, gradients: dict[Tensor, Tensor]) -> None:
        self._optimizer = optimizer
        self._state = optimizer.state
        self.parameters = [
            p for group in optimizer.param_groups for p in group["params"] if p in gradients
        ]
        self._addresses = [p.data_ptr() for p in self.parameters]
        prepare = _sgd if type(optimizer) is torch.optim.SGD else _adamw
        self._applies: list[Apply] = []
        for group in optimizer.param_groups:
            here = [(p, gradients[p]) for p in group["params"] if p in gradients]
            self._applies += prepare(group, here, optimizer.state)

    def holds(self) -> bool:
        """Whether the parameters and the state lie where they did."""
        return self._optimizer.state is self._state and self._addresses == [
            p.data_ptr() for p in self.parameters
        ]

    def __call__(self) -> None:
        """Update the parameters once."""
        for apply in self._applies:
            apply()
        torch.autograd.graph.increment_version(self.parameters)
        self._optimizer._opt_called = True  # type: ignore[attr-defined]  # schedulers ask


def _parameters(
    pairs: list[tuple[Tensor, Tensor]], state: Any, names: Sequence[str]
) -> _core.Parameters:
    parameters, gradients = (_arrays(tensors) for tensors in zip(*pairs, strict=True))
    states = [_arrays(state[p][name] for p, _ in pairs) for name in names]
    return _core.Parameters(parameters, gradients, states)


def _arrays(tensors: Iterable[Tensor]) -> list[Array]:
    return [t.detach().numpy() for t in tensors]


def _sgd(group: dict[str, Any], pairs: list[tuple[Tensor, Tensor]], state: Any) -> list[Apply]:
    fresh = [pair for pair in pairs if state[pair[0]].get("momentum_buffer") is None]
    seen = [pair for pair in pairs if state[pair[0]].get("momentum_buffer") is not None]
    applies = [_sgd_of(group, fresh, state, True)] if fresh else []
    return [*applies, _sgd_of(group, seen, state, False)] if seen else applies


def _sgd_of(
    group: dict[str, Any], pairs: list[tuple[Tensor, Tensor]], state: Any, first: bool
) -> Apply:
    known: dict[bool, _core.Parameters] = {}  # with and without momentum

    def made(momentum: bool) -> _core.Parameters:
        for p, _ in pairs if momentum else ():
            if state[p].get("momentum_buffer") is None:
                state[p]["momentum_buffer"] = torch.zeros_like(p)
        return _parameters(pairs, state, ["momentum_buffer"] if momentum else [])

    def apply() -> None:
        nonlocal first
        momentum = float(group["momentum"])
        given = known.get(momentum != 0) or known.setdefault(momentum != 0, made(momentum != 0))
        _core.sgd_step(
            given, float(group["lr"]), momentum, float(group["dampening"]),
            float(group["weight_decay"]), bool(group["nesterov"]), first,
        )  # fmt: skip
        first = first and not momentum

    return apply


def _adamw(group: dict[str, Any], pairs: list[tuple[Tensor, Tensor]], state: Any) -> list[Apply]:
    by_step: dict[int, list[tuple[Tensor, Tensor]]] = {}
    for p, gradient in pairs:
        by_step.setdefault(int(state[p].get("step", 0)), []).append((p, gradient))
    return [_adamw_of(group, some, state, step) for step, some in by_step.items()]


def _adamw_of(
    group: dict[str, Any], pairs: list[tuple[Tensor, Tensor]], state: Any, step: int
) -> Apply:
    names = ("exp_avg", "exp_avg_sq", *(["max_exp_avg_sq"] if group["amsgrad"] else []))
    steps = torch.full((len(pairs),), float(step))  # one a parameter, as torch has it
    for number, (p, _) in enumerate(pairs):
        for name in names:
            if name not in state[p]:
                state[p][name] = torch.zeros_like(p)
        state[p]["step"] = steps[number]
    counted = steps.numpy()
    given = _parameters(pairs, state, names)

    def apply() -> None:
        np.add(counted, 1, out=counted)
        beta1, beta2 = group["betas"]
        _core.adamw_step(
            given, int(counted[0]), float(group["lr"]), float(beta1), float(beta2),
            float(group["eps"]), float(group["weight_decay"]),
        )  # fmt: skip

    return apply
