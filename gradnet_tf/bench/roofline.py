"""What a frame costs at the least: its arithmetic and the bytes that it moves.

Both are put over rates that are measured in the same run: that of a large matrix product, and that
of a pass over a large array. The arithmetic is that of plain convolutions. float32 on a processor
needs fewer multiplications (`winograd`), so it has a second floor.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple, Optional

import numpy as np
import tensorflow as tf

from gradnet_tf.bench.timing import PERIOD
from gradnet_tf.network import architecture, winograd

_PRODUCT, _COPY = "matrix product, ", "copy"  # Names of the functions.
_COPIED = 2**27  # Bytes of the array that is copied.


class Work(NamedTuple):
    """Counts what f_x takes for some regions."""

    multiply_adds: int  # Of its convolutions.
    multiplications: int  # What is left of them by minimal filtering (`winograd`).
    values: int  # Numbers that its layers read and write: inputs, kernels and outputs, once each.


def features_work(count: int, size: int = architecture.INSTANCE_SIZE) -> Work:
    """Counts the work of f_x on `count` regions [size, size, 3]."""
    macs = least = values = 0
    for layer in architecture.F_X:
        kernel = int(np.prod(layer.kernel_shape))
        output = (size - layer.kernel_size) // layer.strides + 1
        macs += count * output**2 * kernel
        if winograd.suits(np.empty(layer.kernel_shape), layer.strides, layer.padding):
            channels, filters = layer.kernel_shape[2:]
            least += count * winograd.multiplications(layer.kernel_size, size, channels, filters)
        else:
            least += count * output**2 * kernel
        values += count * (size**2 * layer.in_channels + output**2 * layer.filters) + kernel
        size = output
        if layer.pool:
            pooled = (size - 3) // 2 + 1
            values += count * layer.filters * (size**2 + pooled**2)
            size = pooled
    return Work(macs, least, values)


class Rates(NamedTuple):
    """Holds measured rates of a device."""

    # Of a large matrix product, a second, by the type of the arithmetic.
    multiply_adds: dict[str, float]
    copied_bytes: float  # Read and written by a pass over a large array, a second.


class Floor(NamedTuple):
    """Holds the seconds that a frame takes at the least."""

    # Multiply-adds over the rate of the matrix product; None where that was not measured
    # (TensorFlow has no matrix product of int8).
    arithmetic: Optional[float]
    # Multiplications of minimal filtering over the same rate; None where the precision is not
    # computed by it.
    minimal: Optional[float]
    memory: float  # Bytes over the rate of the copy.


def probes(precisions: Sequence[str], size: int) -> dict[str, Callable[[int], object]]:
    """Makes functions, for `timing.in_turns`, whose times `rates` turns into the device's rates.

    They are a product of matrices of side `size` in each precision but int8, and a copy.
    """
    values = np.random.default_rng(0).standard_normal((size, size)).astype(np.float32)
    # One corner is all that is fetched, and the operations that make it cannot be left out.
    product = tf.function(lambda x: tf.matmul(x, x)[0, 0], autograph=False)
    copy, array = tf.function(lambda x: x + 1.0, autograph=False), tf.zeros([_COPIED // 4])
    functions: dict[str, Callable[[int], object]] = {
        _PRODUCT + name: functools.partial(_fetch, product, tf.cast(values, name))
        for name in precisions
        if name != "int8"
    }
    return {**functions, _COPY: lambda _: copy(array)[0].numpy()}


def _fetch(function: Callable, argument: tf.Tensor, _: int) -> np.ndarray:
    return function(argument).numpy()


def rates(seconds: Mapping[str, Sequence[float]], size: int) -> Rates:
    """Computes the rates from the times of the functions, which may be among others."""
    products = {
        name[len(_PRODUCT) :]: size**3 / float(np.median(times))
        for name, times in seconds.items()
        if name.startswith(_PRODUCT)
    }
    return Rates(products, 2 * _COPIED / float(np.median(seconds[_COPY])))


def floor(rates: Rates, precision: str) -> Floor:
    """Computes the floor of a frame: three regions in a precision, and a share of an update.

    An update is counted as f_x of one region in float32, once in `PERIOD` frames. What else it
    does, and the crops and the response, are a twentieth of that.
    """
    frame, update = features_work(3), features_work(1)
    memory = frame.values * tf.as_dtype(precision).size + update.values * 4 / PERIOD
    arithmetic = minimal = None
    if precision in rates.multiply_adds:
        arithmetic = frame.multiply_adds / rates.multiply_adds[precision]
        arithmetic += update.multiply_adds / rates.multiply_adds["float32"] / PERIOD
    if precision == "float32":
        multiplications = frame.multiplications + update.multiplications / PERIOD
        minimal = multiplications / rates.multiply_adds["float32"]
    return Floor(arithmetic, minimal, memory / rates.copied_bytes)
