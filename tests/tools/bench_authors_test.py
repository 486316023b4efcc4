"""The process that runs the authors' program, with a made-up program of the same interface."""

import pytest

from gradnet_tf.bench import video
from gradnet_tf.weights import store
from tools.bench_authors import program, their_tracker

BOX = (3.0, 5.0, 10.0, 20.0)
TRACK = """
import numpy as np
import tensorflow as tf
from siamese import SiameseNet
from parameters import configParams
from region_to_bbox import *

def loadVideoInfo(base, video):
    raise AssertionError("the frames are given")

def run_siamesefc(options, sess):
    frames, position, size, truth = loadVideoInfo(options["seq_base_path"], "video")
    assert position.tolist() == [15.0, 8.0] and size.tolist() == [20.0, 10.0]
    assert truth[0].tolist() == [3.0, 5.0, 10.0, 20.0] and len(truth) == len(frames) == 4
    image = frames[0]
    assert image.shape == (48, 64, 3) and image.dtype == np.uint8
    print("they print, too", sess.run(SiameseNet().value))
    for index in range(1, len(frames)):
        image = frames[index]

if __name__ == "__main__":
    options = configParams()
    assert options["model_path"] == "PREFIX"
    run_siamesefc(options, tf.Session())
"""
SIAMESE = """
import tensorflow as tf
from tensorflow.python.ops import control_flow_ops

class SiameseNet:
    def __init__(self):
        channels, groups = 6, 2
        shape = [1, 1, channels / groups, 4]
        assert all(isinstance(size, int) for size in shape)
        self.value = control_flow_ops.cond(
            tf.constant(True), lambda: tf.zeros([1]), lambda: tf.ones([1])
        )
        tf.contrib.layers.l2_regularizer(0.1)(self.value)
"""


@pytest.fixture
def checkout(tmp_path):
    files = {
        "track.py": TRACK,
        "siamese.py": SIAMESE,
        "parameters.py": "def configParams():\n    return {}\n",
        "region_to_bbox.py": "",
    }
    for name, text in files.items():
        (tmp_path / name).write_text(text)
    return tmp_path


def test_frames_are_timed_one_at_a_time(checkout):
    paths = video.make_video(str(checkout), 4, 64, 48)
    with their_tracker(str(checkout), "PREFIX", paths, BOX) as next_frame:
        seconds = [next_frame() for _ in range(3)]
    # The first one starts a session.
    assert seconds[0] > max(seconds[1:]) >= 0


def test_their_program_gets_our_weights(checkout):
    text = TRACK.replace('== "PREFIX"', '.endswith("model.ckpt")')
    check = '    import os; assert os.path.exists(options["model_path"] + ".index")\n'
    (checkout / "track.py").write_text(
        text.replace("    run_siamesefc(o", check + "    run_siamesefc(o")
    )
    paths = video.make_video(str(checkout), 4, 64, 48)
    with program(str(checkout), str(store.EMBEDDED), paths, BOX) as next_frame:
        assert next_frame() >= 0


def test_what_their_program_says_when_it_fails(checkout):
    (checkout / "parameters.py").write_text("raise RuntimeError('their own words')")
    with pytest.raises(ChildProcessError, match="their own words"):
        with their_tracker(str(checkout), "PREFIX", ["1.jpg"], BOX):
            pass


def test_a_folder_that_is_no_checkout(tmp_path):
    (tmp_path / "track.py").touch()
    with pytest.raises(ValueError, match="siamese.py.* missing; expected a checkout of"):
        with their_tracker(str(tmp_path), "PREFIX", ["1.jpg"], BOX):
            pass
