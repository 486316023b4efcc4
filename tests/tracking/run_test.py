"""Tests of gradnet_tf.tracking.run, with a tracker that needs no network."""

import base64
import errno
import fractions
import io
import os
import re
import weakref

import numpy as np
import pytest
from PIL import Image

from gradnet_tf.media import drawing
from gradnet_tf.media.frames import FrameError, open_frames
from gradnet_tf.media.video_writer import VideoWriter
from gradnet_tf.tracking.run import TrackingRun, run_tracker
from gradnet_tf.tracking.thumbnails import Thumbnails

BOX = (4.0, 5.0, 10.0, 8.0)


class FakeTracker:
    """Moves its box by (1, 0.5) in every frame; the score is the frame's first pixel."""

    def init(self, image, box):
        if box[2] <= 0:
            raise ValueError(f"bad box {box}")
        self.shape = image.shape
        self.box = np.array(box, np.float64)

    def update(self, image):
        if image.shape != self.shape:
            raise ValueError(f"frame is {image.shape}, the first one was {self.shape}")
        self.box += (1, 0.5, 0, 0)
        self.score = float(image[0, 0, 0])
        self.confidence = self.score / 255
        return self.box  # Works on in it: the run must not be confused by that.


def frames(count, size=(24, 32)):
    return [np.full((*size, 3), i % 256, np.uint8) for i in range(count)]


def track(source, box=BOX, **options):
    return run_tracker(FakeTracker(), source, box, **options)


def moved(count):
    return np.array(BOX) + np.arange(count)[:, None] * (1, 0.5, 0, 0)


def test_boxes_scores_and_names():
    run = track(frames(4))
    np.testing.assert_array_equal(run.boxes, moved(4))
    np.testing.assert_array_equal(run.scores, [np.nan, 1, 2, 3])
    np.testing.assert_array_equal(run.confidences, [np.nan, 1 / 255, 2 / 255, 3 / 255])
    assert run.names == [f"frame {i}" for i in range(4)]
    assert run.boxes.dtype == np.float64
    assert run.frame_size == (24, 32)
    np.testing.assert_array_equal(run.frame_sizes, [[24, 32]] * 4)
    assert not run.held.any()
    assert (run.seconds > 0).all()
    assert len(run) == 4


def test_fps_is_of_the_frames_after_the_first():
    run = TrackingRun(
        boxes=moved(4),
        scores=np.zeros(4),
        confidences=np.zeros(4),
        seconds=np.array([9.0, 0.1, 0.3, 0]),
        held=np.array([False, False, False, True]),
        names=list("abcd"),
        frame_sizes=np.array([[24, 32]] * 4),
        thumbnails=[(0, frames(1)[0])],
    )
    assert run.fps == pytest.approx(2 / 0.4)
    assert repr(run) == "TrackingRun(4 frames, 1 held, 5.0 fps)"


def test_one_frame():
    run = track(frames(1))
    np.testing.assert_array_equal(run.boxes, [BOX])
    assert np.isnan(run.fps)
    run.contact_sheet()


def test_bad_frames_are_held_and_marked():
    source = iter([*frames(2), None, None, *frames(1)])
    run = track(source, on_bad_frame="hold")
    np.testing.assert_array_equal(run.held, [0, 0, 1, 1, 0])
    np.testing.assert_array_equal(run.boxes, moved(3)[[0, 1, 1, 1, 2]])
    np.testing.assert_array_equal(run.scores, [np.nan, 1, np.nan, np.nan, 0])
    assert (run.seconds[run.held] == 0).all()
    assert [number for number, _ in run.thumbnails] == [0, 1, 4]


def test_bad_frames_stop_by_default():
    with pytest.raises(FrameError, match="frame 2: expected an image, got None"):
        track([*frames(2), None])


def test_errors_of_the_tracker_name_the_frame():
    with pytest.raises(FrameError, match=r"frame 2: frame is \(24, 33, 3\), the first one was"):
        track([*frames(2), *frames(1, (24, 33))])
    with pytest.raises(ValueError, match="^bad box"):
        track(frames(2), (0, 0, 0, 1))


def test_interrupt_comes_through_and_ends_the_thread():
    import threading

    def stop(frame, box):
        if frame.index == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt) as caught:
        track(frames(50), callback=stop)
    assert not [t for t in threading.enumerate() if t.name == "gradnet_tf-prefetch"]
    np.testing.assert_array_equal(caught.value.run.boxes, moved(3))


class Stopping(FakeTracker):
    """Raises an error in the frame whose first pixel is `at`."""

    def __init__(self, at, error):
        self.at, self.error = at, error

    def init(self, image, box):
        if self.at == 0:
            raise self.error
        super().init(image, box)

    def update(self, image):
        if image[0, 0, 0] == self.at:
            raise self.error
        return super().update(image)


@pytest.mark.parametrize("error", [KeyboardInterrupt(), ValueError("bad"), SystemExit(1)])
def test_what_ends_a_run_has_the_run_so_far(error, tmp_path):
    with pytest.raises(BaseException) as caught:
        run_tracker(Stopping(30, error), frames(50), BOX)
    run = caught.value.run
    np.testing.assert_array_equal(run.boxes, moved(30))
    np.testing.assert_array_equal(run.scores[1:], np.arange(1, 30))
    assert [len(each) for each in (run.held, run.seconds, run.confidences, run.names)] == [30] * 4
    assert not run.is_complete
    assert repr(run).startswith("TrackingRun(30 frames, ended early, ")
    run.save(tmp_path / "boxes.txt")
    np.testing.assert_array_equal(np.loadtxt(tmp_path / "boxes.txt", delimiter=","), moved(30))
    assert run.thumbnails[-1][0] == 29
    run.contact_sheet()


def test_the_run_so_far_has_a_video(tmp_path):
    pytest.importorskip("av")
    with pytest.raises(KeyboardInterrupt) as caught:
        run_tracker(Stopping(3, KeyboardInterrupt()), frames(6), BOX)
    caught.value.run.to_video(tmp_path / "out.mp4")
    assert open_frames(tmp_path / "out.mp4").length == 3
    with pytest.raises(FrameError, match="frame 4") as caught:
        track([*frames(4), None])
    caught.value.run.to_video(tmp_path / "out.mp4")
    assert open_frames(tmp_path / "out.mp4").length == 4


def test_nothing_is_kept_of_the_first_frame():
    error = KeyboardInterrupt()
    with pytest.raises(KeyboardInterrupt):
        run_tracker(Stopping(0, error), frames(3), BOX)
    assert not hasattr(error, "run")


def test_frames_that_end_a_run_have_the_run_so_far():
    with pytest.raises(FrameError, match="frame 2") as caught:
        track([*frames(2), None])
    np.testing.assert_array_equal(caught.value.run.boxes, moved(2))


def test_a_whole_run_is_complete():
    assert track(frames(2)).is_complete


def test_callback_gets_every_frame_and_box():
    seen = []
    track(frames(3), callback=lambda frame, result: seen.append((frame.index, result.box.tolist())))
    assert seen == [(i, row) for i, row in enumerate(moved(3).tolist())]


class FakeTargets(FakeTracker):
    """The same of several targets."""

    def init(self, image, box):
        super().init(image, box[0])
        self.box = np.array(box, np.float64)

    def update(self, image):
        super().update(image)
        self.score = np.arange(len(self.box)) + float(image[0, 0, 0])
        self.confidence = self.score / 255
        return self.box


BOXES = np.array([[4.0, 5, 10, 8], [12, 2, 6, 9], [20, 10, 8, 8]])


def track_many(source, **options):
    return run_tracker(FakeTargets(), source, BOXES, **options)


def test_several_targets():
    seen = []
    source = iter([*frames(2), None, *frames(1)])
    run = track_many(source, on_bad_frame="hold", callback=lambda _, result: seen.append(result))
    expected = BOXES + np.array([0, 1, 1, 2])[:, None, None] * (1, 0.5, 0, 0)
    np.testing.assert_array_equal(run.boxes, expected)
    np.testing.assert_array_equal(run.scores[1], [1, 2, 3])
    np.testing.assert_array_equal(run.confidences[3], np.arange(3) / 255)
    assert run.scores.shape == run.confidences.shape == (4, 3)
    assert np.isnan(run.scores[[0, 2]]).all()
    np.testing.assert_array_equal([result.box for result in seen], run.boxes)
    assert repr(run).startswith("TrackingRun(4 frames, 3 targets, 1 held, ")


def test_several_targets_are_saved(tmp_path):
    run = track_many(frames(2))
    run.save(tmp_path / "b.txt")
    assert sorted(os.listdir(tmp_path)) == ["b.0.txt", "b.1.txt", "b.2.txt"]
    assert (tmp_path / "b.1.txt").read_text() == "12.0,2.0,6.0,9.0\n13.0,2.5,6.0,9.0\n"
    run.save(tmp_path / "b.csv", "csv")
    table = np.loadtxt(tmp_path / "b.csv", delimiter=",", skiprows=1)
    np.testing.assert_array_equal(table[:, :2], [[f, t] for f in (0, 1) for t in (0, 1, 2)])
    np.testing.assert_array_equal(table[:, 2:6], run.boxes.reshape(-1, 4))
    np.testing.assert_array_equal(table[:, 6], run.scores.ravel())


def test_several_targets_are_drawn_in_colours_of_their_own(tmp_path):
    pytest.importorskip("av")
    black = [np.zeros((96, 128, 3), np.uint8)] * 2
    boxes = [[10, 40, 30, 30], [80, 40, 30, 30]]
    run = run_tracker(FakeTargets(), black, boxes)
    run.to_video(tmp_path / "out.mp4")
    first = next(iter(open_frames(tmp_path / "out.mp4"))).image.astype(int)
    for x, strong, weak in ((10, 0, 2), (80, 2, 0)):  # Red, then blue.
        edge = first[50:65, x]
        assert (edge[:, strong] - edge[:, weak] > 60).all()
    sheet = np.asarray(run.contact_sheet(count=1))
    for colour in ((255, 40, 40), (70, 150, 255)):
        assert (sheet == colour).all(axis=2).any()
    if pytest.importorskip("matplotlib"):
        assert len(run.plot().axes[2].lines) == 2


def test_frames_keep_their_numbers_where_tracking_starts_later(tmp_path):
    pytest.importorskip("av")
    source = open_frames(frames(30), start_frame=3, end_frame=28)
    run = track(source)
    assert (len(run), run.start_frame) == (26, 3)
    np.testing.assert_array_equal(run.scores[1:], np.arange(4, 29))
    assert [number for number, _ in run.thumbnails] == [*range(3, 29, 2), 28]
    run.save(tmp_path / "b.csv", "csv")
    table = np.loadtxt(tmp_path / "b.csv", delimiter=",", skiprows=1)
    np.testing.assert_array_equal(table[:, 0], np.arange(3, 29))
    run.to_video(tmp_path / "out.mp4", truth=np.tile([0.0, 0, 32, 24], (2, 1)))
    green = [image.astype(int) for image in (f.image for f in open_frames(tmp_path / "out.mp4"))]
    assert [(g[-1, :, 1] - g[-1, :, 0] > 60).all() for g in green] == [True] * 2 + [False] * 24
    run.contact_sheet()


def test_progress_bar(capsys):
    track(frames(3), progress=True)
    captured = capsys.readouterr()
    assert "tracking: 100%" in captured.err
    assert "3/3" in captured.err
    assert "fps=" in captured.err
    track(frames(3))
    assert capsys.readouterr().err == ""
    assert captured.out == ""


def test_frames_are_let_go():
    """Memory stays constant: never more frames are alive than prefetched, in use, and last."""
    alive = weakref.WeakSet()
    most = 0

    class Counted(np.ndarray):
        pass

    def generate():
        for i in range(200):
            image = np.full((24, 32, 3), i, np.uint8).view(Counted)
            alive.add(_Token(image))
            yield image

    class _Token:
        def __init__(self, image):
            image.token = self

    def count(frame, box):
        nonlocal most
        most = max(most, len(alive))

    run = track(open_frames(generate(), prefetch=4), callback=count)
    assert len(run) == 200
    assert most <= 8
    assert run.source is None
    assert len(run.thumbnails) <= 24


@pytest.mark.parametrize(
    ("count", "kept"),
    [
        (1, [0]),
        (5, list(range(5))),
        (23, list(range(23))),
        (24, [*range(0, 24, 2), 23]),
        (30, [*range(0, 30, 2), 29]),
        (200, [*range(0, 200, 16), 199]),
    ],
)
def test_thumbnails_double_their_stride(count, kept):
    run = track(frames(count))
    assert [number for number, _ in run.thumbnails] == kept
    assert all((image == number % 256).all() for number, image in run.thumbnails)


def test_thumbnails_never_exceed_their_limit():
    thumbnails = Thumbnails(limit=8, side=16)
    for frame in open_frames(frames(100)):
        thumbnails.add(frame)
        images = thumbnails.images()
        assert len(images) <= 8
        assert images[0][0] == 0
        assert images[-1][0] == frame.index
        assert images[0][1].shape == (12, 16, 3)


def test_save_floats_exactly(tmp_path):
    run = track(frames(3), (1 / 3, -2.5, 1e-7 + 10, 1e6 / 7))
    run.save(tmp_path / "boxes.txt")
    np.testing.assert_array_equal(np.loadtxt(tmp_path / "boxes.txt", delimiter=","), run.boxes)
    first = (tmp_path / "boxes.txt").read_text().splitlines()[0]
    assert first.startswith("0.3333333333333333,-2.5,10.0000001,142857.")
    assert os.listdir(tmp_path) == ["boxes.txt"]


def test_save_as_the_reference_rounds(tmp_path):
    run = track(frames(3), (-0.4, 2.5, 10.5, 8.6))
    run.save(tmp_path / "boxes.txt", format="reference")
    # Half to even: 2.5 -> 2, 3.5 -> 4, 10.5 -> 10.
    assert (tmp_path / "boxes.txt").read_text() == "0,2,10,9\n1,3,10,9\n2,4,10,9\n"


def test_save_checks_its_target(tmp_path, monkeypatch):
    run = track(frames(3))
    with pytest.raises(ValueError, match="one of float, reference, otb, .*, got 'xml'"):
        run.save(tmp_path / "boxes.txt", format="xml")
    with pytest.raises(FileNotFoundError, match="there is no directory"):
        run.save(tmp_path / "no" / "boxes.txt")
    with pytest.raises(IsADirectoryError, match="is a directory"):
        run.save(tmp_path)
    assert os.listdir(tmp_path) == []

    (tmp_path / "boxes.txt").write_text("older")

    def full(*arguments):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "replace", full)
    with pytest.raises(OSError, match=r"^cannot write .*boxes\.txt: No space left"):
        run.save(tmp_path / "boxes.txt")
    assert os.listdir(tmp_path) == ["boxes.txt"]
    assert (tmp_path / "boxes.txt").read_text() == "older"


def test_video_shows_boxes_and_truth(tmp_path):
    pytest.importorskip("av")
    size = (96, 128)
    black = [np.zeros((*size, 3), np.uint8) for _ in range(4)]
    run = track(black, (30, 30, 40, 40))
    truth = np.tile([90.0, 50, 30, 30], (2, 1))  # Of the first two frames only.
    run.to_video(tmp_path / "out.mp4", truth=truth)
    shown = [frame.image.astype(int) for frame in open_frames(tmp_path / "out.mp4")]
    assert len(shown) == 4
    for index, image in enumerate(shown):
        red = np.argwhere((image[:, :, 0] - image[:, :, 2]) > 60)
        np.testing.assert_allclose(red.min(axis=0), (30 + index / 2, 30 + index), atol=2)
        np.testing.assert_allclose(red.max(axis=0), (69 + index / 2, 69 + index), atol=2)
        green = (image[:, :, 1] - image[:, :, 0]) > 60
        assert green.any() == (index < 2)


def test_video_of_frames_that_were_read_once(tmp_path):
    pytest.importorskip("av")
    run = track(iter(frames(3)))
    with pytest.raises(ValueError, match=r"give them again, to_video\(path, frames=\.\.\.\)"):
        run.to_video(tmp_path / "out.mp4")
    run.to_video(tmp_path / "out.mp4", frames=frames(3), fps=10)
    assert open_frames(tmp_path / "out.mp4").length == 3
    assert open_frames(tmp_path / "out.mp4").fps == 10
    for count in (2, 4):
        with pytest.raises(ValueError, match="this run has 3 boxes, but there are"):
            run.to_video(tmp_path / "new.mp4", frames=frames(count))
    assert os.listdir(tmp_path) == ["out.mp4"]


def test_video_keeps_the_rate_of_its_source(tmp_path):
    pytest.importorskip("av")
    track(frames(3)).to_video(tmp_path / "first.mp4", fps=12)
    track(tmp_path / "first.mp4").to_video(tmp_path / "second.mp4")
    assert open_frames(tmp_path / "second.mp4").fps == 12


def test_video_shows_frames_as_long_as_its_source_does(tmp_path):
    pytest.importorskip("av")
    durations = [0.1, 0.5, 0.034, 1.0, 0.2]
    aspect = fractions.Fraction(16, 15)
    with VideoWriter(tmp_path / "first.mp4", 25, (64, 64), aspect) as writer:
        for image, duration in zip(frames(5, (64, 64)), durations):
            writer.write(image, duration)
    run = track(tmp_path / "first.mp4")
    run.to_video(tmp_path / "second.mp4")
    shown = open_frames(tmp_path / "second.mp4")
    assert [frame.duration for frame in shown] == pytest.approx(durations, abs=0.0002)
    assert shown.pixel_aspect == aspect
    run.to_video(tmp_path / "third.mp4", fps=10)
    shown = open_frames(tmp_path / "third.mp4")
    assert [frame.duration for frame in shown] == pytest.approx([0.1] * 5)
    assert shown.fps == 10


def test_video_of_a_browsers_recording_lasts_as_long(tmp_path, shared_data):
    pytest.importorskip("av")
    run = track(shared_data("faults/video/rec.webm"))
    run.to_video(tmp_path / "out.mp4")
    shown = list(open_frames(tmp_path / "out.mp4"))
    assert len(shown) == 20
    assert sum(frame.duration for frame in shown) == pytest.approx(0.67, abs=0.02)


def test_video_repeats_the_frame_before_a_bad_one(tmp_path):
    pytest.importorskip("av")
    white = np.full((64, 64, 3), 200, np.uint8)
    run = track([white, white, None, white], on_bad_frame="hold")
    run.to_video(tmp_path / "out.mp4")
    shown = [frame.image for frame in open_frames(tmp_path / "out.mp4")]
    assert len(shown) == 4
    np.testing.assert_allclose(shown[2][40:, 40:], 200, atol=4)


def test_frames_may_change_their_size(tmp_path):
    pytest.importorskip("av")

    class AnySize(FakeTracker):
        def update(self, image):
            self.shape = image.shape
            return super().update(image)

    sizes = [(400, 600), (200, 300), (600, 400)]
    images = [np.zeros((*size, 3), np.uint8) for size in sizes]
    run = run_tracker(AnySize(), [*images, None], (100, 40, 60, 80), on_bad_frame="hold")
    np.testing.assert_array_equal(run.frame_sizes, [*sizes, sizes[-1]])
    assert run.frame_size == sizes[0]

    def rows(image):
        """First row of the red box, and how many it has."""
        red = np.flatnonzero((image[:, :, 0] - image[:, :, 2] > 60).any(axis=1))
        return red[0], red[-1] - red[0] + 1

    # The small ones have 320 px along the longer side, and each box is drawn in its own.
    sheet = np.asarray(run.contact_sheet(columns=1, count=3)).astype(int)
    height = sheet.shape[0] // 3
    for index, scale in enumerate((320 / 600, 1, 320 / 600)):
        tile = sheet[index * height : (index + 1) * height]
        assert abs(rows(tile)[1] - 80 * scale) <= 2, index
    run.to_video(tmp_path / "out.mp4")
    shown = [frame.image.astype(int) for frame in open_frames(tmp_path / "out.mp4")]
    assert [image.shape for image in shown] == [(400, 600, 3)] * 4
    # The second one is doubled, the third one is shrunk and has black at both sides.
    expected = [(40, 80), (81, 160), (41 * 2 / 3, 80 * 2 / 3)]
    for image, (top, height) in zip(shown, expected):
        np.testing.assert_allclose(rows(image), (top, height), atol=4)


def test_contact_sheet_scales_boxes_and_marks_truth():
    run = track(frames(30, (480, 640)), (160, 120, 320, 240))
    truth = np.tile([0.0, 0, 640, 480], (1, 1))
    sheet = np.asarray(run.contact_sheet(columns=4, count=12, truth=truth))
    assert sheet.shape == (3 * (240 + 4) + 4, 4 * (320 + 4) + 4, 3)
    first = sheet[4:244, 4:324]
    red = np.argwhere((first == drawing.PREDICTION).all(axis=2))
    np.testing.assert_array_equal(red.min(axis=0), [60, 80])
    np.testing.assert_array_equal(red.max(axis=0), [179, 239])
    assert (first[-1] == drawing.TRUTH).all()
    assert not (sheet[4:244, 328:] == drawing.TRUTH).all(axis=2).any()
    with pytest.raises(ValueError, match="count=0"):
        run.contact_sheet(count=0)


def test_notebooks_show_frames_and_a_summary():
    run = track([*frames(200), None], on_bad_frame="hold")
    shown = run._repr_html_()
    assert "<script" not in shown and len(shown) < 60_000
    start = "base64,"
    content = base64.b64decode(shown[shown.index(start) + len(start) : shown.index('">')])
    with Image.open(io.BytesIO(content)) as image:
        assert image.size == run.contact_sheet(columns=6, count=6).size
    cells = dict(re.findall(r"<th[^>]*>([^<]*)</th><td[^>]*>([^<]*)</td>", shown))
    assert cells["frames"] == "201 of 32x24 px" and cells["targets"] == "1"
    # The confidence of frame i is i / 255: from 128 on it is above 0.5.
    assert cells["reliable"] == "72 of 199 boxes (confidence of 0.5 or more)"
    assert cells["held"] == "1 frames that could not be read" and "ended" not in cells


def test_plot():
    pytest.importorskip("matplotlib")
    run = track([*frames(3), None], on_bad_frame="hold")
    figure = run.plot()
    axes = figure.axes
    np.testing.assert_array_equal(axes[0].lines[0].get_ydata(), run.scores)
    np.testing.assert_array_equal(axes[1].lines[0].get_ydata(), run.confidences)
    np.testing.assert_array_equal(axes[2].lines[1].get_ydata(), run.boxes[:, 3])
    assert len(axes[0].patches) == 1
    assert figure._repr_png_().startswith(b"\x89PNG")


def test_missing_matplotlib_is_explained(monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "matplotlib.figure", None)
    with pytest.raises(ImportError, match=r"pip install gradnet_tf\[plot\]"):
        track(frames(2)).plot()
