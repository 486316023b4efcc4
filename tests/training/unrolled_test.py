"""Tests of gradnet_tf.training.unrolled: several updates of one template, as in tracking."""

import dataclasses

import numpy as np
import pytest
import tensorflow as tf

from gradnet_tf.data import task
from gradnet_tf.network import losses
from gradnet_tf.training import objective, unrolled
from gradnet_tf.training.config import TrainConfig
from gradnet_tf.training.objective import Objective
from tests.helpers import networks, training

SETTINGS = dict(
    batch=2,
    updates=3,
    regions=5,
    first_frame_weight=0.5,
    template_statistics="moving",
    loss_scale="sum",
    weight_decay=0.0,
)
COUNT = 7  # 5 of its own video, 2 of the other one.


def make(network=None, **settings):
    return Objective(network or networks.hand_made(), TrainConfig(**{**SETTINGS, **settings}))


def batch(together=True, sample_label=(1, 0)):
    """One sequence: exemplar, instances, and label, gradient and loss of a task."""
    exemplars, _ = training.images(1)
    _, instances = training.images(COUNT, seed=1)
    label = np.zeros((COUNT, 2), np.int32)
    label[1] = sample_label
    label[4] = (-1, 2)
    share = 0.5 if together else 1.0
    gradient, loss = np.zeros((3, COUNT), np.float32), np.zeros(COUNT, np.float32)
    gradient[0, 0] = share
    gradient[1, [0, 1]] = gradient[2, [0, 2]] = share / 2
    loss[[3, 4]] = share / 2
    if together:
        gradient[:, 5], loss[6] = 0.5, 0.5
    return exemplars, instances, tuple(map(tf.constant, (label, gradient, loss)))


def by_hand(network, exemplars, instances, parts, rate):
    """The same by the network's own `update`, one region at a time: losses after each, h_2."""
    label, gradient, loss = (part.numpy() for part in parts)
    features = network.search_features(instances)
    # Labels by their definition: a disc of radius 2 around the target.
    y, x = np.mgrid[:15, :15] - 7
    labels = [
        np.where(np.hypot(y - cell[0], x - cell[1]) <= 2, 1, -1)[..., None].astype(np.float32)
        for cell in label
    ]
    weights = [losses.balanced_weights(each) for each in labels]

    def mean_loss(template, shares):
        each = [
            losses.logistic_loss(
                network.score_map(template, features[n : n + 1]), labels[n], weights[n]
            )[0]
            for n in range(COUNT)
        ]
        return tf.add_n([float(share) * value for share, value in zip(shares, each)])

    h2 = network.template_features(exemplars)
    found = [225 * mean_loss(network.initial_template(h2), loss)]
    for number in range(3):
        # dL / dh_2 is the weighted sum of what `update` finds for each region alone.
        total = tf.add_n(
            [
                float(gradient[number, n])
                * network.update(h2, features[n : n + 1], labels[n], weights[n]).gradient
                for n in np.flatnonzero(gradient[number])
            ]
        )
        new = h2 + network.u2(total)
        template = network.u1(new)
        h2 = new if number == 0 else (1 - rate) * h2 + rate * new
        found.append(225 * mean_loss(template, loss))
    return found, h2


@pytest.mark.parametrize("together", [False, True])
def test_updates_are_those_of_a_plain_loop(together):
    network = networks.hand_made()
    exemplars, instances, parts = batch(together)
    outputs = make(network)(exemplars, instances, parts)
    found, h2 = by_hand(network, exemplars, instances, parts, 0.6)
    np.testing.assert_allclose(outputs["initial_loss"], found[0], rtol=1e-4)
    np.testing.assert_allclose(outputs["loss"], np.mean(found[1:]), rtol=1e-3)
    f2 = network.template_features(exemplars)
    change = np.abs(h2 - f2).sum()
    share = change / (change + np.abs(f2).sum())
    np.testing.assert_allclose(outputs["gradient_share"], share, rtol=1e-3)
    assert outputs["final_score"].shape == outputs["initial_score"].shape == (2, 15, 15, 1)
    np.testing.assert_array_equal(outputs["target"], [[0, 0], [-1, 2]])


def test_regions_that_never_take_part_change_nothing():
    """A sequence without the other videos, of a training that has them or not."""
    exemplars, instances, parts = batch(together=False)
    some = make(generalization=0.5)(exemplars, instances, parts)
    none = make(generalization=0.0)(exemplars, instances, parts)
    for name in ("loss", "initial_loss", "gradient_size"):
        np.testing.assert_allclose(some[name], none[name], rtol=1e-4)


def test_the_label_of_a_sample_moves_the_template():
    """A label that is wrong altogether, as `wrong_samples` has it, gives another gradient."""
    right = make()(*batch(sample_label=(0, 0)))
    wrong = make()(*batch(sample_label=(task.WRONG_CELLS, -3)))
    assert right["initial_loss"] == wrong["initial_loss"]
    assert right["loss"] != wrong["loss"]


def gradients(made, mode="eager"):
    outputs, found = networks.compiled(lambda: made.gradients(*batch()), mode)()
    return outputs["loss"], {name: value.numpy() for name, value in found.items()}


def test_gradients_pass_through_all_updates():
    made = make()
    loss, found = gradients(made)
    for name, gradient in found.items():
        assert np.isfinite(gradient).all() and np.abs(gradient).max() > 0, name
    # Against a step of the variables: the loss falls by what the gradient says.
    name = "siamese/t_scala5_zz/conv/biases"
    size = 1e-2 / np.abs(found[name]).max()
    made.variables[name].assign_sub(size * found[name])
    after = make(made.network)(*batch())["loss"]
    np.testing.assert_allclose(loss - after, size * (found[name] ** 2).sum(), rtol=0.2)


def test_compiled_by_xla_is_what_it_is_in_a_graph():
    made = make(updates=2, regions=5)
    exemplars, instances, (label, gradient, loss) = batch()
    arguments = exemplars, instances, (label, gradient[:2], loss)
    values = [
        networks.compiled(lambda: made.gradients(*arguments), mode)() for mode in ("graph", "xla")
    ]
    np.testing.assert_allclose(values[1][0]["loss"], values[0][0]["loss"], rtol=1e-3)
    for name, expected in values[0][1].items():
        assert networks.relative_error(values[1][1][name], expected) < 1e-2, name


def test_the_loss_sees_both_templates_as_the_tracker_mixes_them():
    network = networks.hand_made()
    exemplars, instances, parts = batch()
    plain = make(network)(exemplars, instances, parts)
    mixed = make(network, template_influence=0.4)(exemplars, instances, parts)
    features = network.search_features(instances[3:5])
    fixed = network.score_map(network.siamese_template(exemplars), features)
    for name in ("initial_score", "final_score"):
        expected = 0.6 * fixed + 0.4 * plain[name]
        np.testing.assert_allclose(mixed[name], expected, rtol=1e-3, atol=1e-3)


@pytest.mark.parametrize("updates", [1, 3])
def test_u2_alone_is_trained_on_request(updates):
    settings = {**SETTINGS, "trained": "update", "updates": updates}
    if updates == 1:
        settings.update(regions=1, first_frame_weight=0.0)
    made = Objective(networks.hand_made(), TrainConfig(**settings))
    arguments = batch() if updates > 1 else training.images(2)
    _, found = made.gradients(*arguments)
    names = {n for n in made.network.named_weights() if "t_scala5_zz" in n and "/moving" not in n}
    assert set(found) == names and len(names) == 4
    assert all(np.abs(gradient).max() > 0 for gradient in found.values())


@pytest.mark.parametrize("label", ["logistic", "gaussian"])
def test_labels_off_the_centre(label):
    most = task.WRONG_CELLS
    table = unrolled.label_table(objective.labels_of(label, 15 + 2 * most)[0])
    cells = tf.constant([[0, 0], [most, -most], [-2, 1]])
    moved = table[unrolled.rows_of_table(cells).numpy()]
    centred = objective.labels_of(label, 15)[0]
    np.testing.assert_array_equal(moved[0], centred)
    for (y, x), each in zip(cells.numpy(), moved):
        inner = each[5 + y : 10 + y, 5 + x : 10 + x]  # Around the target.
        np.testing.assert_array_equal(inner, centred[5:10, 5:10])
        peak = np.argwhere(each[..., 0] == each.max()).mean(axis=0)
        if abs(y) < most:
            np.testing.assert_array_equal(peak, [7 + y, 7 + x])


@pytest.mark.parametrize(
    "changes, message",
    [
        (dict(regions=3), "regions must be more than updates=3"),
        (dict(template_statistics="batch"), "needs template_statistics=moving"),
        (dict(variant="without_generalization"), "generalization=0 trains without"),
        (dict(negatives=0.1), "negatives=0.1 belongs to updates of 1"),
        (dict(updates=1), "first_frame_weight=0.5 belongs to updates of at least 2"),
        (dict(update_rate=0), "update_rate must be in"),
        (dict(template_influence=0), "template_influence must be in"),
    ],
)
def test_settings_that_contradict_updates(changes, message):
    with pytest.raises(ValueError, match=message):
        TrainConfig(**{**SETTINGS, **changes})


def test_what_belongs_to_updates_is_nothing_without_them():
    with pytest.raises(ValueError, match="trained=update needs a U2"):
        TrainConfig(trained="update", variant="without_gradient")
    plain = TrainConfig()
    assert plain.task() is None and (plain.exemplars, plain.instances) == (8, 8)
    config = TrainConfig(**SETTINGS)
    names = {field.name for field in dataclasses.fields(task.TaskConfig)}
    assert {n: getattr(config, n) for n in names} == dataclasses.asdict(config.task())
    assert (config.exemplars, config.instances) == (1, COUNT)
