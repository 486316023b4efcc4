"""What `python -m gradnet_tf.bench` measures, in order."""

from __future__ import annotations

import contextlib
import itertools
import json
import tempfile
import time
from collections.abc import Callable, Sequence
from typing import Any, Optional

import numpy as np
import tensorflow as tf
from absl import flags

from gradnet_tf.bench import device, parts, report, roofline, startup, timing, video
from gradnet_tf.bench.reference_way import ReferencesWay
from gradnet_tf.files import disk
from gradnet_tf.media import images
from gradnet_tf.network.gradnet import GradNet
from gradnet_tf.tracking import config as configs
from gradnet_tf.tracking.tracker import Tracker
from gradnet_tf.weights import load, load_embedded

_TRACE_FRAMES = 10
_TARGETS_FRAMES = 3 * timing.PERIOD
_FRESH_PROCESSES = 3
_REFERENCE = "reference's way"
_PRESETS = ("tuned", "fast")

# Starts another program on (paths of the frames, first box); the context gives a function that
# tracks it into the next frame and returns the seconds that this took.
Program = Callable[
    [Sequence[str], np.ndarray], contextlib.AbstractContextManager[Callable[[], float]]
]


class Benchmark:
    """Runs the benchmark once, and prints its report.

    Args:
        values: Flags of `gradnet_tf.bench`.
        programs: Other programs that are measured as well, by name; all else is compared with the
            first one.

    Raises:
        OSError: If an output cannot be written.
        ValueError: If a flag cannot be used, or the checkpoint, or if that has no update.
    """

    def __init__(self, values: flags.FlagValues, programs: Optional[dict[str, Program]] = None):
        self._values = values
        self._programs = programs or {}
        if values.json:
            disk.check_target(values.json)
        # A GPU tracks through XLA, a processor through TensorFlow's own kernels.
        self._jit = device.choose(values.device) == "gpu"
        place = "gpu" if self._jit else "cpu"
        self._precisions = device.choose_precisions(values.precisions, place)
        self._targets = device.read_targets(values.targets)
        weights = load(values.checkpoint) if values.checkpoint else load_embedded()
        self._network = GradNet(weights.variant)
        if not self._network.has_update:
            raise ValueError(f"checkpoint: variant {weights.variant!r} has no update")
        self._network.assign_weights(weights.arrays)
        self._config = configs.preset("reference")
        # Whole periods of the preset with the longest one; of the others, `summarize` leaves the
        # rest out of the mean.
        self._period = max(timing.period(configs.preset(name)) for name in _PRESETS)
        self._count = -(-values.frames // self._period) * self._period

    def run(self) -> dict[str, Any]:
        """Measures, reports and writes; returns what the JSON file holds."""
        values = self._values
        tf.get_logger().setLevel("ERROR")  # It takes several trackers for one that is traced again.
        results: dict[str, Any] = {"environment": report.environment()}
        for name, value in results["environment"].items():
            _say(f"{name}: {value}")
        with tempfile.TemporaryDirectory() as folder:
            length = timing.PERIOD + self._count + 2
            paths = video.make_video(folder, length, values.width, values.height)
            box = self._boxes(1)[0]
            _say(
                f"a synthetic video of {values.width}x{values.height} pixels, {self._count} "
                f"frames, every row five frames in turn, of presets {self._period}"
            )
            results |= self._one_target(paths, box)
            results["presets"] = self._presets(paths, box)
            if values.startup:
                results["first result"] = self._first_result(paths, box)
        results["targets"] = self._many_targets() if self._targets else []
        if values.json:
            disk.write_bytes(values.json, json.dumps(results, indent=1).encode())
        return results

    def _boxes(self, targets: int) -> np.ndarray:
        return video.first_boxes(targets, self._values.width, self._values.height)

    def _tracker(self, precision: str, config: Optional[configs.TrackerConfig] = None) -> Tracker:
        return Tracker(
            self._values.checkpoint or None,
            config=config or self._config,
            precision=precision,
            jit_compile=self._jit,
        )

    def _one_target(self, paths: Sequence[str], box: np.ndarray) -> dict[str, Any]:
        functions: dict[str, Callable[[int], object]] = {}
        decode: dict[str, list[float]] = {}
        trackers = {name: self._tracker(name) for name in self._precisions}
        frames = [*self._programs, *([] if self._jit else [_REFERENCE]), *trackers]

        def timed(name, track):
            functions[name] = _timed(paths, track, decode.setdefault(name, []))

        with contextlib.ExitStack() as stack:
            for name, program in self._programs.items():
                functions[name] = _without_number(stack.enter_context(program(paths, box)))
            if not self._jit:
                first = images.as_rgb(paths[0])
                timed(_REFERENCE, ReferencesWay(self._network, self._config, first, box).next_frame)
            for name, tracker in trackers.items():
                tracker.init(paths[0], box)
                timed(name, tracker.update)
                made = parts.functions(self._network, self._config, name, paths[0], box, self._jit)
                functions |= {f"{name}: {part}": function for part, function in made.items()}
            size = 8192 if self._jit else 2048
            functions |= roofline.probes(list(dict.fromkeys(["float32", *trackers])), size)
            seconds = timing.in_turns(functions, self._count)
        if self._values.trace:
            self._trace(trackers[self._precisions[0]], paths, box)

        summaries = {name: timing.summarize(values) for name, values in seconds.items()}
        frame = {name: summaries[name] for name in frames}
        rates = roofline.rates(seconds, size)
        ends = {
            name: timing.summarize(np.add(seconds[name], values[timing.PERIOD :]))
            for name, values in decode.items()
        }
        floor = {name: roofline.floor(rates, name) for name in trackers}
        shares = {name: parts.shares(summaries, name, ends[name].mean) for name in trackers}
        _say("\n" + report.markdown(report.speed_table(frame, ends, floor)))
        _say("\n" + report.markdown(report.parts_table(shares)))
        _say("\n" + report.floors_text(rates, floor))
        return {
            "frame": {name: summary._asdict() for name, summary in frame.items()},
            "end to end": {name: end._asdict() for name, end in ends.items()},
            "parts": shares,
            "rates": rates._asdict(),
            "floors": {name: value._asdict() for name, value in floor.items()},
        }

    def _presets(self, paths: Sequence[str], box: np.ndarray) -> dict[str, Any]:
        """Measures the presets for the embedded weights in each precision, side by side."""
        functions: dict[str, Callable[[int], object]] = {}
        decode: dict[str, list[float]] = {}
        for precision, name in itertools.product(self._precisions, _PRESETS):
            tracker = self._tracker(precision, configs.preset(name))
            tracker.init(paths[0], box)
            key = f"{precision} {name}"
            functions[key] = _timed(paths, tracker.update, decode.setdefault(key, []))
        # Five frames would make a fifth of those of `fast` find the caches of another tracker.
        seconds = timing.in_turns(functions, self._count, turn=self._period)

        def summaries(precision: str, name: str) -> dict[str, timing.Summary]:
            key, period = f"{precision} {name}", timing.period(configs.preset(name))
            whole = np.add(seconds[key], decode[key][timing.PERIOD :])
            return {
                "frame": timing.summarize(seconds[key], period),
                "end to end": timing.summarize(whole, period),
            }

        found = {
            precision: {name: summaries(precision, name) for name in _PRESETS}
            for precision in self._precisions
        }
        _say("\n" + report.markdown(report.presets_table(found)))
        return {
            precision: {
                name: {what: summary._asdict() for what, summary in each.items()}
                for name, each in presets.items()
            }
            for precision, presets in found.items()
        }

    def _trace(self, tracker: Tracker, paths: Sequence[str], box: np.ndarray) -> None:
        tracker.init(paths[0], box)
        with tf.profiler.experimental.Profile(self._values.trace):
            for index in range(_TRACE_FRAMES):
                with tf.profiler.experimental.Trace("frame", step_num=index, _r=1):
                    tracker.update(paths[1 + index % (len(paths) - 1)])
        _say(f"\nprofile of {_TRACE_FRAMES} frames: {self._values.trace}")

    def _fresh(
        self, paths: Sequence[str], boxes: np.ndarray, source: Optional[str] = None
    ) -> startup.FreshProcess:
        options = {"precision": self._precisions[0], "jit_compile": self._jit}
        return startup.measure(self._values.checkpoint or None, options, paths, boxes, source)

    def _first_result(self, paths: Sequence[str], box: np.ndarray) -> dict[str, Any]:
        sources = {"this code": None, **{name: name for name in self._values.baseline}}
        tries: dict[str, list[startup.FreshProcess]] = {name: [] for name in sources}
        for _ in range(_FRESH_PROCESSES):
            for name, source in sources.items():
                tries[name].append(self._fresh(paths[:2], box, source))
        found = {name: startup.medians(each) for name, each in tries.items()}
        _say(f"\nmedians of {_FRESH_PROCESSES} processes in turns:\n")
        _say(report.markdown(report.first_result_table(found)))
        return {name: process._asdict() for name, process in found.items()}

    def _many_targets(self) -> list[dict[str, Any]]:
        values = self._values
        with tempfile.TemporaryDirectory() as folder:
            paths = video.make_video(
                folder, 2 * timing.PERIOD, values.width, values.height, max(self._targets)
            )
            frames = [images.as_rgb(path) for path in paths]
            # What tracking takes up to the second update.
            memory = {
                count: self._fresh(paths[: timing.PERIOD + 2], self._boxes(count)).memory
                for count in self._targets
            }

        def start(count):
            tracker = self._tracker(self._precisions[0])
            tracker.init(frames[0], self._boxes(count))
            return lambda index: tracker.update(frames[(index + 1) % len(frames)])

        functions = {str(count): start(count) for count in self._targets}
        seconds = timing.in_turns(functions, _TARGETS_FRAMES)
        summaries = {int(name): timing.summarize(times) for name, times in seconds.items()}
        _say(f"\n{self._precisions[0]}, many targets in one step, tracking only:\n")
        _say(report.markdown(report.targets_table(summaries, memory)))
        return [
            {"targets": count, "seconds": summary._asdict(), "memory": memory[count]}
            for count, summary in summaries.items()
        ]


def _say(line: str) -> None:
    print(line, flush=True)


def _without_number(function: Callable[[], object]) -> Callable[[int], object]:
    return lambda _: function()


def _timed(paths: Sequence[str], track: Callable, decode: list[float]) -> Callable[[int], float]:
    """Decodes and tracks a frame: gives the seconds of tracking, and keeps those of decoding."""

    def run(index: int) -> float:
        start = time.perf_counter()
        image = images.as_rgb(paths[index + 1])
        middle = time.perf_counter()
        track(image)
        decode.append(middle - start)
        return time.perf_counter() - middle

    return run
