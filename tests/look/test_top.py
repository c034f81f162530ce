"""What excites a unit: the strongest places of a data set, against a search through all of it."""

import io
import zipfile

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from torch import nn

from striate import DataError, OptionError, capture, look
from striate.data import ArrayDataset
from striate.look import open_subject
from striate.look._top import _Best


@pytest.fixture(scope="module")
def subject():
    torch.manual_seed(0)
    net = nn.Sequential(
        nn.Conv2d(1, 3, 3, stride=2, padding=1), nn.ReLU(), nn.Flatten(), nn.Linear(75, 2)
    )
    return open_subject(net, (1, 10, 10))


@pytest.fixture(scope="module")
def images():
    return np.random.default_rng(0).standard_normal((23, 1, 10, 10)).astype(np.float32)


def test_the_strongest_are_found(subject, images):
    found = look.top_patches(subject, "0", images, channel=[2, 0], k=5, batch_size=4)
    maps = subject.activations(["0"], images)["0"]
    for channel, patches in zip(found.channels, found.patches, strict=True):
        peaks = maps[:, channel].reshape(23, -1).max(1)
        assert [p.sample for p in patches] == np.argsort(-peaks, kind="stable")[:5].tolist()
        for patch in patches:
            assert patch.value == pytest.approx(maps[(patch.sample, channel, *patch.place)])
    assert found.seen == 23


def test_every_place_of_an_input_if_that_is_wanted(subject, images):
    found = look.top_patches(subject, "0", images, k=6, one_per_input=False, batch_size=4)
    values = np.sort(subject.activations(["0"], images)["0"][:, 0].ravel())[::-1][:6]
    np.testing.assert_allclose([p.value for p in found.patches[0]], values, rtol=1e-6)


def test_a_patch_is_what_its_unit_reads(subject, images):
    """The patch times the weights, padding as 0, is the value again."""
    net = subject.module
    for patch in look.top_patches(subject, "0", images, channel=1, k=23).patches[0]:
        assert patch.pixels.shape == (1, 3, 3)
        weight = net[0].weight[1].detach().numpy()
        total = (np.nan_to_num(patch.pixels) * weight).sum() + net[0].bias[1].item()
        assert total == pytest.approx(patch.value, rel=1e-4, abs=1e-5)


def test_what_is_over_the_border_is_no_number(subject):
    images = np.zeros((1, 1, 10, 10), np.float32)
    net = subject.module
    corner = net[0].weight[0, 0, 1:, 1:].detach().numpy()
    images[0, 0, :2, :2] = 100 * corner  # the unit at the corner wins by far
    (patch,) = look.top_patches(subject, "0", images, k=3).patches[0]
    assert patch.place == (0, 0)
    assert patch.box == ((-1, 2), (-1, 2))
    assert patch.visible == ((0, 2), (0, 2))
    edge = [True, False, False]
    assert np.isnan(patch.pixels[0]).tolist() == [[True] * 3, edge, edge]


def test_a_unit_of_a_vector_sees_the_whole_input(subject, images):
    (patch,) = look.top_patches(subject, "3", images, channel=1, k=1).patches[0]
    assert patch.box == ((-1, 10), (-1, 10))  # and the padding before it
    np.testing.assert_array_equal(patch.pixels[:, 1:, 1:], images[patch.sample])
    assert patch.place == ()


def test_data_sets_folders_and_files(tmp_path, subject):
    pictures = np.random.default_rng(1).integers(0, 256, (6, 10, 10), dtype=np.uint8)
    for number, picture in enumerate(pictures):
        (tmp_path / f"{number % 2}").mkdir(exist_ok=True)
        Image.fromarray(picture).save(tmp_path / f"{number % 2}" / f"{number}.png")
    (tmp_path / "0" / "9.png").write_bytes(b"no picture")
    tensor = torch.from_numpy(pictures)[:, None]
    dataset = ArrayDataset(tensor, torch.zeros(6, dtype=torch.int64), ("all",), name="test")
    by_set = look.top_patches(subject, "0", dataset, k=3).patches[0]
    with pytest.warns(UserWarning, match="left out: .*9.png"):
        by_folder = look.top_patches(subject, "0", tmp_path, k=3).patches[0]
    files = [tmp_path / str(n % 2) / f"{n}.png" for n in range(6)]
    by_files = look.top_patches(subject, "0", files, k=3).patches[0]
    assert [p.value for p in by_set] == [p.value for p in by_folder]
    assert [p.value for p in by_set] == [p.value for p in by_files]
    assert by_set[0].name == f"test[{by_set[0].sample}]"
    assert by_folder[0].name == f"{by_set[0].sample % 2}/{by_set[0].sample}.png"
    with zipfile.ZipFile(tmp_path / "all.zip", "w") as archive:
        for number, picture in enumerate(pictures):
            file = io.BytesIO()
            Image.fromarray(picture).save(file, "PNG")
            archive.writestr(f"{number}.png", file.getvalue())
    by_zip = look.top_patches(subject, "0", tmp_path / "all.zip", k=3).patches[0]
    assert [p.sample for p in by_zip] == [p.sample for p in by_set]


def test_a_file_of_a_network_is_enough(tmp_path, subject, images):
    capture(subject.module, (1, 1, 10, 10)).to_onnx(tmp_path / "net.onnx")
    by_file = open_subject(tmp_path / "net.onnx")
    layer = by_file.layers[0].name
    found = look.top_patches(by_file, layer, images, k=4).patches[0]
    expected = look.top_patches(subject, "0", images, k=4).patches[0]
    assert [(p.sample, p.place) for p in found] == [(p.sample, p.place) for p in expected]


def test_signals():
    torch.manual_seed(0)
    subject = open_subject(nn.Conv1d(1, 2, 5), (1, 30))
    signals = np.random.default_rng(0).standard_normal((4, 1, 30)).astype(np.float32)
    (patch,) = look.top_patches(subject, "conv", signals, channel=1, k=1).patches[0]
    start = patch.place[0]
    np.testing.assert_array_equal(patch.pixels, signals[patch.sample][:, start : start + 5])


def test_what_is_not_there_is_told(subject, images, tmp_path):
    with pytest.raises(OptionError, match="there is no channel 3; it has 3"):
        look.top_patches(subject, "0", images, channel=3)
    with pytest.raises(OptionError, match="k=0 and batch_size=16 must be 1 or more"):
        look.top_patches(subject, "0", images, k=0)
    with pytest.raises(OptionError, match=r"an array of \(2, 1, 9, 9\) holds no inputs"):
        look.top_patches(subject, "0", np.zeros((2, 1, 9, 9)))
    with pytest.raises(OptionError, match="int is neither a data set"):
        look.top_patches(subject, "0", 7)
    with pytest.raises(DataError, match="there are no files of"):
        look.top_patches(subject, "0", tmp_path)
    with pytest.raises(DataError, match="hold no input that can be read"):
        look.top_patches(subject, "0", np.zeros((0, 1, 10, 10)))


VALUES = st.integers(-3, 3) | st.just(float("nan"))


@settings(max_examples=50)
@given(
    st.lists(
        st.lists(st.integers(-3, 3) | st.just(float("nan")), min_size=4, max_size=4), min_size=1
    ),
    st.integers(1, 6),
    st.integers(1, 5),
)
def test_batches_do_not_change_what_is_found(rows, k, size):
    """Equal values keep the order of the data; what is no number comes last."""
    maps = np.array(rows, float).reshape(-1, 2, 2)
    best = _Best(k, one_per_input=True)
    for start in range(0, len(maps), size):
        batch = maps[start : start + size]
        best.add(range(start, start + len(batch)), batch)
    flat = np.where(np.isnan(maps), -np.inf, maps).reshape(len(maps), -1)
    order = sorted(range(len(maps)), key=lambda i: -flat[i].max())[:k]
    assert [(v, n) for v, n, _ in best.places()] == [(flat[i].max(), i) for i in order]
