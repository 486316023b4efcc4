"""What `python -m gradnet_tf.bench` measures, in order."""

from __future__ import annotations

import contextlib
import dataclasses
import json
import os
import tempfile
import time
from collections.abc import Callable
from typing import Any, Optional

import numpy as np
import tensorflow as tf

from gradnet_tf.bench import parts, report, roofline, scaling, startup, tables, timing, video
from gradnet_tf.bench.authors import AuthorsTracker
from gradnet_tf.bench.reference_way import ReferencesWay
from gradnet_tf.bench.settings import Settings
from gradnet_tf.files import disk
from gradnet_tf.media import figures, images
from gradnet_tf.network.gradnet import GradNet
from gradnet_tf.tracking import config as configs
from gradnet_tf.tracking.tracker import Tracker
from gradnet_tf.weights import Weights, load, load_embedded
from gradnet_tf.weights.convert import Source, Targets, convert
from gradnet_tf.weights.pretrained import path as embedded_path

_TRACE_FRAMES = 10
_SCALING_FRAMES = 3 * timing.PERIOD
_FRESH_PROCESSES = 3
_REFERENCE = "reference's way"
_AUTHORS = "authors' code"


class Benchmark:
    """One run of the benchmark.

    Args:
        settings: What to measure.
        say: Takes the lines of the report.

    Raises:
        OSError: If an output cannot be written.
        ValueError: If the checkpoint cannot be used, or has no update.
        ImportError: If a picture is asked for and matplotlib is not installed.
    """

    def __init__(self, settings: Settings, say: Callable[[str], None]):
        self.settings = settings
        self._say = say
        for path in (settings.json, settings.chart):
            if path:
                disk.check_target(path)
        if settings.chart:
            figures.figure_class()
        self._weights: Weights = (
            load(settings.checkpoint) if settings.checkpoint else load_embedded()
        )
        self._network = GradNet(self._weights.variant)
        if not self._network.has_update:
            raise ValueError(f"checkpoint: variant {self._weights.variant!r} has no update")
        self._network.assign_weights(self._weights.arrays)
        self._config = configs.preset("reference")
        self._jit = settings.device == "gpu"
        # Whole periods, so that every summary holds as many updates.
        self._count = -(-settings.frames // timing.PERIOD) * timing.PERIOD

    def run(self) -> dict[str, Any]:
        """Measures, reports and writes.

        Returns:
            What the JSON file holds.
        """
        settings = self.settings
        results: dict[str, Any] = {"environment": report.environment()}
        for name, value in results["environment"].items():
            self._say(f"{name}: {value}")
        length = timing.PERIOD + self._count + 2
        with tempfile.TemporaryDirectory() as folder, contextlib.ExitStack() as stack:
            paths = video.make_video(folder, length, settings.width, settings.height)
            box = video.first_boxes(1, settings.width, settings.height)[0]
            self._say(
                f"a made-up video of {settings.width}x{settings.height} pixels, "
                f"{self._count} frames, every row five frames in turn"
            )
            one = self._one_target(paths, box, folder, stack)
            results |= one
            if settings.startup:
                results["first result"] = self._first_result(paths, box)
        scales = self._many_targets() if settings.targets else []
        results["targets"] = [dataclasses.asdict(scale) for scale in scales]
        if settings.chart:
            self._draw(results, scales)
        if settings.json:
            with disk.replacing(settings.json) as path:
                path.write_text(json.dumps(results, indent=1, default=_plain), encoding="utf-8")
        return results

    def _tracker(self, precision: str, jit: Optional[bool] = None) -> Tracker:
        return Tracker(
            self.settings.checkpoint or None,
            config=self._config,
            precision=precision,
            jit_compile=self._jit if jit is None else jit,
        )

    def _one_target(self, paths, box, folder: str, stack: contextlib.ExitStack) -> dict[str, Any]:
        settings = self.settings
        functions: dict[str, Callable[[int], object]] = {}
        decode: dict[str, list[float]] = {}
        if settings.authors:
            functions[_AUTHORS] = self._authors(paths, box, folder, stack)
        if not self._jit:
            first = images.as_rgb(paths[0])
            reference = ReferencesWay(self._network, self._config, first, box)
            functions[_REFERENCE] = _timed(
                paths, reference.next_frame, decode.setdefault(_REFERENCE, [])
            )
        rows = {name: self._tracker(name) for name in settings.precisions}
        if settings.xla and not self._jit:
            rows["float32, XLA"] = self._tracker("float32", jit=True)
        for name, tracker in rows.items():
            tracker.init(paths[0], box)
            functions[name] = _timed(paths, tracker.update, decode.setdefault(name, []))
        for name in settings.precisions:
            made = parts.functions(self._network, self._config, name, paths[0], box, self._jit)
            functions |= {f"{name}: {part}": function for part, function in made.items()}
        probes = roofline.Probes(
            dict.fromkeys(["float32", *settings.precisions]), size=8192 if self._jit else 2048
        )
        functions |= probes.functions
        seconds = timing.in_turns(functions, self._count)
        if settings.trace:
            self._trace(rows[settings.precisions[0]], paths)

        summaries = {name: timing.summarize(values) for name, values in seconds.items()}
        rates = probes.rates(seconds)
        ends = {
            name: timing.summarize(np.add(seconds[name], values[timing.PERIOD :]))
            for name, values in decode.items()
        }
        floor = {name: roofline.floor(rates, name) for name in settings.precisions}
        shares = {
            name: parts.shares(
                {part: summaries[f"{name}: {part}"] for part in parts.PARTS}, ends[name].mean
            )
            for name in settings.precisions
        }
        names = [name for name in (_AUTHORS, _REFERENCE, *rows) if name in functions]
        baseline = next((name for name in (_AUTHORS, _REFERENCE) if name in functions), None)
        self._say(
            "\n" + tables.markdown(report.speed_table(names, baseline, summaries, ends, floor))
        )
        self._say("\n" + tables.markdown(report.parts_table(shares)))
        self._say("\n" + report.floors_text(rates, floor))
        return {
            "frame": {name: dataclasses.asdict(summaries[name]) for name in names},
            "end to end": {name: dataclasses.asdict(ends[name]) for name in ends},
            "parts": shares,
            "rates": rates._asdict(),
            "floors": {name: value._asdict() for name, value in floor.items()},
        }

    def _authors(self, paths, box, folder: str, stack: contextlib.ExitStack):
        prefix = os.path.join(folder, "tf1", "model.ckpt")
        os.makedirs(os.path.dirname(prefix))
        source = self.settings.checkpoint or str(embedded_path())
        convert(Source(checkpoint=source), Targets(tf1=prefix))
        authors = AuthorsTracker(self.settings.authors, paths, box, prefix)
        stack.callback(authors.close)
        authors.next_frame()
        return lambda _: authors.next_frame()

    def _trace(self, tracker: Tracker, paths) -> None:
        tracker.init(paths[0], video.first_boxes(1, self.settings.width, self.settings.height)[0])
        with tf.profiler.experimental.Profile(self.settings.trace):
            for index in range(_TRACE_FRAMES):
                with tf.profiler.experimental.Trace("frame", step_num=index, _r=1):
                    tracker.update(paths[1 + index % (len(paths) - 1)])
        self._say(f"\nprofile of {_TRACE_FRAMES} frames: {self.settings.trace}")

    def _first_result(self, paths, box) -> dict[str, float]:
        options = {"precision": self.settings.precisions[0], "jit_compile": self._jit}
        checkpoint = self.settings.checkpoint or None
        tries = [
            startup.measure(checkpoint, options, paths[:2], box).seconds
            for _ in range(_FRESH_PROCESSES)
        ]
        found = sorted(tries, key=lambda seconds: seconds["whole"])[_FRESH_PROCESSES // 2]
        named = {name: value for name, value in found.items() if name != "whole"}
        steps = ", ".join(f"{name} {value:.1f}" for name, value in named.items())
        self._say(
            f"\nfrom import to the first box {sum(named.values()):.1f} s ({steps}); "
            f"{found['whole']:.1f} s with the start and the end of Python, the median of "
            f"{_FRESH_PROCESSES} processes"
        )
        return found

    def _many_targets(self) -> list[scaling.Scale]:
        settings = self.settings
        with tempfile.TemporaryDirectory() as folder:
            paths = video.make_video(
                folder, 2 * timing.PERIOD, settings.width, settings.height, max(settings.targets)
            )
            frames = [images.as_rgb(path) for path in paths]
            memory = {count: self._memory(count, paths) for count in settings.targets}
        first = settings.precisions[0]
        functions = scaling.trackers(lambda: self._tracker(first), settings.targets, frames)
        seconds = timing.in_turns(functions, _SCALING_FRAMES)
        scales = [
            scaling.Scale(count, timing.summarize(seconds[count]), memory[count])
            for count in settings.targets
        ]
        self._say(f"\n{first}, many targets in one step, tracking only:\n")
        self._say(tables.markdown(scaling.table(scales)))
        return scales

    def _memory(self, targets: int, paths) -> int:
        """Bytes that tracking so many targets takes up to the second update."""
        settings = self.settings
        options = {"precision": settings.precisions[0], "jit_compile": self._jit}
        boxes = video.first_boxes(targets, settings.width, settings.height)
        frames = paths[: timing.PERIOD + 2]
        return startup.measure(settings.checkpoint or None, options, frames, boxes).memory

    def _draw(self, results: dict[str, Any], scales: list[scaling.Scale]) -> None:
        environment = results["environment"]
        device = environment["GPU"] if self._jit else environment["processor"]
        title = f"{device}, TensorFlow {environment['TensorFlow']}"
        with disk.replacing(self.settings.chart) as path:
            report.draw(str(path), results["parts"], scales, title)


def _timed(paths, track: Callable, decode: list[float]) -> Callable[[int], float]:
    """Decodes and tracks a frame: gives the seconds of tracking, and keeps those of decoding."""

    def run(index: int) -> float:
        start = time.perf_counter()
        image = images.as_rgb(paths[index + 1])
        middle = time.perf_counter()
        track(image)
        decode.append(middle - start)
        return time.perf_counter() - middle

    return run


def _plain(value):
    return float(value) if isinstance(value, np.floating) else value
