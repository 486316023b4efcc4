"""The command `python -m gradnet_tf.convert`."""

import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from absl import flags

from gradnet_tf import convert
from gradnet_tf.weights import load, store
from tests.helpers import checkpoints

ROOT = Path(__file__).resolve().parents[1]


@pytest.fixture(scope="module")
def base(tmp_path_factory):
    """Prefix of a TF1 checkpoint with the 66 names of the authors' SiamFC base."""
    return checkpoints.write_tf1(
        tmp_path_factory.mktemp("base") / "model_epoch45.ckpt",
        checkpoints.with_training_leftovers("baseline"),
    )


@pytest.fixture
def command(capsys):
    """Runs the command in this process; gives its status, stdout and stderr."""

    def run(*arguments):
        values = flags.FlagValues()
        convert.define_flags(values)
        rest = values(["convert", *arguments])
        status = convert.run(values, rest[1:])
        return status, *capsys.readouterr()

    return run


def fails(result, message):
    """Status 1, nothing on stdout, one line on stderr."""
    status, out, err = result
    assert status == 1
    assert out == ""
    assert err.startswith("error: ") and err.count("\n") == 1 and err.endswith("\n")
    assert message in err


def test_tf1_to_checkpoint_and_back(base, command, tmp_path):
    status, out, err = command(f"--tf1={base}", f"--output={tmp_path}/net")
    assert (status, err) == (0, "")
    digest = load(tmp_path / "net").digest
    for line in (
        "source: model_epoch45.ckpt (tf1)",
        "variant: baseline, 42 tensors",
        f"digest: {digest}",
        "recognised: no",
        "ignored by rule optimizer_slots: adjust/",
        "ignored by rule response_scale: adjust/biases, adjust/weights (",
        f"wrote: {tmp_path}/net",
    ):
        assert line in out
    status, out, _ = command(
        f"--checkpoint={tmp_path}/net", f"--to_tf1={tmp_path}/model.ckpt", f"--npz={tmp_path}/x.npz"
    )
    assert status == 0
    assert f"wrote: {tmp_path}/model.ckpt\nwrote: {tmp_path}/x.npz\n" in out
    status, out, _ = command(f"--tf1={tmp_path}/model.ckpt", f"--output={tmp_path}/back")
    assert status == 0
    assert load(tmp_path / "back").digest == digest


def test_npz_is_the_source_where_there_is_no_other(command, tmp_path):
    np.savez(tmp_path / "x.npz", **checkpoints.random_arrays())
    assert command(f"--npz={tmp_path}/x.npz", f"--output={tmp_path}/net")[0] == 0
    checkpoints.assert_same(load(tmp_path / "net").arrays, checkpoints.random_arrays())


@pytest.mark.parametrize(
    "arguments, message",
    [
        ([], "no source; give --tf1=PREFIX"),
        (["--output=a"], "no source"),
        (["--tf1=a"], "no output; give --output=DIR"),
        (["--npz=a.npz"], "no output"),
        (["--tf1=a", "--checkpoint=b", "--output=c"], "--tf1 and --checkpoint are both sources"),
        (["--tf1=", "--output=c"], "--tf1 is empty"),
        (["--tf1=a", "--output=c", "d"], "unexpected argument 'd'"),
        (["--tf1=none", "--output=c"], "none: no such checkpoint"),
        (
            ["--checkpoint=none", "--to_tf1=c"],
            "none: no such checkpoint; expected a directory with",
        ),
        (["--npz=none.npz", "--output=c"], "none.npz: no such file"),
    ],
)
def test_wrong_combinations(command, arguments, message, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    fails(command(*arguments), message)
    assert not checkpoints.tree(tmp_path)


def test_wrong_sources(base, command, tmp_path):
    load_me = tmp_path / "ours"
    assert command(f"--tf1={base}", f"--output={load_me}")[0] == 0
    before = checkpoints.tree(tmp_path)
    for source, message in (
        (f"--tf1={base}.index", f"give the prefix {base}"),
        (
            f"--tf1={base.parent}",
            f"is a directory; give the prefix of a TF1 checkpoint, such as {base}",
        ),
        (f"--tf1={load_me}", "it is read with --checkpoint=DIR"),
        (f"--tf1={load_me}/weights", "is a TF2 checkpoint, not a TF1 one"),
        (f"--checkpoint={base.parent}", "is no checkpoint: weights.index"),
        (f"--npz={base}.index", "is no npz file"),
    ):
        fails(command(source, f"--output={tmp_path}/out"), message)
    assert checkpoints.tree(tmp_path) == before


def test_damaged_checkpoint(base, command, tmp_path):
    data = (base.parent / f"{base.name}.data-00000-of-00001").read_bytes()
    (tmp_path / "x.ckpt.index").write_bytes((base.parent / f"{base.name}.index").read_bytes())
    arguments = [f"--tf1={tmp_path}/x.ckpt", f"--output={tmp_path}/out"]
    fails(command(*arguments), "the data file is missing beside")
    (tmp_path / "x.ckpt.data-00000-of-00001").write_bytes(data[:-10])
    fails(command(*arguments), "damaged or truncated")
    assert not (tmp_path / "out").exists()


def test_overwrite(base, command, tmp_path):
    arguments = [f"--tf1={base}", f"--output={tmp_path}/net"]
    assert command(*arguments)[0] == 0
    fails(command(*arguments), "net holds a checkpoint already (overwrite is not set); --overwrite")
    assert command(*arguments, "--overwrite")[0] == 0


def test_the_shipped_weights_are_not_where_others_go(base, command, tmp_path, monkeypatch):
    monkeypatch.setattr(store, "EMBEDDED", tmp_path / "gradnet")
    arguments = [f"--tf1={base}", f"--output={tmp_path}/x/../gradnet"]
    (tmp_path / "x").mkdir()
    assert command(*arguments)[0] == 0
    before = checkpoints.tree(tmp_path)
    fails(command(*arguments), "holds weights that come with gradnet_tf, which --overwrite would")
    assert checkpoints.tree(tmp_path) == before
    assert command(f"--tf1={base}", f"--output={tmp_path}/other")[0] == 0
    assert command(*arguments, "--overwrite")[0] == 0


def test_the_command_of_the_checkpoints_readme(command, tmp_path, monkeypatch):
    """It writes beside the shipped weights, and names a folder that `Tracker` is given below."""
    text = (ROOT / "checkpoints" / "README.md").read_text()
    (line,) = re.findall("python -m gradnet_tf.convert (.*)", text)
    (output,) = re.findall("--output=(.*)", line)
    assert f'gradnet_tf.Tracker("{output}")' in text
    assert (ROOT / output).resolve() != store.EMBEDDED.resolve() and not (ROOT / output).exists()
    monkeypatch.chdir(tmp_path)
    fails(command(*line.split()), "base_l5_1t_49/model_epoch49.ckpt: no such checkpoint")


def test_module_runs_as_a_command(tmp_path):
    """Once for real, for the exit status must reach the shell."""
    failed = subprocess.run(
        [
            sys.executable,
            "-m",
            "gradnet_tf.convert",
            f"--tf1={tmp_path}/none",
            f"--output={tmp_path}/net",
        ],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    )
    assert failed.returncode == 1
    assert f"error: {tmp_path}/none: no such checkpoint" in failed.stderr
    assert "Traceback" not in failed.stderr
    assert not checkpoints.tree(tmp_path)


def test_paths_in_the_home_folder(base, command, tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    assert command(f"--tf1={base}", "--output=~/net", "--npz=~/net.npz")[0] == 0
    assert sorted(os.listdir(tmp_path)) == ["net", "net.npz"]
    assert load("~/net").variant == load("~/net.npz").variant == "baseline"
