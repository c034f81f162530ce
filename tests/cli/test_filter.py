"""`striate filter`: every kind of picture and signal in and out, exact by tiles, never half."""

import imagecodecs
import numpy as np
import pytest
import tifffile
from PIL import Image

from striate import DataError, correlate, filters
from striate._raster import read_raster, write_raster
from striate.cli import main
from striate.signal._by_hand import KERNELS, filter_pixels, make_kernels, peaks
from striate.signal._files import read_signal


def run(*arguments):
    with pytest.raises(SystemExit) as left:
        main(["filter", *map(str, arguments)])
    return left.value.code


def picture(dtype, *shape):
    rng = np.random.default_rng(0)
    if np.dtype(dtype).kind == "f":
        return rng.normal(0, 3, shape).astype(dtype)
    return rng.integers(0, np.iinfo(dtype).max, shape, dtype, endpoint=True)


def opened(path):
    """Read a file in another way than the command does, where there is one."""
    if path.suffix == ".npy":
        return np.load(path)
    if path.suffix == ".tif":
        return tifffile.imread(path)
    with Image.open(path) as image:
        deep = image.mode != "I;16" and path.read_bytes()[24] == 16
        return imagecodecs.imread(path) if deep else np.asarray(image)


def written(path, pixels):
    if path.suffix == ".npy":
        np.save(path, pixels)
    elif path.suffix == ".png" and pixels.dtype == np.uint16:
        path.write_bytes(imagecodecs.png_encode(pixels))
    elif path.suffix == ".tif":
        colour = pixels.shape[-1] in (3, 4)
        alpha = ["unassalpha"] if pixels.shape[-1] in (2, 4) else None
        kind = "rgb" if colour else "minisblack"
        tifffile.imwrite(path, pixels, photometric=kind, extrasamples=alpha, compression="lzw")
    else:
        Image.fromarray(pixels).save(path)
    return path


@pytest.mark.parametrize(
    ("name", "dtype", "shape"),
    [
        *[("a.png", np.uint8, (9, 8, *colours)) for colours in ((), (2,), (3,), (4,))],
        *[("a.png", np.uint16, (9, 8, *colours)) for colours in ((), (2,), (3,), (4,))],
        *[("a.tif", np.uint16, (9, 8, *colours)) for colours in ((), (3,), (4,))],
        *[("a.tif", np.float32, (9, 8, *colours)) for colours in ((), (3,), (4,))],
        ("a.tif", np.uint8, (30, 41, 3)),
        ("a.tif", np.int16, (9, 8)),
        ("a.tif", np.float64, (9, 8)),
        ("a.npy", np.float64, (30, 41, 3)),
        ("a.npy", np.uint16, (9, 9, 3)),
    ],
)
def test_the_result_is_of_the_same_kind_and_right(tmp_path, name, dtype, shape):
    pixels = picture(dtype, *shape)
    path = written(tmp_path / name, pixels)
    assert run(path, "--kernel", "gaussian", "--sigma", "2") == 0
    found = opened(tmp_path / f"a-gaussian{path.suffix}")
    assert (found.dtype, found.shape) == (pixels.dtype, pixels.shape)
    alpha = pixels.ndim == 3 and pixels.shape[-1] in (2, 4)
    colours = pixels[..., :-1] if alpha else pixels
    planes = np.atleast_3d(colours).transpose(2, 0, 1).astype(float)
    expected = correlate(planes, filters.gaussian(2.0), mode="same", boundary="symmetric")
    expected = expected.transpose(1, 2, 0).reshape(colours.shape)
    whole = np.dtype(dtype).kind in "ui"
    allowed = 0.5 + 1e-6 if whole else 1e-5
    found_colours = found[..., :-1] if alpha else found
    assert np.abs(found_colours.astype(float) - expected).max() <= allowed
    if alpha:
        np.testing.assert_array_equal(found[..., -1], pixels[..., -1])


@pytest.mark.parametrize("name", KERNELS)
def test_tiles_change_nothing(name):
    pixels = picture(np.uint8, 70, 55, 3)
    kernels = make_kernels(name, 2, {})
    whole = filter_pixels(pixels, kernels, tile=1000)
    np.testing.assert_array_equal(filter_pixels(pixels, kernels, tile=16), whole)


def test_edges_have_a_size_or_a_sign(tmp_path):
    step = np.zeros((7, 8), np.uint8)
    step[:, 4:] = 100
    Image.fromarray(step).save(tmp_path / "step.png")
    assert run(tmp_path / "step.png", "--kernel", "sobel") == 0
    assert opened(tmp_path / "step-sobel.png")[3].tolist() == [0, 0, 0, 50, 50, 0, 0, 0]
    assert run(tmp_path / "step.png", "-k", "laplacian", "-o", tmp_path / "l.png") == 0
    assert opened(tmp_path / "l.png")[3].tolist() == [128, 128, 128, 228, 28, 128, 128, 128]


def test_a_kernel_from_a_file(tmp_path):
    (tmp_path / "shift.csv").write_text("0,0,0\n1,0,0\n0,0,0\n")
    pixels = picture(np.uint8, 5, 6)
    Image.fromarray(pixels).save(tmp_path / "a.png")
    assert run(tmp_path / "a.png", "-k", tmp_path / "shift.csv") == 0
    moved = opened(tmp_path / "a-shift.png")
    np.testing.assert_array_equal(moved[:, 1:], pixels[:, :-1])
    np.testing.assert_array_equal(moved[:, 0], pixels[:, 0])


def test_photos_are_turned_upright_and_jpeg_comes_out(tmp_path):
    image = Image.fromarray(picture(np.uint8, 20, 30, 3))
    exif = Image.Exif()
    exif[0x0112] = 6  # lies on its side
    image.save(tmp_path / "a.jpg", exif=exif)
    assert run(tmp_path / "a.jpg", "--kernel", "box", "--size", "5") == 0
    assert opened(tmp_path / "a-box.jpg").shape == (30, 20, 3)


@pytest.mark.parametrize("orientation", range(1, 9))
def test_deep_pictures_are_turned_upright_as_pillow_turns_others(tmp_path, orientation):
    pixels = picture(np.uint16, 4, 5, 3)
    tags = [(274, "H", 1, orientation, True)]
    tifffile.imwrite(tmp_path / "a.tif", pixels, photometric="rgb", extratags=tags)
    shallow = Image.fromarray((pixels >> 8).astype(np.uint8))
    exif = Image.Exif()
    exif[0x0112] = orientation
    shallow.save(tmp_path / "a.png", exif=exif)
    found = read_raster(tmp_path / "a.tif")
    np.testing.assert_array_equal(found >> 8, read_raster(tmp_path / "a.png"))
    write_raster(tmp_path / "b.png", found)
    np.testing.assert_array_equal(opened(tmp_path / "b.png"), found)


def test_tiff_of_every_layout_is_read_as_shades_and_colours(tmp_path):
    pixels = picture(np.uint16, 40, 50, 3)
    path = tmp_path / "a.tif"
    tifffile.imwrite(
        path, pixels.transpose(2, 0, 1), photometric="rgb", planarconfig="separate", tile=(16, 16)
    )
    np.testing.assert_array_equal(read_raster(path), pixels)
    tifffile.imwrite(path, pixels[..., 0], photometric="miniswhite")
    np.testing.assert_array_equal(read_raster(path), 65535 - pixels[..., 0])
    with tifffile.TiffWriter(path, bigtiff=True, byteorder=">") as pages:
        pages.write(pixels[..., 0])
        pages.write(pixels[..., 1])
    np.testing.assert_array_equal(read_raster(path), pixels[..., 0])  # the first page


def test_a_picture_that_would_fill_the_memory_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 99)
    for name in ("a.tif", "a.png"):
        path = written(tmp_path / name, picture(np.uint16, 10, 10, 3))
        with pytest.raises(DataError, match=r"has more than 99 pixels and is refused"):
            read_raster(path)


def test_a_signal_has_fewer_peaks_after_smoothing(tmp_path, capsys):
    t = np.arange(400)
    wave = np.sin(t / 20) + 0.3 * np.random.default_rng(0).normal(size=400)
    rows = "".join(f"{i},{v!r}\n" for i, v in zip(t.tolist(), wave.tolist(), strict=True))
    (tmp_path / "wave.csv").write_text("time,value\n" + rows)
    assert run(tmp_path / "wave.csv", "--sigma", "8", "--column", "2") == 0
    told = capsys.readouterr().out
    smooth = correlate(wave, filters.gaussian(8.0, ndim=1), mode="same", boundary="symmetric")
    assert f"before  {len(peaks(wave))} peaks, the 10 highest" in told
    assert f"after   {len(peaks(smooth))} peaks" in told
    assert len(peaks(smooth)) == 3
    assert f"\n  {peaks(smooth)[0]}: " in told
    table = np.loadtxt(tmp_path / "wave-gaussian.csv", delimiter=",", skiprows=1)
    np.testing.assert_allclose(table, np.stack([wave, smooth], 1), atol=1e-12)


def test_a_sound_in_and_out(tmp_path, capsys):
    import wave

    samples = (8000 * np.sin(np.arange(800) / 9)).astype("<i2")
    with wave.open(str(tmp_path / "a.wav"), "wb") as file:
        file.setparams((1, 2, 8000, 0, "NONE", ""))
        file.writeframes(samples.tobytes())
    assert run(tmp_path / "a.wav", "-k", "box", "--size", "3", "--show", "1") == 0
    found, rate = read_signal(tmp_path / "a-box.wav")
    assert rate == 8000
    expected = correlate(samples / 2**15, np.ones(3) / 3, mode="same", boundary="symmetric")
    np.testing.assert_allclose(found, expected, atol=1e-7)
    assert " s: 0.24" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["none.png"], "none.png: cannot be read: No such file"),
        (["a.png", "-k", "blur"], "there is no kernel 'blur'. Use gaussian, box"),
        (["a.png", "-k", "box", "--sigma", "2"], "--sigma is no option of the kernel box"),
        (["a.png", "-o", "a.png"], "a.png is the input; give another name"),
        (["a.png", "-o", "a.bmp"], "pictures are written as .png, .jpg"),
        (["deep.png", "-o", "b.jpg"], "JPEG does not hold uint16 with 1 channel"),
        (["a.png", "--boundary", "mirror"], "boundary='mirror' is not one of"),
        (["a.png", "-k", "bad.csv"], "a kernel is rows of as many numbers each"),
        (["cut.png"], "the picture is damaged"),
        (["words.csv"], "line 2: there is no number in column 1"),
        (["a.png", "--column", "2"], "are for signals"),
        (["cut16.png"], "cut16.png: the picture is damaged"),
        (["cut.tif"], "cut.tif: the picture is damaged"),
        (["cmyk.tif"], "its numbers are uint16 (5, 6, 4) of the kind SEPARATED; grey or RGB"),
        (["complex.tif"], "its numbers are complex64 (5, 6) of the kind MINISBLACK"),
        (["deep.tif", "-o", "b.png"], "PNG does not hold float32 with 1 channel. Use .npy or .tif"),
    ],
)
def test_what_is_wrong_is_told_and_nothing_is_left(
    tmp_path, monkeypatch, capsys, arguments, message
):
    monkeypatch.chdir(tmp_path)
    Image.fromarray(picture(np.uint8, 40, 40, 3)).save("a.png")
    Image.fromarray(picture(np.uint16, 4, 4)).save("deep.png")
    content = (tmp_path / "a.png").read_bytes()
    (tmp_path / "cut.png").write_bytes(content[:-400])
    deep = imagecodecs.png_encode(picture(np.uint16, 40, 40, 3))
    (tmp_path / "cut16.png").write_bytes(deep[:-4000])
    tifffile.imwrite("cmyk.tif", picture(np.uint16, 5, 6, 4), photometric="separated")
    tifffile.imwrite("complex.tif", np.zeros((5, 6), np.complex64))
    tifffile.imwrite("deep.tif", picture(np.float32, 5, 6))
    (tmp_path / "cut.tif").write_bytes((tmp_path / "deep.tif").read_bytes()[:-20])
    (tmp_path / "bad.csv").write_text("1,2\n3\n")
    (tmp_path / "words.csv").write_text("value\none\n")
    there = sorted(tmp_path.iterdir())
    assert run(*arguments) == 2
    assert message in " ".join(capsys.readouterr().err.split())
    assert sorted(tmp_path.iterdir()) == there
