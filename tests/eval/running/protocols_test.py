"""One tracker on one sequence: one pass, resets, the clock, times."""

import dataclasses
from pathlib import Path

import numpy as np
import pytest

from gradnet_tf.eval.metrics.supervised import FrameCode
from gradnet_tf.eval.running import protocols
from gradnet_tf.eval.running.protocols import Protocol, run_sequence
from tests.helpers import eval_data

T, INIT, FAILED, SKIPPED = (
    int(code) for code in (FrameCode.TRACKED, FrameCode.INIT, FrameCode.FAILED, FrameCode.SKIPPED)
)
FAR = (900.0, 900.0, 5.0, 5.0)


class Clock:
    """Stands still, but for what the tracker lets pass."""

    def __init__(self):
        self.now = 100.0

    def __call__(self):
        return self.now


class Scripted:
    """Answers with the truth, or with what the script says for a frame; notes its calls.

    It knows frames by their number: `numbers` of the images by their mean colour.
    """

    def __init__(self, sequence, script=None, clock=None, init_seconds=0.0, seconds=0.0):
        self.script, self.clock = script or {}, clock
        self.init_seconds, self.seconds = init_seconds, seconds
        self.boxes = sequence.boxes
        self.numbers = {
            protocols.as_rgb(path).tobytes(): i for i, path in enumerate(sequence.frames)
        }
        self.calls = []

    def _pass(self, seconds):
        if self.clock is not None:
            self.clock.now += seconds

    def init(self, image, box):
        number = self.numbers[image.tobytes()]
        self.calls.append(("init", number, tuple(box)))
        self._pass(self.init_seconds)

    def update(self, image):
        number = self.numbers[image.tobytes()]
        self.calls.append(("update", number))
        seconds = self.seconds
        self._pass(seconds.get(number, 0.0) if isinstance(seconds, dict) else seconds)
        return self.script.get(number, self.boxes[number])


@pytest.fixture(scope="module")
def sequence(tmp_path_factory):
    return eval_data.make_sequence(tmp_path_factory.mktemp("protocols"), frames=14)


def test_one_pass(sequence):
    tracker = Scripted(sequence, {3: (1, 2, 3, 4)})
    result = run_sequence(tracker, sequence, Protocol(), repetition=2)
    expected = sequence.boxes.copy()
    expected[3] = (1, 2, 3, 4)
    np.testing.assert_array_equal(result.boxes, expected)
    assert (result.sequence, result.repetition, result.codes) == ("a", 2, None)
    # Initialised and updated once on the first frame, then in earnest.
    first = ("init", 0, tuple(sequence.boxes[0]))
    assert tracker.calls[:3] == [first, ("update", 0), first]
    assert tracker.calls[3:] == [("update", number) for number in range(1, 14)]


def test_times_are_apart(sequence):
    clock = Clock()
    seconds = {number: number / 8 for number in range(14)}
    tracker = Scripted(sequence, clock=clock, init_seconds=3.0, seconds=seconds)
    result = run_sequence(tracker, sequence, Protocol(), clock=clock)
    assert result.warm_up_seconds == 3.0
    np.testing.assert_array_equal(result.seconds, [3.0, *(n / 8 for n in range(1, 14))])
    np.testing.assert_array_equal(result.decode_seconds, np.zeros(14))


def test_decoding_is_timed_apart(sequence, monkeypatch):
    clock = Clock()
    read = protocols.as_rgb
    tracker = Scripted(sequence, clock=clock, seconds=1.0)

    def slow(path):
        clock.now += 0.25
        return read(path)

    monkeypatch.setattr(protocols, "as_rgb", slow)
    result = run_sequence(tracker, sequence, Protocol(), clock=clock)
    np.testing.assert_array_equal(result.decode_seconds, np.full(14, 0.25))
    np.testing.assert_array_equal(result.seconds[1:], np.ones(13))


def test_failures_reset_five_frames_later(sequence):
    tracker = Scripted(sequence, {3: FAR, 10: FAR})
    result = run_sequence(tracker, sequence, Protocol("supervised", resets=True))
    assert result.codes.tolist() == (
        [INIT, T, T, FAILED] + [SKIPPED] * 4 + [INIT, T, FAILED] + [SKIPPED] * 3
    )
    has_box = np.isfinite(result.boxes).all(axis=1)
    np.testing.assert_array_equal(has_box, result.codes == T)
    assert tracker.calls[2 + 4] == ("init", 8, tuple(sequence.boxes[8]))
    # Neither skipped frames nor their images are looked at.
    assert np.isnan(result.seconds[result.codes == SKIPPED]).all()
    assert np.isnan(result.decode_seconds[result.codes == SKIPPED]).all()
    assert np.isfinite(result.seconds[result.codes != SKIPPED]).all()


def test_touching_is_a_failure_and_one_px_is_none(sequence):
    x, y, width, height = sequence.boxes[2]
    beside = Scripted(sequence, {2: (x + width, y, width, height)})
    within = Scripted(sequence, {2: (x + width - 1.5, y, width, height)})
    protocol = Protocol("supervised", resets=True)
    assert run_sequence(beside, sequence, protocol).codes[2] == FAILED
    assert run_sequence(within, sequence, protocol).codes[2] == T


def test_an_overlap_outside_the_image_does_not_count(sequence):
    # Frames are 96 px wide: truth from 90 to 120, the answer from 100 on.
    boxes = sequence.boxes.copy()
    boxes[2] = (90, 10, 30, 20)
    moved = dataclasses.replace(sequence, boxes=boxes)
    tracker = Scripted(moved, {2: (100, 10, 30, 20)})
    assert run_sequence(tracker, moved, Protocol("supervised", resets=True)).codes[2] == FAILED


def test_the_region_counts_where_there_is_one(sequence):
    # The box reaches into the empty corner of a triangle-like region.
    regions = np.repeat([[10.0, 10, 40, 40, 40, 41, 10, 41]], 14, axis=0)
    boxes = np.repeat([[10.0, 10, 30, 31]], 14, axis=0)
    rotated = dataclasses.replace(sequence, boxes=boxes, regions=regions)
    tracker = Scripted(rotated, {2: (34, 10, 6, 6)})
    protocol = Protocol("supervised", resets=True)
    assert run_sequence(tracker, rotated, protocol).codes[2] == FAILED
    assert run_sequence(tracker, dataclasses.replace(rotated, regions=None), protocol).codes[2] == T


def test_no_failure_and_no_start_without_truth(sequence):
    boxes = sequence.boxes.copy()
    boxes[3] = np.nan
    boxes[7] = 0
    holes = dataclasses.replace(sequence, boxes=boxes)
    tracker = Scripted(sequence, {2: FAR, 3: FAR})
    codes = run_sequence(tracker, holes, Protocol("supervised", resets=True)).codes
    assert codes.tolist()[:9] == [INIT, T, FAILED] + [SKIPPED] * 5 + [INIT]
    tracker = Scripted(sequence, {3: FAR})
    codes = run_sequence(tracker, holes, Protocol("supervised", resets=True)).codes
    assert codes.tolist() == [INIT] + [T] * 13


def test_late_frames_repeat_the_last_box(sequence):
    clock = Clock()
    # 8 frames a second; the third answer takes 0.45 s, two frames are late then.
    tracker = Scripted(sequence, clock=clock, seconds={3: 0.45})
    result = run_sequence(tracker, sequence, Protocol("realtime", fps=8, grace=0), clock=clock)
    np.testing.assert_array_equal(result.boxes[3:6], sequence.boxes[[3, 3, 3]])
    np.testing.assert_array_equal(result.boxes[6:], sequence.boxes[6:])
    assert np.isnan(result.seconds[[4, 5]]).all() and result.seconds[3] == pytest.approx(0.45)
    assert ("update", 4) not in tracker.calls and ("update", 6) in tracker.calls


def test_late_boxes_can_fail(sequence):
    clock = Clock()
    boxes = sequence.boxes.copy()
    boxes[5:] += [40, 0, 0, 0]
    jumping = dataclasses.replace(sequence, boxes=boxes)
    tracker = Scripted(jumping, clock=clock, seconds={3: 0.45})
    protocol = Protocol("realtime", resets=True, fps=8, grace=0)
    result = run_sequence(tracker, jumping, protocol, clock=clock)
    assert result.codes.tolist()[3:11] == [T, T, FAILED] + [SKIPPED] * 4 + [INIT]


@pytest.mark.parametrize("answer", [None, (1, 2, 3), "box", np.zeros((1, 4))])
def test_an_answer_that_is_no_box(sequence, answer):
    tracker = Scripted(sequence, {4: answer})
    with pytest.raises(ValueError, match=r"0005\.jpg: the tracker must answer with a box"):
        run_sequence(tracker, sequence, Protocol())


def test_a_box_of_nan_is_kept_and_fails(sequence):
    tracker = Scripted(sequence, {4: [np.nan] * 4})
    assert np.isnan(run_sequence(tracker, sequence, Protocol()).boxes[4]).all()
    codes = run_sequence(tracker, sequence, Protocol("supervised", resets=True)).codes
    assert codes[4] == FAILED


def test_what_a_tracker_keeps_and_changes_is_its_own(sequence):
    class Hoarding(Scripted):
        def init(self, image, box):
            super().init(image, box)
            box[:] = 0
            self.kept = np.zeros(4)

        def update(self, image):
            self.kept += super().update(image)
            return self.kept

    result = run_sequence(Hoarding(sequence), sequence, Protocol())
    np.testing.assert_array_equal(result.boxes[0], sequence.boxes[0])
    np.testing.assert_array_equal(
        result.boxes[1:3].sum(0), 2 * sequence.boxes[1] + sequence.boxes[2]
    )


def test_observer(sequence):
    seen = []
    run_sequence(
        Scripted(sequence),
        sequence,
        Protocol(),
        observer=lambda index, boxes, seconds: seen.append((index, np.isfinite(boxes[:, 0]).sum())),
    )
    assert seen == [(index, index + 1) for index in range(14)]


def test_repetitions_end_when_they_are_identical(sequence):
    protocol = Protocol("supervised", resets=True, repetitions=15)
    tracker = Scripted(sequence)
    results = []
    while not protocols.is_complete(results, protocol, tracker):
        results.append(run_sequence(tracker, sequence, protocol))
    assert len(results) == 3
    other = dataclasses.replace(results[0], boxes=results[0].boxes + 1e-9)
    assert not protocols.is_complete([other, *results[1:]], protocol, tracker)
    codes = results[0].codes.copy()
    codes[3] = SKIPPED
    other = dataclasses.replace(results[0], codes=codes)
    assert not protocols.is_complete([other, *results[1:]], protocol, tracker)
    assert protocols.is_complete([other] * 15, protocol, tracker)
    tracker.is_deterministic = True
    assert protocols.is_complete(results[:1], protocol, tracker)
    assert not protocols.is_complete([], protocol, tracker)


HOLD = {"on_bad_frame": "hold"}


def spoil(sequence, tmp_path, bad):
    """The sequence with frames that cannot be read: damaged, not there, no images."""
    frames = list(sequence.frames)
    for place, index in enumerate(bad):
        path = tmp_path / f"{index}.jpg"
        if place % 3 != 1:
            content = Path(frames[index]).read_bytes()
            path.write_bytes(content[: len(content) // 2] if place % 3 else b"no image")
        frames[index] = str(path)
    return dataclasses.replace(sequence, frames=tuple(frames))


def test_a_bad_frame_ends_a_run_or_the_last_box_is_held(sequence, tmp_path):
    spoilt = spoil(sequence, tmp_path, (4, 5, 9))
    tracker = Scripted(sequence)
    with pytest.raises(OSError, match=r"4\.jpg"):
        run_sequence(tracker, spoilt, Protocol())
    tracker.calls.clear()
    result = run_sequence(tracker, spoilt, Protocol(**HOLD))
    assert result.held == (4, 5, 9)
    expected = sequence.boxes.copy()
    expected[4:6], expected[9] = expected[3], expected[8]
    np.testing.assert_array_equal(result.boxes, expected)
    # The tracker is not asked, and no time passes.
    assert [call[1] for call in tracker.calls[3:]] == [1, 2, 3, 6, 7, 8, 10, 11, 12, 13]
    for times in (result.seconds, result.decode_seconds):
        assert np.flatnonzero(np.isnan(times)).tolist() == [4, 5, 9]
    # Sound sequences are as ever.
    assert run_sequence(tracker, sequence, Protocol(**HOLD)).held == ()


def test_the_first_frame_must_be_good(sequence, tmp_path):
    with pytest.raises(OSError, match=r"0\.jpg"):
        run_sequence(Scripted(sequence), spoil(sequence, tmp_path, (0,)), Protocol(**HOLD))


def test_a_tracker_that_fails_is_not_held(sequence):
    class Failing(Scripted):
        def update(self, image):
            raise ValueError("of the tracker")

    with pytest.raises(ValueError, match="of the tracker"):
        run_sequence(Failing(sequence), sequence, Protocol(**HOLD))


def test_supervised_runs_hold_too(sequence, tmp_path):
    # Frame 8 would be a start, which the next one is instead; in frame 10 the box is held.
    spoilt = spoil(sequence, tmp_path, (8, 11))
    tracker = Scripted(sequence, {3: FAR})
    result = run_sequence(tracker, spoilt, Protocol("supervised", resets=True, **HOLD))
    assert result.codes.tolist() == [INIT, T, T, FAILED] + [SKIPPED] * 5 + [INIT] + [T] * 4
    assert result.held == (8, 11)
    np.testing.assert_array_equal(result.boxes[11], sequence.boxes[10])
    assert np.isnan(result.boxes[8]).all()


def test_the_clock_goes_on_over_a_held_frame(sequence, tmp_path):
    spoilt = spoil(sequence, tmp_path, (4,))
    clock = Clock()
    # 2.5 intervals a frame: two frames in three come too late.
    tracker = Scripted(sequence, clock=clock, seconds=2.5)
    protocol = Protocol("realtime", fps=1, grace=1, **HOLD)
    result = run_sequence(tracker, spoilt, protocol, clock=clock)
    asked = [call[1] for call in tracker.calls[3:]]
    # Frame 1 is forgiven; 3 is late; 4 cannot be read, and what was behind is over with it.
    assert asked == [1, 2, 5, 7, 9, 11, 13] and result.held == (4,)


@pytest.mark.parametrize(
    "options",
    [
        *(dict(name="vot"), dict(repetitions=0), dict(limit=1), dict(fps=-1), dict(skip=0)),
        dict(on_bad_frame="skip"),
    ],
)
def test_bad_options(options):
    with pytest.raises(ValueError):
        Protocol(**options)
