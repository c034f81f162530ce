"""The table as text: what it looks like, what goes when room gets short, sorting."""

from __future__ import annotations

import io
from collections.abc import Callable
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

import striate
from striate import OptionError
from striate.inspection import Report
from striate.inspection.render import plain_text, terminal_table
from striate.inspection.render._columns import COLUMNS, SETS
from striate.inspection.render._layout import lay_out

NET = striate.inspect("lenet5")
WIDTHS = (60, 80, 120, 200)


@pytest.mark.parametrize("width", WIDTHS)
def test_prints(width: int, resnet: Report, golden: Callable[[str, str], None]) -> None:
    text = plain_text(resnet, depth=2, width=width, advice=False)
    golden(f"resnet18-{width}.txt", f"{text}\n")


@pytest.mark.parametrize("name", [name for name in SETS if name not in ("default", "all")])
def test_sets_print(name: str, lenet: Report, golden: Callable[[str, str], None]) -> None:
    text = plain_text(lenet, columns=name, width=None, advice=False)
    golden(f"lenet5-{name}.txt", f"{text}\n")


def test_unknown_prints(odd: Report, golden: Callable[[str, str], None]) -> None:
    told = "told" if odd.rows[1].output_shape else "not-told"
    golden(f"unknown-{told}.txt", f"{plain_text(odd, advice=False)}\n")


@given(
    width=st.integers(20, 220),
    columns=st.lists(st.sampled_from([*COLUMNS, *SETS]), min_size=1),
    depth=st.none() | st.integers(1, 3),
)
def test_no_line_is_wider_than_asked(width: int, columns: list[str], depth: int | None) -> None:
    for chosen in (columns, None):
        text = plain_text(NET, width=width, columns=chosen, depth=depth, advice=False)
        assert max(map(len, text.splitlines())) <= width


@pytest.mark.parametrize("width", [8, 12, 20, 33, 47, 60, 80, 100, 120, 160, 200])
def test_big_tables_keep_to_the_width(report: Report, width: int) -> None:
    for depth in (None, 1):
        text = plain_text(report, width=width, depth=depth, advice=False)
        assert max(map(len, text.splitlines())) <= width


def test_room_brings_exact_numbers(resnet: Report) -> None:
    assert "1,814,073,344" in plain_text(resnet, width=140).split("network")[0]
    narrow = plain_text(resnet, width=60).split("network")[0]
    assert "1.81 G" in narrow
    assert "1,814,073,344" not in narrow


def test_the_least_important_columns_go_first(resnet: Report) -> None:
    keys = [[c.key for c in lay_out(resnet, width=width).columns] for width in (300, 100, 70, 40)]
    for wide, narrow in pairwise(keys):
        assert set(narrow) < set(wide)
    assert keys[-1][:1] == ["name"]
    assert "macs" in keys[-1]


def test_columns_asked_for_that_have_no_room_are_told(lenet: Report) -> None:
    text = plain_text(lenet, columns="cost,memory", width=60)
    assert "At this width without: " in " ".join(text.split())
    assert "without" not in plain_text(lenet, columns="cost,memory", width=None)
    assert "without" not in plain_text(lenet, width=60)


def test_names_are_cut_from_the_front(resnet: Report) -> None:
    assert "…" in plain_text(resnet, columns="name,macs", width=20)
    assert "….downsample.0" not in plain_text(resnet, columns="name,macs", width=40)


@pytest.mark.parametrize("key", [key for key in COLUMNS if key != "reads"])
@pytest.mark.parametrize("depth", [None, 1])
def test_sorting_keeps_the_rows(report: Report, key: str, depth: int | None) -> None:
    plain = lay_out(report, depth=depth).lines
    ordered = lay_out(report, depth=depth, sort=key).lines
    assert sorted(line.name for line in plain) == sorted(line.name for line in ordered)


def test_there_is_no_total_of_what_does_not_add_up(lenet: Report) -> None:
    assert "total" not in plain_text(lenet, columns="field")
    assert "total" not in plain_text(lenet, columns="layer")
    assert "total" in plain_text(lenet, columns="params")


def test_sorting_puts_the_largest_first(resnet: Report) -> None:
    rows = [line.rows[0] for line in lay_out(resnet, sort="macs").lines]
    assert [row.macs for row in rows] == sorted((row.macs or 0 for row in rows), reverse=True)
    fields = [line.name for line in lay_out(resnet, sort="rf").lines]
    assert set(fields[:3]) == {"avgpool", "flatten", "fc"}  # infinite


def test_what_is_unknown_is_sorted_last(odd: Report) -> None:
    names = [line.name for line in lay_out(odd, sort="macs").lines]
    assert names.index("relu") < names.index("block.odd") or odd["relu"].macs is None


def test_an_unknown_column_to_sort_by_is_refused(lenet: Report) -> None:
    with pytest.raises(OptionError, match=r"'parms' is not known. Did you mean params"):
        plain_text(lenet, sort="parms")


def test_print_shows_the_table(lenet: Report) -> None:
    assert str(lenet) == plain_text(lenet)


def test_totals_are_told_in_words(resnet: Report) -> None:
    text = " ".join(plain_text(resnet, width=None, gigabytes=16).split())
    for words in (
        "11,689,512: 11,689,512 trainable, 0 frozen",
        "1,814,073,344 MACs = 3,628,146,688 FLOPs (1 MAC = 2 FLOPs)",
        f"{resnet.backward_macs:,} MACs",
        f"{resnet.largest_batch(16):,} in training",
        f"of maps at {resnet.memory.peak_node}, weights apart",
        "435x435 pixels at layer4.1.relu:2 (jump 32, padding 217), input 224x224; all of any input "
        "from avgpool on",
    ):
        assert words in text


def test_frozen_shared_and_unused_parameters_are_told_apart() -> None:
    import torch

    class Net(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.conv = torch.nn.Conv2d(4, 4, 3, padding=1, bias=False)
            self.head = torch.nn.Conv2d(4, 2, 1).requires_grad_(False)
            self.spare = torch.nn.Linear(3, 3)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return self.head(self.conv(self.conv(x)))  # type: ignore[no-any-return]

    text = plain_text(striate.inspect(Net(), (4, 8, 8)), width=None)
    assert (
        "166: 156 trainable, 10 frozen, 144 used again and counted once, 12 that no layer uses "
        "(spare.weight, spare.bias)"
    ) in text


@pytest.mark.parametrize("width", WIDTHS)
def test_the_terminal_shows_the_same_text(resnet: Report, width: int) -> None:
    screen = Console(file=io.StringIO(), width=width, force_terminal=True, color_system=None)
    screen.print(terminal_table(resnet, width=width, depth=1, advice=False), soft_wrap=True)
    shown = screen.file.getvalue()  # type: ignore[attr-defined]
    wanted = plain_text(resnet, width=width, depth=1, advice=False)
    assert [row.rstrip() for row in shown.splitlines()] == wanted.splitlines()


def test_the_terminal_marks_the_peak_and_what_is_unknown(resnet: Report, odd: Report) -> None:
    def styles(report: Report) -> dict[str, str]:
        text = terminal_table(report)
        return {text.plain[s.start : s.end].strip(): str(s.style) for s in text.spans}

    assert styles(resnet)["6.12 MiB"] == "bold red"
    assert styles(odd)["?"] == "bold yellow"


def test_control_characters_cannot_steer_the_terminal(lenet: Report) -> None:
    from dataclasses import replace

    rows = (replace(lenet.rows[0], name="\x1b[31mred"), *lenet.rows[1:])
    report = Report(lenet.graph, rows, lenet.memory)
    assert "\x1b" not in plain_text(report, advice=False)
