"""The tracker's functions behind `tf.function`, traced once for all trackers that share them."""

from __future__ import annotations

import collections
import functools
import threading
import weakref
from typing import Callable

import numpy as np
import tensorflow as tf

from gradnet_tf.network.gradnet import GradNet
from gradnet_tf.tracking import precision as precisions
from gradnet_tf.tracking.config import TrackerConfig
from gradnet_tf.tracking.step import TrackingStep
from gradnet_tf.tracking.targets_crops import Frames, make_frames
from gradnet_tf.tracking.targets_step import TargetsStep
from gradnet_tf.weights import Weights

_IMAGE = tf.TensorSpec([None, None, 3], tf.uint8)
_FRAMES = Frames(
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
    """An `init(frames, box)` and a `step(state, frames)` behind `tf.function`.

    Args:
        init: Function of (frames, boxes) to (state, output).
        step: Function of (state, frames) to (state, output).
        frames: Specification of the frames.
        box: Specification of the box or boxes.
        jit_compile: Whether XLA compiles both.
        has_rows: Whether every value of the state has a row a target, of any number of targets.
    """

    def __init__(
        self,
        init: Callable,
        step: Callable,
        frames,
        box: tf.TensorSpec,
        *,
        jit_compile: bool,
        has_rows: bool,
    ):
        # The steps branch by tf.cond alone: converting Python's branches would double the tracing.
        compiled = functools.partial(tf.function, autograph=False, jit_compile=jit_compile)
        self.init = compiled(init, input_signature=[frames, box])
        state, _ = self.init.get_concrete_function().structured_outputs

        def spec(tensor):
            shape = [None, *tensor.shape[1:]] if has_rows else tensor.shape
            return tf.TensorSpec(shape, tensor.dtype)

        self.step = compiled(step, input_signature=[tf.nest.map_structure(spec, state), frames])
        self.jit_compile = jit_compile
        self._warm_shapes = set()

    def warm_up(self, state, frames) -> None:
        """Traces and compiles the step before the first frame that is tracked needs it.

        Args:
            state: Of the first frame; stays as it is.
            frames: The first frame.
        """
        # XLA compiles for every shape, a graph serves them all.
        tensors = tf.nest.flatten(frames) if self.jit_compile else ()
        shapes = tuple(tuple(tensor.shape) for tensor in tensors)
        if shapes not in self._warm_shapes:
            self.step(state, frames)
            self._warm_shapes.add(shapes)


class CompiledStep:
    """Every function of the trackers with the same weights and constants.

    Args:
        network: A `GradNet`, not folded; its variables are read at every step.
        config: Constants.
        jit_compile: Whether XLA compiles.
        precision: Of the search branch, one of `precision.PRECISIONS`.

    Attributes:
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
        self._config = config
        self._search_features = precisions.search_features(
            network, precision, jit_compile=jit_compile
        )
        self._jit_compile = jit_compile
        if jit_compile:
            # As the only one of many targets: frames padded to few shapes, so few compilations.
            many = self._step(TargetsStep)

            def init(frames, box):
                return _only(*many.init(frames, box[tf.newaxis]))

            def step(state, frames):
                return _only(*many.step(state, frames))

            frames = _FRAMES
        else:
            one = self._step(TrackingStep)
            init, step, frames = one.init, one.step, _IMAGE
        box = tf.TensorSpec([4], tf.float64)
        self.one = Compiled(init, step, frames, box, jit_compile=jit_compile, has_rows=jit_compile)

    def _step(self, kind: type) -> TrackingStep:
        return kind(
            self._network,
            self._config,
            search_features=self._search_features,
            static_shape=self._jit_compile,
        )

    def frame(self, image: np.ndarray):
        """A frame, uint8 RGB [height, width, 3], as the functions for one target take it."""
        return make_frames([image], [0], padded=True) if self._jit_compile else tf.constant(image)

    @functools.cached_property
    def many(self) -> Compiled:
        """`Compiled` functions for many targets, which take `Frames` and boxes [targets, 4]."""
        step = self._step(TargetsStep)
        boxes = tf.TensorSpec([None, 4], tf.float64)
        return Compiled(
            step.init, step.step, _FRAMES, boxes, jit_compile=self._jit_compile, has_rows=True
        )


def shared_step(
    weights: Weights, config: TrackerConfig, jit_compile: bool, precision: str
) -> CompiledStep:
    """The `CompiledStep` of all trackers in this process that are alike.

    It stays as long as one of them lives, and longer if it is one of those used last.

    Args:
        weights: Of the network.
        config: Constants.
        jit_compile: See `CompiledStep`.
        precision: Likewise.
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


def _only(state, output):
    """State of the only target of many, and its output alone."""
    return state, tf.nest.map_structure(lambda values: values[0], output)
