"""A training run that is watched: its epochs, and its weights as they change."""

import shutil

import numpy as np
import pytest
import torch

from striate import data
from striate._nets import build_net
from striate.errors import RunError
from striate.look import open_subject
from striate.look.page import Session
from striate.look.page._live import Watched
from striate.look.page._open import open_session
from striate.train import Config, Run
from striate.train._checkpoint import load_tensors, save_tensors
from striate.train._files import append_line
from striate.train._run import create_run

from .conftest import serving


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """The folder that a training leaves, without the training."""
    torch.manual_seed(0)
    digits = data.load("digits", input_shape=(1, 32, 32))
    out = str(tmp_path_factory.mktemp("runs"))
    config = Config.make(net="lenet5", data="digits", epochs=1, out=out, name="run")
    path = create_run(config, digits.classes, digits.preprocess).path
    states = [build_net("lenet5", config.net_options, 10).state_dict() for _ in range(2)]
    save_tensors(path / "checkpoint.safetensors", {"model": states[0]}, {})
    save_tensors(path / "weights.safetensors", {"": states[1]}, {})
    append_line(path / "metrics.jsonl", '{"kind": "epoch", "epoch": 1, "seconds": 1.0}')
    return path


@pytest.fixture
def folder(trained, tmp_path):
    """A run that goes on: it has a checkpoint, and no weights to use yet."""
    path = tmp_path / "run"
    shutil.copytree(trained, path)
    (path / "weights.safetensors").unlink()
    return path


def write_checkpoint(folder, scale: float) -> None:
    """As training does it at the end of an epoch."""
    parts, state = load_tensors(folder / "checkpoint.safetensors")
    parts["model"] = {k: v * scale for k, v in parts["model"].items()}
    save_tensors(folder / "checkpoint.safetensors", parts, state)


def test_a_running_training_is_looked_at_with_its_checkpoint(folder):
    subject = open_subject(folder)
    expected = Run.open(folder).model("checkpoint")
    np.testing.assert_array_equal(subject.weight("c1"), expected.c1.weight.detach())
    assert subject.classes == tuple("0123456789")


def test_the_page_follows_the_run(folder):
    session = open_session(str(folder))
    with serving(session) as client:
        assert client.ask("api/model").json["live"]
        told = client.ask("api/live").json
        assert [entry["epoch"] for entry in told["epochs"]] == [1]
        assert told["updated"] == 0
        run = client.ask("api/runs", {"sample": 0}).json
        before = client.ask("api/filters/0").array
        maps = client.ask(f"api/runs/{run['id']}/maps/0?side=0").array

        write_checkpoint(folder, 2.0)
        with (folder / "metrics.jsonl").open("a") as file:
            file.write('{"kind": "epoch", "epoch": 2, "seconds": 1.0}\n{"kind": "epo')
        told = client.ask("api/live").json
        assert [entry["epoch"] for entry in told["epochs"]] == [1, 2]
        assert told["updated"] == 1
        np.testing.assert_allclose(client.ask("api/filters/0").array, 2 * before, rtol=1e-6)
        again = client.ask(f"api/runs/{run['id']}/maps/0?side=0").array
        assert not np.allclose(again, maps)
        x = torch.from_numpy(session.run(run["id"]).input)
        with torch.no_grad():
            expected = Run.open(folder).model("checkpoint").c1(x)[0]
        np.testing.assert_allclose(again, expected, atol=1e-5)
        assert client.ask("api/live").json["updated"] == 1


def test_a_file_that_is_cut_short_leaves_the_old_weights(folder):
    session = open_session(str(folder))
    before = session.subject
    content = (folder / "checkpoint.safetensors").read_bytes()
    (folder / "checkpoint.safetensors").write_bytes(content[: len(content) // 2])
    session.watched.renew(session)
    assert session.subject is before
    assert session.watched.updated == 0
    (folder / "checkpoint.safetensors").write_bytes(content)
    session.watched.renew(session)
    assert session.watched.updated == 1


def test_the_end_of_a_run_brings_the_weights_to_use(folder, trained):
    watched = Watched(folder)
    session = Session(open_subject(folder), watched=watched)
    shutil.copyfile(trained / "weights.safetensors", folder / "weights.safetensors")
    watched.renew(session)
    expected = Run.open(trained).model()
    np.testing.assert_array_equal(session.subject.weight("c1"), expected.c1.weight.detach())


def test_the_samples_are_the_runs_own_data(trained):
    session = open_session(str(trained))
    assert session.data is not None
    assert [sample.label[0] for sample in session.samples[:10]] == list("0123456789")
    raw = session.data.test.fetch([session.data.test.labels.tolist().index(3)])
    expected = session.subject.preprocess.apply(raw).numpy()
    np.testing.assert_array_equal(session.samples[3].prepare(session.subject), expected)


def test_a_folder_without_weights_is_refused(folder):
    for file in folder.glob("*.safetensors"):
        file.unlink()
    with pytest.raises(RunError, match="no weights yet"):
        open_subject(folder)


def test_what_is_not_watched_has_no_live_page(client):
    assert client.ask("api/live").status == 404
