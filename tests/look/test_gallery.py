"""The gallery page shows every picture of its script, and the pictures are small."""

import importlib.util
from pathlib import Path

import pytest

DOCS = Path(__file__).parents[2] / "docs"


@pytest.fixture(scope="module")
def gallery():
    spec = importlib.util.spec_from_file_location("gallery", DOCS / "gallery.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_every_picture_is_there_small_and_on_the_page(gallery):
    page = (DOCS / "look.md").read_text(encoding="utf-8")
    for name in gallery.PICTURES:
        path = DOCS / "images" / f"look-{name}.{'gif' if name in gallery.MOVING else 'png'}"
        assert path.stat().st_size <= gallery.LARGEST
        assert f"](images/{path.name})" in page, f"{path.name} is not shown in docs/look.md"


def test_no_picture_is_left_over(gallery):
    made = {f"look-{name}" for name in gallery.PICTURES}
    assert {path.stem for path in (DOCS / "images").glob("look-*")} <= made


@pytest.mark.parametrize("name", ["slide", "filter-photo", "filter-signal"])
def test_a_picture_without_a_network_is_made(gallery, tmp_path, monkeypatch, name):
    monkeypatch.setattr(gallery, "HERE", tmp_path)
    assert gallery.make(name, gallery.Shown(tmp_path)).stat().st_size > 3000
