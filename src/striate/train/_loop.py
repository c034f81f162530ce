"""The training loop: epochs, steps, checkpoints, and the ways a run can end."""

from __future__ import annotations

import json
import time
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torch.nn.parallel import DistributedDataParallel

from .._extras import require
from .._nets import build_net
from ..data import Augment, Batch, Batches, Data
from ..errors import OptionError, StriateError
from . import _distributed as distributed
from ._checkpoint import save_tensors
from ._config import Config
from ._descent import Descent
from ._engine import choose_engine, one_thread_of_torch
from ._events import events, log
from ._files import append_line
from ._filter_record import resume_record, start_record
from ._judge import Judge, in_order
from ._metrics import count_correct, cut_metrics, note_end, note_failure
from ._optim import MovingAverage, class_weights, lr_factor, make_optimizer
from ._progress import Silent
from ._run import Run, create_run
from ._setup import load_data, parts, pick_device
from ._snapshot import Progress, Snapshot
from ._stopping import Interrupted, signals
from .report import write_report


def train(
    config: Config | None = None,
    *,
    resume: str | Path | None = None,
    progress: Silent | None = None,
    data: Data | None = None,
) -> Run:
    """Train a network, and leave a folder with its weights, numbers and report.

    Args:
        config: What to do; None is LeNet-5 on the built-in digits.
        resume: The folder of a run that was stopped; it goes on bit for bit, and ends as if it
            had never been stopped. Its own configuration is used, and the code that this names
            is run, so let it be a folder that you trust.
        progress: What shows the progress; None shows nothing.
        data: Data that are loaded already, in place of `config.data`.
    Raises:
        OptionError: The configuration does not make sense.
        DataError: The data are absent or damaged.
        RunError: The folder cannot be written; the loss is no longer a number.
        Interrupted: Ctrl-C or SIGTERM; a checkpoint was written.
    Example:
        >>> import tempfile
        >>> from striate.train import Config, train
        >>> with tempfile.TemporaryDirectory() as out:
        ...     run = train(Config.make(epochs=1, out=out))
        ...     sorted(run.final())[:3]
        ['best_epoch', 'epochs', 'kind']
    """
    for package in ("jinja2", "tensorboard"):  # now, and not when the run has ended
        require(package, extra="train", purpose="Training")
    run = None
    if resume is not None:
        run = Run.open(resume, trusted=True)
        config = run.config
    config = config or Config.make()
    device = pick_device(config.device)
    if config.threads:
        torch.set_num_threads(config.threads)
    with distributed.process_group(device):
        data = data or load_data(config)
        trainer = Trainer(config, data, device, progress or Silent(), run)
        with one_thread_of_torch(trainer.engine):
            return trainer.train()


@dataclass
class Trainer:
    """One run: the net, the data, the optimizer, and where it stands."""

    config: Config
    data: Data
    device: torch.device
    progress: Silent
    run: Run | None
    state: Progress = field(default_factory=Progress)

    def __post_init__(self) -> None:
        config = self.config
        torch.manual_seed(config.seed)
        net = build_net(config.net, config.net_options, len(self.data.classes)).to(self.device)
        fit, validation = parts(config, self.data)
        self.rank, self.world_size = distributed.rank(), distributed.world_size()
        # Each process draws its own dropout; everything else is the same in all of them.
        torch.manual_seed(config.seed + self.rank)
        self.batches = self.data.batches(
            fit,
            config.batch_size,
            shuffle=True,
            augment=Augment(config.shift, config.flip, config.cutout, config.rotate, config.gain),
            seed=config.seed,
            workers=config.workers,
            rank=self.rank,
            world_size=self.world_size,
        )
        held = [part for part in (self.data.test, validation) if part is not None]
        judged = [s for part in held for s in _shapes(in_order(config, self.data, part))]
        self.net = distributed.synchronise_batch_norm(net) if self.world_size > 1 else net
        self.engine = choose_engine(
            config, self.net.train(), self.device, _shapes(self.batches), judged, self.world_size
        )
        self.forward = self.engine.module
        if self.world_size > 1:
            self.forward = DistributedDataParallel(self.forward)
        self.optimizer = make_optimizer(self.net, config)
        self.engine = self.engine.fuse(
            config, self.optimizer, len(self.data.classes), self.world_size
        )
        self.progress.say(self.engine.told)
        self.average = MovingAverage(self.net, config.ema) if config.ema else None
        weights = class_weights(config, fit.labels, len(self.data.classes))
        if weights is not None and len(weights) != len(self.data.classes):
            raise OptionError(
                f"train: class_weights has {len(weights)} numbers for {len(self.data.classes)} "
                f"classes."
            )
        self.descent = Descent(
            config, self.net, self.forward, self.engine, self.optimizer, weights,
            len(self.data.classes), self.world_size,
        )  # fmt: skip
        self.judge = Judge(
            config, self.data, validation, self.device, self.net, self.engine.module, self.average
        )
        self.snapshot = Snapshot(
            self.net, self.optimizer, self.average, self.device, self.world_size, best={}
        )
        self.filters = start_record(self.net)
        self.stop_asked = False

    # The course of a run --------------------------------------------------------------------

    def train(self) -> Run:
        """Run all epochs, from the checkpoint on if there is one."""
        if self.run is None:
            self._open_run()
        else:
            self._restore()
        assert self.run is not None
        total = self.config.epochs * self.batches.steps
        with self.progress, signals(self._ask_to_stop), self._events() as writer:
            done = (self.state.epoch - 1) * self.batches.steps + self.state.step
            self.progress.start(total, done)
            try:
                while self.state.epoch <= self.config.epochs and not self.state.stopped:
                    self._epoch()
                    entry = self._end_epoch()
                    if self.rank == 0:
                        self.progress.epoch(entry, self.config.epochs)
                        log(writer, entry)
            except StriateError as error:
                if self.rank == 0:
                    note_failure(self.run, error)
                raise
        self.batches.close()
        if self.rank == 0:
            self._finish()
        return self.run

    def _open_run(self) -> None:
        if self.rank == 0:
            self.run = create_run(self.config, self.data.classes, self.data.preprocess)
            self._save_weights("initial", self.net.state_dict())
            self._record_filters(0)
        if self.world_size > 1:
            import torch.distributed as dist

            shared = [str(self.run.path) if self.run else ""]
            dist.broadcast_object_list(shared, src=0)
            self.run = self.run or Run.open(shared[0], trusted=True)

    def _epoch(self) -> None:
        self.forward.train()
        started, before = time.monotonic(), self.state.seconds
        for batch in self.batches.epoch(self.state.epoch, self.state.step):
            self._step(batch)
            self.state.step += 1
            self.state.seconds = before + time.monotonic() - started
            stop = self._all_asked_to_stop()
            last = self.state.step == self.batches.steps
            if stop or (self.state.step % self.config.checkpoint_every == 0 and not last):
                self._checkpoint()
            if stop:
                assert self.run is not None
                self.batches.close()
                raise Interrupted(self.run.path)

    def _step(self, batch: Batch) -> None:
        state, config = self.state, self.config
        total = config.epochs * self.batches.steps
        warmup = round(config.warmup_epochs * self.batches.steps)
        done = (state.epoch - 1) * self.batches.steps + state.step
        lr = config.lr * lr_factor(config.schedule, done, total, warmup)
        for group in self.optimizer.param_groups:
            group["lr"] = lr
        inputs, labels = batch.inputs.to(self.device), batch.labels.to(self.device)
        value, logits = self.descent.step(inputs, labels, batch, state.epoch)
        if self.average:
            self.average.update(self.net)
        # The loss of the whole batch is the mean of the processes' (see Descent).
        state.loss_sum += value / self.world_size * batch.global_size
        state.correct += count_correct(logits, labels)
        state.samples += labels.shape[0]
        if self.rank == 0:
            seen = min((state.step + 1) * config.batch_size, len(self.batches.dataset))
            mean, share = state.loss_sum / seen * self.world_size, state.correct / state.samples
            self.progress.step(state.epoch, mean, share, batch.global_size)

    # The end of an epoch, and of the run ----------------------------------------------------

    def _end_epoch(self) -> dict[str, Any]:
        state = self.state
        correct, samples, loss_sum = distributed.add_up(
            [state.correct, state.samples, state.loss_sum]
        )
        seconds = max(state.seconds, 1e-9)
        entry: dict[str, Any] = {
            "kind": "epoch",
            "epoch": state.epoch,
            "step": state.epoch * self.batches.steps,
            "lr": self.optimizer.param_groups[0]["lr"],
            "train_loss": loss_sum / samples,
            "train_accuracy": correct / samples,
        }
        entry |= self.judge.epoch()
        total = sum(e["seconds"] for e in self._epochs_so_far()) + seconds
        entry |= {"seconds": seconds, "images_per_s": samples / seconds, "total_seconds": total}
        if self.rank == 0:
            assert self.run is not None
            append_line(self.run.path / "metrics.jsonl", json.dumps(entry))
            self._record_filters(state.epoch)
        if best := self.judge.choose(entry, state):
            self.snapshot.best = best
        self.state = replace(
            state,
            epoch=state.epoch + 1,
            step=0,
            loss_sum=0.0,
            correct=0.0,
            samples=0.0,
            seconds=0.0,
            lines=state.lines + 1,
        )
        self._checkpoint()
        return entry

    def _epochs_so_far(self) -> list[dict[str, Any]]:
        assert self.run is not None
        return self.run.epochs() if self.rank == 0 else []

    def _finish(self) -> None:
        """Save the chosen weights, their outcome on the test data, and the report."""
        assert self.run is not None
        if self.snapshot.best or self.average:
            chosen = self.snapshot.best or (self.average.state if self.average else {})
            self.net.load_state_dict(chosen)
        self._save_weights("weights", self.net.state_dict())
        outcome = self.judge.test()
        save_tensors(
            self.run.path / "predictions.safetensors",
            {"test": {"logits": outcome.logits, "labels": outcome.labels}},
            {},
        )
        if self.run.final() is None:
            parameters = sum(p.numel() for p in self.net.parameters())
            note_end(self.run, outcome, self.state, parameters)
        write_report(self.run, self.data)

    def _save_weights(self, name: str, tensors: dict[str, Tensor]) -> None:
        assert self.run is not None
        state = {"net": self.config.net}
        save_tensors(self.run.path / f"{name}.safetensors", {"": tensors}, state)

    def _record_filters(self, epoch: int) -> None:
        """Keep what the first filters are like at the end of an epoch."""
        assert self.run is not None
        if self.filters:
            self.filters.add(epoch, self.average.state if self.average else self.net.state_dict())
            self.filters.save(self.run.path)

    # Checkpoints ----------------------------------------------------------------------------

    def _checkpoint(self) -> None:
        """Write all that is needed to go on; every process keeps its own random state."""
        self.snapshot.save(self._checkpoint_path(), self.state)

    def _checkpoint_path(self) -> Path:
        assert self.run is not None
        suffix = f".{self.rank}" if self.rank else ""
        return self.run.path / f"checkpoint{suffix}.safetensors"

    def _restore(self) -> None:
        assert self.run is not None
        self.state = self.snapshot.restore(self._checkpoint_path())
        if self.rank == 0:
            cut_metrics(self.run, self.state.lines)
            self.filters = resume_record(self.net, self.run.path, self.state.epoch - 1)

    # Stopping -------------------------------------------------------------------------------

    def _ask_to_stop(self) -> None:
        self.stop_asked = True
        self.progress.say("Stopping after this step; once more stops at once.")

    def _all_asked_to_stop(self) -> bool:
        """Agree on stopping, so that all processes write checkpoints of the same step."""
        if self.world_size == 1:
            return self.stop_asked
        return distributed.add_up([float(self.stop_asked)])[0] > 0

    def _events(self) -> AbstractContextManager[Any]:
        assert self.run is not None
        return events(self.run.path, self.state.epoch) if self.rank == 0 else nullcontext()


def _shapes(batches: Batches) -> list[tuple[int, ...]]:
    """The shapes of the batches of an epoch."""
    return [(size, *batches.dataset.input_shape) for size in batches.sizes]
