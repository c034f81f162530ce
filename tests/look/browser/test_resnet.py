"""ResNet-18 at 224 pixels: a deep network stays readable, and only what is seen is fetched."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from .conftest import Open, Server, go, number, numbers, text

NET = """
import torch
import striate

def net():
    torch.manual_seed(5)
    return striate.zoo.create("resnet18").eval()
"""
DEEP = "layer4.1.conv2"


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("nets") / "nets.py"
    path.write_text(NET)
    return path


@pytest.fixture(scope="module")
def picture(tmp_path_factory: pytest.TempPathFactory) -> Path:
    image = pytest.importorskip("PIL.Image", reason="pillow is not installed")
    path = tmp_path_factory.mktemp("pictures") / "noise.png"
    pixels = np.random.default_rng(3).integers(0, 255, (7, 7, 3)).astype(np.uint8)
    image.fromarray(np.kron(pixels, np.ones((32, 32, 1), np.uint8))).save(path)
    return path


@pytest.fixture(scope="module")
def resnet(file: Path, picture: Path, serve: Any, browser: Any) -> Server:
    pytest.importorskip("torch")
    return serve(f"{file}:net", picture, "--input", "3x224x224")


def rows(page: Any) -> Any:
    return page.locator("#tree [role=treeitem]")


def count_requests(page: Any) -> list[str]:
    seen: list[str] = []
    page.on("request", lambda request: seen.append(request.url))
    return seen


class TestMap:
    def test_blocks_are_folded_at_first(self, resnet: Server, open_page: Open) -> None:
        page = open_page(resnet.link)
        assert rows(page).count() == 12  # the input, 4 layers, 4 blocks, 3 layers
        assert page.locator("#tree [aria-expanded=false]").count() == 4
        page.click("#unfold")
        # The input, 69 layers, and the heads of 4 + 8 blocks and of 3 downsamplings.
        assert rows(page).count() == 69 + 1 + 4 + 8 + 3
        page.click("#fold")
        assert rows(page).count() == 12

    def test_branches_are_drawn_beside_the_main_path(self, resnet: Server, open_page: Open) -> None:
        page = open_page(resnet.link)
        assert page.locator(".edge.aside").count() == 0
        page.click("#unfold")
        # Each of the 8 residual blocks has one value that goes around two convolutions.
        assert page.locator(".edge.aside").count() == 8
        lanes = page.locator("#tree .lanes").bounding_box()
        assert lanes["width"] < 80

    def test_arrow_keys_fold_and_unfold(self, resnet: Server, open_page: Open) -> None:
        page = open_page(resnet.link)
        page.locator("[role=treeitem] >> text=layer1").click()
        assert rows(page).count() == 14
        page.keyboard.press("ArrowLeft")
        assert rows(page).count() == 12
        page.keyboard.press("ArrowRight")
        page.keyboard.press("ArrowRight")
        page.keyboard.press("ArrowRight")
        assert rows(page).count() > 20

    def test_a_search_finds_layers_by_name_and_kind(self, resnet: Server, open_page: Open) -> None:
        page = open_page(resnet.link)
        page.fill("#search", "layer3 conv")
        names = page.locator("#tree .title").evaluate_all("all => all.map((one) => one.title)")
        expected = [f"layer3.{block}.conv{k}" for block in (0, 1) for k in (1, 2)]
        assert sorted(names) == sorted([*expected, "layer3.0.downsample.0"])
        page.keyboard.press("Enter")
        page.wait_for_function(
            "() => document.getElementById('layer-title').textContent === 'layer3.0.conv1'"
        )
        page.fill("#search", "nothing like this")
        assert "No layer" in text(page, "#found")

    def test_a_link_unfolds_what_hides_its_layer(self, resnet: Server, open_page: Open) -> None:
        page = open_page(f"{resnet.link}#layer={DEEP}&unit=7:3,3")
        chosen = page.locator("[role=treeitem][aria-selected=true] .title")
        assert chosen.get_attribute("title") == DEEP


class TestMaps:
    def test_only_tiles_in_view_are_fetched_and_drawn(
        self, resnet: Server, open_page: Open
    ) -> None:
        page = open_page(resnet.link)
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

    def test_choosing_a_layer_takes_few_requests(self, resnet: Server, open_page: Open) -> None:
        page = open_page(resnet.link)
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
        self, resnet: Server, open_page: Open, file: Path, picture: Path
    ) -> None:
        import torch

        from striate.look import open_subject

        subject = open_subject(f"{file}:net", (3, 224, 224))
        assert subject.module is not None
        found: list[Any] = []
        layer = dict(subject.module.named_modules())[DEEP]
        layer.register_forward_hook(lambda _m, x, y: found.extend((x[0][0], y[0])))
        with torch.no_grad():
            subject.module(torch.from_numpy(subject.prepare(picture)))
        expected = float(found[1][7, 3, 3])
        terms = (found[0][:, 2:5, 2:5] * layer.weight[7]).detach().numpy().ravel()

        page = open_page(f"{resnet.link}#layer={DEEP}&unit=7:3,3")
        size = float(np.abs(terms).sum())
        assert number(page, "#unit-value") == pytest.approx(expected, abs=1e-5 * size)
        largest, rest = numbers(page, "#equation [data-part*=' ']")
        top = terms[np.argsort(-np.abs(terms))[:64]]
        assert largest == pytest.approx(float(top.sum()), abs=1e-4 * size)
        assert largest + rest == pytest.approx(expected, abs=1e-4 * size)
        assert page.locator("#bars .bars li").count() == 12
        page.click("#bars >> text=Show all 64")
        assert page.locator("#bars .bars li").count() == 64

    def test_the_gradient_lies_beside_the_box(self, resnet: Server, open_page: Open) -> None:
        page = open_page(f"{resnet.link}#layer=layer1.0.conv1&unit=7:30,30")
        with page.expect_response(lambda r: "/gradient/" in r.url) as answer:
            page.click("#overlay-gradient-label")
        assert answer.value.ok
        page.wait_for_function(
            "() => document.getElementById('overlay-words').textContent.startsWith('Bright')"
        )
        assert page.locator("#picture svg .box").count() == 1

    def test_nested_fields_grow_along_the_path(self, resnet: Server, open_page: Open) -> None:
        page = open_page(f"{resnet.link}#layer=layer1.1.conv2&unit=7:30,30")
        sizes = page.locator("#fields b").evaluate_all(
            "all => all.map((b) => parseFloat(b.textContent))"
        )
        assert sizes == sorted(sizes, reverse=True)
        assert sizes[-1] == 7  # conv1's own
        assert page.locator("#picture svg .box").count() == len(sizes)
        page.locator("#fields button").last.hover()
        page.wait_for_selector("#picture svg .box.lit")


def test_ctrl_c_stops_the_server(serve: Any, browser: Any) -> None:
    server = serve("lenet5")
    assert server.link
    assert server.stop() in (0, 130)
