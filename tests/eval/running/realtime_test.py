"""The simulated clock, by hand-worked times."""

import pytest

from gradnet_tf.eval.running.realtime import RealtimeClock


def play(clock, start, answers, frames):
    """Which of the frames after the first are late, given each answer's seconds."""
    clock.start(start)
    answers = iter(answers)
    late = []
    for _ in range(frames):
        late.append(clock.is_late())
        if not late[-1]:
            clock.answered(next(answers))
    return late


def test_fast_trackers_miss_nothing():
    assert play(RealtimeClock(10, grace=0), 0.1, [0.1] * 5, 5) == [False] * 5


def test_up_to_two_intervals_a_frame_nothing_is_missed():
    # 0.2 s behind 0.1 s: 0.1 left, which is not more than an interval.
    assert play(RealtimeClock(8, grace=0), 0, [0.25] * 5, 5) == [False] * 5


def test_a_slow_answer_costs_the_frames_after_it():
    # 0.45 s: one interval for the frame itself, 0.325 left; 2 frames late, 0.075 forgiven.
    late = play(RealtimeClock(8, grace=0), 0, [0.45, 0.0, 0.0], 5)
    assert late == [False, True, True, False, False]


def test_grace_forgives_the_first_slow_answers():
    late = play(RealtimeClock(8, grace=2), 0, [0.45, 0.45, 0.45, 0.0], 6)
    assert late == [False, False, False, True, True, False]


def test_a_slow_start_uses_up_grace_or_makes_late():
    assert play(RealtimeClock(8, grace=1), 0.45, [0.45, 0.0], 4) == [False, True, True, False]
    assert play(RealtimeClock(8, grace=0), 0.45, [0.0], 3) == [True, True, False]


def test_another_start_renews_grace():
    clock = RealtimeClock(8, grace=1)
    assert play(clock, 0, [0.45, 0.45], 3) == [False, False, True]
    assert play(clock, 0, [0.45, 0.0], 2) == [False, False]


@pytest.mark.parametrize("options", [dict(fps=0), dict(fps=float("inf")), dict(grace=-1)])
def test_bad_options(options):
    with pytest.raises(ValueError):
        RealtimeClock(**options)
