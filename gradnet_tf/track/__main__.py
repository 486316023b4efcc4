r"""Tracks one or several targets through a video, a folder of frames or a live stream.

    python -m gradnet_tf.track --source=Walking2/img --box=129,131,31,115 \
        --boxes=boxes.txt --video=overlay.mp4 --show_truth=Walking2/groundtruth_rect.txt
    python -m gradnet_tf.track --source=clip.mp4 --box=40,30,20,50 --box=90,35,22,48 \
        --start_frame=100 --boxes=boxes.txt --format=mot
    python -m gradnet_tf.track --source=camera:0 --box=200,150,80,80 --display=browser

The box is x,y,width,height in the first frame that is tracked, in pixels that count from 0; OTB's
files, such as groundtruth_rect.txt, count from 1. While it tracks, the boxes so far are in
boxes.txt.partial, which stays if it is stopped. The overlay video is made in a second pass over the
frames, when the boxes are safe; of a stream, which can be read but once, as the frames come. Ctrl-C
is the end of a stream: what was tracked is written.
"""

from __future__ import annotations

import functools
from collections.abc import Sequence

from absl import flags

from gradnet_tf import command_line
from gradnet_tf.boxes.formats import FORMATS
from gradnet_tf.eval.commands import boxes as eval_boxes
from gradnet_tf.files.interrupts import Interrupts
from gradnet_tf.track import session
from gradnet_tf.track.options import parse
from gradnet_tf.tracking.config import JIT_COMPILE, PRECISIONS, PRESETS


def define_flags(values: flags.FlagValues = flags.FLAGS) -> None:
    """Defines this command's flags; not on import, for other commands share some names."""
    text = functools.partial(flags.DEFINE_string, flag_values=values)
    choice = functools.partial(flags.DEFINE_enum, flag_values=values)
    number = functools.partial(flags.DEFINE_integer, lower_bound=0, flag_values=values)
    text(
        "source",
        None,
        "Folder of frames, video file, file of several images (GIF, WebP, TIFF) or pattern; or a "
        "stream: camera:0, a URL (rtsp, http, https), a named pipe, or - for standard input.",
    )
    flags.DEFINE_multi_string(
        "box",
        None,
        "The target in the first frame that is tracked: x,y,width,height, in pixels that count "
        "from 0. Once more for each other target.",
        flag_values=values,
    )
    number(
        "start_frame",
        0,
        "The frame in which --box is, counted from 0; tracking goes on from there.",
    )
    number("end_frame", None, "The last frame to track; default: the source's last.")
    text(
        "checkpoint", None, "Checkpoint directory; default: the weights that come with the package."
    )
    choice(
        "preset",
        None,
        list(PRESETS),
        "Track as the authors' code does, as the paper says, as suits the weights that come with "
        "the package, or like that with less to compute; default: what the checkpoint asks for.",
    )
    text(
        "boxes",
        None,
        "Output: text file of the boxes, see --format. A device or a pipe, such as /dev/stdout, "
        "gets the lines as they come.",
    )
    choice(
        "format",
        "float",
        list(FORMATS),
        "Of --boxes. "
        + "; ".join(f"{name}: {each.description}" for name, each in FORMATS.items())
        + ". Of several targets, a format without their numbers gets a file for each, NAME.0.txt, "
        "NAME.1.txt and so on.",
    )
    text("video", None, "Output: MP4 video of the frames with their boxes.")
    text(
        "sheet",
        None,
        "Output: PNG of 12 frames with their boxes. By default beside --video or "
        "--boxes, if one of them is given; --sheet= writes none.",
    )
    choice(
        "display",
        None,
        ["browser"],
        "Show the frames with their boxes while they are tracked: browser, on a page of this "
        "machine, whose address is printed.",
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
        "on_bad_frame",
        "stop",
        ["stop", "hold"],
        "At a frame that is missing or damaged: stop, or repeat the last box. Of a live stream, "
        "such frames are passed over.",
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
        session.track(parse(values), interrupts)

    expected = (*command_line.EXPECTED, TypeError)
    return command_line.finish(track, errors=expected, interrupts=interrupts)


if __name__ == "__main__":
    command_line.main(define_flags, run)
