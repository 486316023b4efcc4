"""Runs the notebooks of examples/, and checks in their own process what they found."""

from pathlib import Path

from gradnet_tf.media import demo_clip

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"

# Runs before the first cell.
WARNINGS_ARE_ERRORS = """
import warnings

warnings.simplefilter("error")
# What ipykernel says of itself when it ends, and jupyter_bbox_widget when it is imported.
warnings.filterwarnings("ignore", category=PendingDeprecationWarning, module="ipykernel")
warnings.filterwarnings("ignore", "Traits should be given as instances", DeprecationWarning)
"""

_TRACK = """
from gradnet_tf.boxes.formats import read_boxes

assert list(box) == list(HEAD) and len(run) == 120 and run.is_complete
alone = gradnet_tf.Tracker()
with open_frames(video, end_frame=7) as frames:
    for frame in frames:
        alone.update(frame.image) if frame.index else alone.init(frame.image, HEAD)
        np.testing.assert_array_equal(run.boxes[frame.index], alone.box)
assert unreliable.tolist() == [n for n in range(1, 120) if run.confidences[n] < 0.5]
assert run.confidences[lowest] == min(run.confidences[1:])

# The head is tracked beside others as it is alone.
assert many.boxes.shape == (30, 3, 4)
np.testing.assert_allclose(many.boxes[:, 0], run.boxes[:30], rtol=0, atol=1e-3)

np.testing.assert_array_equal(read_boxes(output / "boxes.txt"), run.boxes)
otb = np.loadtxt(output / "otb.txt", delimiter=",") - (1, 1, 0, 0)
np.testing.assert_allclose(otb, run.boxes, rtol=0, atol=1e-3)
mot = np.loadtxt(output / "mot.txt", delimiter=",")
np.testing.assert_allclose(
    mot[:, 2:6].reshape(30, 3, 4) - (1, 1, 0, 0), many.boxes, rtol=0, atol=1e-3
)
with open_frames(output / "overlay.mp4") as frames:
    assert sum(frame.ok for frame in frames) == 120
"""

_GRADIENT = """
import numpy as np

# The gradient is that of the loss: along it, L changes as much as it says.
length = tf.norm(gradient)
ahead, behind = (
    network.score_loss(network.score_map(network.initial_template(f_2 + change), f_x))
    for change in (0.5 * gradient / length, -0.5 * gradient / length)
)
np.testing.assert_allclose(ahead - behind, length, rtol=0.05)

update = network.update(f_2, f_x)
for found, expected in (
    (L, update.loss), (gradient, update.gradient), (h_2, update.h2), (beta_star, update.template)
):
    scale = np.abs(expected).max()
    np.testing.assert_allclose(found / scale, expected / scale, rtol=0, atol=1e-5)

# The update finds the target, in the centre, and lowers the loss on every frame.
assert float(L_star) < float(L)
for each in maps:
    assert each.final_loss < each.initial_loss
    peak = np.unravel_index(each.final.argmax(), each.final.shape)
    assert np.hypot(*np.subtract(peak, 8)) <= 2
    assert pair_figures.peakedness(each.final) > pair_figures.peakedness(each.initial)
np.testing.assert_allclose(maps[0].final, S_star[0, ..., 0], rtol=0, atol=1e-3)
assert all(size.shape == (12, 12) and size.min() >= 0 < size.max() for size in sizes)
"""

_TRAIN_AND_EVALUATE = """
from gradnet_tf.eval.metrics import ope_metrics

assert "50 frames of 10 tracks of 10 videos in 2 shards" in made.stdout, made.stderr

assert (first.step, first.finished) == (10, False)
assert (outcome.step, outcome.finished) == (20, True)
steps = [int(row["step"]) for row in rows]
assert steps == sorted(set(steps)) and steps[-1] == 19  # The resumed run adds rows, once each.
assert all(np.isfinite(float(row["loss"])) for row in rows if row["loss"])

# The search branch stays as it is; template branch and U2 have moved since step 10.
shipped = weights.load_embedded().arrays
trained = weights.load(outcome.weights["last"]).arrays
for name in shipped:
    if "_z" not in name:
        np.testing.assert_array_equal(trained[name], shipped[name])
assert all(np.isfinite(array).all() for array in trained.values())
assert any(np.any(trained[name] != shipped[name]) for name in shipped if "_z" in name)

assert {tracker.name for tracker in evaluation.trackers} == {"20 steps", "shipped"}
for tracker in evaluation.trackers:
    for sequence, boxes, auc in zip(dataset.sequences, tracker.boxes, tracker.values["auc"]):
        overlap = ope_metrics.overlap_ratio(boxes, sequence.boxes)
        assert overlap[0] == 1 and abs(ope_metrics.success_auc(overlap) - auc) < 1e-9
assert page.name == "index.html" and "20 steps" in page.read_text()
"""

# Runs after the last cell of each.
CHECKS = {
    "track.ipynb": _TRACK,
    "gradient.ipynb": _GRADIENT,
    "train_and_evaluate.ipynb": _TRAIN_AND_EVALUATE,
}


def has_clip() -> bool:
    """Whether the demo clip is installed."""
    try:
        demo_clip.find_clip()
    except FileNotFoundError:
        return False
    return True


def run_checked(name: str, folder: Path):
    """Runs a notebook in a folder and its checks; returns it with its outputs."""
    from tools import run_notebooks

    return run_notebooks.execute(EXAMPLES / name, folder, WARNINGS_ARE_ERRORS, CHECKS[name])
