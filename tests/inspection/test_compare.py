from __future__ import annotations

import json
from collections import OrderedDict

import pytest
import torch
from torch import nn

import striate
from striate.inspection import Report
from striate.inspection._compare import OWN, Comparison, compare


def report(*layers: nn.Module, size: int = 16, channels: int = 3) -> Report:
    return striate.inspect(nn.Sequential(*layers).eval(), (1, channels, size, size))


def block(channels: int = 8, kernel_size: int = 3) -> list[nn.Module]:
    padding = kernel_size // 2
    return [
        nn.Conv2d(3, channels, kernel_size, padding=padding),
        nn.BatchNorm2d(channels),
        nn.ReLU(),
        nn.Conv2d(channels, channels, 3, padding=1),
        nn.MaxPool2d(2),
    ]


def statuses(found: Comparison) -> list[str]:
    return [pair.status for pair in found]


def test_identical_networks_say_so() -> None:
    found = compare(report(*block()), report(*block()))
    assert found.identical
    assert statuses(found) == ["equal"] * 5
    assert "The networks are identical: 5 layers, all equal." in found.to_text()
    assert not any(one.is_change for one in found.totals)


def test_one_changed_layer_is_told_with_its_quantities() -> None:
    found = compare(report(*block()), report(*block(kernel_size=5)))
    # The kernel grows from 3x3 to 5x5; all behind it see more, and are else as they were.
    assert statuses(found) == ["changed", "affected", "affected", "affected", "affected"]
    changes = {one.quantity: one for one in found.rows[0].changes}
    assert (changes["params"].before, changes["params"].after) == (3 * 8 * 9 + 8, 3 * 8 * 25 + 8)
    assert changes["macs"].difference == 16 * 16 * 8 * 3 * (25 - 9)
    assert changes["macs"].ratio == pytest.approx(25 / 9)
    assert changes["details"].after.startswith("5x5")
    assert "output_shape" not in changes
    assert found.total("params").difference == 3 * 8 * 16
    assert not found.identical


def test_only_the_quantities_of_others_make_a_layer_affected() -> None:
    found = compare(report(*block()), report(*block(kernel_size=5)))
    affected = found.rows[3]
    assert [one.quantity for one in affected.changes] == ["receptive_field", "padding"]
    assert not {one.quantity for one in affected.changes} & set(OWN)


def test_an_inserted_layer_renames_those_behind_it() -> None:
    layers = block()
    found = compare(report(*layers), report(*layers[:2], nn.Dropout(), *layers[2:]))
    assert statuses(found) == ["equal", "equal", "added", "renamed", "renamed", "renamed"]
    added = found.rows[2]
    assert added.before is None
    assert added.row.name == "2"
    assert [pair.before.name for pair in found.rows[3:] if pair.before] == ["2", "3", "4"]
    assert [pair.after.name for pair in found.rows[3:] if pair.after] == ["3", "4", "5"]
    assert found.counts["renamed"] == 3


def test_a_removed_layer_is_told() -> None:
    layers = block()
    found = compare(report(*layers), report(layers[0], *layers[2:]))
    assert statuses(found).count("removed") == 1
    removed = next(pair for pair in found if pair.status == "removed")
    assert removed.row.kind == "batch_norm"
    assert removed.after is None
    assert found.total("layers").difference == -1
    assert "- 1: batch_norm" in found.to_text()


def test_a_scaled_width_changes_every_layer_with_channels() -> None:
    found = compare(report(*block(8)), report(*block(16)))
    assert statuses(found) == ["changed"] * 5
    changes = {one.quantity: one for one in found.rows[3].changes}
    assert (changes["macs"].before, changes["macs"].after) == (256 * 8 * 8 * 9, 256 * 16 * 16 * 9)
    assert changes["macs"].ratio == 4
    assert found.total("output_shapes").after == ((1, 16, 8, 8),)
    assert found.total("receptive_field").is_change is False


def test_names_match_where_they_tell_more_than_the_order() -> None:
    def net(*names: str) -> Report:
        layers = [(name, nn.Conv2d(3, 3, 3, padding=1)) for name in names]
        return striate.inspect(nn.Sequential(OrderedDict(layers)), (1, 3, 8, 8))

    found = compare(net("stem", "body", "head"), net("stem", "extra", "body", "head"))
    assert found.counts["added"] == 1
    assert next(pair for pair in found if pair.status == "added").row.name == "extra"


def test_a_layer_that_moved_keeps_its_name() -> None:
    class Net(nn.Module):
        def __init__(self, first: str, second: str) -> None:
            super().__init__()
            self.order = first, second
            self.wide = nn.Conv2d(3, 3, 5, padding=2)
            self.pool = nn.AvgPool2d(3, 1, 1)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            for name in self.order:
                x = getattr(self, name)(x)
            return x

    a, b = (striate.inspect(Net(*o), (1, 3, 8, 8)) for o in (("wide", "pool"), ("pool", "wide")))
    found = compare(a, b)
    assert found.counts["added"] == found.counts["removed"] == 0
    assert {pair.row.name for pair in found} == {"wide", "pool"}


def test_every_row_stands_in_exactly_one_pair() -> None:
    a, b = striate.inspect("resnet18"), striate.inspect("resnet34")
    found = compare(a, b)
    assert sorted(p.before.name for p in found if p.before) == sorted(row.name for row in a)
    assert [p.after.name for p in found if p.after] == [row.name for row in b]
    assert found.counts["changed"] == found.counts["removed"] == 0


def test_different_inputs_are_told() -> None:
    found = compare(report(*block()), report(*block(), size=32))
    assert not found.same_input
    assert not found.identical
    assert "1x3x16x16 -> 1x3x32x32: they differ" in found.to_text()
    assert found.total("params").is_change is False
    assert found.total("macs").ratio == 4


class Odd(nn.Module):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return torch.linalg.inv(x)


def test_totals_of_unknown_layers_are_at_least_and_have_no_difference() -> None:
    a, b = report(*block()), report(*block(16), Odd())
    assert b.unknown
    found = compare(a, b)
    total = found.total("macs")
    assert (total.before_at_least, total.after_at_least) == (False, True)
    assert total.difference is None
    assert total.ratio is None
    assert found.total("params").difference is not None
    assert f"-> at least {b.macs:,}" in found.to_text(200)
    assert "unknown MACs" in found.to_text(200)


def test_an_unknown_total_of_that_name_is_refused() -> None:
    with pytest.raises(KeyError):
        compare(report(*block()), report(*block())).total("speed")


def test_the_text_keeps_to_the_width_and_leaves_equal_layers_out() -> None:
    a, b = striate.inspect("resnet18"), striate.inspect("resnet34")
    text = compare(a, b).to_text()
    assert max(map(len, text.splitlines())) <= 80
    assert max(map(len, compare(a, b).to_text(50).splitlines())) <= 50
    assert str(compare(a, b)) == text
    assert "11,689,512 -> 21,797,672 (+10,108,160, x1.86)" in text
    assert "layer1.0.conv1" not in text
    assert "layer1.2.conv1" in text


def test_the_dict_is_json_with_a_version() -> None:
    a, b = striate.inspect("lenet5"), striate.inspect("resnet18")
    found = compare(a, b)
    told = json.loads(json.dumps(found.as_dict(), allow_nan=False))
    assert told["version"] == 1
    assert told["totals"]["params"]["difference"] == b.params - a.params
    assert told["totals"]["params"]["from"] == a.params
    assert told["same_input"] is False
    assert len(told["rows"]) == len(found.rows)
    assert sum(told["counts"].values()) == len(found.rows)


def test_infinite_fields_are_named_in_the_dict() -> None:
    pooled = report(nn.Conv2d(3, 4, 3), nn.AdaptiveAvgPool2d(1))
    plain = report(nn.Conv2d(3, 4, 3), nn.AvgPool2d(2))
    text = json.dumps(compare(report(nn.Conv2d(3, 4, 3)), pooled).as_dict(), allow_nan=False)
    assert "Infinity" not in text
    assert json.dumps(compare(plain, pooled).as_dict(), allow_nan=False)


def test_names_cannot_break_the_html_or_the_terminal() -> None:
    layers = OrderedDict([("<b>\x1b[31m", nn.Conv2d(3, 4, 3))])
    a = striate.inspect(nn.Sequential(layers), (1, 3, 8, 8))
    b = report(nn.ReLU(), size=8)
    found = compare(a, b)
    assert "<b>\x1b" not in found._repr_html_()
    assert "&lt;b&gt;" in found._repr_html_()
    assert "\x1b" not in found.to_text()


def test_an_empty_network_can_be_compared() -> None:
    found = compare(report(nn.Identity()), report(*block()))
    assert found.counts["added"] == 5
    assert found.total("params").ratio is None
    assert "0 -> " in found.to_text()
