"""ResNet-18 at 224 pixels: a deep network stays readable, and only what is seen is fetched."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

from .conftest import At
from .driving import expect, go, number, numbers, text

DEEP = "layer4.1.conv2"


@pytest.fixture(scope="module")
def net() -> Any:
    torch = pytest.importorskip("torch")
    from striate import zoo
    from striate.look import open_subject

    torch.manual_seed(5)
    return open_subject(zoo.create("resnet18").eval(), (3, 224, 224))


@pytest.fixture(scope="module")
def picture() -> np.ndarray:
    pixels = np.random.default_rng(3).random((1, 3, 7, 7), np.float32)
    return np.kron(pixels, np.ones((1, 1, 32, 32), np.float32))


@pytest.fixture(scope="module")
def link(net: Any, picture: np.ndarray, browser: Any) -> Iterator[str]:
    from striate.look.page import Sample, Session
    from tests.look.page.conftest import serving

    with serving(Session(net, samples=[Sample("noise", lambda subject: picture)])) as client:
        yield client.link


def rows(page: Any) -> Any:
    return page.locator("#tree [role=treeitem]")


def count_requests(page: Any) -> list[str]:
    seen: list[str] = []
    page.on("request", lambda request: seen.append(request.url))
    return seen


class TestMap:
    def test_blocks_are_folded_at_first_and_branches_drawn_beside_the_main_path(
        self, tab: Any, trouble: list[str]
    ) -> None:
        assert rows(tab).count() == 12  # the input, 4 layers, 4 blocks, 3 layers
        assert tab.locator("#tree [aria-expanded=false]").count() == 4
        assert tab.locator(".edge.aside").count() == 0
        tab.click("#unfold")
        # The input, 69 layers, and the heads of 4 + 8 blocks and of 3 downsamplings.
        assert rows(tab).count() == 69 + 1 + 4 + 8 + 3
        # Each of the 8 residual blocks has one value that goes around two convolutions.
        assert tab.locator(".edge.aside").count() == 8
        assert tab.locator("#tree .lanes").bounding_box()["width"] < 80
        tab.click("#fold")
        assert rows(tab).count() == 12

    def test_arrow_keys_fold_and_unfold(self, tab: Any, trouble: list[str]) -> None:
        tab.locator("[role=treeitem] >> text=layer1").click()
        assert rows(tab).count() == 14
        tab.keyboard.press("ArrowLeft")
        assert rows(tab).count() == 12
        for _ in range(3):
            tab.keyboard.press("ArrowRight")
        assert rows(tab).count() > 20

    def test_pointing_at_rows_far_from_the_chosen_one_leaves_the_map_where_it_is(
        self, tab: Any, trouble: list[str]
    ) -> None:
        tab.click("#unfold")
        tab.locator("#tree [data-layer='0']").click()
        expect(tab, "layer-title", "conv1")
        tab.evaluate("() => { document.getElementById('tree-scroll').scrollTop = 600; }")
        for layer in (30, 31):
            tab.locator(f"#tree [data-layer='{layer}']").hover()
            tab.wait_for_selector(f"#tree .lit[data-layer='{layer}']")
        far = tab.evaluate("() => document.getElementById('tree-scroll').scrollTop")
        assert far > 300, "the map went back to the chosen layer"
        tab.click("#fold")

    def test_a_search_finds_layers_by_name_and_kind(self, tab: Any, trouble: list[str]) -> None:
        tab.fill("#search", "layer3 conv")
        names = tab.locator("#tree .title").evaluate_all("all => all.map((one) => one.title)")
        expected = [f"layer3.{block}.conv{k}" for block in (0, 1) for k in (1, 2)]
        assert sorted(names) == sorted([*expected, "layer3.0.downsample.0"])
        tab.keyboard.press("Enter")
        expect(tab, "layer-title", "layer3.0.conv1")
        tab.fill("#search", "nothing like this")
        assert "No layer" in text(tab, "#found")
        tab.fill("#search", "")


class TestMaps:
    def test_only_tiles_in_view_are_fetched_and_drawn(self, at: At) -> None:
        page = at("layer=conv1&image=0")
        page.select_option("#maps-sort", "channel")
        go(page, f"layer={DEEP}&unit=7:3,3")
        grid = page.locator("#maps .grid")
        painted = int(grid.get_attribute("data-painted"))
        assert 0 < painted < 200
        seen = count_requests(page)
        grid.evaluate("grid => { grid.scrollTop = grid.scrollHeight; }")
        page.wait_for_timeout(300)
        page.wait_for_selector("#maps .grid:not([data-painted='0'])")
        firsts = {
            int(n) for url in seen for n in re.findall(r"maps/\d+\?first=(\d+)&count=64", url)
        }
        assert firsts
        assert min(firsts) >= 320  # the middle of the 512 channels was never asked for
        assert len(seen) <= 4

    def test_choosing_a_layer_takes_few_requests(self, at: At) -> None:
        page = at("layer=conv1&image=0")
        seen = count_requests(page)
        go(page, "layer=maxpool&unit=5:20,20")
        page.wait_for_timeout(300)
        asked = [url for url in seen if "/api/" in url]
        assert len(asked) <= 8, asked
        seen.clear()
        go(page, "layer=maxpool&unit=5:21,20")  # only the unit is new
        page.wait_for_timeout(300)
        asked = [url for url in seen if "/api/" in url]
        assert len(asked) <= 3, asked


class TestUnit:
    def test_the_largest_terms_and_the_rest_make_the_activation(
        self, at: At, net: Any, picture: np.ndarray
    ) -> None:
        import torch

        found: list[Any] = []
        layer = dict(net.module.named_modules())[DEEP]
        hook = layer.register_forward_hook(lambda _m, x, y: found.extend((x[0][0], y[0])))
        with torch.no_grad():
            net.module(torch.from_numpy(picture))
        hook.remove()
        expected = float(found[1][7, 3, 3])
        terms = (found[0][:, 2:5, 2:5] * layer.weight[7]).detach().numpy().ravel()

        page = at(f"layer={DEEP}&unit=7:3,3")
        chosen = page.locator("[role=treeitem][aria-selected=true] .title")
        assert chosen.get_attribute("title") == DEEP  # the link unfolds what hides its layer
        size = float(np.abs(terms).sum())
        assert number(page, "#unit-value") == pytest.approx(expected, abs=1e-5 * size)
        largest, rest = numbers(page, "#equation [data-part*=' ']")
        top = terms[np.argsort(-np.abs(terms))[:64]]
        assert largest == pytest.approx(float(top.sum()), abs=1e-4 * size)
        assert largest + rest == pytest.approx(expected, abs=1e-4 * size)
        assert page.locator("#bars .bars li").count() == 12
        page.click("#bars >> text=Show all 64")
        assert page.locator("#bars .bars li").count() == 64

    def test_the_gradient_lies_beside_the_box(self, at: At) -> None:
        page = at("layer=layer1.0.conv1&unit=7:30,30")
        with page.expect_response(lambda r: "/gradient/" in r.url) as answer:
            page.click("#overlay-gradient-label")
        assert answer.value.ok
        page.wait_for_function(
            "() => document.getElementById('overlay-words').textContent.startsWith('Bright')"
        )
        assert page.locator("#picture svg .box").count() == 1
        page.check("#overlay-fields")

    def test_nested_fields_grow_along_the_path(self, at: At) -> None:
        page = at("layer=layer1.1.conv2&unit=7:30,30")
        page.wait_for_selector("#fields .own >> text=layer1.1.conv2")
        sizes = page.locator("#fields b").evaluate_all(
            "all => all.map((b) => parseFloat(b.textContent))"
        )
        assert sizes == sorted(sizes, reverse=True)
        assert sizes[-1] == 7  # conv1's own
        assert page.locator("#picture svg .box").count() == len(sizes)
        page.locator("#fields button").last.hover()
        page.wait_for_selector("#picture svg .box.lit")
