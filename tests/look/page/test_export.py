"""The page as one file: complete, self-contained, and whole or not there."""

import base64
import gzip
import hashlib
import json
import re

import numpy as np
import pytest

from striate import OptionError
from striate.look import open_subject
from striate.look.page import Session, exported_page, write_page
from striate.look.page._answers import Ask
from striate.look.page._examples import example_samples
from striate.look.page._maps import maps
from striate.look.page._pack import WIDTHS, fitting_width, packed
from striate.look.page._record_units import strongest, wanted_units


@pytest.fixture(scope="module")
def session(net):
    subject = open_subject(net, (1, 1, 32, 32), classes=["</script><b>", *"123456789"])
    return Session(subject, samples=example_samples(subject)[:2], exported=True)


@pytest.fixture(scope="module")
def page(session):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("striate.look.page._record_units.MOST_UNITS", 800)  # all take long
        return exported_page(session)


@pytest.fixture(scope="module")
def table(page):
    found = re.search(
        r'<script type="application/json" id="striate-recorded">(.*?)</script>', page, re.DOTALL
    )
    return json.loads(found[1])


def numbers(entry) -> np.ndarray:
    content = gzip.decompress(base64.b64decode(entry["gzip"]))
    return np.frombuffer(content, entry["dtype"]).reshape(entry["shape"])


def test_everything_that_the_page_asks_for_is_recorded(session, table):
    model = table["api/model"]["json"]
    assert model["exported"]
    assert not model["has_gradients"]
    assert all(s["thumbnail"].startswith("data:image/png;base64,") for s in model["samples"])
    for sample in model["samples"]:
        run = table[f"api/runs?sample={sample['id']}"]["json"]
        assert run["picture"].startswith("data:image/png;base64,")
        base = f"api/runs/{run['id']}"
        np.testing.assert_array_equal(
            numbers(table[f"{base}/input"]), session.run(run["id"]).input[0]
        )
        for layer in model["layers"]:
            at = {"run": run["id"], "layer": layer["id"]}
            found = table[f"{base}/maps/{layer['id']}?first=0&count=64&side=64"]
            np.testing.assert_array_equal(numbers(found), maps(session, Ask(at)).array)
            assert len(table[f"{base}/histogram/{layer['id']}"]["json"]["counts"]) == 64
            told = units(table, run["id"], layer["id"])
            assert told
            assert all(one["box"] for one in list(told.values())[:3])
    for layer in model["layers"]:
        has_filters = f"api/filters/{layer['id']}?first=0&count=64" in table
        assert has_filters == (layer["weights"] is not None)
    filters = table["api/filters/0?first=0&count=64"]
    weight = session.subject.weight("c1")
    np.testing.assert_array_equal(numbers(filters), weight)
    assert filters["limit"] == pytest.approx(np.abs(weight).max())


def units(table, run, layer):
    entry = table[f"api/runs/{run}/units/{layer}"]
    return json.loads(gzip.decompress(base64.b64decode(entry["gzip"])))


def test_small_layers_have_all_their_units_and_others_the_strongest(session, table):
    names = [node.name for node in session.subject.graph]
    run = table["api/runs?sample=1"]["json"]["id"]
    for name, count in (("output", 10), ("f6", 84)):
        number = names.index(name)
        assert len(units(table, run, number)) == count
        assert "places" not in table[f"api/runs/{run}/units/{number}"]
    told = units(table, run, names.index("output"))["3:"]
    assert told["value"] == pytest.approx(float(session.run(run)["output"][3]), rel=1e-6)
    places = table[f"api/runs/{run}/units/0"]["places"]
    first = session.run(run)["c1"]
    for channel, place in places.items():
        y, x = map(int, place.split(","))
        assert abs(first[int(channel), y, x]) == np.abs(first[int(channel)]).max()
        value = units(table, run, 0)[f"{channel}:{place}"]["value"]
        assert value == pytest.approx(float(first[int(channel), y, x]), rel=1e-6)
    assert len(places) == len(first)


def test_a_lenet_has_room_for_all_units_of_one_sample(session):
    one = Session(session.subject, samples=session.samples[:1], exported=True)
    assert set(wanted_units(one).values()) == {None}


def test_large_networks_keep_all_maps_in_fewer_bits():
    resnet = open_subject("resnet18")
    one = Session(resnet, samples=example_samples(resnet)[:1], exported=True)
    assert fitting_width(one).side == 64
    assert fitting_width(one).dtype in ("float16", "int8")
    four = Session(resnet, samples=example_samples(resnet), exported=True)
    assert WIDTHS.index(fitting_width(four)) > WIDTHS.index(fitting_width(one))
    wanted = wanted_units(one)
    assert wanted["fc"] is None
    assert wanted["layer4.1.conv2"] >= 32


@pytest.mark.parametrize(("dtype", "error"), [("float32", 0), ("float16", 5e-4), ("int8", 1 / 254)])
def test_numbers_are_as_near_as_their_width_allows(dtype, error):
    array = np.random.default_rng(0).standard_normal((3, 4, 5)).astype(np.float32)
    entry = packed(array, dtype)
    found = numbers(entry).astype(np.float64) * entry.get("scale", 1)
    assert np.abs(found - array).max() <= error * np.abs(array).max()
    assert packed(np.array([np.nan, 1.0]), dtype)["dtype"] == "float32"
    assert packed(np.zeros((2, 2)), dtype)["dtype"] == dtype


def test_the_strongest_of_the_most_active_channels():
    maps = np.array([[[1.0, -9.0]], [[0.0, 0.5]], [[20.0, 0.0]]])
    assert strongest(maps, 2) == [(2, 0, 0), (0, 0, 1)]


def test_nothing_is_loaded_and_only_its_own_script_may_run(page):
    policy = re.search(r'Content-Security-Policy" content="([^"]*)"', page)[1]
    assert policy.startswith("default-src 'none'; ")
    (code,) = re.findall(r'<script type="module">(.*?)</script>', page, re.DOTALL)
    (style,) = re.findall(r"<style>(.*?)</style>", page, re.DOTALL)
    for name, text in (("script-src", code), ("style-src", style)):
        digest = base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
        assert f"{name} 'sha256-{digest}'" in policy
    assert not re.search(r"^import |^export ", code, re.MULTILINE)
    assert not re.search(r'<(link|script|img)[^>]+(src|href)="(?!data:)[^"#]', page)
    assert "</script><b>" not in page  # a class that tries to break out


def test_the_file_is_whole_or_not_there(session, tmp_path, monkeypatch):
    from striate.look.page import _export

    path = tmp_path / "page.html"
    monkeypatch.setattr(_export, "exported_page", lambda session: "<p>small</p>")
    assert write_page(session, path).read_text() == "<p>small</p>"
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(OptionError, match="cannot be written"):
        write_page(session, tmp_path / "file" / "page.html")
    assert sorted(p.name for p in tmp_path.iterdir()) == ["file", "page.html"]
