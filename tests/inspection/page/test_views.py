"""What a reader sees and does, in a real browser without network."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

import striate
from striate.inspection import Report
from striate.inspection.page import html_page

from .browser import ask, needs_browser
from .conftest import HOSTILE

pytestmark = needs_browser


def test_the_page_draws_every_view(resnet: Report, tmp_path: Path) -> None:
    found = ask(
        html_page(resnet),
        tmp_path,
        """return {
      title: one("#layer-title").textContent, rows: names().length, total: texts("#table tfoot td"),
      charts: all(".chart svg path").length, planes: all("#field-input svg").length,
      peak: texts("#memory-alive .peak"), largest: texts("#cost-largest .name").length,
    };""",
    )
    assert found["title"] == "layer4.1.conv2"
    assert 8 <= found["rows"] <= 32
    assert "11,689,512" in found["total"]
    assert found["charts"] == 1 + 2 + 2
    assert found["planes"] == 1
    assert found["peak"] == [f"peak 6.13 MiB at {resnet.memory.peak_node} (batch norm)"]
    assert found["largest"] == 8


def test_the_address_selects_a_layer(resnet: Report, tmp_path: Path) -> None:
    found = ask(
        html_page(resnet),
        tmp_path,
        """
      return [one("#layer-title").textContent, one('#table [aria-selected="true"] th').title,
              one("#field-words").textContent, texts("#layer-facts div")];
    """,
        fragment="#layer=layer2.0.conv2",
    )
    row = resnet["layer2.0.conv2"]
    assert found[:2] == ["layer2.0.conv2"] * 2
    assert found[2] == f"Each unit sees {row.field[0].size}x{row.field[1].size} px of the input."
    assert f"MACs{row.macs:,}" in found[3]


def test_sorting_by_any_column(lenet: Report, tmp_path: Path) -> None:
    found = ask(
        html_page(lenet),
        tmp_path,
        """
      one("#table-grouped").click();
      const seen = {};
      sort("Parameters"); seen.largest = values("Parameters");
      seen.told = one('#table thead [aria-sort="descending"]').textContent;
      sort("Parameters"); seen.smallest = values("Parameters");
      sort("Parameters"); seen.order = names();
      sort("Layer"); seen.names = names();
      for (const button of all("#table thead button").map((b) => b.dataset.key)) {
        one(`#table thead button[data-key="${button}"]`).click();
      }
      return seen;
    """,
    )
    params = sorted((row.params for row in lenet), reverse=True)
    assert [int(text.replace(",", "")) for text in found["largest"]] == params
    assert found["told"].startswith("Parameters")
    assert found["smallest"] == [f"{n:,}" for n in sorted(params)]
    assert found["order"] == [row.name for row in lenet]
    assert found["names"] == sorted(found["order"])


def test_blocks_fold_with_their_totals(resnet: Report, tmp_path: Path) -> None:
    found = ask(
        html_page(resnet),
        tmp_path,
        """
      one("#table-unfold").click();
      const open = names().length;
      one("#table-fold").click();
      const closed = names();
      const totals = values("Parameters");
      one('#table [data-block="layer1"]').click();
      return { open, closed, totals, inside: names() };
    """,
    )
    inside = [row for row in resnet if row.name.startswith("layer1.")]
    assert found["open"] > len(resnet)
    assert found["closed"][4].startswith("▸layer1")
    assert found["totals"][4] == f"{sum(row.params for row in inside):,}"
    assert len(found["inside"]) == len(found["closed"]) + 2


def test_the_filter_keeps_what_it_finds(resnet: Report, tmp_path: Path) -> None:
    found = ask(
        html_page(resnet),
        tmp_path,
        """
      put("#table-filter", "Downsample");
      const some = [names(), one("#table-count").textContent, one("#table tfoot th").textContent];
      put("#table-filter", "nothing like this");
      return { some, none: names(), count: one("#table-count").textContent };
    """,
    )
    some, count, foot = found["some"]
    assert sum(name in ("0", "1") for name in some) == 6
    assert not {"conv1", "fc"} & set(some)
    assert count == "6 of 69 layers"
    assert foot == "The 6 found"
    assert found["none"] == []
    assert found["count"] == "0 of 69 layers"


def test_every_column_can_be_shown_and_hidden(hostile: Report, tmp_path: Path) -> None:
    found = ask(
        html_page(hostile),
        tmp_path,
        """
      const boxes = all("#table-columns input");
      for (const box of boxes) if (!box.checked) box.click();
      const shown = texts("#table thead th").length;
      const cells = all("#table tbody tr").map((row) => row.children.length);
      const bad = texts("#table td").filter((text) => /NaN|undefined|null|Infinity/.test(text));
      for (const box of boxes) box.click();
      return { boxes: boxes.length, shown, cells, bad, left: texts("#table thead th").length };
    """,
    )
    assert found["shown"] == found["boxes"] + 1
    assert set(found["cells"]) == {found["boxes"] + 1}
    assert found["bad"] == []
    assert found["left"] == 1


def test_the_table_works_by_keys(resnet: Report, tmp_path: Path) -> None:
    found = ask(
        html_page(resnet),
        tmp_path,
        """
      one("#table-fold").click();
      const at = () => document.activeElement;
      const seen = [];
      one("#table tbody tr").focus();
      press(at(), "ArrowDown"); seen.push(one("#layer-title").textContent);
      press(at(), "End"); seen.push(one("#layer-title").textContent);
      press(at(), "Home"); seen.push(one("#layer-title").textContent);
      for (let k = 0; k < 4; k += 1) press(at(), "ArrowDown");
      seen.push(at().getAttribute("aria-expanded"));
      press(at(), "ArrowRight"); seen.push(at().getAttribute("aria-expanded"));
      press(at(), "ArrowRight"); seen.push(at().dataset.block);
      press(at(), "ArrowLeft"); seen.push(at().dataset.block);
      press(at(), "Enter"); seen.push(at().getAttribute("aria-expanded"));
      return [seen, all('#table [tabindex="0"]').length];
    """,
    )
    seen, stops = found
    assert seen == ["bn1", "fc", "conv1", "false", "true", "layer1.0", "layer1", "false"]
    assert stops == 1


def test_charts_tell_a_layer_by_pointer_and_by_keys(lenet: Report, tmp_path: Path) -> None:
    found = ask(
        html_page(lenet),
        tmp_path,
        """
      const chart = one("#memory-alive svg");
      const frame = chart.getBoundingClientRect();
      const at = { clientX: frame.right - 12, clientY: frame.top + 50, bubbles: true };
      chart.dispatchEvent(new PointerEvent("pointermove", at));
      const pointed = one("#memory-told").textContent;
      chart.dispatchEvent(new MouseEvent("click", at));
      const clicked = one("#layer-title").textContent;
      press(chart, "ArrowLeft");
      const left = [one("#layer-title").textContent, chart.getAttribute("aria-valuenow")];
      press(chart, "Home");
      return { pointed, clicked, left, first: one("#memory-told").textContent };
    """,
    )
    last, before = lenet.rows[-1], lenet.rows[-2]
    assert found["pointed"].startswith(f"{last.name} (linear, layer 12 of 12): ")
    assert found["clicked"] == last.name
    assert found["left"] == [before.name, "11"]
    assert found["first"].startswith(f"{lenet.rows[0].name} (conv, layer 1 of 12): ")


def test_the_cost_of_any_quantity_can_be_seen(hostile: Report, tmp_path: Path) -> None:
    found = ask(
        html_page(hostile),
        tmp_path,
        """
      return [...one("#cost-quantity").options].map(({ value }) => {
        put("#cost-quantity", value, "change");
        return [value, all("#cost-chart .lost").length, texts("#cost-largest .value")];
      });
    """,
    )
    lost = {value: count for value, count, _ in found}
    assert lost["macs"] == 1  # the operation that is not known, and no bar of height 0
    assert lost["params"] == 0
    largest = {value: texts for value, _, texts in found}
    assert all("of what is known" in text for text in largest["macs"])
    assert len(found) == 8


def test_what_is_not_known_is_never_zero(hostile: Report, tmp_path: Path) -> None:
    found = ask(
        html_page(hostile),
        tmp_path,
        """
      const row = [...texts('#table [data-row="4"] td')];
      all('#table [data-row="4"]')[0].click();
      return { row, words: one("#field-words").textContent, total: texts("#table tfoot td"),
               facts: texts("#layer-facts div") };
    """,
    )
    assert hostile.rows[4].kind == "opaque"
    assert found["row"].count("unknown") >= 3
    assert "MACsunknown" in found["facts"]
    assert "is unknown" in found["words"]
    assert any(text.startswith("at least") for text in found["total"])


def test_hostile_names_are_shown_as_they_are(hostile: Report, tmp_path: Path) -> None:
    found = ask(
        html_page(hostile),
        tmp_path,
        """
      const titles = all("#table tbody tr").map((row) => {
        row.click();
        return one("#layer-title").textContent;
      });
      return { titles, images: all("img").length };
    """,
    )
    assert found["titles"][: len(HOSTILE)] == list(HOSTILE)
    assert found["images"] == 0


def test_the_unit_that_is_looked_at_can_be_chosen(lenet: Report, tmp_path: Path) -> None:
    found = ask(
        html_page(lenet),
        tmp_path,
        """
      const boxes = () => all("#field-input .window").map((box) => Number(box.getAttribute("x")));
      const scale = Number(one("#field-input .map").getAttribute("width")) / 32;
      const middle = boxes()[0];
      const slider = all("#field-unit input")[1];
      slider.value = 9;
      slider.dispatchEvent(new Event("input"));
      return { moved: (boxes()[0] - middle) / scale, told: texts("#field-unit output")[1] };
    """,
        fragment=f"#layer={lenet.rows[3].name}",
    )
    # From unit 4 in the middle of 10 to unit 9: 5 units of jump 2.
    assert found["moved"] == pytest.approx(10)
    assert found["told"] == "10 of 10"


def test_padding_that_a_window_hangs_over_is_hatched(resnet: Report, tmp_path: Path) -> None:
    found = ask(
        html_page(resnet),
        tmp_path,
        """
      const size = (kind) => Number(one(`#field-input .${kind}`).getAttribute("width"));
      return {
        share: size("window") / size("map"), cross: all("#field-input .centre").length,
        hatch: one("#field-input .over").getAttribute("fill"),
        words: one("#field-input-words").textContent,
      };
    """,
        fragment="#layer=layer4.1.conv2",
    )
    assert found["share"] == pytest.approx(435 / 224)
    assert found["hatch"].startswith("url(#")
    assert "hangs over the border (hatched)" in found["words"]
    assert found["cross"] == 2


def test_an_infinite_field_names_its_layer(resnet: Report, tmp_path: Path) -> None:
    words = ask(html_page(resnet), tmp_path, 'return one("#field-words").textContent;',
                fragment="#layer=fc")  # fmt: skip
    assert words == "Sees the whole input, however large that is: avgpool made it so."


@pytest.mark.parametrize(("name", "drawings"), [("m5", 1), ("c3d_small", 2)])
def test_inputs_of_one_and_three_axes_are_drawn(name: str, drawings: int, tmp_path: Path) -> None:
    found = ask(
        html_page(striate.inspect(name)),
        tmp_path,
        """
      return [all("#field-input svg").length, all("#field-unit input").length,
              texts("#field-input text").filter((text) => /NaN/.test(text)).length];
    """,
    )
    assert found == [drawings, {"m5": 1, "c3d_small": 3}[name], 0]


def test_the_largest_batch_is_that_of_the_report(resnet: Report, tmp_path: Path) -> None:
    found = ask(
        html_page(resnet),
        tmp_path,
        """
      return ["8", "0.5", "24", ""].map((gigabytes) => {
        put("#memory-gb", gigabytes);
        return one("#memory-fit").textContent;
      });
    """,
    )
    for text, gigabytes in zip(found, (8, 0.5, 24), strict=False):
        test = resnet.largest_batch(gigabytes, training=False)
        assert f"test time {test:,}, in training {resnet.largest_batch(gigabytes):,} " in text
    assert found[3] == ""


def test_advice_leads_to_its_layer(lenet: Report, tmp_path: Path) -> None:
    from striate.inspection.advice import Advice

    report = striate.inspect(lenet.graph)
    report.__dict__["advice"] = (Advice("rule", lenet.rows[0].name, "So.", "Why.", "Do."),)
    found = ask(html_page(report), tmp_path,
                'one("[data-layer]").click(); return one("#layer-title").textContent;')  # fmt: skip
    assert found == lenet.rows[0].name


def test_a_narrow_window_does_not_scroll_sideways(resnet: Report, tmp_path: Path) -> None:
    script = "return [document.documentElement.scrollWidth, innerWidth];"
    found = ask(html_page(resnet), tmp_path, script, width=500)
    assert found[0] <= found[1]


class Pair(nn.Module):
    def forward(self, x: torch.Tensor, y: torch.Tensor) -> Any:
        return x @ y, x


@pytest.mark.parametrize("kind", ["none", "linear", "pair", "flat"])
def test_networks_without_maps_have_a_page(kind: str, tmp_path: Path) -> None:
    report = {
        "none": lambda: striate.inspect(nn.Identity(), (1, 3, 8, 8)),
        "linear": lambda: striate.inspect(nn.Sequential(nn.Linear(8, 4)), (1, 8)),
        "pair": lambda: striate.inspect(Pair(), [(2, 3, 4), (2, 4, 5)]),
        "flat": lambda: striate.inspect(
            nn.Sequential(nn.Conv2d(3, 4, 3), nn.Flatten(), nn.ReLU()), (1, 3, 8, 8)
        ),
    }[kind]()
    found = ask(
        html_page(report),
        tmp_path,
        """
      return document.body.innerText.match(/NaN|undefined|Infinity/g) ?? [];
    """,
    )
    assert found == []
