"""Tests of gradnet_tf.bench.startup."""

import numpy as np

from gradnet_tf.bench import startup, video


def test_a_fresh_process_tells_seconds_and_memory(tmp_path):
    paths = video.make_video(str(tmp_path), 3, 64, 48)
    ballast = np.ones(2**28)  # 2 GiB here are none of that process.
    found = startup.measure(None, {"jit_compile": False}, paths, video.first_boxes(2, 64, 48))
    parts = dict(found.seconds)
    whole = parts.pop("whole")
    assert set(parts) == {"import", "Tracker()", "init()", "first update()"}
    assert all(value >= 0 for value in parts.values())
    assert sum(parts.values()) < whole
    assert 2e8 < found.memory < ballast.nbytes
