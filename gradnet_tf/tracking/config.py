"""Every constant of the tracker, in one frozen dataclass, with the presets.

Sources: "reference" is `track.py` of the reference (`getOpts`, `run_siamesefc`, `trackerEval`);
"paper" is the paper's section 3.4 and 3.5. `docs/differences.md` lists where they part. "tuned" is
"reference" with four other constants, for the weights that come with gradnet_tf; "fast" is "tuned"
with less to compute.
"""

from __future__ import annotations

import dataclasses

THRESHOLD_SOURCES = ("first_frames", "first_frame")
RESPONSE_MIXES = ("normalized", "template")
UPDATES = ("online", "first_frame", "none")
RELIABLE = 0.5  # From this confidence on the paper calls a result reliable (section 3.5).
# Of the search features, see `precision`; here, where reading them does not load TensorFlow.
PRECISIONS = ("float32", "bfloat16", "float16", "int8")
# What commands call the values of the tracker's argument `jit_compile`.
JIT_COMPILE = {"auto": "auto", "true": True, "false": False}


@dataclasses.dataclass(frozen=True)
class TrackerConfig:
    """Constants of the tracker; the defaults are the preset `reference`.

    Attributes:
        scale_count: Scales of the pyramid, odd (`numScale`).
        scale_step: Ratio of neighbouring scales (`scaleStep`).
        scale_penalty: Factor on the peak of every scale but the middle one (`scalePenalty`).
        scale_interval: Frames from one choice of the scale to the next. 1: every frame searches in
            all scales. More: every frame searches in the middle scale, and where it is time for a
            choice, small regions around the target that was found are compared in all scales. A
            frame after one that chose another scale has a choice, too, so that a target that grows
            or shrinks is followed.
        scale_damping: Share of the new scale in size and search region (`scaleLr`).
        min_scale: Least side of the search region, relative to the first (`minSx`).
        max_scale: Largest side of the search region, relative to the first (`maxSx`).
        context_amount: Context around the target (`contextAmount`).
        response_upsampling: Factor of the bicubic upsampling (`responseUp`).
        window_influence: Share of the Hanning window in the response (`wInfluence`).
        template_influence: Share of the updated template's response (`wInfluence_nosia`).
        template_scale_influence: Share of the updated template's score maps in the choice of the
            scale. 0: SiamFC's template alone chooses, and the updated one sees the middle scale
            only; else it sees the chosen scale.
        response_mix: "normalized" mixes normalised responses of the two templates; "template" mixes
            the templates themselves, as the paper words it.
        update: "online" updates the template while tracking; "first_frame" keeps the template of
            the first frame (Table 3, w/o U); "none" keeps the initial template of equation 4.
        update_interval: Frames between two updates.
        update_rate: Share of the new h_2 at an update; the rest stays.
        first_frame_weight: Share of the first frame's search region, the only one whose label is
            certain, in the loss whose gradient updates the template. 0: the sample alone, as the
            paper.
        update_samples: Number of samples in that loss: the one of this update and those of the
            updates before, which share what first_frame_weight leaves equally.
        centred_update: Whether U2 of a gradient of zero is subtracted from every change of h_2.
            Otherwise h_2 drifts by it at every update, whatever the sample says.
        exact_updates: Whether the search regions of updates go through the network as it was
            trained. Otherwise they go through that of a search in float32, which is faster and
            rounds differently.
        update_on_first_frame: Whether the first frame's own update is followed by another one.
        early_update_frames: The early update happens only before this frame; 0 for never.
        early_update_threshold: It happens for a score below this share of the threshold.
        early_update_rate: Share of the new h_2 at an early update.
        threshold_source: "first_frames": mean of the largest scores of frames 1 to
            threshold_frames; "first_frame": the largest score of the first frame's own search
            region.
        threshold_frames: See threshold_source.
        reliable_threshold: A frame is a reliable sample if its score reaches this share of the
            threshold.
        reliable_mean: ... or the mean score of the buffer, where that is lower.
        buffer_size: Reliable samples kept; an update takes the one with the highest score.
        window_off_after: The Hanning window is left out once a sequence, when the newest sample is
            this many frames old; 0 for never.
        redetection: Whether the frame's centre is searched as well after the target has left to the
            right with a low score.

    Raises:
        ValueError: If a value is out of its range.
    """

    scale_count: int = 3
    scale_step: float = 1.04
    scale_penalty: float = 0.97
    scale_interval: int = 1
    scale_damping: float = 0.59
    min_scale: float = 0.2
    max_scale: float = 5.0
    context_amount: float = 0.5
    response_upsampling: int = 16
    window_influence: float = 0.25
    template_influence: float = 0.15
    template_scale_influence: float = 0.0
    response_mix: str = "normalized"
    update: str = "online"
    update_interval: int = 5
    update_rate: float = 0.6
    first_frame_weight: float = 0.0
    update_samples: int = 1
    centred_update: bool = False
    exact_updates: bool = True
    update_on_first_frame: bool = True
    early_update_frames: int = 10
    early_update_threshold: float = 0.4
    early_update_rate: float = 0.7
    threshold_source: str = "first_frames"
    threshold_frames: int = 5
    reliable_threshold: float = 0.5
    reliable_mean: bool = True
    buffer_size: int = 5
    window_off_after: int = 9
    redetection: bool = True

    def __post_init__(self):
        def check(name, valid, expected):
            if not valid(getattr(self, name)):
                raise ValueError(f"{name} must be {expected}, got {getattr(self, name)!r}")

        check("scale_count", lambda v: v >= 1 and v % 2 == 1, "an odd positive number")
        check("scale_step", lambda v: 1 < v <= 2, "in (1, 2]")
        check("min_scale", lambda v: 0 < v <= 1, "in (0, 1]")
        check("max_scale", lambda v: v >= 1, "at least 1")
        check("context_amount", lambda v: v >= 0, "at least 0")
        check("reliable_threshold", lambda v: v > 0, "positive")
        for name in (
            *("scale_penalty", "scale_damping", "window_influence"),
            *("template_influence", "template_scale_influence"),
            *("update_rate", "early_update_rate", "early_update_threshold"),
        ):
            check(name, lambda v: 0 <= v <= 1, "in [0, 1]")
        for name in (
            *("scale_interval", "response_upsampling", "update_interval", "update_samples"),
            *("threshold_frames", "buffer_size"),
        ):
            check(name, lambda v: v >= 1, "at least 1")
        check("first_frame_weight", lambda v: 0 <= v < 1, "in [0, 1)")
        for name in ("early_update_frames", "window_off_after"):
            check(name, lambda v: v >= 0, "at least 0")
        for name, choices in (
            ("response_mix", RESPONSE_MIXES),
            ("update", UPDATES),
            ("threshold_source", THRESHOLD_SOURCES),
        ):
            check(name, choices.__contains__, f"one of {', '.join(choices)}")
        if self.template_scale_influence and self.response_mix == "template":
            raise ValueError(
                f"template_scale_influence={self.template_scale_influence} needs "
                "response_mix=normalized: a mixed template chooses the scale by itself"
            )


PRESETS = {
    "reference": TrackerConfig(),
    "paper": TrackerConfig(
        response_mix="template",
        update_rate=1.0,
        update_on_first_frame=False,
        early_update_frames=0,
        threshold_source="first_frame",
        reliable_mean=False,
        window_off_after=0,
        redetection=False,
    ),
    # For the weights that come with gradnet_tf; docs/training.md says how it was chosen.
    "tuned": TrackerConfig(
        template_influence=0.6,
        template_scale_influence=0.6,
        first_frame_weight=0.5,
        centred_update=True,
    ),
}
# docs/performance.md has what it leaves out. A larger step of the scale makes up for frames that
# do not choose it.
PRESETS["fast"] = dataclasses.replace(
    PRESETS["tuned"],
    scale_interval=6,
    scale_step=1.05,
    scale_damping=0.7,
    update_interval=12,
    exact_updates=False,
)


def preset(name: str, **changes) -> TrackerConfig:
    """Returns a preset by name, with single constants changed.

    Args:
        name: One of `PRESETS`.
        **changes: Fields of `TrackerConfig`.

    Raises:
        ValueError: If the preset or a field is unknown, or a value out of its range.
    """
    if name not in PRESETS:
        raise ValueError(f"preset must be one of {', '.join(PRESETS)}, got {name!r}")
    fields = {field.name for field in dataclasses.fields(TrackerConfig)}
    unknown = sorted(set(changes) - fields)
    if unknown:
        raise ValueError(
            f"unknown constants {', '.join(unknown)}; known are {', '.join(sorted(fields))}"
        )
    return dataclasses.replace(PRESETS[name], **changes)
