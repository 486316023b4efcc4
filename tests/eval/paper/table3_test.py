"""Tests of gradnet_tf.eval.paper.table3."""

import re

import pytest
from absl import flags

from gradnet_tf import train, weights
from gradnet_tf.eval.paper import programs, published, table3
from gradnet_tf.eval.trackers import registry
from tests.helpers import checkpoints, eval_paper, training

VARIANTS = ("full", "without_generalization", "without_gradient", "two_subnets", "baseline")


def make_settings(tmp_path, **changes):
    values = {
        "steps": 20,
        "limit": 5,
        "data": ("records/a", "records/b"),
        "dataset": eval_paper.make_dataset(tmp_path / "data", sequences=1),
        "dataset_flags": ("--dataset=folder", f"--root={tmp_path / 'data'}"),
        **changes,
    }
    return eval_paper.make_settings("table3", tmp_path / "out", **values)


@pytest.mark.parametrize("preset", ["short", "reference"])
@pytest.mark.parametrize("variant", VARIANTS)
def test_every_training_has_the_same_budget(variant, preset, tmp_path):
    settings = make_settings(
        tmp_path,
        preset=preset,
        train_flag=("batch=2", "seed=9"),
        baseline_flag=("learning_rate=2e-5",),
    )
    values = flags.FlagValues()
    train.define_flags(values)
    assert len(values(["train", *table3.training_flags(settings, variant)])) == 1
    config = train.read_config(values)
    assert (config.variant, config.steps, config.steps_per_epoch) == (variant, 20, 5)
    assert (config.batch, config.seed, values.init) == (2, 9, "embedded")
    assert values.data == ["records/a", "records/b"]
    assert config.warmup_steps < config.steps
    assert config.stage == ("siamfc" if variant == "baseline" else "gradnet")
    assert (config.learning_rate == 2e-5) == (variant == "baseline")
    assert values.keep == config.epochs  # For figure2.


def test_every_row_of_the_paper_has_a_tracker(tmp_path):
    assert [row.title for row in table3.ROWS][:6] == list(published.TABLE_3)
    settings = make_settings(tmp_path, init="some/where")
    specs = [
        registry.parse_tracker(f"{row.name}={table3.tracker(settings, row)}") for row in table3.ROWS
    ]
    by_name = {spec.name: spec for spec in specs}
    assert by_name["without_U"].target == by_name["ours"].target
    assert dict(by_name["without_U"].settings)["update"] == "first_frame"
    assert by_name["siamfc_init"].target == "some/where"
    assert dict(by_name["siamfc_init"].settings)["template_influence"] == 0
    assert {dict(spec.settings)["preset"] for spec in specs} == {"reference"}
    assert by_name["baseline"].target.endswith("trainings/baseline/weights/last")


def test_the_baseline_keeps_no_features(tmp_path):
    settings = make_settings(tmp_path, train_flag=("feature_cache=kept", "crops=3", "batch=2"))
    flags_of = {variant: table3.training_flags(settings, variant) for variant in VARIANTS}
    assert {"--feature_cache=kept", "--crops=3", "--batch=2"} <= set(flags_of["full"])
    assert "--batch=2" in flags_of["baseline"]
    assert not any("feature_cache" in flag or "crops" in flag for flag in flags_of["baseline"])


@pytest.fixture
def stand_ins(tmp_path, monkeypatch):
    """Trainings that only write weights, and a tracking that only gives numbers."""
    shifts = {row.name: place % 2 * 4 for place, row in enumerate(table3.ROWS)}
    evaluation = eval_paper.make_evaluation(tmp_path / "numbers", shifts)
    calls = {"train": [], "track": []}

    def run(program, arguments):
        assert program == programs.TRAIN
        values = flags.FlagValues()
        train.define_flags(values)
        values(["train", *arguments])
        calls["train"].append(values.variant)
        variant = "full" if values.variant == "without_generalization" else values.variant
        path = tmp_path / "out" / "trainings" / values.variant / "weights" / "last"
        weights.save(path, checkpoints.random_arrays(variant))
        return calls.get("status", 0)

    def track(settings, found):
        calls["track"].append(dict(found))
        return evaluation, ("something was left out",), "python -m gradnet_tf.eval run"

    monkeypatch.setattr(programs, "run", run)
    monkeypatch.setattr(programs, "track", track)
    return calls


def test_run(tmp_path, stand_ins):
    document = table3.run(make_settings(tmp_path))
    assert stand_ins["train"] == list(VARIANTS)  # "w/o U" has the weights of "Ours".
    (found,) = stand_ins["track"]
    assert list(found) == [row.name for row in table3.ROWS]
    here = eval_paper.numbers(document.tables[0], "PRE, here")
    paper = eval_paper.numbers(document.tables[0], "IOU, paper")
    assert list(here)[:6] == list(published.TABLE_3)
    assert here["Ours"] == 1 and paper["Ours w 2U"] == 0.628
    success = eval_paper.numbers(document.tables[0], "IOU, here")
    assert success["Ours"] > success["Ours w/o M"]  # By the stand-in's boxes.
    assert set(document.weights) == {"init", *VARIANTS}
    assert len(document.commands) == 6 and "--variant=two_subnets" in document.commands[3]
    assert "something was left out" in document.notes
    assert ", 20 steps of training, trackers with" in document.notes[0]


def test_the_baseline_may_have_steps_of_its_own(tmp_path, stand_ins):
    flags_ = {"train_flag": ("steps=30",), "baseline_flag": ("batch=2", "steps=400")}
    document = table3.run(make_settings(tmp_path, **flags_))
    for name, others, own in (("steps", 30, 400), ("steps_per_epoch", 7, 100)):
        found = [re.findall(rf"--{name}=(\d+)", line)[-1] for line in document.commands[:5]]
        assert found == [str(others)] * 4 + [str(own)]
    assert ", 30 steps of training (400 of the baseline), trackers" in document.notes[0]


def test_a_training_that_fails_is_named(tmp_path, stand_ins):
    stand_ins["status"] = 1
    with pytest.raises(ValueError, match="the training of full failed"):
        table3.run(make_settings(tmp_path))
    assert stand_ins["track"] == []


@pytest.mark.parametrize(
    "changes, expected",
    [
        # Of the five trainings, only the second one could not have several regions.
        (
            {"train_flag": ("regions=2",)},
            "the training of without_generalization: regions=2 is for variants",
        ),
        ({"baseline_flag": ("batch=0",)}, "the training of baseline: batch must be at least 1"),
        ({"train_flag": ("steps_=3",)}, "flags are name=value of gradnet_tf.train, got 'steps_=3'"),
        (
            {"baseline_flag": ("steps=x",)},
            "the training of baseline: steps must be of type int, got 'x'",
        ),
        ({"train_flag": ("batch=x",)}, "the training of full: batch must be of type int, got 'x'"),
        (
            {"train_flag": ("init_template=search",)},
            "the training of baseline: init_template=search means nothing with stage=siamfc",
        ),
        ({"preset": "long"}, "preset must be one of reference, short"),
        ({"init": "a,b"}, "'b' is no setting"),  # How trackers are named.
    ],
)
def test_nothing_is_trained_if_something_cannot_be(changes, expected, tmp_path, stand_ins):
    settings = make_settings(tmp_path, **changes)
    with pytest.raises(ValueError, match=expected):
        table3.run(settings)
    assert stand_ins["train"] == [] and not settings.output.exists()


def test_one_training_for_real_is_kept(tmp_path, tmp_path_factory, capfd):
    """The cheapest one: two steps of the baseline, and again."""
    settings = make_settings(
        tmp_path,
        steps=2,
        data=(training.data(tmp_path_factory),),
        init=training.init(tmp_path_factory),
        train_flag=("batch=2", "validation=0.3", "validation_batches=1", "summaries=false"),
    )
    settings.output.mkdir()
    arguments = table3.training_flags(settings, "baseline")
    assert programs.run(programs.TRAIN, arguments) == 0
    first = weights.load(str(table3.trained(settings, "baseline"))).digest
    history = settings.output / "trainings" / "baseline" / "history.csv"
    content = history.read_bytes()
    assert programs.run(programs.TRAIN, arguments) == 0
    assert "trained 2 steps" in capfd.readouterr().out
    assert weights.load(str(table3.trained(settings, "baseline"))).digest == first
    assert history.read_bytes() == content
