"""OpenCV's trackers, by a stand-in for cv2; by the real one where it is."""

import sys
import types

import numpy as np
import pytest

from gradnet_tf.eval.trackers import baselines


class FakeTracker:
    def __init__(self):
        self.seen, self.answers = [], [(True, (5, 6, 7, 8)), (False, (0, 0, 0, 0))]

    def init(self, image, box):
        self.seen.append((image, box))

    def update(self, image):
        self.seen.append(image)
        return self.answers.pop(0)


@pytest.fixture
def cv2(monkeypatch):
    made = []

    def create():
        made.append(FakeTracker())
        return made[-1]

    module = types.SimpleNamespace(
        TrackerMIL_create=create, __version__="9.9", setRNGSeed=lambda seed: None, made=made
    )
    monkeypatch.setitem(sys.modules, "cv2", module)
    return module


def test_colours_boxes_and_losses(cv2):
    image = np.zeros((20, 30, 3), np.uint8)
    image[..., 0] = 200  # red
    tracker = baselines.OpenCVTracker("mil")
    tracker.init(image, (1.4, 2.6, 5.0, 6.0))
    (seen, box) = cv2.made[0].seen[0]
    assert seen[0, 0].tolist() == [0, 0, 200] and seen.flags.c_contiguous
    assert box == (1, 3, 5, 6) and all(type(value) is int for value in box)
    np.testing.assert_array_equal(tracker.update(image), [5, 6, 7, 8])
    assert cv2.made[0].seen[1][0, 0].tolist() == [0, 0, 200]
    # Lost: the last box again.
    np.testing.assert_array_equal(tracker.update(image), [5, 6, 7, 8])
    tracker.init(image, (0, 0, 4, 4))
    assert len(cv2.made) == 2


def test_lost_at_once_is_the_first_box(cv2):
    tracker = baselines.OpenCVTracker("mil")
    image = np.zeros((20, 30, 3), np.uint8)
    tracker.init(image, (1.5, 2, 3, 4))
    cv2.made[0].answers.pop(0)
    np.testing.assert_array_equal(tracker.update(image), [1.5, 2, 3, 4])


@pytest.mark.parametrize(
    "box, expected",
    [
        ((-3.2, 5, 10, 4), (0, 5, 7, 4)),
        ((25, 15, 10, 10), (25, 15, 5, 5)),
        ((40, 30, 5, 5), (29, 19, 1, 1)),
        ((3.3, 3.3, 0.2, 0.2), (3, 3, 1, 1)),
    ],
)
def test_whole_boxes_lie_in_the_image(box, expected):
    assert baselines.whole_box(box, (20, 30)) == expected


def test_what_to_install(cv2, monkeypatch):
    with pytest.raises(ImportError, match=r"9\.9 .* no TrackerCSRT.*contrib.*gradnet_tf\[peers\]"):
        baselines.OpenCVTracker("csrt")
    monkeypatch.setitem(sys.modules, "cv2", None)
    with pytest.raises(ImportError, match=r"opencv:csrt needs OpenCV: .*gradnet_tf\[peers\]"):
        baselines.OpenCVTracker("csrt")


@pytest.mark.parametrize("name", sorted(baselines.OPENCV))
def test_the_real_ones_follow_a_moving_patch(name):
    cv2 = pytest.importorskip("cv2")
    try:
        tracker = baselines.OpenCVTracker(name)
    except ImportError as error:
        pytest.skip(f"OpenCV {cv2.__version__}: {error}")
    random = np.random.default_rng(0)
    background = random.integers(0, 80, (120, 160, 3), dtype=np.uint8)
    patch = random.integers(120, 255, (30, 24, 3), dtype=np.uint8)

    def frame(number):
        image = background.copy()
        image[40 : 40 + 30, 50 + 2 * number : 50 + 2 * number + 24] = patch
        return image

    runs = []
    for _ in range(2):
        tracker.init(frame(0), (50, 40, 24, 30))
        runs.append([tracker.update(frame(number)) for number in range(1, 6)])
    np.testing.assert_array_equal(*runs)
    np.testing.assert_allclose(runs[0][-1][:2], [60, 40], atol=5)
