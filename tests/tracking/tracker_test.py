"""Tests of gradnet_tf.tracking.tracker: the tracker as users hold it."""

import copy
import math
import pickle
import subprocess
import sys

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

import gradnet_tf
from gradnet_tf import weights as weights_lib
from gradnet_tf.eval.results.sequence_result import SequenceResult
from gradnet_tf.eval.running import protocols
from gradnet_tf.network.gradnet import GradNet
from gradnet_tf.tracking import compiled, precision
from gradnet_tf.tracking.config import preset
from gradnet_tf.tracking.step import TrackingStep
from gradnet_tf.tracking.tracker import Tracker
from tests.helpers import recipe

FEW = 4  # frames


@pytest.fixture(scope="module")
def weights():
    return recipe.with_bookkeeping(recipe.weights(0))


@pytest.fixture(scope="module")
def video():
    """RGB frames and boxes of the synthetic sequence; what changes a frame fails."""
    frames, boxes = recipe.sequence(100)
    frames = np.ascontiguousarray(frames[..., ::-1])
    frames.setflags(write=False)
    boxes.setflags(write=False)
    return frames, boxes


@pytest.fixture(scope="module")
def keep_compiled(weights):
    """One tracker that lives as long as this module, and with it the compiled step."""
    return Tracker(weights=weights, jit_compile=False)


@pytest.fixture
def new_tracker(weights, keep_compiled):
    """Makes trackers that share the compiled step."""

    def make():
        tracker = Tracker(weights=weights, jit_compile=False)
        assert tracker._compiled is keep_compiled._compiled
        return tracker

    return make


def test_protocols_need_not_repeat_its_runs(new_tracker, video):
    tracker, (frames, boxes) = new_tracker(), video
    first, second = (follow(tracker, frames[:FEW], boxes[0]) for _ in range(2))
    np.testing.assert_array_equal(first, second)
    assert tracker.is_deterministic is True
    result = SequenceResult("a", first, *np.zeros((2, FEW)))
    assert protocols.is_complete([result], protocols.Protocol(repetitions=3), tracker)


def follow(tracker, frames, box):
    """Boxes of all frames."""
    tracker.init(frames[0], box)
    return np.array([tracker.box] + [tracker.update(frame) for frame in frames[1:]])


@pytest.fixture(scope="module")
def graph_boxes(keep_compiled, video):
    """Boxes of the first 20 frames in graph mode."""
    frames, boxes = video
    return follow(keep_compiled, frames[:20], boxes[0])


# The same boxes whatever the mode.


def test_boxes_stay_on_the_target(graph_boxes, video):
    centers = graph_boxes[:, :2] + graph_boxes[:, 2:] / 2
    truth = video[1][:20, :2] + video[1][:20, 2:] / 2
    assert np.abs(centers - truth).max() < 20
    np.testing.assert_array_equal(graph_boxes[0], video[1][0])


def boxes_of_step(weights, video, make_features, wrap=lambda function: function):
    """Boxes of a step by itself, with the search features that `make_features(network)` gives."""
    network = GradNet()
    network.assign_weights(weights)
    step = TrackingStep(network, preset("reference"), search_features=make_features(network))
    init, update = wrap(step.init), wrap(step.step)
    frames, boxes = video
    state, output = init(tf.constant(frames[0]), tf.constant(boxes[0]))
    found = [output.box.numpy()]
    for frame in frames[1:20]:
        state, output = update(state, tf.constant(frame))
        found.append(output.box.numpy())
    return found


def test_eager_equals_graph(graph_boxes, weights, video):
    eager_boxes = boxes_of_step(
        weights, video, lambda network: precision.search_features(network, "float32")
    )
    np.testing.assert_allclose(eager_boxes, graph_boxes, atol=1e-6)


def test_minimal_filtering_gives_the_boxes_of_plain_convolution(graph_boxes, weights, video):
    def plain(network):
        folded = network.folded(rgb=True)
        return lambda regions: folded.search_features(tf.cast(regions, tf.float32))

    plain_boxes = boxes_of_step(
        weights, video, plain, lambda function: tf.function(function, autograph=False)
    )
    np.testing.assert_allclose(plain_boxes, graph_boxes, atol=1e-6)


@pytest.mark.parametrize("name", ["tuned", "fast"])
def test_xla_equals_graph(name, weights, video):
    # The preset "reference" under XLA: parity_track_test, against the reference itself.
    frames, boxes = video
    graph, xla = (
        Tracker(weights=weights, preset=name, jit_compile=jit_compile)
        for jit_compile in (False, True)
    )
    expected = follow(graph, frames[:12], boxes[0])
    np.testing.assert_allclose(follow(xla, frames[:12], boxes[0]), expected, atol=1e-6)
    assert xla._compiled.one.step.experimental_get_tracing_count() == 1


# Boxes of frames 4, 8 and 12, with the weights that come with gradnet_tf; from before there was a
# `scale_interval`.
BOXES_BEFORE = {
    "reference": [
        [29.588, 64.529, 26.0, 34.0],
        [36.746, 75.875, 26.614, 34.802],
        [46.152, 80.699, 26.614, 34.802],
    ],
    "paper": [
        [28.834, 63.811, 26.614, 34.802],
        [36.464, 73.88, 27.885, 36.464],
        [44.568, 78.311, 27.252, 35.637],
    ],
    "tuned": [
        [27.787, 62.78, 27.885, 36.464],
        [35.768, 72.044, 29.216, 38.206],
        [44.316, 75.219, 29.227, 38.22],
    ],
}


@pytest.mark.parametrize("name", BOXES_BEFORE)
def test_presets_give_the_boxes_that_they_gave(name, video):
    frames, boxes = video
    tracker = Tracker(preset=name, jit_compile=False)
    found = follow(tracker, frames[:13], boxes[0])
    np.testing.assert_allclose(np.array(found)[[4, 8, 12]], BOXES_BEFORE[name], atol=0.01)


def test_track_equals_init_and_update(graph_boxes, new_tracker, video):
    frames, boxes = video
    run = new_tracker().track(list(frames[:FEW]), boxes[0])
    np.testing.assert_array_equal(run.boxes, graph_boxes[:FEW])


# Kinds of images.


def colour_kinds(frames, folder):
    paths = [folder / f"{index}.png" for index in range(len(frames))]
    for path, frame in zip(paths, frames):
        Image.fromarray(frame).save(path)
    alpha = np.random.default_rng(0).integers(0, 256, (*frames.shape[:3], 1), np.uint8)
    pil = [Image.fromarray(frame) for frame in frames]
    return {
        "list": list(frames),
        "rgba": np.concatenate([frames, alpha], axis=3),
        "pil": pil,
        "tensor": [tf.constant(frame) for frame in frames],
        "int64": frames.astype(np.int64),
        "float 0..1": frames.astype(np.float32) / np.float32(255),
        "float64 0..1": frames / 255.0,
        "float 0..255": frames.astype(np.float32),
        "float tensor": [tf.image.convert_image_dtype(frame, tf.float32) for frame in frames],
        "view": np.asfortranarray(frames[:, :, ::-1])[:, :, ::-1],
        "paths": paths,
        "strings": [str(path) for path in paths],
        "mixed": [pil[0], frames[1], str(paths[2]), tf.constant(frames[3])],
    }


def test_kinds_of_colour_images_give_the_same_boxes(graph_boxes, new_tracker, video, tmp_path):
    frames, boxes = video
    tracker = new_tracker()
    for name, images in colour_kinds(frames[:FEW], tmp_path).items():
        got = follow(tracker, images, boxes[0])
        np.testing.assert_array_equal(got, graph_boxes[:FEW], err_msg=name)


def test_kinds_of_grey_images_give_the_same_boxes(graph_boxes, new_tracker, video):
    frames, boxes = video
    pil = [Image.fromarray(frame).convert("L") for frame in frames[:FEW]]
    grey = np.stack([np.asarray(image) for image in pil])
    tracker = new_tracker()
    expected = follow(tracker, np.repeat(grey[..., np.newaxis], 3, axis=3), boxes[0])
    assert not np.array_equal(expected, graph_boxes[:FEW])  # colours count
    for images in (grey, grey[..., np.newaxis], pil, grey / 255.0, [tf.constant(g) for g in grey]):
        np.testing.assert_array_equal(follow(tracker, images, boxes[0]), expected)


def test_the_channels_are_rgb(graph_boxes, new_tracker, video):
    frames, boxes = video
    swapped = follow(new_tracker(), frames[:FEW, ..., ::-1], boxes[0])
    assert not np.array_equal(swapped, graph_boxes[:FEW])


def test_the_first_float_frame_sets_the_range(new_tracker, video):
    frames, boxes = video
    dark = frames[1] % 2  # alone it would pass as an image in 0..1
    tracker = new_tracker()
    expected = follow(tracker, [frames[0], dark], boxes[0])
    got = follow(tracker, [frames[0].astype(np.float32), dark.astype(np.float32)], boxes[0])
    np.testing.assert_array_equal(got, expected)
    tracker.init(frames[0] / 255.0, boxes[0])
    with pytest.raises(ValueError, match=r"in 0\.\.1.*max 255|in 0\.\.1.*max 2"):
        tracker.update(frames[1].astype(np.float64))


# Bad input.


BAD_IMAGES = [
    (None, TypeError, "got None"),
    (object(), TypeError, "expected an image"),
    (np.zeros((0, 192, 3), np.uint8), ValueError, r"empty.*\(0, 192, 3\)"),
    (np.zeros((144,), np.uint8), ValueError, r"shape \(144,\)"),
    (np.zeros((1, 144, 192, 3), np.uint8), ValueError, r"shape \(1, 144, 192, 3\)"),
    (np.zeros((144, 192, 2), np.uint8), ValueError, r"\(144, 192, 2\)"),
    (np.zeros((3, 144, 192), np.uint8), ValueError, "channels come last"),
    (np.zeros((144, 192, 3), np.uint16), TypeError, "uint16"),
    (np.full((144, 192, 3), 300.0), ValueError, "max 300"),
    (np.full((144, 192, 3), -1.0), ValueError, "min -1"),
    (np.full((144, 192, 3), math.nan), ValueError, "nan"),
    ("no_such_image.png", FileNotFoundError, "no_such_image.png"),
]
BAD_IMAGE_NAMES = [
    "none", "object", "empty", "rank1", "rank4", "channels", "channels_first", "16_bit",
    "too_bright", "negative", "nan", "missing_file",
]  # fmt: skip


@pytest.mark.parametrize("image, error, message", BAD_IMAGES, ids=BAD_IMAGE_NAMES)
def test_bad_first_image(keep_compiled, video, image, error, message):
    with pytest.raises(error, match=message):
        keep_compiled.init(image, video[1][0])


def test_bad_images_in_between_change_nothing(graph_boxes, new_tracker, video):
    frames, boxes = video
    tracker = new_tracker()
    tracker.init(frames[0], boxes[0])
    tracker.update(frames[1])
    for image, error, message in BAD_IMAGES:
        with pytest.raises(error, match=message):
            tracker.update(image)
    np.testing.assert_array_equal(tracker.box, graph_boxes[1])
    np.testing.assert_array_equal(tracker.update(frames[2]), graph_boxes[2])


@pytest.mark.parametrize(
    "box, message",
    [
        ((10, 10, 0, 5), "width 0"),
        ((10, 10, 5, -5), "height -5"),
        ((10, math.nan, 5, 5), "finite.*nan"),
        ((10, 10, 5), "4 numbers"),
        (None, "4 numbers"),
        ((192, 10, 5, 5), "outside the frame of 192x144"),
        ((10, -5, 5, 5), "outside the frame of 192x144"),
    ],
)
def test_bad_box(keep_compiled, video, box, message):
    with pytest.raises(ValueError, match=message):
        keep_compiled.init(video[0][0], box)


def test_update_needs_init(new_tracker, video):
    tracker = new_tracker()
    with pytest.raises(RuntimeError, match=r"call init\(image, box\) first"):
        tracker.update(video[0][0])
    for name in ("box", "score", "confidence", "output"):
        with pytest.raises(RuntimeError, match=r"call init\(image, box\) first"):
            getattr(tracker, name)


def test_a_failed_init_leaves_no_target(new_tracker, video):
    frames, boxes = video
    tracker = new_tracker()
    tracker.init(frames[0], boxes[0])
    with pytest.raises(ValueError):
        tracker.init(frames[0], (10, 10, 0, 0))
    with pytest.raises(RuntimeError, match="init"):
        tracker.update(frames[1])


# Life of a tracker.


def in_a_larger_one(frame, side):
    """The frame in the upper left corner of a square one; what is around it has its colours."""
    larger = np.resize(frame, (side, side, 3))
    larger[: frame.shape[0], : frame.shape[1]] = frame
    return larger


def test_frames_of_a_sequence_may_change_their_size(graph_boxes, new_tracker, video):
    """As long as nothing beyond the smallest is seen, the size makes no difference."""
    frames, boxes = video
    tracker = new_tracker()
    # The search regions reach up to the left border, and over it, and no further right than this.
    changing = [frame[:, : 150 + 10 * (index % 3)] for index, frame in enumerate(frames[:12])]
    changing[4], changing[7], changing[8] = (in_a_larger_one(frames[i], 600) for i in (4, 7, 8))
    changing[0] = frames[0]  # It gives the colour beside the frames.
    np.testing.assert_array_equal(follow(tracker, changing, boxes[0]), graph_boxes[:12])
    assert tracker._compiled.one.step.experimental_get_tracing_count() == 1
    # Turned, as where a phone is: the box is looked for around the same pixels.
    turned = tracker.update(np.rot90(frames[12]))
    assert np.isfinite(turned).all() and np.abs(turned[:2] - graph_boxes[11, :2]).max() < 60


def test_frame_sizes_of_sequences_differ_without_retracing(graph_boxes, new_tracker, video):
    frames, boxes = video
    tracker = new_tracker()
    for height, width in ((144, 192), (120, 150), (144, 100), (1, 1), (300, 40)):
        cut = [np.resize(frame, (height, width, 3)) for frame in frames[:3]]
        box = (width * 0.25, height * 0.25, width * 0.5, height * 0.5)
        got = follow(tracker, cut, box)
        assert got.shape == (3, 4) and np.isfinite(got).all()
    np.testing.assert_array_equal(follow(tracker, frames[:FEW], boxes[0]), graph_boxes[:FEW])
    assert tracker._compiled.one.step.experimental_get_tracing_count() == 1


def test_two_trackers_do_not_disturb_each_other(graph_boxes, new_tracker, video):
    frames, boxes = video
    other_box = (100.0, 20.0, 30.0, 30.0)
    alone = follow(new_tracker(), frames[:FEW], other_box)
    one, other = new_tracker(), new_tracker()
    one.init(frames[0], boxes[0])
    other.init(frames[0], other_box)
    for index in range(1, FEW):
        np.testing.assert_array_equal(one.update(frames[index]), graph_boxes[index])
        np.testing.assert_array_equal(other.update(frames[index]), alone[index])
    np.testing.assert_array_equal(one.box, graph_boxes[FEW - 1])


def test_init_restarts(graph_boxes, new_tracker, video):
    frames, boxes = video
    tracker = new_tracker()
    follow(tracker, frames[10:16], boxes[10])
    np.testing.assert_array_equal(follow(tracker, frames[:8], boxes[0]), graph_boxes[:8])


def test_other_constants_have_a_step_of_their_own(keep_compiled, weights, video):
    frames, boxes = video
    damped = preset("reference", scale_damping=0.0)
    tracker = Tracker(weights=weights, config=damped, jit_compile=False)
    assert tracker._compiled is not keep_compiled._compiled
    assert tracker.config is damped
    got = follow(tracker, frames[:FEW], boxes[0])
    np.testing.assert_allclose(got[:, 2:], np.tile(boxes[0, 2:], (FEW, 1)))


def test_equal_weights_share_the_step_and_others_do_not(keep_compiled, weights):
    copy = {name: np.array(array) for name, array in weights.items()}
    assert Tracker(weights=copy, jit_compile=False)._compiled is keep_compiled._compiled
    copy["siamese/scala5/conv/biases"] = copy["siamese/scala5/conv/biases"] + 1
    assert Tracker(weights=copy, jit_compile=False)._compiled is not keep_compiled._compiled


def test_boxes_may_be_lists_of_ints(graph_boxes, new_tracker, video):
    frames, boxes = video
    tracker = new_tracker()
    got = follow(tracker, frames[:2], [int(value) for value in boxes[0]])
    np.testing.assert_array_equal(got, graph_boxes[:2])


def test_nothing_is_shared_with_the_caller(graph_boxes, new_tracker, video):
    frames, boxes = video
    tracker = new_tracker()
    buffer, box = frames[0].copy(), boxes[0].copy()
    tracker.init(buffer, box)
    buffer[:] = 0
    box[:] = -1
    np.testing.assert_array_equal(tracker.box, boxes[0])
    for index in range(1, FEW):
        buffer[:] = frames[index]
        got = tracker.update(buffer)
        assert got.shape == (4,) and got.dtype == np.float64
        np.testing.assert_array_equal(buffer, frames[index])  # as it was given
        np.testing.assert_array_equal(got, graph_boxes[index])
        buffer[:] = 255
        got[:] = -1


def test_notebooks_show_what_it_is_and_what_it_follows(new_tracker, video):
    tracker, (frames, boxes) = new_tracker(), video
    text = "Tracker(network: full, constants: preset reference, precision: float32, target"
    assert repr(tracker) == f"{text}: none yet)"
    tracker.init(frames[0], (50.26, 40, 30, 20))
    assert repr(tracker) == f"{text}: (50.3, 40.0, 30.0, 20.0))"
    assert "(50.3, 40.0, 30.0, 20.0)</td>" in tracker._repr_html_()
    tracker.init(frames[0], np.tile(boxes[0], (6, 1)))
    assert repr(tracker).endswith(", and 2 more)") and "targets: (" in repr(tracker)


def test_score_and_confidence(new_tracker, video):
    frames, boxes = video
    tracker = new_tracker()
    tracker.init(frames[0], boxes[0])
    assert math.isnan(tracker.score) and tracker.confidence == 1.0
    scores = []
    for index, frame in enumerate(frames[1:9], start=1):
        tracker.update(frame)
        assert isinstance(tracker.score, float) and isinstance(tracker.confidence, float)
        assert 0.0 <= tracker.confidence <= 1.0
        scores.append(tracker.score)
        mean = np.mean(scores[: min(index, 5)])
        assert tracker.confidence == pytest.approx(np.clip(tracker.score / mean, 0, 1))
    assert np.isfinite(scores).all() and len(set(scores)) == len(scores)


def test_confidence_falls_where_there_is_nothing_to_see(new_tracker, video):
    frames, boxes = video
    tracker = new_tracker()
    follow(tracker, frames[:7], boxes[0])
    seen = tracker.confidence
    tracker.update(np.full_like(frames[0], 128))
    assert tracker.confidence < 0.5 * seen


# What a user's program does to TensorFlow.


def test_a_global_policy_does_not_change_the_boxes(graph_boxes, weights, video, monkeypatch):
    for cache in ("_living", "_kept"):
        monkeypatch.setattr(compiled, cache, type(getattr(compiled, cache))())
    frames, boxes = video
    tf.keras.mixed_precision.set_global_policy("mixed_float16")
    try:
        tracker = Tracker(weights=weights, jit_compile=False)
        np.testing.assert_array_equal(follow(tracker, frames[:7], boxes[0]), graph_boxes[:7])
    finally:
        tf.keras.mixed_precision.set_global_policy("float32")


def test_functions_may_run_eagerly(graph_boxes, new_tracker, video):
    frames, boxes = video
    tf.config.run_functions_eagerly(True)
    try:
        got = follow(new_tracker(), frames[:FEW], boxes[0])
    finally:
        tf.config.run_functions_eagerly(False)
    np.testing.assert_allclose(got, graph_boxes[:FEW], atol=1e-6)


def test_in_a_graph_there_is_one_clear_error(graph_boxes, new_tracker, weights, video):
    frames, boxes = video
    tracker = new_tracker()
    tracker.init(frames[0], boxes[0])
    message = r"a Tracker needs TensorFlow's eager execution: .* outside of tf.Graph\(\)"
    with tf.Graph().as_default():
        for call in (
            lambda: Tracker(weights=weights),
            lambda: tracker.init(frames[0], boxes[0]),
            lambda: tracker.update(frames[1]),
            lambda: tracker.add(frames[0], boxes[:1]),
            lambda: tracker.drop([0]),
        ):
            with pytest.raises(RuntimeError, match=message):
                call()
        np.testing.assert_array_equal(tracker.box, boxes[0])
    with pytest.raises(RuntimeError, match=message):
        tf.function(lambda: tracker.update(frames[1]), autograph=False)()
    # The target is still the same.
    np.testing.assert_array_equal(tracker.update(frames[1]), graph_boxes[1])


def test_without_eager_execution_there_is_one_clear_error():
    program = (
        "import tensorflow as tf\n"
        "tf.compat.v1.disable_eager_execution()\n"
        "import gradnet_tf\n"
        "gradnet_tf.Tracker()\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert done.returncode == 1
    last = done.stderr.splitlines()[-1]
    assert last.startswith("RuntimeError: a Tracker needs TensorFlow's eager execution")
    assert "without tf.compat.v1.disable_eager_execution()" in last


@pytest.mark.parametrize("duplicate", [copy.copy, copy.deepcopy, pickle.dumps])
def test_copies_are_refused(new_tracker, duplicate):
    with pytest.raises(TypeError, match="a Tracker cannot be copied or pickled, .*make another"):
        duplicate(new_tracker())


# Construction.


def test_checkpoint_directory_and_npz(graph_boxes, weights, keep_compiled, video, tmp_path):
    frames, boxes = video
    weights_lib.save(tmp_path / "checkpoint", weights)
    np.savez(tmp_path / "weights.npz", **weights)
    for path in (tmp_path / "checkpoint", str(tmp_path / "weights.npz")):
        tracker = gradnet_tf.Tracker(path, jit_compile=False)
        assert tracker.variant == "full"
        assert tracker._compiled is keep_compiled._compiled
    np.testing.assert_array_equal(follow(tracker, frames[:FEW], boxes[0]), graph_boxes[:FEW])


def test_a_checkpoint_of_another_variant_tracks(weights, video, tmp_path):
    frames, boxes = video
    names = weights_lib.expected_shapes("baseline")
    weights_lib.save(tmp_path / "siamfc", {name: weights[name] for name in names})
    tracker = Tracker(tmp_path / "siamfc", preset="paper", jit_compile=False)
    assert tracker.variant == "baseline" and tracker.config == preset("paper")
    got = follow(tracker, frames[:FEW], boxes[0])
    np.testing.assert_allclose(got[:, :2], boxes[:FEW, :2], atol=12)


def test_without_a_checkpoint_the_embedded_weights_track(video):
    frames, boxes = video
    tracker = Tracker(jit_compile=False)
    embedded = weights_lib.load_embedded()
    assert tracker.variant == embedded.variant
    assert tracker.config == preset(embedded.card["preset"])
    got = follow(tracker, frames[:FEW], boxes[0])
    np.testing.assert_allclose(got[:, :2], boxes[:FEW, :2], atol=12)


def test_the_preset_is_that_of_the_card_or_the_callers(weights, tmp_path):
    names = weights_lib.expected_shapes("baseline")
    arrays = {name: weights[name] for name in names}
    weights_lib.save(tmp_path / "card", arrays, {"preset": "paper"})
    weights_lib.save(tmp_path / "none", arrays)
    assert Tracker(tmp_path / "card", jit_compile=False).config == preset("paper")
    assert Tracker(tmp_path / "none", jit_compile=False).config == preset("reference")
    tracker = Tracker(tmp_path / "card", preset="reference", jit_compile=False)
    assert tracker.config == preset("reference")
    with pytest.raises(ValueError, match="reference, paper, tuned, fast, got 'best'"):
        Tracker(tmp_path / "card", preset="best")


@pytest.mark.parametrize("kind", ["missing", "empty", "text.npz"])
def test_a_checkpoint_that_is_none(kind, tmp_path):
    path = tmp_path / kind
    if kind == "empty":
        path.mkdir()
    if kind == "text.npz":
        path.write_text("no zip file")
    with pytest.raises((ValueError, OSError), match=kind):
        Tracker(path)


def test_contradicting_arguments(weights, tmp_path):
    with pytest.raises(ValueError, match=f"give checkpoint='{tmp_path}' or weights, not both"):
        Tracker(tmp_path, weights=weights)
    with pytest.raises(ValueError, match="give config or preset='paper', not both"):
        Tracker(weights=weights, preset="paper", config=preset("paper"))


@pytest.mark.parametrize(
    "arguments, error, message",
    [
        ({"preset": "best"}, ValueError, "one of reference, paper, tuned, fast, got 'best'"),
        ({"config": {"scale_count": 3}}, TypeError, "must be a TrackerConfig, got dict"),
        ({"jit_compile": "xla"}, ValueError, "jit_compile must be .*got 'xla'"),
        ({"jit_compile": None}, ValueError, "jit_compile must be .*got None"),
        ({"jit_compile": 1}, ValueError, "jit_compile must be .*got 1"),
    ],
)
def test_bad_arguments(weights, arguments, error, message):
    with pytest.raises(error, match=message):
        Tracker(weights=weights, **arguments)


def test_weights_that_do_not_fit(weights):
    missing = dict(weights)
    del missing["siamese/scala4/conv/weights"]
    with pytest.raises(ValueError, match="siamese/scala4/conv/weights"):
        Tracker(weights=missing)
    with pytest.raises(ValueError, match="siamese/scala9/conv/weights"):
        Tracker(weights={**weights, "siamese/scala9/conv/weights": np.zeros(3, np.float32)})
    misshapen = {**weights, "siamese/scala5/conv/biases": np.zeros(255, np.float32)}
    with pytest.raises(ValueError, match="siamese/scala5/conv/biases.*255"):
        Tracker(weights=misshapen)


@pytest.mark.parametrize("gpu", [False, True])
def test_auto_means_xla_where_there_is_a_gpu(weights, keep_compiled, monkeypatch, gpu):
    devices = ["a GPU"] if gpu else []
    monkeypatch.setattr(tf.config, "list_physical_devices", lambda kind=None: devices)
    tracker = Tracker(weights=weights)
    assert (tracker._compiled is keep_compiled._compiled) is not gpu
