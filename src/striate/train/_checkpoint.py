"""Checkpoints: everything a run needs to go on bit for bit, in one safetensors file.

Tensors lie under 'part/key' (under 'key' where there is one part, called ''), numbers and text as
JSON in the header. Nothing is pickled, so that a
file from a stranger can hold wrong numbers but not a program.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import safetensors
import safetensors.torch
import torch
from torch import Tensor

from ..errors import RunError
from ._files import write_atomic

FORMAT = 1
Tensors = dict[str, Tensor]


def save_tensors(path: Path, parts: dict[str, Tensors], state: dict[str, Any]) -> None:
    """Write named parts of named tensors, and a JSON state, as one file or not at all.

    Raises:
        RunError: The file cannot be written; an earlier one is intact.
    """
    flat = {
        f"{part}/{key}" if part else key: tensor.detach().cpu().contiguous().clone()
        for part, tensors in parts.items()
        for key, tensor in tensors.items()
    }
    header = {"striate": json.dumps({"format": FORMAT, **state})}
    write_atomic(path, safetensors.torch.save(flat, header))


def load_tensors(path: Path) -> tuple[dict[str, Tensors], dict[str, Any]]:
    """Read what `save_tensors` wrote.

    Raises:
        RunError: The file is absent, damaged, or not one of Striate's.
    """
    try:
        with safetensors.safe_open(path, framework="pt") as file:
            header = file.metadata() or {}
            parts: dict[str, Tensors] = {}
            for name in file.keys():  # noqa: SIM118 - safe_open is no dict
                part, slash, key = name.partition("/")
                part, key = (part, key) if slash else ("", name)
                parts.setdefault(part, {})[key] = file.get_tensor(name)
        state = json.loads(header["striate"])
        version = state["format"]
    except FileNotFoundError:
        raise RunError(f"{path} is not there: the run has saved nothing yet.") from None
    except (safetensors.SafetensorError, OSError, KeyError, TypeError, ValueError) as error:
        raise RunError(
            f"{path} is damaged, or no file of Striate's: {error}. If it was copied, copy it again."
        ) from None
    if version != FORMAT:
        raise RunError(f"{path} has format {version}; this version of Striate reads {FORMAT}.")
    return parts, state


def pack_optimizer(optimizer: torch.optim.Optimizer) -> Tensors:
    """Name the optimizer's tensors 'number/key', with the parameter's number."""
    return {
        f"{number}/{key}": value
        for number, values in optimizer.state_dict()["state"].items()
        for key, value in values.items()
        if isinstance(value, Tensor)
    }


def unpack_optimizer(optimizer: torch.optim.Optimizer, tensors: Tensors) -> None:
    """Put back what `pack_optimizer` took."""
    state: dict[int, Tensors] = {}
    for name, tensor in tensors.items():
        number, _, key = name.partition("/")
        state.setdefault(int(number), {})[key] = tensor
    groups = optimizer.state_dict()["param_groups"]
    optimizer.load_state_dict({"state": state, "param_groups": groups})
