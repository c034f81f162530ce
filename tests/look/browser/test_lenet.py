"""A trained LeNet-5 on the page: what is shown is what torch computes."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from .conftest import At, serious
from .driving import Server, click_then, expect, go, number, numbers, settled, shown_number, text

UNIT = "layer=c1&unit=0:5,5"


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
        path = folder / f"{digit}.png"
        image.fromarray(np.asarray(test[index][0])[0]).save(path)
        paths.append(path)
    return paths


@pytest.fixture(scope="module")
def link(lenet_run: Path, samples: list[Path]) -> Iterator[str]:
    from striate.look.page._open import open_session
    from tests.look.page.conftest import serving

    with serving(open_session(str(lenet_run), samples)) as client:
        yield client.link


@pytest.fixture(scope="module")
def net(lenet_run: Path) -> Any:
    from striate.look import open_subject

    subject = open_subject(lenet_run)
    assert subject.module is not None
    subject.module.eval().double()
    return subject


@pytest.fixture(scope="module")
def values(net: Any, samples: list[Path]) -> list[dict[str, np.ndarray]]:
    """Every layer's output for each sample, by torch."""
    import torch

    answers, found = [], {}
    hooks = [
        module.register_forward_hook(
            lambda _m, _x, y, name=name: found.update({name: y.detach().numpy()[0].copy()})
        )
        for name, module in net.module.named_modules()
    ]
    for path in samples:
        with torch.no_grad():
            net.module(torch.from_numpy(net.prepare(path)).double())
        answers.append(dict(found))
    for hook in hooks:
        hook.remove()
    return answers


def shows(page: Any, value: float) -> None:
    """Wait until this is the unit's value."""
    page.wait_for_function(
        "want => Math.abs(document.getElementById('unit-value').dataset.value - want) < 1e-4",
        arg=float(value),
    )


@pytest.fixture(scope="module")
def telling(values: Any) -> tuple[int, int]:
    """Where both samples differ most in the first map."""
    apart = np.abs(values[1]["c1"][0] - values[0]["c1"][0])
    y, x = np.unravel_index(apart.argmax(), apart.shape)
    return int(y), int(x)


def close(a: float, b: float, size: float) -> bool:
    return abs(a - b) < 2e-5 * max(size, 1)


class TestNumbers:
    def test_it_opens_with_the_first_maps_and_a_prediction(
        self, tab: Any, trouble: list[str], values: Any
    ) -> None:
        assert text(tab, "#layer-title") == "c1"
        assert tab.locator("#maps .grid").get_attribute("data-painted") == "6"
        logits = values[0]["output"]
        share = np.exp(logits - logits.max())
        share /= share.sum()
        best = int(share.argmax())
        first = tab.locator("#bars-prediction li").first
        assert first.get_attribute("data-class") == str(best)
        shown = float(first.locator(".amount").text_content().strip("<>%"))
        assert shown == pytest.approx(100 * share[best], abs=0.06)

    def test_products_and_bias_sum_up_to_what_torch_computes(
        self, at: At, values: Any, net: Any
    ) -> None:
        from striate.inspection import look_at_unit

        page = at("layer=c3&unit=4:2,3&image=0")
        expected = values[0]["c3"][4, 2, 3]
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
        (y0, y1), (x0, x1) = look_at_unit(net.graph, "c3", (2, 3)).box
        words = f"Sees {y1 - y0} × {x1 - x0} of the input, y {y0} … {y1 - 1}, x {x0} … {x1 - 1}"
        assert words in text(page, "#seen-words")
        assert "y 2 … 6, x 3 … 7" in text(page, "#before-words")

    def test_a_unit_of_a_linear_layer(self, at: At, values: Any) -> None:
        page = at("layer=output&unit=7&image=1")
        products = numbers(page, "#products table[aria-label^='products of'] td")
        assert len(products) == 84
        bias = number(page, "#equation [data-part=bias]")
        assert close(sum(products) + bias, values[1]["output"][7], 10)

    def test_clicks_and_arrow_keys_choose_the_pixel(self, at: At, values: Any) -> None:
        page = at(f"{UNIT}&image=0")
        page.select_option("#maps-sort", "channel")
        # The tile of channel 3 is the fourth of the first row: 8 + 3 * (64 + 8) from the left.
        y, x = 8 + 20.5 * 64 / 28, 8 + 3 * 72 + 9.5 * 64 / 28
        page.locator("#maps .grid canvas").click(position={"x": x, "y": y})
        expect(page, "unit-title", "Channel 3 at (20, 9) of c1")
        shows(page, values[0]["c1"][3, 20, 9])
        page.focus("#own-plane .plane")
        for key in ("ArrowDown", "ArrowRight", "ArrowRight"):
            page.keyboard.press(key)
        expect(page, "unit-title", "Channel 3 at (21, 11) of c1")
        shows(page, values[0]["c1"][3, 21, 11])
        page.wait_for_function("() => location.hash.includes('unit=3:21,11')")  # a little later

    def test_keys_go_on_from_the_unit_that_was_asked_for(self, at: At, values: Any) -> None:
        """Though neither it nor what the keys before asked for is drawn yet."""
        page = at(f"{UNIT}&image=0")
        page.select_option("#maps-sort", "channel")
        place = 8 + 3 * 72 + 9.5 * 64 / 28, 8 + 20.5 * 64 / 28
        click_then(page, place, ("ArrowDown", "ArrowRight", "ArrowRight"))
        expect(page, "unit-title", "Channel 3 at (21, 11) of c1")
        shows(page, values[0]["c1"][3, 21, 11])

    def test_the_slider_through_the_sum_ends_at_the_total(self, at: At) -> None:
        page = at("layer=c1&unit=2:10,10&image=0")
        running = page.locator("#steps output b")
        total = number(page, "#equation [data-part=total]")
        assert shown_number(running.text_content()) == pytest.approx(total, rel=1e-3, abs=1e-4)
        page.focus("#steps input")
        page.keyboard.press("Home")
        assert running.text_content() == "0"
        page.keyboard.press("ArrowRight")
        first = numbers(page, "#products table[aria-label^='products'] td")[0]
        assert shown_number(running.text_content()) == pytest.approx(first, rel=1e-3, abs=1e-4)
        assert page.locator("#products td.later").count() == 3 * 24

    def test_the_patches_are_of_the_inputs_with_the_largest_values(self, at: At, net: Any) -> None:
        import torch

        from striate.data import load

        page = at("layer=c3&unit=4:2,3&image=0")
        page.click("#patches-list >> text=Find the patches")
        page.wait_for_selector("#patches-list .patches img")
        digits = load("digits", input_shape=(1, 32, 32)).test
        every = net.preprocess.apply(digits.fetch(list(range(len(digits))))).double()
        with torch.no_grad():
            module = dict(net.module.named_modules())["c3"]
            strongest: list[Any] = []
            hook = module.register_forward_hook(lambda _m, _x, y: strongest.append(y[:, 4]))
            net.module(every)
            hook.remove()
        order = strongest[0].flatten(1).amax(1).sort(descending=True)
        shown = [shown_number(n) for n in page.locator(".patches span").all_text_contents()]
        assert shown == pytest.approx(order.values[:9].tolist(), rel=5e-3)
        names = page.locator(".patches img").evaluate_all("all => all.map((one) => one.alt)")
        assert names == [f"Patch of sample {i}" for i in order.indices[:9].tolist()]


def test_what_if_shows_new_sizes_at_once_and_where_they_stop_fitting(at: At) -> None:
    page = at(f"{UNIT}&image=0")
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


GIVEN = """([kind, bytes]) => {
  const given = new DataTransfer();
  given.items.add(new File([new Uint8Array(bytes)], "1.png", { type: "image/png" }));
  const event = kind === "paste" ? new ClipboardEvent(kind, { clipboardData: given })
    : new DragEvent(kind, { dataTransfer: given, bubbles: true, cancelable: true });
  (kind === "paste" ? window : document.getElementById("maps")).dispatchEvent(event);
  return document.body.classList.contains("dropping");
}"""
"""A file that comes by the clipboard or by the mouse."""


class TestInput:
    @pytest.mark.parametrize("way", ["choose", "camera", "paste", "drop"])
    def test_a_picture_is_run_however_it_comes(
        self, at: At, samples: list[Path], values: Any, telling: tuple[int, int], way: str
    ) -> None:
        page = at(f"layer=c1&unit=0:{telling[0]},{telling[1]}&image=0")
        shows(page, values[0]["c1"][0][telling])
        if way in ("choose", "camera"):
            assert page.is_visible(f"label:has(#{way})")
            page.set_input_files(f"#{way}", samples[1])
        else:
            content = list(samples[1].read_bytes())
            if way == "drop":
                assert page.evaluate(GIVEN, ["dragenter", content])  # it offers to take it
            assert not page.evaluate(GIVEN, [way, content])
        shows(page, values[1]["c1"][0][telling])
        assert page.locator("#samples [aria-pressed=true]").count() == 0

    def test_a_drawn_stroke_is_a_one(self, at: At) -> None:
        page = at(f"{UNIT}&image=0")
        page.evaluate("document.getElementById('pad-details').open = true")
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

    def test_a_digit_can_be_drawn_with_keys_alone(self, at: At) -> None:
        page = at(f"{UNIT}&image=0")
        page.evaluate("document.getElementById('pad-details').open = true")
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

    def test_a_damaged_file_gives_a_message_and_the_page_lives_on(
        self, at: At, trouble: list[str], values: Any, telling: tuple[int, int]
    ) -> None:
        page = at(f"layer=c1&unit=0:{telling[0]},{telling[1]}&image=0")
        wrong = {"name": "x.png", "mimeType": "image/png", "buffer": b"\x89PNG\r\n\x1a\nno"}
        page.set_input_files("#choose", wrong)
        page.wait_for_selector("#notice:not([hidden]) p")
        assert len(text(page, "#notice p")) > 10
        # The browser itself notes the answer's status on the console; nothing else may be there.
        assert [told for told in trouble if "status of 4" not in told] == []
        trouble.clear()
        page.click("#samples li:nth-child(2) button")
        page.wait_for_selector("#notice", state="hidden")
        shows(page, values[1]["c1"][0][telling])


HELD = """addEventListener("hashchange", (event) => {
  if (window.asked) event.stopImmediatePropagation();
});"""
"""The browser tells late of a link that is followed."""

ASK = """fragment => {
  const own = () => document.querySelector("#samples [aria-pressed=true]") === null;
  const soon = (done) => own() ? done() : setTimeout(soon, 0, done);
  window.asked = new Promise(soon).then(() => {
    location.hash = ""; // or the same link would lead nowhere
    location.hash = fragment;
    return new Promise((done) => setTimeout(done, 300));
  });
}"""
"""Follow a link as soon as the reader's own input is shown, before that input's is written."""


def test_a_link_that_was_just_asked_for_is_not_rewritten(
    window: Any, trouble: list[str], link: str, samples: list[Path]
) -> None:
    fragment = f"{UNIT}&image=0"
    page = window.new_page()
    page.add_init_script(HELD)
    page.goto(f"{link}#{fragment}")
    settled(page)
    page.evaluate(ASK, fragment)
    page.set_input_files("#choose", samples[1])
    page.evaluate("window.asked")
    assert page.evaluate("location.hash") == f"#{fragment}"
    page.evaluate("window.asked = null; dispatchEvent(new HashChangeEvent('hashchange'))")
    page.wait_for_selector("#samples li:nth-child(1) [aria-pressed=true]")
    page.close()


def test_several_tabs_look_at_different_things_at_once(
    at: At, window: Any, link: str, samples: list[Path], values: Any, telling: tuple[int, int]
) -> None:
    unit = f"layer=c1&unit=0:{telling[0]},{telling[1]}&image=1"
    first = at("layer=c3&unit=4:2,3&image=0")
    second, third = window.new_page(), window.new_page()
    second.goto(first.url)  # a link leads to the same unit
    third.goto(f"{link}#{unit}")
    for page in (second, third):
        settled(page)
    for selector in ("#unit-title", "#unit-value", "#layer-title", "#bars-prediction"):
        assert text(first, selector) == text(second, selector)
    second.evaluate("fragment => { location.hash = fragment; }", unit)
    third.set_input_files("#choose", samples[0])
    first.evaluate("fragment => { location.hash = fragment; }", "layer=output&unit=7&image=0")
    shows(second, values[1]["c1"][0][telling])
    shows(third, values[0]["c1"][0][telling])
    shows(first, values[0]["output"][7])
    second.close()
    third.close()
    first.bring_to_front()


class TestComfort:
    def test_the_keyboard_is_enough(self, at: At) -> None:
        page = at("layer=c1&image=0")
        page.select_option("#maps-sort", "activity")
        page.keyboard.press("n")
        for key in ("ArrowDown", "ArrowDown", "Enter"):  # c1 -> relu1 -> s2
            page.keyboard.press(key)
        expect(page, "layer-title", "s2")
        settled(page)
        page.keyboard.press("m")
        assert page.evaluate("document.activeElement.getAttribute('role')") == "grid"
        page.keyboard.press("Home")
        page.keyboard.press("ArrowRight")
        cell = page.locator("#maps-grid-cell")  # tells of the second tile before any is redrawn
        assert cell.get_attribute("aria-colindex") == "2"
        channel = text(page, "#maps-grid-cell").split()[1].strip(":")
        page.keyboard.press("Enter")
        page.wait_for_function(
            "want => document.getElementById('unit-title').textContent.startsWith(want)",
            arg=f"Channel {channel} at",
        )
        page.keyboard.press("/")
        page.keyboard.type("c5")
        page.keyboard.press("Enter")
        expect(page, "layer-title", "c5")
        page.fill("#search", "")

    def test_no_width_scrolls_sideways(self, at: At) -> None:
        page = at("layer=c3&unit=4:2,3&image=0")
        for width in (360, 820, 3840):
            page.set_viewport_size({"width": width, "height": 800})
            for name in ("maps", "filters", "spread", "numbers", "whatif"):
                page.click(f"#tab-{name}")
                assert page.evaluate("document.documentElement.scrollWidth") <= width
        page.set_viewport_size({"width": 1280, "height": 900})

    def test_axe_finds_nothing_serious_in_light_and_dark(self, at: At) -> None:
        page = at("layer=c3&unit=4:2,3&image=0")
        page.evaluate("for (const one of document.querySelectorAll('details')) one.open = true;")
        assert serious(page) == []
        for name in ("filters", "spread", "numbers", "whatif"):
            page.click(f"#tab-{name}")
            assert serious(page, f"#panel-{name}") == []
        page.click("#help-open")
        assert serious(page, "#help") == []
        page.click("#help-close")
        page.emulate_media(color_scheme="dark")
        page.click("#tab-maps")
        assert serious(page, runOnly=["color-contrast"]) == []
        page.emulate_media(color_scheme="light")

    def test_dark_follows_the_system_and_the_switch(self, at: At) -> None:
        page = at(f"{UNIT}&image=0")
        light = "getComputedStyle(document.body).backgroundColor"
        page.emulate_media(color_scheme="dark")
        dark = page.evaluate(light)
        assert max(map(int, dark[4:-1].split(","))) < 60
        page.click("#theme")
        assert min(map(int, page.evaluate(light)[4:-1].split(","))) > 200
        page.reload()
        settled(page)
        assert page.get_attribute("html", "data-theme") == "light"
        page.emulate_media(color_scheme="light")

    def test_numbers_tell_how_they_come_about(self, at: At) -> None:
        page = at(f"{UNIT}&image=0")
        page.locator("#layer-facts .number >> text=118 k").focus()
        told = text(page, "#layer-formula")
        assert "4,704 outputs" in told
        assert "5*5 taps" in told


def test_the_curves_grow_with_the_run(at: At, lenet_run: Path) -> None:
    page = at(f"{UNIT}&image=0")
    page.wait_for_selector("#curves svg")
    assert page.locator("#curves svg").count() == 2
    last = json.loads((lenet_run / "metrics.jsonl").read_text().splitlines()[2])
    entry = {**last, "epoch": 77, "train_loss": 0.25}
    with (lenet_run / "metrics.jsonl").open("a") as file:
        file.write(json.dumps(entry) + "\n")
    page.wait_for_selector("#live-told >> text=Epoch 77")
    assert "train 0.25" in page.locator("#curves svg").first.get_attribute("aria-label")


def test_ctrl_c_stops_the_server_while_a_page_is_open(
    window: Any, trouble: list[str], lenet_file: Path
) -> None:
    server = Server(lenet_file)
    try:
        page = window.new_page()
        page.goto(server.link)
        settled(page)
    finally:
        assert server.stop() == (0, "", "")
    page.click("#tab-spread")
    page.wait_for_selector("#spread >> text=The server does not answer")
    assert trouble  # the browser's own words on the connection
    trouble.clear()
    page.close()


def test_an_export_opens_from_disk_and_shows_the_same_numbers(
    window: Any,
    trouble: list[str],
    lenet_run: Path,
    samples: list[Path],
    values: Any,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from striate.look.page import _record_units, write_page
    from striate.look.page._open import open_session

    monkeypatch.setattr(_record_units, "MOST_UNITS", 800)  # of a large network not all are held
    path = write_page(open_session(str(lenet_run), samples, exported=True), tmp_path / "page.html")
    page = window.new_page()
    page.goto(f"{path.as_uri()}#layer=c3&image=1")
    settled(page)
    assert page.evaluate("performance.getEntriesByType('resource').length") == 0
    for selector in ("#ways", "#tab-whatif", "#overlay-gradient-label", "#pad-details"):
        assert not page.locator(selector).is_visible(), selector
    for sample in (1, 0):
        go(page, f"layer=c3&image={sample}")
        channel, y, x = map(int, re.findall(r"\d+", text(page, "#unit-title"))[:3])
        expected = values[sample]["c3"][channel, y, x]
        assert close(number(page, "#unit-value"), expected, 1)
        products = numbers(page, "#products table[aria-label^='products of'] td")
        bias = number(page, "#equation [data-part=bias]")
        assert close(sum(products) + bias, expected, 10)
        assert page.is_visible("#unit-held")
        go(page, f"layer=output&unit=7&image={sample}")
        assert close(number(page, "#unit-value"), values[sample]["output"][7], 1)
        assert not page.is_visible("#unit-held")
    assert "Sums are exact" in text(page, "#maps-held")
    page.evaluate("location.hash = 'layer=c3&unit=4:0,0&image=0'")  # leads to one that is held
    page.wait_for_function(
        "() => /^Channel 4 at .* of c3$/.test(document.getElementById('unit-title').textContent)"
    )
    settled(page)
    channel, y, x = map(int, re.findall(r"\d+", text(page, "#unit-title"))[:3])
    assert close(number(page, "#unit-value"), values[0]["c3"][channel, y, x], 1)
    page.click("#tab-filters")
    page.wait_for_selector("#filters .grid:not([data-painted='0'])")
