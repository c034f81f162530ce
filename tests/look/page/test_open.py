"""What the command line names, and what is looked at then."""

import numpy as np
import pytest
from PIL import Image

from striate import OptionError
from striate.errors import DataError
from striate.look import open_subject
from striate.look.page._examples import example_samples
from striate.look.page._open import open_session
from striate.look.page._pictures import thumbnail


def test_files_and_folders(tmp_path):
    for number in range(3):
        Image.new("L", (40, 30), 80 * number).save(tmp_path / f"{number}.png")
    (tmp_path / "notes.txt").write_text("no picture")
    one = tmp_path / "2.png"
    names = tmp_path / "names.txt"
    names.write_text("\n".join(f"class {i}" for i in range(10)))
    session = open_session(
        "lenet5", [tmp_path, one], classes=names, mean="0.5", std="0.25", input="1x1x32x32"
    )
    assert [s.label for s in session.samples] == ["0.png", "1.png", "2.png", "2.png"]
    given = session.samples[2].prepare(session.subject)
    np.testing.assert_allclose(given, (160 / 255 - 0.5) / 0.25, atol=1e-6)
    assert session.subject.class_name(4) == "class 4"
    assert not session.trained


def test_what_cannot_be_opened_is_told(tmp_path):
    with pytest.raises(DataError, match="no such file"):
        open_session("lenet5", [tmp_path / "absent.png"])
    with pytest.raises(OptionError, match="holds no files"):
        open_session("lenet5", [tmp_path])
    with pytest.raises(OptionError, match="--mean a"):
        open_session("lenet5", mean="a")
    with pytest.raises(OptionError, match="--classes"):
        open_session("lenet5", classes=tmp_path / "absent.txt")
    (tmp_path / "broken.png").write_bytes(b"\x89PNG")
    with pytest.raises(DataError, match=r"broken\.png"):
        open_session("lenet5", [tmp_path / "broken.png"])


@pytest.mark.parametrize("shape", [(1, 1, 16, 20), (1, 3, 8, 8), (1, 1, 64), (1, 2, 6, 8, 10)])
def test_there_is_always_something_to_look_at(shape):
    from torch import nn

    axes = len(shape) - 2
    net = nn.Sequential((nn.Conv1d, nn.Conv2d, nn.Conv3d)[axes - 1](shape[1], 2, 3))
    subject = open_subject(net.eval(), shape)
    for sample in example_samples(subject):
        given = sample.prepare(subject)
        assert given.shape == shape
        assert np.isfinite(given).all()
        assert given.std() > 0
        assert thumbnail(subject, given).startswith(b"\x89PNG")


def test_the_first_look_is_computed_before_it_is_asked_for(monkeypatch):
    session = open_session("lenet5")
    session.prepare()
    monkeypatch.setattr(type(session.subject), "run", None)  # what runs now fails
    given = session.subject.prepare(session.samples[0].prepare(session.subject))
    number = session.add(given)
    assert session.run(number)["c1"].shape == (6, 28, 28)
