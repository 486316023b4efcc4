"""The search branch f_x in reduced precision: bfloat16, float16, or int8 after training.

Only the scale pyramid goes through it. Templates, gradients and updates stay float32, for they are
what the tracker carries from frame to frame.

int8 is TensorFlow Lite's quantization after training: weights by channel, activations by tensor.
Its convolutions are those of XNNPACK, and run on the processor only.
"""

from __future__ import annotations

import hashlib
import os
import threading
import warnings
from collections import OrderedDict
from collections.abc import Callable
from typing import Optional

import numpy as np
import tensorflow as tf
from absl import logging

from gradnet_tf import hardware
from gradnet_tf.media.texture import natural_noise
from gradnet_tf.network import architecture
from gradnet_tf.network.gradnet import GradNet
from gradnet_tf.tracking.config import PRECISIONS

# As /proc/cpuinfo calls them; the last ones are ARM's.
_PROCESSOR_FLAGS = {
    "bfloat16": {"avx512_bf16", "amx_bf16", "bf16"},
    "float16": set(),
    "int8": {"avx512_vnni", "avx_vnni", "asimddp"},
}
_CACHE_SIZE = 4
_quantized_models: OrderedDict[str, bytes] = OrderedDict()
_cache_lock = threading.Lock()


def check_precision(name: str, jit_compile: bool = False) -> str:
    """Checks a precision before anything is built for it, and returns it.

    A type that the processor lacks is offered all the same, with a warning: results are right, but
    not faster. On an AVX2 processor without VNNI, int8 took 1.4 times the time of float32, and
    bfloat16 as long or longer.

    Args:
        name: One of `PRECISIONS`.
        jit_compile: Whether XLA compiles the step.

    Raises:
        ValueError: If there is no such precision, or XLA cannot compile it.
    """
    _check_name(name)
    if name == "int8" and jit_compile:
        raise ValueError(
            "precision='int8' runs on the processor outside XLA: use it with jit_compile=False, or "
            "precision='float32', 'bfloat16' or 'float16' with jit_compile=True"
        )
    on_gpu = name != "int8" and bool(tf.config.list_physical_devices("GPU"))
    if not on_gpu and not processor_has(name):
        logging.warning(
            "precision=%r: this processor has no instructions for %s, which makes it no faster, or "
            "slower, than float32",
            name,
            name,
        )
    return name


def _check_name(name: str) -> None:
    if not isinstance(name, str) or name not in PRECISIONS:
        raise ValueError(f"precision must be one of {', '.join(PRECISIONS)}, got {name!r}")


def processor_has(name: str) -> bool:
    """Tells whether Linux lists instructions of the processor for convolutions of a precision.

    It is never so for float16, whose instructions TensorFlow's convolutions do not use.
    """
    return name == "float32" or bool(_PROCESSOR_FLAGS[name] & hardware.processor_flags())


def search_features(
    network: GradNet,
    precision: str,
    calibration: Optional[np.ndarray] = None,
    *,
    jit_compile: bool = False,
) -> Callable[[tf.Tensor], tf.Tensor]:
    """Makes f_x in a precision, for eager code and for graphs.

    Args:
        network: A `GradNet`, not folded; its weights are taken as they are now.
        precision: One of `PRECISIONS`.
        calibration: For int8, RGB search regions [n, 255, 255, 3] in 0..255 whose activations set
            the ranges; by default `calibration_regions`.
        jit_compile: Whether XLA compiles what calls the function. If it does not, and there is no
            GPU, float32 convolves by minimal filtering (`winograd`).

    Returns:
        A function of RGB regions [b, 255, 255, 3], uint8 or float in 0..255, that gives float32
        features [b, 22, 22, 256] (143 pixels: [b, 8, 8, 256]). int8 rounds float regions to whole
        numbers, and has no gradient.

    Raises:
        ValueError: If there is no such precision, or calibration has the wrong shape.
    """
    _check_name(precision)
    if precision == "int8":
        return _int8_features(network, calibration)
    minimal = precision == "float32" and not jit_compile
    minimal &= not tf.config.list_physical_devices("GPU")
    folded = network.folded(rgb=True, dtype=precision, minimal=minimal, variant="baseline")

    def features(regions):
        return tf.cast(folded.search_features(tf.cast(regions, precision)), tf.float32)

    return features


def update_features(search_features: Callable, precision: str) -> Optional[Callable]:
    """Returns the `search_features` of a precision if updates may take them, too, else None.

    In less precision than float32 an update would learn from the rounding.
    """
    return search_features if precision == "float32" else None


def calibration_regions(
    count: int = 8, seed: int = 0, size: int = architecture.INSTANCE_SIZE
) -> np.ndarray:
    """Makes synthetic search regions with the statistics of photographs, always the same ones.

    Each is noise whose amplitude falls with the frequency, as that of natural images does, of
    another roughness and contrast; the channels share most of it. Black and white occur in each.

    Args:
        count: Number of regions.
        seed: Seed of the noise.
        size: Side of a region.

    Returns:
        uint8 RGB [count, size, size, 3].
    """
    random = np.random.default_rng(seed)
    regions = np.empty([count, size, size, 3], np.uint8)
    for index in range(count):
        slope = 0.8 + 0.6 * index / max(count - 1, 1)
        values = natural_noise(random, size, size, slope)
        regions[index] = np.clip(np.rint(120.0 + random.uniform(45, 75) * values), 0, 255)
        # The range of the input is 0..255 then, and its quantization exact.
        regions[index, 0, 0], regions[index, -1, -1] = 0, 255
    return regions


def _int8_features(network: GradNet, calibration: Optional[np.ndarray]):
    if calibration is None:
        calibration = calibration_regions()
    calibration = _check_calibration(calibration)
    model = _int8_model(network, calibration)
    interpreters: dict[int, tf.lite.Interpreter] = {}  # By the side of the regions.
    lock = threading.Lock()  # One pass at a time: an interpreter has one set of buffers.

    def interpreter_of(side: int) -> tf.lite.Interpreter:
        if side not in interpreters:
            with warnings.catch_warnings():  # TensorFlow will move it to a package of its own.
                warnings.simplefilter("ignore")
                made = tf.lite.Interpreter(model_content=model, num_threads=os.cpu_count())
            made.resize_tensor_input(made.get_input_details()[0]["index"], [1, side, side, 3])
            made.allocate_tensors()
            interpreters[side] = made
        return interpreters[side]

    # A graph that holds `run` keeps the interpreters alive.
    def run(regions: np.ndarray) -> np.ndarray:
        with lock:
            interpreter = interpreter_of(regions.shape[1])
            source, target = interpreter.get_input_details()[0], interpreter.get_output_details()[0]
            features = np.empty((len(regions), *target["shape"][1:]), np.float32)
            for index in range(len(regions)):
                interpreter.set_tensor(source["index"], regions[index : index + 1])
                interpreter.invoke()
                features[index] = interpreter.get_tensor(target["index"])[0]
        return features

    def features(regions):
        regions = tf.convert_to_tensor(regions)
        if regions.dtype != tf.uint8:
            rounded = tf.round(tf.cast(regions, tf.float32))
            regions = tf.cast(tf.clip_by_value(rounded, 0.0, 255.0), tf.uint8)
        outputs = tf.numpy_function(run, [regions], tf.float32, stateful=False)
        batch, side = regions.shape[:2]
        size = None if side is None else (side - 87) // architecture.TOTAL_STRIDE + 1
        return tf.ensure_shape(outputs, [batch, size, size, 256])

    return features


def _check_calibration(calibration) -> np.ndarray:
    """Float32 regions [n, 255, 255, 3], black and white among them."""
    calibration = np.array(calibration, np.float32)
    size = architecture.INSTANCE_SIZE
    if calibration.ndim != 4 or calibration.shape[1:] != (size, size, 3) or not len(calibration):
        raise ValueError(
            f"calibration must be regions [n, {size}, {size}, 3] with n >= 1, "
            f"got shape {calibration.shape}"
        )
    calibration[0, 0, 0], calibration[0, -1, -1] = 0.0, 255.0
    return calibration


def _int8_model(network: GradNet, calibration: np.ndarray) -> bytes:
    """The quantized model; once for the same weights and calibration in a process."""
    digest = hashlib.sha256(calibration.tobytes())
    for name, variable in sorted(network.named_weights().items()):
        digest.update(name.encode())
        digest.update(variable.numpy().tobytes())
    key = digest.hexdigest()
    with _cache_lock:
        if key not in _quantized_models:
            _quantized_models[key] = _quantize(network, calibration)
        _quantized_models.move_to_end(key)
        while len(_quantized_models) > _CACHE_SIZE:
            _quantized_models.popitem(last=False)
        return _quantized_models[key]


def _quantize(network: GradNet, calibration: np.ndarray) -> bytes:
    # The groups stay split: a grouped convolution is calibrated by a kernel ten times as slow.
    folded = network.folded(rgb=True)
    size = architecture.INSTANCE_SIZE
    function = tf.function(folded.search_features, autograph=False).get_concrete_function(
        tf.TensorSpec([1, size, size, 3], tf.float32)
    )
    converter = tf.lite.TFLiteConverter.from_concrete_functions([function], folded)
    converter.optimizations = [tf.lite.Optimize.DEFAULT]
    converter.representative_dataset = lambda: ([region[np.newaxis]] for region in calibration)
    converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
    converter.inference_input_type = tf.uint8
    # It misses statistics of the input, which it then takes from the calibration.
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return converter.convert()
