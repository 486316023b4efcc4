"""Tests of gradnet_tf.bench.report."""

from gradnet_tf.bench import report
from gradnet_tf.bench.startup import STEPS, FreshProcess
from gradnet_tf.bench.timing import Summary

PARTS = {"float32": {"decode": 0.001, "features": 0.008, "rest": 0.001}}


def test_markdown_has_columns_of_one_width():
    lines = report.markdown([["row", "ms"], ["a", "1.0"], ["long name", "10.0"]]).splitlines()
    assert lines == [
        "| row       |   ms |",
        "| --------- | ---: |",
        "| a         |  1.0 |",
        "| long name | 10.0 |",
    ]


def test_parts_table_has_milliseconds_and_shares():
    rows = report.parts_table(PARTS)
    assert rows[0] == ["part of a frame", "float32, ms", "float32, %"]
    assert rows[2] == ["features", "8.00", "80.0"]


def test_presets_table_compares_them_within_a_precision():
    slow, fast = (
        {"frame": Summary(t, 2 * t, t), "end to end": Summary(t, t, 2 * t)} for t in (0.1, 0.04)
    )
    rows = report.presets_table({"int8": {"tuned": slow, "fast": fast}})
    assert rows[0][-1] == "times tuned"
    assert rows[1:] == [
        ["int8", "tuned", "100.0", "200.0", "100.0", "10.0", "5.0", "1.00"],
        ["int8", "fast", "40.0", "80.0", "40.0", "25.0", "12.5", "2.50"],
    ]


def test_scaling_table_compares_a_target_with_a_single_one():
    seconds = {1: Summary(0.1, 0.2, 0.1), 4: Summary(0.2, 0.3, 0.2)}
    rows = report.targets_table(seconds, {1: 100 * 2**20, 4: 200 * 2**20})
    assert rows[1] == ["1", "100.0", "100.00", "10.0", "1.00", "100"]
    assert rows[2] == ["4", "200.0", "50.00", "5.0", "0.50", "200"]


def test_environment_names_software_and_hardware():
    found = report.environment()
    assert set(found) >= {"TensorFlow", "Python", "processor", "GPU"}
    assert all(found.values())


def test_first_result_compares_with_the_last_code():
    def process(seconds):
        steps = dict.fromkeys(STEPS, seconds)
        return FreshProcess({**steps, "whole": 9.0}, {**steps, "import": 2 * seconds}, 1)

    rows = report.first_result_table({"new": process(1.0), "old": process(2.0)})
    assert rows[1] == ["new, clock", "1.00", "1.00", "1.00", "1.00", "4.00", "0.50", "9.00"]
    assert rows[4] == ["old, processor", "4.00", "2.00", "2.00", "2.00", "10.00", "1.00", "-"]
