"""Tests of gradnet_tf.training.config: the presets, and constants that do not go together."""

import dataclasses

import pytest

from gradnet_tf.training import config
from gradnet_tf.training.config import TrainConfig, preset


def test_reference_has_the_reference_s_numbers():
    made = preset("reference")
    assert made == TrainConfig()
    assert (made.stage, made.variant, made.init_template) == ("gradnet", "full", "random")
    assert (made.batch, made.frame_range, made.validation) == (8, 100, 0.1)
    assert (made.optimizer, made.momentum, made.weight_decay) == ("momentum", 0.9, 5e-4)
    # Of its 53,200 pairs a tenth is held out, and its loop ends 9 pairs before the last.
    assert made.steps_per_epoch == len(range(0, int(53_200 * 0.9) - 9, 8)) == 5984
    assert made.epochs == 50 and made.steps == 50 * made.steps_per_epoch
    assert made.learning_rate_at(0) == pytest.approx(1e-2)
    assert made.learning_rate_at(made.steps_per_epoch - 1) == pytest.approx(1e-2)
    assert made.learning_rate_at(made.steps_per_epoch) == pytest.approx(10 ** (-2 - 3 / 49))
    assert made.learning_rate_at(made.steps - 1) == pytest.approx(1e-5)
    assert made.template_statistics == "batch" and made.reference_quirks


@pytest.mark.parametrize("name", config.PRESETS)
@pytest.mark.parametrize("stage", config.STAGES)
def test_every_preset_is_sound_and_takes_changes(name, stage):
    made = preset(name, stage, seed=7)
    assert (made.stage, made.seed) == (stage, 7)
    assert dataclasses.replace(made, seed=1) == preset(name, stage)
    rates = [made.learning_rate_at(step) for step in (0, made.steps // 2, made.steps - 1)]
    low, high = made.final_learning_rate * (1 - 1e-9), made.learning_rate * (1 + 1e-9)
    assert all(low <= rate <= high for rate in rates)


@pytest.mark.parametrize(
    "variant, network, generalizes, has_update",
    [
        ("full", "full", True, True),
        ("without_generalization", "full", False, True),
        ("without_gradient", "without_gradient", False, False),
        ("two_subnets", "two_subnets", True, True),
    ],
)
def test_rows_of_table_3(variant, network, generalizes, has_update):
    made = TrainConfig(variant=variant)
    assert made.network_variant == network
    assert (made.generalizes, made.has_update) == (generalizes, has_update)


def test_baseline_has_no_update():
    made = preset("reference", "siamfc")
    assert (made.variant, made.network_variant, made.has_update) == ("baseline", "baseline", False)


@pytest.mark.parametrize("steps, per_epoch, epochs", [(10, 5, 2), (11, 5, 3), (4, 5, 1), (1, 1, 1)])
def test_the_last_epoch_may_be_shorter(steps, per_epoch, epochs):
    assert TrainConfig(steps=steps, steps_per_epoch=per_epoch).epochs == epochs


@pytest.mark.parametrize(
    "name, value, expected",
    [
        ("stage", "both", "one of siamfc, gradnet"),
        ("variant", "half", "one of full, "),
        ("init_template", "copy", "one of random, "),
        ("init_update", "ascent", "one of random, descent"),
        ("label", "box", "one of logistic, gaussian"),
        ("augment", "weak", "one of reference, "),
        ("optimizer", "sgd", "one of momentum, adam"),
        ("schedule", "linear", "one of log_steps, "),
        ("loss_scale", "max", "one of mean, sum"),
        ("search_statistics", "none", "one of batch, moving"),
        ("template_statistics", "none", "one of batch, moving"),
        ("precision", "int8", "one of float32, "),
        ("batch", 0, "at least 1"),
        ("groups", 0, "at least 1"),
        ("steps", 0, "at least 1"),
        ("steps_per_epoch", -1, "at least 1"),
        ("validation_batches", 0, "at least 1"),
        ("frame_range", 0, "at least 1"),
        ("seed", -1, "at least 0"),
        ("warmup_steps", -1, "at least 0"),
        ("weight_decay", -1e-9, "at least 0 and finite"),
        ("weight_decay", float("inf"), "at least 0 and finite"),
        ("negatives", float("nan"), "at least 0 and finite"),
        ("learning_rate", 0.0, "positive and finite"),
        ("learning_rate", float("nan"), "positive and finite"),
        ("final_learning_rate", -1.0, "positive and finite"),
        ("final_learning_rate", 1.0, "at most learning_rate"),
        ("score_offset", float("inf"), "finite"),
        ("momentum", 1.0, r"in \[0, 1\)"),
        ("validation", 0.0, r"in \(0, 1\)"),
        ("validation", 1.0, r"in \(0, 1\)"),
        ("frozen_layers", 5, "in 0 to 4"),
        ("lookalikes", 1.5, "in 0..1"),
        ("scale_drift", float("nan"), "in 0..1"),
    ],
)
def test_a_value_out_of_range_is_named(name, value, expected):
    with pytest.raises(ValueError, match=f"^{name} must be {expected}.*, got {value!r}$"):
        TrainConfig(**{name: value})


@pytest.mark.parametrize(
    "changes, expected",
    [
        ({"stage": "siamfc", "variant": "full"}, "stage=siamfc and variant=full"),
        ({"variant": "baseline"}, "stage=gradnet and variant=baseline"),
        ({"negatives": 0.5}, "belong to stage=siamfc"),
        ({"frozen_layers": 1}, "belong to stage=siamfc"),
        ({"score_offset": 1.0}, "belong to stage=siamfc"),
        (
            {"stage": "siamfc", "variant": "baseline", "precision": "bfloat16"},
            "precision=bfloat16 is for .*stage=gradnet",
        ),
        (
            {"stage": "siamfc", "variant": "baseline", "frozen_layers": 2},
            "frozen_layers=2 and search_statistics=batch",
        ),
        (
            {"stage": "siamfc", "variant": "baseline", "negatives": 0.5, "batch": 1},
            "negatives=0.5 needs templates of other videos",
        ),
        ({"schedule": "cosine", "steps": 10, "warmup_steps": 10}, "warmup_steps must be below"),
    ],
)
def test_contradictions_are_named(changes, expected):
    with pytest.raises(ValueError, match=expected):
        TrainConfig(**changes)


@pytest.mark.parametrize("steps, warmup_steps", [(2, 1), (50, 49), (51, 50), (5000, 50)])
def test_the_warm_up_of_a_preset_gives_way_to_a_short_trial(steps, warmup_steps):
    assert preset("short", steps=steps).warmup_steps == warmup_steps


def test_a_warm_up_that_was_asked_for_does_not_give_way():
    with pytest.raises(ValueError, match="warmup_steps must be below steps=2, got 2"):
        preset("short", steps=2, warmup_steps=2)
    with pytest.raises(ValueError, match="steps must be at least 1, got 0"):
        preset("short", steps=0)


def test_what_has_no_meaning_is_not_checked():
    TrainConfig(schedule="constant", learning_rate=1e-7, final_learning_rate=1e-5)
    TrainConfig(schedule="constant", steps=10, warmup_steps=50)


def test_unknown_presets_stages_and_constants_are_named():
    with pytest.raises(
        ValueError, match="preset must be one of reference, short, tracking, got 'long'"
    ):
        preset("long")
    with pytest.raises(ValueError, match="stage must be one of siamfc, gradnet, got 'third'"):
        preset("short", "third")
    with pytest.raises(ValueError, match="unknown constants lr, wd; known are .*learning_rate"):
        preset("short", wd=1, lr=2)
