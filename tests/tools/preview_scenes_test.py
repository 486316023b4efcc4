"""Tests of tools/preview_scenes.py: the picture of examples."""

import numpy as np
import pytest
from absl import flags
from PIL import Image

from gradnet_tf.data.scenes import SceneConfig
from tests.helpers import track_records
from tools import preview_scenes as preview

SIDE, GAP = 120, 4


@pytest.fixture(scope="module")
def pattern(tmp_path_factory):
    tracks = [track_records.record(f"video{n}", frames=(0, 4, 9), seed=n) for n in range(3)]
    return track_records.write_set(tmp_path_factory.mktemp("data"), tracks)


def tile(sheet, row, column):
    """The middle of a tile, without its label."""
    y, x = (GAP + place * (SIDE + GAP) for place in (row, column))
    return np.array(sheet, np.int64)[y + 20 : y + SIDE, x : x + SIDE]


def test_a_row_for_each_option_along_the_frames_of_a_track(pattern, tmp_path):
    values = flags.FlagValues()
    preview.define_flags(values)
    path = tmp_path / "examples.png"
    values(["preview", f"--data={pattern}", f"--output={path}", "--tracks=1", "--seed=1"])
    preview.draw(values)
    with Image.open(path) as sheet:
        sheet.load()
    assert sheet.size == (3 * (SIDE + GAP) + GAP, 6 * (SIDE + GAP) + GAP)
    changes = []
    for row in range(1, 6):
        changes.append(
            [np.abs(tile(sheet, row, column) - tile(sheet, 0, column)).max() for column in range(3)]
        )
    # What is pasted is anywhere, and tracks drift from their first frame on.
    assert np.min(changes[:2]) > 5
    assert [first for first, *_ in changes[2:]] == [0, 0, 0]
    assert min(last for *_, last in changes[2:]) > 0


def test_what_is_off_has_no_row_and_the_picture_is_that_of_its_seed(pattern):
    config = SceneConfig(light_drift=0.5)
    sheet = preview.sheet([pattern], config, tracks=9, seed=1)
    assert sheet.size[1] == 3 * 2 * (SIDE + GAP) + GAP
    again = preview.sheet([pattern], config, tracks=9, seed=1)
    other = preview.sheet([pattern], config, tracks=9, seed=2)
    np.testing.assert_array_equal(again, sheet)
    assert np.any(np.asarray(other) != np.asarray(sheet))


def test_a_bad_value_is_named_before_anything_is_read():
    values = flags.FlagValues()
    preview.define_flags(values)
    values(["preview", "--data=/nowhere", "--blur_drift=9"])
    with pytest.raises(ValueError, match="blur_drift must be in 0..3, got 9.0"):
        preview.draw(values)
