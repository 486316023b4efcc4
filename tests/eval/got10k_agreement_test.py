"""Agreement with the got10k package's own reports on the same result files, to 1e-6.

Needs an environment with the package, which needs no TensorFlow (`make test-peers` sets one up);
elsewhere these tests are skipped.
"""

import warnings

import numpy as np
import pytest

from gradnet_tf.eval.metrics import ope_metrics

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


def mean_of(scores, measure):
    """Averages a measure over sequences as reports do."""
    values = [getattr(ope_metrics.summarize(each), measure) for each in scores]
    return np.average(values, weights=[each.weight for each in scores])


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
    for name, scores in zip(NAMES, ours):
        found, single = theirs["seq_wise"][name], ope_metrics.summarize(scores)
        np.testing.assert_allclose(scores.success, found["success_curve"], atol=TOLERANCE)
        np.testing.assert_allclose(scores.precision, found["precision_curve"], atol=TOLERANCE)
        assert single.success_rate_50 == pytest.approx(found["success_rate"], abs=TOLERANCE)
    found = theirs["overall"]
    assert 0.2 < found["success_score"] < 0.8
    for measure, key in (
        ("auc", "success_score"),
        ("precision", "precision_score"),
        ("success_rate_50", "success_rate"),
    ):
        assert mean_of(ours, measure) == pytest.approx(found[key], abs=TOLERANCE), measure


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
    for name, scores in zip(names, ours):
        found, single = theirs["seq_wise"][name], ope_metrics.summarize(scores)
        assert single.average_overlap == pytest.approx(found["ao"], abs=TOLERANCE)
        assert single.success_rate_50 == pytest.approx(found["sr"], abs=TOLERANCE)
    found = theirs["overall"]
    assert mean_of(ours, "average_overlap") == pytest.approx(found["ao"], abs=TOLERANCE)
    assert mean_of(ours, "success_rate_50") == pytest.approx(found["sr"], abs=TOLERANCE)
    curve = np.average(
        [each.success for each in ours], axis=0, weights=[each.weight for each in ours]
    )
    np.testing.assert_allclose(curve, found["succ_curve"], atol=TOLERANCE)
