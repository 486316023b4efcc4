"""Every constant of the tracker away from its default: one target, many targets, XLA."""

import dataclasses

import numpy as np
import pytest
import tensorflow as tf

from gradnet_tf.network.frame_batch import make_frame_batch
from gradnet_tf.tracking.batched_step import BatchedStep
from gradnet_tf.tracking.config import TrackerConfig, preset
from gradnet_tf.tracking.step import TrackingStep
from tests.helpers import networks, recipe

# The second target reaches over the right border, so that the frame's centre is searched.
BOXES = np.array([[27.0, 53, 26, 34], [165, 60, 40, 30]])
# With these every rule has something to do within few frames.
BUSY = {
    "threshold_frames": 2,
    "reliable_threshold": 1.0,
    "early_update_threshold": 0.9,
    "buffer_size": 2,
    "window_off_after": 2,
}
ALTERNATIVES = {
    "scale_count": (1, 5),
    "scale_step": (1.1, 1.02),
    "scale_penalty": (0.7, 1.0),
    "scale_interval": (2, 3),
    "scale_damping": (0.2, 1.0),
    "min_scale": (1.0, 0.99),
    "max_scale": (1.0, 1.01),
    "context_amount": (0.0, 0.8),
    "response_upsampling": (1, 8),
    "window_influence": (0.6, 0.0),
    "template_influence": (0.6, 0.0),
    "template_scale_influence": (0.4, 1.0),
    "response_mix": ("template",),
    "update": ("first_frame", "none"),
    "update_interval": (2, 1),
    "update_rate": (0.3, 1.0),
    "first_frame_weight": (0.5, 0.2),
    "update_samples": (3, 2),
    "centred_update": (True,),
    "exact_updates": (False,),
    "update_on_first_frame": (False,),
    "early_update_frames": (0, 3),
    "early_update_threshold": (0.1, 1.0),
    "early_update_rate": (0.2, 1.0),
    "threshold_source": ("first_frame",),
    "threshold_frames": (1, 3),
    "reliable_threshold": (0.1, 1.5),
    "reliable_mean": (False,),
    "buffer_size": (1, 3),
    "window_off_after": (0, 1),
    "redetection": (False,),
}


@pytest.fixture(scope="module")
def network():
    network = networks.small()
    # Of a trained U2, a gradient of zero is not zero.
    network.named_weights()["siamese/t_scala5_zz/bn/beta"].assign(np.linspace(-0.3, 0.3, 256))
    return network


@pytest.fixture(scope="module")
def frames():
    """A dark frame, one where all has moved, and sizes that differ."""
    frames = list(np.ascontiguousarray(recipe.sequence(100)[0][:7, ..., ::-1]))
    frames[2] = frames[2][:130, :180]
    frames[3] = np.roll(frames[3], (25, 40), (0, 1))
    frames[4] = frames[4] // 3
    return frames


def made(kind, network, config):
    """A step whose features are not quite those of the network itself."""

    def features(regions):
        return 1.001 * network.search_features(tf.cast(regions[..., ::-1], tf.float32))

    return kind(network, config, search_features=features, update_features=features)


def run_one(network, config, frames, box):
    """Outputs of all frames, and the last state."""
    step = made(TrackingStep, network, config)
    state, output = step.init(tf.constant(frames[0]), tf.constant(box))
    outputs = [output]
    for frame in frames[1:]:
        state, output = step.step(state, tf.constant(frame))
        outputs.append(output)
    return outputs, state


def run_many(network, config, frames, jit_compile=False):
    step = made(BatchedStep, network, config)
    init, update = step.init, step.step
    if jit_compile:
        init, update = (
            tf.function(f, autograph=False, jit_compile=True) for f in (step.init, step.step)
        )
    padded = jit_compile
    state, output = init(make_frame_batch([frames[0]], [0, 0], padded), tf.constant(BOXES))
    outputs = [output]
    for frame in frames[1:]:
        state, output = update(state, make_frame_batch([frame], [0, 0], padded))
        outputs.append(output)
    return outputs


def assert_same(many, alone):
    """Outputs of many targets against those of each by itself."""
    for target, outputs in enumerate(alone):
        for index, (got, wanted) in enumerate(zip(many, outputs)):
            for name in wanted._fields:
                for one, other in zip(
                    *map(tf.nest.flatten, (getattr(got, name), getattr(wanted, name)))
                ):
                    np.testing.assert_allclose(
                        one[target], other, rtol=1e-4, atol=1e-6, err_msg=f"{target} {index} {name}"
                    )


# What other rules than the default's are in force; all numbers are away from their defaults.
RULES = (
    {
        "threshold_source": "first_frame",
        "template_scale_influence": 0.4,
        "centred_update": True,
        "exact_updates": False,
    },
    {"threshold_source": "first_frame", "response_mix": "template", "redetection": False},
    {"update_on_first_frame": False, "reliable_mean": False, "template_scale_influence": 1.0},
    {"threshold_source": "first_frame", "update": "first_frame", "reliable_mean": False},
    {"response_mix": "template", "update": "none"},
)


def mixed(number):
    values = {
        name: choices[number % len(choices)]
        for name, choices in ALTERNATIVES.items()
        if not isinstance(choices[0], (str, bool)) and name != "template_scale_influence"
    }
    return TrackerConfig(**values, **RULES[number])


MIXED = [mixed(number) for number in range(len(RULES))]


def test_all_constants_are_here():
    names = {field.name for field in dataclasses.fields(TrackerConfig)}
    assert set(ALTERNATIVES) == names
    for name, choices in ALTERNATIVES.items():
        assert TrackerConfig().__dict__[name] not in choices
        assert {getattr(config, name) for config in MIXED} >= set(choices), name


@pytest.fixture(scope="module")
def busy(network, frames):
    return [run_one(network, preset("reference", **BUSY), frames, box) for box in BOXES]


def test_the_run_that_is_compared_with_goes_everywhere(busy):
    outputs = [output for outputs, _ in busy for output in outputs[1:]]
    for name in ("reliable", "early_update", "update"):
        assert {bool(getattr(output, name)) for output in outputs} == {False, True}, name
    assert {int(output.redetection.scale) >= 0 for output in outputs} == {False, True}
    assert {float(output.window_influence) for output in outputs} == {0.0, 0.25}
    assert {int(output.search.scale) for output in outputs} == {0, 1, 2}


@pytest.mark.parametrize("name", ALTERNATIVES)
def test_each_constant_makes_a_difference(name, network, frames, busy):
    config = preset("reference", **{**BUSY, name: ALTERNATIVES[name][0]})
    for box, before in zip(BOXES, busy):
        after = run_one(network, config, frames, box)
        for output in after[0]:
            assert np.isfinite(output.box).all() and (output.box[2:] > 0).numpy().all()
        if any(
            one.shape != other.shape or not np.array_equal(one, other, equal_nan=True)
            for one, other in zip(*map(tf.nest.flatten, (after, before)))
        ):
            return
    pytest.fail(f"{name}={ALTERNATIVES[name][0]} changed nothing")


@pytest.mark.parametrize("config", MIXED, ids=range(len(MIXED)))
def test_many_targets_are_tracked_as_if_alone(config, network, frames):
    frames = frames[:6]
    alone = [run_one(network, config, frames, box)[0] for box in BOXES]
    assert_same(run_many(network, config, frames), alone)


@pytest.mark.parametrize("number", [0, 1])
def test_xla_compiles_them(number, network, frames):
    frames = frames[:4]
    alone = [run_one(network, MIXED[number], frames, box)[0] for box in BOXES]
    assert_same(run_many(network, MIXED[number], frames, jit_compile=True), alone)
