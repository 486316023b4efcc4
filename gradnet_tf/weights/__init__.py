"""Weights of the network as arrays by TF1 name: layout, checkpoints, conversion.

Everything here works on `dict[str, np.ndarray]` with the variable names of the reference's TF1
checkpoints (`siamese/scala1/conv/weights`, ...) and knows nothing of Keras:

*   `tf1`: names and shapes of every variant. `tf1_files`: TF1 checkpoints.
*   `card`: the `Weights` value, its JSON card, hashes.
*   `store`: this project's checkpoint directory and the npz exchange file.
*   `convert`: from any of these formats to any other.
*   `pretrained`: the weights that come with gradnet_tf.
*   `authors`: the checksums by which the authors' own two checkpoints are recognised.
"""

from gradnet_tf.network.architecture import VARIANTS
from gradnet_tf.weights.card import Weights, digest, make_weights
from gradnet_tf.weights.errors import CheckpointError
from gradnet_tf.weights.pretrained import load_embedded
from gradnet_tf.weights.store import import_npz, load, save
from gradnet_tf.weights.tf1 import expected_shapes

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
