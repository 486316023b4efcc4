"""The whole tracker as a SavedModel with the signatures `init` and `step`.

TensorFlow Serving, C++ and Python run it without this package. The state goes in and out as tensors
of fixed shapes, whatever the size of the frames.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import tensorflow as tf

from gradnet_tf.network.gradnet import GradNet
from gradnet_tf.tracking import precision as precisions
from gradnet_tf.tracking.config import TrackerConfig
from gradnet_tf.tracking.state import StepOutput, TrackerState
from gradnet_tf.tracking.step import TrackingStep
from gradnet_tf.weights import Weights

PRECISIONS = ("float32", "bfloat16", "float16")
_FRAME = tf.TensorSpec([None, None, 3], tf.uint8, name="frame")
_BOX = tf.TensorSpec([4], tf.float64, name="box")


class _PortableStep(TrackingStep):
    """The step whose buffer keeps the samples' crops, which travel lighter than whole frames."""

    def _sample(self, frame, position, search_side, fill):
        return self._search_region(frame, position, search_side, fill)[0], position, search_side

    def _sample_region(self, sample, fill):
        del fill
        return sample[0][tf.newaxis]


def save(directory: str, weights: Weights, config: TrackerConfig, precision: str) -> None:
    """Writes a SavedModel of the tracker of one target.

    Signatures:

    *   `init`: `frame`, uint8 RGB [height, width, 3], and `box`, float64 [4], (x, y, width,
        height), to the outputs below.
    *   `step`: `frame`, of any size, and every `state_...` that the last call gave, to the same.

    Outputs are `box`, float64 [4], `score` and `confidence`, float64 (see `StepOutput`), and the
    next state: `state_` and the path of a field in `TrackerState`, such as `state_memory_first`.

    Args:
        directory: New directory.
        weights: Of the network.
        config: Constants of the tracker, which the graphs hold.
        precision: Of the search features, one of `PRECISIONS`.
    """
    network = GradNet(weights.variant)
    network.assign_weights(weights.arrays)
    features = precisions.search_features(network, precision)
    folded = precisions.update_features(features, precision)
    tracker = _PortableStep(network, config, search_features=features, update_features=folded)
    kinds: list[TrackerState] = []  # What the state is made of, known once `first` is traced.

    def first(frame, box):
        state, output = tracker.init(frame, box)
        kinds.append(
            tf.nest.map_structure(lambda value: tf.TensorSpec(value.shape, value.dtype), state)
        )
        return _results(state, output)

    def following(frame, **values):
        tensors = [
            values[name] if name in values else tf.zeros(kind.shape, kind.dtype)
            for name, kind in _named(kinds[0])
        ]
        state, output = tracker.step(tf.nest.pack_sequence_as(kinds[0], tensors), frame)
        return _results(state, output)

    init = tf.function(first, input_signature=[_FRAME, _BOX], autograph=False)
    signatures = {"init": init.get_concrete_function()}
    specs = {
        name: tf.TensorSpec(kind.shape, kind.dtype, name=name)
        for name, kind in _named(kinds[0])
        if not _is_empty(kind)
    }
    step = tf.function(following, autograph=False)
    signatures["step"] = step.get_concrete_function(frame=_FRAME, **specs)
    module = tf.Module()
    module.variables_used = [v for each in signatures.values() for v in each.graph.variables]
    tf.saved_model.save(module, directory, signatures=signatures)


def _results(state: TrackerState, output: StepOutput) -> dict[str, Any]:
    results = {name: value for name, value in _named(state) if not _is_empty(value)}
    return {"box": output.box, "score": output.score, "confidence": output.confidence, **results}


def _is_empty(value) -> bool:
    """Whether there are no elements: no room for samples of earlier updates, say."""
    return value.shape.num_elements() == 0


def _named(value, name: str = "state") -> Iterator[tuple[str, Any]]:
    """Tensors of a state and their names, in the order of `tf.nest.flatten`."""
    if not isinstance(value, tuple):
        yield name, value
        return
    fields = getattr(value, "_fields", range(len(value)))
    for field, part in zip(fields, value):
        yield from _named(part, f"{name}_{field}")
