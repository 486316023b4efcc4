"""Tests of gradnet_tf.training.distribution: replicas and workers train as a single one does.

Real ones: two logical CPUs in a process of their own, and two processes on 127.0.0.1.
"""

import json
import signal
import socket
import types

import numpy as np
import pytest
import tensorflow as tf

from gradnet_tf import train, weights
from gradnet_tf.training import checkpoints, distribution, loop
from tests.helpers import training

# The order of sums differs: float32 rounding, and what a few steps make of it.
HISTORY_TOLERANCE = 1e-4
WEIGHTS_TOLERANCE = 1e-4
SLOTS_TOLERANCE = 1e-2  # Gradients of weights that differ by so much.

TWO_CPUS = """
import tensorflow as tf
tf.config.set_logical_device_configuration(
    tf.config.list_physical_devices("CPU")[0], [tf.config.LogicalDeviceConfiguration()] * 2
)
from gradnet_tf import train
train.main()
"""
# With a calibrated start, which replicas have to agree on.
MIRRORED = {
    **training.GRADNET,
    "groups": 2,
    "steps": 2,
    "optimizer": "momentum",
    "learning_rate": 1e-4,
}
# Sequences of updates, with features that both trainings keep in one place.
SEQUENCES = {
    **MIRRORED,
    "preset": "tracking",
    "updates": 2,
    "regions": 3,
    "crops": 1,
    "wrong_samples": 0.5,
}
# With batch statistics, whose averages have to move alike.
WORKERS = {
    **training.SIAMFC,
    "groups": 2,
    "frozen_layers": 0,
    "search_statistics": "batch",
    "optimizer": "momentum",
    "learning_rate": 1e-4,
    "steps": 10,
    "steps_per_epoch": 10,
}


def assert_close_training(workdir, expected):
    """The same history and weights, up to rounding."""
    actual, wanted = training.table(workdir), training.table(expected)
    assert set(actual) == set(wanted)
    for name, column in wanted.items():
        np.testing.assert_allclose(
            actual[name], column, rtol=HISTORY_TOLERANCE, atol=1e-6, err_msg=name
        )
    (state, info), (wanted_state, wanted_info) = map(training.restore, (workdir, expected))
    assert set(state) == set(wanted_state) and info["step"] == wanted_info["step"]
    for name, array in wanted_state.items():
        tolerance = SLOTS_TOLERANCE if name.endswith("/Momentum") else WEIGHTS_TOLERANCE
        error = np.abs(state[name] - array).max()
        assert error <= tolerance * np.abs(array).max() + 1e-7, name


@pytest.mark.parametrize("settings", [MIRRORED, SEQUENCES], ids=["pairs", "sequences"])
def test_mirrored_replicas_train_as_one_does(settings, tmp_path, tmp_path_factory):
    kept = {"feature_cache": tmp_path / "kept"} if settings is SEQUENCES else {}
    arguments = training.flags(
        tmp_path_factory, tmp_path / "two", {**settings, **kept, "strategy": "mirrored"}
    )
    process = training.launch(arguments, TWO_CPUS)
    output, errors = process.communicate()
    loop.train(
        training.make(settings),
        [training.data(tmp_path_factory)],
        tmp_path / "one",
        init=weights.load(training.init(tmp_path_factory)),
        options=loop.RunOptions(**training.QUIET, progress=False),
        **kept,
    )
    assert process.returncode == 0, errors
    assert "2 replicas" in errors
    assert_close_training(tmp_path / "two", tmp_path / "one")


def start_workers(factory, workdir):
    """Two processes that train together."""
    sockets = [socket.socket() for _ in range(2)]
    for one in sockets:
        one.bind(("127.0.0.1", 0))
    addresses = [f"127.0.0.1:{one.getsockname()[1]}" for one in sockets]
    for one in sockets:
        one.close()
    arguments = training.flags(factory, workdir, {**WORKERS, "strategy": "multi_worker"})
    return [
        training.launch(
            arguments,
            TF_CONFIG=json.dumps(
                {"cluster": {"worker": addresses}, "task": {"type": "worker", "index": index}}
            ),
        )
        for index in range(2)
    ]


def finish(processes):
    """Exit statuses, and what was printed."""
    printed = [process.communicate() for process in processes]
    return [process.returncode for process in processes], [
        output + errors[-2000:] for output, errors in printed
    ]


def test_workers_train_as_one_does_and_stop_together(tmp_path, tmp_path_factory):
    one, two = tmp_path / "one", tmp_path / "two"
    processes = start_workers(tmp_path_factory, two)
    training.wait_until(lambda: training.rows(two) >= 1, processes[0])
    processes[1].send_signal(signal.SIGTERM)
    statuses, printed = finish(processes)
    assert statuses == [train.STOPPED] * 2, printed
    (step,) = checkpoints.CheckpointStore(two, read_only=True).steps()
    assert 2 <= step < 10
    for output in printed:
        assert f"stopped after step {step} of 10" in output
    assert not (two / loop.WEIGHTS).exists()
    # The first worker alone validates and writes; the same commands go on.
    processes = start_workers(tmp_path_factory, two)
    training.run(tmp_path_factory, one, WORKERS)
    statuses, printed = finish(processes)
    assert statuses == [0, 0], printed
    wrote = ["wrote: " in output for output in printed]
    assert wrote == [True, False]
    assert_close_training(two, one)


class Pretended:
    """A strategy of two workers, the other of which goes on after another step."""

    num_replicas_in_sync = 2

    def __init__(self, other):
        self.other = other

    def run(self, function, arguments):
        return function(*arguments)

    def reduce(self, op, value, axis):
        assert op == tf.distribute.ReduceOp.SUM and axis is None
        return value + tf.constant([self.other, self.other**2], value.dtype)


def test_workers_of_different_directories_are_refused():
    for step in (0, 299_199, 299_200):
        distribution.check_same_step(Pretended(step), step)
        with pytest.raises(ValueError, match=f"after step {step}, .*same working directory"):
            distribution.check_same_step(Pretended(step + 1), step)
    distribution.check_same_step(tf.distribute.get_strategy(), 5)


@pytest.mark.parametrize(
    "jobs, task_type, task_id, expected",
    [
        (["worker"], "worker", 0, True),
        (["worker"], "worker", 1, False),
        (["chief", "worker"], "worker", 0, False),
        (["chief", "worker"], "chief", 0, True),
        ([], "", 0, True),
    ],
)
def test_one_worker_writes(jobs, task_type, task_id, expected):
    resolver = types.SimpleNamespace(
        task_type=task_type,
        task_id=task_id,
        cluster_spec=lambda: types.SimpleNamespace(jobs=jobs),
    )
    strategy = types.SimpleNamespace(cluster_resolver=resolver)
    assert distribution.is_chief(strategy) == expected


def test_without_a_strategy_there_is_one_worker():
    strategy = tf.distribute.get_strategy()
    assert distribution.is_chief(strategy)
    variable = tf.Variable(3.0)
    distribution.copy_from_first(strategy, [variable])
    assert variable.numpy() == 3
