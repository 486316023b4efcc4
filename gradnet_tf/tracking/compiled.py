"""The tracker's functions behind `tf.function`, traced once for all trackers that share them."""

from __future__ import annotations

import collections
import functools
import threading
import weakref
from typing import Callable

import numpy as np
import tensorflow as tf

from gradnet_tf.network.frame_batch import FrameBatch, make_frame_batch
from gradnet_tf.network.gradnet import GradNet
from gradnet_tf.tracking import precision as precisions
from gradnet_tf.tracking.batched_step import BatchedStep
from gradnet_tf.tracking.config import TrackerConfig
from gradnet_tf.tracking.step import TrackingStep
from gradnet_tf.weights import Weights

_IMAGE = tf.TensorSpec([None, None, 3], tf.uint8)
_FRAMES = FrameBatch(
    pixels=tf.TensorSpec([None, None, 3], tf.uint8),
    sizes=tf.TensorSpec([None, 2], tf.int32),
    of_target=tf.TensorSpec([None], tf.int32),
)


# One takes about 150 MB: two are for comparing a tracker with another one in turns.
_KEPT = 2
_living: weakref.WeakValueDictionary = weakref.WeakValueDictionary()
_kept: collections.OrderedDict = collections.OrderedDict()
_lock = threading.Lock()


class Compiled:
    """Holds an `init(frames, box)` and a `step(state, frames)` behind `tf.function`.

    Args:
        init: Function of (frames, boxes) to (state, output).
        step: Function of (state, frames) to (state, output).
        frames: Specification of the frames.
        box: Specification of the box or boxes.
        jit_compile: Whether XLA compiles both; every value of the state has a row for each target
            then.
    """

    def __init__(
        self,
        init: Callable,
        step: Callable,
        frames,
        box: tf.TensorSpec,
        *,
        jit_compile: bool,
    ):
        # The steps branch by tf.cond alone: converting Python's branches would double the tracing.
        compiled = functools.partial(tf.function, autograph=False, jit_compile=jit_compile)
        self.init = compiled(init, input_signature=[frames, box])
        state, _ = self.init.get_concrete_function().structured_outputs

        def spec(tensor):
            shape = [None, *tensor.shape[1:]] if jit_compile else tensor.shape
            return tf.TensorSpec(shape, tensor.dtype)

        self.step = compiled(step, input_signature=[tf.nest.map_structure(spec, state), frames])
        self.jit_compile = jit_compile
        self._warm_shapes: set[tuple] = set()

    def warm_up(self, state, frames) -> None:
        """Traces and compiles the step before the first frame that is tracked needs it."""
        # XLA compiles for every shape, a graph serves them all.
        tensors = tf.nest.flatten(frames) if self.jit_compile else ()
        shapes = tuple(tuple(tensor.shape) for tensor in tensors)
        if shapes not in self._warm_shapes:
            self.step(state, frames)
            self._warm_shapes.add(shapes)


class CompiledStep:
    """Holds the functions that all trackers with the same weights and constants share.

    Args:
        network: A `GradNet`, not folded; its variables are read at every step.
        config: Constants.
        jit_compile: Whether XLA compiles.
        precision: Of the search branch, one of `precision.PRECISIONS`.

    Attributes:
        jit_compile: Whether XLA compiles.
        one: `Compiled` functions for one target, which take what `frame` gives and a box [4].
    """

    def __init__(
        self,
        network: GradNet,
        config: TrackerConfig,
        jit_compile: bool,
        precision: str = "float32",
    ):
        self._network = network  # A graph alone does not keep the variables that it reads.
        self.jit_compile = jit_compile
        features = precisions.search_features(network, precision, jit_compile=jit_compile)
        kind = BatchedStep if jit_compile else TrackingStep
        self._step = step = kind(network, config, search_features=features)
        self.one: Compiled
        if not jit_compile:
            self.one = self._compiled(step.init, step.step, _IMAGE, [4])
            return

        # As the only one of many targets: frames padded to few shapes, so few compilations.
        def only(state, output):
            return state, tf.nest.map_structure(lambda values: values[0], output)

        self.one = self._compiled(
            lambda frames, box: only(*step.init(frames, box[tf.newaxis])),
            lambda state, frames: only(*step.step(state, frames)),
            _FRAMES,
            [4],
        )

    def _compiled(self, init, step, frames, box_shape) -> Compiled:
        return Compiled(
            init,
            step,
            frames,
            tf.TensorSpec(box_shape, tf.float64),
            jit_compile=self.jit_compile,
        )

    def frame(self, image: np.ndarray):
        """Makes a frame of uint8 RGB [height, width, 3], as `one` takes it."""
        if self.jit_compile:
            return make_frame_batch([image], [0], padded=True)
        return tf.constant(image)

    @functools.cached_property
    def many(self) -> Compiled:
        """Where XLA compiles, functions for many targets, a `FrameBatch` and boxes [targets, 4]."""
        return self._compiled(self._step.init, self._step.step, _FRAMES, [None, 4])


def shared_step(
    weights: Weights, config: TrackerConfig, jit_compile: bool, precision: str
) -> CompiledStep:
    """Returns the `CompiledStep` of all trackers in this process that are alike.

    It stays as long as one of them lives, and longer if it is one of those used last.
    """
    key = (weights.digest, weights.variant, config, jit_compile, precision)
    with _lock:
        step = _living.get(key)
        if step is None:
            network = GradNet(weights.variant)
            network.assign_weights(weights.arrays)
            step = _living[key] = CompiledStep(network, config, jit_compile, precision)
        _kept[key] = step
        _kept.move_to_end(key)
        while len(_kept) > _KEPT:
            _kept.popitem(last=False)
    return step
