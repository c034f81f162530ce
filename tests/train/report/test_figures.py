"""The drawings: what they show, by hand."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from typing import Any

import numpy as np
import pytest
import torch

from striate import nn
from striate.data import ArrayDataset
from striate.train import Config
from striate.train._score import Score
from striate.train.report import _samples as samples
from striate.train.report._confusion import confusion_figure
from striate.train.report._curves import accuracy_chart, loss_chart, lr_chart
from striate.train.report._filters import first_filters
from striate.train.report._maps import feature_maps
from striate.train.report._pixels import LINE, mosaic, shrink, signed
from striate.train.report._svg import Markup, element
from striate.train.report._text import duration, percent, short
from striate.train.report._waves import waveform


def parsed(markup: Markup) -> ET.Element:
    """Parse an SVG, which must be well-formed XML."""
    return ET.fromstring(markup)


def texts(markup: Markup) -> list[str]:
    return [node.text or "" for node in parsed(markup).iter("text")]


def epochs(*losses: float) -> list[dict[str, Any]]:
    return [
        {"epoch": i, "step": 10 * i, "train_loss": loss, "test_loss": loss / 2}
        | {"train_accuracy": 0.5, "test_accuracy": 0.6}
        for i, loss in enumerate(losses, 1)
    ]


class TestElements:
    def test_text_and_attributes_are_escaped(self) -> None:
        made = element("g", "<b> & 'c'", aria_label='"x"><script>')
        assert parsed(made).text == "<b> & 'c'"
        assert parsed(made).get("aria-label") == '"x"><script>'

    def test_markup_is_put_in_as_it_is(self) -> None:
        assert element("g", element("i", "a")) == "<g><i>a</i></g>"


class TestText:
    @pytest.mark.parametrize(
        ("share", "written"),
        [
            (0.99951, ">99.9 %"),
            (0.99949, "99.9 %"),
            (0.0004, "<0.1 %"),
            (0.0, "0 %"),
            (1.0, "100 %"),
        ],
    )
    def test_only_all_is_a_hundred_percent(self, share: float, written: str) -> None:
        assert percent(share) == written

    def test_times(self) -> None:
        assert [duration(t) for t in (0.04, 59.4, 60, 3599.6)] == [
            "0.0 s",
            "59 s",
            "1 min 00 s",
            "1 h 00 min",
        ]

    def test_a_short_name_keeps_both_ends(self) -> None:
        assert [len(short("abcdefghij", n)) for n in (3, 6, 9, 10)] == [3, 6, 9, 10]
        assert short("abcdefghij", 5) == "ab…ij"


class TestCurves:
    def test_every_epoch_is_a_dot_that_tells_its_value(self) -> None:
        chart = parsed(loss_chart(epochs(2.0, 1.5, 1.0), None))
        told = [node.text for node in chart.iter("title")]
        assert "training, epoch 2: 1.5" in told
        assert len(told) == 6

    def test_one_epoch_and_values_that_are_no_numbers_are_drawn(self) -> None:
        assert "nan" not in loss_chart(epochs(2.0, float("nan"), 1.0), None)
        assert len(list(parsed(loss_chart(epochs(2.0), None)).iter("circle"))) == 2

    def test_a_loss_that_never_was_a_number_is_no_curve(self) -> None:
        assert not list(parsed(loss_chart(epochs(float("nan")), None)).iter("polyline"))

    def test_a_wide_range_of_losses_is_logarithmic(self) -> None:
        wide, narrow = (texts(loss_chart(epochs(2.0, last), None)) for last in (0.01, 1.0))
        assert [tick for tick in wide if "0.0" in tick] == ["0.001", "0.01"]
        assert "0.5" in narrow

    def test_a_perfect_accuracy_stays_on_the_stretched_axis(self) -> None:
        entries = epochs(1.0, 1.0)
        entries[1] |= {"test_accuracy": 1.0}
        chart = parsed(accuracy_chart(entries, None, samples=100))
        heights = [float(node.get("cy") or "nan") for node in chart.iter("circle")]
        assert all(0 <= height <= 260 for height in heights)

    def test_the_kept_epoch_is_marked(self) -> None:
        assert "mark" in loss_chart(epochs(2.0, 1.0), 1)
        assert "mark" not in loss_chart(epochs(2.0, 1.0), None)

    def test_the_learning_rate_is_the_schedule_as_far_as_it_ran(self) -> None:
        config = Config(epochs=4, lr=0.4, schedule="constant", warmup_epochs=1)
        chart = parsed(lr_chart(epochs(2.0, 1.0), config))
        line = next(chart.iter("polyline")).get("points") or ""
        heights = [float(pair.split(",")[1]) for pair in line.split()]
        assert len(heights) == 20
        assert heights[0] > heights[5] > heights[9]
        assert heights[10:] == [heights[9]] * 10


class TestConfusion:
    score = Score.of(
        torch.tensor([0, 0, 0, 1, 1, 2]), torch.tensor([0, 0, 1, 1, 1, 0]), ("cat", "dog", "<cow>")
    )

    def test_every_count_is_written_once(self) -> None:
        drawn = texts(confusion_figure(self.score))
        assert sorted(text for text in drawn if text.isdigit()) == ["1", "1", "2", "2"]

    def test_cells_tell_their_pair(self) -> None:
        told = [node.text for node in parsed(confusion_figure(self.score)).iter("title")]
        assert "<cow> called cat: 1" in told

    def test_right_and_wrong_differ_in_kind(self) -> None:
        kinds = [r.get("class") for r in parsed(confusion_figure(self.score)).iter("rect")]
        assert kinds == ["hit", "miss", "none", "none", "hit", "none", "miss", "none", "none"]

    def test_many_classes_become_pixels(self) -> None:
        names = tuple(map(str, range(1000)))
        everything = torch.arange(1000)
        assert confusion_figure(Score.of(everything, everything, names)).startswith("<img")


class TestPixels:
    def test_the_sign_is_the_hue_and_the_magnitude_the_opacity(self) -> None:
        pixels = signed(np.array([[2.0, -1.0, 0.0, np.nan]]), limit=2.0)
        assert pixels[0, :, 3].tolist() == [255, 128, 0, 0]
        assert pixels[0, 0, 0] > pixels[0, 0, 2]
        assert pixels[0, 1, 0] < pixels[0, 1, 2]

    def test_all_zeros_are_see_through(self) -> None:
        assert signed(np.zeros((2, 2)), limit=0.0)[..., 3].max() == 0

    def test_tiles_lie_in_order(self) -> None:
        tiles = [np.full((1, 1, 4), value, np.uint8) for value in (10, 20, 30)]
        sheet = mosaic(tiles, side=4, columns=2)
        step = 4 + 2 * LINE
        middles = [(LINE, LINE), (LINE, step + LINE), (step + LINE, LINE)]
        assert [int(sheet[at][0]) for at in middles] == [10, 20, 30]
        assert sheet[-1, -1, 3] == 0  # no fourth tile

    def test_shrinking_keeps_the_mean(self) -> None:
        values = np.arange(64.0).reshape(8, 8)
        small = shrink(values, 4)
        assert small.shape == (4, 4)
        assert small.mean() == values.mean()
        assert small[0, 0] == (0 + 1 + 8 + 9) / 4

    @pytest.mark.parametrize("shape", [(200, 3), (3, 200), (65, 65), (1, 1)])
    def test_any_shape_shrinks(self, shape: tuple[int, int]) -> None:
        assert max(shrink(np.ones(shape), 64).shape) <= 64


class TestWaveform:
    def test_a_single_peak_of_a_long_signal_is_seen(self) -> None:
        signal = np.zeros((1, 10_000))
        signal[0, 5_001] = 1.0
        shape = next(parsed(waveform(signal, "peak")).iter("polygon")).get("points") or ""
        heights = [float(pair.split(",")[1]) for pair in shape.split()]
        assert min(heights) == 0
        assert max(heights) == 36

    @pytest.mark.parametrize("length", [1, 7, 119, 121])
    def test_short_signals_are_drawn(self, length: int) -> None:
        assert "nan" not in waveform(np.zeros((2, length)), "silence")


class TestSamples:
    labels = torch.tensor([0, 0, 1, 1])
    probabilities = torch.tensor([[0.9, 0.1], [0.4, 0.6], [0.95, 0.05], [0.45, 0.55]])

    def test_the_worst_mistake_gave_the_truth_least(self) -> None:
        assert samples.worst(self.labels, self.probabilities, 5) == [2, 1]
        assert samples.worst(self.labels, self.probabilities, 1) == [2]

    def test_the_narrowest_lead_comes_first(self) -> None:
        assert samples.narrowest(self.labels, self.probabilities, 5) == [3, 0]

    def test_examples_are_two_classes_and_the_worst_mistake(self) -> None:
        assert samples.examples(self.labels, self.probabilities) == [3, 0, 2]

    def test_where_nothing_is_right_the_mistake_is_shown(self) -> None:
        assert samples.examples(self.labels[:1], self.probabilities[1:2]) == [0]

    def test_a_card_names_the_truth_and_the_call(self) -> None:
        dataset = ArrayDataset(torch.zeros(4, 1, 2, 2), self.labels, ("cat", "dog"), name="test")
        card = samples.cards(dataset, self.probabilities, [2])[0]
        assert [(g.word, g.name) for g in card.guesses] == [("is", "dog"), ("called", "cat")]
        assert card.guesses[1].probability == pytest.approx(0.95)
        right = samples.cards(dataset, self.probabilities, [3])[0]
        assert [(g.word, g.name) for g in right.guesses] == [("is", "dog"), ("or", "cat")]

    @pytest.mark.parametrize("shape", [(1, 8), (1, 4, 4), (3, 300, 200), (2, 5, 5), (1, 3, 4, 4)])
    @pytest.mark.parametrize("dtype", [torch.uint8, torch.float32])
    def test_every_kind_of_sample_is_drawn(
        self, shape: tuple[int, ...], dtype: torch.dtype
    ) -> None:
        drawn = samples.draw(torch.ones(shape).to(dtype), "<sample>")
        assert drawn.startswith(("<img", "<svg"))
        assert "&lt;sample&gt;" in drawn
        sides = [int(n) for n in re.findall(r'(?:width|height)="(\d+)"', drawn)]
        assert len(shape) == 2 or max(sides) <= samples.LARGEST

    def test_values_outside_0_to_1_are_scaled(self) -> None:
        pixels = samples._pixels(torch.tensor([[[-4.0, 4.0]]]))
        assert pixels.tolist() == [[0, 255]]


class TestFilters:
    def test_before_and_after_share_the_larger_scale(self) -> None:
        layer = nn.Conv2d(1, 2, 3)
        initial = {"0.weight": torch.full((2, 1, 3, 3), 5.0)}
        found = first_filters(torch.nn.Sequential(layer), initial)
        assert found is not None
        assert (found.layer, found.limit, found.compared) == ("0", 5.0, True)
        assert found.before != found.after

    @pytest.mark.parametrize(
        ("layer", "kind", "strongest", "slice"),
        [
            (nn.Conv1d(2, 4, 5), "lines", True, False),
            (nn.Conv1d(3, 4, 1), "lines", True, False),
            (nn.Conv2d(3, 4, 5), "colour", False, False),
            (nn.Conv2d(5, 70, 3), "signed", True, False),
            (nn.Conv3d(1, 4, 3), "signed", False, True),
            (nn.Conv3d(3, 4, 3), "colour", False, True),
        ],
    )
    def test_every_kind_of_layer_is_drawn(
        self, layer: torch.nn.Module, kind: str, strongest: bool, slice: bool
    ) -> None:
        found = first_filters(torch.nn.Sequential(layer), {})
        assert found is not None
        assert (found.kind, found.strongest, found.slice) == (kind, strongest, slice)
        assert not found.compared
        assert found.before is None
        assert found.shown == min(64, found.total)

    def test_the_strongest_channel_stands_for_a_filter(self) -> None:
        layer = nn.Conv2d(2, 1, 1, bias=False)
        with torch.no_grad():
            layer.weight.copy_(torch.tensor([[[[0.1]], [[-0.7]]]]))
        one = nn.Conv2d(1, 1, 1, bias=False)
        with torch.no_grad():
            one.weight.fill_(-0.7)
        both = [first_filters(torch.nn.Sequential(net), {}) for net in (layer, one)]
        assert both[0] is not None
        assert both[1] is not None
        assert both[0].after == both[1].after

    def test_a_net_without_convolution_has_none(self) -> None:
        assert first_filters(torch.nn.Sequential(nn.Linear(2, 2)), {}) is None


class TestMaps:
    def test_layers_that_write_in_place_do_not_change_the_map_before(self) -> None:
        net = torch.nn.Sequential(nn.Conv2d(1, 2, 1, bias=False), nn.ReLU(inplace=True))
        with torch.no_grad():
            net[0].weight.fill_(-1.0)
        found = feature_maps(net, torch.ones(1, 1, 4, 4))
        assert [(m.kind, m.limit) for m in found] == [("Conv2d", 1.0), ("ReLU", 0.0)]

    def test_samples_share_a_layers_scale(self) -> None:
        net = torch.nn.Sequential(nn.Conv2d(1, 1, 1, bias=False))
        with torch.no_grad():
            net[0].weight.fill_(1.0)
        inputs = torch.stack([torch.full((1, 2, 2), v) for v in (1.0, -3.0)])
        found = feature_maps(net, inputs)[0]
        assert found.limit == 3.0
        assert len(found.pictures) == 2

    def test_maps_with_the_channels_elsewhere_are_left_out(self) -> None:
        class Last(torch.nn.Module):
            def forward(self, x: torch.Tensor) -> torch.Tensor:
                return x.permute(0, 2, 3, 1)

        net = torch.nn.Sequential(nn.Conv2d(1, 2, 3), Last(), nn.Linear(2, 7))
        assert [m.kind for m in feature_maps(net, torch.zeros(1, 1, 9, 9))] == ["Conv2d"]

    def test_of_many_layers_the_first_and_the_last_are_shown(self) -> None:
        net = torch.nn.Sequential(*(nn.Conv2d(1, 1, 1) for _ in range(40)))
        found = feature_maps(net, torch.zeros(1, 1, 3, 3))
        assert len(found) == 12
        assert (found[0].layer, found[-1].layer) == ("0", "39")

    @pytest.mark.parametrize(
        ("net", "shape", "drawn"),
        [
            (nn.Conv1d(1, 40, 3), (1, 500), (40, 498)),
            (nn.Conv2d(1, 20, 3), (1, 200, 100), (20, 198, 98)),
            (nn.Conv3d(1, 2, 3), (1, 5, 6, 7), (2, 3, 4, 5)),
            (nn.Linear(6, 500), (6,), (500,)),
        ],
    )
    def test_every_kind_of_map_is_drawn(
        self, net: torch.nn.Module, shape: tuple[int, ...], drawn: tuple[int, ...]
    ) -> None:
        found = feature_maps(torch.nn.Sequential(net), torch.randn(2, *shape))
        assert [m.shape for m in found] == [drawn]
        assert all(picture.startswith("<img") for picture in found[0].pictures)

    def test_hooks_are_gone_after_an_error(self) -> None:
        net = torch.nn.Sequential(nn.Conv2d(1, 1, 3))
        with pytest.raises(ValueError, match="window"):
            feature_maps(net, torch.zeros(1, 1, 2, 2))
        assert not net[0]._forward_hooks
