"""Labels, balanced logistic loss and L2 regularization."""

import numpy as np
import pytest
import tensorflow as tf

from gradnet_tf.network import losses
from tests.helpers import goldens


@pytest.mark.parametrize("file, size", [("network", 17), ("train", 15)])
def test_labels_and_weights_are_the_references(file, size):
    golden = goldens.load(0, file)
    labels = losses.logistic_labels(size)
    assert labels.shape == (size, size, 1) and labels.dtype == np.float32
    np.testing.assert_array_equal(labels, golden["label"][0])
    weights = losses.balanced_weights(labels)
    assert weights.dtype == np.float32
    np.testing.assert_array_equal(weights, golden["weight"][0])


@pytest.mark.parametrize("size, radius", [(17, 2.0), (15, 2.0), (5, 0.0), (6, 1.5)])
def test_labels_by_their_definition(size, radius):
    labels = losses.logistic_labels(size, radius)
    for row in range(size):
        for column in range(size):
            distance = ((row - size // 2) ** 2 + (column - size // 2) ** 2) ** 0.5
            assert labels[row, column, 0] == (1 if distance <= radius else -1)


def test_each_class_weighs_one_half():
    labels = losses.logistic_labels(17)
    weights = losses.balanced_weights(labels)
    assert (labels > 0).sum() == 13
    np.testing.assert_allclose(weights[labels > 0].sum(), 0.5, rtol=1e-6)
    np.testing.assert_allclose(weights[labels < 0].sum(), 0.5, rtol=1e-6)
    assert len(np.unique(weights)) == 2


def test_labels_of_a_batch_are_balanced_map_by_map():
    one = losses.logistic_labels(15)
    other = losses.logistic_labels(15, radius=3)
    weights = losses.balanced_weights(np.stack([one, other]))
    np.testing.assert_array_equal(weights[0], losses.balanced_weights(one))
    np.testing.assert_array_equal(weights[1], losses.balanced_weights(other))


@pytest.mark.parametrize("size, radius", [(3, 2.0), (1, 0.0), (17, 100.0), (17, -1.0)])
def test_a_map_without_both_classes_is_refused(size, radius):
    with pytest.raises(ValueError, match=f"radius {radius}.*{size}x{size}"):
        losses.logistic_labels(size, radius)


def test_a_radius_that_is_no_number_is_refused():
    with pytest.raises(ValueError, match="radius nan"):
        losses.logistic_labels(17, float("nan"))


@pytest.mark.parametrize("size", [0, -3])
def test_a_map_without_cells_is_refused(size):
    with pytest.raises(ValueError, match=f"size.*{size}"):
        losses.logistic_labels(size)


def test_loss_against_numpy():
    rng = np.random.default_rng(0)
    score = rng.normal(size=(3, 15, 15, 1)) * 3
    labels = losses.logistic_labels(15).astype(np.float64)
    weights = losses.balanced_weights(labels).astype(np.float64)
    expected = [(weights * np.log(1 + np.exp(-labels * s))).mean() for s in score]
    actual = losses.logistic_loss(tf.constant(score), labels, weights)
    assert actual.shape == (3,)
    np.testing.assert_allclose(actual, expected, rtol=1e-12)


def test_loss_takes_labels_of_each_region():
    rng = np.random.default_rng(1)
    score = rng.normal(size=(2, 15, 15, 1)).astype(np.float32)
    labels = np.stack([losses.logistic_labels(15), losses.logistic_labels(15, radius=3)])
    weights = np.stack([losses.balanced_weights(each) for each in labels])
    both = losses.logistic_loss(score, labels, weights)
    for i in range(2):
        single = losses.logistic_loss(score[i : i + 1], labels[i], weights[i])
        np.testing.assert_allclose(both[i], single[0], rtol=1e-6)


@pytest.mark.parametrize("sign", [1.0, -1.0])
def test_huge_scores_neither_overflow_nor_lose_the_gradient(sign):
    labels = np.array([[[1.0], [-1.0]]], np.float32)
    weights = np.full((1, 2, 1), 0.5, np.float32)
    score = tf.constant(sign * np.array([[[[1e5], [-1e5]]]], np.float32))
    with tf.GradientTape() as tape:
        tape.watch(score)
        loss = losses.logistic_loss(score, labels, weights)
    gradient = tape.gradient(loss, score)
    right = sign > 0
    np.testing.assert_allclose(loss, [0.0 if right else 0.5e5], rtol=1e-6)
    expected = np.zeros((1, 1, 2, 1)) if right else -0.25 * labels[np.newaxis]
    np.testing.assert_allclose(gradient, expected, rtol=1e-6)


def test_loss_at_zero_is_log_two_over_cells():
    labels = losses.logistic_labels(17)
    loss = losses.logistic_loss(
        np.zeros((1, 17, 17, 1), np.float32), labels, losses.balanced_weights(labels)
    )
    np.testing.assert_allclose(loss, [np.log(2) / 289], rtol=1e-6)


def test_l2_is_half_the_squared_norms():
    kernels = [np.array([3.0, 4.0], np.float32), tf.Variable([[2.0]])]
    np.testing.assert_allclose(losses.l2_regularization(kernels), 5e-4 * (25 + 4) / 2, rtol=1e-6)
    actual = losses.l2_regularization(kernels, weight_decay=2.0)
    np.testing.assert_allclose(actual, 29.0, rtol=1e-6)


@pytest.mark.parametrize("size", [1, 15, 16, 17])
def test_gaussian_labels_by_their_definition(size):
    labels = losses.gaussian_labels(size)
    assert labels.shape == (size, size, 1) and labels.dtype == np.float32
    # As the reference counts: cells from 1, and the centre half of the size, rounded up.
    center = int(np.ceil(size / 2))
    for row in range(1, size + 1):
        for column in range(1, size + 1):
            square = ((row - center) / 0.7) ** 2 + ((column - center) / 0.7) ** 2
            expected = np.exp(-0.25 * square)
            np.testing.assert_allclose(labels[row - 1, column - 1, 0], expected, rtol=1e-6)
    assert labels[center - 1, center - 1, 0] == 1 and (labels > 0).all()


def test_gaussian_weights_prefer_the_centre():
    weights = losses.gaussian_weights(losses.gaussian_labels(15))
    assert weights.shape == (15, 15, 1) and weights.dtype == np.float32
    assert weights[7, 7, 0] == 5 and weights.sum() == 5 + 224


def test_a_gaussian_map_without_cells_is_refused():
    with pytest.raises(ValueError, match="size.*0"):
        losses.gaussian_labels(0)


def test_logistic_loss_finds_no_target_in_a_gaussian_map_but_their_mixture_does():
    labels = losses.gaussian_labels(15)
    weights = losses.gaussian_weights(labels)
    score = tf.zeros((1, 15, 15, 1))
    with tf.GradientTape(persistent=True) as tape:
        tape.watch(score)
        plain = losses.logistic_loss(score, labels, weights)
        mixed = losses.logistic_loss(score, 1.0, weights * labels) + losses.logistic_loss(
            score, -1.0, weights * (1 - labels)
        )
    assert tf.reduce_all(tape.gradient(plain, score) < 0)
    gradient = tape.gradient(mixed, score).numpy()[0]
    np.testing.assert_array_equal(gradient > 0, labels < 0.5)
