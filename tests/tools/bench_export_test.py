"""The example's tracker as a program of the benchmark."""

import pytest

from gradnet_tf.bench import video


def test_tracks_frame_by_frame(tmp_path):
    pytest.importorskip("onnxruntime", reason="needs onnxruntime, of the extra onnx")
    from tools.bench_export import program

    paths = video.make_video(tmp_path, 3, 64, 48)
    with program("onnx", "float32", None, paths, video.first_boxes(1, 64, 48)[0]) as next_frame:
        assert next_frame() > 0 and next_frame() > 0
