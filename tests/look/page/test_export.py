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
from striate.look.page._record import MOST_UNITS


@pytest.fixture(scope="module")
def session(net):
    subject = open_subject(net, (1, 1, 32, 32), classes=["</script><b>", *"123456789"])
    return Session(subject, samples=example_samples(subject)[:2], exported=True)


@pytest.fixture(scope="module")
def page(session):
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
            units = [url for url in table if url.startswith(f"{base}/unit/{layer['id']}?")]
            assert units
            for url in units[:3]:
                assert table[url]["json"]["box"]
    for layer in model["layers"]:
        has_filters = f"api/filters/{layer['id']}?first=0&count=64" in table
        assert has_filters == (layer["weights"] is not None)
    filters = table["api/filters/0?first=0&count=64"]
    weight = session.subject.weight("c1")
    np.testing.assert_array_equal(numbers(filters), weight)
    assert filters["limit"] == pytest.approx(np.abs(weight).max())


def test_small_layers_have_all_their_units(session, table):
    names = [node.name for node in session.subject.graph]
    run = table["api/runs?sample=1"]["json"]["id"]
    for name, count in (("output", 10), ("s4", 400)):
        start = f"api/runs/{run}/unit/{names.index(name)}?"
        assert sum(url.startswith(start) for url in table) == count <= MOST_UNITS
    told = table[f"api/runs/{run}/unit/{names.index('output')}?channel=3"]["json"]
    assert told["value"] == pytest.approx(float(session.run(run)["output"][3]), rel=1e-6)
    first = next(url for url in table if f"{run}/unit/0?" in url)
    assert re.search(r"\?channel=\d+&place=\d+,\d+$", first)


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
