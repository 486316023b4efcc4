"""Tracks as the command line asks for, and writes what it asks for."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, Optional, TextIO

import numpy as np

from gradnet_tf import command_line
from gradnet_tf.boxes import checks
from gradnet_tf.eval.commands import boxes as eval_boxes
from gradnet_tf.eval.metrics import ope_metrics
from gradnet_tf.files import disk, textfiles
from gradnet_tf.files.interrupts import Interrupts, StopRequest
from gradnet_tf.media.browser import BrowserDisplay
from gradnet_tf.media.frames import Frame, FrameSource, open_frames
from gradnet_tf.media.streams import StreamSource
from gradnet_tf.track.options import Options
from gradnet_tf.tracking.boxes_file import BoxesFile, frame_rows, target_paths
from gradnet_tf.tracking.overlay import Overlay, OverlayVideo, frame_label

if TYPE_CHECKING:
    from gradnet_tf.tracking.run import FrameResult, TrackingRun


class _LateTracker:
    """Makes the tracker when the first frame is there and the boxes lie in it.

    TensorFlow takes seconds to import, and a checkpoint to load: not for a command that fails.
    """

    def __init__(self, options: Options):
        self._options = options
        self._tracker: Any = None

    def warm_up(self, size: tuple[int, int]) -> None:
        """Loads and compiles before the first frame, whose target a live stream moves on."""
        checks.check_boxes(self._options.box, size)
        self._tracker = make_tracker(self._options)
        blank = np.zeros((*size, 3), np.uint8)
        self._tracker.init(blank, self._options.box)
        self._tracker.update(blank)

    def init(self, image: np.ndarray, box: Any) -> None:
        checks.check_boxes(box, image.shape[:2])
        self._tracker = self._tracker or make_tracker(self._options)
        self._tracker.init(image, box)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._tracker, name)


def make_tracker(options: Options) -> Any:
    """Makes the tracker; loads TensorFlow."""
    from gradnet_tf.tracking.tracker import Tracker

    return Tracker(
        options.checkpoint,
        preset=options.preset,
        jit_compile=options.jit_compile,
        precision=options.precision,
    )


def track(options: Options, interrupts: Interrupts) -> None:
    """Tracks, and writes what is asked for.

    Args:
        options: What is asked for.
        interrupts: Tells whether a signal came that Python dropped.
    """
    truth = _read_truth(options)
    with _keeping(options) as boxes:
        with open_frames(
            options.source,
            on_bad_frame=options.on_bad_frame,
            start_frame=options.start_frame,
            end_frame=options.end_frame,
        ) as source:
            result = _run(source, options, boxes, truth, interrupts)
        if options.boxes and boxes is not None:
            boxes.finish()
        _write(result, source, options, truth)


def _read_truth(options: Options) -> Optional[np.ndarray]:
    if options.truth is None:
        return None
    truth = textfiles.read_boxes(options.truth)[options.start_frame :]
    if not len(truth):
        raise ValueError(f"{options.truth} ends before --start_frame={options.start_frame}")
    if options.end_frame is not None:
        truth = truth[: options.end_frame - options.start_frame + 1]
    truth, origin = eval_boxes.count_from_zero(truth, options.box, options.truth_origin)
    if origin == 0 and options.truth_origin is None:
        which = "the first line" if not options.start_frame else f"line {options.start_frame + 1}"
        command_line.tell(
            f"note: --box is {which} of {options.truth} as it stands, so that file is taken "
            "to count from 0 as well; if it counts from 1, subtract 1 from x and y of --box"
        )
    return truth


@contextlib.contextmanager
def _keeping(options: Options) -> Iterator[Optional[BoxesFile]]:
    """Keeps the boxes as they come; where the block ends early, it tells where they are."""
    if options.kept is None:
        yield None
        return
    with BoxesFile(options.kept, options.format, options.targets) as boxes:
        try:
            yield boxes
        except BaseException:
            try:
                paths = boxes.rescue()
            except OSError as error:
                command_line.tell(f"the boxes of the first {boxes.frames} frames are lost: {error}")
            else:
                for path in paths:
                    command_line.tell(f"the boxes of the first {boxes.frames} frames: {path}")
            raise
        boxes.discard()


def _run(
    source: FrameSource,
    options: Options,
    boxes: Optional[BoxesFile],
    truth: Optional[np.ndarray],
    interrupts: Interrupts,
) -> TrackingRun:
    from gradnet_tf.tracking.run import run_tracker

    tracker = _LateTracker(options)
    overlay = Overlay(truth)
    video = display = None
    with contextlib.ExitStack() as stack:
        if isinstance(source, StreamSource):
            if source.is_live:
                tracker.warm_up(source.size)
            if options.video:
                video = OverlayVideo(options.video, source.fps, source.pixel_aspect)
                stack.enter_context(video)
            stop = stack.enter_context(StopRequest(source.end))
            stack.callback(_tell_stop, stop)
        if options.display:
            display = stack.enter_context(BrowserDisplay())
            command_line.tell(f"display: {display.url}")

        def keep(frame: Frame, result: FrameResult) -> None:
            if boxes is not None:
                boxes.add(frame_rows(frame.index, result.box, result.score, result.confidence))
            if video or display:
                label = frame_label(frame.index, result.is_held)
                drawn = overlay.draw(frame.image, result.box, label)
                if video:
                    video.write(drawn, frame.duration)
                if display:
                    display.show(drawn)
            interrupts.check()

        return run_tracker(tracker, source, options.box, progress=True, callback=keep)


def _tell_stop(stop: StopRequest) -> None:
    if stop.received:
        command_line.tell(f"ended by {stop.received.name}")


def _write(
    result: TrackingRun, source: FrameSource, options: Options, truth: Optional[np.ndarray]
) -> None:
    """Prints what was found, and writes what is made of it."""
    out = _free_stream(options.boxes)
    held = f" ({result.held.sum()} held)" if result.held.any() else ""
    print(f"frames: {len(result)}{held}", file=out)
    if isinstance(source, StreamSource) and source.is_live:
        print(f"dropped: {source.dropped} more frames, to stay current", file=out)
    if not np.isnan(result.fps):
        print(f"speed: {result.fps:.1f} frames a second (tracking alone)", file=out)
    if truth is not None:
        _print_accuracy(result.boxes, truth, out)
    if options.boxes:
        for path in target_paths(options.boxes, options.format, options.targets):
            print(f"boxes: {path}", file=out)
    if options.sheet:
        with disk.replacing(options.sheet) as path, disk.naming(options.sheet):
            result.contact_sheet(truth=truth).save(path)
        print(f"contact sheet: {options.sheet}", file=out)
    if options.video:
        out.flush()
        if not isinstance(source, StreamSource):  # Of a stream it is written by now.
            result.to_video(options.video, truth=truth, progress=True)
        print(f"video: {options.video}", file=out)


def _free_stream(boxes: Optional[Path]) -> TextIO:
    """Where to print: stdout, unless the boxes go there."""
    with contextlib.suppress(OSError):
        if boxes and disk.is_special(boxes) and os.path.samestat(os.stat(boxes), os.fstat(1)):
            return sys.stderr
    return sys.stdout


def _print_accuracy(boxes: np.ndarray, truth: np.ndarray, out: TextIO) -> None:
    count = min(len(boxes), len(truth))
    iou = ope_metrics.overlap_ratio(boxes[:count], truth[:count])
    error = ope_metrics.center_error(boxes[:count], truth[:count])
    known = ~np.isnan(iou)  # Frames without a true box say nothing.
    if not known.any():
        print("mean IoU: there is no true box to compare with", file=out)
        return
    precision = ope_metrics.precision(error[known])
    print(
        f"mean IoU: {iou[known].mean():.3f}, precision at 20 px: {precision:.3f} "
        f"(over {known.sum()} frames)",
        file=out,
    )
    if len(boxes) != len(truth):
        print(f"note: {len(boxes)} frames, but {len(truth)} true boxes", file=sys.stderr)
