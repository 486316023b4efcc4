"""The network as a table: its layers, its variants and its sizes. It needs no TensorFlow.

The network, the names and shapes in checkpoints, and the arithmetic that a benchmark counts are all
made from this table. Source: paper, section 3.5 and Table 3; `siamese.py` of the reference,
`response_map_cal`, `extract_gra_fea_template` and `template_update_based_grad`.
"""

from __future__ import annotations

import dataclasses
from typing import Optional

EXEMPLAR_SIZE = 127  # Side in pixels.
INSTANCE_SIZE = 255  # In tracking.
SCALES_SIZE = 143  # Of the regions in which the scales of a found target are compared.
TRAINING_INSTANCE_SIZE = 239  # What is left of 255 pixels is room for shifts.
TOTAL_STRIDE = 8


@dataclasses.dataclass(frozen=True)
class Layer:
    """A convolution and what follows it: one TF1 scope of the reference.

    Attributes:
        scope: TF1 scope below `siamese/`, such as "scala1_z".
        kernel_size: Side of the kernel in pixels.
        in_channels: Channels of the input.
        filters: Channels of the output.
        strides: Pixels.
        groups: Groups of the convolution.
        padding: "VALID" or "SAME".
        batch_norm: Whether batch normalization stands between convolution and activation.
        activation: None, "relu" or "tanh".
        pool: Whether max pooling (3x3, stride 2) follows.
    """

    scope: str
    kernel_size: int
    in_channels: int
    filters: int
    strides: int = 1
    groups: int = 1
    padding: str = "VALID"
    batch_norm: bool = True
    activation: Optional[str] = "relu"
    pool: bool = False

    @property
    def kernel_shape(self) -> tuple[int, int, int, int]:
        """Shape of the kernel, HWIO."""
        channels = self.in_channels // self.groups
        return self.kernel_size, self.kernel_size, channels, self.filters


def branch(layers: tuple[Layer, ...], suffix: str) -> tuple[Layer, ...]:
    """Gives the same layers weights of their own, in scopes that end in `suffix`."""
    return tuple(dataclasses.replace(layer, scope=layer.scope + suffix) for layer in layers)


# SiamFC's AlexNet. f_x is the stem and the head; f_2 is a stem, U1 a head.
STEM = (
    Layer("scala1", 11, 3, 96, strides=2, pool=True),
    Layer("scala2", 5, 96, 256, groups=2, pool=True),
)
HEAD = (
    Layer("scala3", 3, 256, 384),
    Layer("scala4", 3, 384, 384, groups=2),
    Layer("scala5", 3, 384, 256, groups=2, batch_norm=False, activation=None),
)
F_X = STEM + HEAD
F_2 = branch(STEM, "_z")
U1 = branch(HEAD, "_z")
U1_STAR = branch(HEAD, "_zu")  # The reference has no second U1; this name is ours.
U2 = Layer("t_scala5_zz", 3, 256, 256, padding="SAME", activation="tanh")

# Rows of the paper's Table 3 that are other networks, see `gradnet.GradNet`. "w/o M" is the full
# network trained without template generalization, "w/o U" the full one tracking with
# update="first_frame".
VARIANTS: dict[str, tuple[Layer, ...]] = {
    "full": (*F_X, *F_2, *U1, U2),
    "two_subnets": (*F_X, *F_2, *U1, U2, *U1_STAR),
    "without_gradient": (*F_X, *F_2, *U1),
    "baseline": F_X,
}


def has_update(variant: str) -> bool:
    """Tells whether a variant has a U2, and so a template that gradients update."""
    return U2 in VARIANTS[variant]
