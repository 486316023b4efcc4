"""The graphs as TensorFlow Lite files, with what a tracker around them needs to know."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf

from gradnet_tf.export import description
from gradnet_tf.export.graphs import SEARCHES, Graphs, Input
from gradnet_tf.export.tensorflow_operations import TensorFlowOperations
from gradnet_tf.files import disk
from gradnet_tf.tracking import precision as precisions
from gradnet_tf.tracking.config import TrackerConfig
from gradnet_tf.weights import Weights

PRECISIONS = ("float32", "float16", "int8")
# What int8 leaves in float32: all of the score maps, whose templates are not known yet.
_SCORE_MAPS = (
    *("BATCH_MATMUL", "FULLY_CONNECTED", "ADD", "ADD_N", "SUM", "SLICE", "STRIDED_SLICE"),
    *("RESHAPE", "TRANSPOSE", "PACK", "UNPACK"),
)


def save(directory: str, weights: Weights, config: TrackerConfig, precision: str) -> None:
    """Writes each graph, such as `exemplar.tflite`, and the description.

    Shapes are fixed: one search region at a time, and as many regions in an update as the
    constants ask for.

    Args:
        directory: New directory.
        weights: Of the network; without U2 there is no `update.tflite`.
        config: Constants of the tracker.
        precision: Of the search regions' features, one of `PRECISIONS`; float16 is that of the
            kernels, which LiteRT computes with in the type that the device prefers.
    """
    folder = Path(directory)
    folder.mkdir()
    graphs = Graphs(weights, config)
    for name, inputs in graphs.inputs().items():
        content = _convert(graphs, name, inputs, precision if name in SEARCHES else "float32")
        disk.write_bytes(folder / f"{name}.tflite", content)
    description.write(folder, weights, config, precision)


def _convert(graphs: Graphs, name: str, inputs: dict[str, Input], precision: str) -> bytes:
    def graph(**values):
        return getattr(graphs, name)(TensorFlowOperations(), **values)

    specs = {
        key: tf.TensorSpec([size or kind.largest for size in kind.shape], kind.dtype, name=key)
        for key, kind in inputs.items()
    }
    function = tf.function(graph, autograph=False).get_concrete_function(**specs)
    converter = tf.lite.TFLiteConverter.from_concrete_functions([function], tf.Module())
    # TensorFlow will move all of this to a package of its own one day.
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        if precision == "int8":
            return _quantized(converter, specs)
        if precision == "float16":
            converter.optimizations = [tf.lite.Optimize.DEFAULT]
            converter.target_spec.supported_types = [tf.float16]
        return converter.convert()


def _quantized(converter, specs: dict[str, tf.TensorSpec]) -> bytes:
    size = specs["regions"].shape[1]
    templates = np.zeros(specs["templates"].shape, np.float32)

    def examples() -> Any:
        # What the tracker's own int8 is calibrated by.
        for region in precisions.calibration_regions(size=size):
            yield {"regions": region[np.newaxis], "templates": templates}

    converter.optimizations = [tf.lite.Optimize.DEFAULT]
    converter.representative_dataset = examples
    debugger = tf.lite.experimental.QuantizationDebugger(
        converter=converter,
        debug_dataset=examples,
        debug_options=tf.lite.experimental.QuantizationDebugOptions(
            denylisted_ops=list(_SCORE_MAPS), fully_quantize=False
        ),
    )
    return debugger.get_nondebug_quantized_model()
