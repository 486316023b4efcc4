"""Tests of gradnet_tf.media.images: every kind of image that a caller may hold."""

import io
import os
import subprocess
import sys

import numpy as np
import pytest
from PIL import Image

from gradnet_tf.media.images import as_rgb, deep_range, float_scale
from tests.helpers import videos

RNG = np.random.default_rng(0)
RGB = RNG.integers(0, 256, (5, 7, 3), np.uint8)
GREY = RGB[:, :, 0]


class FakeTensor:
    """What as_rgb may know of a tensor: its method numpy()."""

    def __init__(self, array):
        self._array = array

    def numpy(self):
        return self._array


def encoded(image, **options):
    buffer = io.BytesIO()
    image.save(buffer, **options)
    return buffer.getvalue()


def with_orientation(value):
    exif = Image.Exif()
    exif[0x0112] = value
    return exif


def test_rgb_is_kept():
    np.testing.assert_array_equal(as_rgb(RGB), RGB)


@pytest.mark.parametrize("grey", [GREY, GREY[:, :, None]])
def test_greyscale_is_repeated(grey):
    np.testing.assert_array_equal(as_rgb(grey), np.stack([GREY] * 3, axis=2))


def test_alpha_is_dropped():
    rgba = np.concatenate([RGB, GREY[:, :, None]], axis=2)
    np.testing.assert_array_equal(as_rgb(rgba), RGB)


@pytest.mark.parametrize("view", [RGB[:, ::-1], RGB[::2], RGB.transpose(1, 0, 2), RGB[:, :, ::-1]])
def test_views_become_contiguous(view):
    image = as_rgb(view)
    assert image.flags.c_contiguous
    np.testing.assert_array_equal(image, view)


@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.float16])
def test_floats_of_0_to_1(dtype):
    np.testing.assert_array_equal(as_rgb((RGB / 255).astype(dtype)), RGB)


def test_floats_of_0_to_255_are_rounded_to_the_nearest():
    image = np.full((2, 2, 3), 99.6, np.float32)
    assert np.all(as_rgb(image) == 100)
    np.testing.assert_array_equal(as_rgb(RGB.astype(np.float32)), RGB)


def test_float_just_above_1_is_not_taken_for_black():
    image = np.full((2, 2, 3), 1.0000002, np.float32)
    assert np.all(as_rgb(image) == 255)


def test_dark_float_frame_follows_the_given_range():
    dark = np.full((2, 2, 3), 0.9, np.float32)
    assert np.all(as_rgb(dark) == 230)
    assert np.all(as_rgb(dark, float_range=255) == 1)


def test_float_range_does_not_touch_integers():
    np.testing.assert_array_equal(as_rgb(RGB, float_range=1), RGB)


@pytest.mark.parametrize(
    ("image", "scale"),
    [
        (RGB / 255, 1),
        (RGB.astype(np.float32), 255),
        (np.zeros((2, 2, 3)), None),
        (RGB, None),
        ("some/path.jpg", None),
        (None, None),
    ],
)
def test_float_scale(image, scale):
    assert float_scale(image) == scale


@pytest.mark.parametrize(
    ("low", "high", "float_range"),
    [(-1, 0.5, None), (0, 256, None), (np.nan, 1, None), (0, np.inf, None), (0, 200, 1)],
)
def test_floats_outside_their_range_name_min_and_max(low, high, float_range):
    image = np.array([[low, high]], np.float32)
    with pytest.raises(ValueError, match=f"min {low if low == low else 'nan'}"):
        as_rgb(image, float_range=float_range)


def test_other_integers_within_0_to_255():
    np.testing.assert_array_equal(as_rgb(RGB.astype(np.int64)), RGB)
    with pytest.raises(ValueError, match=r"0\.\.255, got int32 in -1\.\.300"):
        as_rgb(np.array([[-1, 300]], np.int32))


@pytest.mark.parametrize("dtype", [np.uint16, np.int16])
def test_16_bit_is_refused(dtype):
    with pytest.raises(TypeError, match=f"uint8 expected, got {np.dtype(dtype)}; scale it"):
        as_rgb(RGB.astype(dtype))


@pytest.mark.parametrize(
    ("image", "error", "message"),
    [
        (None, TypeError, "got None"),
        (3, TypeError, "got int"),
        ([[1, 2]], TypeError, "got list"),
        (np.zeros((4, 4), bool), TypeError, "got bool"),
        (np.zeros((4, 4), complex), TypeError, "got complex128"),
        (np.zeros((4, 4), object), TypeError, "got object"),
        (np.zeros((0, 4, 3), np.uint8), ValueError, "empty"),
        (np.zeros(4, np.uint8), ValueError, r"one image .* \(4,\)"),
        (np.zeros((1, 4, 4, 3), np.uint8), ValueError, "one image"),
        (np.zeros((4, 4, 2), np.uint8), ValueError, "1, 3 or 4 channels"),
        (np.zeros((3, 8, 9), np.uint8), ValueError, "channels come last"),
    ],
)
def test_no_image(image, error, message):
    with pytest.raises(error, match=message):
        as_rgb(image)


class Wrapped:
    """An array of another library, such as JAX."""

    def __init__(self, array):
        self._array = array

    def __array__(self, dtype=None, copy=None):
        return self._array if dtype is None else self._array.astype(dtype)


class Capsuled:
    """One that knows the exchange of tensors alone."""

    def __init__(self, array):
        self._array = array

    def __dlpack__(self, **options):
        return self._array.__dlpack__(**options)

    def __dlpack_device__(self):
        return self._array.__dlpack_device__()


@pytest.mark.parametrize("kind", [Wrapped, Capsuled])
def test_arrays_of_other_libraries(kind):
    np.testing.assert_array_equal(as_rgb(kind(RGB)), RGB)
    np.testing.assert_array_equal(as_rgb(kind(GREY / 255)), np.stack([GREY] * 3, axis=2))
    assert float_scale(kind(RGB / 255)) == 1
    with pytest.raises(ValueError, match="channels come last"):
        as_rgb(kind(np.zeros((3, 8, 9), np.uint8)))


def test_arrays_that_cannot_be_fetched_say_why():
    class OnGpu:
        def numpy(self):
            raise RuntimeError("can't convert cuda:0 device type tensor to numpy")

    with pytest.raises(TypeError, match="array of a OnGpu: can't convert cuda:0"):
        as_rgb(OnGpu())
    with pytest.raises(TypeError, match="got type"):
        as_rgb(np.ndarray)


@pytest.mark.parametrize("pixels", ["rgb24", "bgr24", "gray"])
def test_video_frames(pixels):
    av = pytest.importorskip("av")
    wanted = np.stack([GREY] * 3, axis=2) if pixels == "gray" else RGB
    given = {"rgb24": RGB, "bgr24": RGB[..., ::-1], "gray": GREY}[pixels]
    frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(given), format=pixels)
    np.testing.assert_array_equal(as_rgb(frame), wanted)


def test_video_frames_are_upright(tmp_path):
    av = pytest.importorskip("av")
    images = [np.zeros((32, 48, 3), np.uint8) for _ in range(3)]
    for image in images:
        image[:16, :16] = 200
    path = tmp_path / "clip.mp4"
    videos.write(path, "mpeg4", images=images)
    videos.set_matrix(path, -1, 0, 0, 1)  # Mirrored, as front cameras do.
    with av.open(str(path)) as container:
        frames = [as_rgb(frame) for frame in container.decode(video=0)]
    assert len(frames) == 3
    for frame in frames:
        np.testing.assert_allclose(frame, images[0][:, ::-1], atol=40)


def test_files_in_memory_and_open_files(tmp_path):
    content = encoded(Image.fromarray(RGB), format="png")
    memory = io.BytesIO(content)
    memory.seek(7)  # Wherever it was left.
    np.testing.assert_array_equal(as_rgb(memory), RGB)
    np.testing.assert_array_equal(as_rgb(memory), RGB)
    (tmp_path / "x.png").write_bytes(content)
    with open(tmp_path / "x.png", "rb") as file:
        np.testing.assert_array_equal(as_rgb(file), RGB)
    assert float_scale(memory) is None
    with pytest.raises(TypeError, match=r"got bytes; wrap .* in io\.BytesIO"):
        as_rgb(content)


def test_files_in_memory_that_are_no_images(tmp_path):
    with pytest.raises(OSError, match="^cannot read an image from memory: it is not an image, or"):
        as_rgb(io.BytesIO(b"no image"))
    (tmp_path / "x.png").write_bytes(b"no image")
    with open(tmp_path / "x.png", "rb") as file, pytest.raises(OSError, match=r"/x\.png: it is"):
        as_rgb(file)


def test_tensors():
    np.testing.assert_array_equal(as_rgb(FakeTensor(RGB)), RGB)
    assert float_scale(FakeTensor(RGB / 255)) == 1


def test_tensorflow_tensors():
    import tensorflow as tf

    np.testing.assert_array_equal(as_rgb(tf.constant(RGB)), RGB)
    half = tf.cast(tf.constant(RGB) // 64 * 64, tf.bfloat16)  # Exact in 8 bits of mantissa.
    np.testing.assert_array_equal(as_rgb(half), RGB // 64 * 64)


@pytest.mark.parametrize("mode", ["RGB", "RGBA", "L", "LA", "P", "1", "CMYK", "YCbCr"])
def test_pil_modes(mode):
    image = Image.fromarray(RGB).convert(mode)
    np.testing.assert_array_equal(as_rgb(image), np.asarray(image.convert("RGB")))


@pytest.mark.parametrize("mode", ["I;16", "I", "F"])
def test_deep_pil_modes_are_refused(mode):
    with pytest.raises(TypeError, match="8 bits per channel"):
        as_rgb(Image.new(mode, (4, 4)))


@pytest.mark.parametrize("as_path", [False, True])
@pytest.mark.parametrize(("orientation", "turns"), [(3, 2), (6, 3), (8, 1)])
def test_exif_orientation(tmp_path, orientation, turns, as_path):
    blocks = np.array([[0, 255, 90], [200, 40, 140]], np.uint8)
    stored = np.kron(blocks, np.ones((16, 16), np.uint8))
    path = tmp_path / "photo.jpg"
    exif = with_orientation(orientation)
    Image.fromarray(stored).save(path, exif=exif, quality=100)
    if as_path:
        image = as_rgb(path)
    else:
        with Image.open(path) as opened:
            image = as_rgb(opened)
    wanted = np.rot90(stored, turns)
    assert image.shape == (*wanted.shape, 3)
    assert np.abs(image[:, :, 0].astype(int) - wanted).max() < 8


@pytest.mark.parametrize(
    ("name", "image"),
    [
        ("rgba.png", Image.fromarray(RGB).convert("RGBA")),
        ("grey.png", Image.fromarray(GREY)),
        ("palette.png", Image.fromarray(RGB).quantize(32)),
        ("palette.gif", Image.fromarray(RGB).quantize(32)),
        ("plain.bmp", Image.fromarray(RGB)),
        ("plain.tif", Image.fromarray(RGB)),
    ],
)
def test_lossless_files(tmp_path, name, image):
    path = tmp_path / name
    image.save(path)
    for form in (path, str(path)):
        np.testing.assert_array_equal(as_rgb(form), np.asarray(image.convert("RGB")))


def test_palette_with_transparency_gives_its_colours_without_a_warning(tmp_path):
    path = tmp_path / "clear.png"
    image = Image.fromarray(RGB).quantize(4)
    image.save(path, transparency=bytes([0, 128, 255, 255]))
    np.testing.assert_array_equal(as_rgb(path), np.asarray(image.convert("RGB")))


@pytest.mark.parametrize("kind", ["array", "signed", "file", "tiff", "pil", "memory"])
def test_16_bit_with_a_range(tmp_path, kind):
    """The range is that of the first image; what lies outside is cut off."""
    values = np.array([[1000, 1100, 1200], [1300, 1400, 3550]], np.uint16)

    def make(values):
        if kind in ("array", "signed"):
            return values if kind == "array" else values.astype(np.int16) - 2000
        image = Image.fromarray(values)
        if kind == "pil":
            return image
        name = "x.tiff" if kind == "tiff" else "x.png"
        image.save(tmp_path / name)
        path = tmp_path / name
        return io.BytesIO(path.read_bytes()) if kind == "memory" else path

    found = deep_range(make(values))
    assert found == ((-1000, 1550) if kind == "signed" else (1000, 3550))
    rgb = as_rgb(make(values), deep_range=found)
    assert rgb.dtype == np.uint8 and rgb.flags.c_contiguous
    np.testing.assert_array_equal(rgb[..., 0], [[0, 10, 20], [30, 40, 255]])
    np.testing.assert_array_equal(rgb[..., 2], rgb[..., 0])
    darker = as_rgb(make(values - 200), deep_range=found)
    np.testing.assert_array_equal(darker[..., 0], [[0, 0, 0], [10, 20, 235]])


def test_dead_pixels_do_not_take_the_range_of_16_bits():
    image = np.linspace(3000, 3500, 320 * 240).astype(np.uint16).reshape(240, 320)
    image[17, 40], image[200, 3] = 65535, 0
    low, high = deep_range(image)
    assert 3000 <= low < 3002 and 3498 < high <= 3500


def test_images_that_have_no_range_of_16_bits():
    for image in (RGB, RGB / 255, Image.fromarray(RGB), np.full((2, 2), 7, np.uint16)):
        assert deep_range(image) is None


def test_16_bit_files_are_refused(tmp_path):
    path = tmp_path / "deep.png"
    Image.fromarray(GREY.astype(np.uint16) * 257).save(path)
    with pytest.raises(OSError, match=r"deep\.png: 8 bits per channel expected"):
        as_rgb(path)


def test_16_bit_colour_file_is_refused_although_pillow_calls_it_rgb(tmp_path):
    import struct
    import zlib

    def chunk(kind, data):
        data = kind + data
        return struct.pack(">I", len(data) - 4) + data + struct.pack(">I", zlib.crc32(data))

    row = b"\0" + np.arange(6, dtype=">u2").tobytes()
    path = tmp_path / "deep.png"
    path.write_bytes(
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", struct.pack(">IIBBBBB", 2, 1, 16, 2, 0, 0, 0))
        + chunk(b"IDAT", zlib.compress(row))
        + chunk(b"IEND", b"")
    )
    with pytest.raises(OSError, match="8 bits per channel expected, got 16 bits"):
        as_rgb(path)
    assert deep_range(path) == (0, 65535)  # Pillow gives the upper halves.
    np.testing.assert_array_equal(as_rgb(path, deep_range=(0, 65535)), np.zeros((1, 2, 3)))


@pytest.mark.parametrize("suffix", [".jpg", ".png"])
def test_truncated_file_is_named(tmp_path, suffix):
    path = tmp_path / f"cut{suffix}"
    noise = Image.fromarray(RNG.integers(0, 256, (64, 64, 3), np.uint8))
    content = encoded(noise, format="png" if suffix == ".png" else "jpeg")
    path.write_bytes(content[: len(content) // 2])
    with pytest.raises(OSError, match=rf"cannot read image .*cut\{suffix}: "):
        as_rgb(path)


def test_files_that_are_no_images_are_named(tmp_path):
    text = tmp_path / "text.jpg"
    text.write_text("no image")
    with pytest.raises(OSError, match=r"text\.jpg: it is not an image"):
        as_rgb(text)
    with pytest.raises(FileNotFoundError, match=r"gone\.jpg: there is no such file"):
        as_rgb(tmp_path / "gone.jpg")
    with pytest.raises(OSError, match="directory"):
        as_rgb(tmp_path)


def test_missing_decoder_is_named(tmp_path, monkeypatch):
    monkeypatch.setattr(Image, "registered_extensions", dict)
    (tmp_path / "x.avif").write_bytes(b"whatever it holds")
    with pytest.raises(OSError, match=r"x\.avif: this installation of Pillow has no decoder for"):
        as_rgb(tmp_path / "x.avif")


def test_pipes_are_refused_at_once(tmp_path):
    os.mkfifo(tmp_path / "x.png")
    with pytest.raises(OSError, match=r"x\.png: it is a pipe or a device; save it to a file"):
        as_rgb(tmp_path / "x.png")


def test_home_folder_and_urls(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    Image.fromarray(RGB).save(tmp_path / "a b.png")
    for path in ("~/a b.png", f"file://{tmp_path}/a%20b.png"):
        np.testing.assert_array_equal(as_rgb(path), RGB)


def test_needs_no_tensorflow():
    code = "import sys, gradnet_tf.media.images; assert 'tensorflow' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True)
