from __future__ import annotations

import html
import json
import re
from html.parser import HTMLParser
from importlib.resources import files
from typing import Any

import pytest
from torch import nn

import striate
from striate.inspection import Report
from striate.inspection.page import html_page
from striate.inspection.page._data import COLUMNS, TOTALS, page_data
from striate.inspection.page._page import SCRIPTS, script

from ..nets import zoo_report
from .conftest import HOSTILE


def block(page: str) -> Any:
    match = re.search(r'<script type="application/json"[^>]*>(.*?)</script>', page, re.DOTALL)
    assert match
    return json.loads(match[1])


class Elements(HTMLParser):
    def __init__(self, page: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))


def visible(page: str) -> str:
    """The page's texts as a reader sees them, without style and scripts."""
    body = re.sub(r"<(style|script)\b.*?</\1>", "", page, flags=re.DOTALL)
    return html.unescape(re.sub(r"<[^>]+>", "", body))


def test_the_json_block_holds_the_numbers_of_the_report(resnet: Report) -> None:
    told = block(html_page(resnet))
    assert told["version"] == 1
    assert {name: told["totals"][name] for name in TOTALS} == {
        name: getattr(resnet, name) for name in TOTALS
    }
    rows = [dict(zip(told["columns"], values, strict=True)) for values in told["rows"]]
    assert [row["name"] for row in rows] == [row.name for row in resnet]
    for quantity in ("params", "macs", "connections", "alive_bytes", "saved_bytes", "units"):
        assert [row[quantity] for row in rows] == [getattr(row, quantity) for row in resnet]
    assert told["memory"]["peak"] == resnet.peak_memory_inference


def test_every_quantity_of_a_row_is_told(lenet: Report) -> None:
    told = page_data(lenet)
    assert all(len(values) == len(COLUMNS) + 1 for values in told["rows"])
    # receptive_field, jump, start, padding and aligned are told by `field`.
    missing = set(type(lenet.rows[0]).__dataclass_fields__) - set(COLUMNS)
    assert missing == set()


def test_infinite_sizes_are_words_and_the_json_is_strict(resnet: Report) -> None:
    text = html_page(resnet)
    data = block(text)
    at = data["columns"].index("field")
    assert data["rows"][-1][at][0]["size"] == "infinite"
    assert "Infinity" not in json.dumps(data)


def test_where_the_windows_lie(lenet: Report) -> None:
    looks = page_data(lenet)["rows"][3][-1]
    # The second convolution: 5x5 after a 2x2 pooling after a 5x5: 14 pixels, 2 apart, from 0 on.
    first = {"how": "slides", "first": 0, "extent": 14, "step": 2, "units": 10, "axis": 2}
    assert looks["input"][0] == first
    assert looks["previous"][0] == {**first, "extent": 5, "step": 1}
    assert looks["input"][1]["axis"] == 3


def test_windows_follow_an_axis_that_moves() -> None:
    class Last(nn.Module):
        def forward(self, x: Any) -> Any:
            return x.permute(0, 2, 3, 1)

    report = striate.inspect(nn.Sequential(nn.Conv2d(3, 4, 3), Last()), (1, 3, 8, 10))
    looks = page_data(report)["rows"][-1][-1]["input"]
    assert [(look["axis"], look["units"]) for look in looks] == [(1, 6), (2, 8)]


def test_names_from_the_model_cannot_break_out(hostile: Report) -> None:
    page = html_page(hostile)
    tags = [tag for tag, _ in Elements(page).found]
    assert "img" not in tags
    assert tags.count("script") == 2
    assert page.count("</script>") == 2
    assert "<!--" not in page
    names = [values[0] for values in block(page)["rows"]]
    assert names[: len(HOSTILE)] == list(HOSTILE)


def test_the_name_of_the_network_is_escaped() -> None:
    graph = striate.capture(nn.ReLU(), (1, 3, 4, 4), name="<i>$digest</title>")
    page = html_page(striate.inspect(graph))
    assert "<title>&lt;i&gt;$digest&lt;/title&gt;: network report</title>" in page
    assert "<h1>&lt;i&gt;$digest" in page


def test_nothing_is_loaded_from_elsewhere(resnet: Report) -> None:
    page = html_page(resnet)
    loading = {"src", "srcset", "poster", "action", "data"}
    for tag, attributes in Elements(page).found:
        assert not loading & set(attributes), tag
        assert tag not in ("link", "iframe", "object", "embed")
        assert attributes.get("href", "#") == "#"
    assert "url(" not in re.sub(r"url\(#", "", page)
    assert "@import" not in page
    assert "default-src 'none'" in page


def test_no_console_and_no_markup_from_strings_in_the_scripts() -> None:
    code = script()
    for word in ("console.", "innerHTML", "eval(", "fetch(", "debugger", "</script"):
        assert word not in code
    assert "import " not in re.sub(r"//.*", "", code)


def test_the_page_is_made_of_all_scripts_and_each_is_one_view() -> None:
    folder = files("striate.inspection.page") / "js"
    assert sorted(item.name for item in folder.iterdir()) == sorted(SCRIPTS)
    for name in SCRIPTS:
        assert len((folder / name).read_text(encoding="utf-8").splitlines()) < 300


def test_controls_have_labels(resnet: Report) -> None:
    page = html_page(resnet)
    bare = re.sub(r"<label\b.*?</label>", "", page, flags=re.DOTALL)
    left = [
        t for t, _ in Elements(re.sub(r"<script\b.*?</script>", "", bare, flags=re.DOTALL)).found
    ]
    assert "input" not in left
    assert "select" not in left


def test_the_headline_tells_the_totals(resnet: Report) -> None:
    text = visible(html_page(resnet))
    for words in ("11.7 M", "11,689,512", "1,814,073,344", "3,628,146,688", "435x435 px", "MACs"):
        assert words in text
    assert "at least" not in text
    assert f"maps alive at {resnet.memory.peak_node}" in text


def test_totals_of_what_is_not_known_are_at_least(hostile: Report) -> None:
    text = visible(html_page(hostile))
    assert f"at least {hostile.macs:,}" in text
    assert "Not everything is known of odd" in text


def test_parameters_that_nobody_reads_are_named() -> None:
    class Idle(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.conv = nn.Conv2d(3, 4, 3)
            self.idle = nn.Linear(5, 5, bias=False)

        def forward(self, x: Any) -> Any:
            return self.conv(x)

    text = visible(html_page(striate.inspect(Idle(), (1, 3, 8, 8))))
    assert "No layer reads 25 of the parameters: idle.weight." in text


def test_advice_stands_on_the_page_with_its_layer(lenet: Report) -> None:
    from striate.inspection.advice import Advice

    report = striate.inspect(lenet.graph)
    name = lenet.rows[0].name
    report.__dict__["advice"] = (Advice("a-rule", name, "Is <so>.", "Why & how.", "Do."),)
    page = html_page(report)
    assert f'<a href="#" data-layer="{name}">{name}</a>' in page
    assert "Is &lt;so&gt;." in page
    assert "Why &amp; how." in page
    report.__dict__["advice"] = ()
    assert "What stands out" not in html_page(report)


@pytest.mark.parametrize("name", ["resnet50", "convnext_tiny"])
def test_a_page_of_a_large_network_stays_small(name: str) -> None:
    assert len(html_page(zoo_report(name)).encode()) < 500_000
