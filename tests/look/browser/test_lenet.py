"""A trained LeNet-5 on the page: what is shown is what torch computes."""

from __future__ import annotations

import io
import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from .conftest import Open, Server, number, numbers, serious, settled, shown_number, text

C1, C3, OUTPUT = "c1", "c3", "output"


@pytest.fixture(scope="module")
def samples(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Two digits as files: a 0 and a 1."""
    image = pytest.importorskip("PIL.Image", reason="pillow is not installed")
    from striate.data import load

    folder = tmp_path_factory.mktemp("samples")
    test = load("digits").test
    paths = []
    for digit in (0, 1):
        index = next(i for i in range(len(test)) if int(test[i][1]) == digit)
        pixels = np.asarray(test[index][0])
        values = 255 * (pixels - pixels.min()) / np.ptp(pixels)
        path = folder / f"{digit}.png"
        image.fromarray(values[0].astype(np.uint8)).save(path)
        paths.append(path)
    return paths


@pytest.fixture(scope="module")
def lenet(lenet_run: Path, samples: list[Path], serve: Any) -> Server:
    return serve(lenet_run, *samples)


@pytest.fixture(scope="module")
def export(lenet_run: Path, samples: list[Path], tmp_path_factory: pytest.TempPathFactory) -> str:
    """The link to a page in one file."""
    path = tmp_path_factory.mktemp("export") / "page.html"
    command = [sys.executable, "-m", "striate", "look", *map(str, (lenet_run, *samples))]
    done = subprocess.run(
        [*command, "--export", str(path)], capture_output=True, text=True, timeout=300
    )
    assert done.returncode == 0, done.stderr
    return path.as_uri()


@pytest.fixture(scope="module")
def values(lenet_run: Path, samples: list[Path]) -> list[dict[str, np.ndarray]]:
    """Every layer's output for each sample, by torch."""
    import torch

    from striate.look import open_subject

    subject = open_subject(lenet_run)
    assert subject.module is not None
    net = subject.module.eval().double()
    found: dict[str, np.ndarray] = {}
    for name, module in net.named_modules():
        module.register_forward_hook(
            lambda _m, _x, y, name=name: found.update({name: y.detach().numpy()[0].copy()})
        )
    answers = []
    for path in samples:
        x = subject.prepare(path)
        with torch.no_grad():
            net(torch.from_numpy(x).double())
        answers.append({**found, "input": x[0].astype(np.float64)})
        found.clear()
    return answers


def close(a: float, b: float, size: float) -> bool:
    return abs(a - b) < 2e-5 * max(size, 1)


class TestNumbers:
    def test_it_opens_with_the_first_maps_and_a_prediction(
        self, lenet: Server, open_page: Open, values: Any
    ) -> None:
        page = open_page(lenet.link)
        assert text(page, "#layer-title") == C1
        assert page.locator("#maps .grid").get_attribute("data-painted") == "6"
        logits = values[0][OUTPUT]
        share = np.exp(logits - logits.max())
        share /= share.sum()
        best = int(share.argmax())
        first = page.locator("#bars-prediction li").first
        assert first.get_attribute("data-class") == str(best)
        shown = float(first.locator(".amount").text_content().strip("<>%"))
        assert shown == pytest.approx(100 * share[best], abs=0.06)

    def test_products_and_bias_sum_up_to_what_torch_computes(
        self, lenet: Server, open_page: Open, values: Any
    ) -> None:
        page = open_page(f"{lenet.link}#layer=c3&unit=4:2,3&image=0")
        assert text(page, "#unit-title") == "Channel 4 at (2, 3) of c3"
        expected = values[0][C3][4, 2, 3]
        assert close(number(page, "#unit-value"), expected, 1)
        more = page.locator("#products >> text=Show all")
        if more.count():
            more.click()
        x, w, products = (
            numbers(page, f"#products table[aria-label^='{name}s of'] td")
            for name in ("value", "weight", "product")
        )
        assert len(products) == 6 * 5 * 5
        np.testing.assert_allclose(np.multiply(x, w), products, atol=1e-6)
        read = values[0]["s2"][:, 2:7, 3:8]
        np.testing.assert_allclose(np.reshape(x, (6, 5, 5)), read, atol=1e-5)
        bias = number(page, "#equation [data-part=bias]")
        total = number(page, "#equation [data-part=total]")
        assert close(sum(products) + bias, expected, 10)
        assert close(total, expected, 1)
        assert shown_number(text(page, "#unit-value")) == pytest.approx(expected, rel=1e-3)

    def test_the_boxes_are_those_of_inspect(
        self, lenet: Server, open_page: Open, lenet_run: Path
    ) -> None:
        from striate.inspection import look_at_unit
        from striate.look import open_subject

        page = open_page(f"{lenet.link}#layer=c3&unit=4:2,3&image=0")
        (y0, y1), (x0, x1) = look_at_unit(open_subject(lenet_run).graph, C3, (2, 3)).box
        words = f"Sees {y1 - y0} × {x1 - x0} of the input, y {y0} … {y1 - 1}, x {x0} … {x1 - 1}"
        assert words in text(page, "#seen-words")
        assert "y 2 … 6, x 3 … 7" in text(page, "#before-words")

    def test_a_unit_of_a_linear_layer(self, lenet: Server, open_page: Open, values: Any) -> None:
        page = open_page(f"{lenet.link}#layer=output&unit=7&image=1")
        products = numbers(page, "#products table[aria-label^='products of'] td")
        assert len(products) == 84
        bias = number(page, "#equation [data-part=bias]")
        assert close(sum(products) + bias, values[1][OUTPUT][7], 10)

    def test_a_click_on_a_tile_chooses_the_pixel_under_it(
        self, lenet: Server, open_page: Open, values: Any
    ) -> None:
        page = open_page(lenet.link)
        page.select_option("#maps-sort", "channel")
        # The tile of channel 3 is the fourth of the first row: 8 + 3 * (64 + 8) from the left.
        place = (20, 9)
        x, y = 8 + 3 * 72 + (place[1] + 0.5) * 64 / 28, 8 + (place[0] + 0.5) * 64 / 28
        page.locator("#maps .grid canvas").click(position={"x": x, "y": y})
        page.wait_for_function(
            "() => document.getElementById('unit-title').textContent.includes('3 at (20, 9)')"
        )
        page.wait_for_function(
            "want => Math.abs(document.getElementById('unit-value').dataset.value - want) < 1e-4",
            arg=float(values[0][C1][3, 20, 9]),
        )
        assert "unit=3:20,9" in page.evaluate("location.hash")

    def test_the_slider_through_the_sum_ends_at_the_total(
        self, lenet: Server, open_page: Open
    ) -> None:
        page = open_page(f"{lenet.link}#layer=c1&unit=2:10,10&image=0")
        slider = page.locator("#steps input")
        total = number(page, "#equation [data-part=total]")
        assert shown_number(page.locator("#steps output b").text_content()) == pytest.approx(
            total, rel=1e-3, abs=1e-4
        )
        slider.focus()
        page.keyboard.press("Home")
        assert page.locator("#steps output b").text_content() == "0"
        page.keyboard.press("ArrowRight")
        first = numbers(page, "#products table[aria-label^='products'] td")[0]
        assert shown_number(page.locator("#steps output b").text_content()) == pytest.approx(
            first, rel=1e-3, abs=1e-4
        )
        assert page.locator("#products td.later").count() == 3 * 24


class TestWhatIf:
    def test_a_smaller_kernel_gives_larger_maps_at_once(
        self, lenet: Server, open_page: Open
    ) -> None:
        page = open_page(lenet.link)
        page.click("#tab-whatif")
        page.focus("#knob-size")
        for _ in range(2):
            page.keyboard.press("ArrowLeft")
        # A 3x3 window takes 32 - 3 + 1 = 30 places, and pooling by 2 leaves 15.
        page.wait_for_selector("[data-layer='0'] .shape.new >> text=6 × 30 × 30")
        page.wait_for_selector("[data-layer='2'] .shape.new >> text=6 × 15 × 15")
        assert "6 × 30 × 30" in text(page, "#outcome")
        page.click("#whatif-banner-reset")
        page.wait_for_selector(".shape.new", state="detached")
        assert page.input_value("#knob-size") == "5"

    def test_where_it_stops_fitting_is_marked(self, lenet: Server, open_page: Open) -> None:
        page = open_page(lenet.link)
        page.click("#tab-whatif")
        page.focus("#knob-stride")
        page.keyboard.press("ArrowRight")
        # 32 -> 14 -> 7 -> 3 -> 1, too small for the 5x5 of c5 (and 2x2 already does not fit).
        page.wait_for_selector(".shape.broken")
        broken = page.locator(".row:has(.broken)")
        assert broken.count() == 1
        name = broken.locator(".name").text_content()
        assert f"{name} stops fitting" in text(page, "#outcome")
        gone = page.locator(".shape.gone").count()
        assert gone == 12 - 1 - int(broken.get_attribute("data-layer"))


class TestInput:
    def test_a_drawn_stroke_is_a_one(self, lenet: Server, open_page: Open) -> None:
        page = open_page(lenet.link)
        page.click("#pad-details summary")
        page.evaluate("document.getElementById('pad-width').value = 58")
        pad = page.locator("#pad")
        pad.scroll_into_view_if_needed()
        box = pad.bounding_box()
        x, y, side = box["x"], box["y"], box["width"]
        with page.expect_response(lambda r: r.url.endswith("api/runs")):
            page.mouse.move(x + side * 0.52, y + side * 0.1)
            page.mouse.down()
            page.mouse.move(x + side * 0.52, y + side * 0.9, steps=8)
            page.mouse.up()
        page.wait_for_selector("#bars-prediction li:first-child[data-class='1']")
        settled(page)

    def test_a_digit_can_be_drawn_with_keys_alone(self, lenet: Server, open_page: Open) -> None:
        page = open_page(lenet.link)
        page.click("#pad-details summary")
        page.focus("#pad")
        before = text(page, "#bars-prediction")
        page.keyboard.press("Space")
        for _ in range(12):
            page.keyboard.press("ArrowDown")
        with page.expect_response(lambda r: r.url.endswith("api/runs")):
            page.keyboard.press("Space")
        page.wait_for_function(
            "old => document.getElementById('bars-prediction').textContent !== old", arg=before
        )

    def test_a_file_and_another_tab(self, lenet: Server, open_page: Open, values: Any) -> None:
        first = open_page(f"{lenet.link}#layer=c1&unit=0:5,5&image=0")
        second = open_page(f"{lenet.link}#layer=c1&unit=0:5,5&image=1")
        for page, answer in ((first, values[0]), (second, values[1]), (first, values[0])):
            page.reload()
            settled(page)
            assert close(number(page, "#unit-value"), answer[C1][0, 5, 5], 1)

    def test_a_chosen_file_is_run(
        self, lenet: Server, open_page: Open, samples: list[Path], values: Any
    ) -> None:
        page = open_page(f"{lenet.link}#layer=c1&unit=0:5,5&image=0")
        page.set_input_files("#choose", samples[1])
        page.wait_for_function(
            "want => Math.abs(document.getElementById('unit-value').dataset.value - want) < 1e-4",
            arg=float(values[1][C1][0, 5, 5]),
        )

    def test_a_damaged_file_gives_a_message_and_the_page_lives_on(
        self, lenet: Server, open_page: Open
    ) -> None:
        page = open_page(lenet.link)
        wrong = {"name": "x.png", "mimeType": "image/png", "buffer": b"\x89PNG\r\n\x1a\nno"}
        page.set_input_files("#choose", wrong)
        page.wait_for_selector("#notice:not([hidden]) p")
        assert len(text(page, "#notice p")) > 10
        # The browser itself notes the answer's status on the console; nothing else may be there.
        kept = [told for told in open_page.trouble if "status of 4" not in told]
        assert kept == []
        open_page.trouble.clear()
        page.click("#samples li:nth-child(2) button")
        page.wait_for_selector("#notice", state="hidden")
        settled(page)

    def test_a_pasted_picture_is_run(
        self, lenet: Server, open_page: Open, samples: list[Path], values: Any
    ) -> None:
        page = open_page(f"{lenet.link}#layer=c1&unit=0:5,5&image=0")
        page.evaluate(
            """bytes => {
              const given = new DataTransfer();
              given.items.add(new File([new Uint8Array(bytes)], "1.png", { type: "image/png" }));
              dispatchEvent(new ClipboardEvent("paste", { clipboardData: given }));
            }""",
            list(io.BytesIO(samples[1].read_bytes()).read()),
        )
        page.wait_for_function(
            "want => Math.abs(document.getElementById('unit-value').dataset.value - want) < 1e-4",
            arg=float(values[1][C1][0, 5, 5]),
        )


class TestComfort:
    def test_the_keyboard_is_enough(self, lenet: Server, open_page: Open) -> None:
        page = open_page(lenet.link)
        page.keyboard.press("n")
        for key in ("ArrowDown", "ArrowDown", "Enter"):  # c1 -> relu1 -> s2
            page.keyboard.press(key)
        page.wait_for_function("() => document.getElementById('layer-title').textContent === 's2'")
        settled(page)
        page.keyboard.press("m")
        assert page.evaluate("document.activeElement.getAttribute('role')") == "grid"
        page.keyboard.press("Home")
        page.keyboard.press("ArrowRight")
        cell = text(page, "#maps-grid-cell")
        page.keyboard.press("Enter")
        channel = cell.split()[1].strip(":")
        page.wait_for_function(
            "want => document.getElementById('unit-title').textContent.startsWith(want)",
            arg=f"Channel {channel} at",
        )
        page.keyboard.press("/")
        page.keyboard.type("c5")
        page.keyboard.press("Enter")
        page.wait_for_function("() => document.getElementById('layer-title').textContent === 'c5'")

    def test_the_arrow_keys_move_the_unit_on_its_map(self, lenet: Server, open_page: Open) -> None:
        page = open_page(f"{lenet.link}#layer=c1&unit=2:10,10&image=0")
        page.focus("#own-plane .plane")
        for key in ("ArrowDown", "ArrowRight", "ArrowRight"):
            page.keyboard.press(key)
        page.wait_for_function(
            "() => document.getElementById('unit-title').textContent.includes('(11, 12)')"
        )

    def test_a_link_leads_back_to_the_same_unit(self, lenet: Server, open_page: Open) -> None:
        page = open_page(f"{lenet.link}#layer=c3&unit=4:2,3&image=1")
        other = open_page(page.url)
        for selector in ("#unit-title", "#unit-value", "#layer-title", "#bars-prediction"):
            assert text(page, selector) == text(other, selector)

    @pytest.mark.parametrize("width", [360, 820, 3840])
    def test_no_width_scrolls_sideways(self, lenet: Server, open_page: Open, width: int) -> None:
        page = open_page(
            f"{lenet.link}#layer=c3&unit=4:2,3&image=0", viewport={"width": width, "height": 800}
        )
        for tab in ("maps", "filters", "spread", "numbers", "whatif"):
            page.click(f"#tab-{tab}")
            assert page.evaluate("document.documentElement.scrollWidth") <= width

    def test_dark_follows_the_system_and_the_switch(self, lenet: Server, open_page: Open) -> None:
        light = "getComputedStyle(document.body).backgroundColor"
        page = open_page(lenet.link, color_scheme="dark")
        dark = page.evaluate(light)
        assert max(map(int, dark[4:-1].split(","))) < 60
        page.click("#theme")
        assert min(map(int, page.evaluate(light)[4:-1].split(","))) > 200
        page.reload()
        settled(page)
        assert page.get_attribute("html", "data-theme") == "light"

    @pytest.mark.parametrize("scheme", ["light", "dark"])
    def test_axe_finds_nothing_serious(self, lenet: Server, open_page: Open, scheme: str) -> None:
        page = open_page(f"{lenet.link}#layer=c3&unit=4:2,3&image=0", color_scheme=scheme)
        page.evaluate("for (const one of document.querySelectorAll('details')) one.open = true;")
        assert serious(page) == []
        for tab in ("filters", "spread", "numbers", "whatif"):
            page.click(f"#tab-{tab}")
            assert serious(page, f"#panel-{tab}") == []
        page.click("#help-open")
        assert serious(page, "#help") == []

    def test_numbers_tell_how_they_come_about(self, lenet: Server, open_page: Open) -> None:
        page = open_page(lenet.link)
        page.locator("#layer-facts .number >> text=118 k").focus()
        told = text(page, "#layer-formula")
        assert "4,704 outputs" in told
        assert "5*5 taps" in told


class TestLive:
    def test_the_curves_grow_with_the_run(
        self, lenet: Server, open_page: Open, lenet_run: Path
    ) -> None:
        page = open_page(lenet.link)
        page.wait_for_selector("#curves svg")
        assert page.locator("#curves svg").count() == 2
        last = json.loads((lenet_run / "metrics.jsonl").read_text().splitlines()[2])
        entry = {**last, "epoch": 77, "train_loss": 0.25}
        with (lenet_run / "metrics.jsonl").open("a") as file:
            file.write(json.dumps(entry) + "\n")
        page.wait_for_selector("#live-told >> text=Epoch 77")
        assert "train 0.25" in page.locator("#curves svg").first.get_attribute("aria-label")


class TestExport:
    def test_it_opens_from_disk_and_shows_the_same_numbers(
        self, export: str, open_page: Open, values: Any
    ) -> None:
        page = open_page(f"{export}#layer=c3&image=1")
        for sample in (1, 0):
            page.click(f"#samples li:nth-child({sample + 1}) button")
            page.wait_for_function("n => location.hash.endsWith(`image=${n}`)", arg=sample)
            settled(page)
            channel, y, x = map(int, re.findall(r"\d+", text(page, "#unit-title"))[:3])
            expected = values[sample][C3][channel, y, x]
            assert close(number(page, "#unit-value"), expected, 1)
            products = numbers(page, "#products table[aria-label^='products of'] td")
            bias = number(page, "#equation [data-part=bias]")
            assert close(sum(products) + bias, expected, 10)
        page.click("#tab-filters")
        page.wait_for_selector("#filters .grid:not([data-painted='0'])")

    def test_it_loads_nothing_and_offers_nothing_that_needs_a_server(
        self, export: str, open_page: Open
    ) -> None:
        page = open_page(export)
        assert page.evaluate("performance.getEntriesByType('resource').length") == 0
        for selector in ("#ways", "#tab-whatif", "#overlay-gradient-label", "#pad-details"):
            assert not page.locator(selector).is_visible(), selector
