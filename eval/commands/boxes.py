"""Prints how well a file of boxes follows the ground truth.

    python -m gradnet_tf.eval boxes --boxes=boxes.txt --truth=groundtruth_rect.txt

Both files hold one line 'x,y,width,height' a frame, first frame included; the boxes may be in any
format of gradnet_tf.track, of one target. They count from 0, and the ground truth from 1, as OTB,
TC-128, LaSOT and GOT-10k do, unless --truth_origin says otherwise or both begin with the same box.
Frames whose ground truth is NaN or has no area are left out; a box that is NaN is a miss.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Optional, Union

import numpy as np
from absl import flags

from gradnet_tf import command_line
from gradnet_tf.boxes import checks, formats
from gradnet_tf.eval.metrics import ope_metrics
from gradnet_tf.files import textfiles


def define_flags(values: flags.FlagValues = flags.FLAGS) -> None:
    """Defines this command's flags; not on import, for other commands share some names."""
    for name, text in (("boxes", "the tracker's boxes"), ("truth", "ground truth")):
        flags.DEFINE_string(name, None, f"File of {text}, x,y,width,height.", flag_values=values)
    define_truth_origin(values)


def define_truth_origin(values: flags.FlagValues) -> None:
    """Defines the flag that tells how the ground truth counts."""
    text = (
        "What the ground truth counts the first pixel as, where the other boxes count from 0. By "
        "default 1, as in OTB, TC-128, LaSOT and GOT-10k, or 0 if both begin with the same box as "
        "it stands."
    )
    flags.DEFINE_integer("truth_origin", None, text, 0, 1, flag_values=values)


def count_from_zero(
    truth: np.ndarray, first_box: Union[np.ndarray, Sequence[float]], origin: Optional[int]
) -> tuple[np.ndarray, int]:
    """Counts the ground truth of a file from 0, or as the tracker's boxes are counted.

    Args:
        truth: float64 [n, 4], (x, y, width, height), as they stand in the file.
        first_box: Where the tracker started.
        origin: The flag's value.

    Returns:
        The ground truth, and what the first pixel was taken as, 0 or 1.
    """
    if origin is None:
        origin = int(not np.allclose(truth[0], first_box, rtol=0, atol=1e-3))
    return truth - [origin, origin, 0, 0], origin


def report(boxes: np.ndarray, truth: np.ndarray) -> str:
    """Returns the measures of a sequence as text, each with its convention.

    Boxes and truth are float64 [n, 4], (x, y, width, height) in px. Raises a ValueError if their
    numbers differ, or no frame has a true box.
    """
    if len(boxes) != len(truth):
        raise ValueError(f"{len(boxes)} boxes against {len(truth)} true boxes; one a frame each")
    annotated = checks.is_known(truth)
    if not annotated.any():
        raise ValueError("no frame has a true box: all are NaN or have no area")
    boxes, truth = boxes[annotated], truth[annotated]
    iou = np.nan_to_num(ope_metrics.overlap_ratio(boxes, truth))
    error = ope_metrics.center_error(boxes, truth)
    reference = ope_metrics.reference_metrics(boxes, truth)
    return "\n".join(
        (
            f"frames              {len(truth)} ({np.count_nonzero(~annotated)} without truth)",
            f"mean IoU            {np.mean(iou):.4f}",
            f"OTB success AUC     {ope_metrics.success_auc(iou):.4f}  (IoU > t, 21 thresholds)",
            f"OTB precision       {ope_metrics.precision(error):.4f}  (centre error <= 20 px)",
            f"reference precision {reference.precision:.2f} %  (centre error < 20 px)",
            f"reference AUC       {reference.precision_auc:.2f}  (50 thresholds to 25 px)",
            f"reference IoU       {reference.iou:.2f} %  (mean)",
        )
    )


def _run(values: flags.FlagValues) -> None:
    for name in ("boxes", "truth"):
        if not values[name].value:
            raise ValueError(f"--{name} is missing: a file of lines x,y,width,height")
    boxes, truth = formats.read_boxes(values.boxes), textfiles.read_boxes(values.truth)
    truth, origin = count_from_zero(truth, boxes[0], values.truth_origin)
    print(report(boxes, truth))
    print(f"truth               {'counts from 1' if origin else 'counts as the boxes do'}")


run = command_line.flags_alone(_run)
