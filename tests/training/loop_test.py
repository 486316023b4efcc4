"""Tests of gradnet_tf.training.loop: a training that stops, goes on, is refused, diverges."""

import dataclasses
import json
import shutil
import types
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf
from absl import logging

from gradnet_tf import weights
from gradnet_tf.data import catalog, description, pairs
from gradnet_tf.files import locks
from gradnet_tf.tracking.tracker import Tracker
from gradnet_tf.training import checkpoints, config, loop, runinfo
from tests.helpers import checkpoints as random_weights
from tests.helpers import track_records, training


@pytest.fixture(scope="module")
def reference(tmp_path_factory):
    return training.uninterrupted(tmp_path_factory)


def copy(workdir, target, newest):
    """The working directory as it was when `newest` was its newest checkpoint."""
    shutil.copytree(workdir, target)
    shutil.rmtree(target / loop.WEIGHTS)
    for path in (target / checkpoints.FOLDER).iterdir():
        if int(path.stem.split("-")[1]) > newest:
            path.unlink()
    return target


def test_history_has_a_row_for_some_steps_and_a_validation_for_each_epoch(reference):
    table = training.table(reference)
    np.testing.assert_array_equal(table["step"], [1, 3, 5, 7, 9, 11])
    assert np.isfinite(table["loss"]).all() and len(set(table["loss"])) == 6
    validated = table["step"][np.isfinite(table["validation_loss"])]
    np.testing.assert_array_equal(validated, [5, 11])
    settings = training.make(training.SIAMFC)
    np.testing.assert_array_equal(
        table["learning_rate"], [settings.learning_rate_at(step) for step in range(1, 12, 2)]
    )


def test_frozen_layers_and_averages_stay_and_the_rest_moves(reference, tmp_path_factory):
    start = weights.load(training.init(tmp_path_factory)).arrays
    state, _ = training.restore(reference)
    for name in (name for name in start if "_z" not in name):
        stays = "/moving_" in name or name.startswith(
            tuple(f"siamese/scala{number}/" for number in (1, 2, 3))
        )
        # A bias before a batch norm of moving averages is trained as well.
        assert np.array_equal(state[name], start[name]) == stays, name
    assert state["score_offset"] != np.float32(-2.148)


def test_goes_on_to_the_same_bits_after_stopping_between_epochs(
    reference, tmp_path, tmp_path_factory
):
    """And with the logged means, checkpoints and summaries of other moments."""
    workdir = tmp_path / "run"
    outcome = training.run(tmp_path_factory, workdir, stop_after=3)
    assert (outcome.step, outcome.finished, outcome.weights) == (3, False, {})
    assert checkpoints.CheckpointStore(workdir).steps() == [3]
    # There already: nothing is done, and nothing changes.
    before = (workdir / loop.HISTORY).read_bytes()
    assert training.run(tmp_path_factory, workdir, stop_after=3).step == 3
    assert (workdir / loop.HISTORY).read_bytes() == before
    outcome = training.run(tmp_path_factory, workdir, save_minutes=1e-9, keep=3, summaries=True)
    assert outcome.finished
    assert checkpoints.CheckpointStore(workdir).steps() == [12, 11, 10]
    assert list((workdir / "summaries").iterdir())
    training.assert_same_training(workdir, reference)


def test_a_damaged_newest_checkpoint_is_named_and_skipped(
    reference, tmp_path, tmp_path_factory, monkeypatch
):
    workdir = tmp_path / "run"
    shutil.copytree(reference, workdir)
    shutil.rmtree(workdir / loop.WEIGHTS)
    folder = workdir / checkpoints.FOLDER
    for path in (folder / "best-00000012.npz", folder / "step-00000012.npz"):
        if path.exists():
            content = path.read_bytes()
            path.unlink()
            path.write_bytes(content[: len(content) // 2])
    warnings = []
    monkeypatch.setattr(logging, "warning", lambda text, *values: warnings.append(text % values))
    assert training.run(tmp_path_factory, workdir).finished
    assert any("step-00000012.npz: is damaged" in text for text in warnings)
    training.assert_same_training(workdir, reference)


def test_a_finished_training_is_left_alone(reference, tmp_path, tmp_path_factory):
    workdir = tmp_path / "run"
    shutil.copytree(reference, workdir)
    outcome = training.run(tmp_path_factory, workdir)
    assert outcome.finished and outcome.step == 12
    training.assert_same_training(workdir, reference)
    assert set(outcome.weights) == {"last", "best"}


def test_exported_weights_are_those_of_the_checkpoints(reference, tmp_path_factory):
    store = checkpoints.CheckpointStore(reference, read_only=True)
    state, _ = store.restore()
    last, best = (weights.load(reference / loop.WEIGHTS / name) for name in ("last", "best"))
    for loaded, arrays in ((last, state), (best, store.best().state)):
        assert loaded.variant == "baseline"
        random_weights.assert_same(loaded.arrays, {name: arrays[name] for name in loaded.arrays})
    assert set(last.arrays) == set(random_weights.random_arrays("baseline"))
    card = last.card["training"]
    flags = runinfo.read(reference)
    assert {name: card[name] for name in flags} == flags
    assert card["seed"] == 1 and card["steps"] == 12 and card["step"] == 12
    assert card["init"] == weights.load(training.init(tmp_path_factory)).digest
    assert best.card["training"]["validation_loss"] == store.best().value
    Tracker(reference / loop.WEIGHTS / "last")


def test_other_flags_are_refused_and_named(reference, tmp_path, tmp_path_factory):
    workdir = tmp_path / "run"
    shutil.copytree(reference, workdir)
    before = random_weights.tree(workdir)
    with pytest.raises(runinfo.WorkdirError, match=r"seed: 1/2, .*other|seed: 1/2"):
        training.run(tmp_path_factory, workdir, {**training.SIAMFC, "seed": 2})
    with pytest.raises(runinfo.WorkdirError, match=r"learning_rate: 1e-05/2e-05") as caught:
        training.run(tmp_path_factory, workdir, {**training.SIAMFC, "learning_rate": 2e-5})
    assert "seed" not in str(caught.value)
    assert random_weights.tree(workdir) == before
    training.assert_same_training(workdir, reference)


def test_a_second_run_in_the_same_directory_is_refused(tmp_path, tmp_path_factory):
    with locks.locked(tmp_path), pytest.raises(locks.InUseError, match="in use by process"):
        training.run(tmp_path_factory, tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == [locks.FILE]


@pytest.mark.parametrize(
    "settings, expected",
    [
        ({"batch": 14}, "14 different videos and validation one more"),
        ({"stage": "gradnet", "variant": "full", "frozen_layers": 0}, None),
    ],
)
def test_nothing_is_made_before_all_is_known_to_fit(settings, expected, tmp_path, tmp_path_factory):
    constants = {**training.SIAMFC, **settings}
    init = None if expected is None else weights.load(training.init(tmp_path_factory))
    data = [training.data(tmp_path_factory)]
    with pytest.raises(ValueError, match=expected or "needs a trained one"):
        loop.train(training.make(constants), data, tmp_path / "run", init=init)
    assert not (tmp_path / "run").exists()


def test_an_infinite_loss_stops_at_once_and_keeps_the_last_good_checkpoint(
    reference, tmp_path, tmp_path_factory, monkeypatch
):
    workdir = copy(reference, tmp_path / "run", newest=6)
    real = config.TrainConfig.learning_rate_at
    monkeypatch.setattr(
        config.TrainConfig,
        "learning_rate_at",
        lambda self, step: real(self, step) if step < 7 else 1e30,
    )
    with pytest.raises(loop.DivergedError) as caught:
        training.run(tmp_path_factory, workdir)
    text = str(caught.value)
    assert text.startswith("step 8 (from 0): loss=") and "checkpoint is from step 6" in text
    assert text.count("of track '0' of video 'video") == 2
    assert checkpoints.CheckpointStore(workdir, read_only=True).steps() == [6]


def test_the_advice_after_a_loss_that_is_not_finite(tmp_path, tmp_path_factory, monkeypatch):
    """In less precision, the same working directory goes on in float32, which may be enough."""

    class Diverging(Stub):
        def __call__(self, exemplars, instances, step, stop):
            outputs = super().__call__(exemplars, instances, step, stop)
            is_lost = step >= 1 and self.config.precision != "float32"
            return {**outputs, "loss": tf.constant(np.nan)} if is_lost else outputs

        def state(self):
            return {name: value.numpy() for name, value in self.network.named_weights().items()}

    monkeypatch.setattr(loop, "TrainStep", Diverging)
    reduced = {**training.SIAMFC, "precision": "mixed_bfloat16"}
    training.run(tmp_path_factory, tmp_path, reduced, stop_after=1)
    advice = "start again with a learning_rate below 1e-05 in another workdir"
    with pytest.raises(loop.DivergedError, match=f"from step 1; .*precision=float32, or {advice}"):
        training.run(tmp_path_factory, tmp_path, reduced)
    assert training.run(tmp_path_factory, tmp_path, training.SIAMFC, stop_after=3).step == 3


def test_data_that_moved_are_trained_on_further(tmp_path, tmp_path_factory, monkeypatch):
    run = types.SimpleNamespace(
        go=lambda stop: False, done=0, store=types.SimpleNamespace(best_value=None)
    )
    monkeypatch.setattr(loop, "_Run", lambda *arguments: run)
    monkeypatch.setattr(loop.start, "make_network", lambda *arguments: None)
    first = tmp_path / "job1"
    shutil.copytree(Path(training.data(tmp_path_factory)).parent, first)
    (tmp_path / "link").symlink_to(first)
    monkeypatch.chdir(tmp_path)

    def train(*data, workdir="run"):
        loop.train(training.make(training.SIAMFC), data, tmp_path / workdir)
        return runinfo.read(tmp_path / workdir)

    flags = train(str(first))
    for data in ("job1", "link/*.tfrecord", "./job1/", str(first)):
        assert train(data) == {**flags, "data": [data]}
    second = tmp_path / "job2" / "data"
    second.parent.mkdir()
    first.rename(second)
    assert train(str(second))["data"] == [str(second)]
    # A working directory of an earlier version has no digest of the colours.
    path = tmp_path / "run" / runinfo.FILE
    content = json.loads(path.read_text())
    recorded = content["flags"].pop("statistics_digest")
    path.write_text(json.dumps(content))
    second.rename(first)
    assert train("job1")["statistics_digest"] == recorded
    # Other colours give other augmentations, and are other data.
    described = description.load("job1")
    description.save(dataclasses.replace(described, exemplar=described.instance), "job1")
    with pytest.raises(runinfo.WorkdirError, match=r"\(there/here\): statistics_digest: "):
        train("job1")
    description.save(described, "job1")
    # And so are the same sets in another order, which is said by the paths as well.
    track_records.write_set("other", [track_records.record("new", "0", (0, 1), seed=50)])
    train("job1", "other", workdir="two")
    shutil.copytree("other", "copy")
    train("job1", "copy", workdir="two")
    with pytest.raises(
        runinfo.WorkdirError, match=r'data: \["job1", "copy"\]/\["other", "job1"\], data_digest'
    ):
        train("other", "job1", workdir="two")


class Stub:
    """Stands for the compiled step where only what is around it counts."""

    def __init__(self, network, config, jit_compile):
        del jit_compile
        self.network, self.config = network, config

    def __call__(self, exemplars, instances, step, stop):
        del exemplars, instances, step
        return {"stop": tf.constant(float(stop)), **self.evaluate(None, None)}

    def load_state(self, state):
        del state

    def evaluate(self, exemplars, instances):
        del exemplars, instances
        numbers = {name: tf.constant(0.5) for name in ("loss", "initial_loss", "regularization")}
        scores = {name: tf.zeros([2, 15, 15, 1]) for name in ("initial_score", "final_score")}
        return {**numbers, **scores}

    def state(self):
        return {"score_offset": np.float32(np.nan)}


def test_weights_that_are_not_finite_are_not_saved(tmp_path, tmp_path_factory, monkeypatch):
    monkeypatch.setattr(loop, "TrainStep", Stub)
    with pytest.raises(loop.DivergedError, match=r"step 0 .*in the weights: score_offset=nan.*yet"):
        training.run(tmp_path_factory, tmp_path, stop_after=1)
    assert checkpoints.CheckpointStore(tmp_path, read_only=True).steps() == []


def test_a_validation_loss_that_is_not_finite_stops_as_well(
    tmp_path, tmp_path_factory, monkeypatch
):
    class Broken(Stub):
        def evaluate(self, exemplars, instances):
            outputs = super().evaluate(exemplars, instances)
            return outputs if exemplars is None else {**outputs, "loss": tf.constant(np.inf)}

    monkeypatch.setattr(loop, "TrainStep", Broken)
    with pytest.raises(loop.DivergedError, match=r"step 5 .*in the validation .*_loss=inf"):
        training.run(tmp_path_factory, tmp_path, summaries=True)
    assert checkpoints.CheckpointStore(tmp_path, read_only=True).steps() == []


def test_unreadable_data_are_named(tmp_path, tmp_path_factory, monkeypatch):
    def fail(self, key, frame):
        raise OSError(f"cannot read the exemplar of {self.describe(frame)}: gone")

    monkeypatch.setattr(catalog.Catalog, "read", fail)
    monkeypatch.setattr(loop, "TrainStep", Stub)
    message = "^cannot read the exemplar of frame . of track '0' of video 'video[0-9]+': gone$"
    with pytest.raises(OSError, match=message):
        training.run(tmp_path_factory, tmp_path)
    # Also where U2's start is measured, before the first step.
    with pytest.raises(OSError, match=message):
        training.run(tmp_path_factory, tmp_path / "gradnet", training.GRADNET)


def test_unreadable_data_of_the_validation_are_named(tmp_path, tmp_path_factory, monkeypatch):
    validation = pairs.PairSource.validation

    def fail(self, key, frame):
        raise OSError(f"cannot read the exemplar of {self.describe(frame)}: gone")

    def validate(self, *arguments):
        monkeypatch.setattr(catalog.Catalog, "read", fail)
        return validation(self, *arguments)

    monkeypatch.setattr(pairs.PairSource, "validation", validate)
    monkeypatch.setattr(loop, "TrainStep", Stub)
    with pytest.raises(OSError, match="^cannot read the exemplar of frame .*: gone$"):
        training.run(tmp_path_factory, tmp_path)


def test_gradnet_goes_on_to_the_same_bits(tmp_path, tmp_path_factory):
    """The folded search branch, U2's calibrated start and the search branch stay as they are."""
    whole, parts = tmp_path / "whole", tmp_path / "parts"
    outcome = training.run(tmp_path_factory, whole, training.GRADNET)
    training.run(tmp_path_factory, parts, training.GRADNET, stop_after=1)
    training.run(tmp_path_factory, parts, training.GRADNET)
    training.assert_same_training(parts, whole)
    table = training.table(whole)
    assert np.isfinite([table["gradient_size"], table["gradient_share"]]).all()
    start = weights.load(training.init(tmp_path_factory)).arrays
    state, _ = training.restore(whole)
    for name in (name for name in start if "_z" not in name):
        np.testing.assert_array_equal(state[name], start[name], err_msg=name)
    assert json.loads((whole / runinfo.FILE).read_text())["flags"]["init_update"] == "descent"
    exported = weights.load(outcome.weights["best"])
    assert exported.variant == "full"
    Tracker(outcome.weights["best"])


def test_float64_trains_float64_variables(tmp_path, tmp_path_factory):
    settings = {**training.SIAMFC, "precision": "float64", "steps": 1, "warmup_steps": 0}
    outcome = training.run(tmp_path_factory, tmp_path, settings)
    state, _ = training.restore(tmp_path)
    assert state["siamese/scala5/conv/weights"].dtype == np.float64
    assert weights.load(outcome.weights["last"]).variant == "baseline"


@pytest.mark.parametrize(
    "options",
    [
        {"save_minutes": 0},
        {"save_minutes": np.nan},
        {"keep": 0},
        {"log_steps": 0},
        {"stop_after": 0},
    ],
)
def test_bad_options_are_named(options):
    ((name, value),) = options.items()
    with pytest.raises(ValueError, match=f"{name} must be .*, got {value}"):
        loop.RunOptions(**options)


TRACKING = {
    **training.GRADNET,
    "preset": "tracking",
    "updates": 2,
    "regions": 3,
    "groups": 2,
    "crops": 1,
    "trained": "update",
    "init_template": "search",
    "steps": 3,
    "wrong_samples": 0.5,
}


def test_updates_with_kept_features_train_as_without(tmp_path, tmp_path_factory):
    """And go on to the same bits; U2 alone has moved, as it was asked for."""
    init = weights.load(training.init(tmp_path_factory))
    plain, whole, parts = (tmp_path / name for name in ("plain", "whole", "parts"))
    cache = tmp_path / "cache"

    def run(workdir, **options):
        kept = {} if workdir is plain else {"feature_cache": cache}
        return loop.train(
            training.make(TRACKING),
            [training.data(tmp_path_factory)],
            workdir,
            init=init,
            options=loop.RunOptions(log_steps=1, progress=False, **options),
            **kept,
        )

    run(plain, summaries=False)
    outcome = run(whole)
    run(parts, summaries=False, stop_after=1)
    run(parts, summaries=False, stop_after=2)
    run(parts, summaries=False)
    training.assert_same_training(parts, whole)
    kept, expected = training.table(whole), training.table(plain)
    for name in ("loss", "initial_loss", "validation_loss"):
        np.testing.assert_allclose(kept[name], expected[name], rtol=2e-3, err_msg=name)
    assert not np.array_equal(kept["loss"], expected["loss"])
    state, _ = training.restore(whole)
    moved = [n for n in state if n in init.arrays and "/Adam" not in n]
    moved = {n for n in moved if not np.array_equal(state[n], init.arrays[n])}
    copies = {n for n in moved if "_z/" in n}
    for name in copies:  # Of the search branch, from the start on.
        np.testing.assert_array_equal(state[name], init.arrays[name.replace("_z/", "/")])
    assert {n.split("/")[1] for n in moved - copies} == {"t_scala5_zz"}
    assert {n.split("/")[1] for n in state if "/Adam" in n} == {"t_scala5_zz"}
    assert weights.load(outcome.weights["last"]).variant == "full"
    with pytest.raises(runinfo.WorkdirError, match=r"feature_cache: true/\(not set\)"):
        loop.train(training.make(TRACKING), [training.data(tmp_path_factory)], whole, init=init)


@pytest.mark.parametrize(
    "settings, changes, message",
    [
        (training.SIAMFC, {"crops": 1}, "feature_cache is for stage=gradnet"),
        (training.GRADNET, {}, "feature_cache needs crops of at least 1"),
        (training.GRADNET, {"crops": 1, "precision": "float64"}, "precision=float64 contradicts"),
    ],
)
def test_features_that_cannot_be_kept(tmp_path, settings, changes, message):
    with pytest.raises(ValueError, match=message):
        loop.train(training.make(settings, **changes), [], tmp_path, feature_cache=tmp_path)


def test_a_workdir_of_an_earlier_version_does_not_name_constants_that_came_later(
    reference, tmp_path, tmp_path_factory
):
    workdir = tmp_path / "run"
    shutil.copytree(reference, workdir)
    path = workdir / runinfo.FILE
    content = json.loads(path.read_text())
    later = ("crops", "lookalikes", "trained", "updates", "generalization", "template_influence")
    for name in later:
        del content["flags"][name]
    path.write_text(json.dumps(content))
    with pytest.raises(runinfo.WorkdirError, match=r"\(there/here\): lookalikes: 0.0/0.5;"):
        training.run(tmp_path_factory, workdir, {**training.SIAMFC, "lookalikes": 0.5})
    assert training.run(tmp_path_factory, workdir).finished
    assert {name: runinfo.read(workdir)[name] for name in ("crops", "trained")} == {
        "crops": 0,
        "trained": "all",
    }
