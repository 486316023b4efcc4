"""Where the time of a frame goes: its parts, each compiled for itself."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping

import numpy as np
import tensorflow as tf

from gradnet_tf.bench.timing import PERIOD, Summary
from gradnet_tf.media import images
from gradnet_tf.network.frame_batch import make_frame_batch
from gradnet_tf.network.gradnet import GradNet
from gradnet_tf.tracking import precision as precisions
from gradnet_tf.tracking.batched_step import BatchedStep
from gradnet_tf.tracking.config import TrackerConfig
from gradnet_tf.tracking.step import TrackingStep

PARTS = ("decode", "transfer", "crops", "features", "response", "update")


def _parts_of(step: TrackingStep) -> dict[str, Callable]:
    def crops(state, frame):
        sides = state.search_side[..., tf.newaxis] * step._scales
        return step._pyramid(frame, state.position, sides, state.fill)

    def features(regions):
        return step._features(step._search_features, regions)

    def response(state, features):
        scores = step.templates.score_maps(features, state.fixed_template, state.template)
        influence = tf.zeros_like(state.search_side) + step.config.window_influence
        return step._locate(scores, state.position, state.search_side, influence)

    def update(state, frame):
        sample = step._sample(frame, state.position, state.search_side, state.fill)
        features = step._sample_features(sample, state.fill)
        learned = state.h2, state.template, state.memory
        return step.templates.updated(learned, features, step.config.update_rate)

    return {"crops": crops, "features": features, "response": response, "update": update}


def functions(
    network: GradNet,
    config: TrackerConfig,
    precision: str,
    path: str,
    box: np.ndarray,
    jit_compile: bool,
) -> dict[str, Callable[[int], object]]:
    """Makes a function for each of `PARTS`, for `timing.in_turns`; each call makes an update.

    The network has an update and is not folded; the precision is that of the search features; the
    box, (x, y, width, height), is that of the target in the frame.
    """
    image = images.as_rgb(path)

    def transfer():
        return make_frame_batch([image], [0], padded=True) if jit_compile else tf.constant(image)

    kind = BatchedStep if jit_compile else TrackingStep
    search_features = precisions.search_features(network, precision, jit_compile=jit_compile)
    step = kind(network, config, search_features=search_features)
    compiled = {
        name: tf.function(function, autograph=False, jit_compile=jit_compile)
        for name, function in {**_parts_of(step), "init": step.init}.items()
    }
    frame = transfer()
    boxes = np.asarray(box, np.float64)
    state, _ = compiled["init"](frame, tf.constant(boxes[np.newaxis] if jit_compile else boxes))
    regions = compiled["crops"](state, frame)
    features = compiled["features"](regions)
    arguments = {"crops": (state, frame), "features": (regions,)}
    arguments |= {"response": (state, features), "update": (state, frame)}

    def run(name, _):
        results = tf.nest.flatten(compiled[name](*arguments[name]))
        return _finished(results[-1])

    return {
        "decode": lambda _: images.as_rgb(path),
        "transfer": lambda _: _finished(tf.nest.flatten(transfer())[0]),
        **{name: functools.partial(run, name) for name in arguments},
    }


def _finished(tensor: tf.Tensor) -> bool:
    """Waits until a tensor is computed, without a copy of it where it is on the processor."""
    if "GPU" in tensor.device:
        tf.test.experimental.sync_devices()
    else:
        tensor.numpy()
    return True


def shares(summaries: Mapping[str, Summary], name: str, frame: float) -> dict[str, float]:
    """Shares a frame's seconds, end to end, among its parts; "rest" is what they do not explain."""
    seconds = {part: summaries[f"{name}: {part}"].median for part in PARTS}
    seconds["update"] /= PERIOD
    seconds["rest"] = frame - sum(seconds.values())
    return seconds
