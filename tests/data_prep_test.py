"""Crops of data_prep/: their geometry, their padding, and what happens to bad input."""

import importlib

import numpy as np
import pytest
from absl import flags
from PIL import Image

from gradnet_tf.data_prep import curate


@pytest.fixture(scope="module")
def binary():
    return importlib.import_module("gradnet_tf.data_prep.__main__")


@pytest.fixture
def sequence(tmp_path):
    """Three grey frames with a white 20 x 20 target; the second frame has no box."""
    folder = tmp_path / "Sequence"
    (folder / "img").mkdir(parents=True)
    for index in range(3):
        pixels = np.full((80, 120, 3), 60, np.uint8)
        pixels[30:50, 50:70] = 255
        Image.fromarray(pixels).save(folder / "img" / f"{index + 1:04d}.png")
    (folder / "groundtruth_rect.txt").write_text("50,30,20,20\nnan,nan,nan,nan\n50\t30\t20\t20\n")
    return folder


def test_scale_and_centre_of_both_crops():
    frame = np.zeros((400, 400, 3), np.uint8)
    frame[180:220, 190:210] = 255  # 20 wide, 40 high, centre (200, 200)
    side = np.sqrt((20 + 30) * (40 + 30))
    scale = 127 / side  # of both crops
    for crop, size in zip(curate.cut_crops(frame, np.array([190, 180, 20, 40])), (127, 255)):
        assert crop.size == (size, size)
        rows, columns = np.nonzero(np.asarray(crop)[..., 0] > 127)
        assert np.ptp(rows) + 1 == pytest.approx(40 * scale, abs=1.5)
        assert np.ptp(columns) + 1 == pytest.approx(20 * scale, abs=1.5)
        # The square begins at a whole px of the frame: up to half a px off, and as much here.
        assert rows.mean() == pytest.approx((size - 1) / 2, abs=0.5 * scale + 0.5)
        assert columns.mean() == pytest.approx((size - 1) / 2, abs=0.5 * scale + 0.5)


def test_outside_is_the_mean_colour():
    frame = np.zeros((50, 50, 3), np.uint8)
    frame[:25] = (200, 100, 41)
    exemplar, instance = curate.cut_crops(frame, np.array([0, 0, 20, 20]))
    assert instance.getpixel((0, 0)) == (100, 50, 20)
    # The frame's corner lies 10 of the square's 40 px from the crop's: at 10 * 127 / 40 = 31.75.
    assert exemplar.getpixel((25, 25)) == (100, 50, 20)
    assert exemplar.getpixel((40, 40)) == (200, 100, 41)


@pytest.mark.parametrize(
    "box, expected",
    [
        ((0, 0, 1, 1), True),
        ((-5, -5, 6, 6), True),
        ((-5, -5, 5, 5), False),
        ((100, 0, 5, 5), False),
        ((0, 80, 5, 5), False),
        ((1, 1, 0, 5), False),
        ((np.nan, 1, 5, 5), False),
    ],
)
def test_has_target(box, expected):
    assert curate.has_target(np.array(box, float), np.zeros((80, 100, 3), np.uint8)) is expected


def test_prepare_writes_the_annotated_frames(binary, sequence, tmp_path):
    output = tmp_path / "new" / "crops"
    assert binary.prepare(sequence, output) == (2, 1)
    names = sorted(path.name for path in output.iterdir())
    assert names == [f"{n}.00.crop.{c}.jpg" for n in ("0001", "0003") for c in "xz"]
    with Image.open(output / "0003.00.crop.z.jpg") as crop:
        assert crop.format == "JPEG" and crop.size == (127, 127)
        assert np.asarray(crop)[63, 63].min() > 250
    with Image.open(output / "0003.00.crop.x.jpg") as crop:
        assert crop.size == (255, 255)


def test_limit(binary, sequence, tmp_path):
    assert binary.prepare(sequence, tmp_path / "crops", limit=1) == (1, 0)


def test_lengths_are_compared_before_anything_is_written(binary, sequence, tmp_path):
    (sequence / "img" / "0003.png").unlink()
    with pytest.raises(ValueError, match="2 frames against 3 boxes"):
        binary.prepare(sequence, tmp_path / "crops")
    assert not (tmp_path / "crops").exists()


def test_a_gap_in_the_numbering_is_named(binary, sequence, tmp_path):
    for number in (4, 5):
        Image.new("RGB", (120, 80)).save(sequence / "img" / f"{number:04d}.png")
    (sequence / "img" / "0002.png").unlink()
    with pytest.raises(ValueError, match=r"1 frames are missing, first .*0002\.png"):
        binary.prepare(sequence, tmp_path / "crops")
    assert not (tmp_path / "crops").exists()


def test_a_truncated_frame_is_named(binary, sequence, tmp_path):
    path = sequence / "img" / "0001.png"
    path.write_bytes(path.read_bytes()[:60])
    with pytest.raises(OSError, match=r"0001\.png"):
        binary.prepare(sequence, tmp_path / "crops")


def test_a_folder_that_is_no_sequence(binary, tmp_path):
    with pytest.raises(ValueError, match="no frames in"):
        binary.prepare(tmp_path, tmp_path / "crops")
    Image.new("RGB", (8, 8)).save(tmp_path / "0001.png")
    with pytest.raises(FileNotFoundError, match=r"groundtruth_rect\.txt"):
        binary.prepare(tmp_path, tmp_path / "crops")


def test_binary(binary, sequence, tmp_path, capsys):
    values = flags.FlagValues()
    binary.define_flags(values)
    values(["data_prep", f"--source={sequence}", f"--output={tmp_path / 'crops'}", "--limit=2"])
    assert binary.run(values) == 0
    assert "1 frames cut to" in capsys.readouterr().out
    assert binary.run(values, ["stray"]) == 1
    (sequence / "groundtruth_rect.txt").write_text("1,2,3\n")
    assert binary.run(values) == 1
    assert "line 1: '1,2,3' is not" in capsys.readouterr().err
