"""Tests of gradnet_tf.files.series, and of what gradnet_tf.files.folder makes of it."""

import os

import numpy as np
import pytest
from absl import logging
from PIL import Image

from gradnet_tf.files import folder


@pytest.fixture
def make(tmp_path):
    """Makes a folder of images: names with a trailing "~" are in grey."""

    def make(names):
        for name in names:
            mode, name = ("L", name[:-1]) if name.endswith("~") else ("RGB", name)
            Image.new(mode, (8, 6)).save(tmp_path / name)
        return tmp_path

    return make


@pytest.fixture
def said(monkeypatch):
    lines = []
    monkeypatch.setattr(logging, "warning", lambda text, *values: lines.append(text % values))
    return lines


names = folder.list_series


JPG = ["0001.jpg", "0002.jpg", "0003.jpg"]


@pytest.mark.parametrize(
    ("frames", "others"),
    [
        # Masks beside frames, in other formats and under other names.
        (JPG, ["0001.png~", "0002.png~", "0003.png~"]),
        (JPG, ["0001.png", "0002.png", "0003.png"]),
        (["1.png", "2.png", "3.png"], ["1.bmp~", "2.bmp~", "3.bmp~"]),
        (["1.bmp", "2.bmp", "3.bmp"], ["1.PNG~", "2.PNG~", "3.PNG~"]),
        (["1.png", "2.png", "3.png"], ["1.gif~", "2.gif~", "3.gif~"]),
        (["1.tif", "2.tif", "3.tif"], ["1.tiff~", "2.tiff~", "3.tiff~"]),
        (JPG, ["0001_mask.png~", "0002_mask.png~", "0003_mask.png~"]),
        (JPG, ["0001_mask.jpg", "0002_mask.jpg", "0003_mask.jpg"]),
        (JPG, ["0001.mask.jpg", "0002.mask.jpg", "0003.mask.jpg"]),
        (["frame_1.png", "frame_2.png"], ["gt_1.png", "gt_2.png", "gt_3.png"]),
        (["rgb_1.png", "rgb_2.png"], ["depth_1.png", "depth_2.png"]),
        (["image1.png", "image2.png"], ["m1.png~", "m2.png~"]),
        (JPG, ["0001_L.png", "0002_L.png", "0003_L.png"]),
        (["1.jpg", "2.jfif", "3.jpg"], ["1.png~", "2.png~", "3.png~"]),
        (["1.jpg", "2.jpeg", "3.JPG"], ["1.png", "2.png", "3.png", "4.png"]),
        (["1.jpg", "3.jpg", "4.jpg"], ["1.png~", "2.png~", "3.png~", "4.png~"]),
        (["a.jpg", "b.jpg"], ["a.png~", "b.png~"]),
        (["a.jpg", "b.jpg"], ["a_mask.png~", "b_mask.png~"]),
        (["1.jpg", "2.jpg"], ["1.png"]),
        (["1.png", "2.png"], ["1.jpg"]),
        # Strays.
        (JPG, ["cover.jpg"]),
        (["0001.jpg"], ["cover.jpg"]),
        (JPG, ["cover.jpg", "Folder.JPG", "thumb.png", "poster2.webp", "preview_1.png"]),
        (["img00001.jpg", "img00002.jpg"], ["IMG_E0001.jpg", "screenshot-2024-01-02.png"]),
        # Another series.
        (["left_1.jpg", "left_2.jpg"], ["right_1.jpg", "right_2.jpg"]),
        (["c1_1.jpg", "c1_2.jpg", "c1_3.jpg"], ["thumb1.jpg", "thumb2.jpg"]),
    ],
)
def test_one_series_and_what_is_left_out_is_said(make, said, frames, others):
    path = make(frames + others)
    assert names(path) == frames
    (line,) = said
    assert line.startswith(f"{path}: the frames are {frames[0]} to {frames[-1]} ({len(frames)});")
    assert all(other.rstrip("~") in line for other in others[:1])


@pytest.mark.parametrize(
    "frames",
    [
        ["1.jpg", "2.jfif", "3.jpg"],
        ["1.jpg", "2.JP2", "3.png", "4.Avif", "5.tiff"],
        ["a.jpg", "b.png", "d.jpg"],
        ["3fa9.jpg", "7bc1.jpg", "a1b2.jpg", "aa45.jpg", "c1.jpg"],
        ["a_1.jpg", "a_2.jpg", "a_10.jpg"],
        ["s1_1.jpg", "s1_2.jpg", "s2_1.jpg"],
        ["mask1.png", "mask2.png"],
        ["IMG_1.JPG", "img_2.jpg"],
        ["2020-01-02T10.00.01.jpg", "2020-01-02T10.00.02.jpg"],
        ["one.jpg"],
    ],
)
def test_all_belong_to_it(tmp_path, said, frames):
    for name in frames:
        (tmp_path / name).write_bytes(b"")
    assert names(tmp_path) == frames
    assert not said


def test_random_names_are_all_frames(tmp_path, said):
    numbers = np.random.default_rng(0).integers(0, 16**6, 200)
    made = {f"{number:06x}.jpg" for number in numbers}
    for name in made:
        (tmp_path / name).write_bytes(b"")
    assert set(names(tmp_path)) == made
    assert not said


def test_other_suffixes_are_not_missing(tmp_path):
    for name in ("1.jpg", "2.jfif", "3.jpg", "5.jp2"):
        (tmp_path / name).write_bytes(b"")
    files, missing = folder.list_frames(tmp_path)
    assert [file.stem for file in files] == ["1", "2", "3", "4", "5"]
    assert [file.name for file in missing] == ["4.jpg"]


def test_masks_leave_gaps_in_the_numbers_known(make):
    path = make(["1.jpg", "3.jpg", "4.jpg", "1.png~", "2.png~", "3.png~", "4.png~"])
    assert [file.name for file in folder.list_frames(path)[1]] == ["2.jpg"]


def test_what_is_no_file_is_left_out(make, said, tmp_path):
    path = make(JPG)
    (path / "thumbs.jpg").mkdir()
    (path / "0004.jpg").mkdir()
    os.mkfifo(path / "0005.jpg")
    assert names(path) == JPG
    (line,) = said
    assert line.count(".jpg") == 5


def test_links_are_frames(make, said, tmp_path):
    path = make(JPG)
    (path / "store").mkdir()
    Image.new("RGB", (8, 6)).save(path / "store" / "x.jpg")
    (path / "0004.jpg").symlink_to(path / "store" / "x.jpg")
    (path / "0005.jpg").symlink_to(path / "nowhere.jpg")  # Will be a bad frame.
    (path / "0006.jpg").symlink_to(path / "store")
    assert names(path) == [*JPG, "0004.jpg", "0005.jpg"]
    assert "left out: 0006.jpg" in said[0]


def test_many_names_are_cut_short(make, said):
    make([*(f"{i}.jpg" for i in range(9)), *(f"{i}.png" for i in range(9))])
    assert len(names(make([]))) == 9
    assert said[0].endswith("left out: 0.png, 1.png, 2.png, 3.png, 4.png and 4 more")


@pytest.mark.parametrize("suffix", [".jfif", ".jpe", ".jp2", ".avif", ".dib", ".tga", ".pnm"])
def test_suffixes_that_pillow_knows(suffix):
    assert suffix in folder.image_suffixes()


@pytest.mark.parametrize("suffix", [".mpg", ".mpeg", ".pdf", ".h5", ".txt", ".mp4", ""])
def test_suffixes_that_are_no_images(suffix):
    assert suffix not in folder.image_suffixes()


@pytest.mark.parametrize(
    ("place", "pattern"),
    [
        ("[raw] clip", "[raw] clip/*.png"),
        ("[raw] clip", "[raw] clip/[0-9]*.png"),
        ("[raw] clip", "*/*.png"),
        ("[raw] clip", "[raw]*/*.png"),
        ("a", "[a-c]/?.png"),
    ],
)
def test_patterns(tmp_path, place, pattern):
    (tmp_path / place).mkdir()
    for name in ("10.png", "9.png", "8.png"):
        (tmp_path / place / name).write_bytes(b"")
    (tmp_path / place / "7.png").mkdir()
    found = folder.match(str(tmp_path / pattern))
    wanted = ["8.png", "9.png"] if "?" in pattern else ["8.png", "9.png", "10.png"]
    assert [file.name for file in found] == wanted


def test_brackets_of_a_folder_go_before_a_class_of_characters(tmp_path):
    for place in ("[ab]", "a"):
        (tmp_path / place).mkdir()
        (tmp_path / place / "1.png").write_bytes(b"")
    (found,) = folder.match(str(tmp_path / "[ab]" / "*.png"))
    assert found.parent.name == "[ab]"


def test_brackets_in_the_names_of_files(tmp_path):
    for name in ("a[1].png", "a[2].png"):
        (tmp_path / name).write_bytes(b"")
    assert [f.name for f in folder.match(str(tmp_path / "a[*].png"))] == ["a[1].png", "a[2].png"]
