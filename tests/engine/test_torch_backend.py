"""`torch.compile(model, backend="striate")`: torch's numbers, or torch itself."""

from __future__ import annotations

import subprocess
import sys
import tomllib
import warnings
from collections.abc import Callable, Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from striate import GraphError, OptionError
from striate.engine import _torch_backend

PROJECT = Path(__file__).parents[2] / "pyproject.toml"


class Net(nn.Module):
    """Reads its batch's size; each part of it is one that torch traces in its own way."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 9, 3)
        self.norm = nn.BatchNorm2d(9)
        self.register_buffer("count", torch.zeros(1))

    def forward(self, x: Tensor) -> Tensor:
        y = F.relu(self.norm(self.conv(x)))
        return y.view(x.size(0), -1)


class Writes(Net):
    def forward(self, x: Tensor) -> Tensor:
        self.count.add_(1)
        return self.conv(x.mul_(2)) + self.count


class Sorts(Net):
    def forward(self, x: Tensor) -> Tensor:
        return torch.sort(self.conv(x))[0]


class Breaks(Net):
    def forward(self, x: Tensor) -> tuple[Tensor, int]:
        y = self.conv(x)
        torch._dynamo.graph_break()
        return F.relu(y), x.shape[0]


@pytest.fixture(autouse=True)
def fresh() -> Iterator[None]:
    torch._dynamo.reset()
    torch.manual_seed(0)
    yield
    torch._dynamo.reset()


@pytest.fixture
def plans(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """The plans that are made, in order."""
    made: list[Any] = []
    real = _torch_backend.compile

    def compile(*args: Any, **options: Any) -> Any:
        made.append(real(*args, **options))
        return made[-1]

    monkeypatch.setattr(_torch_backend, "compile", compile)
    return made


def compiled(net: nn.Module, **more: Any) -> Callable[..., Any]:
    return torch.compile(net, backend=_torch_backend.backend, **more)


def test_inference_gives_torchs_numbers(plans: list[Any]) -> None:
    net, x = Net().eval(), torch.randn(2, 3, 8, 7)
    ours = compiled(net)
    for mode in (torch.no_grad(), torch.inference_mode()):
        with mode:
            torch.testing.assert_close(ours(x), net(x), rtol=0, atol=1e-5)
    assert plans
    assert all(plan.input_shapes == ((2, 3, 8, 7),) for plan in plans)


@torch.no_grad()
def test_other_batches_need_no_new_trace_each(plans: list[Any]) -> None:
    net = Net().eval()
    ours = compiled(net)
    for batch in (2, 3, 5, 8, 13):
        x = torch.randn(batch, 3, 8, 7)
        torch.testing.assert_close(ours(x), net(x), rtol=0, atol=2e-5)
    assert len(plans) == 2  # of the first size, and one that torch traced for all


@torch.no_grad()
def test_other_sizes_fit(plans: list[Any]) -> None:
    net = Net().eval()
    ours = compiled(net, dynamic=True)
    for size in (8, 9, 10, 11):
        x = torch.randn(2, 3, size, 7)
        torch.testing.assert_close(ours(x), net(x), rtol=0, atol=1e-5)
    assert len(plans) == 1


@torch.no_grad()
def test_changed_weights_are_packed_again(plans: list[Any]) -> None:
    net, x = Net().eval(), torch.randn(2, 3, 8, 7)
    ours = compiled(net)
    first = ours(x)
    ours(x)
    assert len(plans) == 1
    net.conv.weight.mul_(2)
    assert not torch.equal(ours(x), first)
    torch.testing.assert_close(ours(x), net(x), rtol=0, atol=1e-5)
    net.load_state_dict(Net().state_dict())
    torch.testing.assert_close(ours(x), net(x), rtol=0, atol=1e-5)
    net.conv = nn.Conv2d(3, 9, 3)
    torch.testing.assert_close(ours(x), net(x), rtol=0, atol=1e-5)


@torch.no_grad()
def test_options_reach_the_plan(plans: list[Any]) -> None:
    x = torch.randn(2, 3, 8, 7)
    compiled(Net().eval(), options={"threads": 1, "precision": "exact"})(x)
    assert (plans[0].threads, plans[0]._recipe.precision) == (1, "exact")
    with pytest.raises(OptionError, match="isa='vax'"):
        compiled(Net().eval(), options={"isa": "vax"})(x)
    with pytest.raises(Exception, match="has no mode='max-autotune'"):
        compiled(Net().eval(), mode="max-autotune")(x)


@torch.no_grad()
def test_graphs_of_several_parts_fit_together(plans: list[Any]) -> None:
    net = Breaks().eval()
    ours = compiled(net)
    for batch in (2, 3, 4):
        x = torch.randn(batch, 3, 8, 7)
        y, length = ours(x)
        torch.testing.assert_close(y, net(x)[0], rtol=0, atol=1e-5)
        assert length == batch
    assert len(plans) >= 2


# --- what is not for a plan -----------------------------------------------------------------------


def test_gradients_are_refused() -> None:
    with pytest.raises(Exception, match="is for inference: call the model under"):
        compiled(Net().eval())(torch.randn(2, 3, 8, 7))


@pytest.mark.parametrize("layer", [nn.BatchNorm2d(3), nn.Dropout()])
@torch.no_grad()
def test_training_mode_is_told(layer: nn.Module) -> None:
    net = nn.Sequential(nn.Conv2d(3, 3, 1), layer).train()
    with pytest.raises(OptionError, match=r"is in training mode.*Call model.eval\(\) first"):
        compiled(net)(torch.randn(2, 3, 8, 7))


@torch.no_grad()
def test_what_striate_does_not_know_runs_in_torch() -> None:
    net, x = Sorts().eval(), torch.randn(2, 3, 8, 7)
    with pytest.warns(UserWarning, match="runs in torch, as Striate cannot compile it.*sort"):
        y = compiled(net)(x)
    torch.testing.assert_close(y, net(x))
    torch._dynamo.reset()
    with pytest.raises(GraphError, match="sort"):
        compiled(net, options={"strict": True})(x)


@torch.no_grad()
def test_the_warning_comes_once() -> None:
    ours = compiled(Sorts().eval())
    with pytest.warns(UserWarning, match="runs in torch"):
        ours(torch.randn(2, 3, 8, 7))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        ours(torch.randn(2, 3, 8, 7))


@torch.no_grad()
def test_what_writes_into_its_inputs_runs_in_torch() -> None:
    net, x = Writes().eval(), torch.ones(2, 3, 8, 7)
    with pytest.warns(UserWarning, match="it writes into its inputs, parameters or buffers"):
        y = compiled(net)(x)
    assert net.count == 1
    assert torch.equal(x, torch.full_like(x, 2))
    torch.testing.assert_close(y, net.conv(x) + 1)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float64])
@torch.no_grad()
def test_other_precisions_run_in_torch(dtype: torch.dtype) -> None:
    net, x = Net().eval().to(dtype), torch.randn(2, 3, 8, 7, dtype=dtype)
    with pytest.warns(UserWarning, match=f"numbers of {dtype}; Striate's kernels take float32"):
        y = compiled(net)(x)
    assert torch.equal(y, net(x))


# --- how torch finds it ---------------------------------------------------------------------------


def entry() -> str:
    points = tomllib.loads(PROJECT.read_text())["project"]["entry-points"]
    return str(points["torch_dynamo_backends"]["striate"])


def test_the_entry_point_names_the_backend() -> None:
    module, _, name = entry().partition(":")
    assert getattr(import_module(module), name) is _torch_backend.backend


def test_torch_finds_an_installed_backend_by_name(tmp_path: Path) -> None:
    info = tmp_path / "striate_backend-1.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: striate-backend\nVersion: 1\n")
    (info / "entry_points.txt").write_text(f"[torch_dynamo_backends]\nstriate = {entry()}\n")
    code = (
        f"import sys; sys.path.insert(0, {str(tmp_path)!r})\n"
        "import torch; from torch import nn\n"
        "net, x = nn.Conv2d(3, 4, 3).eval(), torch.randn(1, 3, 8, 8)\n"
        "with torch.no_grad():\n"
        "    y = torch.compile(net, backend='striate')(x)\n"
        "    torch.testing.assert_close(y, net(x), rtol=0, atol=1e-5)\n"
        "print('striate.engine._torch_backend' in sys.modules)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.stdout == "True\n", done.stderr
