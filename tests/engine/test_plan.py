"""What a plan takes and gives, whoever calls it, and the memory it runs in."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

import striate
from striate import OptionError, ShapeError, _core
from striate.engine import CompiledPlan

from .nets import NETS, Branches, Residual

Array = np.ndarray[Any, Any]


@pytest.fixture(scope="module")
def net() -> nn.Module:
    torch.manual_seed(0)
    return Residual().eval()


@pytest.fixture(scope="module")
def plan(net: nn.Module) -> CompiledPlan:
    return striate.compile(net, (4, 12, 9, 11), threads=2)


def inputs(batch: int, height: int = 9, seed: int = 0) -> Array:
    draw = np.random.default_rng(seed)
    return draw.standard_normal((batch, 12, height, 11)).astype(np.float32)


def expected(net: nn.Module, x: Array) -> Array:
    with torch.no_grad():
        y: Array = net(torch.from_numpy(x)).numpy()
    return y


# --- batches and sizes ----------------------------------------------------------------------------


@pytest.mark.parametrize("batch", [0, 1, 3, 4, 7, 8])
def test_any_batch_runs_in_blocks(plan: CompiledPlan, net: nn.Module, batch: int) -> None:
    x = inputs(batch)
    y = plan(x)
    assert y.shape == (batch, 16, 5, 6)
    np.testing.assert_allclose(y, expected(net, x), rtol=0, atol=1e-5)
    assert not plan._others  # it made no plan for another batch


def test_an_image_gives_the_same_numbers_in_any_batch(plan: CompiledPlan) -> None:
    x = inputs(7)
    alone = np.concatenate([plan(x[i : i + 1]) for i in range(7)])
    np.testing.assert_array_equal(plan(x), alone)


def test_other_sizes_have_plans_of_their_own(net: nn.Module) -> None:
    plan = striate.compile(net, (1, 12, 9, 11), threads=1)
    for height in (13, 8, 13):
        x = inputs(1, height)
        np.testing.assert_allclose(plan(x), expected(net, x), rtol=0, atol=1e-5)
    assert len(plan._others) == 2
    assert plan.at((1, 12, 13, 11)) is plan.at((1, 12, 13, 11))
    assert plan.at((1, 12, 9, 11)) is plan


def test_a_batch_for_compile_is_a_block(net: nn.Module) -> None:
    assert striate.compile(net, (1, 12, 9, 11), batch=3).input_shapes == ((3, 12, 9, 11),)
    with pytest.raises(OptionError, match="batch=0"):
        striate.compile(net, (1, 12, 9, 11), batch=0)


def test_a_net_that_mixes_its_batch_runs_whole_batches() -> None:
    class Mixes(nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return torch.relu(x).mean(0)

    x = torch.randn(4, 12, 3, 3)
    for batch in (4, 2):
        plan = striate.compile(Mixes(), (4, 12, 3, 3))
        torch.testing.assert_close(plan(x[:batch]), torch.relu(x[:batch]).mean(0))


# --- what goes in and comes out -------------------------------------------------------------------


def test_tensors_give_tensors_and_arrays_give_arrays(plan: CompiledPlan) -> None:
    x = inputs(4)
    y, t = plan(x), plan(torch.from_numpy(x))
    assert isinstance(y, np.ndarray)
    assert isinstance(t, torch.Tensor)
    np.testing.assert_array_equal(t.numpy(), y)


@pytest.mark.parametrize("kind", ["array", "tensor"])
def test_odd_layouts_are_copied(plan: CompiledPlan, kind: str) -> None:
    x = inputs(4)
    raw = np.empty(x.nbytes + 1, np.uint8)[1:].view(np.float32).reshape(x.shape)
    raw[...] = x
    assert not raw.flags.aligned
    odd = [np.asfortranarray(x), x[:, :, ::-1][:, :, ::-1], x.astype(">f4"), x.astype(np.float64)]
    if kind == "tensor":
        given: list[Any] = [torch.from_numpy(x).to(memory_format=torch.channels_last)]
        given += [torch.from_numpy(x).double(), torch.from_numpy(x).flip(2).flip(2)]
    else:
        given = [*odd, raw, x.tolist()]
    for one in given:
        np.testing.assert_array_equal(np.asarray(plan(one)), plan(x))


def test_contiguous_inputs_and_outputs_are_not_copied(plan: CompiledPlan) -> None:
    x = inputs(4)
    t = torch.from_numpy(x)
    assert np.shares_memory(plan._arrays([x])[0], x)
    assert np.shares_memory(plan._arrays([t])[0], x)
    out = torch.full((4, 16, 5, 6), torch.nan)
    plan.run_into(out, inputs=[t])
    np.testing.assert_array_equal(out.numpy(), plan(x))


def test_outputs_belong_to_the_caller(plan: CompiledPlan) -> None:
    x = inputs(4)
    first = plan(x)
    kept = first.copy()
    plan(inputs(4, seed=1))
    np.testing.assert_array_equal(first, kept)


@pytest.mark.parametrize(
    ("given", "error", "message"),
    [
        (np.zeros((4, 12, 9, 11), np.uint8), OptionError, "is uint8; float32 is needed"),
        (np.zeros((4, 12, 9, 11), complex), OptionError, "is complex128; float32 is needed"),
        (np.zeros((4, 13, 9, 11), np.float32), ShapeError, "13 channels|has 13"),
        (np.zeros((12, 9, 11), np.float32), ShapeError, ""),
        (np.zeros((4, 12, 0, 11), np.float32), ShapeError, ""),
    ],
)
def test_wrong_inputs_are_told(
    plan: CompiledPlan, given: Array, error: type[Exception], message: str
) -> None:
    with pytest.raises((error, striate.GraphError), match=message or r"\S"):
        plan(given)


def test_wrong_numbers_of_inputs_are_told(plan: CompiledPlan) -> None:
    with pytest.raises((OptionError, ShapeError), match=r"inputs|shapes"):
        plan(inputs(4), inputs(4))
    with pytest.raises((OptionError, ShapeError), match=r"inputs|shapes"):
        plan()


def test_gradients_are_not_dropped_in_silence(plan: CompiledPlan) -> None:
    x = torch.zeros(4, 12, 9, 11, requires_grad=True)
    with pytest.raises(OptionError, match="wants a gradient"):
        plan(x)
    with torch.no_grad():
        assert plan(x).shape == (4, 16, 5, 6)
    assert plan(x.detach()).shape == (4, 16, 5, 6)


def test_run_into_takes_what_fits_alone(plan: CompiledPlan) -> None:
    x, y = inputs(4), np.empty((4, 16, 5, 6), np.float32)
    plan.run_into(y, inputs=[x])
    np.testing.assert_array_equal(y, plan(x))
    one = np.empty(y.size + 12 * 9 * 11 * 4, np.float32)
    overlapping = one[: y.size].reshape(y.shape), one[: x.size].reshape(x.shape)
    for out, given, message in (
        (y[:2], x, "room for"),
        (y.astype(np.float64), x, "room for float64"),
        (np.asfortranarray(y), x, "must be contiguous"),
        (y, inputs(3), "takes whole blocks"),
        (overlapping[0], overlapping[1], "lies in the memory of an input"),
    ):
        with pytest.raises((OptionError, ShapeError), match=message):
            plan.run_into(out, inputs=[given])
    with pytest.raises(OptionError, match="2 outputs were given for 1"):
        plan.run_into(y, y.copy(), inputs=[x])
    y.flags.writeable = False
    with pytest.raises(OptionError, match="writable"):
        plan.run_into(y, inputs=[x])


def test_run_into_takes_what_the_quick_way_does_not() -> None:
    """Several outputs, which must not lie in each other's memory; tensors, float64 inputs."""

    class Halves(nn.Module):
        def forward(self, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
            return x / 2, x + 1

    plan, x = striate.compile(Halves().eval(), (1, 6)), inputs(1)[:, 0, 0, :6].copy()
    memory = np.zeros(20, np.float32)
    y, z = memory[:6].reshape(1, 6), memory[6:12].reshape(1, 6)
    for given in ([x], (x,), [torch.from_numpy(x)], [x.astype(np.float64)]):
        memory[:] = 0
        plan.run_into(y, z, inputs=given)
        np.testing.assert_array_equal(memory, [*(x[0] / 2), *(x[0] + 1), *[0] * 8])
    with pytest.raises(OptionError, match="lies in the memory of an input or of another output"):
        plan.run_into(y, memory[5:11].reshape(1, 6), inputs=[x])


def test_training_mode_is_refused() -> None:
    net = nn.Sequential(nn.Conv2d(3, 4, 1), nn.BatchNorm2d(4)).train()
    with pytest.raises(OptionError, match=r"is in training mode.*model\.eval\(\)"):
        striate.compile(net, (2, 3, 4, 4))
    with pytest.raises(striate.GraphError, match=r"bfloat16 numbers.*model\.float\(\)"):
        striate.compile(net.eval().bfloat16(), torch.zeros(2, 3, 4, 4, dtype=torch.bfloat16))


# --- threads --------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["residual", "branches", "squeeze and excite", "volume", "norms"])
def test_results_do_not_depend_on_threads(name: str, tmp_path: Path) -> None:
    torch.manual_seed(0)
    build, shape = NETS[name]
    plan, x = striate.compile(build().eval(), shape, threads=5), torch.randn(shape).numpy()
    plan.save(tmp_path / "net.striate")
    for threads in (1, 2, 3, 5):
        loaded = striate.runtime.load(tmp_path / "net.striate", threads=threads)
        np.testing.assert_array_equal(loaded(x), plan(x))


def test_many_threads_call_one_plan(plan: CompiledPlan) -> None:
    given = [inputs(4, seed=i) for i in range(8)]
    wanted = [plan(x) for x in given]
    with ThreadPoolExecutor(8) as pool:
        for _ in range(5):
            for found, y in zip(pool.map(plan, given), wanted, strict=True):
                np.testing.assert_array_equal(found, y)


def test_several_plans_run_at_the_same_time(net: nn.Module) -> None:
    plans = [striate.compile(net, (1, 12, 9, 11), threads=n) for n in (1, 2, 3)]
    plans.append(striate.compile(Branches().eval(), (1, 3, 8, 7), threads=2))
    given = [np.ones(plan.input_shapes[0], np.float32) for plan in plans]
    wanted = [plan(x) for plan, x in zip(plans, given, strict=True)]
    with ThreadPoolExecutor(4) as pool:
        for _ in range(10):
            found = pool.map(lambda pair: pair[0](pair[1]), zip(plans, given, strict=True))
            for ours, theirs in zip(found, wanted, strict=True):
                np.testing.assert_array_equal(ours, theirs)


# --- memory, and what it tells --------------------------------------------------------------------


def test_peak_bytes_are_what_is_allocated(plan: CompiledPlan) -> None:
    context = _core.Context(plan._runner.program)
    assert context.arena.nbytes == plan.peak_bytes
    assert plan.peak_bytes % 64 == 0  # so that nothing is added to align it


def test_maps_are_freed_behind_their_last_reader() -> None:
    def peak(layers: int) -> int:
        convs = [nn.Conv2d(16, 16, 3, padding=1) for _ in range(layers)]
        return striate.compile(
            nn.Sequential(*convs), (1, 16, 32, 32), threads=1, precision="exact"
        ).peak_bytes

    assert peak(8) == peak(3)


def test_it_tells_what_it_is(plan: CompiledPlan, net: nn.Module) -> None:
    steps = len(plan._recipe.steps)
    assert repr(plan) == f"<Plan Residual for 4x12x9x11: {steps} steps, {plan.target}, 2 threads>"
    assert (plan.name, plan.threads) == ("Residual", 2)
    assert (plan.input_shapes, plan.output_shapes) == (((4, 12, 9, 11),), ((4, 16, 5, 6),))
    assert plan.weight_bytes >= 4 * sum(p.numel() for p in net.parameters())


def test_explain_names_steps_kernels_and_what_was_fused(plan: CompiledPlan) -> None:
    text = plan.explain()
    for part in ("conv1", "conv2", "short", "relu", plan.target, "2 threads"):
        assert part in text
    assert "NumPy" not in text
    profiled = plan.explain(profile=True, repeats=3)
    assert "GFLOP/s" in profiled
    assert len(plan.profile(3)) == len(plan._recipe.steps)
    assert all(seconds > 0 for seconds in plan.profile(3))


def test_explain_names_what_runs_in_numpy() -> None:
    class Rest(nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return x % 2

    plan = striate.compile(Rest(), (2, 3))
    assert "NumPy: binary" in plan.explain()
    assert "mod has no kernel" in plan.explain()
