"""What the command line of tracking asks for, checked before any work."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Optional

from absl import flags

from gradnet_tf.boxes import checks
from gradnet_tf.files import disk
from gradnet_tf.files.kept_lines import partial_path
from gradnet_tf.media.video import import_av
from gradnet_tf.tracking.boxes_file import target_paths
from gradnet_tf.tracking.config import JIT_COMPILE

_SHEET_SUFFIX = ".sheet.png"


@dataclasses.dataclass(frozen=True)
class Options:
    """The flags; outputs that are None are not written. `box` is one box, or a tuple of several."""

    source: str
    box: tuple
    start_frame: int
    end_frame: Optional[int]
    checkpoint: Optional[str]
    preset: str
    jit_compile: Any
    precision: str
    on_bad_frame: str
    format: str
    boxes: Optional[Path]
    video: Optional[Path]
    sheet: Optional[Path]
    display: Optional[str]
    truth: Optional[Path]
    truth_origin: Optional[int]

    @property
    def targets(self) -> int:
        """Number of targets."""
        return len(self.box) if checks.has_rows(self.box) else 1

    @property
    def kept(self) -> Optional[Path]:
        """The file of boxes that is filled as they come; for a video alone, one of its name."""
        if self.boxes or not self.video or disk.is_special(self.video):
            return self.boxes
        return disk.resolve(self.video).with_suffix(".boxes")


def parse(values: flags.FlagValues) -> Options:
    """Reads the flags.

    Raises:
        OSError: If an output cannot be written.
        ValueError: If a flag is missing, or has no sound value.
        ImportError: If what an output needs is not installed.
    """
    if not values.source:
        raise ValueError("--source is missing: a folder of frames, a video file or a stream")
    box = _parse_boxes(values.box)
    boxes = Path(disk.local_path(values.boxes)) if values.boxes else None
    video = _output("video", values.video, ".mp4")
    sheet = values.sheet
    beside = [path for path in (video, boxes) if path and not disk.is_special(path)]
    if sheet is None and beside:
        sheet = beside[0].with_suffix(_SHEET_SUFFIX)
    options = Options(
        source=disk.local_path(values.source),
        box=box,
        start_frame=values.start_frame,
        end_frame=values.end_frame,
        checkpoint=disk.local_path(values.checkpoint) if values.checkpoint else None,
        preset=values.preset,
        jit_compile=JIT_COMPILE[values.jit_compile],
        precision=values.precision,
        on_bad_frame=values.on_bad_frame,
        format=values.format,
        boxes=boxes,
        video=video,
        sheet=_output("sheet", sheet, ".png"),
        display=values.display,
        truth=Path(disk.local_path(values.show_truth)) if values.show_truth else None,
        truth_origin=values.truth_origin,
    )
    if options.truth and options.targets > 1:
        raise ValueError(f"--show_truth is of one target, but there are {options.targets} boxes")
    _check_outputs(options)
    return options


def _parse_boxes(texts: Optional[Sequence[str]]) -> tuple:
    """Reads --box: (x, y, width, height), or a tuple of them if it was given more than once."""
    if not texts or not all(texts):
        raise ValueError("--box is missing: x,y,width,height of the target in the first frame")
    try:
        boxes = tuple(tuple(checks.parse_box(text).tolist()) for text in texts)
    except ValueError as error:
        raise ValueError(f"--{error}") from error
    return boxes if len(boxes) > 1 else boxes[0]


def _output(flag: str, path: Any, suffix: str) -> Optional[Path]:
    if not path:
        return None
    path = Path(disk.local_path(path))
    if path.suffix.lower() != suffix:
        raise ValueError(f"--{flag} must end in {suffix}, got {str(path)!r}")
    return disk.check_target(path)


def _check_outputs(options: Options) -> None:
    """Refuses outputs that cannot be written, or would destroy an input or each other."""
    taken = {os.path.realpath(options.source): "--source"}
    if options.truth:
        taken[os.path.realpath(options.truth)] = "--show_truth"
    box_files = []
    if options.kept:
        box_files = target_paths(options.kept, options.format, options.targets)
    outputs = [("boxes", path) for path in box_files if options.boxes]
    outputs += [(flag, getattr(options, flag)) for flag in ("video", "sheet")]
    for flag, path in outputs:
        if path is None:
            continue
        real = os.path.realpath(path)
        if real in taken:
            raise ValueError(f"--{flag} and {taken[real]} are the same file, {str(path)!r}")
        taken[real] = f"--{flag}"
        # A device or a pipe is opened later, and only once: a pipe's reader leaves after.
        if not disk.is_special(path):
            disk.check_target(path)
    for path in box_files:
        if disk.is_special(path):
            continue
        partial = partial_path(path)
        if os.path.realpath(partial) in taken:
            raise ValueError(
                f"{taken[os.path.realpath(partial)]} is {str(partial)!r}, where the boxes are kept "
                "while they are tracked: give it another name"
            )
    if options.sheet and os.path.dirname(os.path.realpath(options.sheet)) == os.path.realpath(
        options.source
    ):
        raise ValueError(
            f"the contact sheet {str(options.sheet)!r} would lie among the frames: choose another "
            "place with --sheet"
        )
    if options.video:
        import_av()
