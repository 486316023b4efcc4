"""The few differences between Keras 2 and Keras 3."""

import numpy as np
import pytest
import tensorflow as tf

from gradnet_tf.network import compat


def test_generation_follows_tensorflow():
    major, minor = map(int, tf.__version__.split(".")[:2])
    assert compat.KERAS_GENERATION == (3 if (major, minor) >= (2, 16) else 2)


def test_tensorflow_backend_is_accepted():
    compat.check_backend()


def test_other_backend_is_refused_by_name(monkeypatch):
    monkeypatch.setattr(compat, "KERAS_GENERATION", 3)
    monkeypatch.setattr(tf.keras.backend, "backend", lambda: "jax")
    with pytest.raises(ImportError, match="found 'jax'.*KERAS_BACKEND"):
        compat.check_backend()


def test_raw_variable_is_the_layers_own():
    layer = tf.keras.layers.Dense(2)
    layer.build((None, 3))
    kernel = compat.raw_variable(layer.kernel)
    assert isinstance(kernel, tf.Variable)
    kernel.assign(np.full((3, 2), 4.0))
    np.testing.assert_array_equal(layer(np.ones((1, 3), np.float32)), [[12.0, 12.0]])
