"""Tests of gradnet_tf.bench.startup."""

import numpy as np
import pytest

from gradnet_tf.bench import startup, video


def test_a_fresh_process_tells_seconds_and_memory(tmp_path):
    paths = video.make_video(str(tmp_path), 3, 64, 48)
    ballast = np.ones(2**28)  # 2 GiB here are none of that process.
    found = startup.measure(None, {"jit_compile": False}, paths, video.first_boxes(2, 64, 48))
    parts = dict(found.seconds)
    whole = parts.pop("whole")
    assert tuple(parts) == tuple(found.processor) == startup.STEPS
    assert all(value >= 0 for value in parts.values())
    assert sum(parts.values()) < whole
    assert found.processor["import"] > 0.5  # TensorFlow's own import is in it.
    assert 2e8 < found.memory < ballast.nbytes


def test_a_folder_without_the_code_is_refused(tmp_path):
    with pytest.raises(ValueError, match="expected a checkout with the folder gradnet_tf"):
        startup.measure(None, {}, [], [0.0, 0.0, 8.0, 8.0], str(tmp_path))


def test_medians_are_those_of_each_number():
    processes = [
        startup.FreshProcess({"import": a, "whole": 2 * a}, {"import": b}, int(b))
        for a, b in ((1.0, 9.0), (3.0, 7.0), (2.0, 8.0))
    ]
    assert startup.medians(processes) == ({"import": 2.0, "whole": 4.0}, {"import": 8.0}, 8)
