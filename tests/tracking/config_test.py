"""Tests of gradnet_tf.tracking.config: presets and validation."""

import dataclasses
import math

import pytest

import gradnet_tf
from gradnet_tf.tracking.config import PRESETS, TrackerConfig, preset

# Constants as `getOpts` of the reference has them.
REFERENCE = {
    "scale_count": 3,
    "scale_step": 1.04,
    "scale_penalty": 0.97,
    "scale_interval": 1,
    "scale_damping": 0.59,
    "min_scale": 0.2,
    "max_scale": 5.0,
    "context_amount": 0.5,
    "response_upsampling": 16,
    "window_influence": 0.25,
    "template_influence": 0.15,
    "template_scale_influence": 0.0,
    "response_mix": "normalized",
    "update": "online",
    "update_interval": 5,
    "update_rate": 0.6,
    "first_frame_weight": 0.0,
    "update_samples": 1,
    "centred_update": False,
    "exact_updates": True,
    "update_on_first_frame": True,
    "early_update_frames": 10,
    "early_update_threshold": 0.4,
    "early_update_rate": 0.7,
    "threshold_source": "first_frames",
    "threshold_frames": 5,
    "reliable_threshold": 0.5,
    "reliable_mean": True,
    "buffer_size": 5,
    "window_off_after": 9,
    "redetection": True,
}

# Where the paper differs.
PAPER = {
    "response_mix": "template",
    "update_rate": 1.0,
    "update_on_first_frame": False,
    "early_update_frames": 0,
    "threshold_source": "first_frame",
    "reliable_mean": False,
    "window_off_after": 0,
    "redetection": False,
}

INVALID = {
    "scale_count": [0, -1, 2, 4],
    "scale_step": [1, 1.0, 0.96, 2.5, math.nan],
    "scale_penalty": [-0.1, 1.1, math.nan],
    "scale_interval": [0, -5],
    "scale_damping": [-0.1, 1.1, math.nan],
    "min_scale": [0, -0.2, 1.5, math.nan],
    "max_scale": [0.9, -5, math.nan],
    "context_amount": [-0.5, math.nan],
    "response_upsampling": [0, -16],
    "window_influence": [-0.25, 1.25, math.nan],
    "template_influence": [-0.15, 1.15, math.nan],
    "template_scale_influence": [-0.1, 1.1, math.nan],
    "response_mix": ["sum", "", None],
    "update": ["always", "Online", True],
    "update_interval": [0, -5],
    "update_rate": [-0.6, 1.6, math.nan],
    "first_frame_weight": [-0.1, 1, 1.5, math.nan],
    "update_samples": [0, -1],
    "early_update_frames": [-1],
    "early_update_threshold": [-0.4, 1.4, math.nan],
    "early_update_rate": [-0.7, 1.7, math.nan],
    "threshold_source": ["first", None],
    "threshold_frames": [0, -5],
    "reliable_threshold": [0, -0.5, math.nan],
    "buffer_size": [0, -1],
    "window_off_after": [-1],
}

# The ends of the ranges, which belong to them.
VALID = [
    ("scale_count", 1),
    ("scale_step", 2),
    ("scale_penalty", 0),
    ("scale_penalty", 1),
    ("scale_interval", 1),
    ("scale_damping", 0),
    ("scale_damping", 1),
    ("min_scale", 1),
    ("max_scale", 1),
    ("context_amount", 0),
    ("window_influence", 0),
    ("template_influence", 1),
    ("template_scale_influence", 1),
    ("update_rate", 0),
    ("update_interval", 1),
    ("first_frame_weight", 0),
    ("update_samples", 1),
    ("early_update_frames", 0),
    ("window_off_after", 0),
    ("buffer_size", 1),
    ("threshold_frames", 1),
    ("response_upsampling", 1),
]


def test_the_reference_preset_is_the_default():
    assert preset("reference") == TrackerConfig() == PRESETS["reference"]
    assert dataclasses.asdict(preset("reference")) == REFERENCE


def test_the_paper_preset_differs_where_the_paper_does():
    assert dataclasses.asdict(preset("paper")) == {**REFERENCE, **PAPER}


def test_the_tuned_preset_differs_in_four_constants():
    changed = {
        "template_influence": 0.6,
        "template_scale_influence": 0.6,
        "first_frame_weight": 0.5,
        "centred_update": True,
    }
    assert dataclasses.asdict(preset("tuned")) == {**REFERENCE, **changed}


def test_the_fast_preset_is_tuned_with_less_to_compute():
    changed = {"scale_interval": 6, "scale_step": 1.05, "scale_damping": 0.7, "update_interval": 12}
    changed["exact_updates"] = False
    assert dataclasses.asdict(preset("fast")) == {**dataclasses.asdict(preset("tuned")), **changed}


def test_a_mixed_template_chooses_the_scale_by_itself():
    with pytest.raises(ValueError, match="template_scale_influence=0.1 needs response_mix=norm"):
        preset("paper", template_scale_influence=0.1)


def test_presets_are_there_at_the_top_of_the_package():
    assert gradnet_tf.preset("paper") is not None
    assert gradnet_tf.TrackerConfig is TrackerConfig


def test_single_constants_of_a_preset_can_be_changed():
    changed = preset("paper", buffer_size=7, update="none")
    assert (changed.buffer_size, changed.update) == (7, "none")
    assert dataclasses.replace(changed, buffer_size=5, update="online") == preset("paper")
    assert preset("paper").buffer_size == 5


@pytest.mark.parametrize("name", ["Reference", "", "best", None])
def test_unknown_preset(name):
    known = "reference, paper, tuned, fast"
    with pytest.raises(ValueError, match=f"preset must be one of {known}, got {name!r}"):
        preset(name)


def test_unknown_constants_are_named_with_the_known_ones():
    with pytest.raises(ValueError, match="unknown constants scale_lr, windowing; known are.*scale"):
        preset("reference", windowing="cosine", scale_lr=0.59, buffer_size=3)
    with pytest.raises(TypeError):
        TrackerConfig(scale_lr=0.59)


@pytest.mark.parametrize(
    "name, value", [(name, value) for name, values in INVALID.items() for value in values]
)
def test_a_value_out_of_its_range_is_named(name, value):
    with pytest.raises(ValueError) as error:
        TrackerConfig(**{name: value})
    assert str(error.value).startswith(f"{name} must be ")
    assert str(error.value).endswith(f", got {value!r}")
    with pytest.raises(ValueError, match=f"^{name} must be"):
        preset("paper", **{name: value})


def test_every_constant_but_the_switches_is_validated():
    switches = {"centred_update", "exact_updates", "update_on_first_frame", "reliable_mean"}
    switches |= {"redetection"}
    assert set(INVALID) == {field.name for field in dataclasses.fields(TrackerConfig)} - switches


@pytest.mark.parametrize("name, value", VALID)
def test_the_ends_of_the_ranges(name, value):
    assert getattr(TrackerConfig(**{name: value}), name) == value


def test_frozen_and_usable_as_a_key():
    config = TrackerConfig()
    with pytest.raises(dataclasses.FrozenInstanceError):
        config.buffer_size = 3
    assert {config: 1, preset("paper"): 2}[TrackerConfig()] == 1
