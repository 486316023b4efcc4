"""Agreement with the got10k package's own reports on the same result files, to 1e-6.

Needs an environment with the package, which needs no TensorFlow (`make test-peers` sets one up);
elsewhere these tests are skipped.
"""

import warnings

import numpy as np
import pytest
from PIL import Image

from gradnet_tf.eval.metrics import ope_metrics, regions, supervised
from gradnet_tf.eval.metrics.supervised import FrameCode

try:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # The package is of 2019.
        import matplotlib

        matplotlib.use("Agg")
        from got10k import experiments as peers
        from got10k.datasets import OTB
except ImportError as error:
    pytest.skip(f"the package got10k does not import: {error}", allow_module_level=True)

pytestmark = pytest.mark.filterwarnings("ignore")

TOLERANCE = 1e-6
SIZE = (160, 120)
NAME = "ours"
NAMES = ("Basketball", "Biker", "Bird1")


@pytest.fixture(autouse=True)
def _offline(monkeypatch, tmp_path):
    monkeypatch.setattr(OTB, "_download", lambda *_: None)
    for experiment in (peers.ExperimentOTB, peers.ExperimentGOT10k):
        monkeypatch.setattr(experiment, "plot_curves", lambda *_: None)
    monkeypatch.chdir(tmp_path)


def write(path, rows, form="%.4f"):
    path.parent.mkdir(parents=True, exist_ok=True)
    np.savetxt(path, rows, fmt=form, delimiter=",")


def walk(seed, count):
    """Truth that moves about, partly outside, and a tracker that loses it; as files hold them."""
    rng = np.random.default_rng(seed)
    truth = np.concatenate(
        [[70.0, 50] + rng.normal(0, 6, (count, 2)).cumsum(0), rng.uniform(15, 40, (count, 2))], 1
    )
    boxes = truth + rng.normal(0, np.linspace(0.1, 12, count)[:, None], (count, 4))
    boxes[:, 2:] = np.maximum(boxes[:, 2:], 2)
    # Every fifth pair has whole numbers: overlaps and errors that lie on thresholds.
    truth[::5], boxes[::5] = np.round(truth[::5]), np.round(truth[::5]) + [3, 4, 0, 0]
    return np.round(truth, 4), np.round(boxes, 4)


def zero_based(boxes):
    return boxes - [1.0, 1.0, 0.0, 0.0]


def test_otb(tmp_path):
    ours = []
    for seed, name in enumerate(NAMES):
        truth, boxes = walk(seed, 40 + 15 * seed)
        truth[:, :2] = np.maximum(truth[:, :2], 1)  # got10k does not mark invalid truth.
        boxes[0] += 9  # Both take the truth instead.
        write(tmp_path / "otb" / name / "groundtruth_rect.txt", truth)
        for index in range(len(truth)):
            path = tmp_path / "otb" / name / "img" / f"{index + 1:04}.jpg"
            path.parent.mkdir(exist_ok=True)
            path.touch()
        write(tmp_path / "results" / "OTB2015" / NAME / f"{name}.txt", boxes)
        ours.append(ope_metrics.sequence_scores(name, zero_based(boxes), zero_based(truth), "otb"))
    experiment = peers.ExperimentOTB(
        str(tmp_path / "otb"), 2015, str(tmp_path / "results"), str(tmp_path / "reports")
    )
    theirs = experiment.report([NAME])[NAME]
    for scores in ours:
        found, single = theirs["seq_wise"][scores.sequence], ope_metrics.summarize([scores])
        np.testing.assert_allclose(scores.success, found["success_curve"], atol=TOLERANCE)
        np.testing.assert_allclose(scores.precision, found["precision_curve"], atol=TOLERANCE)
        assert single.success_rate_50 == pytest.approx(found["success_rate"], abs=TOLERANCE)
    found, summary = theirs["overall"], ope_metrics.summarize(ours)
    assert 0.2 < summary.auc < 0.8
    assert summary.auc == pytest.approx(found["success_score"], abs=TOLERANCE)
    assert summary.precision == pytest.approx(found["precision_score"], abs=TOLERANCE)
    assert summary.success_rate_50 == pytest.approx(found["success_rate"], abs=TOLERANCE)


def test_got10k(tmp_path):
    ours, root = [], tmp_path / "got10k" / "val"
    names = [f"GOT-10k_Val_{index:06}" for index in (1, 2, 3)]
    for seed, name in enumerate(names):
        truth, boxes = walk(10 + seed, 30 + 15 * seed)
        cover = np.random.default_rng(seed).integers(0, 9, len(truth))
        write(root / name / "groundtruth.txt", truth)
        for label in ("cover", "absence", "cut_by_image"):
            write(root / name / f"{label}.label", cover if label == "cover" else 0 * cover, "%d")
        (root / name / "meta_info.ini").write_text(f"[METAINFO]\nresolution: {SIZE}\n")
        for index in range(len(truth)):
            (root / name / f"{index + 1:08}.jpg").touch()
        folder = tmp_path / "results" / "GOT-10k" / NAME / name
        write(folder / f"{name}_001.txt", boxes)
        write(folder / f"{name}_time.txt", np.full((len(truth), 1), 0.01))
        arguments = name, zero_based(boxes), zero_based(truth), "got10k"
        ours.append(ope_metrics.sequence_scores(*arguments, cover=cover, resolution=SIZE))
    (root / "list.txt").write_text("\n".join(names))
    experiment = peers.ExperimentGOT10k(
        str(tmp_path / "got10k"), "val", str(tmp_path / "results"), str(tmp_path / "reports")
    )
    theirs = experiment.report([NAME])[NAME]
    for scores in ours:
        found, single = theirs["seq_wise"][scores.sequence], ope_metrics.summarize([scores])
        assert single.average_overlap == pytest.approx(found["ao"], abs=TOLERANCE)
        assert single.success_rate_50 == pytest.approx(found["sr"], abs=TOLERANCE)
    found, summary = theirs["overall"], ope_metrics.summarize(ours)
    assert summary.average_overlap == pytest.approx(found["ao"], abs=TOLERANCE)
    assert summary.success_rate_50 == pytest.approx(found["sr"], abs=TOLERANCE)
    curve = ope_metrics.mean_curves(ours)[0]
    np.testing.assert_allclose(curve, found["succ_curve"], atol=TOLERANCE)


def test_vot(tmp_path, monkeypatch):
    # The package is older than NumPy 1.24: a name that is gone, and arrays of lists and numbers.
    poly_iou = peers.vot.poly_iou
    monkeypatch.setattr(np, "NaN", np.nan, raising=False)
    monkeypatch.setattr(peers.vot, "poly_iou", lambda *regions: float(poly_iou(*regions)[0]))
    root, runs = tmp_path / "vot", []
    for seed, name in enumerate(NAMES):
        truth, boxes = walk(20 + seed, 60)
        x, y, width, height = truth.T
        tilt = 0.2 * width
        corners = np.stack(
            [x + tilt, y, x + width, y + tilt, x + width - tilt, y + height, x, y + height - tilt],
            axis=1,
        )
        tags = {
            tag: np.random.default_rng(seed).random(60) < 0.1 * place
            for place, tag in enumerate(("camera_motion", "occlusion", "size_change"))
        }
        write(root / name / "groundtruth.txt", corners)
        for tag, values in tags.items():
            write(root / name / f"{tag}.tag", values, "%d")
        for index in range(60):
            Image.new("RGB", SIZE).save(root / name / f"{index + 1:08}.jpg")
        folder = tmp_path / "results" / "VOT2017" / NAME / "baseline" / name
        folder.mkdir(parents=True)
        for repetition in (1, 2):
            moved = boxes + [3.0 * repetition, 0, 0, 0]
            overlaps = supervised.overlaps(moved, np.round(corners, 4), SIZE, "got10k")
            codes = np.zeros(60, int)
            codes[[0, 25]] = FrameCode.INIT
            codes[20], codes[21:25] = FrameCode.FAILED, FrameCode.SKIPPED
            if repetition == 2:  # It fails within the burn-in and ends while it waits.
                codes[30], codes[31:35], codes[35] = 2, 3, 1
                codes[57], codes[58:] = 2, 3
            words = {1: "1", 2: "2", 3: "0"}
            lines = [
                words[code] if code else ",".join(f"{number:.4f}" for number in box)
                for code, box in zip(codes, moved)
            ]
            (folder / f"{name}_{repetition:03}.txt").write_text("\n".join(lines))
            runs.append(supervised.Run(name, codes, overlaps, tags))
    (root / "list.txt").write_text("\n".join(NAMES))
    experiment = peers.ExperimentVOT(
        str(root), 2017, result_dir=str(tmp_path / "results"), report_dir=str(tmp_path / "reports")
    )
    theirs = experiment.report([NAME])[NAME]
    ours = supervised.accuracy(runs, weighting="got10k")
    assert 0.1 < ours < 0.9
    assert ours == pytest.approx(theirs["accuracy"], abs=TOLERANCE)
    ours = supervised.robustness(runs, "got10k")
    assert ours == pytest.approx(theirs["robustness"], abs=TOLERANCE)


def test_polygon_overlap():
    from got10k.utils.metrics import poly_iou

    truth, boxes = walk(30, 200)
    corners = np.concatenate([truth[:, :2], truth[:, :2], truth[:, :2], truth[:, :2]], axis=1)
    width, height = truth[:, 2], truth[:, 3]
    for column, share in ((0, 0.3), (2, 1), (4, 0.7), (6, 0)):
        corners[:, column] += share * width
    for column, share in ((1, 0), (3, 0.2), (5, 1), (7, 0.8)):
        corners[:, column] += share * height
    for bound in (None, SIZE):
        theirs = poly_iou(boxes, corners, bound)
        assert (np.asarray(theirs) > 0).sum() > 50
        ours = regions.polygon_overlap(boxes, corners, bound)
        np.testing.assert_allclose(ours, theirs, atol=TOLERANCE)
