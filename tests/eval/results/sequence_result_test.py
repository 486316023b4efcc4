"""Times of results."""

import numpy as np
import pytest

from gradnet_tf.eval.metrics.supervised import FrameCode
from gradnet_tf.eval.results.sequence_result import SequenceResult, Timing, measure_times


def result(seconds, codes=None, warm_up=0.0):
    seconds = np.array(seconds, np.float64)
    if codes is not None:
        codes = np.array(codes, np.int64)
    decode = np.full(len(seconds), 0.01)
    return SequenceResult("a", np.zeros((len(seconds), 4)), seconds, decode, warm_up, codes)


def test_one_pass():
    found = measure_times([result([5, 1, 2, np.nan, 3], warm_up=7)])
    assert found == Timing(4 - 1, 5, 6, pytest.approx(0.05), 7, 2, pytest.approx(2.9))
    assert found.fps == 0.5


def test_initialisations_after_failures_are_no_tracking():
    codes = [FrameCode.INIT, 0, FrameCode.FAILED, FrameCode.SKIPPED, FrameCode.INIT, 0]
    found = measure_times([result([5, 1, 3, np.nan, 6, 2], codes)])
    assert (found.frames, found.initialization, found.tracking, found.median) == (3, 11, 6, 2)


def test_repetitions_are_taken_together():
    found = measure_times([result([1, 1]), result([1, 3])])
    assert (found.frames, found.initialization, found.median) == (2, 2, 2)


def test_nothing_was_tracked():
    found = measure_times([result([1])])
    assert (found.median, found.p95, found.tracking) == (None, None, 0)
    assert np.isnan(found.fps)
