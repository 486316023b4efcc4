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

from gradnet_tf import files, images
from gradnet_tf.bench import floors, parts, report, scaling, startup, timing, video
from gradnet_tf.bench.authors import AuthorsTracker
from gradnet_tf.bench.reference_way import ReferencesWay
from gradnet_tf.gradnet import GradNet
from gradnet_tf.tracking import config as configs
from gradnet_tf.tracking import precision as precisions
from gradnet_tf.tracking.tracker import Tracker
from gradnet_tf.weights import Weights, load, load_embedded
from gradnet_tf.weights.convert import Source, Targets, convert
from gradnet_tf.weights.embedded import path as embedded_path

_TRACE_FRAMES = 10
_REFERENCE = "reference's way"
_AUTHORS = "authors' code"


@dataclasses.dataclass(frozen=True)
class Settings:
    """What to measure.

    Attributes:
      checkpoint: of the tracker; the embedded one if empty.
      device: "cpu" or "gpu".
      precisions: of the search features, the first one that of the other tables.
      width: of the frames, pixels.
      height: of the frames, pixels.
      frames: to measure, rounded up to whole periods of the update.
      targets: numbers of targets of the scaling table; none for no table.
      authors: checkout of the authors' code; empty for none.
      xla: whether to measure XLA on a CPU as well.
      startup: whether to measure the latency of the first result.
      json: file for the numbers; empty for none.
      chart: file for the picture; empty for none.
      trace: folder for a TensorBoard profile; empty for none.

    Raises:
      ValueError: if a value cannot be used.
    """

    checkpoint: str = ""
    device: str = "cpu"
    precisions: tuple[str, ...] = ("float32",)
    width: int = 640
    height: int = 480
    frames: int = 50
    targets: tuple[int, ...] = ()
    authors: str = ""
    xla: bool = False
    startup: bool = True
    json: str = ""
    chart: str = ""
    trace: str = ""

    def __post_init__(self):
        for name in self.precisions:
            if name not in precisions.PRECISIONS:
                choices = ", ".join(precisions.PRECISIONS)
                raise ValueError(f"precisions must be of {choices}, got {name!r}")
        if not self.precisions:
            raise ValueError("precisions must name at least one")
        if self.device == "gpu" and "int8" in self.precisions:
            raise ValueError("precisions: int8 runs on the processor only, got device gpu")
        if any(count < 1 for count in self.targets):
            raise ValueError(f"targets must be positive, got {list(self.targets)}")


def default_precisions(device: str) -> tuple[str, ...]:
    """The precisions that a device has instructions for."""
    if device == "gpu":
        return ("float32", "float16", "bfloat16")
    return tuple(name for name in precisions.PRECISIONS if precisions.processor_has(name))


def choose_device(name: str) -> str:
    """Device "cpu" or "gpu" of a flag; "auto" is the GPU where there is one.

    What is not chosen is hidden from TensorFlow.

    Raises:
      ValueError: if there is no GPU where one is asked for.
    """
    found = tf.config.list_physical_devices("GPU")
    if name == "gpu" and not found:
        raise ValueError("device must be cpu or auto: TensorFlow sees no GPU on this machine")
    if name == "cpu" or not found:
        tf.config.set_visible_devices([], "GPU")
        return "cpu"
    return "gpu"


class Benchmark:
    """One run of the benchmark.

    Args:
      settings: what to measure.
      say: takes the lines of the report.

    Raises:
      OSError: if an output cannot be written.
      ValueError: if the checkpoint cannot be used, or has no update.
      ImportError: if a picture is asked for and matplotlib is not installed.
    """

    def __init__(self, settings: Settings, say: Callable[[str], None]):
        self.settings = settings
        self._say = say
        for path in (settings.json, settings.chart):
            if path:
                files.check_target(path)
        if settings.chart:
            import matplotlib  # noqa: F401
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
                f"{self._count} frames, every row's frame after another"
            )
            one = self._one_target(paths, box, folder, stack)
            results |= one
            if settings.startup:
                results["first result"] = self._first_result(paths, box)
        if settings.targets:
            results["targets"] = self._many_targets()
        if settings.chart:
            self._draw(results)
        if settings.json:
            with files.replacing(settings.json) as path:
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
        probes = floors.Probes(
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
        floor = {name: floors.floor(rates, name) for name in settings.precisions}
        shares = {
            name: parts.shares(
                {part: summaries[f"{name}: {part}"] for part in parts.PARTS}, ends[name].mean
            )
            for name in settings.precisions
        }
        names = [name for name in (_AUTHORS, _REFERENCE, *rows) if name in functions]
        self._say("\n" + report.markdown(_speed_rows(names, summaries, ends, floor)))
        self._say("\n" + report.markdown(report.parts_table(shares)))
        self._say("\n" + _floors_text(rates, floor, settings.precisions))
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
        found = startup.measure(checkpoint, options, paths[:2], box).seconds
        steps = ", ".join(f"{name} {value:.1f}" for name, value in found.items() if name != "whole")
        self._say(f"\nfirst box {found['whole']:.1f} s after the start of Python ({steps})")
        return found

    def _many_targets(self) -> dict[str, list[dict]]:
        settings = self.settings
        with tempfile.TemporaryDirectory() as folder:
            paths = video.make_video(
                folder, 2 * timing.PERIOD, settings.width, settings.height, max(settings.targets)
            )
            frames = [images.as_rgb(path) for path in paths]
            memory = {count: self._memory(count, paths) for count in settings.targets}
        found = {}
        for precision in settings.precisions:
            functions = scaling.trackers(
                lambda name=precision: self._tracker(name), settings.targets, frames
            )
            seconds = timing.in_turns(functions, max(self._count // 2, 10) // 5 * 5)
            found[precision] = [
                # That of the first precision: a process for each takes its time.
                scaling.Scale(
                    count,
                    timing.summarize(seconds[count]),
                    memory[count] if precision == settings.precisions[0] else None,
                )
                for count in settings.targets
            ]
            self._say(f"\n{precision}, many targets in one step, tracking only")
            self._say(report.markdown(scaling.table(found[precision])))
        return {name: [dataclasses.asdict(s) for s in values] for name, values in found.items()}

    def _memory(self, targets: int, paths) -> int:
        """Bytes that tracking so many targets takes up to the second update."""
        settings = self.settings
        options = {"precision": settings.precisions[0], "jit_compile": self._jit}
        boxes = video.first_boxes(targets, settings.width, settings.height)
        frames = paths[: timing.PERIOD + 2]
        return startup.measure(settings.checkpoint or None, options, frames, boxes).memory

    def _draw(self, results: dict[str, Any]) -> None:
        environment = results["environment"]
        scales = {
            name: [
                scaling.Scale(**{**s, "seconds": timing.Summary(**s["seconds"])}) for s in values
            ]
            for name, values in results.get("targets", {}).items()
        }
        device = environment["GPU"] if self._jit else environment["processor"]
        title = f"{device}, TensorFlow {environment['TensorFlow']}"
        with files.replacing(self.settings.chart) as path:
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


def _speed_rows(names, summaries, ends, floor) -> list[list[str]]:
    baseline = names[0] if names[0] in (_AUTHORS, _REFERENCE) else None
    head = ["one target", "ms", "95%", "mean ms", "fps", "fps end to end", "95% end to end, ms"]
    rows = [[*head, f"times the {baseline}" if baseline else "times", "of the floor"]]
    for name in names:
        own = summaries[name]
        row = [name, f"{1e3 * own.median:.1f}", f"{1e3 * own.high:.1f}", f"{1e3 * own.mean:.1f}"]
        row.append(f"{1 / own.mean:.1f}")
        end = ends.get(name)
        row += [f"{1 / end.mean:.1f}", f"{1e3 * end.high:.1f}"] if end else ["-", "-"]
        row.append(f"{summaries[baseline].mean / own.mean:.2f}" if baseline else "-")
        least = floor[name].arithmetic if name in floor else None
        row.append(f"{100 * least / own.mean:.0f}%" if least else "-")
        rows.append(row)
    return rows


def _floors_text(rates: floors.Rates, floor: dict, names) -> str:
    work, update = floors.features_work(3), floors.features_work(1)
    lines = [
        f"A frame takes {work.multiply_adds / 1e9:.2f} G multiply-adds, an update "
        f"{update.multiply_adds / 1e9:.2f} G more. Floors of a frame with a fifth of an update:"
    ]
    for name in names:
        least = floor[name]
        if least.arithmetic is None:
            text = "arithmetic not known (no matrix product of this type)"
        else:
            rate = rates.multiply_adds[name]
            text = f"arithmetic {1e3 * least.arithmetic:.1f} ms at {rate / 1e9:.0f} G a second"
        lines.append(
            f"{name}: {text}, memory {1e3 * least.memory:.1f} ms at "
            f"{rates.copied_bytes / 1e9:.0f} GB a second"
        )
    return "\n".join(lines)


def _plain(value):
    return float(value) if isinstance(value, np.floating) else value
