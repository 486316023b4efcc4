"""Regions of vot-toolkit, as text and as bytes."""

import struct

import numpy as np
import pytest

from gradnet_tf.boxes import vot_regions


@pytest.mark.parametrize(
    ("text", "box", "code", "is_box"),
    [
        ("1.5,2,3,4", [1.5, 2, 3, 4], None, True),
        ("1", [np.nan] * 4, 1, False),
        ("0,0,4,2,2,8\n", [0, 0, 4, 8], None, False),
        ("5,1,9,1,9,7,5,7", [5, 1, 4, 6], None, False),
        # Rows of three pixels: the first is empty, then the second pixel, then the first two.
        ("m10,20,3,3,4,1,1,2,1", [10, 21, 2, 2], None, False),
        # The last pixel of a row and the first of the next one.
        ("m10,20,3,2,2,2,2", [10, 20, 3, 2], None, False),
        ("m0,0,0,0,0", [np.nan] * 4, None, False),
    ],
)
def test_lines(text, box, code, is_box):
    region = vot_regions.parse_line(text)
    np.testing.assert_array_equal(region.box, box)
    assert (region.code, region.is_box) == (code, is_box)


@pytest.mark.parametrize(
    "text", ["", "a", "1,2", "1,2,3,4,5", "1.5", "m1,2,3", "m0,0,2,2,5", "m0,0,2,2,1", "m"]
)
def test_what_is_no_region(text):
    with pytest.raises(ValueError, match="no region"):
        vot_regions.parse_line(text)


@pytest.mark.parametrize("seed", range(5))
def test_boxes_around_masks(seed):
    rng = np.random.default_rng(seed)
    width, height = rng.integers(1, 9, 2)
    mask = rng.random((height, width)) < 0.15 * seed
    edges = np.flatnonzero(np.diff(mask.ravel(), prepend=False))
    runs = np.diff(edges, prepend=0, append=mask.size)
    box = vot_regions.mask_box([3, -4, width, height, *runs])
    rows, columns = np.nonzero(mask)
    if not len(rows):
        assert np.isnan(box).all()
        return
    low = np.array([columns.min(), rows.min()])
    size = [columns.max(), rows.max()] - low + 1
    np.testing.assert_array_equal(box, [*(low + [3, -4]), *size])


def packed():
    return struct.pack(
        "<hI BI B4f BH6f BhhHHH5H",
        *(1, 4),
        *(0, 2),
        *(1, 1.5, 2, 3, 4),
        *(2, 3, 0, 0, 4, 2, 2, 8),
        *(3, 10, 20, 3, 3, 5, 4, 1, 1, 2, 1),
    )


def test_binary():
    code, box, polygon, mask = vot_regions.parse_binary(packed())
    assert code.code == 2 and np.isnan(code.box).all()
    assert box.is_box and box.box.tolist() == [1.5, 2, 3, 4]
    assert not polygon.is_box and polygon.box.tolist() == [0, 0, 4, 8]
    assert not mask.is_box and mask.box.tolist() == [10, 21, 2, 2]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "ends early, after 0 bytes"),
        (packed()[:-1], "ends early"),
        (packed() + b"x", "1 bytes follow"),
        (b"\2" + packed()[1:], "version is 2"),
        (struct.pack("<hIB", 1, 1, 9), "no kind of region 9"),
        (struct.pack("<hIBH", 1, 1, 2, 0), "no corner"),
    ],
)
def test_damaged_binary(content, message):
    with pytest.raises(ValueError, match=message):
        vot_regions.parse_binary(content)
