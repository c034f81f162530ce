"""The page: whole for every kind of data, self-contained, and not fooled by hostile names."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from pathlib import Path

import pytest
import torch

from striate import RunError, nn
from striate.data import ArrayDataset, Data
from striate.train import Config, Run, train
from striate.train.report import write_report

NETS = f"{Path(__file__)}:"
HOSTILE = "<script>alert(1)</script>"


def signal_net() -> torch.nn.Module:
    return nn.Sequential(
        nn.Conv1d(1, 4, 9, stride=2), nn.ReLU(), nn.GlobalAvgPool1d(), nn.Flatten(), nn.Linear(4, 3)
    )


def volume_net() -> torch.nn.Module:
    return nn.Sequential(
        nn.Conv3d(1, 4, 3), nn.ReLU(), nn.GlobalAvgPool3d(), nn.Flatten(), nn.Linear(4, 3)
    )


def many_classes_net() -> torch.nn.Module:
    return nn.Sequential(
        nn.Conv2d(3, 40, 3), nn.ReLU(), nn.GlobalAvgPool2d(), nn.Flatten(), nn.Linear(40, 50)
    )


def net_without_convolution() -> torch.nn.Module:
    return nn.Sequential(nn.Flatten(), nn.Linear(2 * 5 * 5, 2))


def made_up(shape: tuple[int, ...], classes: tuple[str, ...]) -> Data:
    torch.manual_seed(0)
    labels = torch.arange(3 * len(classes)) % len(classes)
    names = [f"folder/{HOSTILE}\udcff{i}.png" for i in range(len(labels))]
    part = ArrayDataset(torch.rand(len(labels), *shape), labels, classes, names=names)
    return Data("made up", part, part, classes, shape, (0.5,) * shape[0], (1.0,) * shape[0])


def trained(out: Path, net: str, data: Data, epochs: int = 2) -> Run:
    return train(Config(net=NETS + net, epochs=epochs, out=str(out), lr=0.01), data=data)


class _Page(HTMLParser):
    """What the page would fetch, what it would run, and what it says."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.fetched: list[str] = []
        self.scripts = 0
        self.said = ""
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.scripts += tag == "script" or any(name.startswith("on") for name, _ in attrs)
        self.fetched += [value or "" for name, value in attrs if name in ("src", "href")]

    def handle_data(self, data: str) -> None:
        self.said += data


@pytest.mark.parametrize(
    ("net", "shape", "classes"),
    [
        ("signal_net", (1, 200), ("a", "b", "c")),
        ("volume_net", (1, 6, 6, 6), ("a", HOSTILE, "c & 'd'")),
        ("many_classes_net", (3, 12, 12), tuple(f"{HOSTILE} {i}" for i in range(50))),
        ("net_without_convolution", (2, 5, 5), ("a", "b")),
    ],
)
def test_every_kind_of_data_has_its_report(
    tmp_path: Path, net: str, shape: tuple[int, ...], classes: tuple[str, ...]
) -> None:
    run = trained(tmp_path, net, made_up(shape, classes))
    html = (run.path / "report.html").read_text("utf-8")
    page = _Page(html)
    assert page.scripts == 0
    assert all(address.startswith("data:image/png;base64,") for address in page.fetched)
    assert "http://" not in html
    assert "https://" not in html
    assert "url(" not in html
    assert "default-src 'none'" in html
    assert len(html) < 3_000_000
    accuracy = run.final()["test_accuracy"]
    assert f"{100 * accuracy:.2f} %" in page.said or accuracy in (0, 1)
    assert all(name in page.said for name in classes)
    assert ("What the first layer looks for" in page.said) == (net != "net_without_convolution")
    assert ("How they came about" in page.said) == (net != "net_without_convolution")


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    data = made_up((1, 200), ("a", "b", "c"))
    return trained(tmp_path_factory.mktemp("runs"), "signal_net", data)


def test_the_same_run_gives_the_same_page(run: Run) -> None:
    before = (run.path / "report.html").read_bytes()
    path = write_report(run, made_up((1, 200), ("a", "b", "c")))
    assert path.read_bytes() == before


def test_a_page_without_predictions_works_them_out_again(run: Run) -> None:
    before = (run.path / "report.html").read_bytes()
    saved = run.path / "predictions.safetensors"
    kept = saved.read_bytes()
    saved.unlink()
    try:
        write_report(run, made_up((1, 200), ("a", "b", "c")))
        assert (run.path / "report.html").read_bytes() == before
    finally:
        saved.write_bytes(kept)


def test_other_data_are_refused(run: Run) -> None:
    with pytest.raises(RunError, match="is of 9 other test samples than the 6 of made up"):
        write_report(run, made_up((1, 200), ("a", "b")))


def test_damaged_predictions_are_named(tmp_path: Path) -> None:
    data = made_up((1, 200), ("a", "b", "c"))
    run = trained(tmp_path, "signal_net", data, epochs=1)
    (run.path / "predictions.safetensors").write_bytes(b"nothing")
    with pytest.raises(RunError, match=r"predictions\.safetensors is damaged"):
        write_report(run, data)


def test_a_missing_start_and_environment_leave_the_rest(tmp_path: Path) -> None:
    data = made_up((1, 200), ("a", "b", "c"))
    run = trained(tmp_path, "signal_net", data, epochs=1)
    (run.path / "initial.safetensors").unlink()
    (run.path / "environment.json").write_text("{")
    said = _Page(write_report(run, data).read_text("utf-8")).said
    assert "grey is before training" not in said
    assert "missing or damaged" in said


def test_it_needs_a_run_that_has_ended(tmp_path: Path) -> None:
    data = made_up((1, 200), ("a", "b", "c"))
    run = trained(tmp_path, "signal_net", data, epochs=1)
    (run.path / "metrics.jsonl").write_text("")
    with pytest.raises(RunError, match="has not ended: go on with"):
        write_report(Run.open(run.path, trusted=True), data)


def test_options_that_differ_from_the_recipe_stand_out(run: Run) -> None:
    html = (run.path / "report.html").read_text("utf-8")
    changed = re.findall(r'class="changed"><th scope="row">(\w+)', html)
    assert "epochs" in changed
    assert "batch_size" in changed
    assert "net" not in changed
