"""`striate look --save`: figures as files, each whole, none for what is not there."""

import numpy as np
import pytest
from PIL import Image

from striate import OptionError
from striate.cli import main
from striate.look import open_subject
from striate.look._save import KINDS, Wanted, _unique, save_figures


def run(*arguments):
    with pytest.raises(SystemExit) as left:
        main(["look", *map(str, arguments)])
    return left.value.code


@pytest.fixture
def photo(tmp_path):
    path = tmp_path / "a photo.png"
    pixels = np.random.default_rng(0).integers(0, 255, (40, 40), np.uint8)
    Image.fromarray(pixels).save(path)
    return path


def test_a_network_and_a_picture_become_files(tmp_path, photo, capsys):
    out = tmp_path / "out"
    assert run("lenet5", photo, "--save", out, "--layer", "c1", "--layer", "relu1") == 0
    names = sorted(path.name for path in out.iterdir())
    assert names == [
        "field-c1-a-photo.png", "field-relu1-a-photo.png", "fields.png", "filters-c1.png",
        "maps-c1-a-photo.png", "maps-relu1-a-photo.png",
    ]  # fmt: skip
    assert sorted(line.rsplit("/", 1)[1] for line in capsys.readouterr().out.split()) == names
    for path in out.iterdir():
        with Image.open(path) as picture:
            assert picture.size[0] > 300


def test_without_an_image_a_pattern_is_looked_at(tmp_path):
    out = tmp_path / "out"
    assert run("lenet5", "--save", out, "--figures", "maps,filters", "--format", "svg") == 0
    assert sorted(path.name for path in out.iterdir()) == ["filters-c1.svg", "maps-rings.svg"]


def test_the_window_of_a_layer_moves(tmp_path, photo):
    options = ["--layer", "c5", "--figures", "slide"]  # one place, so one frame
    assert run("lenet5", photo, "--save", tmp_path / "out", *options) == 0
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["slide-c5-a-photo.gif"]
    options = ["--figures", "slide", "--format", "html"]
    assert run("lenet5", photo, photo, "--save", tmp_path / "page", *options) == 0
    assert [path.name for path in (tmp_path / "page").iterdir()] == ["slide-c1-a-photo.html"]


def test_images_of_one_name_are_kept_apart(tmp_path, photo):
    other = tmp_path / "b" / photo.name
    other.parent.mkdir()
    other.write_bytes(photo.read_bytes())
    assert run("lenet5", photo, other, "--save", tmp_path / "out", "--figures", "maps") == 0
    names = sorted(path.name for path in (tmp_path / "out").iterdir())
    assert names == ["maps-a-photo-2.png", "maps-a-photo.png"]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--save", "out", "--layer", "c9"], "there is no layer 'c9'"),
        (["--save", "out", "--figures", "maps,moods"], "there are no figures 'moods'; use filters"),
        (["--save", "out", "--format", "bmp"], "--format bmp is not known; use png, svg, pdf"),
        (["--layer", "c1"], "--layer says which figures to write; add --save FOLDER"),
    ],
)
def test_what_is_wrong_is_told_and_nothing_written(tmp_path, monkeypatch, capsys, options, message):
    monkeypatch.chdir(tmp_path)
    assert run("lenet5", *options) == 2
    assert message in " ".join(capsys.readouterr().err.split())
    assert list(tmp_path.iterdir()) == []


def test_every_kind_is_made_of_a_signal_too(tmp_path):
    subject = open_subject("m5")
    wanted = Wanted(subject, (("noise", np.zeros((1, 1, 8000), np.float32)),), ("4",))
    files = list(save_figures(wanted, tmp_path, kinds=["filters", "maps", "field", "fields"]))
    assert [path.name for path in files] == [
        "filters-4.png", "maps-4-noise.png", "field-4-noise.png", "fields.png",
    ]  # fmt: skip
    assert all(path.stat().st_size > 1000 for path in files)


def test_names_suit_any_file_system_and_differ():
    taken = set()
    assert _unique("maps-relu:2-../x", taken) == "maps-relu-2-..-x"
    assert _unique("maps-RELU-2-..-x", taken) == "maps-RELU-2-..-x-2"
    assert _unique("../", taken) == "figure"


def test_the_help_names_every_kind():
    import re
    from pathlib import Path

    import striate.cli.look as command

    source = re.sub(r'"\s+"', "", Path(command.__file__).read_text())
    told = re.search(r"between: ([a-z,_]+)", source).group(1)
    assert told.split(",") == list(KINDS)


def test_an_unknown_kind_is_refused_before_anything_is_run(tmp_path):
    wanted = Wanted(open_subject("lenet5"))
    with pytest.raises(OptionError, match="no figures 'x'"):
        list(save_figures(wanted, tmp_path, kinds=["filters", "x"]))
    assert list(tmp_path.iterdir()) == []
