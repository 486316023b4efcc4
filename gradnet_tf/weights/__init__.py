"""Weights of the network as arrays by TF1 name: layout, checkpoints, conversion.

Everything here works on `dict[str, np.ndarray]` with the variable names of the reference's TF1
checkpoints (`siamese/scala1/conv/weights`, ...) and knows nothing of Keras.
"""

from gradnet_tf.network.architecture import VARIANTS
from gradnet_tf.weights.card import Weights, digest, make_weights
from gradnet_tf.weights.store import import_npz, load, load_embedded, save
from gradnet_tf.weights.tf1 import CheckpointError, expected_shapes

__all__ = [
    "VARIANTS",
    "CheckpointError",
    "Weights",
    "digest",
    "expected_shapes",
    "import_npz",
    "load",
    "load_embedded",
    "make_weights",
    "save",
]
