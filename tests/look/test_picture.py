"""What every figure can do: be drawn, saved whole, and compared."""

from dataclasses import dataclass

import numpy as np
import pytest

from striate import OptionError
from striate.look import Picture
from striate.look import _style as style
from striate.look._sheet import grid, sheet


@dataclass(frozen=True, eq=False)
class Tiles(Picture):
    tiles: np.ndarray

    def _draw(self):
        figure = style.new_figure(3.4, 2.0, "Tiles")
        axes = figure.subplots()
        sheet(axes, self.tiles, limit=1.0, labels=[str(i) for i in range(len(self.tiles))])
        style.scale(axes, 1.0, "weight")
        return figure


@pytest.fixture
def tiles():
    return Tiles(np.random.default_rng(0).uniform(-1, 1, (6, 5, 5)))


@pytest.mark.parametrize(
    ("suffix", "start"), [("png", b"\x89PNG"), ("svg", b"<?xml"), ("pdf", b"%PDF")]
)
def test_each_format_is_saved_and_the_same_again(tiles, tmp_path, suffix, start):
    first = tiles.save(tmp_path / "deep" / f"a.{suffix}").read_bytes()
    assert first.startswith(start)
    assert tiles.save(tmp_path / f"b.{suffix}").read_bytes() == first
    assert sorted(p.name for p in tmp_path.rglob("*")) == sorted(
        ["deep", f"a.{suffix}", f"b.{suffix}"]
    )


def test_another_suffix_is_refused_and_nothing_written(tiles, tmp_path):
    with pytest.raises(OptionError, match=r"saved as \.png, \.svg, \.pdf"):
        tiles.save(tmp_path / "a.docx")
    with pytest.raises(OptionError, match="cannot be written"):
        tiles.save("/proc/none/a.png")
    assert list(tmp_path.iterdir()) == []


def test_drawing_leaves_matplotlibs_settings_alone(tiles):
    import matplotlib as mpl

    before = dict(mpl.rcParams)
    assert tiles.figure().get_size_inches()[0] == pytest.approx(3.4)
    assert dict(mpl.rcParams) == before
    assert tiles._repr_png_().startswith(b"\x89PNG")


def test_zero_is_white_and_the_signs_are_told_apart():
    blue, white, orange = (style.diverging()(x)[:3] for x in (0.0, 0.5, 1.0))
    assert np.allclose(white, 1, atol=0.01)
    assert blue[2] > blue[0]
    assert orange[0] > orange[2]


@pytest.mark.parametrize("count", [1, 2, 8, 9, 16, 64, 100, 513])
def test_a_grid_holds_all_tiles_and_no_empty_row(count):
    rows, columns = grid(count)
    assert (rows - 1) * columns < count <= rows * columns


def test_normalisation_is_undone():
    shown = np.random.default_rng(1).uniform(0, 1, (3, 4, 5))
    mean, std = np.array([0.4, 0.5, 0.6]), np.array([0.2, 0.3, 0.4])
    given = (shown - mean[:, None, None]) / std[:, None, None]
    np.testing.assert_allclose(style.pixels(given, mean, std), shown.transpose(1, 2, 0), atol=1e-12)


def test_a_picture_in_other_units_is_stretched():
    given = np.array([[[-3.0, 1.0], [5.0, -3.0]]])
    np.testing.assert_allclose(style.pixels(given)[..., 0], [[0, 0.5], [1, 0]])
    assert np.isfinite(style.pixels(np.full((1, 2, 2), np.nan))).all()
