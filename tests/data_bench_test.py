"""Tests of the benchmark of the pipeline."""

import os
import subprocess
import sys

import pytest
from absl import flags

from gradnet_tf.data import bench
from tests.helpers import track_records


@pytest.fixture(scope="module")
def pattern(tmp_path_factory):
    tracks = [track_records.record(f"video{n}", frames=(0, 1), seed=n) for n in range(40)]
    return track_records.write_set(tmp_path_factory.mktemp("data"), tracks)


def test_it_prints_the_ratio_to_a_given_step(pattern, capsys):
    values = flags.FlagValues()
    bench.define_flags(values)
    arguments = [f"--data={pattern}", "--batch=2", "--batches=5", "--train_step_seconds=1000"]
    values(["bench", *arguments])
    ratio = bench.run(values)
    assert ratio > 100
    printed = capsys.readouterr().out
    assert "training step:   1000000.0 ms a batch" in printed
    assert f"makes {ratio:.1f} batches in the time of a training step" in printed


def test_without_data_it_says_so():
    command = [sys.executable, "-m", "gradnet_tf.data.bench", "--data=/nowhere/*.tfrecord"]
    process = subprocess.run(
        command, capture_output=True, text=True, check=False, env={**os.environ, "PYTHONPATH": "."}
    )
    assert process.returncode == 1
    assert process.stderr.splitlines()[-1].startswith("error: there is no shard *.tfrecord that")
    assert "Traceback" not in process.stderr
