"""What differs between Keras 2 (TensorFlow 2.15) and Keras 3 (TensorFlow 2.16 and later).

Everything else in the package uses only what the two generations share.
"""

from __future__ import annotations

import tensorflow as tf

# TensorFlow 2.15 does not say the version of the Keras inside it.
KERAS_GENERATION = int(getattr(tf.keras, "__version__", "2").split(".")[0])


def check_backend() -> None:
    """Fails early where Keras 3 was switched to another backend than TensorFlow.

    Raises:
        ImportError: If `tf.keras` runs on JAX, PyTorch or anything but TensorFlow.
    """
    backend = tf.keras.backend.backend() if KERAS_GENERATION >= 3 else "tensorflow"
    if backend != "tensorflow":
        raise ImportError(
            f"gradnet_tf needs Keras on the TensorFlow backend, found {backend!r}: "
            "unset KERAS_BACKEND or set it to 'tensorflow' before the first import"
        )


def raw_variable(variable) -> tf.Variable:
    """Returns the `tf.Variable` behind a layer's weight (Keras 3 wraps it, Keras 2 does not).

    A constant that stands for it is given back as it is.
    """
    return getattr(variable, "value", variable) if KERAS_GENERATION >= 3 else variable
