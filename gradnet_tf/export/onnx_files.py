"""The graphs as ONNX files, with what a tracker around them needs to know."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import onnx

from gradnet_tf.export import description
from gradnet_tf.export.graphs import SEARCHES, Graphs
from gradnet_tf.export.onnx_operations import OnnxOperations
from gradnet_tf.tracking import precision as precisions
from gradnet_tf.tracking.config import TrackerConfig
from gradnet_tf.weights import Weights

PRECISIONS = ("float32", "float16", "int8")


def save(directory: str, weights: Weights, config: TrackerConfig, precision: str) -> None:
    """Writes each graph, such as `exemplar.onnx`, and the description.

    Args:
        directory: New directory.
        weights: Of the network; without U2 there is no `update.onnx`.
        config: Constants of the tracker.
        precision: Of the search regions' features, one of `PRECISIONS`.

    Raises:
        ImportError: If int8 is asked for and onnxruntime, which quantizes, is not installed.
    """
    folder = Path(directory)
    folder.mkdir()
    graphs = Graphs(weights, config)
    for name, inputs in graphs.inputs().items():
        is_float16 = name in SEARCHES and precision == "float16"
        operations = OnnxOperations("float16" if is_float16 else "float32")
        outputs = getattr(graphs, name)(operations, **{key: key for key in inputs})
        path = folder / f"{name}.onnx"
        onnx.save(operations.model(name, inputs, outputs), path)
        if name in SEARCHES and precision == "int8":
            _quantize(path, outputs["scores"], SEARCHES[name])
    description.write(folder, weights, config, precision)


def _quantize(path: Path, scores: str, size: int) -> None:
    """Quantizes all but the score maps, whose templates are not known yet."""
    from onnxruntime import quantization

    class Regions(quantization.CalibrationDataReader):
        """What the tracker's own int8 is calibrated by."""

        def __init__(self):
            self._rest = iter(precisions.calibration_regions(size=size))
            self._templates = np.zeros([1, 256, 6, 6], np.float32)

        def get_next(self) -> Any:
            region = next(self._rest, None)
            if region is None:
                return None
            return {"regions": region[np.newaxis], "templates": self._templates}

    temporary = path.with_suffix(".float32.onnx")
    path.rename(temporary)
    quantization.quantize_static(
        temporary,
        path,
        Regions(),
        per_channel=True,
        # Seven bits: with eight, processors without VNNI clip the sums of two products.
        reduce_range=True,
        op_types_to_quantize=["Conv", "MaxPool"],
        nodes_to_exclude=[scores],
    )
    temporary.unlink()
