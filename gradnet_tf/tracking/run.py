"""Runs a tracker over a source of frames, and keeps what it found."""

from __future__ import annotations

import contextlib
import dataclasses
import io
import itertools
import time
from collections.abc import Iterator, Sequence
from typing import Any, Callable, NamedTuple, Optional

import numpy as np
from PIL import Image
from tqdm import tqdm

from gradnet_tf.files import disk
from gradnet_tf.media import drawing
from gradnet_tf.media.frames import Frame, FrameError, FrameSource, open_frames
from gradnet_tf.media.video_writer import VideoWriter
from gradnet_tf.tracking import plotting
from gradnet_tf.tracking.boxes_file import save_boxes
from gradnet_tf.tracking.thumbnails import Thumbnails

_DEFAULT_FPS = 25.0  # Of a video made from frames that have no rate.

Callback = Callable[[Frame, np.ndarray], None]


@dataclasses.dataclass(frozen=True, eq=False, repr=False)
class TrackingRun:
    """Holds a target's boxes over a sequence of n frames, and how they came about.

    Attributes:
        boxes: float64 [n, 4], (x, y, width, height), 0-based pixels. The first is the given box.
        scores: float64 [n], the largest SiamFC score of each frame; NaN where nothing was measured,
            in the first frame and in held ones.
        confidences: float64 [n], 0 to 1; NaN likewise.
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

    def __len__(self) -> int:
        return len(self.boxes)

    def __repr__(self) -> str:
        held = f", {self.held.sum()} held" if self.held.any() else ""
        ended = "" if self.is_complete else ", ended early"
        return f"TrackingRun({len(self)} frames{held}{ended}, {self.fps:.1f} fps)"

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
        """Writes the boxes as text, a line ``x,y,width,height`` for each frame.

        Args:
            path: The file to be written.
            format: "float" writes every digit; "reference" rounds to integers as the reference's
                track.py does (half to even) before it saves.

        Raises:
            ValueError: If there is no such format.
            OSError: If the file cannot be written.
        """
        save_boxes(path, self.boxes, format)

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
            truth: [m, 4], boxes drawn in another colour on the first m frames.
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
        rate = fps or source.fps or self.source_fps or _DEFAULT_FPS
        width = drawing.line_width(self.frame_size)
        with contextlib.ExitStack() as stack:
            writer = VideoWriter(path, rate, self.frame_size[::-1], source.pixel_aspect)
            stack.enter_context(writer)
            bar = stack.enter_context(_bar(source, "video", progress, len(self)))
            image: Any = None
            count = 0
            shown = _closing(source, stack)
            if not self.is_complete:  # The frame after the last one may be what ended the run.
                shown = itertools.islice(shown, len(self))
            for frame in shown:
                image = image if frame.image is None else frame.image
                if frame.index >= len(self):
                    raise ValueError(f"this run has {len(self)} boxes, but there are more frames")
                drawn = image
                if truth is not None and frame.index < len(truth):
                    drawn = drawing.draw_box(drawn, truth[frame.index], drawing.TRUTH, width)
                label = self._label(frame.index)
                box = self.boxes[frame.index]
                drawn = drawing.draw_box(drawn, box, drawing.PREDICTION, width, label)
                drawn = drawing.fit_into(drawn, self.frame_size)
                writer.write(drawn, None if fps else frame.duration)
                count += 1
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
            truth: [m, 4], boxes drawn in another colour on those of the first m frames.

        Returns:
            The sheet, an RGB image.
        """
        if count < 1:
            raise ValueError(f"a contact sheet needs at least one frame, got count={count}")
        places = np.linspace(0, len(self.thumbnails) - 1, min(count, len(self.thumbnails)))
        chosen = [self.thumbnails[i] for i in np.rint(places).astype(int)]
        numbers = [number for number, _ in chosen]
        images = [image for _, image in chosen]
        sizes = np.array([image.shape[:2] for image in images])
        scales = np.tile((sizes / self.frame_sizes[numbers])[:, ::-1], 2)
        rows = None
        if truth is not None:
            rows = [truth[n] if n < len(truth) else [np.nan] * 4 for n in numbers] * scales
        return drawing.contact_sheet(
            images,
            self.boxes[numbers] * scales,
            rows,
            columns,
            labels=[self._label(n) for n in numbers],
        )

    def plot(self) -> Any:
        """Plots score, confidence and size of the box over the frames. Needs matplotlib.

        Returns:
            A `matplotlib.figure.Figure`, which a notebook shows.

        Raises:
            ImportError: If matplotlib is not installed; the message says how to.
        """
        return plotting.plot_frames(self.boxes, self.scores, self.confidences, self.held)

    def _repr_png_(self) -> bytes:
        """What a notebook shows: the contact sheet."""
        buffer = io.BytesIO()
        self.contact_sheet().save(buffer, format="png")
        return buffer.getvalue()

    def _label(self, index: int) -> str:
        return f"{index} held" if self.held[index] else str(index)


class _Row(NamedTuple):
    """What is known of a frame; see `TrackingRun`. Added as one, however a run ends."""

    box: np.ndarray
    score: float
    confidence: float
    seconds: float
    is_held: bool
    name: str
    frame_size: tuple[int, ...]


def run_tracker(
    tracker: Any,
    source: Any,
    box: Sequence[float],
    *,
    progress: bool = False,
    on_bad_frame: str = "stop",
    callback: Optional[Callback] = None,
) -> TrackingRun:
    """Tracks a target from the first frame of a source to its last.

    Frames are let go as soon as they are tracked; small copies of at most 24 are kept.

    If it ends early, by whatever exception, Ctrl-C among them, the exception has the run so far as
    its attribute ``run``, unless it ends in the first frame.

    Args:
        tracker: Has ``init(image, box)``, ``update(image) -> box`` and after it ``score`` and
            ``confidence``, as `gradnet_tf.Tracker` does.
        source: Anything that `gradnet_tf.media.frames.open_frames` takes; a `FrameSource` keeps its
            own rule for bad frames.
        box: The target in the first frame, (x, y, width, height), 0-based float pixels.
        progress: Whether to show a progress bar with the frames per second so far (on stderr).
        on_bad_frame: "stop", or "hold" to repeat the last box where a frame cannot be read.
        callback: Called with every frame and its box.

    Raises:
        FrameError: At a frame that cannot be read or tracked; the message names it.
        ValueError: If the tracker does not accept the first frame or the box, or there are no
            frames.
    """
    source = open_frames(source, on_bad_frame=on_bad_frame)
    rows: list[_Row] = []
    thumbnails = Thumbnails()
    tracked, tracked_seconds = 0, 0.0  # Of the frames after the first.
    try:
        with contextlib.ExitStack() as stack:
            bar = stack.enter_context(_bar(source, "tracking", progress, source.length))
            for frame in _closing(source, stack):
                score = confidence = float("nan")
                start = time.perf_counter()
                size = rows[-1].frame_size if frame.image is None else frame.image.shape[:2]
                if frame.image is None:
                    row = rows[-1].box
                elif not rows:
                    tracker.init(frame.image, box)
                    row = np.asarray(box, np.float64)
                else:
                    row = _update(tracker, frame)
                    tracked += 1
                    tracked_seconds += time.perf_counter() - start
                    score, confidence = float(tracker.score), float(tracker.confidence)
                seconds = time.perf_counter() - start if frame.ok else 0.0
                rows.append(_Row(row, score, confidence, seconds, not frame.ok, frame.name, size))
                thumbnails.add(frame)
                if callback is not None:
                    callback(frame, row)
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
    rows: Sequence[_Row],
    thumbnails: Thumbnails,
    source: FrameSource,
    is_complete: bool,
) -> TrackingRun:
    boxes, scores, confidences, seconds, held, names, sizes = zip(*rows)
    return TrackingRun(
        boxes=np.stack(boxes),
        scores=np.array(scores),
        confidences=np.array(confidences),
        seconds=np.array(seconds),
        held=np.array(held),
        names=list(names),
        frame_sizes=np.array(sizes),
        thumbnails=thumbnails.images(),
        source=source if source.reiterable else None,
        source_fps=source.fps,
        is_complete=is_complete,
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
