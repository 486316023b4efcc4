"""Runs a tracker over a source of frames, and keeps what it found."""

from __future__ import annotations

import contextlib
import dataclasses
import itertools
import time
from collections.abc import Iterator, Sequence
from typing import Any, Callable, NamedTuple, Optional

import numpy as np
from PIL import Image
from tqdm.auto import tqdm

from gradnet_tf.files import disk
from gradnet_tf.media import drawing, markup
from gradnet_tf.media.frames import Frame, FrameError, FrameSource, open_frames
from gradnet_tf.tracking import plotting
from gradnet_tf.tracking.boxes_file import frame_rows, save_rows
from gradnet_tf.tracking.config import RELIABLE
from gradnet_tf.tracking.overlay import Overlay, OverlayVideo, frame_label
from gradnet_tf.tracking.thumbnails import Thumbnails

_STRIP, _STRIP_WIDTH = 6, 960  # Frames that a notebook shows, and their width together, in px.


@dataclasses.dataclass(frozen=True, eq=False, repr=False)
class TrackingRun:
    """Holds the boxes of a target, or of k targets, over n frames, and how they came about.

    Attributes:
        boxes: float64 [n, 4] or [n, k, 4], (x, y, width, height), 0-based pixels. The first ones
            are those that were given.
        scores: float64 [n] or [n, k], the largest SiamFC score of each frame; NaN where nothing was
            measured, in the first frame and in held ones.
        confidences: float64 [n] or [n, k], 0 to 1; NaN likewise.
        seconds: float64 [n], time spent tracking each frame, without decoding it. The first is the
            time of the initialisation; 0 for held frames.
        held: bool [n], frames that could not be read, where the last box is repeated.
        names: The frames' files, or their places in the source.
        frame_sizes: int [n, 2], height and width of each frame; of a held one, that of the last.
        thumbnails: Some frames made small, as pairs of number and image (uint8 [h, w, 3] RGB).
        source: The frames, if they can be read again; else None.
        source_fps: Frames per second of the source, if it is a video; else None.
        is_complete: Whether the source was tracked to its end; False for the run so far of an
            interrupted one.
        start_frame: Number of the first frame in the source; later than 0 if frames before it were
            passed over.
    """

    boxes: np.ndarray
    scores: np.ndarray
    confidences: np.ndarray
    seconds: np.ndarray
    held: np.ndarray
    names: Sequence[str]
    frame_sizes: np.ndarray
    thumbnails: Sequence[tuple[int, np.ndarray]]
    source: Optional[FrameSource] = None
    source_fps: Optional[float] = None
    is_complete: bool = True
    start_frame: int = 0

    def __len__(self) -> int:
        return len(self.boxes)

    def __repr__(self) -> str:
        held = f", {self.held.sum()} held" if self.held.any() else ""
        ended = "" if self.is_complete else ", ended early"
        targets = f", {self.boxes.shape[1]} targets" if self.boxes.ndim == 3 else ""
        return f"TrackingRun({len(self)} frames{targets}{held}{ended}, {self.fps:.1f} fps)"

    @property
    def frame_size(self) -> tuple[int, int]:
        """Height and width of the first frame."""
        height, width = self.frame_sizes[0].tolist()
        return height, width

    @property
    def fps(self) -> float:
        """Frames per second of tracking: frames after the first over the seconds they took.

        Held frames count for neither; NaN if no frame is left.
        """
        seconds = self.seconds[1:][~self.held[1:]]
        return float(len(seconds) / seconds.sum()) if len(seconds) else float("nan")

    def save(self, path: disk.PathLike, format: str = "float") -> None:
        """Writes the boxes as text.

        Args:
            path: The file to be written. Of several targets, a format without room for them gets a
                file for each: ``NAME.0.txt``, ``NAME.1.txt`` and so on.
            format: One of `gradnet_tf.boxes.formats.FORMATS`: "float" writes a line
                ``x,y,width,height`` with every digit for each frame; "reference" rounds them to
                integers as the reference's track.py does (half to even) before it saves; "otb" and
                "got10k" count from 1 as the benchmarks do; "mot", "csv" and "json" are tables of
                all targets, with confidences and, but for "mot", scores.

        Raises:
            ValueError: If there is no such format.
            OSError: If the file cannot be written.
        """
        values = zip(self.boxes, self.scores, self.confidences)
        rows = [frame_rows(n, *each) for n, each in enumerate(values, self.start_frame)]
        save_rows(path, rows, format)

    def to_video(
        self,
        path: disk.PathLike,
        frames: Any = None,
        truth: Optional[np.ndarray] = None,
        *,
        fps: Optional[float] = None,
        progress: bool = False,
    ) -> None:
        """Writes an MP4 video of the frames with their boxes. Needs PyAV.

        The video has the first frame's size; frames of another one are fitted into it.

        Args:
            path: The file to be written.
            frames: The frames once more, anything that `gradnet_tf.media.frames.open_frames`
                takes; only needed if the source could be read but once.
            truth: [m, 4], boxes drawn in another colour on the first m frames of the run.
            fps: Frames per second; by default each frame is shown as long as in the source if it
                is a video, else 25 a second.
            progress: Whether to show a progress bar.

        Raises:
            ValueError: If there are no frames to draw on, or not as many as boxes.
            OSError: If the file cannot be written. Nothing is left behind then.
            ImportError: If PyAV is not installed.
        """
        source = self.source if frames is None else open_frames(frames, on_bad_frame="hold")
        if source is None:
            raise ValueError(
                "the frames of this run could be read only once: give them again, "
                "to_video(path, frames=...)"
            )
        overlay = Overlay(truth)
        with contextlib.ExitStack() as stack:
            rate = fps or source.fps or self.source_fps
            writer = stack.enter_context(OverlayVideo(path, rate, source.pixel_aspect))
            bar = stack.enter_context(_bar(source, "video", progress, len(self)))
            count = 0
            shown = _closing(source, stack)
            if not self.is_complete:  # The frame after the last one may be what ended the run.
                shown = itertools.islice(shown, len(self))
            for count, frame in enumerate(shown, 1):
                if count > len(self):
                    raise ValueError(f"this run has {len(self)} boxes, but there are more frames")
                drawn = overlay.draw(frame.image, self.boxes[count - 1], self._label(count - 1))
                writer.write(drawn, None if fps else frame.duration)
                bar.update()
            if count < len(self):
                raise ValueError(f"this run has {len(self)} boxes, but there are {count} frames")

    def contact_sheet(
        self, columns: int = 4, count: int = 12, truth: Optional[np.ndarray] = None
    ) -> Image.Image:
        """Shows the boxes on frames spread evenly over the sequence.

        Args:
            columns: Frames in a row.
            count: Number of frames; at most those that are kept as thumbnails (12 to 24 of a longer
                sequence).
            truth: [m, 4], boxes drawn in another colour on those of the run's first m frames.

        Returns:
            The sheet, an RGB image.
        """
        if count < 1:
            raise ValueError(f"a contact sheet needs at least one frame, got count={count}")
        places = np.linspace(0, len(self.thumbnails) - 1, min(count, len(self.thumbnails)))
        chosen = [self.thumbnails[i] for i in np.rint(places).astype(int)]
        numbers = [number - self.start_frame for number, _ in chosen]
        images = [image for _, image in chosen]
        sizes = np.array([image.shape[:2] for image in images])
        scales = np.tile((sizes / self.frame_sizes[numbers])[:, ::-1], 2)
        rows = None
        if truth is not None:
            rows = [truth[n] if n < len(truth) else [np.nan] * 4 for n in numbers] * scales
        boxes = self.boxes[numbers]
        return drawing.contact_sheet(
            images,
            boxes * (scales[:, np.newaxis] if boxes.ndim == 3 else scales),
            rows,
            columns,
            labels=[self._label(n) for n in numbers],
        )

    def plot(self) -> Any:
        """Plots scores, confidences and sizes of the boxes over the frames. Needs matplotlib.

        Returns:
            A `matplotlib.figure.Figure`, which a notebook shows.

        Raises:
            ImportError: If matplotlib is not installed; the message says how to.
        """
        return plotting.plot_frames(
            self.boxes, self.scores, self.confidences, self.held, self.start_frame
        )

    def _repr_html_(self) -> str:
        """What a notebook shows: a strip of frames, and a summary."""
        strip = self.contact_sheet(columns=_STRIP, count=_STRIP)
        strip.thumbnail((_STRIP_WIDTH, _STRIP_WIDTH))
        height, width = self.frame_size
        targets = self.boxes.shape[1] if self.boxes.ndim == 3 else 1
        known = np.isfinite(self.confidences).sum()
        reliable = (self.confidences >= RELIABLE).sum()
        rows = [
            ("frames", f"{len(self)} of {width}x{height} px"),
            ("targets", f"{targets}"),
            ("reliable", f"{reliable} of {known} boxes (confidence of {RELIABLE} or more)"),
            ("speed", f"{self.fps:.1f} frames a second"),
        ]
        if self.held.any():
            rows.append(("held", f"{self.held.sum()} frames that could not be read"))
        if not self.is_complete:
            rows.append(("ended", "early"))
        return markup.picture(strip, "frames with their boxes") + markup.table("TrackingRun", rows)

    def _label(self, index: int) -> str:
        return frame_label(self.start_frame + index, self.held[index])


class FrameResult(NamedTuple):
    """What is known of a frame; see `TrackingRun`. Added as one, however a run ends."""

    box: np.ndarray
    score: Any
    confidence: Any
    seconds: float
    is_held: bool
    name: str
    frame_size: tuple[int, ...]


Callback = Callable[[Frame, FrameResult], None]


def run_tracker(
    tracker: Any,
    source: Any,
    box: Any,
    *,
    progress: bool = False,
    on_bad_frame: str = "stop",
    callback: Optional[Callback] = None,
) -> TrackingRun:
    """Tracks one or several targets from the first frame of a source to its last.

    Frames are let go as soon as they are tracked; small copies of at most 24 are kept.

    If it ends early, by whatever exception, Ctrl-C among them, the exception has the run so far as
    its attribute ``run``, unless it ends in the first frame.

    Args:
        tracker: Has ``init(image, box)``, ``update(image) -> box`` and after it ``score`` and
            ``confidence``, as `gradnet_tf.Tracker` does.
        source: Anything that `gradnet_tf.media.frames.open_frames` takes; a `FrameSource` keeps its
            own rule for bad frames.
        box: The target in the first frame, (x, y, width, height), 0-based float pixels; or [k, 4]
            of several, if the tracker takes them.
        progress: Whether to show a progress bar with the frames per second so far (on stderr).
        on_bad_frame: "stop", or "hold" to repeat the last box where a frame cannot be read.
        callback: Called with every frame and its `FrameResult`.

    Raises:
        FrameError: At a frame that cannot be read or tracked; the message names it.
        ValueError: If the tracker does not accept the first frame or the box, or there are no
            frames.
    """
    source = open_frames(source, on_bad_frame=on_bad_frame)
    rows: list[FrameResult] = []
    thumbnails = Thumbnails()
    tracked, tracked_seconds = 0, 0.0  # Of the frames after the first.
    try:
        with contextlib.ExitStack() as stack:
            bar = stack.enter_context(_bar(source, "tracking", progress, source.length))
            for frame in _closing(source, stack):
                start = time.perf_counter()
                score: Any = None
                size = rows[-1].frame_size if frame.image is None else frame.image.shape[:2]
                if frame.image is None:
                    found = rows[-1].box
                elif not rows:
                    tracker.init(frame.image, box)
                    found = np.asarray(box, np.float64)
                else:
                    found = _update(tracker, frame)
                    tracked += 1
                    tracked_seconds += time.perf_counter() - start
                    score, confidence = tracker.score, tracker.confidence
                if score is None:
                    score = confidence = np.full(found.shape[:-1], np.nan)
                seconds = time.perf_counter() - start if frame.ok else 0.0
                held, name = not frame.ok, frame.name
                rows.append(FrameResult(found, score, confidence, seconds, held, name, size))
                thumbnails.add(frame)
                if callback is not None:
                    callback(frame, rows[-1])
                if progress and tracked:
                    bar.set_postfix(fps=f"{tracked / tracked_seconds:.1f}", refresh=False)
                bar.update()
    except BaseException as error:  # Ctrl-C as well.
        if rows:
            run = _collect(rows, thumbnails, source, is_complete=False)
            error.run = run  # type: ignore[attr-defined] # An attribute that only we know.
        raise
    return _collect(rows, thumbnails, source, is_complete=True)


def _collect(
    rows: Sequence[FrameResult],
    thumbnails: Thumbnails,
    source: FrameSource,
    is_complete: bool,
) -> TrackingRun:
    boxes, scores, confidences, seconds, held, names, sizes = zip(*rows)
    return TrackingRun(
        boxes=np.stack(boxes),
        scores=np.array(scores, np.float64),
        confidences=np.array(confidences, np.float64),
        seconds=np.array(seconds),
        held=np.array(held),
        names=list(names),
        frame_sizes=np.array(sizes),
        thumbnails=thumbnails.images(),
        source=source if source.reiterable else None,
        source_fps=source.fps,
        is_complete=is_complete,
        start_frame=source.start_frame,
    )


def _update(tracker: Any, frame: Frame) -> np.ndarray:
    try:
        # A copy, in case the tracker goes on working in the array that it gave.
        return np.array(tracker.update(frame.image), np.float64)
    except ValueError as error:
        raise FrameError(frame.index, frame.name, str(error)) from error


def _closing(source: FrameSource, stack: contextlib.ExitStack) -> Iterator[Frame]:
    """Iterates over a source, whose background thread ends with the stack."""
    frames: Any = iter(source)
    stack.callback(frames.close)
    return frames


def _bar(source: FrameSource, what: str, progress: bool, total: Optional[int]) -> tqdm:
    return tqdm(total=total, desc=what, unit="frame", disable=not progress)
