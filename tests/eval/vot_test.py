"""The adapter to vot-toolkit: by its calls, and in a workspace of the real toolkit where it is.

The toolkit needs an environment of its own, which `make test-peers` makes.
"""

import importlib.metadata
import importlib.util
import inspect
import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from gradnet_tf.datasets import vot as vot_dataset
from gradnet_tf.eval import vot
from gradnet_tf.eval.metrics import eao, regions, supervised
from gradnet_tf.eval.metrics.supervised import FrameCode
from gradnet_tf.eval.results import formats
from gradnet_tf.eval.running import protocols
from gradnet_tf.eval.trackers import registry
from tests.helpers import vot_workspace
from tests.helpers.recording_tracker import RecordingTracker

ROOT = Path(__file__).resolve().parents[2]
DRIFT = "python:tests.helpers.toy_trackers:Drift"
NAMES = {"Drift": f"{DRIFT},step=1.5", "Static": "static"}


@pytest.fixture
def image(tmp_path):
    path = tmp_path / "00000001.png"
    Image.new("RGB", (30, 20), (200, 100, 50)).save(path)
    return str(path)


def call(method, *arguments):
    """As the toolkit calls: all three arguments, if the method takes them."""
    assert len(inspect.signature(method).parameters) == 3
    return method(*arguments)


def test_a_run(image):
    fake = RecordingTracker()
    adapter = vot.VotTracker(fake)
    assert adapter.multiobject is False
    answer = call(adapter.init, image, ((3.0, 4.0, 10.0, 5.0), {}), {})
    assert answer == ((3.0, 4.0, 10.0, 5.0), {})
    np.testing.assert_array_equal(fake.boxes[0], [3, 4, 10, 5])
    box, properties = call(adapter.update, image, [], {})
    # The toolkit refuses arrays, and takes lists for polygons.
    assert type(box) is tuple and [type(value) for value in box] == [float] * 4
    assert box == (5.0, 5.0, 10.0, 5.0) and properties == {}
    for seen in fake.images:
        assert seen.dtype == np.uint8 and seen.shape == (20, 30, 3)
        assert seen[0, 0].tolist() == [200, 100, 50]
    # After a failure it starts again.
    assert call(adapter.init, image, ((1.0, 2.0, 3.0, 4.0), {}), {})[0] == (1.0, 2.0, 3.0, 4.0)
    assert call(adapter.update, image, [], {})[0] == (3.0, 3.0, 3.0, 4.0)


def test_confidence_goes_along(image):
    fake = RecordingTracker()
    fake.confidence = np.float32(0.5)
    adapter = vot.VotTracker(fake)
    assert adapter.init(image, [((1, 2, 3, 4), {})]) == ((1.0, 2.0, 3.0, 4.0), {})
    assert adapter.update(image) == ((3.0, 3.0, 3.0, 4.0), {"confidence": 0.5})


def test_channels(image):
    fake = RecordingTracker()
    adapter = vot.VotTracker(fake)
    adapter.init({"depth": "nowhere.png", "color": image}, ((1, 2, 3, 4), {}))
    adapter.update({"depth": "nowhere.png", "ir": image})
    assert [seen.shape for seen in fake.images] == [(20, 30, 3)] * 2
    with pytest.raises(ValueError, match="channels color, ir; this one has depth, lidar"):
        adapter.update({"depth": image, "lidar": image})


def test_region_boxes():
    assert vot.region_box((1, 2.5, 3, 4)) == (1.0, 2.5, 3.0, 4.0)
    # Rotated: of the same area, and 1 px more, as our own runs start.
    corners = [(10.0, 0.0), (20.0, 10.0), (10.0, 20.0), (0.0, 10.0)]
    side = np.sqrt(200) + 1
    expected = (10 - side / 2, 10 - side / 2, side, side)
    assert vot.region_box(corners) == pytest.approx(expected)
    rows = vot_workspace.truth("turned", 3)
    boxes = vot_dataset.equal_area_boxes(rows)
    for row, box in zip(rows, boxes):
        points = [(float(x), float(y)) for x, y in row.reshape(4, 2)]
        assert vot.region_box(points) == pytest.approx(tuple(box))
    # Other polygons: the box around them.
    assert vot.region_box([(1.0, 7.0), (5.0, 2.0), (9.0, 4.0)]) == (1.0, 2.0, 8.0, 5.0)
    mask = np.zeros((20, 30), np.uint8)
    mask[4:9, 3:10] = 1
    mask[6, 12] = 1
    assert vot.region_box(mask) == (3.0, 4.0, 10.0, 5.0)


@pytest.mark.parametrize(
    "region, message",
    [
        ((5.0, 6.0), r"not from \(5\.0, 6\.0\)"),
        (None, "a rectangle .*, a polygon .* or a mask .*, not from None"),
        ("a man", "not from 'a man'"),
        ([(1.0, 2.0), (3.0, 4.0)], "not from"),
        ((1.0, 2.0, 0.0, 4.0), r"no extent: \(1\.0, 2\.0, 0\.0, 4\.0\)"),
        ((1.0, 2.0, float("nan"), 4.0), "no extent"),
        (np.zeros((4, 5), np.uint8), "no extent"),
        ([(1.0, 2.0)] * 3, "no extent"),
    ],
)
def test_regions_without_a_box(region, message, image):
    with pytest.raises(ValueError, match=message):
        vot.VotTracker(RecordingTracker()).init(image, (region, {}))


def test_several_targets(image):
    adapter = vot.VotTracker(RecordingTracker())
    item = ((1.0, 2.0, 3.0, 4.0), {})
    with pytest.raises(ValueError, match="one target only, please; the toolkit gave 2"):
        adapter.init(image, [item, item])
    with pytest.raises(ValueError, match="the toolkit gave 0"):
        adapter.init(image, [])
    with pytest.raises(ValueError, match="expected a region and its properties"):
        adapter.init(image, (1.0, 2.0, 3.0, 4.0))
    adapter.init(image, item)
    with pytest.raises(ValueError, match="one target only"):
        adapter.update(image, [item])


@pytest.mark.parametrize("answer", [None, (1, 2, 3), [[1, 2, 3, 4]], (1, 2, 3, float("nan")), "x"])
def test_answers_that_are_no_box(answer, image):
    fake = RecordingTracker()
    fake.update = lambda _: answer
    adapter = vot.VotTracker(fake)
    adapter.init(image, ((1.0, 2.0, 3.0, 4.0), {}))
    with pytest.raises(ValueError, match=r"00000001\.png: the tracker must answer with a box"):
        adapter.update(image)


def test_every_error_is_one_that_the_toolkit_reports(image, tmp_path):
    adapter = vot.VotTracker(RecordingTracker())
    adapter.init(image, ((1.0, 2.0, 3.0, 4.0), {}))
    with pytest.raises(RuntimeError, match=r"FileNotFoundError: .*missing\.jpg"):
        adapter.update(str(tmp_path / "missing.jpg"))
    fake = RecordingTracker()
    fake.update = lambda _: {}["weights"]
    adapter = vot.VotTracker(fake)
    adapter.init(image, ((1.0, 2.0, 3.0, 4.0), {}))
    with pytest.raises(RuntimeError, match="KeyError: 'weights'"):
        adapter.update(image)


def test_create_tracker(image):
    adapter = vot.create_tracker(NAMES["Drift"])
    adapter.init(image, ((1.0, 2.0, 3.0, 4.0), {}))
    mean = (200 + 100 + 50) / 3 / 1000
    expected = (2.5 + mean, 3.5 + mean, 3.0, 4.0)
    assert adapter.update(image)[0] == pytest.approx(expected)
    with pytest.raises(ValueError, match="no kind 'siamfc'"):
        vot.create_tracker("siamfc")
    with pytest.raises(ImportError, match="nowhere"):
        vot.create_tracker("python:nowhere:Tracker")
    # What stands in trackers.ini by another name than arg_tracker.
    with pytest.raises(TypeError, match="checkpoint"):
        vot.create_tracker(checkpoint="x")


def test_gradnet_is_the_default(monkeypatch):
    made = []
    monkeypatch.setattr(registry, "make_tracker", lambda spec: made.append(spec.target))
    vot.create_tracker()
    vot.create_tracker("gradnet:runs/x")
    assert made == ["", "runs/x"]


# The real toolkit.


# 0.8.1 and 0.9.0 end supervised experiments with "'list' object has no attribute 'properties'",
# whatever the tracker. 0.8.0 runs them, but in the real-time experiment it refuses its own runtime,
# for want of a base class, which is declared here.
VERSION = "0.8.0"
LAUNCHER = """
from vot.tracker import OnlineTrackerRuntime, RealtimeTrackerRuntime
from vot.utilities.cli import main
OnlineTrackerRuntime.register(RealtimeTrackerRuntime)
main()
"""


def toolkit_version():
    if importlib.util.find_spec("vot") is None:
        return None
    return importlib.metadata.version("vot-toolkit")


needs_toolkit = pytest.mark.skipif(
    toolkit_version() != VERSION,
    reason=f"needs vot-toolkit {VERSION}, which make test-peers has; here: {toolkit_version()}",
)


def run_toolkit(workspace, command, *arguments):
    """Runs `vot COMMAND` and returns what it printed."""
    environment = {
        **os.environ,
        "PYTHONPATH": str(ROOT),
        "VOT_RESULTS_BINARY": "false",
    }
    done = subprocess.run(
        [sys.executable, "-c", LAUNCHER, command, "--workspace", str(workspace), *arguments],
        cwd=workspace,
        env=environment,
        check=False,
        capture_output=True,
        text=True,
        timeout=900,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr


@pytest.fixture(scope="module")
def workspace(tmp_path_factory):
    root = vot_workspace.write(tmp_path_factory.mktemp("workspace"), NAMES)
    log = run_toolkit(root, "evaluate", *NAMES)
    assert "concluded" in log, log
    run_toolkit(root, "analysis", "--name", "tiny", *NAMES)
    return root


def read_runs(workspace, tracker, experiment):
    """Runs of our measures, from the toolkit's result files."""
    dataset = vot_dataset.read(str(workspace))
    runs = []
    for sequence in dataset.sequences:
        folder = workspace / "results" / tracker / experiment / sequence.name
        for path in sorted(folder.glob(f"{sequence.name}_[0-9][0-9][0-9].txt")):
            boxes, codes = formats.decode_boxes(path, "vot", dataset.origin)
            truth = sequence.boxes if sequence.regions is None else sequence.regions
            overlaps = regions.vot_raster_overlap(boxes, truth, vot_workspace.SIZE)
            runs.append(supervised.Run(sequence.name, codes, overlaps))
    return runs


@needs_toolkit
@pytest.mark.parametrize("tracker", NAMES)
@pytest.mark.parametrize("experiment", ["baseline", "realtime"])
def test_workspace_agrees(workspace, tracker, experiment):
    document = json.loads((workspace / "analysis" / "tiny.json").read_text())
    index = list(document["trackers"]).index(tracker)
    ar, score, curve = (analysis[index] for analysis in document["results"][experiment]["results"])
    runs = read_runs(workspace, tracker, experiment)
    assert len(runs) == 2 * (vot_workspace.REPETITIONS if experiment == "baseline" else 1)
    assert any((run.codes == FrameCode.FAILED).any() for run in runs)
    assert supervised.accuracy(runs) == pytest.approx(ar[0], abs=1e-6)
    assert supervised.robustness(runs) == pytest.approx(ar[1], abs=1e-6)
    assert eao.eao(runs, vot_workspace.INTERVAL) == pytest.approx(score[0], abs=1e-6)
    np.testing.assert_allclose(eao.eao_curve(runs), curve[0], atol=1e-6)


@needs_toolkit
@pytest.mark.parametrize("tracker", NAMES)
def test_our_own_runs_agree(workspace, tracker):
    protocol = protocols.Protocol(name=protocols.SUPERVISED, resets=True, skip=vot_workspace.SKIP)
    for sequence in vot_dataset.read(str(workspace)).sequences:
        made = registry.make_tracker(registry.parse_tracker(NAMES[tracker]))
        ours = protocols.run_sequence(made, sequence, protocol)
        folder = workspace / "results" / tracker / "baseline" / sequence.name
        boxes, codes = formats.decode_boxes(folder / f"{sequence.name}_001.txt", "vot", 0)
        np.testing.assert_array_equal(ours.codes, codes)
        # The toolkit keeps single precision.
        np.testing.assert_allclose(ours.boxes, boxes, atol=1e-4)
