"""Predicting in Python, and whose code a run may have run."""

from __future__ import annotations

import wave
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from striate import OptionError, RunError, nn
from striate.data import ArrayDataset, Data, load
from striate.train import Config, Run, predict, train

NETS = f"{Path(__file__).parent / 'nets.py'}:"


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    out = tmp_path_factory.mktemp("runs")
    digits = load("digits", input_shape=(1, 32, 32))
    return train(Config.make(epochs=5, out=str(out), threads=1), data=digits)


@pytest.fixture(scope="module")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("pictures")
    test = load("digits").test
    (folder / "deeper").mkdir()
    for i in range(6):
        image = Image.fromarray(test.fetch([i])[0, 0].numpy())
        image.save(folder / ("deeper" if i > 3 else ".") / f"{i}-is-{int(test.labels[i])}.png")
    (folder / "notes.txt").write_text("no picture, and not asked for")
    (folder / "._0-is-5.png").write_bytes(b"a Mac's, and hidden")
    return folder


def test_files_go_the_way_the_test_data_went(run: Run, pictures: Path) -> None:
    net, digits = run.model(), load("digits", input_shape=(1, 32, 32))
    batch = next(digits.batches(digits.test, 6).epoch())
    with torch.no_grad():
        expected = net(batch.inputs).softmax(1)
    found = {p.path: dict(p.labels) for p in predict(run, [pictures], top=10)}
    for path, labels in found.items():
        row = expected[int(Path(path).name[0])]
        assert [labels[name] for name in run.classes] == pytest.approx(row.tolist(), abs=1e-5)
    assert len(found) == 6


def test_the_most_probable_comes_first(run: Run, pictures: Path) -> None:
    for prediction in predict(run, [pictures], top=4):
        shares = [share for _, share in prediction.labels]
        assert len(shares) == 4
        assert shares == sorted(shares, reverse=True)


def test_more_classes_than_there_are_is_all_of_them(run: Run, pictures: Path) -> None:
    assert {len(p.labels) for p in predict(run, [pictures], top=99)} == {10}


def test_batches_change_nothing(run: Run, pictures: Path) -> None:
    alone = list(predict(run, [pictures], batch_size=1))
    for one, other in zip(alone, predict(run, [pictures], batch_size=4), strict=True):
        assert one.path == other.path
        assert [s for _, s in one.labels] == pytest.approx([s for _, s in other.labels], abs=1e-5)


def test_what_cannot_be_read_has_its_error_in_its_place(
    run: Run, pictures: Path, tmp_path: Path
) -> None:
    good = next(pictures.glob("*.png"))
    (tmp_path / "empty").mkdir()
    found = list(predict(run, [tmp_path / "empty", good, tmp_path / "none.png"], batch_size=2))
    assert [p.error is None for p in found] == [False, True, False]
    assert "the folder holds no file with .jpg" in (found[0].error or "")
    assert "none.png" in (found[2].error or "")


@pytest.mark.parametrize("option", ["top", "batch_size"])
def test_options_are_checked_at_the_call(run: Run, option: str) -> None:
    with pytest.raises(OptionError, match=f"{option}=0 must be 1 or more"):
        predict(run, [], **{option: 0})


def test_sounds_are_predicted(tmp_path: Path) -> None:
    torch.manual_seed(0)
    part = ArrayDataset(torch.randn(6, 1, 400), torch.arange(6) % 2, ("low", "high"))
    data = Data("made up", part, part, part.classes, (1, 400), (0.0,), (1.0,), "signal", None, 8000)
    own = f"{__file__}:sound_net"
    made = train(Config(net=own, epochs=1, out=str(tmp_path), lr=0.01), data=data)
    with wave.open(str(tmp_path / "tone.wav"), "wb") as file:
        file.setparams((1, 2, 16000, 0, "NONE", ""))
        file.writeframes((1000 * np.sin(np.arange(800))).astype("<i2").tobytes())
    found = list(predict(Run.open(made.path), [tmp_path / "tone.wav"], net=own))
    assert {name for name, _ in found[0].labels} == {"low", "high"}


def sound_net() -> torch.nn.Module:
    return nn.Sequential(nn.Conv1d(1, 2, 9), nn.GlobalAvgPool1d(), nn.Flatten(), nn.Linear(2, 2))


class TestStrangersRuns:
    def stranger(self, out: Path, net: str) -> Run:
        made = train(
            Config.make(net=NETS + "with_norm", epochs=1, out=str(out)), data=load("digits")
        )
        config = made.path / "config.toml"
        config.write_text(config.read_text().replace(f"{NETS}with_norm", net))
        return Run.open(made.path)

    def test_code_that_the_folder_names_is_not_run(self, tmp_path: Path) -> None:
        (tmp_path / "evil.py").write_text("open('ran', 'w')\n")
        for net in (f"{tmp_path / 'evil.py'}:make", "os:getcwd"):
            stranger = self.stranger(tmp_path, net)
            with pytest.raises(RunError, match="which is code that its folder names"):
                predict(stranger, [])
        assert not Path("ran").exists()

    def test_the_users_own_word_is_enough(self, tmp_path: Path) -> None:
        stranger = self.stranger(tmp_path, "os:getcwd")
        net = stranger.model(net=NETS + "with_norm")
        assert net(torch.zeros(1, 1, 8, 8)).shape == (1, 10)

        again = Run.open(stranger.path, trusted=True)
        with pytest.raises(OptionError, match="os:getcwd gave str"):
            again.model()

    def test_another_net_is_refused(self, run: Run) -> None:
        with pytest.raises(RunError, match="the weights are not those of"):
            run.model(net=NETS + "with_norm")


def test_a_run_that_has_not_ended_has_no_weights(tmp_path: Path) -> None:
    made = train(Config.make(epochs=1, out=str(tmp_path)))
    (made.path / "weights.safetensors").unlink()
    (made.path / "metrics.jsonl").unlink()
    with pytest.raises(RunError, match="has not ended, so it has no weights to use"):
        predict(made, [])
