"""Tests of gradnet_tf.tracking.step: every rule of the reference's loop alone, by hand."""

import math

import numpy as np
import pytest
import tensorflow as tf

from gradnet_tf.network.gradnet import GradNet
from gradnet_tf.tracking.config import preset
from gradnet_tf.tracking.step import TrackingStep
from gradnet_tf.weights import expected_shapes
from tests.helpers import recipe, scripted
from tests.helpers.scripted import (
    BOX,
    F2,
    FIXED,
    FRAME_HW,
    RIGHT_BOX,
    Run,
    maps,
    scores_at_target,
    script_of,
)


@pytest.fixture
def start(monkeypatch):
    return lambda *args, **kwargs: Run(monkeypatch, *args, **kwargs)


def flags(outputs, name):
    """Numbers of the frames of which an output holds; the first output is frame 1's."""
    return [index for index, output in enumerate(outputs, start=1) if getattr(output, name)]


def test_the_first_frame(start):
    run = start([])
    np.testing.assert_array_equal(run.output.box, BOX)
    assert math.isnan(float(run.output.score)) and float(run.output.confidence) == 1
    assert bool(run.output.reliable) and bool(run.output.update)
    assert int(run.output.search.scale) == int(run.output.redetection.scale) == -1
    np.testing.assert_array_equal(run.state.position, [26, 38])
    np.testing.assert_array_equal(run.state.size, [12, 16])
    # Context of 14 on each side: 30 x 26; 255 / 127 of its root is searched.
    side = math.sqrt(30 * 26) * 255 / 127
    assert float(run.state.search_side) == pytest.approx(side)
    # It is a sample of score 0, and updates the template twice: equation 6, then 0.4 and 0.6.
    np.testing.assert_array_equal(run.state.buffer.frames, [-1, -1, -1, -1, 0])
    assert float(run.state.buffer.scores[-1]) == 0
    (first, place), (second, same_place) = run.network.updates
    assert first == F2 and second == 1.5
    np.testing.assert_allclose([place, same_place], [(26, 38, side)] * 2)
    assert float(run.state.h2) == pytest.approx(0.4 * 1.5 + 0.6 * (1.5 / 2 + 2))
    assert float(run.state.template) == pytest.approx(1.5 / 2 + 2 + 100)


class ColourCrops:
    """Crops in the colour of the frame's first pixel, in place of `scripted.FakeCrops`."""

    def scale_pyramid(self, frame, center, sides, fill, *, instance_size, levels=None, **_):
        del center, fill
        count = len(sides) if levels is None else len(levels)
        return tf.broadcast_to(frame[0, 0], [count, instance_size, instance_size, 3])

    def place(self, crop):
        """The colour of a sample."""
        return tuple(crop[0, 0])


def frame_of(*colour):
    return np.full((*FRAME_HW, 3), colour, np.uint8)


@pytest.fixture
def start_in_colour(monkeypatch, start):
    monkeypatch.setattr(scripted, "FakeCrops", ColourCrops)
    return start


@pytest.fixture
def regions(monkeypatch):
    """Collects the search regions that the network is given."""
    given = []

    def search_features(self, x):
        del self
        given.append(x.numpy())
        return x

    monkeypatch.setattr(scripted.FakeNetwork, "search_features", search_features)
    return given


def test_the_network_is_fed_bgr(start_in_colour, regions):
    run = start_in_colour(script_of(9, 9, 9, 9, 9), frame=frame_of(200, 100, 50))
    run.go(5)
    assert len(run.network.exemplars) == 2
    for exemplar in run.network.exemplars:
        assert exemplar.shape == (1, 127, 127, 3)
    # The first frame's sample, five pyramids, and the sample of the update in frame 5.
    assert [region.shape for region in regions] == [
        (count, 255, 255, 3) for count in (1, 3, 3, 3, 3, 3, 1)
    ]
    for crop in run.network.exemplars + regions:
        assert crop.dtype == np.float32
        assert (crop == (50, 100, 200)).all()
    # Frames stay RGB.
    np.testing.assert_array_equal(run.state.fill, [200, 100, 50])


def test_features_of_the_pyramid_are_of_rgb_regions(start_in_colour, regions):
    run = start_in_colour(script_of(9, 9, 9, 9, 9), frame=frame_of(200, 100, 50))
    pyramids = []

    def search_features(x):
        pyramids.append(x.numpy())
        return tf.cast(x, tf.float32)

    run.step = TrackingStep(run.network, preset("reference"), search_features=search_features)
    run.go(5)
    assert [pyramid.shape for pyramid in pyramids] == [(3, 255, 255, 3)] * 5
    assert all(pyramid.dtype == np.uint8 for pyramid in pyramids)
    assert all((pyramid == (200, 100, 50)).all() for pyramid in pyramids)
    # Samples of updates go to the network itself.
    assert [region.shape for region in regions] == [(1, 255, 255, 3)] * 2
    assert all((region == (50, 100, 200)).all() for region in regions)


def test_updates_cut_the_frame_of_their_sample(start_in_colour):
    def colour(index):
        return index, 100 + index, 200 + index

    run = start_in_colour(
        script_of(10, 12, 14, 11, 10, 1, 10, 10, 13, 10), frame=frame_of(*colour(0))
    )
    for index in range(1, 11):
        # The frames have sizes of their own.
        run.frame = tf.constant(frame_of(*colour(index))[index:])
        run.next()
    assert flags(run.outputs[1:], "update") == [5, 10]
    assert flags(run.outputs[1:], "early_update") == [6]
    # Twice the first frame, the best of 1 to 5, frame 6 itself, the best of the newest five.
    frames = [place[::-1] for _, place in run.network.updates]
    assert frames == [colour(index) for index in (0, 0, 3, 6, 9)]


def test_both_templates_are_asked_in_each_frame(start):
    run = start(script_of(9, 9))
    run.go(2)
    updated = pytest.approx(1.5 / 2 + 2 + 100)
    assert run.network.templates == [FIXED, updated, FIXED, updated]


def test_threshold_is_the_mean_of_frames_1_to_5(start):
    run = start(script_of(10, 12, 8, 11, 9, 30, 2))
    thresholds = []
    for _ in range(7):
        run.next()
        thresholds.append(float(run.state.threshold))
    assert thresholds == [0, 0, 0, 0, 10, 10, 10]
    shares = [float(output.confidence) for output in run.outputs[1:]]
    np.testing.assert_allclose(shares, [1, 1, 0.8, 1, 0.9, 1, 0.2])


@pytest.mark.parametrize("score, reliable", [(5.0, True), (4.99, False)])
def test_reliable_from_half_of_the_threshold(start, score, reliable):
    outputs = start(script_of(10, 10, 10, 10, 10, score)).go(6)
    assert bool(outputs[-1].reliable) is reliable


def test_reliable_from_the_mean_of_the_samples_where_that_is_lower(start):
    # Threshold 12. After frame 6 the samples are 0, 0, 0, 10, 6, their mean is 3.2; then 3.86.
    run = start(script_of(50, 0, 0, 0, 10, 6, 3.1, 3.3, 3.8, 3.9))
    assert flags(run.go(10), "reliable") == [1, 2, 3, 4, 5, 6, 8, 10]
    np.testing.assert_allclose(run.state.buffer.scores, [0, 10, 6, 3.3, 3.9], rtol=1e-6)


def test_negative_scores_are_not_reliable_while_there_is_no_threshold(start):
    # The first frame's sample has score 0, and so has the threshold.
    run = start(script_of(-1, 0, -0.5, 3))
    assert flags(run.go(4), "reliable") == [2, 4]


def test_early_update_below_04_of_the_threshold_and_before_frame_10(start):
    run = start(script_of(10, 10, 10, 10, 10, 3.9, 4.1, 3.9, 3.9, 3.9, 3.9))
    assert flags(run.go(11), "early_update") == [6, 8, 9]


def test_no_early_update_while_there_is_no_threshold(start):
    assert flags(start(script_of(10, 1, 1, 1)).go(4), "early_update") == []


def test_early_update_mixes_03_and_07_by_the_frame_itself(start):
    run = start(script_of(10, 10, 10, 10, 10, 1))
    run.go(5)
    before, count = float(run.state.h2), len(run.network.updates)
    output = run.next()
    new = before / 2 + count + 1
    assert len(run.network.updates) == count + 1
    assert run.network.updates[-1][0] == pytest.approx(before)
    np.testing.assert_allclose(
        run.network.updates[-1][1], (*output.position, float(output.search_side))
    )
    assert float(run.state.h2) == pytest.approx(0.3 * before + 0.7 * new)
    assert float(run.state.template) == pytest.approx(new + 100)


def test_early_update_then_the_regular_one_in_frame_5(start):
    run = start(script_of(10, 12, 10, 10, 1))
    run.go(4)
    best = (*run.outputs[2].position, float(run.outputs[2].search_side))
    before = float(run.state.h2)
    output = run.next()
    assert output.early_update and output.update and not output.reliable
    (first, place), (second, best_place) = run.network.updates[-2:]
    np.testing.assert_allclose(place, (*output.position, float(output.search_side)))
    np.testing.assert_allclose(best_place, best)
    assert first == pytest.approx(before)
    assert second == pytest.approx(0.3 * before + 0.7 * (before / 2 + 3))


def test_update_every_5_frames_by_the_best_sample(start):
    scores = [10, 11, 14, 11, 10, 9, 8, 12, 12, 7, 10, 10, 10, 10, 10]
    run = start(script_of(*scores))
    outputs = run.go(15)
    assert flags(outputs, "update") == [5, 10, 15]
    assert len(run.network.updates) == 2 + 3
    # Of samples 1 to 5, then 6 to 10 (the first of the two equal ones), then 11 to 15.
    for (_, place), best in zip(run.network.updates[2:], (3, 8, 11)):
        output = run.outputs[best]
        np.testing.assert_allclose(place, (*output.position, float(output.search_side)))


def test_regular_update_mixes_04_and_06(start):
    run = start(script_of(10, 10, 10, 10, 10))
    run.go(4)
    before = float(run.state.h2)
    run.next()
    new = before / 2 + 3
    assert float(run.state.h2) == pytest.approx(0.4 * before + 0.6 * new)
    assert float(run.state.template) == pytest.approx(new + 100)


def looked_at(run, frames):
    """Where updates by the samples of these frames look, 0 for the first frame's region."""
    outputs = [run.outputs[frame] for frame in frames]
    return [(*output.position.numpy(), float(output.search_side)) for output in outputs]


def test_an_update_looks_at_its_sample_alone(start):
    run = start(script_of(10, 11, 10, 10, 10))
    run.go(5)
    (place, share), *others = run.network.regions[-1]
    np.testing.assert_allclose(place, looked_at(run, [2])[0])
    assert share == 1 and not others


def test_the_first_frame_takes_part_in_an_update(start):
    config = preset("reference", first_frame_weight=0.3)
    run = start(script_of(10, 10, 12, 10, 10), config=config)
    run.go(5)
    places, shares = zip(*run.network.regions[-1])
    np.testing.assert_allclose(places, looked_at(run, [3, 0]))
    np.testing.assert_allclose(shares, [0.7, 0.3], rtol=1e-6)
    # The second update of the first frame sees its region twice.
    assert len(run.network.regions) == 3
    places, shares = zip(*run.network.regions[1])
    np.testing.assert_allclose(places, looked_at(run, [0, 0]))
    np.testing.assert_allclose(shares, [0.7, 0.3], rtol=1e-6)


def test_earlier_samples_take_part_in_an_update(start):
    scores = [10, 12, 10, 10, 10, 10, 10, 10, 12, 10, 12, 10, 10, 10, 10, 10, 10, 10, 12, 10]
    config = preset("reference", first_frame_weight=0.25, update_samples=3)
    run = start(script_of(*scores), config=config)
    run.go(20)
    for update, samples, share in (
        (-4, [2, 0], 0.75),  # Frame 5: places of a memory that is empty so far have no share.
        (-3, [9, 2, 0], 0.375),
        (-2, [11, 9, 2, 0], 0.25),
        (-1, [19, 11, 9, 0], 0.25),
    ):
        seen = [pair for pair in run.network.regions[update] if pair[1]]
        np.testing.assert_allclose(
            sorted(place for place, _ in seen), sorted(looked_at(run, samples)), err_msg=update
        )
        shares = [share] * (len(samples) - 1) + [0.25]
        np.testing.assert_allclose([pair[1] for pair in seen], shares, rtol=1e-6)


def test_the_window_is_off_once_when_the_newest_sample_is_9_frames_old(start):
    low = [4.5] * 12
    run = start(script_of(10, 10, 10, 10, 10, *low, 10, *low))
    outputs = run.go(5 + 12 + 1 + 12)
    off = [i for i, output in enumerate(outputs, start=1) if not float(output.window_influence)]
    assert off == [14]
    assert {float(output.window_influence) for output in outputs} == {0.0, 0.25}
    assert flags(outputs, "reliable") == [1, 2, 3, 4, 5, 18]


def test_without_the_window_the_response_alone_decides(start):
    # A peak in the corner, far weaker than the window's: only without it is it found.
    corner = np.random.default_rng(0).uniform(0, 1, (3, 17, 17))
    corner[1, 0, 0] = 1.5
    evaluation = corner + 3.0, corner[1]
    run = start(script_of(10, 10, 10, 10, 10) + [evaluation] * 9)
    outputs = run.go(14)
    side = round(float(outputs[-2].search_side))
    moved = outputs[-1].position - outputs[-2].position
    assert (moved.numpy() < -60 * side / 255).all()
    moved = outputs[-2].position - outputs[-3].position
    assert (abs(moved.numpy()) < 40 * side / 255).all()


def test_the_center_is_searched_after_leaving_to_the_right_with_a_low_score(start):
    run = start(script_of(10, 10, 10, 10, 10, 4.9, 10, 10), box=RIGHT_BOX)
    outputs = run.go(5)
    # Outside, but with a good score.
    assert not run.state.redetect
    outputs += run.go(1)
    assert run.state.redetect and int(outputs[-1].redetection.scale) == -1
    outputs += run.go(1)
    assert int(outputs[-1].redetection.scale) == 1
    center, sides, levels = run.crops.calls[-1]
    assert not run.state.redetect
    # Both evaluations cut the pyramid of the frame's start.
    pyramids = [call for call in run.crops.calls if len(call[2]) == 3]
    np.testing.assert_array_equal(pyramids[-1][0], [30, 40])
    np.testing.assert_array_equal(pyramids[-1][1], pyramids[-2][1])
    # Equal scores are not higher.
    assert not outputs[-1].redetected


@pytest.mark.parametrize(
    "score, updated, taken", [(6, 6, True), (6, 4, False), (4, 6, False), (5, 6, False)]
)
def test_redetection_needs_both_scores_above_the_frames(start, score, updated, taken):
    script = script_of(10, 10, 10, 10, 10, 3, 5) + [maps(score, scale=2, updated=updated)]
    run = start(script, box=RIGHT_BOX)
    run.go(6)
    before = run.state
    output = run.next()
    assert bool(output.redetected) is taken
    assert float(output.redetection.score) == score
    assert float(output.redetection.template_score) == updated
    assert float(output.score) == (score if taken else 5)
    if not taken:
        np.testing.assert_array_equal(output.position, output.search.position)
        np.testing.assert_allclose(run.state.size, before.size)
        return
    np.testing.assert_array_equal(output.position, output.redetection.position)
    assert (abs(output.position - [30, 40]) < 2).numpy().all()
    # Damped twice: towards scale 1, then towards scale 2 of the frame's start.
    factor = 0.41 * 1 + 0.59 * 1.04
    np.testing.assert_allclose(run.state.size, before.size * factor)
    assert float(run.state.search_side) == pytest.approx(float(before.search_side) * factor)


@pytest.mark.parametrize(
    "x, width, armed",
    [(60.0, 20.0, False), (60.7, 20.0, True), (60.4, 20.4, False), (60.7, 20.4, True)],
)
def test_leaving_is_told_by_rounded_numbers(start, x, width, armed):
    # The window alone decides: its first peak lies half a network pixel before the centre.
    config = preset("reference", scale_count=1, window_influence=1.0, threshold_frames=1)
    run = start([maps(-9, scale=0, count=1)], box=(x, 20.0, width, 12.0), config=config)
    output = run.next()
    assert 0 < x - float(output.box[0]) < 0.15
    # Both are -9, and so it is low.
    assert float(output.score) < float(run.state.threshold) * 0.5
    assert bool(run.state.redetect) is armed


def test_redetection_may_be_switched_off(start):
    run = start(
        script_of(10, 10, 10, 10, 10, 1, 1),
        box=RIGHT_BOX,
        config=preset("reference", redetection=False),
    )
    assert flags(run.go(7), "redetected") == []
    assert not run.network.script


@pytest.mark.parametrize("scale, limit", [(0, 0.2), (2, 5.0)])
def test_the_search_side_is_clipped_but_the_size_is_not(start, scale, limit):
    run = start([maps(9, scale=scale)] * 20, config=preset("reference", scale_step=1.2))
    outputs = run.go(20)
    first = float(run.state.first_search_side)
    sides = np.array([float(output.search_side) for output in outputs]) / first
    factor = 0.41 + 0.59 * 1.2 ** (scale - 1)
    np.testing.assert_allclose(sides[:14], factor ** np.arange(1, 15))
    np.testing.assert_allclose(sides[-3:], limit)
    np.testing.assert_allclose(run.state.size, np.array([12, 16]) * factor**20)


def test_displacement_is_scaled_by_the_rounded_search_side(start):
    run = start([maps(9, cell=(8, 11))])
    side = float(run.state.search_side)
    output = run.next()
    moved = (output.position - [26, 38]).numpy() * 255 / round(side)
    np.testing.assert_allclose(moved * 2, np.rint(moved * 2), atol=1e-9)
    assert 20 < moved[1] < 26 and abs(moved[0]) <= 0.5


# Other configurations.


def test_paper_preset(start):
    first = maps(8, count=1, scale=0)
    scores = [9, 3.9, 4, 9, 5, *[1] * 15]
    run = start([first, *script_of(*scores)], box=RIGHT_BOX, config=preset("paper"))
    # The threshold is the first frame's own score; there is one update, equation 6.
    assert float(run.state.threshold) == 8
    assert not run.output.update
    assert len(run.network.updates) == 1 and float(run.state.h2) == 1.5
    outputs = run.go(20)
    assert float(run.state.threshold) == 8
    assert flags(outputs, "reliable") == [1, 3, 4, 5]
    assert flags(outputs, "update") == [5, 10, 15, 20]
    assert flags(outputs, "early_update") == flags(outputs, "redetected") == []
    assert {float(output.window_influence) for output in outputs} == {0.25}
    np.testing.assert_allclose(
        [float(output.confidence) for output in outputs[:6]], [1, 3.9 / 8, 0.5, 1, 5 / 8, 1 / 8]
    )
    # h_2 is replaced, and the two templates are mixed themselves, one score map for each frame.
    h2, templates = 1.5, [0.85 * FIXED + 0.15 * 101.5] * 6
    for count in (2, 3, 4):
        h2 = h2 / 2 + count
        templates += [0.85 * FIXED + 0.15 * (h2 + 100)] * 5
    np.testing.assert_allclose(run.network.templates, templates, rtol=1e-6)
    assert float(run.state.h2) == h2 / 2 + 5
    # Of the equal best, the older: frame 1.
    np.testing.assert_allclose(
        run.network.updates[1][1], (*outputs[0].position, float(outputs[0].search_side))
    )


@pytest.mark.parametrize("name", ["reference", "paper"])
def test_update_of_the_first_frame_only(start, name):
    config = preset(name, update="first_frame")
    first = [maps(9, count=1, scale=0)] if name == "paper" else []
    run = start(first + script_of(*[10] * 5, *[1] * 6), config=config)
    outputs = run.go(11)
    assert flags(outputs, "update") == flags(outputs, "early_update") == []
    assert len(run.network.updates) == 1 and not run.output.update
    assert float(run.state.h2) == 1.5 and float(run.state.template) == 101.5


def test_no_update_at_all(start):
    run = start(script_of(*[10] * 5), config=preset("reference", update="none"))
    assert flags(run.go(5), "update") == []
    assert run.network.updates == []
    assert float(run.state.template) == F2 + 50


def test_the_scale_is_chosen_in_every_third_frame_and_while_it_changes(start):
    # Of each frame, what the scales have to say at the target, and the scale that follows.
    smaller, middle, larger = (10, 9, 8), (9, 9, 9), (8, 9, 10)
    choices = [larger, middle, None, middle, None, None, smaller, smaller, middle, middle]
    script = []
    for choice in choices:
        script.append(maps(9, scale=0, count=1))
        if choice:
            script.append(scores_at_target(*choice))
    run = start(script, config=preset("reference", scale_interval=3))
    width = BOX[2]
    for choice in choices:
        side, seen = float(run.state.search_side), len(run.crops.at_target)
        output = run.next()
        scale = 1 if choice is None else (smaller, middle, larger).index(choice)
        assert int(output.search.scale) == scale
        assert float(output.score) == 9
        regions = run.crops.at_target[seen:]
        assert len(regions) == (choice is not None)
        for center, sides in regions:
            np.testing.assert_array_equal(center, output.search.position)
            np.testing.assert_allclose(sides, side * 1.04 ** np.arange(-1.0, 2) * 143 / 255)
        factor = 0.41 + 0.59 * 1.04 ** (scale - 1)
        width *= factor
        np.testing.assert_allclose(output.box[2], width)
        np.testing.assert_allclose(output.search_side, side * factor)
    assert not run.network.script


# Peaks with a share of 0.6: 5.2 of the middle scale, 0.97 * 10.8 of the larger one.
@pytest.mark.parametrize("share, scale", [(0.0, 1), (0.6, 2)])
def test_the_updated_template_takes_part_in_the_choice_at_the_target(start, share, scale):
    script = [maps(10, scale=0, count=1), scores_at_target(8, 10, 9, updated=(2, 2, 12))]
    constants = {"scale_interval": 2, "template_scale_influence": share}
    output = start(script, config=preset("reference", **constants)).next()
    assert int(output.search.scale) == scale


def test_five_scales_at_the_target(start):
    config = preset("reference", scale_interval=2, scale_count=5)
    run = start([maps(9, scale=0, count=1), scores_at_target(1, 2, 9, 12, 3)], config=config)
    side = float(run.state.search_side)
    assert int(run.next().search.scale) == 3
    np.testing.assert_allclose(
        run.crops.at_target[0][1], side * 1.04 ** np.arange(-2.0, 3) * 143 / 255
    )


def test_the_center_is_searched_in_the_middle_scale_between_choices(start):
    scores = [10, 10, 10, 10, 10, 4.9, 3, 10]
    script = [maps(s, scale=0, count=1) for s in scores]
    for place in (5, 1):  # After the fifth and the first search.
        script.insert(place, scores_at_target(0, 9, 0))
    run = start(script, box=RIGHT_BOX, config=preset("reference", scale_interval=4))
    outputs = run.go(7)
    assert [int(output.search.scale) for output in outputs] == [1] * 7
    assert [int(output.redetection.scale) for output in outputs] == [-1] * 6 + [1]
    assert flags(outputs, "redetected") == [7]
    assert len(run.crops.at_target) == 2


def test_one_scale(start):
    config = preset("reference", scale_count=1)
    run = start([maps(9, scale=0, count=1)] * 6, config=config)
    for output in run.go(6):
        assert int(output.search.scale) == 0
        np.testing.assert_allclose(output.box[2:], BOX[2:])
        assert float(output.search_side) == pytest.approx(float(run.state.first_search_side))
    assert len(run.network.updates) == 3


def two_opinions():
    """SiamFC's maps favour scale 1 by 10 to 9, the updated template's scale 2 by 12 to 2."""
    fixed, updated = np.zeros((3, 17, 17)), np.zeros((3, 17, 17))
    fixed[:, 8, 8] = 8, 10, 9
    # At scale 2 its peak lies elsewhere.
    updated[:2, 8, 8] = 2
    updated[2, 8, 10] = 12
    return fixed, updated


# Peaks at scales 1 and 2 with a share of 0.1: 9.2 and 0.97 * 8.1, with 0.5: 6 and 0.97 * 6.
@pytest.mark.parametrize("share, scale", [(0.0, 1), (0.1, 1), (0.5, 1), (0.6, 2), (1.0, 2)])
def test_the_updated_template_takes_part_in_the_choice_of_the_scale(start, share, scale):
    fixed, updated = two_opinions()
    config = preset("reference", template_scale_influence=share, window_influence=0.0)
    run = start([(fixed, updated if share else updated[1])], config=config)
    output = run.next()
    assert int(output.search.scale) == scale
    assert float(output.score) == 10
    assert float(output.search.template_score) == (12 if share else 2)
    size = 0.41 + 0.59 * (1.04 if scale == 2 else 1)
    np.testing.assert_allclose(output.box[2:], np.multiply(BOX[2:], size))


@pytest.mark.parametrize("influence, cells", [(0.0, 0), (1.0, 2)])
def test_the_updated_template_looks_at_the_scale_that_was_chosen(start, influence, cells):
    config = preset(
        "reference",
        template_scale_influence=0.6,
        template_influence=influence,
        window_influence=0.0,
    )
    run = start([two_opinions()], config=config)
    side = float(run.state.search_side)
    moved = (run.next().position - [26, 38]).numpy() * 255 / round(side)
    np.testing.assert_allclose(moved, [0, 8 * cells], atol=0.51)


def test_no_part_in_the_scale_is_a_share_of_nothing(start):
    """The branch for 0 gives what a share that changes nothing gives."""
    scores = [(fixed, np.stack([updated] * 3)) for fixed, updated in script_of(9, 8, 7, 9, 8, 7)]
    small = start(scores, config=preset("reference", template_scale_influence=1e-12)).go(6)
    none = start(script_of(9, 8, 7, 9, 8, 7)).go(6)
    for one, other in zip(small, none):
        np.testing.assert_array_equal(one.box, other.box)


@pytest.mark.parametrize("interval, buffer_size", [(1, 1), (3, 2)])
def test_other_intervals_and_buffers(start, interval, buffer_size):
    config = preset("reference", update_interval=interval, buffer_size=buffer_size)
    run = start(script_of(10, 12, 11, 10, 9, 8), config=config)
    outputs = run.go(6)
    assert flags(outputs, "update") == list(range(interval, 7, interval))
    assert run.state.buffer.scores.shape == (buffer_size,)
    np.testing.assert_array_equal(run.state.buffer.scores, [10, 12, 11, 10, 9, 8][-buffer_size:])


# Real weights of every variant.


def weights_of(variant):
    """The hand-made network's weights as far as a variant has them; a second U1 is the first."""
    full = recipe.with_bookkeeping(recipe.weights(0))
    return {name: full[name.replace("_zu", "_z")] for name in expected_shapes(variant)}


@pytest.fixture(scope="module")
def sequence():
    frames, boxes = recipe.sequence(100)
    return frames[:4, ..., ::-1], boxes


@pytest.mark.parametrize(
    "variant, config",
    [
        ("full", preset("reference", scale_count=1)),
        ("full", preset("tuned")),
        ("two_subnets", preset("tuned")),
        ("two_subnets", preset("paper")),
        ("without_gradient", preset("reference")),
        ("without_gradient", preset("paper")),
        ("baseline", preset("reference")),
        ("baseline", preset("paper", scale_count=5)),
    ],
    ids=[
        "full-1",
        "full-tuned",
        "two_subnets-tuned",
        "two_subnets-paper",
        "without_gradient",
        "without_gradient-paper",
        "baseline",
        "baseline-paper-5",
    ],
)
def test_variants(variant, config, sequence):
    network = GradNet(variant)
    network.assign_weights(weights_of(variant))
    step = TrackingStep(network.folded(), config)
    frames, boxes = sequence
    state, output = step.init(tf.constant(frames[0]), tf.constant(boxes[0]))
    first = state
    np.testing.assert_array_equal(output.box, boxes[0])
    for frame in frames[1:]:
        state, output = step.step(state, tf.constant(frame))
        assert np.isfinite(output.box).all() and np.isfinite(float(output.score))
        assert 0 <= int(output.search.scale) < config.scale_count
        if not network.has_update or config.response_mix == "template":
            assert float(output.search.template_score) == float(output.search.score)
    has_own_template = not np.array_equal(first.template, first.fixed_template)
    assert has_own_template is network.has_update
    # The target is where it was put: these frames move it by few pixels.
    center = output.box[:2] + output.box[2:] / 2
    np.testing.assert_allclose(center, boxes[3, :2] + boxes[3, 2:] / 2, atol=12)


@pytest.mark.parametrize("name", ["tuned", "fast"])
def test_a_preset_is_the_same_eager_and_in_a_graph(name, sequence):
    # Under XLA: tracking_tracker_test.
    network = GradNet("full")
    network.assign_weights(weights_of("full"))
    frames, boxes = (tf.constant(each) for each in sequence)
    step = TrackingStep(network, preset(name))
    runs = []
    for wrap in (
        lambda function: function,
        lambda function: tf.function(function, autograph=False),
    ):
        init, update = wrap(step.init), wrap(step.step)
        state, _ = init(frames[0], boxes[0])
        outputs = []
        for index in range(1, 4):
            state, output = update(state, frames[index])
            outputs.append(output)
        runs.append(outputs)
    eager, graph = runs
    assert {int(output.search.scale) for output in eager} <= {0, 1, 2}
    for output, expected in zip(graph, eager):
        assert int(output.search.scale) == int(expected.search.scale)
        np.testing.assert_allclose(output.box, expected.box, rtol=1e-6)
        np.testing.assert_allclose(output.score, expected.score, rtol=1e-4)
        np.testing.assert_allclose(
            output.search.template_score, expected.search.template_score, rtol=1e-4
        )
