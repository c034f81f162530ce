"""Keep in a trace what a module computes under `torch.no_grad()`: no gradient flows back there.

A trace has no gradients at all, so that such a block looks like any other code. What is computed
in it is detached, which a trace does keep.
"""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Callable, Iterator
from typing import Any
from unittest.mock import patch

import torch
from torch.overrides import TorchFunctionMode
from torch.utils._pytree import tree_map_only


class _Watch(TorchFunctionMode):
    """Detach the results of all functions that are called while `enabled` is False."""

    def __init__(self) -> None:
        super().__init__()
        self.enabled = True

    def __torch_function__(
        self, func: Callable[..., Any], types: Any, args: Any = (), kwargs: Any = None
    ) -> Any:
        """Call the function, and detach real numbers that it makes in such a block."""
        result = func(*args, **(kwargs or {}))
        return result if self.enabled else tree_map_only(torch.Tensor, _detached, result)


def _detached(value: torch.Tensor) -> torch.Tensor:
    return value.detach() if value.is_floating_point() else value


@contextlib.contextmanager
def watched() -> Iterator[None]:
    """Trace in here: the user's blocks with and without gradients are followed, not entered."""
    watch = _Watch()
    before: dict[int, bool] = {}

    def enter(block: Any, enabled: bool) -> None:
        before[id(block)], watch.enabled = watch.enabled, enabled

    def entering(original: Callable[..., Any], enabled: bool) -> Callable[..., Any]:
        def method(block: Any) -> Any:
            return enter(block, enabled) if _of_user() else original(block)

        return method

    def setting(original: Callable[..., Any]) -> Callable[..., Any]:
        def method(block: Any, mode: bool) -> Any:
            return enter(block, bool(mode)) if _of_user() else original(block, mode)

        return method

    def leaving(original: Callable[..., Any]) -> Callable[..., Any]:
        def method(block: Any, *error: Any) -> Any:
            if id(block) not in before:
                return original(block, *error)
            watch.enabled = before.pop(id(block))
            return None

        return method

    off, on, to = torch.no_grad, torch.enable_grad, torch.set_grad_enabled
    with (
        patch.multiple(
            off, __enter__=entering(off.__enter__, False), __exit__=leaving(off.__exit__)
        ),
        patch.multiple(on, __enter__=entering(on.__enter__, True), __exit__=leaving(on.__exit__)),
        patch.multiple(
            to, __init__=setting(to.__init__), __enter__=_nothing, __exit__=leaving(to.__exit__)
        ),
        watch,
    ):
        yield


def _nothing(block: Any) -> None:
    """`set_grad_enabled` acts when it is made."""


def _of_user() -> bool:
    """Whether a block stands in the user's code, not in torch's own; or decorates a function."""
    name = sys._getframe(2).f_globals.get("__name__", "")
    return not name.startswith("torch.") or name == "torch.utils._contextlib"
