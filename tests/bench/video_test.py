"""Tests of gradnet_tf.bench.video."""

import numpy as np

from gradnet_tf.bench import video
from gradnet_tf.media import images


def test_targets_are_apart_and_inside():
    for count in (1, 2, 5, 32):
        boxes = video.first_boxes(count, 640, 480)
        assert boxes.shape == (count, 4)
        assert (boxes[:, :2] >= 0).all()
        assert (boxes[:, :2] + boxes[:, 2:] <= (640, 480)).all()
        for index, one in enumerate(boxes):
            others = np.delete(boxes, index, axis=0)
            assert (np.abs(others[:, :2] - one[:2]) >= one[2:]).any(axis=1).all()


def test_the_target_moves(tmp_path):
    paths = video.make_video(str(tmp_path), 3, 160, 120, targets=2)
    frames = [images.as_rgb(path).astype(int) for path in paths]
    assert [frame.shape for frame in frames] == [(120, 160, 3)] * 3
    x, y, width, height = np.rint(video.first_boxes(2, 160, 120)[0]).astype(int)

    def target(frame, step):
        return frame[y + step + 1 :, x + step + 1 :][: height - 2, : width - 2]

    # It goes by a pixel a frame; JPEG changes it a little.
    same = np.abs(target(frames[0], 0) - target(frames[1], 1)).mean()
    other = np.abs(target(frames[0], 0) - target(frames[1], 0)).mean()
    assert same < other / 2


def test_a_seed_gives_the_same_video(tmp_path):
    paths = []
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        paths.append(video.make_video(str(tmp_path / name), 2, 64, 48)[1])
    one, two = (images.as_rgb(path) for path in paths)
    np.testing.assert_array_equal(one, two)
