"""Tests of gradnet_tf.training.config: constants out of range, or that do not go together."""

import pytest

from gradnet_tf.training.config import TrainConfig


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
    made = TrainConfig(stage="siamfc", variant="baseline")
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


def test_what_has_no_meaning_is_not_checked():
    TrainConfig(schedule="constant", learning_rate=1e-7, final_learning_rate=1e-5)
    TrainConfig(schedule="constant", steps=10, warmup_steps=50)
