"""`striate look --equivariance`, and figures of what units answer to."""

import json

import numpy as np
import pytest
from PIL import Image

from striate.cli import main


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    folder = tmp_path_factory.mktemp("digits")
    pictures = np.random.default_rng(0).integers(0, 256, (2, 32, 32), dtype=np.uint8)
    for number, picture in enumerate(pictures):
        Image.fromarray(picture).save(folder / f"{number}.png")
    return [str(folder / f"{number}.png") for number in range(2)]


@pytest.fixture
def look(capsys):
    def run(*arguments):
        with pytest.raises(SystemExit) as left:
            main(["look", "lenet5", *map(str, arguments)])
        told = capsys.readouterr()
        return left.value.code, told.out, told.err

    return run


def test_the_table(files, look):
    code, out, _ = look(*files, "--equivariance")
    assert code == 0
    assert "changes of 2 inputs" in out
    assert "The first stride that breaks: s2 (stride 2) at shifts of 1, 3." in out


def test_json_with_blurred_strides(files, look):
    _, out, _ = look(*files, "--equivariance", "--blur", "--json")
    told = json.loads(out)
    assert told["first_stride"] == "s2"
    before = next(one for one in told["layers"] if one["layer"] == "s2")
    after = next(one for one in told["blurred"]["layers"] if one["layer"] == "s2.blur.conv")
    assert after["differences"][0] < before["differences"][0]


def test_figures_of_units(files, tmp_path, look):
    kinds = "saliency,back,occlusion,cam,equivariance"
    code, _, _ = look(files[0], "--save", tmp_path, "--figures", kinds)
    assert code == 0
    names = {path.name for path in tmp_path.iterdir()}
    assert names == {
        "saliency-0.png", "back-0.png", "occlusion-0.png", "cam-0.png", "equivariance.png"
    }  # fmt: skip


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--json"], "--blur and --json belong to --equivariance"),
        (["--equivariance", "--save", "x"], "--equivariance prints a table"),
        (["--save", "x", "--figures", "top"], "top looks through a data set"),
    ],
)
def test_what_does_not_go_together_is_told(arguments, words, tmp_path, monkeypatch, look):
    monkeypatch.chdir(tmp_path)
    code, _, err = look(*arguments)
    assert code == 2
    assert words in " ".join(err.split())
