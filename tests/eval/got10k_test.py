"""The adapter to the got10k toolkit: by a stand-in, and by the real one where it is.

`make test-peers` has the real one.
"""

import sys
import types
import warnings

import numpy as np
import pytest
from PIL import Image

from gradnet_tf.eval import got10k
from gradnet_tf.eval.metrics import ope_metrics
from gradnet_tf.eval.trackers import registry
from gradnet_tf.files import textfiles
from tests.helpers import datasets
from tests.helpers.recording_tracker import RecordingTracker

DRIFT = "python:tests.helpers.toy_trackers:Drift"


class Base:
    """Stands in for got10k.trackers.Tracker."""

    def __init__(self, name, is_deterministic=False):
        self.name, self.is_deterministic = name, is_deterministic


@pytest.fixture
def toolkit(monkeypatch):
    module = types.ModuleType("got10k")
    module.trackers = types.ModuleType("got10k.trackers")
    module.trackers.Tracker = Base
    monkeypatch.setitem(sys.modules, "got10k", module)
    monkeypatch.setitem(sys.modules, "got10k.trackers", module.trackers)


@pytest.fixture
def adapt(toolkit, monkeypatch):
    """Adapts a given tracker."""

    def make(fake, **options):
        monkeypatch.setattr(registry, "make_tracker", lambda spec: fake)
        return got10k.create_tracker("static", "mine", **options)

    return make


def picture(mode="RGB"):
    return Image.new("RGB", (30, 20), (200, 100, 50)).convert(mode)


def test_boxes_are_counted_from_one(adapt):
    fake, first = RecordingTracker(), np.array([5.0, 6, 7, 8])
    tracker = adapt(fake)
    assert isinstance(tracker, Base) and (tracker.name, tracker.is_deterministic) == ("mine", False)
    tracker.init(picture(), first)
    np.testing.assert_array_equal(fake.boxes[0], [4, 5, 7, 8])
    np.testing.assert_array_equal(first, [5, 6, 7, 8])
    answer = tracker.update(picture())
    assert isinstance(answer, np.ndarray) and answer.dtype == np.float64
    np.testing.assert_array_equal(answer, [7, 7, 7, 8])
    np.testing.assert_array_equal(fake.boxes[1], [6, 6, 7, 8])


def test_boxes_are_counted_from_zero(adapt):
    fake = RecordingTracker()
    tracker = adapt(fake, origin=0)
    tracker.init(picture(), [5, 6, 7, 8])
    np.testing.assert_array_equal(fake.boxes[0], [5, 6, 7, 8])
    np.testing.assert_array_equal(tracker.update(picture()), [7, 7, 7, 8])
    with pytest.raises(ValueError, match="from 0 or 1, got origin 2"):
        adapt(fake, origin=2)


def test_images(adapt, tmp_path):
    path = tmp_path / "0001.png"  # What experiments with read_image=False hand over.
    picture().save(path)
    fake = RecordingTracker()
    tracker = adapt(fake)
    tracker.init(picture(), (5, 6, 7, 8))
    for image in (picture("L"), np.asarray(picture()), str(path)):
        tracker.update(image)
    for index, seen in enumerate(fake.images):
        assert seen.dtype == np.uint8 and seen.shape == (20, 30, 3)
        assert (seen[0, 0].tolist() == [200, 100, 50]) == (index != 1)


def test_determinism_is_passed_on(adapt):
    fake = RecordingTracker()
    fake.is_deterministic = True
    assert adapt(fake).is_deterministic is True


def test_what_is_no_box(adapt):
    fake = RecordingTracker()
    tracker = adapt(fake)
    with pytest.raises(ValueError, match=r"first box must be \(x, y, width, height\), got \[1"):
        tracker.init(picture(), [1, 2, 3])
    tracker.init(picture(), [1, 2, 3, 4])
    fake.update = lambda _: [1, 2, 3, 4, 5]
    with pytest.raises(ValueError, match="must answer with a box"):
        tracker.update(picture())


def test_create_tracker(toolkit, monkeypatch):
    tracker = got10k.create_tracker(f"{DRIFT},step=2")
    assert tracker.name == "Drift step=2"
    assert got10k.create_tracker("static", "first box").name == "first box"
    assert got10k.create_tracker("static").is_deterministic is True
    tracker.init(picture(), (5, 6, 7, 8))
    mean = (200 + 100 + 50) / 3 / 1000
    expected = [7 + mean, 8 + mean, 7, 8]
    np.testing.assert_allclose(tracker.update(picture()), expected)
    with pytest.raises(ValueError, match="no kind 'siamfc'"):
        got10k.create_tracker("siamfc")
    made = []
    monkeypatch.setattr(registry, "make_tracker", lambda spec: made.append(spec.target))
    assert got10k.create_tracker().name == "GradNet"
    assert made == [""]


def test_without_the_toolkit(monkeypatch):
    monkeypatch.setitem(sys.modules, "got10k", None)
    monkeypatch.setitem(sys.modules, "got10k.trackers", None)
    message = "got10k toolkit does not import; pip install got10k matplotlib shapely"
    with pytest.raises(ImportError, match=message):
        got10k.create_tracker("static")
    # Said before the tracker is loaded.
    with pytest.raises(ImportError, match=message):
        got10k.create_tracker("python:nowhere:Tracker")


# The real toolkit.


@pytest.fixture
def experiment(tmp_path, monkeypatch):
    """ExperimentOTB of two sequences, which go by names that it knows."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # The package is of 2019.
            import matplotlib

            matplotlib.use("Agg")
            from got10k import experiments
            from got10k.datasets import OTB
    except ImportError as error:
        pytest.skip(f"needs the package got10k, which make test-peers has: {error}")
    monkeypatch.setattr(OTB, "_download", lambda *_: None)
    datasets.make_otb(tmp_path / "otb", videos=2, frames=20)
    for index, name in enumerate(("Basketball", "Biker")):
        (tmp_path / "otb" / f"Seq{index}").rename(tmp_path / "otb" / name)
    monkeypatch.chdir(tmp_path)
    return experiments.ExperimentOTB(str(tmp_path / "otb"), 2015)


@pytest.mark.filterwarnings("ignore")
def test_experiment_agrees(experiment, tmp_path):
    names = []
    for text in (f"{DRIFT},step=1.2", "static"):
        tracker = got10k.create_tracker(text)
        experiment.run(tracker)
        names.append(tracker.name)
    theirs = experiment.report(names)
    for name in names:
        ours = []
        for sequence in ("Basketball", "Biker"):
            # The toolkit's files count from 1, both of them.
            boxes = textfiles.read_boxes(
                tmp_path / "results" / "OTB2015" / name / f"{sequence}.txt"
            )
            truth = textfiles.read_boxes(tmp_path / "otb" / sequence / "groundtruth_rect.txt")
            np.testing.assert_array_equal(boxes[0], truth[0])
            scores = ope_metrics.sequence_scores(
                sequence, boxes - [1, 1, 0, 0], truth - [1, 1, 0, 0], "otb"
            )
            found = theirs[name]["seq_wise"][sequence]
            np.testing.assert_allclose(scores.success, found["success_curve"], atol=1e-6)
            np.testing.assert_allclose(scores.precision, found["precision_curve"], atol=1e-6)
            ours.append(ope_metrics.summarize(scores))
        found = theirs[name]["overall"]
        for measure, key in (("auc", "success_score"), ("precision", "precision_score")):
            mean = np.mean([getattr(one, measure) for one in ours])
            assert mean == pytest.approx(found[key], abs=1e-6)
    scores = [theirs[name]["overall"]["success_score"] for name in names]
    assert 0.1 < scores[1] < scores[0] < 1  # Following the target by half is better than staying.
