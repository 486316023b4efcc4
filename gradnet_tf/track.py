r"""Tracks a target through a video or a folder of frames.

    python -m gradnet_tf.track --source=Walking2/img --box=129,131,31,115 \
        --boxes=boxes.txt --video=overlay.mp4 --show_truth=Walking2/groundtruth_rect.txt

The box is x,y,width,height in the first frame, in pixels that count from 0; OTB's files, such as
groundtruth_rect.txt, count from 1. While it tracks, the boxes so far are in boxes.txt.partial,
which stays if it is stopped. The overlay video is made in a second pass over the frames, when the
boxes are safe.
"""

from __future__ import annotations

import contextlib
import dataclasses
import functools
import os
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Optional, TextIO

import numpy as np
from absl import flags

from gradnet_tf import command_line
from gradnet_tf.boxes import checks
from gradnet_tf.eval.commands import boxes as eval_boxes
from gradnet_tf.eval.metrics import ope_metrics
from gradnet_tf.files import disk, textfiles
from gradnet_tf.files.interrupts import Interrupts
from gradnet_tf.media.frames import Frame, FrameSource, open_frames
from gradnet_tf.media.video import import_av
from gradnet_tf.tracking.boxes_file import BoxesFile, partial_path
from gradnet_tf.tracking.config import JIT_COMPILE, PRECISIONS, PRESETS

if TYPE_CHECKING:
    from gradnet_tf.tracking.run import TrackingRun

_SHEET_SUFFIX = ".sheet.png"


@dataclasses.dataclass(frozen=True)
class Options:
    """What the command line asks for; outputs that are None are not written."""

    source: str
    box: tuple[float, ...]
    checkpoint: Optional[str]
    preset: str
    jit_compile: Any
    precision: str
    on_bad_frame: str
    format: str
    boxes: Optional[Path]
    video: Optional[Path]
    sheet: Optional[Path]
    truth: Optional[Path]
    truth_origin: Optional[int]

    @property
    def kept(self) -> Optional[Path]:
        """The file of boxes that is filled as they come; for a video alone, one of its name."""
        if self.boxes or not self.video or disk.is_special(self.video):
            return self.boxes
        return disk.resolve(self.video).with_suffix(".boxes")


def define_flags(values: flags.FlagValues = flags.FLAGS) -> None:
    """Defines this command's flags; not on import, for other commands share some names."""
    text = functools.partial(flags.DEFINE_string, flag_values=values)
    choice = functools.partial(flags.DEFINE_enum, flag_values=values)
    text(
        "source",
        None,
        "Folder of frames, video file, file of several images (GIF, WebP, TIFF) or pattern.",
    )
    text(
        "box", None, "The target in the first frame: x,y,width,height, in pixels that count from 0."
    )
    text(
        "checkpoint", None, "Checkpoint directory; default: the weights that come with the package."
    )
    choice(
        "preset",
        None,
        list(PRESETS),
        "Track as the authors' code does, as the paper says, or as suits the weights that come "
        "with the package; default: what the checkpoint asks for.",
    )
    text(
        "boxes",
        None,
        "Output: text file, a line x,y,width,height for each frame. A device or a pipe, such as "
        "/dev/stdout, gets the lines as they come.",
    )
    text("video", None, "Output: MP4 video of the frames with their boxes.")
    text(
        "sheet",
        None,
        "Output: PNG of 12 frames with their boxes. By default beside --video or "
        "--boxes, if one of them is given; --sheet= writes none.",
    )
    text(
        "show_truth",
        None,
        "File of true boxes (such as groundtruth_rect.txt): drawn in the "
        "outputs and compared with.",
    )
    eval_boxes.define_truth_origin(values)
    flags.declare_key_flag("truth_origin", values)  # For --help.
    choice(
        "format",
        "float",
        ["float", "reference"],
        "Of --boxes: every digit, or rounded as the reference saves them.",
    )
    choice(
        "on_bad_frame",
        "stop",
        ["stop", "hold"],
        "At a frame that is missing or damaged: stop, or repeat the last box.",
    )
    choice(
        "jit_compile",
        "auto",
        list(JIT_COMPILE),
        "Compile the tracking step with XLA; auto: on GPU only.",
    )
    choice(
        "precision",
        "float32",
        PRECISIONS,
        "Of the search branch; all but float32 are faster only where the hardware has such "
        "instructions. int8 is for the processor, without XLA.",
    )


def run(values: flags.FlagValues, arguments: Sequence[str] = ()) -> int:
    """Tracks as the flags say.

    Args:
        values: Parsed flags of `define_flags`.
        arguments: What stood on the command line besides flags; anything is an error.

    Returns:
        The exit status: 0; 1 after one line "error: ..." on stderr; 130 if interrupted, 143 and 129
        after SIGTERM and SIGHUP.
    """
    interrupts = Interrupts()

    def track() -> None:
        command_line.refuse(arguments)
        _track(_parse(values), interrupts)

    expected = (*command_line.EXPECTED, TypeError)
    return command_line.finish(track, errors=expected, interrupts=interrupts)


def _parse(values: flags.FlagValues) -> Options:
    if not values.source:
        raise ValueError("--source is missing: a folder of frames or a video file")
    boxes = _output("boxes", values.boxes)
    video = _output("video", values.video, ".mp4")
    sheet = values.sheet
    beside = [path for path in (video, boxes) if path and not disk.is_special(path)]
    if sheet is None and beside:
        sheet = beside[0].with_suffix(_SHEET_SUFFIX)
    options = Options(
        source=disk.local_path(values.source),
        box=_parse_box(values.box),
        checkpoint=disk.local_path(values.checkpoint) if values.checkpoint else None,
        preset=values.preset,
        jit_compile=JIT_COMPILE[values.jit_compile],
        precision=values.precision,
        on_bad_frame=values.on_bad_frame,
        format=values.format,
        boxes=boxes,
        video=video,
        sheet=_output("sheet", sheet, ".png"),
        truth=Path(disk.local_path(values.show_truth)) if values.show_truth else None,
        truth_origin=values.truth_origin,
    )
    _check_outputs(options)
    return options


def _parse_box(text: Optional[str]) -> tuple[float, ...]:
    if not text:
        raise ValueError("--box is missing: x,y,width,height of the target in the first frame")
    try:
        return tuple(checks.parse_box(text).tolist())
    except ValueError as error:
        raise ValueError(f"--{error}") from error


def _output(flag: str, path: Any, suffix: Optional[str] = None) -> Optional[Path]:
    if not path:
        return None
    path = Path(disk.local_path(path))
    if suffix and path.suffix.lower() != suffix:
        raise ValueError(f"--{flag} must end in {suffix}, got {str(path)!r}")
    if flag == "boxes" and disk.is_special(path):
        return path  # Opened before the first frame, and only once: a pipe's reader leaves after.
    return disk.check_target(path)


def _check_outputs(options: Options) -> None:
    """Refuses outputs that would destroy an input or each other."""
    taken = {os.path.realpath(options.source): "--source"}
    if options.truth:
        taken[os.path.realpath(options.truth)] = "--show_truth"
    outputs = {flag: getattr(options, flag) for flag in ("boxes", "video", "sheet")}
    for flag, path in outputs.items():
        if path is None:
            continue
        real = os.path.realpath(path)
        if real in taken:
            raise ValueError(f"--{flag} and {taken[real]} are the same file, {str(path)!r}")
        taken[real] = f"--{flag}"
    if options.kept and not disk.is_special(options.kept):
        partial = partial_path(options.kept)
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


class _LateTracker:
    """Makes the tracker when the first frame is there and the box lies in it.

    TensorFlow takes seconds to import, and a checkpoint to load: not for a command that fails.
    """

    def __init__(self, options: Options):
        self._options = options

    def init(self, image: np.ndarray, box: Sequence[float]) -> None:
        checks.check_box(box, image.shape[:2])
        self._tracker = _make_tracker(self._options)
        self._tracker.init(image, box)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._tracker, name)


def _make_tracker(options: Options) -> Any:
    from gradnet_tf.tracking.tracker import Tracker

    return Tracker(
        options.checkpoint,
        preset=options.preset,
        jit_compile=options.jit_compile,
        precision=options.precision,
    )


def _track(options: Options, interrupts: Interrupts) -> None:
    truth = _read_truth(options)
    with _keeping(options) as boxes:
        with open_frames(options.source, on_bad_frame=options.on_bad_frame) as source:
            result = _run(source, options, boxes, interrupts)
        if options.boxes and boxes is not None:
            boxes.finish()
        _write(result, options, truth)


def _read_truth(options: Options) -> Optional[np.ndarray]:
    if options.truth is None:
        return None
    truth = textfiles.read_boxes(options.truth)
    truth, origin = eval_boxes.count_from_zero(truth, options.box, options.truth_origin)
    if origin == 0 and options.truth_origin is None:
        command_line.tell(
            f"note: --box is the first line of {options.truth} as it stands, so that file is taken "
            "to count from 0 as well; if it counts from 1, subtract 1 from x and y of --box"
        )
    return truth


@contextlib.contextmanager
def _keeping(options: Options) -> Iterator[Optional[BoxesFile]]:
    """Keeps the boxes as they come; where the block ends early, it tells where they are."""
    if options.kept is None:
        yield None
        return
    with BoxesFile(options.kept, options.format) as boxes:
        try:
            yield boxes
        except BaseException:
            try:
                path = boxes.rescue()
            except OSError as error:
                command_line.tell(f"the boxes of the first {len(boxes)} frames are lost: {error}")
            else:
                if path:
                    command_line.tell(f"the boxes of the first {len(boxes)} frames: {path}")
            raise
        boxes.discard()


def _run(
    source: FrameSource, options: Options, boxes: Optional[BoxesFile], interrupts: Interrupts
) -> TrackingRun:
    from gradnet_tf.tracking.run import run_tracker

    def keep(frame: Frame, box: np.ndarray) -> None:
        if boxes is not None:
            boxes.add(box)
        interrupts.check()

    return run_tracker(_LateTracker(options), source, options.box, progress=True, callback=keep)


def _write(result: TrackingRun, options: Options, truth: Optional[np.ndarray]) -> None:
    """Prints what was found, and writes what is made of it."""
    out = _free_stream(options.boxes)
    held = f" ({result.held.sum()} held)" if result.held.any() else ""
    print(f"frames: {len(result)}{held}", file=out)
    if not np.isnan(result.fps):
        print(f"speed: {result.fps:.1f} frames a second (tracking alone)", file=out)
    if truth is not None:
        _print_accuracy(result.boxes, truth, out)
    if options.boxes:
        print(f"boxes: {options.boxes}", file=out)
    if options.sheet:
        with disk.replacing(options.sheet) as path, disk.naming(options.sheet):
            result.contact_sheet(truth=truth).save(path)
        print(f"contact sheet: {options.sheet}", file=out)
    if options.video:
        out.flush()
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


if __name__ == "__main__":
    command_line.main(define_flags, run)
