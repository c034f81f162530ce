"""What a training run is told: one flat record, from recipe, file and command line."""

from __future__ import annotations

import dataclasses
import json
import re
import tomllib
from dataclasses import dataclass, field
from difflib import get_close_matches
from pathlib import Path
from typing import Any, Literal

from ..errors import OptionError
from ._recipes import recipe_for

OPTIMIZERS = ("sgd", "adam", "adamw")
SCHEDULES = ("constant", "cosine", "onecycle")
ENGINES = ("striate", "torch")


@dataclass(frozen=True)
class Config:
    """Everything that decides a training run, but for the machine.

    `Config.make(net=..., data=...)` fills what is not given from the recipe for that net and data.

    Args:
        net: A network of the zoo, 'package.module:function' or 'path/to/file.py:function'.
        data: A data set: 'digits', 'mnist', 'folder:PATH', ... (see `striate.data.load`).
        net_options: Arguments of the network's builder: in_channels, num_classes, width, ...
        input_shape: (C, H, W), (C, L) or (C, D, H, W); None takes the net's own, or the data's.
        data_dir: Where the data are, in place of the usual folders.
        epochs, batch_size: Passes over the training data; samples a step, over all processes.
        optimizer: 'sgd' (with Nesterov's momentum), 'adam' or 'adamw'.
        lr: The largest learning rate.
        momentum: Of 'sgd'.
        weight_decay: On weights of two or more axes; biases and norms have none.
        schedule: 'cosine' falls to 0 after the warm-up, 'onecycle' rises for 30 % and falls,
            'constant' stays.
        warmup_epochs: Epochs in which the rate rises from 0, before 'cosine' and 'constant'.
        label_smoothing: Share of the target spread over all classes.
        shift, flip, cutout, rotate, gain: Augmentation, see `striate.data.Augment`.
        seed: Of the weights, the order of the data and the augmentation.
        device: 'auto', 'cpu', 'cuda' or 'cuda:1'.
        engine: 'striate' computes on native kernels where it can: on a CPU, in float32, a net that
            it knows; what it cannot is left to 'torch'.
        checkpoint: Memory of a step on native kernels, in which maps are computed again: 'auto',
            '512MB', '1GiB' or a number of bytes (see `striate.compile`); None is the quickest.
        threads: CPU threads of each process; None leaves torch's choice.
        amp: Compute in bfloat16 where that is safe.
        ema: Decay of the moving average of the weights that is kept beside them; 0 keeps none.
        class_weights: None, 'balanced', or one number a class.
        val_split: Share of the training data kept for choosing the best epoch.
        early_stop: Epochs without a better validation loss before it ends; 0 never.
        clip_grad: Largest norm of the gradient; 0 leaves it.
        workers: Processes that decode files.
        checkpoint_every: Steps between checkpoints; each epoch ends with one in any case.
        target: Stop when the test accuracy reaches this many percent; 0 runs all epochs.
        strict: Refuse data with broken files instead of leaving them out.
        out, name: The folder of the runs, and the run's own name in it (None makes one).
    Raises:
        OptionError: A value out of range.
    Example:
        >>> config = Config.make(net="lenet5", data="digits", epochs=2)
        >>> config.epochs, Config.from_toml(config.to_toml()) == config
        (2, True)
    """

    net: str = "lenet5"
    data: str = "digits"
    net_options: dict[str, Any] = field(default_factory=dict)
    input_shape: tuple[int, ...] | None = None
    data_dir: str | None = None
    epochs: int = 10
    batch_size: int = 64
    optimizer: str = "sgd"
    lr: float = 0.05
    momentum: float = 0.9
    weight_decay: float = 5e-4
    schedule: str = "cosine"
    warmup_epochs: float = 1.0
    label_smoothing: float = 0.0
    shift: int = 0
    flip: bool = False
    cutout: int = 0
    rotate: float = 0.0
    gain: float = 0.0
    seed: int = 0
    device: str = "auto"
    engine: str = "striate"
    checkpoint: str | int | None = None
    threads: int | None = None
    amp: bool = False
    ema: float = 0.0
    class_weights: str | tuple[float, ...] | None = None
    val_split: float = 0.0
    early_stop: int = 0
    clip_grad: float = 0.0
    workers: int = 0
    checkpoint_every: int = 500
    target: float = 0.0
    strict: bool = False
    out: str = "runs"
    name: str | None = None

    def __post_init__(self) -> None:
        for name, least in _LEAST.items():
            value = getattr(self, name)
            if value is not None and not value >= least:
                raise OptionError(f"train: {name}={value} must be {least} or more.")
        for name, limit in (("label_smoothing", 1), ("ema", 1), ("val_split", 1), ("momentum", 1)):
            if not 0 <= getattr(self, name) < limit:
                raise OptionError(
                    f"train: {name}={getattr(self, name)} must be at least 0 and below {limit}."
                )
        for name, known in (
            ("optimizer", OPTIMIZERS), ("schedule", SCHEDULES), ("engine", ENGINES),
        ):  # fmt: skip
            if getattr(self, name) not in known:
                raise OptionError(
                    f"train: {name}={getattr(self, name)!r} is not one of {', '.join(known)}."
                )
        step_bytes(self.checkpoint)
        if self.checkpoint is not None and self.engine == "torch":
            raise OptionError(
                f"train: checkpoint={self.checkpoint!r} is about native kernels, and "
                f"engine='torch' takes none. Leave one of them out."
            )
        if not self.lr > 0:
            raise OptionError(f"train: lr={self.lr} must be larger than 0.")
        if isinstance(self.class_weights, str) and self.class_weights != "balanced":
            raise OptionError(
                f"train: class_weights={self.class_weights!r} must be 'balanced' or one number "
                f"a class."
            )
        if self.early_stop and not self.val_split:
            raise OptionError(
                "train: early_stop needs validation data to judge by. Set val_split=0.1, say."
            )

    @classmethod
    def make(cls, **given: Any) -> Config:
        """Fill what is not given from the recipe for the net and the data.

        Raises:
            OptionError: An option there is not, with the nearest that there is.
        """
        known = {f.name for f in dataclasses.fields(cls)}
        for name in given:
            if name not in known:
                near = get_close_matches(name, known, n=1)
                hint = f"Is it {near[0]!r}?" if near else f"There are {', '.join(sorted(known))}."
                raise OptionError(f"train: there is no option {name!r}. {hint}")
        recipe = recipe_for(given.get("net", cls.net), given.get("data", cls.data))
        for name in ("input_shape", "class_weights"):
            if isinstance(given.get(name), list):
                given[name] = tuple(given[name])
        try:
            return cls(**{**recipe, **given})
        except TypeError as error:
            raise OptionError(f"train: an option has the wrong type: {error}.") from None

    @classmethod
    def from_toml(cls, text: str) -> Config:
        """Read `to_toml`'s form; what is missing comes from the recipe.

        Raises:
            OptionError: No TOML, or an unknown option.
        """
        return cls.make(**parse_toml(text))

    def to_toml(self) -> str:
        """Write the options that are set, `net_options` as a table at the end."""
        fields = dataclasses.asdict(self)
        options = fields.pop("net_options")
        lines = [f"{k} = {_toml(v)}" for k, v in fields.items() if v is not None]
        if options:
            lines += ["", "[net_options]", *(f"{k} = {_toml(v)}" for k, v in options.items())]
        return "\n".join(lines) + "\n"


_LEAST = {
    "epochs": 1,
    "batch_size": 1,
    "weight_decay": 0,
    "warmup_epochs": 0,
    "shift": 0,
    "cutout": 0,
    "rotate": 0,
    "gain": 0,
    "seed": 0,
    "threads": 1,
    "early_stop": 0,
    "clip_grad": 0,
    "workers": 0,
    "checkpoint_every": 1,
    "target": 0,
}


_UNITS = {"": 1, "kB": 10**3, "MB": 10**6, "GB": 10**9, "KiB": 2**10, "MiB": 2**20, "GiB": 2**30}


def step_bytes(checkpoint: str | int | None) -> Literal["auto"] | int | None:
    """Read `Config.checkpoint` as `striate.compile` takes it.

    Raises:
        OptionError: It is neither 'auto' nor an amount of memory.
    Example:
        >>> step_bytes("1.5GB")
        1500000000
    """
    if checkpoint is None:
        return None
    if checkpoint == "auto":
        return "auto"
    found = re.fullmatch(r"(\d+(?:\.\d+)?) ?([kKMG]i?B|)", str(checkpoint))
    count = int(float(found[1]) * _UNITS.get(found[2], 0)) if found else 0
    if count < 1 or isinstance(checkpoint, bool):
        raise OptionError(
            f"train: checkpoint={checkpoint!r} must be 'auto' or a step's memory: 512MB, 1GiB, or "
            f"a number of bytes."
        )
    return count


def parse_toml(text: str, where: str = "the configuration") -> dict[str, Any]:
    """Read options from TOML, with an error that names the file."""
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise OptionError(f"train: {where} is not TOML: {error}.") from None


def read_toml(path: Path) -> dict[str, Any]:
    """Read options from a TOML file.

    Raises:
        OptionError: The file cannot be read, or is no TOML.
    """
    try:
        return parse_toml(path.read_text(encoding="utf-8"), str(path))
    except (OSError, UnicodeDecodeError) as error:
        raise OptionError(f"train: {path} cannot be read: {error}.") from None


def _toml(value: Any) -> str:
    # JSON's strings, numbers, booleans and arrays are TOML's, but for this one character.
    plain = list(value) if isinstance(value, tuple) else value
    return json.dumps(plain, ensure_ascii=False).replace("\x7f", "\\u007f")
