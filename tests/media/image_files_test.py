"""Tests of gradnet_tf.media.image_files, through open_frames: files with several images."""

import io

import numpy as np
import pytest
from absl import logging
from PIL import Image, TiffImagePlugin

from gradnet_tf.media.frames import FrameError, open_frames
from gradnet_tf.media.images import as_rgb
from gradnet_tf.tracking.run import run_tracker
from tests.tracking.run_test import FakeTracker

LEVELS = [10, 60, 110, 160, 210]
LOSSLESS = {
    "gif": {"duration": 40},
    "webp": {"duration": 40, "lossless": True},
    "png": {"duration": 40},
    "tiff": {},
}
SUFFIXES = ["clip.gif", "clip.webp", "clip.png", "clip.apng", "clip.tif", "clip.TIFF"]


def pages(levels=LEVELS, mode="RGB", size=(16, 12)):
    made = []
    for level in levels:
        image = Image.new(mode, size, (level,) * 3 if mode == "RGB" else level)
        image.paste(Image.new(mode, (2, 2)), (level % 7, 3))
        made.append(image)
    return made


def write(path, images=None, **options):
    first, *rest = images or pages()
    kind = {"tif": "tiff", "apng": "png"}.get(path.suffix[1:].lower(), path.suffix[1:].lower())
    options = {**LOSSLESS.get(kind, {}), **options}
    first.save(path, format=kind, save_all=True, append_images=rest, **options)
    return path


def values(source):
    return [int(frame.image[0, 0, 0]) for frame in source]


@pytest.fixture
def said(monkeypatch):
    lines = []
    monkeypatch.setattr(logging, "warning", lambda text, *values: lines.append(text % values))
    return lines


@pytest.mark.parametrize("name", SUFFIXES)
def test_all_images_in_order(tmp_path, name):
    path = write(tmp_path / name)
    source = open_frames(path)
    assert len(source) == 5
    frames = list(source)
    for frame, page in zip(frames, pages()):
        np.testing.assert_array_equal(frame.image, np.asarray(page))
    assert [frame.name for frame in frames] == [f"{path}, frame {i}" for i in range(5)]
    assert values(source) == LEVELS
    assert source.fps == (None if "tif" in name.lower() else 25)


def test_neither_needs_pyav(tmp_path, monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "av", None)
    for name in SUFFIXES:
        assert values(open_frames(write(tmp_path / name))) == LEVELS


@pytest.mark.skipif(
    ".avif" not in Image.registered_extensions(), reason="this Pillow writes no AVIF"
)
def test_avif(tmp_path):
    source = open_frames(write(tmp_path / "clip.avif", quality=100, duration=50))
    np.testing.assert_allclose(values(source), LEVELS, atol=3)
    assert source.fps == 20


@pytest.mark.parametrize("name", ["clip", "clip.part", "clip.jpg"])
@pytest.mark.parametrize("kind", ["gif", "webp", "png", "tiff"])
def test_contents_tell_whatever_the_name(tmp_path, name, kind):
    write(tmp_path / f"clip.{kind}").rename(tmp_path / name)
    assert values(open_frames(tmp_path / name)) == LEVELS


@pytest.mark.parametrize("kind", ["gif", "webp", "png"])
def test_variable_durations_keep_the_whole_one(tmp_path, kind):
    source = open_frames(write(tmp_path / f"x.{kind}", duration=[20, 40, 60, 80, 300]))
    assert source.fps == pytest.approx(10)
    assert [frame.duration for frame in source] == [0.02, 0.04, 0.06, 0.08, 0.3]
    assert source.fps == pytest.approx(10)


def test_video_with_boxes_shows_images_as_long(tmp_path):
    pytest.importorskip("av")
    path = write(tmp_path / "x.gif", pages(size=(64, 48)), duration=[20, 40, 60, 80, 300])
    run = run_tracker(FakeTracker(), path, (4, 5, 10, 8))
    run.to_video(tmp_path / "x.mp4")
    shown = [frame.duration for frame in open_frames(tmp_path / "x.mp4")]
    assert shown == pytest.approx([0.02, 0.04, 0.06, 0.08, 0.3], abs=0.001)


@pytest.mark.parametrize("kind", ["gif", "webp"])
def test_no_duration_is_a_tenth_of_a_second_as_in_browsers(tmp_path, kind):
    assert open_frames(write(tmp_path / f"x.{kind}", duration=0)).fps == 10


@pytest.mark.parametrize("kind", ["gif", "webp", "png", "tiff"])
def test_one_image_is_one_frame(tmp_path, kind):
    path = write(tmp_path / f"x.{kind}", pages([60]))
    source = open_frames(path)
    assert values(source) == [60]
    assert source.fps is None
    assert [frame.name for frame in source] == [path.name]


def test_picture_of_a_png_that_is_not_in_the_animation(tmp_path):
    path = write(tmp_path / "x.png", pages([250, *LEVELS]), default_image=True)
    assert values(open_frames(path)) == LEVELS


def test_reduced_copies_in_a_tiff_are_no_frames(tmp_path):
    path = tmp_path / "x.tif"
    reduced = TiffImagePlugin.ImageFileDirectory_v2()
    reduced[254] = 1
    with TiffImagePlugin.AppendingTiffWriter(str(path), True) as file:
        for level in LEVELS:
            for size, tags in (((16, 12), {}), ((8, 6), reduced)):
                Image.new("RGB", size, (level,) * 3).save(file, format="tiff", tiffinfo=tags)
                file.newFrame()
    source = open_frames(path)
    assert values(source) == LEVELS
    assert {frame.image.shape for frame in source} == {(12, 16, 3)}
    assert as_rgb(path).shape == (12, 16, 3)


def test_picture_and_its_reduced_copy_are_one_image(tmp_path, said):
    path = tmp_path / "x.tif"
    reduced = TiffImagePlugin.ImageFileDirectory_v2()
    reduced[254] = 1
    with TiffImagePlugin.AppendingTiffWriter(str(path), True) as file:
        for size, tags in (((16, 12), {}), ((8, 6), reduced)):
            Image.new("RGB", size).save(file, format="tiff", tiffinfo=tags)
            file.newFrame()
    assert as_rgb(path).shape == (12, 16, 3)
    assert [frame.image.shape for frame in open_frames(path)] == [(12, 16, 3)]
    assert not said


@pytest.mark.parametrize("compression", [None, "tiff_deflate", "tiff_lzw", "packbits", "jpeg"])
def test_compressed_tiff(tmp_path, compression):
    path = write(tmp_path / "x.tif", pages(mode="L"), compression=compression)
    np.testing.assert_allclose(values(open_frames(path)), LEVELS, atol=9)


def test_frames_of_a_tiff_in_16_bits_share_a_range(tmp_path):
    stack = [Image.fromarray(np.full((4, 4), v, np.uint16) + np.eye(4, dtype=np.uint16)) for v in
             (1000, 1001, 900)]  # fmt: skip
    source = open_frames(write(tmp_path / "x.tif", stack))
    first, second, third = (frame.image[..., 0] for frame in source)
    np.testing.assert_array_equal(first, 255 * np.eye(4))
    np.testing.assert_array_equal(second, 255)
    np.testing.assert_array_equal(third, 0)


def test_damaged_page_of_a_tiff(tmp_path):
    path = tmp_path / "x.tif"
    noise = [Image.fromarray(np.random.default_rng(i).integers(0, 256, (32, 32, 3), np.uint8))
             for i in range(4)]  # fmt: skip
    write(path, noise, compression="tiff_deflate")
    with Image.open(path) as image:
        image.seek(2)
        start = image.tag_v2[273][0]
    content = bytearray(path.read_bytes())
    content[start : start + 200] = bytes(200)
    path.write_bytes(content)
    frames = list(open_frames(path, on_bad_frame="hold"))
    assert [frame.ok for frame in frames] == [True, True, False, True]
    np.testing.assert_array_equal(frames[3].image, np.asarray(noise[3]))
    with pytest.raises(FrameError, match=r"frame 2 \(.*x\.tif, frame 2\): "):
        list(open_frames(path))


@pytest.mark.filterwarnings("ignore:Corrupt EXIF data")
@pytest.mark.parametrize(("kind", "sound"), [("gif", 2), ("png", 2), ("tiff", 2), ("webp", 0)])
def test_files_without_their_end(tmp_path, kind, sound):
    noise = [Image.fromarray(np.random.default_rng(i).integers(0, 256, (32, 32, 3), np.uint8))
             for i in range(4)]  # fmt: skip
    path = write(tmp_path / f"x.{kind}", noise)
    content = path.read_bytes()
    path.write_bytes(content[: int(0.6 * len(content))])
    with pytest.raises(FrameError, match=rf"frame {sound} \(.*x\.{kind}"):
        list(open_frames(path))
    if sound:
        frames = list(open_frames(path, on_bad_frame="hold"))
        assert [frame.ok for frame in frames[:3]] == [True, True, False]
        assert not any(frame.ok for frame in frames[3:])


def test_animation_in_a_folder_is_one_frame_and_that_is_said(tmp_path, said):
    for name in ("1.tif", "2.gif", "3.png"):
        write(tmp_path / name)
    Image.new("RGB", (16, 12)).save(tmp_path / "4.png")
    assert values(open_frames(tmp_path)) == [10, 10, 10, 0]
    assert len(said) == 3
    assert said[0] == f"{tmp_path / '1.tif'} holds several images; the first is taken"


def test_several_versions_of_one_photo_are_one_frame(tmp_path, said):
    """Telephones store a second picture in a JPEG (format MPO)."""
    path = tmp_path / "photo.jpg"
    pages([60])[0].save(path, format="MPO", save_all=True, append_images=pages([90]))
    assert len(open_frames(path)) == 1
    np.testing.assert_allclose(as_rgb(path)[0, 0], 60, atol=3)
    assert not said


@pytest.mark.parametrize("kind", ["gif", "webp", "png", "tiff"])
def test_files_in_memory(tmp_path, kind):
    path = write(tmp_path / f"x.{kind}")
    memory = io.BytesIO(path.read_bytes())
    source = open_frames(memory)
    assert values(source) == values(source) == LEVELS
    with open(path, "rb") as file:
        assert values(open_frames(file)) == LEVELS
    assert not memory.closed
