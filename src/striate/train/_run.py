"""A run's folder: what was asked for, how it went, and the weights it left."""

from __future__ import annotations

import json
import platform
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import torch
from torch import nn

from .._nets import build_net
from ..data import Preprocess
from ..errors import RunError
from ._checkpoint import load_tensors
from ._config import Config, read_toml
from ._files import write_atomic
from ._filter_record import FilterRecord, load_record

FORMAT = 1


@dataclass(frozen=True)
class Run:
    """A folder that `train` wrote.

    Files: config.toml, environment.json, model.json (how to build the net and prepare its input),
    metrics.jsonl (one line an epoch), weights.safetensors (those to use), initial.safetensors,
    checkpoint.safetensors (to go on), filters.safetensors (the first convolution's, by epoch),
    predictions.safetensors (on the test data), TensorBoard's events, report.html.

    Attributes:
        path: The folder.
        config: What the run was told.
        model_info: The contents of model.json.
        trusted: Whether code that the folder names may be run to build its net.
    """

    path: Path
    config: Config
    model_info: dict[str, Any]
    trusted: bool = False

    @classmethod
    def open(cls, path: str | Path, *, trusted: bool = False) -> Run:
        """Open a run's folder.

        Args:
            path: The folder.
            trusted: Whether code that it names may be run. It matters for nets that are not of
                the zoo; say so of folders that are your own.
        Raises:
            RunError: It is not there, or not a run's, or damaged.
        """
        path = Path(path)
        if not path.is_dir():
            raise RunError(f"{path} is not a folder. `striate runs` lists the runs there are.")
        if not (path / "config.toml").is_file():
            raise RunError(f"{path} is not the folder of a run: it holds no config.toml.")
        # Runs from before there was a choice of engines go on as they began.
        config = Config.make(**{"engine": "torch", **read_toml(path / "config.toml")})
        return cls(path, config, _read_model_info(path / "model.json"), trusted)

    @property
    def name(self) -> str:
        """The folder's name."""
        return self.path.name

    @property
    def classes(self) -> tuple[str, ...]:
        """Names of the classes, in the order of the net's outputs."""
        return tuple(self.model_info["classes"])

    @property
    def preprocess(self) -> Preprocess:
        """What turns a file into the net's input."""
        return Preprocess.from_dict(self.model_info["preprocess"])

    def metrics(self) -> list[dict[str, Any]]:
        """Read what was measured, an entry an epoch; a last line cut short is left out."""
        path = self.path / "metrics.jsonl"
        lines = path.read_text(encoding="utf-8").splitlines() if path.is_file() else []
        entries = []
        for number, line in enumerate(lines):
            try:
                entries.append(json.loads(line))
            except ValueError:
                if number < len(lines) - 1:
                    raise RunError(f"{path}: line {number + 1} is damaged.") from None
        return entries

    def epochs(self) -> list[dict[str, Any]]:
        """Give the entries of the epochs alone."""
        return [entry for entry in self.metrics() if entry.get("kind") == "epoch"]

    def final(self) -> dict[str, Any] | None:
        """Give the entry of the end, or None if the run has not ended."""
        return next((e for e in reversed(self.metrics()) if e.get("kind") == "final"), None)

    def filters(self) -> FilterRecord | None:
        """Read the first convolution's filters, epoch by epoch; None where none were kept.

        Raises:
            RunError: The file is damaged.
        """
        return load_record(self.path)

    def model(self, weights: str = "weights", *, net: str | None = None) -> nn.Module:
        """Build the net with the weights the run left, in evaluation mode.

        Args:
            weights: 'weights' (those to use), 'initial' (before training) or 'checkpoint' (where
                the run stands; its moving average, if it keeps one).
            net: For a run that is not `trusted` and not of a network of the zoo: the function that
                builds it, as 'package.module:function' or 'file.py:function'. A folder may come
                from anyone, so no code is run because the folder names it.
        Raises:
            RunError: The weights are absent, damaged, or not this net's; `net` is needed.
        """
        net, file = net or self._known_net(), self.path / f"{weights}.safetensors"
        if not file.is_file() and self.final() is None:
            raise RunError(
                f"{self.path} has not ended, so it has no weights to use. Go on with "
                f"`striate train --resume {self.path}`."
            )
        tensors, _ = load_tensors(file)
        built = build_net(net, self.config.net_options, len(self.classes))
        try:
            if weights == "checkpoint":
                built.load_state_dict(tensors.get("average") or tensors["model"])
            else:
                built.load_state_dict(tensors[""])
        except (KeyError, RuntimeError) as error:
            raise RunError(f"{self.path}: the weights are not those of {net}: {error}") from None
        return built.eval()

    def newest_weights(self) -> str:
        """Name the newest weights in the folder, as `model` takes them.

        Raises:
            RunError: There are none yet.
        """
        written = {
            name: (self.path / f"{name}.safetensors").stat().st_mtime_ns
            for name in ("initial", "checkpoint", "weights")
            if (self.path / f"{name}.safetensors").is_file()
        }
        if not written:
            raise RunError(f"{self.path} holds no weights yet. Wait until the run has begun.")
        return max(written, key=lambda name: (written[name], name == "weights"))

    def _known_net(self) -> str:
        net = self.config.net
        if ":" in net and not self.trusted:
            raise RunError(
                f"{self.path} was trained on {net}, which is code that its folder names and does "
                f"not hold. If you trust that code, say so with --net {net}, or with "
                f"Run.open(..., trusted=True)."
            )
        return net


def _read_model_info(path: Path) -> dict[str, Any]:
    try:
        info = json.loads(path.read_text(encoding="utf-8"))
        if info["format"] != FORMAT:
            raise RunError(f"{path} has format {info['format']}; {FORMAT} is read.")
        if not isinstance(info["classes"], list) or not isinstance(info["preprocess"], dict):
            raise TypeError("classes or preprocess have the wrong type")
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise RunError(f"{path} is missing or damaged: {error}.") from None
    return dict(info)


def create_run(config: Config, classes: Iterable[str], preprocess: Preprocess) -> Run:
    """Make a new folder for a run, with what is known before it starts.

    Raises:
        RunError: The folder exists, or cannot be written.
    """
    path = _new_folder(config)
    info = {"format": FORMAT, "classes": list(classes), "preprocess": preprocess.to_dict()}
    for name, text in (
        ("config.toml", config.to_toml()),
        ("model.json", json.dumps(info, indent=1)),
        ("environment.json", json.dumps(environment(config), indent=1)),
    ):
        write_atomic(path / name, text.encode())
    return Run.open(path, trusted=True)


def _new_folder(config: Config) -> Path:
    out = Path(config.out)
    name = config.name or f"{_plain(config.net)}-{_plain(config.data)}"
    number = 0
    while True:
        path = out / (name if config.name else f"{name}-{number + 1}")
        try:
            path.mkdir(parents=True)
            return path
        except FileExistsError:
            if config.name:
                raise RunError(
                    f"{path} exists. Choose another --name, or go on with --resume {path}."
                ) from None
            number += 1
        except OSError as error:
            raise RunError(
                f"{path} cannot be made: {error.strerror}. Choose another folder with --out."
            ) from None


def _plain(text: str) -> str:
    """Reduce a spec to letters and digits that a folder's name can have."""
    last = text.replace(":", "/").rstrip("/").rpartition("/")[2]
    return "".join(c if c.isalnum() or c in "._" else "-" for c in last)


def environment(config: Config) -> dict[str, Any]:
    """Describe the machine and the versions, for whoever repeats the run."""
    return {
        "command": " ".join(sys.argv),
        "striate": _version("striate"),
        "torch": torch.__version__,
        "numpy": _version("numpy"),
        "python": platform.python_version(),
        "system": f"{platform.system()} {platform.release()} {platform.machine()}",
        "cuda": torch.version.cuda if torch.cuda.is_available() else None,
        "threads": torch.get_num_threads(),
        "seed": config.seed,
    }


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "unknown"
