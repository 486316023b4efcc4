"""The command `boxes`: report on a file of boxes."""

import numpy as np
import pytest
from absl import flags

from gradnet_tf.eval import boxes as binary


def test_report_leaves_out_frames_without_truth():
    truth = np.array([[0.0, 0, 10, 10], [np.nan] * 4, [0, 0, 0, 0], [0, 0, 10, 10]])
    boxes = np.array([[0.0, 0, 10, 10], [1, 1, 1, 1], [1, 1, 1, 1], [20, 0, 10, 10]])
    text = binary.report(boxes, truth)
    assert "2 (2 without truth)" in text
    assert "mean IoU            0.5000" in text
    assert "OTB precision       1.0000" in text
    assert "reference precision 50.00 %" in text


def test_report_of_unlike_lengths():
    with pytest.raises(ValueError, match="3 boxes against 2 true boxes"):
        binary.report(np.ones((3, 4)), np.ones((2, 4)))


def test_an_argument_that_is_no_flag(capsys):
    values = flags.FlagValues()
    binary.define_flags(values)
    values(["eval", "--boxes=a", "--truth=b"])
    assert binary.run(values, ["c.txt"]) == 1
    assert "unexpected argument 'c.txt'" in capsys.readouterr().err
