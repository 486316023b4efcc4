"""One person's work: a video, the targets in it, and what was tracked of them."""

from __future__ import annotations

import contextlib
import dataclasses
import itertools
import shutil
import tempfile
import threading
from collections.abc import Generator, Iterator, Sequence
from pathlib import Path
from typing import Any, Callable, Optional

import numpy as np

from gradnet_tf.app.box_editor import Drawn
from gradnet_tf.app.frame_reader import FrameReader
from gradnet_tf.app.target import Target
from gradnet_tf.boxes import checks
from gradnet_tf.media.frames import open_frames
from gradnet_tf.tracking.boxes_file import frame_rows, save_rows
from gradnet_tf.tracking.overlay import Overlay, OverlayVideo, frame_label


@dataclasses.dataclass(frozen=True)
class Progress:
    """How far something is."""

    what: str  # What is being done.
    done: int  # Frames that are done.
    total: int  # Frames in all.
    frame: int  # Number of the frame done last.
    image: np.ndarray  # That frame, uint8 [h, w, 3] RGB.
    boxes: np.ndarray  # Its boxes, see `Session.rows`.


class Session:
    """Holds a video and its targets; what is done with them, one thing at a time.

    Args:
        folder: For files that are written; the session's own.
    """

    def __init__(self, folder: Path):
        self.folder = folder
        self.name: Optional[str] = None  # The video's; None before `open`.
        self.frame = 0  # Number of the frame that is shown.
        # By their numbers, which count from 0 and are not given twice.
        self.targets: dict[int, Target] = {}
        self.video: Optional[Path] = None  # What `draw` wrote; None before.
        self._reader: Optional[FrameReader] = None
        self._path: Optional[str] = None
        self._next_number = 0
        self._busy = threading.Lock()
        self._stop = threading.Event()

    def open(self, path: Any) -> None:
        """Opens a video, by a path that `open_frames` takes, and forgets the one before.

        Raises:
            OSError: If it cannot be opened.
            ValueError: If it has no frames, or something is under way.
        """
        with self._working():
            reader = FrameReader(open_frames(str(path), on_bad_frame="hold", prefetch=0))
            self._reader, self._path = reader, str(path)
            self.name = Path(path).name
            self.frame, self.targets, self.video, self._next_number = 0, {}, None, 0

    @property
    def length(self) -> int:
        """Number of frames; see `FrameReader`."""
        return self._opened().length

    @property
    def frame_hw(self) -> tuple[int, int]:
        """Height and width of the first frame."""
        height, width = self.image(0).shape[:2]
        return height, width

    def image(self, frame: int) -> np.ndarray:
        """Returns a frame, uint8 [h, w, 3] RGB; see `FrameReader.read`."""
        return self._opened().read(frame)

    def boxes(self, frame: int) -> dict[int, np.ndarray]:
        """Returns the boxes in a frame by the numbers of their targets."""
        found = ((number, target.box(frame)) for number, target in self.targets.items())
        return {number: box for number, box in found if box is not None}

    def rows(self, frame: int) -> np.ndarray:
        """Returns the boxes in a frame as they are drawn: [4], or [targets, 4] of several.

        Their places are the numbers of their targets; where there is no box, NaN stands.
        """
        rows = np.full((max(1, self._next_number), 4), np.nan)
        for number, box in self.boxes(frame).items():
            rows[number] = box
        return rows if len(rows) > 1 else rows[0]

    @property
    def tracked(self) -> int:
        """Number of the frame after the last one with a box; 0 if there is none."""
        return max((target.end for target in self.targets.values()), default=0)

    def confidences(self) -> dict[int, np.ndarray]:
        """Returns float64 [length] of each target; NaN where there is none."""
        values = {number: np.full(self.length, np.nan) for number in self.targets}
        for number, target in self.targets.items():
            values[number][target.start : target.end] = target.confidences
        return values

    def track(
        self, frame: int, drawn: Sequence[Drawn], make_tracker: Callable[[], Any]
    ) -> Generator[Progress, None, None]:
        """Tracks from a frame on, to the video's end or until `stop`; yields after each frame.

        A target whose box was drawn or changed in this frame is tracked from it; what was tracked
        of it before this frame stays. Others stay as they are, but that those go on which were
        tracked no further than to this frame, and those end before it whose box was removed.

        Raises:
            ValueError: If there is nothing to track, a box cannot be used, or something is under
                way; nothing has changed then.
        """
        with self._working():
            image = self.image(frame)
            shown = self.boxes(frame)
            chosen = [each for each in drawn if self._is_to_track(each, frame, shown)]
            if not chosen:
                raise ValueError(
                    "nothing to track: draw a box in this frame, or change one, and it is "
                    "tracked from here"
                )
            boxes = checks.check_boxes([each.box for each in chosen], image.shape[:2])
            tracker = make_tracker()
            # As for one target alone, so that the boxes are those of the command to the last bit.
            tracker.init(image, boxes if len(boxes) > 1 else boxes[0])
            targets = self._begin(frame, drawn, chosen, shown)
            yield from self._follow(tracker, frame, targets)

    def draw(self) -> Generator[Progress, None, None]:
        """Writes a video of the frames up to the last one tracked with their boxes.

        It yields after each frame; where it is stopped, there is no video. A ValueError if nothing
        was tracked, or something is under way.
        """
        with self._working():
            total = self.tracked
            if not total:
                raise ValueError("nothing was tracked yet")
            self.video = None
            path, overlay, image = self._fresh("overlay", ".mp4"), Overlay(), self.image(0)
            with contextlib.ExitStack() as stack:
                source = stack.enter_context(open_frames(self._path, on_bad_frame="hold"))
                video = stack.enter_context(OverlayVideo(path, source.fps, source.pixel_aspect))
                for frame in itertools.islice(source, total):
                    number, boxes = frame.index, self.rows(frame.index)
                    label = frame_label(number, frame.image is None)
                    video.write(overlay.draw(frame.image, boxes, label), frame.duration)
                    image = image if frame.image is None else frame.image
                    yield Progress("Video", number + 1, total, number, image, boxes)
                    if self._stop.is_set():
                        break
            if not self._stop.is_set():
                self.video = path

    def save_boxes(self) -> list[Path]:
        """Writes the boxes, a file for each target, see `TrackingRun.save`; returns the files."""
        path = self._fresh("boxes", ".txt")
        paths = []
        for number, target in self.targets.items():
            one = len(self.targets) == 1
            paths.append(path if one else path.with_name(f"{path.stem}.{number}.txt"))
            values = zip(target.boxes, target.scores, target.confidences)
            rows = [frame_rows(frame, *each) for frame, each in enumerate(values, target.start)]
            save_rows(paths[-1], rows, "float")
        return paths

    def stop(self) -> None:
        """Ends what is under way after the frame that it is at; what was done so far stays."""
        self._stop.set()

    def close(self) -> None:
        """Ends what is under way and forgets the video; the session cannot be used any more."""
        self._stop.set()
        if self._reader is not None:
            self._reader.close()

    def _fresh(self, what: str, suffix: str) -> Path:
        """Makes room for a file, in a folder of its own each time: browsers keep addresses."""
        for old in self.folder.glob(f"{what}-*"):
            shutil.rmtree(old)
        folder = Path(tempfile.mkdtemp(prefix=f"{what}-", dir=self.folder))
        return folder / f"{Path(self.name or '').stem}_{what}{suffix}"

    def _opened(self) -> FrameReader:
        if self._reader is None:
            raise ValueError("there is no video yet: upload one, or take the demo's")
        return self._reader

    def _is_to_track(self, each: Drawn, frame: int, shown: dict[int, np.ndarray]) -> bool:
        if each.number is None or not np.array_equal(each.box, shown[each.number]):
            return True
        return self.targets[each.number].end == frame + 1 and frame + 1 < self.length

    def _begin(
        self,
        frame: int,
        drawn: Sequence[Drawn],
        chosen: Sequence[Drawn],
        shown: dict[int, np.ndarray],
    ) -> list[Target]:
        """Puts the boxes of a frame in their targets; returns those of `chosen`."""
        for number in set(shown) - {each.number for each in drawn}:
            self.targets[number].cut(frame)
            if not self.targets[number].boxes:
                del self.targets[number]
        targets = []
        for given, box in chosen:
            measured = np.nan, np.nan
            number = self._next_number if given is None else given
            if given is None:
                self._next_number += 1
                self.targets[number] = Target(frame)
            target = self.targets[number]
            if np.array_equal(box, shown.get(number, ())):  # It goes on where it was stopped.
                measured = target.scores[-1], target.confidences[-1]
            target.cut(frame)
            target.add(np.array(box, np.float64), *measured)
            targets.append(target)
        return targets

    def _follow(
        self, tracker: Any, start: int, targets: Sequence[Target]
    ) -> Generator[Progress, None, None]:
        image = self.image(start)
        with open_frames(self._path, on_bad_frame="hold") as source:
            for frame in itertools.islice(source, start + 1, None):
                if self._stop.is_set():
                    return
                if frame.image is None:
                    for target in targets:
                        target.add(target.boxes[-1], np.nan, np.nan)
                else:
                    boxes = np.reshape(tracker.update(frame.image), [-1, 4])
                    measured = np.ravel(tracker.score), np.ravel(tracker.confidence)
                    for target, box, *values in zip(targets, boxes, *measured):
                        target.add(np.array(box, np.float64), *map(float, values))
                    image = frame.image
                number = frame.index
                total, shown = max(number, self.length - 1) - start, self.rows(number)
                yield Progress("Tracking", number - start, total, number, image, shown)
        self._opened().length = self.tracked

    @contextlib.contextmanager
    def _working(self) -> Iterator[None]:
        """Refuses a second thing at once, which would change the first one's targets."""
        if not self._busy.acquire(blocking=False):
            raise ValueError("something is under way: wait for its end, or stop it first")
        try:
            self._stop.clear()
            yield
        finally:
            self._busy.release()
