"""TrackingNet: the test set, whose ground truth is withheld, and chunks for training."""

import numpy as np
import pytest

from gradnet_tf.datasets import trackingnet, tracks
from tests.helpers import benchmarks, datasets
from tests.helpers.benchmarks import only


def _make(root, name="0-6LB4FqxoE_0", images=range(4), lines=1):
    frames = root / "frames" / name
    frames.mkdir(parents=True)
    for number in images:
        (frames / f"{number}.jpg").touch()
    (root / "anno").mkdir(exist_ok=True)
    boxes = benchmarks.boxes(lines, origin=0)
    (root / f"anno/{name}.txt").write_text(benchmarks.lines(boxes))
    return root


@pytest.mark.parametrize("inside", [False, True])
def test_test_set(tmp_path, inside):
    chunk = _make(tmp_path / "TEST", images=range(12))
    dataset = trackingnet.read(str(chunk if inside else tmp_path))
    found = only(dataset)
    assert found.name == "0-6LB4FqxoE_0" and found.withheld and found.first_number == 0
    assert [frame.rpartition("/")[2] for frame in found.frames[9:]] == ["9.jpg", "10.jpg", "11.jpg"]
    assert found.boxes[0].tolist() == [10, 20, 30, 40] and len(found.boxes) == 12
    assert (dataset.name, dataset.title, dataset.layout) == ("trackingnet", "TrackingNet", "otb")
    assert dataset.coverage == "1 of 511 sequences" and dataset.origin == 0


def test_a_chunk_for_training_is_no_test_set(tmp_path):
    datasets.make_trackingnet(tmp_path)
    with pytest.raises(ValueError, match="TRAIN_1: it is a chunk for training"):
        trackingnet.read(str(tmp_path / "TRAIN_1"))
    with pytest.raises(ValueError, match="no sequence in .*looked for TEST/anno/NAME.txt"):
        trackingnet.read(str(tmp_path))


def test_broken_sequences(tmp_path):
    _make(tmp_path / "TEST", "a")
    _make(tmp_path / "TEST", "b", [0, 1, 3])
    _make(tmp_path / "TEST", "c", [])
    dataset = trackingnet.read(str(tmp_path))
    assert [found.name for found in dataset.sequences] == ["a"]
    problems = dict(dataset.problems)
    assert problems["b"].endswith("missing: image 2")
    assert "no numbered images in " in problems["c"]


def test_chunks_for_training(tmp_path):
    datasets.make_trackingnet(tmp_path)
    _make(tmp_path / "TEST")
    reading = trackingnet.read_tracks(str(tmp_path))
    assert [(t.video, t.track, t.category) for t in reading.tracks] == [
        *(("v0", "0", ""), ("v2", "0", ""), ("v1", "0", ""))
    ]
    assert reading.tracks[0].frames == (0, 1, 2, 3, 4)
    np.testing.assert_array_equal(
        reading.tracks[0].boxes, [datasets.target_box(0, 0, frame) for frame in range(5)]
    )
    detail = "it belongs to the test set of TrackingNet; --split=all takes it"
    assert reading.flaws == [tracks.Flaw(tracks.NOT_FOR_TRAINING, str(tmp_path / "TEST"), detail)]


def test_all_splits_and_a_single_chunk(tmp_path):
    datasets.make_trackingnet(tmp_path)
    _make(tmp_path / "TEST")
    reading = trackingnet.read_tracks(str(tmp_path), split="all")
    # The frames whose boxes are withheld are told.
    assert len(reading.tracks) == 4 and len(reading.flaws) == 3
    assert [t.video for t in trackingnet.read_tracks(str(tmp_path / "TRAIN_1")).tracks] == ["v1"]
    with pytest.raises(ValueError, match="not for training: .*TEST"):
        trackingnet.read_tracks(str(tmp_path / "TEST"))


def test_missing_image_moves_no_box(tmp_path):
    datasets.make_trackingnet(tmp_path, videos=1)
    (tmp_path / "TRAIN_0/frames/v0/2.jpg").unlink()
    (track,) = (reading := trackingnet.read_tracks(str(tmp_path))).tracks
    assert track.frames == (0, 1, 3, 4)
    assert track.boxes[2].tolist() == list(datasets.target_box(0, 0, 3))
    assert [(f.kind, f.where[-1]) for f in reading.flaws] == [(tracks.NO_IMAGE, "2")]
