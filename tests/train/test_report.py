"""The report: whole, self-contained, and not fooled by hostile names."""

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
from striate.train.report._charts import Series, _ticks, line_chart, waveform
from striate.train.report._content import by_class, confusion, most_confused, worst_mistakes

NETS = f"{Path(__file__)}:"


def flat_signal_net() -> torch.nn.Module:
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


def made_up(shape: tuple[int, ...], classes: tuple[str, ...]) -> Data:
    torch.manual_seed(0)
    labels = torch.arange(3 * len(classes)) % len(classes)
    part = ArrayDataset(torch.rand(len(labels), *shape), labels, classes)
    return Data("made up", part, part, classes, shape, (0.5,) * shape[0], (1.0,) * shape[0])


class _Loads(HTMLParser):
    """What the page would fetch, and whether its elements close."""

    def __init__(self) -> None:
        super().__init__()
        self.fetched: list[str] = []
        self.scripts = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.scripts += tag == "script"
        self.fetched += [v or "" for k, v in attrs if k in ("src", "href") and tag != "a"]


@pytest.mark.parametrize(
    ("net", "shape", "classes"),
    [
        ("flat_signal_net", (1, 200), ("a", "b", "c")),
        ("volume_net", (1, 6, 6, 6), ("a", "<script>alert(1)</script>", "c & 'd'")),
        ("many_classes_net", (3, 12, 12), tuple(f"class {i}" for i in range(50))),
    ],
)
def test_every_kind_of_data_has_its_report(
    tmp_path: Path, net: str, shape: tuple[int, ...], classes: tuple[str, ...]
) -> None:
    config = Config(net=NETS + net, epochs=2, out=str(tmp_path), lr=0.01)
    run = train(config, data=made_up(shape, classes))
    html = (run.path / "report.html").read_text()
    page = _Loads()
    page.feed(html)
    assert page.scripts == 0
    assert all(address.startswith("data:image/png;base64,") for address in page.fetched)
    assert "http" not in html
    assert len(html) < 3_000_000
    accuracy = run.final()["test_accuracy"]
    assert f"{100 * accuracy:.2f}" in html
    if len(classes) <= 30:
        assert html.count('scope="row"') == len(classes)


def test_it_needs_a_run_that_has_ended(tmp_path: Path) -> None:
    data = made_up((1, 200), ("a", "b", "c"))
    config = Config(net=NETS + "flat_signal_net", epochs=1, out=str(tmp_path), lr=0.01)
    run = train(config, data=data)
    (run.path / "metrics.jsonl").write_text("")
    with pytest.raises(RunError, match="has not ended: go on with"):
        write_report(Run.open(run.path), data)


def test_confusion_by_hand() -> None:
    logits = torch.eye(3)[[0, 0, 1, 2, 2]]
    labels = torch.tensor([0, 1, 1, 2, 0])
    matrix = confusion(logits, labels, 3)
    assert matrix.tolist() == [[1, 0, 1], [1, 1, 0], [0, 0, 1]]
    scores = by_class(matrix, ("a", "b", "c"))
    assert scores[0] == {"name": "a", "samples": 2, "precision": 0.5, "recall": 0.5}
    assert [pair["count"] for pair in most_confused(matrix, ("a", "b", "c"))] == [1, 1]


def test_a_class_that_never_occurs_has_no_recall() -> None:
    matrix = confusion(torch.eye(2)[[0]], torch.tensor([0]), 2)
    assert by_class(matrix, ("a", "b"))[1] == {
        "name": "b",
        "samples": 0,
        "precision": None,
        "recall": None,
    }


def test_the_most_confident_mistake_is_the_worst() -> None:
    logits = torch.tensor([[9.0, 0.0], [1.0, 0.0], [5.0, 0.0], [0.0, 9.0]])
    labels = torch.tensor([0, 1, 1, 1])
    assert worst_mistakes(logits, labels).tolist() == [2, 1]


@pytest.mark.parametrize(("low", "high"), [(0.0, 1.0), (0.97, 0.981), (3.0, 3.0), (1e-7, 2e-5)])
def test_ticks_are_few_round_and_enclosing(low: float, high: float) -> None:
    ticks = _ticks(low, high)
    assert 2 <= len(ticks) <= 8
    assert ticks[0] <= low + 1e-9
    assert ticks[-1] >= high - 1e-9


def test_a_chart_survives_one_epoch_and_infinite_losses() -> None:
    chart = line_chart([Series("loss <b>", [1], [0.5]), Series("x", [1], [0.7])], "epoch", "loss")
    assert "loss &lt;b&gt;" in chart
    assert chart.count("<circle") == 2
    assert "nan" not in line_chart([Series("l", [1, 2], [0.5, float("nan")])], "epoch", "loss")


def test_a_long_waveform_keeps_its_peaks() -> None:
    values = [0.0] * 10_000
    values[5_001] = 1.0
    numbers = re.search(r'polyline class="line c0" points="([^"]+)"', waveform(values, "peak"))
    assert numbers is not None
    heights = [float(point.split(",")[1]) for point in numbers[1].split()]
    assert min(heights) == 0.0
    assert len(heights) < 1000
