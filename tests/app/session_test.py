"""Tests of gradnet_tf.app.session, with a tracker that needs no network."""

import numpy as np
import pytest
from PIL import Image

from gradnet_tf.app.box_editor import Drawn
from gradnet_tf.app.session import Session
from gradnet_tf.media.frames import open_frames
from gradnet_tf.tracking.run import run_tracker

BOX = (4.0, 5.0, 10.0, 8.0)
OTHER = (12.0, 3.0, 6.0, 6.0)
STEP = (1, 0.5, 0, 0)


class FakeTracker:
    """Moves boxes by STEP in every frame; score and confidence come from the frame's level."""

    def init(self, image, boxes):
        self.boxes = np.array(boxes, np.float64)

    def update(self, image):
        self.boxes = self.boxes + STEP
        level = np.full(self.boxes.shape[:-1], float(image[0, 0, 0]))
        self.score, self.confidence = level, level / 100
        return self.boxes


@pytest.fixture
def video(tmp_path):
    """Ten frames, of the levels 0, 10, ..., 90."""
    folder = tmp_path / "clip"
    folder.mkdir()
    for i in range(10):
        Image.fromarray(np.full((24, 32, 3), 10 * i, np.uint8)).save(folder / f"{i:04d}.png")
    return folder


@pytest.fixture
def session(tmp_path, video):
    folder = tmp_path / "files"
    folder.mkdir()
    session = Session(folder)
    session.open(video)
    yield session
    session.close()


def new(*boxes):
    return [Drawn(None, np.array(box)) for box in boxes]


def track(session, frame, drawn, stop_at=None):
    """Tracks; stops after a frame if asked. Returns the numbers of the frames that were told."""
    told = []
    for step in session.track(frame, drawn, FakeTracker):
        told.append(step.frame)
        if step.frame == stop_at:
            session.stop()
    return told


def moved(count, box=BOX):
    return np.array(box) + np.arange(count)[:, None] * STEP


def test_open_tells_length_and_size(session):
    assert (session.name, session.length, session.frame_hw) == ("clip", 10, (24, 32))
    assert session.image(7)[0, 0, 0] == 70


def test_nothing_works_before_a_video_is_open(tmp_path):
    with pytest.raises(ValueError, match="no video yet"):
        Session(tmp_path).image(0)


def test_a_target_is_tracked_to_the_end(session):
    assert track(session, 0, new(BOX)) == list(range(1, 10))
    target = session.targets[0]
    np.testing.assert_array_equal(target.boxes, moved(10))
    np.testing.assert_array_equal(target.scores, [np.nan, *range(10, 100, 10)])
    assert session.tracked == 10


def test_boxes_are_those_of_a_run(session, video, tmp_path):
    track(session, 0, new(BOX))
    run = run_tracker(FakeTracker(), open_frames(video), BOX)
    run.save(tmp_path / "run.txt")
    (path,) = session.save_boxes()
    assert path.read_bytes() == (tmp_path / "run.txt").read_bytes()


def test_a_target_may_start_later(session):
    track(session, 6, new(BOX))
    assert session.boxes(5) == {}
    np.testing.assert_array_equal(session.boxes(8)[0], moved(3)[2])
    confidences = session.confidences()[0]
    np.testing.assert_array_equal(np.isnan(confidences), [True] * 7 + [False] * 3)


def test_what_was_tracked_stays_when_it_is_stopped(session):
    assert track(session, 0, new(BOX), stop_at=4) == [1, 2, 3, 4]
    assert session.tracked == 5
    assert session.length == 10


def test_a_stopped_target_goes_on_from_its_last_box(session):
    track(session, 0, new(BOX), stop_at=4)
    left = [Drawn(0, session.boxes(4)[0])]
    track(session, 4, left)
    np.testing.assert_array_equal(session.targets[0].boxes, moved(10))
    assert session.targets[0].scores[4] == 40  # It was measured before.


def test_a_corrected_box_is_tracked_from_its_frame_on(session):
    track(session, 0, new(BOX))
    track(session, 5, [Drawn(0, np.array(OTHER))])
    expected = np.concatenate([moved(5), moved(5, OTHER)])
    np.testing.assert_array_equal(session.targets[0].boxes, expected)
    assert np.isnan(session.targets[0].scores[5])


def test_other_targets_stay_as_they_are(session):
    track(session, 0, new(BOX, OTHER))
    shown = session.boxes(3)
    session.targets[1].scores[5] = -1.0  # Would be measured anew if it were tracked again.
    track(session, 3, [Drawn(0, np.array(OTHER)), Drawn(1, shown[1])])
    np.testing.assert_array_equal(session.targets[0].boxes[3:], moved(7, OTHER))
    np.testing.assert_array_equal(session.targets[1].boxes, moved(10, OTHER))
    assert session.targets[1].scores[5] == -1.0


def test_a_target_whose_box_was_removed_ends_before(session):
    track(session, 0, new(BOX, OTHER))
    track(session, 3, [Drawn(0, np.array(OTHER))])
    assert session.targets[1].end == 3
    track(session, 0, new(BOX))
    assert list(session.targets) == [2]  # Numbers are not given twice.


def test_nothing_to_track_is_said_and_changes_nothing(session):
    with pytest.raises(ValueError, match="draw a box"):
        track(session, 0, [])
    track(session, 0, new(BOX))
    with pytest.raises(ValueError, match="draw a box"):
        track(session, 3, [Drawn(0, session.boxes(3)[0])])
    assert session.targets[0].end == 10


@pytest.mark.parametrize("box", [(40, 3, 5, 5), (3, 3, 0, 5)])
def test_a_box_that_cannot_be_used_changes_nothing(session, box):
    track(session, 0, new(BOX))
    with pytest.raises(ValueError, match="box"):
        track(session, 3, new(box))
    np.testing.assert_array_equal(session.targets[0].boxes, moved(10))


def test_a_tracker_that_cannot_be_made_changes_nothing(session):
    def fail():
        raise ValueError("no such weights")

    with pytest.raises(ValueError, match="no such weights"):
        list(session.track(0, new(BOX), fail))
    assert session.targets == {}


def test_one_thing_at_a_time(session, video):
    steps = session.track(0, new(BOX), FakeTracker)
    next(steps)
    with pytest.raises(ValueError, match="under way"):
        session.open(video)
    steps.close()
    session.open(video)
    assert session.targets == {}


def test_two_sessions_do_not_mix(session, video, tmp_path):
    other = Session(tmp_path / "other")
    other.open(video)
    steps = [each.track(0, new(box), FakeTracker) for each, box in ((session, BOX), (other, OTHER))]
    for _ in zip(*steps):
        pass
    list(steps[1])
    np.testing.assert_array_equal(session.targets[0].boxes, moved(10))
    np.testing.assert_array_equal(other.targets[0].boxes, moved(10, OTHER))


def test_a_damaged_frame_repeats_the_box(session, video):
    (video / "0004.png").write_bytes(b"\x89PNG\r\n\x1a\nno image")
    track(session, 0, new(BOX))
    boxes = session.targets[0].boxes
    np.testing.assert_array_equal(boxes[4], boxes[3])
    assert np.isnan(session.targets[0].confidences[4])
    assert len(boxes) == 10


def test_video_has_the_frames_that_were_tracked(session):
    track(session, 0, new(BOX, OTHER), stop_at=6)
    assert [step.frame for step in session.draw()] == list(range(7))
    images = [frame.image for frame in open_frames(session.video)]
    assert len(images) == 7
    colour = images[6][19, 13].astype(int)  # Of the first target, by its number, is red.
    assert colour[0] > colour[1] + 40


def test_a_stopped_video_is_removed(session):
    track(session, 0, new(BOX))
    for step in session.draw():
        if step.frame == 3:
            session.stop()
    assert session.video is None
    assert session.tracked == 10


def test_each_target_has_a_file(session):
    track(session, 0, new(BOX))
    track(session, 4, [Drawn(0, session.boxes(4)[0]), *new(OTHER)])
    paths = session.save_boxes()
    assert [len(path.read_text().splitlines()) for path in paths] == [10, 6]
    session.save_boxes()
    assert len(list(session.folder.glob("*/clip_boxes*"))) == 2  # Those of before are gone.
