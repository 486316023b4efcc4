"""The graphs of the network, written once for every format.

The rest of a tracker (crops, peaks, rules) is arithmetic on a few numbers, which every language
has. The graphs are built of the operations of an `Operations`, forward ones alone: the gradient of
equation 6 is written out, for converters know no gradients.

Values are the `Operations`' own; shapes are written as in the rest of the package, [n, height,
width, channels], whatever the order of the axes in a format.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any, NamedTuple, Optional, Protocol

import numpy as np

from gradnet_tf.network import architecture, folding, losses
from gradnet_tf.network.architecture import EXEMPLAR_SIZE, INSTANCE_SIZE, SCALES_SIZE, Layer
from gradnet_tf.network.update_branch import GRADIENT_SCALE
from gradnet_tf.tracking.config import TrackerConfig
from gradnet_tf.tracking.rules import SCORE_SIZE
from gradnet_tf.weights import Weights

# Graphs with search regions, whose features have the precision that an export is asked for, and the
# sides of these.
SEARCHES = {"search": INSTANCE_SIZE, "scales": SCALES_SIZE}
_FEATURES = (22, 22, 256)
_H2 = (12, 12, 256)
_TEMPLATE = (6, 6, 256)


class Input(NamedTuple):
    """An input of a graph.

    Attributes:
        dtype: "uint8" (an image) or "float32".
        shape: [n, ...], or [n] alone.
        largest: How large n is at most, where it is not one.
    """

    dtype: str
    shape: tuple[Optional[int], ...]
    largest: int = 1


@dataclasses.dataclass(frozen=True, eq=False)
class Convolution:
    """A layer for inference, its batch norm folded in.

    Attributes:
        layer: Of the table.
        kernel: float32, HWIO.
        bias: float32 [filters].
    """

    layer: Layer
    kernel: np.ndarray
    bias: np.ndarray


class Operations(Protocol):
    """What a format has to offer; arrays beside values are constants."""

    def pixels(self, image) -> Any:
        """uint8 [n, h, w, 3] to values in 0..255, of the precision that the format is asked for."""

    def float32(self, x) -> Any:
        """The same in full precision."""

    def convolve(self, x, convolution: Convolution) -> Any:
        """Convolution and bias, in groups, without activation."""

    def convolve_back(self, gradient, convolution: Convolution) -> Any:
        """The gradient of a VALID convolution by its input: a transposed convolution."""

    def max_pool(self, x) -> Any:
        """3x3, stride 2, VALID."""

    def relu(self, x) -> Any:
        """max(x, 0)."""

    def tanh(self, x) -> Any:
        """Hyperbolic tangent."""

    def sigmoid(self, x) -> Any:
        """1 / (1 + exp(-x))."""

    def where_positive(self, x, chosen) -> Any:
        """Elements of `chosen` where x > 0, else 0."""

    def multiply(self, x, factor) -> Any:
        """Product with a value, an array [n, h, w, c], or a number; broadcasts."""

    def add(self, x, summand) -> Any:
        """Sum with a value or an array [n, h, w, c]; broadcasts."""

    def column(self, values) -> Any:
        """[n] as [n, 1, 1, 1]."""

    def correlate(self, features, templates) -> Any:
        """Equation 1: [n, 22, 22, 256] and [m, 6, 6, 256] to [n, 17, 17, m]."""

    def correlate_back(self, features, slopes) -> Any:
        """The gradient of one template's score maps by the template.

        It is a correlation again: of the features [n, 22, 22, 256] with the gradient of the loss
        by the score maps, [n, 17, 17, 1]. The outcome is [1, 6, 6, 256].
        """


class Graphs:
    """The graphs of one network.

    Args:
        weights: Of the network.
        config: Of the tracker; says whether updates are centred.
    """

    def __init__(self, weights: Weights, config: TrackerConfig):
        self.variant = weights.variant
        self.has_update = architecture.has_update(weights.variant)
        self._config = config
        self._blocks = {
            layer.scope: _folded(layer, weights.arrays)
            for layer in architecture.VARIANTS[weights.variant]
        }

    def inputs(self) -> dict[str, dict[str, Input]]:
        """Lists the graphs and their inputs: names of methods of this class, and of arguments."""
        config = self._config
        regions = config.update_samples + (config.first_frame_weight > 0)
        templates = 2 if self.has_update and config.response_mix == "normalized" else 1
        graphs = {"exemplar": {"exemplar": Input("uint8", (1, EXEMPLAR_SIZE, EXEMPLAR_SIZE, 3))}}
        for name, size in SEARCHES.items():
            graphs[name] = {
                "regions": Input("uint8", (None, size, size, 3)),
                "templates": Input("float32", (None, *_TEMPLATE), templates),
            }
        if config.scale_interval == 1:
            del graphs["scales"]
        if self.has_update:
            graphs["update"] = {
                "h2": Input("float32", (1, *_H2)),
                "features": Input("float32", (None, *_FEATURES), regions),
                "shares": Input("float32", (None,), regions),
            }
        return graphs

    def exemplar(self, ops: Operations, exemplar) -> dict[str, Any]:
        """Builds equations 2 and 3: what the tracker takes of the first frame.

        Args:
            ops: Of the format.
            exemplar: uint8 RGB [1, 127, 127, 3].

        Returns:
            `template` [1, 6, 6, 256], that of SiamFC (without_gradient: that of equation 4), and
            `h2`, f_2(Z), [1, 12, 12, 256], where there is an update.
        """
        pixels = ops.pixels(exemplar)
        if self.variant == "without_gradient":
            return {"template": self._net(ops, pixels, architecture.F_2 + architecture.U1)}
        results = {"template": self._net(ops, pixels, architecture.F_X)}
        if self.has_update:
            results["h2"] = self._net(ops, pixels, architecture.F_2)
        return results

    def search(self, ops: Operations, regions, templates) -> dict[str, Any]:
        """Builds equation 1 for several templates.

        Args:
            ops: Of the format.
            regions: uint8 RGB [n, 255, 255, 3].
            templates: [m, 6, 6, 256].

        Returns:
            `features` [n, 22, 22, 256] and `scores` [n, 17, 17, m].
        """
        features = ops.float32(self._net(ops, ops.pixels(regions), architecture.F_X))
        return {"features": features, "scores": ops.correlate(features, templates)}

    def scales(self, ops: Operations, regions, templates) -> dict[str, Any]:
        """Builds equation 1 for the choice of the scale at the target.

        Args:
            ops: Of the format.
            regions: uint8 RGB [n, 143, 143, 3].
            templates: [m, 6, 6, 256].

        Returns:
            `scores` [n, 3, 3, m].
        """
        return {"scores": self.search(ops, regions, templates)["scores"]}

    def update(self, ops: Operations, h2, features, shares) -> dict[str, Any]:
        """Builds equations 4 to 7.

        Args:
            ops: Of the format.
            h2: [1, 12, 12, 256].
            features: f_x of the search regions whose losses the gradient is of, [n, 22, 22, 256].
            shares: Of each region in the loss, [n].

        Returns:
            `gradient`, dL / df_2, `new_h2`, both [1, 12, 12, 256], and `template` [1, 6, 6, 256],
            that of `new_h2`.
        """
        x, behind = h2, []
        for layer in architecture.U1:  # Equation 4; the table has neither pooling nor padding here.
            x = ops.convolve(x, self._blocks[layer.scope])
            behind.append(x)
            x = ops.relu(x) if layer.activation else x
        # Equation 5: d/ds w log(1 + exp(-y s)) = -y w / (1 + exp(y s)).
        labels = losses.logistic_labels(SCORE_SIZE)[np.newaxis]
        weights = losses.balanced_weights(labels) / SCORE_SIZE**2
        slopes = ops.sigmoid(ops.multiply(ops.correlate(features, x), -labels))
        slopes = ops.multiply(ops.multiply(slopes, -labels * weights), ops.column(shares))
        # Equation 6.
        gradient = ops.correlate_back(features, slopes)
        for layer, outcome in zip(architecture.U1[::-1], behind[::-1]):
            if layer.activation:
                gradient = ops.where_positive(outcome, gradient)
            gradient = ops.convolve_back(gradient, self._blocks[layer.scope])
        scaled = ops.multiply(gradient, GRADIENT_SCALE)
        change = self._net(ops, scaled, (architecture.U2,))
        if self._config.centred_update:
            drift = np.tanh(self._blocks[architecture.U2.scope].bias)
            change = ops.add(change, -drift.reshape([1, 1, 1, -1]))
        new = ops.add(h2, change)
        # Equation 7.
        star = architecture.U1_STAR if self.variant == "two_subnets" else architecture.U1
        return {"gradient": gradient, "new_h2": new, "template": self._net(ops, new, star)}

    def _net(self, ops: Operations, x, layers: Sequence[Layer]):
        activations = {None: lambda x: x, "relu": ops.relu, "tanh": ops.tanh}
        for layer in layers:
            x = activations[layer.activation](ops.convolve(x, self._blocks[layer.scope]))
            x = ops.max_pool(x) if layer.pool else x
        return x


def _folded(layer: Layer, arrays: dict[str, np.ndarray]) -> Convolution:
    prefix = f"siamese/{layer.scope}/"
    kernel, bias = arrays[f"{prefix}conv/weights"], arrays[f"{prefix}conv/biases"]
    if layer.in_channels == 3:  # Images are RGB, the network's own are BGR.
        kernel = kernel[:, :, ::-1]
    if layer.batch_norm:
        kernel, bias = folding.fold_batch_norm(
            kernel,
            bias,
            gamma=arrays[f"{prefix}bn/gamma"],
            beta=arrays[f"{prefix}bn/beta"],
            mean=arrays[f"{prefix}bn/moving_mean"],
            variance=arrays[f"{prefix}bn/moving_variance"],
        )
    return Convolution(layer, kernel, bias)
