"""Tests of the benchmark of the pipeline."""

import os
import subprocess
import sys

import pytest
from absl import flags

from gradnet_tf.bench import data as bench
from tests.helpers import track_records


@pytest.fixture(scope="module")
def pattern(tmp_path_factory):
    tracks = [track_records.record(f"video{n}", frames=(0, 1), seed=n) for n in range(40)]
    return track_records.write_set(tmp_path_factory.mktemp("data"), tracks)


def run(*arguments):
    values = flags.FlagValues()
    bench.define_flags(values)
    values(["bench", *arguments])
    return bench.measure(values)


def test_it_measures_the_step_in_each_precision(pattern, capsys):
    arguments = ["--batch=1", "--batches=5", "--preset=short"]
    ratio = run(f"--data={pattern}", *arguments)
    assert ratio > 0
    printed = capsys.readouterr().out
    assert f"makes {ratio:.1f} batches in the time of a training step" in printed
    for name in ("float32", "mixed_bfloat16"):
        assert f"training step, {name}:" in printed
    assert printed.count("waiting for data") == 2
    with pytest.raises(ValueError, match="precision must be one of .*, got 'float8'"):
        run(f"--data={pattern}", "--precisions=float8")


def test_without_data_it_says_so():
    command = [sys.executable, "-m", "gradnet_tf.bench.data", "--data=/nowhere/*.tfrecord"]
    process = subprocess.run(
        command, capture_output=True, text=True, check=False, env={**os.environ, "PYTHONPATH": "."}
    )
    assert process.returncode == 1
    assert process.stderr.splitlines()[-1].startswith("error: there is no shard *.tfrecord that")
    assert "Traceback" not in process.stderr
