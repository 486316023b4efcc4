"""Building blocks: grouped convolution and TF1's batch normalisation.

Shapes are NHWC, kernels HWIO. Each layer has a type of its own, float32 by default: Keras's global
policy is a setting of the user's other models. Source: `siamese.py` of the reference,
`SiameseNet.conv`, `SiameseNet.conv_`, `SiameseNet.batchNorm` and `SiameseNet.maxPool`.
"""

from __future__ import annotations

import contextlib
import threading
import zlib
from collections.abc import Callable, Iterator, Mapping
from typing import NamedTuple, Optional

import numpy as np
import tensorflow as tf

from gradnet_tf.network import compat
from gradnet_tf.network.architecture import Layer

BATCH_NORM_EPSILON = 1e-3
BATCH_NORM_DECAY = 0.9997
KERNEL_STDDEV = 0.01
BIAS_VALUE = 0.1

ACTIVATIONS: dict[Optional[str], Callable] = {
    None: tf.identity,
    "relu": tf.nn.relu,
    "tanh": tf.nn.tanh,
}


class BatchStatistics(NamedTuple):
    """Mean and biased variance, [channels], that a `BatchNorm` in training computed in one call."""

    layer: BatchNorm
    mean: tf.Tensor
    variance: tf.Tensor


class _Modes(threading.local):
    """What the two contexts below have set in this thread; replicas are threads."""

    collected: Optional[list[BatchStatistics]] = None
    dtype: Optional[str] = None


_modes = _Modes()


@contextlib.contextmanager
def collecting_statistics() -> Iterator[list[BatchStatistics]]:
    """Lets batch norms in training hand over their statistics and move nothing.

    A training step that spreads its batch over replicas averages the statistics first and then
    calls `BatchNorm.move` for each entry in order.

    Yields:
        The list that fills, in the order of the calls.
    """
    before = _modes.collected
    collected: list[BatchStatistics] = []
    _modes.collected = collected
    try:
        yield collected
    finally:
        _modes.collected = before


@contextlib.contextmanager
def convolving_in(dtype: Optional[str]) -> Iterator[None]:
    """Lets every `ConvBlock` compute its convolution in another type.

    Input and kernel are rounded to it, the outcome goes back to the type of the input; variables,
    biases, batch norm and activations keep theirs. Gradients of what was computed inside follow.

    Args:
        dtype: Such as "bfloat16"; None: the type of the input.
    """
    before, _modes.dtype = _modes.dtype, dtype
    try:
        yield
    finally:
        _modes.dtype = before


def grouped_conv2d(x, kernel, *, strides: int, groups: int, padding: str):
    """Convolves x [batch, height, width, channels] in groups.

    The groups are split and concatenated: the native grouped kernel exists on CPU only with oneDNN.

    Args:
        x: Input.
        kernel: [size, size, channels / groups, filters].
        strides: Pixels, in both directions.
        groups: Number of groups; divides channels and filters.
        padding: "VALID" or "SAME".

    Returns:
        [batch, height', width', filters].
    """
    if groups == 1:
        return tf.nn.conv2d(x, kernel, strides, padding)
    parts = zip(tf.split(x, groups, axis=3), tf.split(kernel, groups, axis=3))
    return tf.concat([tf.nn.conv2d(part, k, strides, padding) for part, k in parts], axis=3)


def max_pool(x):
    """Pools 3x3 by the maximum, stride 2, VALID (`SiameseNet.maxPool`)."""
    return tf.nn.max_pool2d(x, ksize=3, strides=2, padding="VALID")


class BatchNorm(tf.keras.layers.Layer):
    """Normalises batches and keeps TF1's zero-debiased moving averages.

    In training it normalises by the batch's mean and (biased) variance and moves the averages:
    biased <- biased - (1 - decay) (biased - value), local_step <- local_step + 1,
    moving <- biased / (1 - decay^local_step). In inference it uses the moving averages.

    Source: `SiameseNet.batchNorm` of the reference and `assign_moving_average` of TensorFlow 1.

    Args:
        channels: Size of the input's last axis.
        decay: Decay of the moving averages.
        dtype: Type of the variables and the arithmetic.
        constants: Arrays by TF1 name that stand for the variables, see `ConvBlock`.
    """

    # By the name of the variable. TF1 nests the whole name of an averaged one, scope included, in
    # the scope.
    TF1_NAMES = {
        "beta": "bn/beta",
        "gamma": "bn/gamma",
        "moving_mean": "bn/moving_mean",
        "moving_variance": "bn/moving_variance",
        "moving_mean_biased": "siamese/{scope}/bn/moving_mean/biased",
        "moving_mean_local_step": "siamese/{scope}/bn/moving_mean/local_step",
        "moving_variance_biased": "siamese/{scope}/bn/moving_variance/biased",
        "moving_variance_local_step": "siamese/{scope}/bn/moving_variance/local_step",
    }

    def __init__(
        self,
        channels: int,
        *,
        decay: float = BATCH_NORM_DECAY,
        dtype: str = "float32",
        constants: Optional[Mapping[str, np.ndarray]] = None,
    ):
        super().__init__(name="bn", dtype=dtype)
        self.decay = decay

        def add(name, initializer, shape=(channels,), trainable=False):
            if constants is not None:
                return tf.constant(constants[self.TF1_NAMES[name]], dtype)
            return self.add_weight(
                name=name, shape=shape, initializer=initializer, trainable=trainable
            )

        self.gamma = add("gamma", "ones", trainable=True)
        self.beta = add("beta", "zeros", trainable=True)
        self.moving_mean = add("moving_mean", "zeros")
        self.moving_variance = add("moving_variance", "ones")
        self.mean_biased = add("moving_mean_biased", "zeros")
        self.mean_local_step = add("moving_mean_local_step", "zeros", shape=())
        self.variance_biased = add("moving_variance_biased", "zeros")
        self.variance_local_step = add("moving_variance_local_step", "zeros", shape=())
        self.built = True

    def call(self, x, training: bool = False):
        """Normalises x [batch, height, width, channels]."""
        if training:
            # As in the reference, moments() stops the gradient of the mean inside the variance:
            # exact for a first derivative, not quite for the second that equation 6 brings.
            mean, variance = tf.nn.moments(x, axes=[0, 1, 2])
            statistics = BatchStatistics(self, tf.stop_gradient(mean), tf.stop_gradient(variance))
            if _modes.collected is None:
                self.move(statistics.mean, statistics.variance)
            else:
                _modes.collected.append(statistics)
        else:
            mean = tf.convert_to_tensor(self.moving_mean)
            variance = tf.convert_to_tensor(self.moving_variance)
        beta, gamma = tf.convert_to_tensor(self.beta), tf.convert_to_tensor(self.gamma)
        return tf.nn.batch_normalization(x, mean, variance, beta, gamma, BATCH_NORM_EPSILON)

    def move(self, mean, variance) -> None:
        """Moves the averages by a batch's mean and variance, [channels] each."""
        strategy = tf.distribute.get_strategy()
        of_mean = self.moving_mean, self.mean_biased, self.mean_local_step
        of_variance = self.moving_variance, self.variance_biased, self.variance_local_step
        for variables, value in ((of_mean, mean), (of_variance, variance)):
            moving, biased, local_step = map(compat.raw_variable, variables)
            if tf.distribute.has_strategy():
                strategy.extended.update(moving, self._move, args=(biased, local_step, value))
            else:
                self._move(moving, biased, local_step, value)

    def _move(self, moving, biased, local_step, value):
        # TF1 rounds 1 - decay to float32 first and takes the power of what is left of it.
        rate = tf.constant(1.0 - self.decay, value.dtype)
        new_biased = biased - (biased - value) * rate
        new_step = local_step + 1.0
        biased.assign(new_biased)
        local_step.assign(new_step)
        moving.assign(new_biased / (1.0 - tf.pow(1.0 - rate, new_step)))

    def named_weights(self) -> dict[str, tf.Variable]:
        """Lists the variables by their name inside the block's TF1 scope."""
        weights = {
            "beta": self.beta,
            "gamma": self.gamma,
            "moving_mean": self.moving_mean,
            "moving_variance": self.moving_variance,
            "moving_mean_biased": self.mean_biased,
            "moving_mean_local_step": self.mean_local_step,
            "moving_variance_biased": self.variance_biased,
            "moving_variance_local_step": self.variance_local_step,
        }
        return {self.TF1_NAMES[name]: compat.raw_variable(each) for name, each in weights.items()}


class ConvBlock(tf.keras.layers.Layer):
    """Convolves, normalises where its layer says so, and activates: one TF1 scope of the reference.

    Args:
        layer: What to make; pooling is not part of the block.
        seed: Of the kernel's initial values; every scope draws its own from it.
        dtype: Type of the variables and, unless `convolving_in` says another, the arithmetic.
        constants: Arrays by TF1 name that stand for the variables: for inference, where making
            variables and reading them in a graph would take time.

    Raises:
        ValueError: If the layer's groups do not divide its channels and filters.
    """

    def __init__(
        self,
        layer: Layer,
        *,
        seed: Optional[int] = None,
        dtype: str = "float32",
        constants: Optional[Mapping[str, np.ndarray]] = None,
    ):
        super().__init__(name=layer.scope, dtype=dtype)
        if layer.in_channels % layer.groups or layer.filters % layer.groups:
            raise ValueError(
                f"{layer.scope}: groups={layer.groups} must divide "
                f"in_channels={layer.in_channels} and filters={layer.filters}"
            )
        self.layer = layer
        self.scope = layer.scope
        if constants is None:
            seed = None if seed is None else zlib.crc32(f"{seed} {layer.scope}".encode())
            self.kernel = self.add_weight(
                name="weights",
                shape=layer.kernel_shape,
                initializer=tf.keras.initializers.TruncatedNormal(stddev=KERNEL_STDDEV, seed=seed),
                trainable=True,
            )
            self.bias = self.add_weight(
                name="biases",
                shape=(layer.filters,),
                initializer=tf.keras.initializers.Constant(BIAS_VALUE),
                trainable=True,
            )
        else:
            names = ("conv/weights", "conv/biases", *BatchNorm.TF1_NAMES.values())
            full_names = {name: self._full_name(name) for name in names}
            constants = {n: constants[full] for n, full in full_names.items() if full in constants}
            self.kernel, self.bias = (tf.constant(constants[name], dtype) for name in names[:2])
        self.bn = None
        if layer.batch_norm:
            self.bn = BatchNorm(layer.filters, dtype=dtype, constants=constants)
        self.built = True

    def _full_name(self, name: str) -> str:
        return f"siamese/{self.scope}/{name.format(scope=self.scope)}"

    def convolve(self, x):
        """Convolves and adds the bias: [batch, height', width', filters]."""
        dtype = _modes.dtype or x.dtype
        y = grouped_conv2d(
            tf.cast(x, dtype),
            tf.cast(tf.convert_to_tensor(self.kernel), dtype),
            strides=self.layer.strides,
            groups=self.layer.groups,
            padding=self.layer.padding,
        )
        # Add, not bias_add: TensorFlow would sum the bias inside the convolution, in another order
        # than the reference does.
        return tf.cast(y, x.dtype) + tf.convert_to_tensor(self.bias)

    def call(self, x, training: bool = False):
        """Computes [batch, height', width', filters] of x [batch, height, width, in_channels]."""
        x = self.convolve(x)
        if self.bn is not None:
            x = self.bn(x, training=training)
        return ACTIVATIONS[self.layer.activation](x)

    def named_weights(self) -> dict[str, tf.Variable]:
        """Lists the variables by TF1 name, such as `siamese/scala1/conv/weights`."""
        weights = {
            "conv/weights": compat.raw_variable(self.kernel),
            "conv/biases": compat.raw_variable(self.bias),
        }
        if self.bn is not None:
            weights.update(self.bn.named_weights())
        return {self._full_name(name): value for name, value in weights.items()}
