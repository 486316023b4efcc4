"""Tests of gradnet_tf.train: the command, from its flags to the end of its process."""

import os
import signal

import pytest
from absl import flags

from gradnet_tf import command_line, train
from gradnet_tf.files import locks
from gradnet_tf.training import checkpoints, config
from tests.helpers import checkpoints as trees
from tests.helpers import training


def parse(*arguments):
    values = flags.FlagValues()
    train.define_flags(values)
    rest = values(["train", *arguments])
    return values, rest[1:]


def run(*arguments):
    values, rest = parse(*arguments)
    return train.run(values, rest)


def error(capsys):
    """The one line on stderr."""
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("error: ")
    return line


FULL = ["--stage=gradnet", "--frozen_layers=0"]  # The other stage than the usual one.


@pytest.fixture
def usual(tmp_path, tmp_path_factory):
    """Flags of a small training, and its working directory."""
    workdir = tmp_path / "made" / "run"
    return training.flags(tmp_path_factory, workdir), workdir


def test_flags_become_constants(usual):
    values, _ = parse(*usual[0], "--momentum=0.5", "--optimizer=momentum", "--noreference_quirks")
    assert train.read_config(values) == training.make(
        training.SIAMFC, momentum=0.5, optimizer="momentum", reference_quirks=False
    )


def test_every_constant_has_a_flag_and_every_flag_of_the_issue_exists():
    values, _ = parse("--data=a,b", "--workdir=c")
    constants = set(config.TrainConfig.__dataclass_fields__)
    others = {"data", "data_weights", "workdir", "init", "preset", "strategy", "jit_compile"}
    others |= {"save_minutes", "keep", "log_steps", "summaries", "stop_after"}
    assert constants | others <= set(values)
    assert values.data == ["a", "b"]
    assert train.read_config(values) == config.TrainConfig()


@pytest.mark.parametrize(
    "arguments, expected",
    [
        (["--batch=0"], "batch must be at least 1, got 0"),
        (["--variant=full"], "stage=siamfc and variant=full contradict"),
        (
            ["--precision=bfloat16"],
            "stage=gradnet; stage=siamfc takes float32, mixed_bfloat16 or float64",
        ),
        (["--momentum=0.5"], "momentum=0.5 means nothing with optimizer=adam"),
        (["--init_template=random"], "init_template=random means nothing with stage=siamfc"),
        (
            [*FULL, "--init_update=descent", "--init_template=checkpoint"],
            "init_update=descent means nothing with init_template=checkpoint",
        ),
        (
            [*FULL, "--init_update=random", "--variant=without_gradient"],
            "init_update=random means nothing with variant=without_gradient",
        ),
        (["--schedule=constant", "--final_learning_rate=1e-9"], "final_learning_rate=1e-09 means"),
        (["--augment=none", "--reference_quirks"], "reference_quirks=True means nothing with"),
        (["--save_minutes=0"], "save_minutes must be positive"),
        (["--data_weights=1,2"], "data_weights has 2 numbers for 1 data sets"),
        (["--data_weights=much"], "data_weights must be numbers, got 'much'"),
        (["--data_weights=-1"], "weights must be positive numbers, got -1.0"),
        (["--batch=14"], "14 different videos and validation one more, but there are 14"),
        (["--data=nowhere/*.tfrecord"], "no shard *.tfrecord that matches nowhere/*.tfrecord"),
        (["--init=nowhere"], "nowhere: no such checkpoint"),
        (["--stage=gradnet", "--frozen_layers=0", "--init="], "no such checkpoint"),
        (["--groups=3", "--strategy=multi_worker"], "TF_CONFIG"),
        (["--workdir="], "workdir is empty; expected a folder"),
        (["--feature_cache=kept", "--crops=1"], "feature_cache is for stage=gradnet"),
        ([*FULL, "--feature_cache=kept"], "feature_cache needs crops of at least 1"),
        ([*FULL, "--update_rate=0.5"], "update_rate=0.5 means nothing with updates=1"),
        ([*FULL, "--shift=1"], "shift=1 belongs to updates of at least 2"),
        ([*FULL, "--updates=2"], "regions must be more than updates=2, got 1"),
        (["--trained=all"], "trained=all means nothing with stage=siamfc"),
        (["--track_limit=9"], "track_limit means nothing without track_data"),
        (["--track_data=nowhere"], "nowhere"),
        (["--workdir=gs://bucket/run"], "workdir must be a folder of this machine, got 'gs://"),
        ([f"--workdir={__file__}"], "workdir must be a folder, but "),
        (["more"], "unexpected argument 'more'"),
    ],
)
def test_bad_flags_are_one_line_and_nothing_is_made(arguments, expected, usual, capsys):
    assert run(*usual[0], *arguments) == 1
    assert expected in error(capsys)
    assert not usual[1].parent.exists()


def test_a_tilde_is_the_home_directory(tmp_path, monkeypatch):
    """A shell leaves it where it is in --flag=~/path."""
    got = {}

    def train_nothing(config, data, workdir, **keywords):
        got.update(data=data, workdir=workdir, **keywords)
        raise ValueError("enough")

    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setattr(train.loop, "train", train_nothing)
    monkeypatch.setattr(train.weights, "load", lambda path: path)
    assert run("--data=~/a,gs://b/~", "--workdir=~/run", "--init=~/net") == 1
    assert got["data"] == [str(tmp_path / "a"), "gs://b/~"]
    assert (got["workdir"], got["init"]) == (str(tmp_path / "run"), str(tmp_path / "net"))


@pytest.mark.parametrize("text", ["", "{", "[]", '{"cluster": {}, "task": {"type": "worker"}}'])
def test_a_cluster_that_is_not_described_is_an_error(text, usual, capsys, monkeypatch):
    monkeypatch.setenv("TF_CONFIG", text)
    assert run(*usual[0], "--strategy=multi_worker") == 1
    assert "TF_CONFIG" in error(capsys)


def test_a_directory_in_use_is_refused(usual, capsys):
    usual[1].mkdir(parents=True)
    with locks.locked(usual[1]):
        assert run(*usual[0]) == 1
    assert f"in use by process {os.getpid()}" in error(capsys)
    assert trees.tree(usual[1]) == {locks.FILE}


def test_a_loss_that_is_not_finite_is_one_line(usual, capsys):
    changes = ["--learning_rate=1e30", "--steps_per_epoch=1", "--warmup_steps=0"]
    assert run(*usual[0], *changes) == 1
    line = error(capsys)
    assert "step 0 (from 0), in the validation after it" in line
    assert "of track '0' of video 'video" in line and "There is no checkpoint yet" in line
    assert line.endswith(
        "start again with a learning_rate below 1e+30 in another workdir, for this one keeps its "
        "flags"
    )
    assert checkpoints.CheckpointStore(usual[1], read_only=True).steps() == []
    assert run(*usual[0], *changes, "--learning_rate=1e-5") == 1
    assert "was started with other flags (there/here): learning_rate: 1e+30/1e-05" in error(capsys)


def test_unknown_flags_and_missing_ones_are_one_line(monkeypatch, capsys):
    for arguments, expected in (
        (["--stp=3", "--data=a", "--workdir=b"], "Unknown command line flag 'stp'"),
        (["--data=a"], "--workdir"),
        (["--data=a", "--workdir=b", "--stage=third"], "--stage=third"),
        (["--data=a", "--workdir=b", "--steps=many"], "--steps=many"),
        (["--data=a", "--workdir=b", "--precision=mixed_float16"], "mixed_bfloat16"),
    ):
        values = flags.FlagValues()
        train.define_flags(values)
        monkeypatch.setattr(flags, "FLAGS", values)
        with pytest.raises(SystemExit) as caught:
            command_line.parse_flags(["train", *arguments])
        assert caught.value.code == 1
        assert expected in error(capsys)


def test_help_begins_with_what_the_command_does():
    process = training.launch(["--help"])
    output, errors = process.communicate()
    assert output.lstrip().startswith("Trains the network.")
    assert "--[no]jit_compile" in output and "Traceback" not in errors
    assert max(map(len, output.splitlines())) <= 100


def newest(workdir):
    """Step of the newest checkpoint."""
    return max(checkpoints.CheckpointStore(workdir, read_only=True).steps(), default=0)


def test_killed_and_terminated_at_several_moments_it_gives_the_same_weights(
    usual, tmp_path_factory
):
    """The same command again and again; at the end, all is as if nothing had been."""
    arguments, workdir = usual
    for row, number, status in (
        (None, signal.SIGKILL, -signal.SIGKILL),  # A checkpoint has just appeared.
        (4, signal.SIGKILL, -signal.SIGKILL),  # Between two of them.
        (4, signal.SIGTERM, train.STOPPED),
    ):
        process = training.launch(arguments)
        if row is None:
            training.wait_until(lambda: newest(workdir) == 6, process)
        else:
            # The killed process may have left rows that this one takes out first.
            training.wait_until(lambda: training.rows(workdir) <= 3, process)
            training.wait_until(lambda row=row: training.rows(workdir) >= row, process)
        process.send_signal(number)
        output, errors = process.communicate()
        assert process.returncode == status, errors
    assert f"stopped after step {newest(workdir)} of 12; the same command" in output
    assert 8 <= newest(workdir) < 12
    process = training.launch(arguments)
    output, errors = process.communicate()
    assert process.returncode == 0, errors
    assert "trained 12 steps, best validation loss " in output
    assert [line for line in output.splitlines() if line.startswith("wrote: ")] == [
        f"wrote: {workdir / 'weights' / name}" for name in ("last", "best")
    ]
    training.assert_same_training(workdir, training.uninterrupted(tmp_path_factory))
    assert not [name for name in trees.tree(workdir) if "tmp" in name]
