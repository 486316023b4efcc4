"""Tests of gradnet_tf.training.presets."""

import dataclasses

import pytest

from gradnet_tf.training.config import STAGES, TrainConfig
from gradnet_tf.training.presets import PRESETS, preset


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


@pytest.mark.parametrize("name", PRESETS)
@pytest.mark.parametrize("stage", STAGES)
def test_every_preset_is_sound_and_takes_changes(name, stage):
    made = preset(name, stage, seed=7)
    assert (made.stage, made.seed) == (stage, 7)
    assert dataclasses.replace(made, seed=1) == preset(name, stage)
    rates = [made.learning_rate_at(step) for step in (0, made.steps // 2, made.steps - 1)]
    low, high = made.final_learning_rate * (1 - 1e-9), made.learning_rate * (1 + 1e-9)
    assert all(low <= rate <= high for rate in rates)


@pytest.mark.parametrize("steps, warmup_steps", [(2, 1), (50, 49), (51, 50), (5000, 50)])
def test_the_warm_up_of_a_preset_gives_way_to_a_short_trial(steps, warmup_steps):
    assert preset("short", steps=steps).warmup_steps == warmup_steps


def test_a_warm_up_that_was_asked_for_does_not_give_way():
    with pytest.raises(ValueError, match="warmup_steps must be below steps=2, got 2"):
        preset("short", steps=2, warmup_steps=2)
    with pytest.raises(ValueError, match="steps must be at least 1, got 0"):
        preset("short", steps=0)


def test_unknown_presets_stages_and_constants_are_named():
    with pytest.raises(
        ValueError, match="preset must be one of reference, short, tracking, got 'long'"
    ):
        preset("long")
    with pytest.raises(ValueError, match="stage must be one of siamfc, gradnet, got 'third'"):
        preset("short", "third")
    with pytest.raises(ValueError, match="unknown constants lr, wd; known are .*learning_rate"):
        preset("short", wd=1, lr=2)
