r"""Tracks a target through a video or a folder of frames.

    python -m gradnet_tf.track --source=Walking2/img --box=130,132,31,115 \
        --boxes=boxes.txt --video=overlay.mp4 --show_truth=Walking2/groundtruth_rect.txt

The box is x,y,width,height in the first frame, in pixels that count from 0. The overlay video
is made in a second pass over the frames, when the boxes are safe.
"""

from __future__ import annotations

import dataclasses
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Optional

import numpy as np
from absl import app, flags

from gradnet_tf import files
from gradnet_tf.frames import FrameSource, open_frames
from gradnet_tf.video import import_av

if TYPE_CHECKING:
    from gradnet_tf.tracking.run import TrackingRun

_PRECISIONS = ("float32", "bfloat16", "float16", "int8")
_JIT_COMPILE = {"auto": "auto", "true": True, "false": False}
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


def define_flags(values: flags.FlagValues = flags.FLAGS) -> None:
    """Defines this command's flags; not on import, for other commands share some names."""
    text, choice = flags.DEFINE_string, flags.DEFINE_enum
    text(
        "source",
        None,
        "Folder of frames, video file, file of several images (GIF, WebP, TIFF) or pattern.",
        flag_values=values,
    )
    text("box", None, "The target in the first frame: x,y,width,height.", flag_values=values)
    text(
        "checkpoint",
        None,
        "Checkpoint directory; default: the weights that come with the package.",
        flag_values=values,
    )
    choice(
        "preset",
        None,
        ["reference", "paper", "tuned"],
        "Track as the authors' code does, as the paper says, or as suits the weights that come "
        "with the package; default: what the checkpoint asks for.",
        flag_values=values,
    )
    text(
        "boxes",
        None,
        "Output: text file, a line x,y,width,height for each frame.",
        flag_values=values,
    )
    text("video", None, "Output: MP4 video of the frames with their boxes.", flag_values=values)
    text(
        "sheet",
        None,
        "Output: PNG of 12 frames with their boxes. By default beside --video or "
        "--boxes, if one of them is given; --sheet= writes none.",
        flag_values=values,
    )
    text(
        "show_truth",
        None,
        "File of true boxes (such as groundtruth_rect.txt): drawn in the "
        "outputs and compared with.",
        flag_values=values,
    )
    choice(
        "format",
        "float",
        ["float", "reference"],
        "Of --boxes: every digit, or rounded as the reference saves them.",
        flag_values=values,
    )
    choice(
        "on_bad_frame",
        "stop",
        ["stop", "hold"],
        "At a frame that is missing or damaged: stop, or repeat the last box.",
        flag_values=values,
    )
    choice(
        "jit_compile",
        "auto",
        list(_JIT_COMPILE),
        "Compile the tracking step with XLA; auto: on GPU only.",
        flag_values=values,
    )
    choice(
        "precision",
        "float32",
        _PRECISIONS,
        "Of the search branch; all but float32 are faster only where the hardware has such "
        "instructions. int8 is for the processor, without XLA.",
        flag_values=values,
    )


def run(values: flags.FlagValues, arguments: Sequence[str] = ()) -> int:
    """Tracks as the flags say.

    Args:
        values: Parsed flags of `define_flags`.
        arguments: What stood on the command line besides flags; anything is an error.

    Returns:
        The exit status: 0; 1 after one line "error: ..." on stderr; 130 if interrupted.
    """
    try:
        _track(_parse(values, arguments))
    except (ImportError, OSError, TypeError, ValueError) as error:
        return _report(error)
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        return 130
    return 0


def _report(error: Exception) -> int:
    print("error: " + " ".join(str(error).split()), file=sys.stderr)
    return 1


def _parse(values: flags.FlagValues, arguments: Sequence[str]) -> Options:
    if arguments:
        raise ValueError(f"unexpected argument {arguments[0]!r}; every value is given by a flag")
    if not values.source:
        raise ValueError("--source is missing: a folder of frames or a video file")
    boxes = _output("boxes", values.boxes)
    video = _output("video", values.video, ".mp4")
    sheet = values.sheet
    if sheet is None and (video or boxes):
        sheet = (video or boxes).with_suffix(_SHEET_SUFFIX)
    options = Options(
        source=files.local_path(values.source),
        box=_parse_box(values.box),
        checkpoint=files.local_path(values.checkpoint) if values.checkpoint else None,
        preset=values.preset,
        jit_compile=_JIT_COMPILE[values.jit_compile],
        precision=values.precision,
        on_bad_frame=values.on_bad_frame,
        format=values.format,
        boxes=boxes,
        video=video,
        sheet=_output("sheet", sheet, ".png"),
        truth=Path(files.local_path(values.show_truth)) if values.show_truth else None,
    )
    _check_outputs(options)
    return options


def _parse_box(text: Optional[str]) -> tuple[float, ...]:
    if not text:
        raise ValueError("--box is missing: x,y,width,height of the target in the first frame")
    try:
        box = tuple(float(number) for number in text.split(","))
    except ValueError:
        box = ()
    if len(box) != 4:
        raise ValueError(f"--box must be four numbers x,y,width,height, got {text!r}")
    return box


def _output(flag: str, path: Any, suffix: Optional[str] = None) -> Optional[Path]:
    if not path:
        return None
    path = Path(path)
    if suffix and path.suffix.lower() != suffix:
        raise ValueError(f"--{flag} must end in {suffix}, got {str(path)!r}")
    return files.check_target(path)


def _check_outputs(options: Options) -> None:
    """Refuses outputs that would destroy an input or each other."""
    taken = {os.path.realpath(options.source): "--source"}
    if options.truth:
        taken[os.path.realpath(options.truth)] = "--show_truth"
    for flag in ("boxes", "video", "sheet"):
        path = getattr(options, flag)
        if path is None:
            continue
        real = os.path.realpath(path)
        if real in taken:
            raise ValueError(f"--{flag} and {taken[real]} are the same file, {str(path)!r}")
        taken[real] = f"--{flag}"
    if options.sheet and os.path.dirname(os.path.realpath(options.sheet)) == os.path.realpath(
        options.source
    ):
        raise ValueError(
            f"the contact sheet {str(options.sheet)!r} would lie among the frames: choose another "
            "place with --sheet"
        )
    if options.video:
        import_av()


def _make_tracker(options: Options) -> Any:
    # TensorFlow takes seconds to import: only when the command line is known to be good.
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    from gradnet_tf import geometry
    from gradnet_tf.tracking.tracker import Tracker

    geometry.check_box(options.box)
    return Tracker(
        options.checkpoint,
        preset=options.preset,
        jit_compile=options.jit_compile,
        precision=options.precision,
    )


def _track(options: Options) -> None:
    truth = None
    if options.truth:
        from gradnet_tf.eval import metrics

        truth = metrics.load_boxes(options.truth)
    with open_frames(options.source, on_bad_frame=options.on_bad_frame) as source:
        result = _run(_make_tracker(options), source, options)
    if options.boxes:
        result.save(options.boxes, options.format)
    held = f" ({result.held.sum()} held)" if result.held.any() else ""
    print(f"frames: {len(result)}{held}")
    if not np.isnan(result.fps):
        print(f"speed: {result.fps:.1f} frames a second (tracking alone)")
    if truth is not None:
        _print_accuracy(result.boxes, truth)
    if options.boxes:
        print(f"boxes: {options.boxes}")
    if options.sheet:
        with files.replacing(options.sheet) as path, files.naming(options.sheet):
            result.contact_sheet(truth=truth).save(path)
        print(f"contact sheet: {options.sheet}")
    if options.video:
        sys.stdout.flush()
        result.to_video(options.video, truth=truth, progress=True)
        print(f"video: {options.video}")


def _run(tracker: Any, source: FrameSource, options: Options) -> TrackingRun:
    """Tracks; if that ends early, the boxes so far are written beside where they were to go."""
    from gradnet_tf.tracking.run import run_tracker, save_boxes

    boxes: list[np.ndarray] = []
    try:
        return run_tracker(
            tracker,
            source,
            options.box,
            progress=True,
            callback=lambda frame, box: boxes.append(box),
        )
    except BaseException:
        if boxes and options.boxes:
            partial = Path(f"{options.boxes}.partial")
            save_boxes(partial, np.stack(boxes), options.format)
            print(f"the boxes of the first {len(boxes)} frames: {partial}", file=sys.stderr)
        raise


def _print_accuracy(boxes: np.ndarray, truth: np.ndarray) -> None:
    from gradnet_tf.eval import metrics

    count = min(len(boxes), len(truth))
    iou = metrics.overlap_ratio(boxes[:count], truth[:count])
    error = metrics.center_error(boxes[:count], truth[:count])
    known = ~np.isnan(iou)  # Frames without a true box say nothing.
    if not known.any():
        print("mean IoU: there is no true box to compare with")
        return
    precision = metrics.precision(error[known])
    print(
        f"mean IoU: {iou[known].mean():.3f}, precision at 20 px: {precision:.3f} "
        f"(over {known.sum()} frames)"
    )
    if len(boxes) != len(truth):
        print(f"note: {len(boxes)} frames, but {len(truth)} true boxes", file=sys.stderr)


def _parse_flags(argv: Sequence[str]) -> list[str]:
    try:
        return flags.FLAGS(argv)
    except flags.Error as error:
        sys.exit(_report(error))


def main() -> None:
    """Runs the command on `sys.argv`."""
    define_flags()
    app.run(lambda argv: run(flags.FLAGS, argv[1:]), flags_parser=_parse_flags)


if __name__ == "__main__":
    main()
