"""A compiled module behaves as the model does, for everything around it."""

from __future__ import annotations

import copy
import io
import pickle
import re
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.utils.checkpoint import checkpoint

import striate
from striate.errors import OptionError, ShapeError
from striate.runtime._run import Runner

SHAPE = (4, 3, 8, 8)


def small_net() -> nn.Module:
    torch.manual_seed(0)
    return nn.Sequential(
        nn.Conv2d(3, 8, 3, padding=1, bias=False), nn.BatchNorm2d(8), nn.ReLU(), nn.MaxPool2d(2),
        nn.Conv2d(8, 12, 3), nn.ReLU(inplace=True), nn.Flatten(), nn.Linear(48, 5),
    )  # fmt: skip


def batch(count: int = 4, seed: int = 1) -> tuple[Tensor, Tensor]:
    draw = torch.Generator().manual_seed(seed)
    x = torch.randn(count, *SHAPE[1:], generator=draw)
    return x, torch.randint(0, 5, (count,), generator=draw)


def both(model: nn.Module | None = None, **options: Any) -> tuple[nn.Module, nn.Module]:
    """A compiled model, and a copy of the model in float64."""
    model = model or small_net()
    reference = copy.deepcopy(model).double()
    return striate.compile(model, SHAPE, train=True, **options), reference


def step(model: nn.Module, x: Tensor, labels: Tensor) -> Tensor:
    loss = F.cross_entropy(model(x), labels)
    loss.backward()
    return loss


def close(ours: Tensor | None, theirs: Tensor | None, share: float = 1e-5) -> None:
    assert (ours is None) == (theirs is None)
    if ours is not None and theirs is not None:
        largest = theirs.abs().max()
        assert (ours - theirs).abs().max() <= share * largest + 1e-12


def same_gradients(ours: nn.Module, theirs: nn.Module, share: float = 1e-5) -> None:
    for (name, p), q in zip(ours.named_parameters(), theirs.parameters(), strict=True):
        assert p.grad is None or p.grad.shape == p.shape, name
        close(p.grad, q.grad, share)


@pytest.mark.parametrize("training", [True, False])
def test_loss_gradients_and_statistics_are_torchs(training):
    fast, reference = both(small_net().train(training))
    x, labels = batch()
    for _ in range(2):  # the second adds to the gradients of the first
        close(step(fast, x, labels), step(reference, x.double(), labels))
    same_gradients(fast, reference)
    for ours, theirs in zip(fast.buffers(), reference.buffers(), strict=True):
        close(ours, theirs)


@pytest.mark.parametrize("count", [2, 16])
def test_a_function_behind_a_pooling_is_one_step_with_it(count):
    """With channels, and with images as lanes."""
    net = nn.Sequential(
        nn.Conv2d(3, 6, 3, padding=1), nn.MaxPool2d(2), nn.Tanh(), nn.Conv2d(6, 6, 3, padding=1),
        nn.MaxPool2d(3, 2, 1), nn.ReLU(), nn.Flatten(), nn.Linear(24, 5),
    )  # fmt: skip
    fast, reference = both(net)
    x, labels = batch(count)
    close(step(fast, x, labels), step(reference, x.double(), labels))
    same_gradients(fast, reference)
    assert "in NumPy, without a kernel: nothing" in fast.explain()


class WithAside(nn.Module):
    """A batch norm that no output needs."""

    def __init__(self) -> None:
        super().__init__()
        self.conv, self.norm, self.aside = nn.Conv2d(3, 9, 3), nn.BatchNorm2d(9), nn.BatchNorm2d(9)

    def forward(self, x: Tensor) -> Tensor:
        y = self.conv(x)
        self.aside(y)
        return self.norm(y)


def test_a_norm_that_nobody_reads_counts_the_batch_as_well():
    fast, reference = both(WithAside())
    x, _ = batch()
    for model, given in ((fast, x), (reference, x.double())):
        model(given).square().sum().backward()
    assert fast.model.aside.weight.grad is reference.aside.weight.grad is None
    for ours, theirs in zip(fast.buffers(), reference.buffers(), strict=True):
        close(ours, theirs)


def test_it_is_the_model():
    model = small_net()
    fast = striate.compile(model, SHAPE, train=True)
    assert list(fast.state_dict()) == list(model.state_dict())
    assert [id(p) for p in fast.parameters()] == [id(p) for p in model.parameters()]
    assert [id(b) for b in fast.buffers()] == [id(b) for b in model.buffers()]
    assert fast.training
    assert not fast.eval().training
    assert not model[1].training
    saved = io.BytesIO()
    torch.save(fast.state_dict(), saved)
    saved.seek(0)
    model.load_state_dict(torch.load(saved, weights_only=True))


def test_an_optimizer_trains_it():
    fast, reference = both()
    torch_model = small_net()
    optimizers = [torch.optim.AdamW(m.parameters(), 1e-2) for m in (fast, torch_model)]
    x, labels = batch(16)
    for _ in range(5):
        losses = []
        for model, optimizer in zip((fast, torch_model), optimizers, strict=True):
            optimizer.zero_grad()
            losses.append(step(model, x, labels))
            optimizer.step()
        close(*losses, share=1e-4)
    assert losses[0] < F.cross_entropy(reference(x.double()), labels)


def test_any_batch_and_any_size():
    convolutions = nn.Sequential(nn.Conv2d(3, 9, 3), nn.Tanh(), nn.AdaptiveAvgPool2d(1))
    fast = striate.compile(convolutions, SHAPE, train=True)
    reference = copy.deepcopy(convolutions).double()
    for shape in [(1, 3, 8, 8), (5, 3, 8, 8), (2, 3, 11, 7), (4, 3, 8, 8)]:
        x = torch.randn(shape)
        fast(x).square().sum().backward()
        reference(x.double()).square().sum().backward()
        same_gradients(fast, reference)


def test_gradients_of_the_input():
    fast, reference = both()
    x, labels = batch()
    ours, theirs = x.clone().requires_grad_(), x.double().requires_grad_()
    step(fast, ours, labels)
    step(reference, theirs, labels)
    close(ours.grad, theirs.grad)


def test_an_input_may_lie_anyhow():
    fast, reference = both()
    x, labels = batch()
    step(fast, x.to(memory_format=torch.channels_last), labels)
    step(reference, x.double(), labels)
    same_gradients(fast, reference)


def test_frozen_parts_get_no_gradient():
    fast, reference = both()
    for layers in (fast.model, reference):
        layers[0].weight.requires_grad_(False)
        layers[1].requires_grad_(False)
    x, labels = batch()
    step(fast, x, labels)
    step(reference, x.double(), labels)
    assert fast.model[0].weight.grad is None
    same_gradients(fast, reference)
    whole = len(fast._latest.recipe.steps)
    fast.model[4].requires_grad_(False)
    step(fast, x, labels)
    assert len(fast._latest.recipe.steps) < whole


def test_shared_layers_add_their_gradients():
    class Twice(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.first, self.layer = nn.Conv2d(3, 8, 1), nn.Conv2d(8, 8, 3, padding=1)

        def forward(self, x: Tensor) -> Tensor:
            return self.layer(self.layer(self.first(x)).relu())

    torch.manual_seed(0)
    fast, reference = both(Twice())
    x, _ = batch()
    fast(x).square().sum().backward()
    reference(x.double()).square().sum().backward()
    same_gradients(fast, reference)


def test_tied_weights():
    class Tied(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.inner, self.outer = nn.Linear(192, 192), nn.Linear(192, 192)
            self.outer.weight = self.inner.weight

        def forward(self, x: Tensor) -> Tensor:
            return self.outer(self.inner(x.flatten(1)).tanh())

    torch.manual_seed(0)
    fast, reference = both(Tied())
    x, _ = batch()
    fast(x).square().sum().backward()
    reference(x.double()).square().sum().backward()
    same_gradients(fast, reference)


def test_the_backward_pass_may_run_twice():
    fast, reference = both()
    x, labels = batch()
    for model, given in ((fast, x), (reference, x.double())):
        loss = F.cross_entropy(model(given), labels)
        loss.backward(retain_graph=True)
        loss.backward()
    same_gradients(fast, reference)


def test_gradients_that_are_held_are_not_written_over():
    fast, _ = both()
    x, labels = batch()
    held = []
    for seed in range(3):
        fast.zero_grad()
        step(fast, *batch(seed=seed))
        held += [(p.grad, p.grad.clone()) for p in fast.parameters()]
    step(fast, x, labels)  # adds to the last ones
    assert all(torch.equal(gradient, was) for gradient, was in held[: -len(held) // 3])


def test_memory_of_gradients_that_are_gone_is_used_again():
    fast, _ = both()
    found = []
    for _ in range(3):
        step(fast, *batch())
        found.append([p.grad.data_ptr() for p in fast.parameters()])
        fast.zero_grad()
    assert found[1] == found[2]


def test_a_loss_that_is_held_keeps_no_memory_of_the_passes(monkeypatch):
    made = []
    real = Runner.context
    monkeypatch.setattr(Runner, "context", lambda self: made.append(self) or real(self))
    fast, reference = both()
    held = []
    for seed in range(3):
        x, labels = batch(seed=seed)
        held += [step(fast, x, labels), step(reference, x.double(), labels)]
    assert len(made) == 1
    same_gradients(fast, reference)
    with torch.no_grad():
        fast(batch()[0])
        fast(batch()[0])
    assert len(made) == 2


def test_calls_may_be_nested():
    fast, reference = both()
    (x, labels), (other, more) = batch(), batch(seed=2)
    for model, a, b in ((fast, x, other), (reference, x.double(), other.double())):
        first, second = F.cross_entropy(model(a), labels), F.cross_entropy(model(b), more)
        first.backward()
        second.backward()
    same_gradients(fast, reference)


def test_checkpoints_run_the_forward_pass_again():
    fast, reference = both(small_net().eval())
    x, labels = batch()
    for model, given in ((fast, x), (reference, x.double())):
        y = checkpoint(model, given.requires_grad_(), use_reentrant=False)
        F.cross_entropy(y, labels).backward()
    same_gradients(fast, reference)


def test_changed_weights_count_at_once():
    fast, _ = both()
    x, _ = batch()
    with torch.no_grad():
        before = fast(x)
        fast.model[7].bias.add_(1)
        assert not before.requires_grad
        close(fast(x), before + 1)


def test_weights_that_changed_before_the_backward_pass_are_refused():
    fast, _ = both()
    x, labels = batch()
    loss = F.cross_entropy(fast(x), labels)
    with torch.no_grad():
        fast.model[7].weight.mul_(2)
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        loss.backward()


def test_dropout_draws_from_torchs_generator():
    model = nn.Sequential(nn.Flatten(), nn.Linear(192, 1000, bias=False), nn.Dropout(0.25))
    fast = striate.compile(model, SHAPE, train=True)
    x, _ = batch()
    runs = []
    for seed in (3, 3, 4):
        torch.manual_seed(seed)
        runs.append(fast(x))
    assert torch.equal(runs[0], runs[1])
    assert not torch.equal(runs[0], runs[2])
    kept = runs[0] != 0
    assert 0.72 < kept.float().mean() < 0.78
    close(runs[0][kept], (model[:2](x) / 0.75)[kept])
    runs[0].sum().backward()
    expected = (kept.float() / 0.75).T @ x.flatten(1)
    close(model[1].weight.grad, expected)


def test_statistics_without_a_momentum_are_means():
    model = nn.Sequential(nn.Conv2d(3, 4, 1), nn.BatchNorm2d(4, momentum=None))
    fast, reference = both(model)
    for seed in range(3):
        x, _ = batch(seed=seed)
        fast(x)
        reference(x.double())
    for ours, theirs in zip(fast.buffers(), reference.buffers(), strict=True):
        close(ours, theirs)


def test_an_empty_batch_gives_empty_outputs():
    fast, _ = both(small_net().eval())
    y = fast(torch.zeros(0, 3, 8, 8))
    assert y.shape == (0, 5)
    y.sum().backward()
    assert fast.model[0].weight.grad.abs().max() == 0


def test_copies_are_compiled_too():
    fast, _ = both()
    x, _ = batch()
    for other in (copy.deepcopy(fast), pickle.loads(pickle.dumps(fast))):
        assert type(other) is type(fast)
        close(other(x), fast(x))
        other.model[7].bias.data.add_(1)
        assert not torch.equal(other.model[7].bias, fast.model[7].bias)
    averaged = torch.optim.swa_utils.AveragedModel(fast)
    averaged.update_parameters(fast)
    close(averaged(x), fast(x))


def test_threads_do_not_change_a_bit():
    runs = []
    for threads in (1, 2, 3):
        model = small_net()
        fast = striate.compile(model, SHAPE, train=True, threads=threads)
        step(fast, *batch(9))
        runs.append([p.grad for p in model.parameters()])
    for other in runs[1:]:
        assert all(torch.equal(a, b) for a, b in zip(runs[0], other, strict=True))


def test_what_runs_is_told():
    fast, _ = both()
    with pytest.raises(OptionError, match="Call it once"):
        fast.explain()
    step(fast, *batch())
    told = fast.explain()
    assert "4x3x8x8" in told
    assert "backward" in told
    assert "in NumPy, without a kernel: " in told
    assert fast.peak_bytes > 4 * 4 * 8 * 64


def test_a_profile_times_every_step_and_changes_nothing():
    fast, _ = both()
    step(fast, *batch())
    before = {name: tensor.clone() for name, tensor in fast.state_dict().items()}
    gradients = [p.grad.clone() for p in fast.parameters() if p.grad is not None]
    random = torch.get_rng_state()
    told = fast.explain(profile=True, repeats=2)
    steps = [
        line for line in told.splitlines() if re.match(r" +\d+ .* \d+\.\d\d +\d+\.\d{3} ", line)
    ]
    counted = [int(count) for count in re.findall(r"(\d+) steps forward, (\d+)", told)[0]]
    assert len(steps) == sum(counted)
    assert told.count("share") == 3  # in the table of steps' note, and of each pass
    shares = told.partition("\nforward\nsteps")[2]
    kinds = [int(line.split()[0]) for line in shares.splitlines() if line.endswith("%")]
    assert sum(kinds) == sum(counted)
    assert all(torch.equal(before[name], tensor) for name, tensor in fast.state_dict().items())
    assert all(torch.equal(a, p.grad) for a, p in zip(gradients, fast.parameters(), strict=True))
    assert torch.equal(random, torch.get_rng_state())


def test_a_profile_without_a_repeat_is_refused():
    fast, _ = both()
    step(fast, *batch())
    with pytest.raises(OptionError, match="repeats=0 must be 1 or more"):
        fast.explain(profile=True, repeats=0)


class TestErrors:
    def test_no_module(self):
        with pytest.raises(OptionError, match=r"needs a torch\.nn\.Module"):
            striate.compile("lenet5", (1, 1, 32, 32), train=True)

    def test_no_example(self):
        with pytest.raises(OptionError, match="shape is missing"):
            striate.compile(small_net(), None, train=True)

    def test_blocks_of_the_batch(self):
        with pytest.raises(OptionError, match="leave batch out"):
            striate.compile(small_net(), SHAPE, batch=4, train=True)

    def test_inputs(self):
        fast, _ = both()
        x, _ = batch()
        with pytest.raises(OptionError, match=r"float64 on cpu"):
            fast(x.double())
        with pytest.raises(OptionError, match="a tensor is needed"):
            fast(x.numpy())
        with pytest.raises(OptionError, match="2 inputs were given for 1"):
            fast(x, x)
        with pytest.raises(ShapeError, match="must have 4 axes"):
            fast(x[0])
        with pytest.raises(ShapeError):
            fast(x[:, :2])

    def test_a_weight_of_another_shape(self):
        fast, _ = both()
        fast.model[7].weight = nn.Parameter(torch.zeros(6, 48))
        with pytest.raises(OptionError, match="Compile it again"):
            fast(batch()[0])
