"""Prints how well a file of boxes follows a file of true boxes.

    python -m gradnet_tf.eval boxes --boxes=boxes.txt --truth=groundtruth_rect.txt

Both files hold one line 'x,y,width,height' a frame, in the same pixel coordinates, first frame
included. Frames whose true box is NaN or has no area are left out.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence

import numpy as np
from absl import flags

from gradnet_tf.eval import metrics


def define_flags(values: flags.FlagValues = flags.FLAGS) -> None:
    """Defines this command's flags; not on import, for other commands share some names."""
    for name, text in (("boxes", "the tracker's boxes"), ("truth", "the true boxes")):
        flags.DEFINE_string(
            name, None, f"File of {text}, x,y,width,height.", required=True, flag_values=values
        )


def report(boxes: np.ndarray, truth: np.ndarray) -> str:
    """Returns the measures of a sequence as text, each with its convention.

    Args:
      boxes: float64 [n, 4], (x, y, width, height) in px.
      truth: float64 [n, 4], likewise.

    Raises:
      ValueError: the numbers of boxes differ, or no frame has a true box.
    """
    if len(boxes) != len(truth):
        raise ValueError(f"{len(boxes)} boxes against {len(truth)} true boxes; one a frame each")
    annotated = np.isfinite(truth).all(axis=1) & (truth[:, 2:] > 0).all(axis=1)
    if not annotated.any():
        raise ValueError("no frame has a true box: all are NaN or have no area")
    boxes, truth = boxes[annotated], truth[annotated]
    iou = np.nan_to_num(metrics.overlap_ratio(boxes, truth))
    error = metrics.center_error(boxes, truth)
    reference = metrics.reference_metrics(boxes, truth)
    return "\n".join(
        (
            f"frames              {len(truth)} ({np.count_nonzero(~annotated)} without truth)",
            f"mean IoU            {np.mean(iou):.4f}",
            f"OTB success AUC     {metrics.success_auc(iou):.4f}  (IoU > t, 21 thresholds)",
            f"OTB precision       {metrics.precision(error):.4f}  (centre error <= 20 px)",
            f"reference precision {reference.precision:.2f} %  (centre error < 20 px)",
            f"reference AUC       {reference.precision_auc:.2f}  (50 thresholds to 25 px)",
            f"reference IoU       {reference.iou:.2f} %  (mean)",
        )
    )


def run(values: flags.FlagValues, arguments: Sequence[str] = ()) -> int:
    """Prints the report on the two files.

    Args:
      values: parsed flags of `define_flags`.
      arguments: what stood on the command line besides flags; anything is an error.

    Returns:
      The exit status: 0, or 1 after one line "error: ..." on stderr.
    """
    try:
        if arguments:
            raise ValueError(f"unexpected argument {arguments[0]!r}; files are given by flags")
        print(report(metrics.load_boxes(values.boxes), metrics.load_boxes(values.truth)))
    except (OSError, ValueError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    return 0
