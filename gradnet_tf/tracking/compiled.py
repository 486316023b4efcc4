"""The tracker's functions behind `tf.function`, traced once for all trackers that share them."""

from __future__ import annotations

import collections
import functools
import threading
import weakref
from typing import Any, Callable

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


def _stays_function(function: Callable) -> Callable:
    """Makes one function of the graph for all its calls: traced, optimized and kept once."""
    noinline = {"_noinline": True}
    return tf.function(function, autograph=False, experimental_attributes=noinline)


class _SharedParts(TrackingStep):
    """The step whose searches and updates stay functions, for `init` and `step` have several."""

    def __init__(self, network: GradNet, config: TrackerConfig, **options):
        super().__init__(network, config, **options)
        self._search_function = _stays_function(super()._search)
        self._update_features = _stays_function(self._update_features or self._network_features)
        update = self.templates._network_update
        self.templates._network_update = _stays_function(update)  # type: ignore[method-assign]

    def _search(self, frame, position, sides, state, search_side, window_influence):
        state = state._replace(buffer=(), memory=())  # It has no part in a search.
        arguments = frame, position, sides, state, search_side, window_influence
        return self._search_function(*arguments)


class Compiled:
    """Holds an `init(frames, box)` and a `step(state, frames)`, compiled for any frames.

    Without XLA `init` runs operation by operation, for it runs once: only the parts that it shares
    with `step` are compiled, as functions of their own.

    Args:
        init: Function of (frames, boxes) to (state, output).
        step: Function of (state, frames) to (state, output).
        frames: Specification of the frames.
        box: Specification of the box or boxes.
        jit_compile: Whether XLA compiles both; every value of the state has a row for each target
            then.

    Attributes:
        step: A `tf.function`, or None before the first `init`.
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
        self._compiled = functools.partial(tf.function, autograph=False, jit_compile=jit_compile)
        self._init = self._compiled(init, input_signature=[frames, box]) if jit_compile else init
        self._step, self._frames = step, frames
        self.step: Any = None
        self.jit_compile = jit_compile
        self._lock = threading.Lock()
        self._warm_shapes: set[tuple] = set()

    def init(self, frames, box):
        """Starts on a target or targets: returns state and output of frame 0."""
        state, output = self._init(frames, box)
        with self._lock:
            if self.step is None:
                spec = tf.nest.map_structure(self._spec, state)
                self.step = self._compiled(self._step, input_signature=[spec, self._frames])
        return state, output

    def _spec(self, tensor) -> tf.TensorSpec:
        if self.jit_compile:
            return tf.TensorSpec([None, *tensor.shape[1:]], tensor.dtype)
        is_frame = _IMAGE.is_compatible_with(tensor)
        return _IMAGE if is_frame else tf.TensorSpec(tensor.shape, tensor.dtype)

    def warm_up(self, state, frames) -> None:
        """Traces and compiles the step before the first frame that is tracked needs it."""
        # XLA compiles for every shape, a graph serves them all.
        tensors = tf.nest.flatten(frames) if self.jit_compile else ()
        shapes = tuple(tuple(tensor.shape) for tensor in tensors)
        if shapes not in self._warm_shapes:
            # A frame 0 updates, and one after a change of scale searches all scales, whatever the
            # intervals are.
            state = state._replace(
                frame_index=tf.zeros_like(state.frame_index) - 1,
                rescaled=tf.ones_like(state.rescaled),
            )
            self.step(state, frames)
            self._warm_shapes.add(shapes)


class CompiledStep:
    """Holds the functions that all trackers with the same weights and constants share.

    Args:
        network: A `GradNet`, not folded; variables that it has are read at every step.
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
        kind = BatchedStep if jit_compile else _SharedParts
        folded = precisions.update_features(features, precision)
        step = kind(network, config, search_features=features, update_features=folded)
        self._step = step
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
            network = GradNet(weights.variant, constants=weights.arrays)
            step = _living[key] = CompiledStep(network, config, jit_compile, precision)
        _kept[key] = step
        _kept.move_to_end(key)
        while len(_kept) > _KEPT:
            _kept.popitem(last=False)
    return step
