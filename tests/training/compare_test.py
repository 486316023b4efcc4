"""Tests of gradnet_tf.training.compare, and of the videos that it makes up."""

import json
import subprocess
import sys

import numpy as np
import pytest
from absl import flags

from gradnet_tf.data import pairs, records, synthetic
from gradnet_tf.training import compare, loop
from tests.helpers import training


def run(*arguments):
    values = flags.FlagValues()
    compare.define_flags(values)
    values(["compare", *arguments])
    return compare.run(values)


def test_ways_begin_alike_and_differ_in_their_arithmetic(tmp_path, tmp_path_factory, capsys):
    data = training.data(tmp_path_factory)
    arguments = [f"--workdir={tmp_path}", f"--data={data}", "--batch=2", "--steps=2"]
    rows = run(*arguments, "--validation=0.3", "--ways=float32,mixed_bfloat16")
    assert [row[:2] for row in rows[1:]] == [["float32", "2"], ["mixed_bfloat16", "2"]]
    assert "| mixed_bfloat16 " in capsys.readouterr().out
    losses = json.loads((tmp_path / "curves.json").read_text())
    exact, mixed = (losses[name] for name in ("float32", "mixed_bfloat16"))
    assert exact["step"] == mixed["step"] == [0, 1]
    np.testing.assert_allclose(mixed["loss"], exact["loss"], rtol=0.02)
    assert mixed["loss"] != exact["loss"]
    assert (tmp_path / "curves.png").stat().st_size > 1000


def test_ways():
    assert compare.read_way("float32", "short") == (training.config.preset("short"), False)
    config, jit_compile = compare.read_way("mixed_bfloat16_xla", "reference", batch=4)
    assert (config.precision, config.batch, jit_compile) == ("mixed_bfloat16", 4, True)


@pytest.mark.parametrize(
    "arguments, message",
    [
        (["--ways=xla"], "ways must be of float32, .*, with or without _xla, got 'xla'"),
        (["--ways=_xla"], "got '_xla'"),
        (["--ways="], "ways is empty"),
        (["--validation=1.5"], r"validation must be in \(0, 1\), got 1.5"),
        (["--json=/nowhere/losses.json"], "no directory /nowhere"),
        (["--init=/nowhere"], "/nowhere: no such checkpoint"),
    ],
)
def test_bad_arguments(tmp_path, arguments, message):
    with pytest.raises((ValueError, OSError), match=message):
        run(f"--workdir={tmp_path / 'run'}", *arguments)
    assert not list(tmp_path.glob("run/*"))


def test_a_way_that_was_stopped_ends_the_others(tmp_path, monkeypatch):
    stopped = loop.Outcome(1, False, None, {})
    monkeypatch.setattr(compare.loop, "train", lambda *args, **keywords: stopped)
    with pytest.raises(InterruptedError, match="float32: stopped after step 1; the same command"):
        run(f"--workdir={tmp_path}", "--data=nowhere")
    assert not (tmp_path / "curves.png").exists()


def test_the_binary_prints_errors(tmp_path):
    command = [sys.executable, "-m", "gradnet_tf.training.compare", "--ways=xla"]
    result = subprocess.run([*command, f"--workdir={tmp_path}"], capture_output=True, text=True)
    assert result.returncode == 1
    assert result.stderr.splitlines()[-1].startswith("error: ways must be of float32")
    assert "Traceback" not in result.stderr


def test_made_up_videos_are_data_like_others(tmp_path):
    first, second = (synthetic.write(str(tmp_path / name), 5, 2) for name in ("one", "two"))
    source = pairs.open_pairs([first], None, pairs.PairConfig(batch=4, validation=0.0))
    assert source.training.count == 5
    exemplars, instances = next(iter(source.train()))
    assert exemplars.shape == (4, 127, 127, 3) and instances.shape == (4, 239, 239, 3)
    again = pairs.open_pairs([second], None, pairs.PairConfig(batch=4, validation=0.0))
    assert source.catalog.digest == again.catalog.digest
    shards = sorted((tmp_path / "one").glob("*.tfrecord"))
    tracks = [track for shard in shards for track in records.read_shard(str(shard))]
    assert len({track.exemplars[0] for track in tracks}) == 5
    for arguments, message in (((0, 1), "videos must be"), ((1, 0), "frames must be")):
        with pytest.raises(ValueError, match=message):
            synthetic.write(str(tmp_path), *arguments)
