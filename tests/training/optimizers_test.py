"""Tests of gradnet_tf.training.optimizers: both rules, with a learning rate that changes."""

import math

import numpy as np
import pytest
import tensorflow as tf

from gradnet_tf.training import optimizers
from tests.helpers import networks

RATES = [0.1, 0.1, 0.01, 0.5]
RANDOM = np.random.default_rng(3)
START = RANDOM.normal(size=(2, 3)).astype(np.float32)
GRADIENTS = RANDOM.normal(size=(len(RATES), 2, 3)).astype(np.float32)


def run(make, mode="eager"):
    """The optimizer after all steps, and the values of its variable after each."""
    optimizer = make({"a": tf.Variable(START), "b": tf.Variable(2.0)})

    def move(gradient, rate, step):
        optimizer.apply({"a": gradient, "b": tf.constant(0.0)}, rate, step)

    move = networks.compiled(move, mode)
    values = []
    for step, (gradient, rate) in enumerate(zip(GRADIENTS, RATES)):
        move(tf.constant(gradient), tf.constant(rate, tf.float64), tf.constant(step, tf.int64))
        values.append(optimizer.variables["a"].numpy())
    assert optimizer.variables["b"].numpy() == 2.0
    return optimizer, values


@pytest.mark.parametrize("mode", networks.MODES)
def test_momentum_is_tensorflow_1_s(mode):
    with tf.Graph().as_default(), tf.compat.v1.Session() as session:
        variable = tf.compat.v1.Variable(START)
        rate = tf.compat.v1.placeholder(tf.float32)
        gradient = tf.compat.v1.placeholder(tf.float32, START.shape)
        theirs = tf.compat.v1.train.MomentumOptimizer(rate, 0.9)
        move = theirs.apply_gradients([(gradient, variable)])
        session.run(tf.compat.v1.global_variables_initializer())
        expected = []
        for values, learning_rate in zip(GRADIENTS, RATES):
            session.run(move, {gradient: values, rate: learning_rate})
            expected.append(session.run(variable))
        slot = session.run(theirs.get_slot(variable, "momentum"))
    optimizer, actual = run(lambda variables: optimizers.Momentum(variables, 0.9), mode)
    np.testing.assert_allclose(actual, expected, rtol=1e-6, atol=1e-6)
    np.testing.assert_allclose(optimizer.state()["a/Momentum"], slot, rtol=1e-6)


def test_momentum_s_factor_counts():
    _, plain = run(lambda variables: optimizers.Momentum(variables, 0.0))
    expected = START - np.cumsum(np.reshape(RATES, (-1, 1, 1)) * GRADIENTS, axis=0)
    np.testing.assert_allclose(plain, expected, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("mode", networks.MODES)
def test_adam_is_algorithm_1_of_its_paper(mode):
    value, first, second = START.astype(np.float64), 0.0, 0.0
    one, two = (float(np.float32(beta)) for beta in (0.9, 0.999))  # 1 - two is off by 1e-5.
    expected = []
    for t, (gradient, rate) in enumerate(zip(GRADIENTS.astype(np.float64), RATES), start=1):
        first = one * first + (1 - one) * gradient
        second = two * second + (1 - two) * gradient**2
        corrected = first / (1 - one**t), second / (1 - two**t)
        value = value - rate * corrected[0] / (np.sqrt(corrected[1]) + 1e-8)
        expected.append(value)
    optimizer, actual = run(optimizers.Adam, mode)
    np.testing.assert_allclose(actual, expected, rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(optimizer.state()["a/Adam_m"], first, rtol=1e-5)
    np.testing.assert_allclose(optimizer.state()["a/Adam_v"], second, rtol=1e-5)


@pytest.mark.parametrize(
    "make, names",
    [
        (lambda variables: optimizers.Momentum(variables, 0.9), ["a/Momentum", "b/Momentum"]),
        (optimizers.Adam, ["a/Adam_m", "a/Adam_v", "b/Adam_m", "b/Adam_v"]),
    ],
)
def test_the_state_is_named_and_has_the_variables_types(make, names):
    variables = {"a": tf.Variable(START), "b": tf.Variable(2.0, dtype=tf.float64)}
    state = make(variables).state()
    assert sorted(state) == names
    for name, slot in state.items():
        assert (slot.shape, slot.dtype) == (variables[name[0]].shape, variables[name[0]].dtype)
        assert not slot.numpy().any()


def test_log_steps_are_the_references():
    rates = np.logspace(-2, -5, 50)
    per_epoch = 5984
    for epoch in range(50):
        for step in (epoch * per_epoch, (epoch + 1) * per_epoch - 1):
            assert optimizers.log_steps(step, per_epoch, 50, 1e-2, 1e-5) == rates[epoch]


def test_log_steps_go_on_with_the_last_rate():
    assert optimizers.log_steps(10**9, 3, 4, 0.1, 0.001) == pytest.approx(0.001, rel=1e-12)
    assert optimizers.log_steps(7, 3, 1, 0.1, 0.001) == pytest.approx(0.1, rel=1e-12)


def test_cosine_without_warm_up():
    def rate(step):
        return optimizers.cosine(step, steps=100, peak=1e-3, warmup_steps=0, floor=1e-5)

    assert rate(0) == 1e-3
    assert rate(50) == pytest.approx((1e-3 + 1e-5) / 2, rel=1e-12)
    assert rate(25) == pytest.approx(1e-5 + 99e-5 * (1 + math.sqrt(0.5)) / 2, rel=1e-12)
    assert rate(100) == rate(1000) == 1e-5


def test_cosine_with_warm_up_rises_evenly_and_then_falls():
    rates = [optimizers.cosine(s, steps=30, peak=1.0, warmup_steps=4, floor=0.0) for s in range(31)]
    np.testing.assert_allclose(rates[:5], [0.2, 0.4, 0.6, 0.8, 1.0], rtol=1e-12)
    assert all(a > b for a, b in zip(rates[4:], rates[5:]))
    assert rates[17] == pytest.approx(0.5) and rates[30] == 0
