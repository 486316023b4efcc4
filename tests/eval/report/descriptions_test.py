"""Tests of gradnet_tf.eval.report.descriptions."""

import dataclasses

from gradnet_tf.eval.report import descriptions
from gradnet_tf.eval.running import start_frames
from tests.helpers import eval_report as helper


def test_range_rule_names_tiger1(tmp_path):
    dataset = helper.make_dataset(tmp_path, (5,), name="otb100", rule="Tiger1 from frame 6;")
    tiger = dataclasses.replace(dataset.sequences[0], name="Tiger1", first_number=6)
    text = descriptions.describe_ranges(dataclasses.replace(dataset, sequences=(tiger,)))
    assert "Tiger1 begins at frame 6 (the official init_omit)" in text
    tiger = dataclasses.replace(tiger, first_number=1)
    text = descriptions.describe_ranges(dataclasses.replace(dataset, sequences=(tiger,)))
    assert "Tiger1 begins at frame 1: the official init_omit of 5 frames is not applied" in text
    david = dataclasses.replace(tiger, name="David", first_number=300)
    text = descriptions.describe_ranges(dataclasses.replace(dataset, sequences=(david,)))
    assert "David from frame 300" in text and "Tiger1 is not among" in text


def test_range_rule_of_segments(tmp_path):
    dataset = helper.make_dataset(tmp_path, (9,), name="otb100", title="OTB2015", rule="all")
    tiger = dataclasses.replace(dataset.sequences[0], name="Tiger1", first_number=6)
    david = dataclasses.replace(tiger, name="David", first_number=300)
    split = start_frames.segments(dataclasses.replace(dataset, sequences=(david, tiger)), 3)
    text = descriptions.describe_ranges(split)
    assert "TRE: each sequence from 3 evenly spread frames" in text
    assert "Tiger1 begins at frame 6" in text and "David" not in text
    assert "drawn together" in descriptions.describe_intervals(split, 100)
    assert "drawn together" not in descriptions.describe_intervals(dataset, 100)


def test_provenance_is_flattened():
    pairs = list(descriptions.flatten({"a": {"b": 1, "c": None}, "d": [1, "x"], "e": "", "f": []}))
    assert pairs == [("a.b", "1"), ("d", "1, x")]


def test_machines_are_told_once_where_they_are_the_same(tmp_path):
    evaluation = helper.make_evaluation(tmp_path)
    assert descriptions.describe_machines(evaluation.trackers) == "processor abacus"
    other = dataclasses.replace(evaluation.trackers[0], name="x", provenance={})
    text = descriptions.describe_machines([*evaluation.trackers, other])
    assert text == f"good, {helper.EVIL}: processor abacus; x: unknown"
