"""Runs the tracking steps that `hlo.py` wrote through JAX, and measures them without TensorFlow.

    python tools/run_hlo.py DIR --frames=100 --check

This file can be copied alone beside the folder: it needs jax and numpy. A frame is timed from the
call to the end of the computation; state and frame lie on the device. "transfer" is what bringing a
frame there takes. The floors are the multiply-adds of the search features over the rate of a large
matrix product of their type, measured here.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np

PERIOD = 5  # Frames from one update of the template to the next.
TOLERANCE = {"float32": 1e-3, "float16": 2e-2, "bfloat16": 6e-2}


def load(path: Path) -> Callable[[list], list]:
    """Compiles a serialized HLO module for the default device, as a function of device arrays."""
    from jax._src.lib import xla_client

    computation = xla_client.XlaComputation(path.read_bytes())
    module = xla_client._xla.mlir.xla_computation_to_mlir_module(computation)
    device = jax.devices()[0]
    options = xla_client.CompileOptions()
    if hasattr(device.client, "compile_and_load"):
        devices = xla_client.DeviceList((device,))
        return device.client.compile_and_load(module, devices, options).execute
    return device.client.compile(module, options).execute


def seconds_of(function: Callable[[], object], repeats: int) -> float:
    """Measures the median time of a call, after calls that warm up."""
    times = []
    for _ in range(3 + repeats):
        start = time.perf_counter()
        jax.block_until_ready(function())
        times.append(time.perf_counter() - start)
    return float(np.median(times[3:]))


def product_rate(precision: str, size: int) -> float:
    """Measures the multiply-adds a second of a large matrix product, as JAX does it by default."""
    values = np.random.default_rng(0).standard_normal((size, size))
    matrix = jnp.asarray(values, precision)
    product = jax.jit(lambda x: x @ x)
    return size**3 / seconds_of(lambda: product(matrix), 10)


def largest_error(arrays, outputs: list) -> float:
    """Finds the largest difference from TensorFlow's, relative to each output's largest value."""
    worst = 0.0
    for index, output in enumerate(outputs):
        wanted = np.asarray(arrays[f"out_{index:03d}"], np.float64)
        got = np.asarray(output, np.float64)
        finite = np.isfinite(wanted)
        if not np.array_equal(np.isfinite(got), finite):
            return float("inf")
        scale = np.abs(wanted[finite]).max(initial=0.0) or 1.0
        worst = max(worst, float(np.abs(got[finite] - wanted[finite]).max(initial=0.0) / scale))
    return worst


def _distance(boxes, wanted) -> float:
    """Finds the largest difference of boxes in pixels."""
    return float(np.abs(np.asarray(boxes) - wanted).max())


def measure(path: Path, frames: int, check: bool) -> dict[str, float]:
    """Measures the step in an HLO file, whose arguments lie beside it.

    Returns:
        Seconds of a frame without and with an update and of the transfer, the number of targets,
        the multiply-adds, and with check the largest "error" of the first results, and in "box
        error" that of the boxes there and after the first update, in pixels.
    """
    arrays = np.load(path.with_suffix(".npz"))
    size = int(arrays["state_size"])
    arguments = []
    for index, is_bfloat16 in enumerate(arrays["bfloat16"]):
        value = arrays[f"arg_{index:03d}"]
        arguments.append(jax.device_put(value.view(jnp.bfloat16) if is_bfloat16 else value))
    execute = load(path)
    state, rest = arguments[:size], arguments[size:]
    outputs = execute(state + rest)
    names = ("targets", "frame_multiply_adds", "update_multiply_adds")
    result = {
        "precision": str(arrays["precision"]),
        **{name: float(arrays[name]) for name in names},
    }
    if check:
        box = int(arrays["box"])
        result["error"] = largest_error(arrays, outputs)
        result["box error"] = _distance(outputs[box], arrays[f"out_{box:03d}"])

    times: dict[bool, list[float]] = {False: [], True: []}
    for index in range(2 * PERIOD + frames):
        start = time.perf_counter()
        outputs = execute(state + rest)
        jax.block_until_ready(outputs)
        if index >= 2 * PERIOD:
            times[(index + 1) % PERIOD == 0].append(time.perf_counter() - start)
        if check and index + 1 == PERIOD:  # The first frame with an update.
            later = _distance(outputs[box], arrays["updated_box"])
            result["box error"] = max(result["box error"], later)
        state = outputs[:size]
    result["frame"] = float(np.median(times[False]))
    result["update frame"] = float(np.median(times[True]))
    pixels = np.asarray(rest[0])
    result["transfer"] = seconds_of(lambda: jax.device_put(pixels), 10)
    return result


def report(results: list[dict], rates: dict[str, float]) -> str:
    """Makes a Markdown table of what was measured."""
    lines = [
        "| features | targets | ms a frame | ms with update | frames a second | ms a target "
        "| floor, ms | transfer, ms |",
        "| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: |",
    ]
    for result in results:
        mean = (result["frame"] * (PERIOD - 1) + result["update frame"]) / PERIOD
        floor = result["frame_multiply_adds"] / rates[result["precision"]]
        floor += result["update_multiply_adds"] / rates["float32"] / PERIOD
        lines.append(
            f"| {result['precision']} | {result['targets']:.0f} | {1e3 * result['frame']:.2f} "
            f"| {1e3 * result['update frame']:.2f} | {1 / mean:.1f} "
            f"| {1e3 * mean / result['targets']:.2f} | {1e3 * floor:.2f} "
            f"| {1e3 * result['transfer']:.2f} |"
        )
    return "\n".join(lines)


def main(argv: list[str]) -> int:
    """Runs the command; returns 1 if a result differs by more than its tolerance."""
    parser = argparse.ArgumentParser(description="Measures exported tracking steps through JAX.")
    parser.add_argument("folder", type=Path, help="where the .hlo and .npz files are")
    parser.add_argument("--frames", type=int, default=50, help="frames to measure of each")
    parser.add_argument("--check", action="store_true", help="compare with TensorFlow's results")
    parser.add_argument("--product", type=int, default=0, help="side of the matrix product")
    arguments = parser.parse_args(argv)
    paths = sorted(arguments.folder.glob("*.hlo"))
    if not paths:
        parser.error(f"{arguments.folder}: no .hlo files; write them with tools/hlo.py")
    if arguments.frames < PERIOD:
        parser.error(f"--frames must be at least {PERIOD}, got {arguments.frames}")
    jax.config.update("jax_enable_x64", True)  # Positions are float64.
    device = jax.devices()[0]
    print(f"{device.device_kind}, JAX {jax.__version__}", flush=True)
    results, failed = [], False
    for path in paths:
        result = measure(path, arguments.frames, arguments.check)
        results.append(result)
        if arguments.check:
            within = result["error"] <= TOLERANCE[result["precision"]]
            failed |= not within
            print(
                f"{path.stem}: largest difference from TensorFlow {result['error']:.1e} "
                f"({'within' if within else 'MORE THAN'} {TOLERANCE[result['precision']]:.0e}), "
                f"boxes {result['box error']:.1e} px",
                flush=True,
            )
    side = arguments.product or (1024 if device.platform == "cpu" else 8192)
    types = dict.fromkeys(["float32", *(result["precision"] for result in results)])
    rates = {name: product_rate(name, side) for name in types}
    print(report(results, rates))
    return int(failed)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
