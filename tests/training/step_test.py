"""Tests of gradnet_tf.training.step: groups, moving averages, state.

The step compiled by XLA is in parity_train_test, replicas are in training_distribution_test.
"""

import numpy as np
import pytest

from gradnet_tf.network import layers
from gradnet_tf.training.step import TrainStep, check_groups
from tests.helpers import networks, training

BATCH = training.images(4)
# Cheap, and with batch statistics, so that averages move.
SETTINGS = {
    **training.SIAMFC,
    "groups": 2,
    "search_statistics": "batch",
    "frozen_layers": 0,
    "negatives": 0.0,
    "optimizer": "momentum",
    "learning_rate": 1e-4,
}


def make(**changes):
    config = training.make(SETTINGS, **changes)
    return TrainStep(networks.hand_made("baseline"), config)


def numpy(outputs):
    return {name: value.numpy() for name, value in outputs.items()}


@pytest.fixture(scope="module")
def stepped():
    """Two groups: the state before, the outputs of two steps, the state after each."""
    step = make()
    states, outputs = [step.state()], []
    for index in range(2):
        outputs.append(numpy(step(*BATCH, index)))
        states.append(step.state())
    return step, states, outputs


def test_a_step_is_the_mean_of_its_groups(stepped):
    _, states, outputs = stepped
    step = make()
    found = []
    for group in (slice(0, 2), slice(2, 4)):
        with layers.collecting_statistics() as statistics:
            results = step.objective.gradients(BATCH[0][group], BATCH[1][group])
        found.append((*results, statistics))
    for name in ("loss", "initial_loss", "regularization", "objective"):
        expected = np.mean([each[0][name] for each in found])
        np.testing.assert_allclose(outputs[0][name], expected, rtol=1e-5)
    scores = np.concatenate([each[0]["final_score"] for each in found])
    np.testing.assert_allclose(outputs[0]["final_score"], scores, rtol=1e-3, atol=1e-3)
    for name in step.objective.variables:
        gradient = np.mean([each[1][name] for each in found], axis=0)
        slot = states[1][name + "/Momentum"]
        if not name.endswith("conv/biases") or "scala5" in name:  # Round-off before statistics.
            assert networks.relative_error(slot, gradient) < 1e-3, name
        rate = step.config.learning_rate_at(0)
        np.testing.assert_array_equal(
            states[1][name], states[0][name] - np.float32(rate) * slot, err_msg=name
        )
    # Averages move by the mean of the groups' statistics, once for each application.
    last = [entry for entry in found[0][2] if entry.layer is found[0][2][-1].layer]
    assert len(found[0][2]) == 8 and len(last) == 2
    prefix = "siamese/scala4/siamese/scala4/bn/moving_mean/"
    biased = states[0][prefix + "biased"].astype(np.float64)
    for place in (3, 7):
        mean = np.mean([each[2][place].mean for each in found], axis=0)
        biased -= (biased - mean) * (1 - layers.BATCH_NORM_DECAY)
    np.testing.assert_allclose(states[1][prefix + "biased"], biased, rtol=1e-5, atol=1e-6)
    assert states[1][prefix + "local_step"] == states[0][prefix + "local_step"] + 2


def test_the_learning_rate_is_that_of_the_step(stepped):
    step, states, _ = stepped
    name = "siamese/scala5/conv/biases"
    rates = [step.config.learning_rate_at(index) for index in range(2)]
    assert rates[0] != rates[1]
    for before, after, rate in zip(states, states[1:], rates):
        np.testing.assert_allclose(
            before[name] - after[name], rate * after[name + "/Momentum"], rtol=1e-2
        )


def test_evaluation_moves_nothing(stepped):
    step, states, _ = stepped
    outputs = numpy(step.evaluate(*BATCH))
    assert outputs["final_score"].shape == (4, 15, 15, 1)
    assert np.isfinite(outputs["loss"])
    # Groups of one pair, where not enough videos are held out for more.
    small = numpy(step.evaluate(*(part[::2] for part in BATCH)))
    assert small["final_score"].shape == (2, 15, 15, 1)
    assert np.isfinite(small["loss"])
    after = step.state()
    for name, value in states[-1].items():
        np.testing.assert_array_equal(after[name], value, err_msg=name)


def test_the_state_goes_on_in_another_step_to_the_same_bits(stepped):
    _, states, outputs = stepped
    step = make()
    step.load_state(states[1])
    actual = numpy(step(*BATCH, 1))
    for name, value in outputs[1].items():
        np.testing.assert_array_equal(actual[name], value, err_msg=name)
    after = step.state()
    assert set(after) == set(states[2])
    for name, value in states[2].items():
        assert after[name].tobytes() == value.tobytes(), name


def test_a_state_of_another_training_is_refused_whole(stepped):
    step, states, _ = stepped
    good = states[-1]
    name = "siamese/scala1/conv/weights"
    changed = {key: np.zeros_like(value) for key, value in good.items()}
    for bad, expected in (
        ({key: value for key, value in changed.items() if key != name}, name),
        ({**changed, "extra/Momentum": np.zeros(3)}, "extra/Momentum"),
        ({**changed, name: np.zeros((1, 2), np.float32)}, name),
    ):
        with pytest.raises(ValueError, match=f"another training: {expected}"):
            step.load_state(bad)
    for key, value in good.items():
        np.testing.assert_array_equal(step.state()[key], value)


def test_stop_is_handed_back(stepped):
    step, states, outputs = stepped
    assert outputs[0]["stop"] == 0
    state = step.state()
    assert float(step(*BATCH, 2, stop=True)["stop"]) == 1
    step.load_state(state)


@pytest.mark.parametrize("replicas, groups", [(2, 3), (4, 2)])
def test_groups_that_cannot_be_shared_out_are_refused(replicas, groups):
    check_groups(replicas * groups, replicas)
    with pytest.raises(ValueError, match=f"groups={groups} .*{replicas} replicas: .*multiple of"):
        check_groups(groups, replicas)
