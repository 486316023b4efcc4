"""Crops of data_prep/curate.py: their geometry and their padding."""

import io

import numpy as np
import pytest
from PIL import Image

from gradnet_tf.data_prep import curate


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
    assert curate.mean_colour(frame) == (100, 50, 20)
    exemplar, instance = curate.cut_crops(frame, np.array([0, 0, 20, 20]))
    assert instance.getpixel((0, 0)) == (100, 50, 20)
    # The frame's corner lies 10 of the square's 40 px from the crop's: at 10 * 127 / 40 = 31.75.
    assert exemplar.getpixel((25, 25)) == (100, 50, 20)
    assert exemplar.getpixel((40, 40)) == (200, 100, 41)
    _, instance = curate.cut_crops(frame, np.array([0, 0, 20, 20]), colour=(1, 2, 3))
    assert instance.getpixel((0, 0)) == (1, 2, 3)


@pytest.mark.parametrize("box", [(37.4, 52.8, 21.3, 34.9), (5, 60, 60, 20), (90, 90, 9, 5)])
def test_boxes_in_crops_enclose_the_target(box):
    x, y, width, height = box
    frame = np.zeros((120, 120, 3), np.uint8)
    inside = slice(round(y), round(y + height)), slice(round(x), round(x + width))
    frame[inside] = 255
    boxes = curate.boxes_in_crops(np.array(box))
    for crop, (left, top, wide, high) in zip(curate.cut_crops(frame, np.array(box)), boxes):
        rows, columns = np.nonzero(np.asarray(crop)[..., 0] > 127)
        scale = wide / width
        found = columns.min(), rows.min(), columns.max() + 1, rows.max() + 1
        # Half a px of the frame for the round edges of the target, one px of the crop for its own.
        expected = left, top, left + wide, top + high
        np.testing.assert_allclose(found, expected, atol=0.5 * scale + 1)
        assert high / height == pytest.approx(scale)


def test_a_large_square_is_shrunk_first_without_a_visible_difference(monkeypatch):
    y, x = np.mgrid[:1500, :2000]
    frame = np.stack([x / 10, y / 8, 127 + 90 * np.sin(x / 90) * np.cos(y / 70)], -1)
    frame = frame.astype(np.uint8)
    box = np.array([100, 50, 1700, 1400])
    reduced = curate.cut_crops(frame, box)
    monkeypatch.setattr(curate, "_REDUCED", 10**6)
    whole = curate.cut_crops(frame, box)
    for one, other in zip(reduced, whole):
        difference = np.abs(np.asarray(one, float) - np.asarray(other, float))
        assert 0 < difference.mean() < 1.5


def test_jpeg_quality():
    image = Image.fromarray(np.random.default_rng(0).integers(0, 256, (255, 255, 3), np.uint8))
    small, large = curate.to_jpeg(image, 50), curate.to_jpeg(image)
    assert len(small) < len(large)
    with Image.open(io.BytesIO(large)) as decoded:
        assert (decoded.format, decoded.mode, decoded.size) == ("JPEG", "RGB", (255, 255))
