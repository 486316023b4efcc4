"""Runs the steps that `hlo.py` wrote through JAX, and measures them without TensorFlow.

    python tools/run_hlo.py DIR --minutes=10 --check

This file can be copied alone beside the folder: it needs jax and numpy. A frame is timed from the
call to the end of the computation; state and frame lie on the device. "transfer" is what bringing a
frame there takes. The floors are the multiply-adds of the search features over the rate of a large
matrix product of their type, measured here.

"float32" is full float32 everywhere. A GPU runs the same files a second time with XLA's default,
which is TF32 where the GPU has it; the float32 parts of the other precisions have it, too.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

PERIOD = 5  # Frames from one update of the template to the next.
TOLERANCE = {  # In the order of the rows.
    "float32": 1e-3,
    "TF32": 2e-2,
    "bfloat16": 6e-2,
    "float16": 2e-2,
    "mixed_bfloat16": 6e-2,
}


def order(folder: Path, platform: str) -> list[tuple[Path, str]]:
    """Lists the files of a folder with the precisions to run them in, what matters most first.

    That is one target, then the training step, then the others from the most targets down.
    """
    found = []
    for path in folder.glob("*.hlo"):
        arrays = np.load(path.with_suffix(".npz"))
        training = "loss" in arrays
        targets = 0 if training else int(arrays["targets"])
        precision = str(arrays["precision"])
        both = precision == "float32" and platform in ("gpu", "cuda")
        for name in (precision, "TF32") if both else (precision,):
            place = 0 if targets == 1 else 1 if training else 2
            found.append((place, -targets, list(TOLERANCE).index(name), path, name))
    return [(path, name) for *_, path, name in sorted(found)]


def load(path: Path, precision: str) -> Callable[[list], list]:
    """Compiles a serialized HLO module for the default device, as a function of device arrays."""
    import jax
    from jax._src.lib import xla_client

    computation = xla_client.XlaComputation(path.read_bytes())
    module = xla_client._xla.mlir.xla_computation_to_mlir_module(computation)
    if precision == "float32":
        module = full_float32(module)
    device = jax.devices()[0]
    options = xla_client.CompileOptions()
    if hasattr(device.client, "compile_and_load"):
        devices = xla_client.DeviceList((device,))
        compiled = device.client.compile_and_load(module, devices, options)
    else:
        compiled = device.client.compile(module, options)
    # Arguments without elements are constants to TensorFlow, no parameters of the HLO.
    return lambda arguments: compiled.execute([value for value in arguments if value.size])


def full_float32(module: str) -> str:
    """Asks in a module's text for products in full float32, for which XLA takes no TF32."""
    changed = module.replace("precision DEFAULT", "precision HIGHEST")
    if changed == module:
        raise ValueError("the module names no precision: its products could be made in TF32")
    return changed


def seconds_of(function: Callable[[], object], repeats: int) -> float:
    """Measures the median time of a call, after calls that warm up."""
    import jax

    times = []
    for _ in range(3 + repeats):
        start = time.perf_counter()
        jax.block_until_ready(function())
        times.append(time.perf_counter() - start)
    return float(np.median(times[3:]))


def product_rate(precision: str, size: int) -> float:
    """Measures the multiply-adds a second of a large matrix product."""
    import jax
    import jax.numpy as jnp

    values = np.random.default_rng(0).standard_normal((size, size))
    matrix = jnp.asarray(values, "float32" if precision == "TF32" else precision)
    exact = "highest" if precision == "float32" else None
    product = jax.jit(lambda x: jnp.matmul(x, x, precision=exact))
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


def _arguments(arrays) -> list:
    """Puts the arguments of an HLO file on the device."""
    import jax
    import jax.numpy as jnp

    arguments = []
    for index, is_bfloat16 in enumerate(arrays["bfloat16"]):
        value = arrays[f"arg_{index:03d}"]
        arguments.append(jax.device_put(value.view(jnp.bfloat16) if is_bfloat16 else value))
    return arguments


def measure(path: Path, precision: str, frames: int, check: bool) -> dict:
    """Measures the tracking step in an HLO file, whose arguments lie beside it.

    Returns:
        Seconds of a frame without and with an update and of the transfer, the number of targets,
        the multiply-adds, and with check the largest "error" of the first results, and in "box
        error" that of the boxes there and after the first update, in pixels.
    """
    import jax

    arrays = np.load(path.with_suffix(".npz"))
    size = int(arrays["state_size"])
    arguments = _arguments(arrays)
    execute = load(path, precision)
    state, rest = arguments[:size], arguments[size:]
    outputs = execute(state + rest)
    names = ("targets", "frame_multiply_adds", "update_multiply_adds")
    result = {"precision": precision, **{name: float(arrays[name]) for name in names}}
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


def measure_training(path: Path, precision: str, steps: int, check: bool) -> dict:
    """Measures the training step in an HLO file, whose arguments lie beside it.

    Returns:
        Seconds of a "step", and with check the "error" of its loss and the "later error" of that of
        the next, which the gradient and the optimizer have changed.
    """
    arrays = np.load(path.with_suffix(".npz"))
    arguments = _arguments(arrays)
    execute = load(path, precision)

    def step():
        outputs = execute(arguments)
        # The variables that the step has changed, in the memory of those before.
        for place, argument in arrays["replaced"]:
            arguments[argument] = outputs[place]
        return outputs

    result: dict = {"precision": precision}
    if check:
        place = int(arrays["loss"])
        for name, wanted in (("error", f"out_{place:03d}"), ("later error", "updated_loss")):
            result[name] = abs(float(step()[place]) / float(arrays[wanted]) - 1)
    result["step"] = seconds_of(step, steps)
    return result


def report(results: list[dict], rates: dict[str, float]) -> str:
    """Makes the Markdown tables of what was measured."""
    lines = [
        "| features | targets | ms a frame | ms with update | frames a second | ms a target "
        "| floor, ms | transfer, ms |",
        "| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: |",
    ]
    for result in (result for result in results if "frame" in result):
        precision = result["precision"]
        mean = (result["frame"] * (PERIOD - 1) + result["update frame"]) / PERIOD
        update_type = "TF32" if "TF32" in rates and precision != "float32" else "float32"
        floor = result["frame_multiply_adds"] / rates[precision]
        floor += result["update_multiply_adds"] / rates[update_type] / PERIOD
        lines.append(
            f"| {precision} | {result['targets']:.0f} | {1e3 * result['frame']:.2f} "
            f"| {1e3 * result['update frame']:.2f} | {1 / mean:.1f} "
            f"| {1e3 * mean / result['targets']:.2f} | {1e3 * floor:.2f} "
            f"| {1e3 * result['transfer']:.2f} |"
        )
    lines += ["", "| training step | ms a step | steps a second |", "| --- | ---: | ---: |"]
    for result in (result for result in results if "step" in result):
        step = result["step"]
        lines.append(f"| {result['precision']} | {1e3 * step:.2f} | {1 / step:.2f} |")
    return "\n".join(lines)


def _verdict(name: str, result: dict) -> tuple[bool, str]:
    """Says whether a result is within its tolerance, and the line that tells it."""
    tolerance = TOLERANCE[result["precision"]]
    within = result["error"] <= tolerance
    if "box error" in result:
        what, later = "largest difference", f"boxes {result['box error']:.1e} px"
    else:
        what, later = "difference of the loss", f"of the next {result['later error']:.1e}"
    return within, (
        f"{name}: {what} from TensorFlow {result['error']:.1e} "
        f"({'within' if within else 'MORE THAN'} {tolerance:.0e}), {later}"
    )


def main(argv: list[str]) -> int:
    """Runs the command; returns 1 if a result differs by more than its tolerance or fails."""
    start = time.monotonic()
    import jax

    parser = argparse.ArgumentParser(description="Measures exported steps through JAX.")
    parser.add_argument("folder", type=Path, help="where the .hlo and .npz files are")
    parser.add_argument("--frames", type=int, default=50, help="frames or steps of each")
    parser.add_argument("--check", action="store_true", help="compare with TensorFlow's results")
    parser.add_argument("--product", type=int, default=0, help="side of the matrix product")
    parser.add_argument("--minutes", type=float, default=10, help="none is begun that may exceed")
    arguments = parser.parse_args(argv)
    if not list(arguments.folder.glob("*.hlo")):
        parser.error(f"{arguments.folder}: no .hlo files; write them with tools/hlo.py")
    if arguments.frames < PERIOD:
        parser.error(f"--frames must be at least {PERIOD}, got {arguments.frames}")
    jax.config.update("jax_enable_x64", True)  # Positions are float64.
    device = jax.devices()[0]
    print(f"{device.device_kind}, JAX {jax.__version__}", flush=True)
    waiting = order(arguments.folder, device.platform)
    side = arguments.product or (1024 if device.platform == "cpu" else 8192)
    types = dict.fromkeys(["float32", *(name for _, name in waiting if name != "mixed_bfloat16")])
    rates = {name: product_rate(name, side) for name in types}
    results, failed, longest = [], False, 0.0
    while waiting:
        begun = time.monotonic()
        if begun - start + longest > 60 * arguments.minutes:
            break
        path, precision = waiting.pop(0)
        name = f"{path.stem} in {precision}"
        function = measure_training if path.stem.startswith("training") else measure
        try:
            results.append(function(path, precision, arguments.frames, arguments.check))
        except (jax.errors.JaxRuntimeError, ValueError) as error:  # For instance no memory.
            failed = True
            print(f"{name}: {str(error).splitlines()[0]}", flush=True)
            continue
        longest = max(longest, time.monotonic() - begun)
        if arguments.check:
            within, line = _verdict(name, results[-1])
            failed |= not within
            print(line, flush=True)
    print(report(results, rates))
    if waiting:
        names = ", ".join(f"{path.stem} in {precision}" for path, precision in waiting)
        print(f"Not measured, for want of time ({arguments.minutes:g} minutes): {names}")
    return int(failed)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
