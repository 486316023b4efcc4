"""Tests of gradnet_tf.training.report: event files for TensorBoard."""

import os

import numpy as np
import pytest
import tensorflow as tf

from gradnet_tf.training import report
from gradnet_tf.training.report import Summaries

REGIONS = np.zeros((2, 239, 239, 3), np.float32)


def events(directory):
    """(plugin, tag, step, value) of everything in the one event file of a directory."""
    (name,) = os.listdir(directory)
    found = []
    for record in tf.data.TFRecordDataset(str(directory / name)).as_numpy_iterator():
        event = tf.compat.v1.Event.FromString(record)
        for value in event.summary.value:
            plugin = value.metadata.plugin_data.plugin_name
            found.append((plugin, value.tag, event.step, tf.make_ndarray(value.tensor)))
    return found


def score(seed, count=2, size=15):
    return np.random.default_rng(seed).normal(size=(count, size, size, 1)).astype(np.float32)


def test_scalars(tmp_path):
    with Summaries(tmp_path) as writer:
        writer.scalars(3, {"loss": 0.5, "learning_rate": tf.constant(1e-4)})
        writer.scalars(4, {"loss": np.float32(0.25)})
    assert events(tmp_path) == [
        ("scalars", "loss", 3, 0.5),
        ("scalars", "learning_rate", 3, np.float32(1e-4)),
        ("scalars", "loss", 4, 0.25),
    ]


def test_histograms_count_every_value(tmp_path):
    values = np.random.default_rng(0).normal(size=(10, 100)).astype(np.float32)
    with Summaries(tmp_path) as writer:
        writer.histograms(7, {"w": values, "bn/local_step": np.float32(3), "zeros": np.zeros(5)})
    (plugin, tag, step, rows), (_, other, _, zeros) = events(tmp_path)
    assert (plugin, tag, step, other) == ("histograms", "w", 7, "zeros")
    assert rows.shape == zeros.shape == (report.BUCKETS, 3)
    assert rows[:, 2].sum() == 1000 and zeros[:, 2].sum() == 5
    np.testing.assert_array_equal(rows[1:, 0], rows[:-1, 1])
    assert rows[0, 0] == values.min() and rows[-1, 1] == values.max()


def test_score_maps_are_one_png(tmp_path):
    with Summaries(tmp_path) as writer:
        writer.score_maps(5, score(0), score(1), REGIONS)
    ((plugin, tag, step, value),) = events(tmp_path)
    assert (plugin, tag, step) == ("images", "score_maps", 5)
    picture = tf.io.decode_png(value[2]).numpy()
    assert [int(value[1]), int(value[0])] == list(picture.shape[:2])
    np.testing.assert_array_equal(picture, report.score_map_picture(score(0), score(1), REGIONS))


def test_tensorboard_reads_them(tmp_path):
    pytest.importorskip("tensorboard")
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    with Summaries(tmp_path) as writer:
        writer.scalars(1, {"loss": 0.5})
        writer.score_maps(1, score(0), score(1), REGIONS)
        writer.histograms(1, {"w": np.arange(9.0)})
    reader = EventAccumulator(str(tmp_path)).Reload()
    assert sorted(reader.Tags()["tensors"]) == ["loss", "score_maps", "w"]
    metadata = reader.SummaryMetadata
    plugins = [metadata(tag).plugin_data.plugin_name for tag in ("loss", "score_maps", "w")]
    assert plugins == ["scalars", "images", "histograms"]


def test_off_does_nothing(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with Summaries(None) as writer:
        writer.scalars(1, {"loss": 0.5})
        writer.score_maps(1, score(0), score(1), REGIONS)
        writer.histograms(1, {"w": np.arange(9.0)})
        writer.flush()
    assert os.listdir(tmp_path) == []


def test_flushed_values_can_be_read_while_it_is_open(tmp_path):
    with Summaries(tmp_path) as writer:
        writer.scalars(1, {"loss": 0.5})
        writer.flush()
        assert len(events(tmp_path)) == 1


def test_the_picture_is_that_of_figure_10():
    initial, final = score(0), score(1)
    instances = REGIONS.copy()
    instances[1] = [300, 20, -5]  # BGR, augmented beyond its range
    picture = report.score_map_picture(initial, final, instances)
    assert picture.dtype == np.uint8 and picture.shape == (3 * 120 + 8, 2 * 120 + 4, 3)
    assert picture[60, 60].tolist() == [0, 0, 0]
    assert picture[60, 190].tolist() == [0, 20, 255]
    assert picture[122, 60].tolist() == picture[60, 122].tolist() == [255, 255, 255]
    for row, maps in ((1, initial), (2, final)):
        for column in range(2):
            top, left = row * 124, column * 124
            tile = picture[top : top + 120, left : left + 120, 0]
            peak = np.unravel_index(np.argmax(maps[column]), (15, 15))
            assert tile[peak[0] * 8 + 4, peak[1] * 8 + 4] == 255 and tile.min() == 0


def test_the_picture_of_scores_without_contrast():
    final = np.zeros((12, 17, 17, 1), np.float32)
    picture = report.score_map_picture(final, final, np.zeros((12, 255, 255, 3)))
    assert picture.shape == (3 * 136 + 2 * 4, 8 * 136 + 7 * 4, 3)
    assert (picture[:, :136] == 0).sum() == 3 * 136 * 136 * 3
