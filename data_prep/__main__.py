"""Cuts the training crops of one sequence.

    python -m gradnet_tf.data_prep --source=SEQUENCE --output=CROPS [--limit=100]

SEQUENCE holds a folder ``img`` of frames and ``groundtruth_rect.txt`` with one line
'x,y,width,height' a frame, in 0-based px. For each frame with a target, CROPS gets
``NAME.00.crop.z.jpg`` (exemplar, 127 px) and ``NAME.00.crop.x.jpg`` (instance, 255 px).
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Optional

from absl import app, flags
from tqdm import tqdm

from gradnet_tf import files, folder, images
from gradnet_tf.data_prep import curate
from gradnet_tf.eval import metrics

TRUTH_NAME = "groundtruth_rect.txt"


def define_flags(values: flags.FlagValues = flags.FLAGS) -> None:
    """Defines this command's flags; not on import, for other commands share some names."""
    for name, text in (
        ("source", f"Folder with img/ and {TRUTH_NAME}."),
        ("output", "Folder to write the crops to."),
    ):
        flags.DEFINE_string(name, None, text, required=True, flag_values=values)
    flags.DEFINE_integer(
        "limit", None, "Number of frames to take at most.", lower_bound=1, flag_values=values
    )


def prepare(
    source: Path, output: Path, limit: Optional[int] = None, progress: bool = False
) -> tuple[int, int]:
    """Cuts and writes the crops of one sequence.

    Args:
      source: folder with ``img`` and ``groundtruth_rect.txt``.
      output: folder for the crops, made if missing; crops of the same names are replaced.
      limit: take the first `limit` frames only.
      progress: show a progress bar.

    Returns:
      The number of frames cut, and of frames passed over for want of a target.

    Raises:
      OSError: something cannot be read or written.
      ValueError: there are no frames, some are missing, the truth is malformed, or its length is
        not the number of frames.
    """
    frames, missing = folder.list_frames(source)
    boxes = metrics.load_boxes(source / TRUTH_NAME)
    if missing:
        raise ValueError(f"{source}: {len(missing)} frames are missing, first {missing[0]}")
    if len(frames) != len(boxes):
        raise ValueError(
            f"{source}: {len(frames)} frames against {len(boxes)} boxes in {TRUTH_NAME}; "
            "one line a frame is needed"
        )
    output.mkdir(parents=True, exist_ok=True)
    cut = passed_over = 0
    pairs = list(zip(frames, boxes))[:limit]
    for path, box in tqdm(pairs, unit="frame", disable=not progress):
        frame = images.as_rgb(path)
        if not curate.has_target(box, frame):
            passed_over += 1
            continue
        for letter, crop in zip("zx", curate.cut_crops(frame, box)):
            name = f"{path.stem}.00.crop.{letter}.jpg"
            files.write_bytes(output / name, curate.to_jpeg(crop))
        cut += 1
    return cut, passed_over


def run(values: flags.FlagValues, arguments: Sequence[str] = ()) -> int:
    """Prepares the sequence that the flags name.

    Args:
      values: parsed flags of `define_flags`.
      arguments: what stood on the command line besides flags; anything is an error.

    Returns:
      The exit status: 0, or 1 after one line "error: ..." on stderr.
    """
    try:
        if arguments:
            raise ValueError(f"unexpected argument {arguments[0]!r}; folders are given by flags")
        output = Path(values.output)
        cut, passed_over = prepare(Path(values.source), output, values.limit, progress=True)
    except (OSError, ValueError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    print(f"{cut} frames cut to {output}, {passed_over} without a target passed over")
    return 0


def main() -> None:
    """Runs the command on `sys.argv`."""
    define_flags()
    app.run(lambda argv: run(flags.FLAGS, argv[1:]))


if __name__ == "__main__":
    main()
