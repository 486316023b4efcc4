"""GradNet: equations 1 to 7 of the paper, by name.

    S      = beta * f_x(X)                     (1)  score_map
    b_sia  = f_z(Z), f_z = f_x                 (2)  siamese_template
    beta   = U1(f_2(Z))                        (4)  initial_template
    L      = l(S, Y)                           (5)  score_loss
    h_2(Z) = f_2(Z) + U2(dL / df_2(Z))         (6)  updated_feature
    beta*  = U1(h_2(Z)), S* = beta* * f_x(X)   (7)  optimal_template

Images are BGR, float32 in 0..255, NHWC. Source: Li et al., "GradNet", ICCV 2019, section 3.2;
`siamese.py` of the reference.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple, Optional

import numpy as np
import tensorflow as tf

from gradnet_tf.network import architecture, backbone, compat, folding, losses, update_branch
from gradnet_tf.network.architecture import VARIANTS

compat.check_backend()


class Update(NamedTuple):
    """One pass through the update branch (equations 4 to 7).

    Attributes:
        score: S of the initial template, [b, s, s, 1].
        loss: L, scalar.
        gradient: dL / df_2, [b, 12, 12, 256].
        h2: h_2(Z), [b, 12, 12, 256].
        template: beta*, [b, 6, 6, 256].
    """

    score: tf.Tensor
    loss: tf.Tensor
    gradient: tf.Tensor
    h2: tf.Tensor
    template: tf.Tensor


class GradNet(tf.keras.Model):
    """The network of the tracker: f_x, f_2, U1 and U2.

    Args:
        variant: "full" (the paper's network), "two_subnets" (Table 3, w 2U: U1 of equation 7 has
            weights of its own), "without_gradient" (w/o MG: two unshared branches, no U2) or
            "baseline" (SiamFC: f_x alone).
        seed: Of new variables' initial values; with None they differ every time.
        dtype: Type of new variables, and of the arithmetic with them.
        constants: Arrays by TF1 name instead of variables, for inference.
        blocks: Blocks by TF1 scope instead of new ones, for `folded`.

    Raises:
        ValueError: If the variant is unknown.
    """

    def __init__(
        self,
        variant: str = "full",
        *,
        seed: Optional[int] = None,
        dtype: str = "float32",
        constants: Optional[Mapping[str, np.ndarray]] = None,
        blocks: Optional[Mapping[str, tf.keras.layers.Layer]] = None,
    ):
        super().__init__(name="gradnet", dtype=dtype)
        if variant not in VARIANTS:
            raise ValueError(f"variant must be one of {', '.join(VARIANTS)}, got {variant!r}")
        self.variant = variant
        if blocks is None:
            blocks = backbone.make_blocks(
                VARIANTS[variant], seed=seed, dtype=dtype, constants=constants
            )

        def net(table, name):
            return backbone.ConvNet(table, blocks, name=name)

        self.f_x = net(architecture.F_X, "f_x")
        self.f_2: Any = None  # None where the variant has none, like the three below.
        self.u1: Any = None
        self.u1_star: Any = None
        self.u2: Any = None
        if self.has_template_branch:
            self.f_2 = net(architecture.F_2, "f_2")
            self.u1 = self.u1_star = net(architecture.U1, "U1")
        if self.has_update:
            self.u2 = update_branch.GradientNet(blocks[architecture.U2.scope])
        if variant == "two_subnets":
            self.u1_star = net(architecture.U1_STAR, "U1_star")
        self._block_list = tuple(blocks.values())
        self.built = True

    @property
    def has_template_branch(self) -> bool:
        """Whether the exemplar goes through weights of its own."""
        return architecture.U1[0] in VARIANTS[self.variant]

    @property
    def has_update(self) -> bool:
        """Whether there is a U2, and so a template that gradients update."""
        return architecture.has_update(self.variant)

    def search_features(self, x, training: bool = False):
        """Computes f_x(X): search regions [b, 255, 255, 3] -> [b, 22, 22, 256] (239 -> 20)."""
        return self.f_x(x, training=training)

    def score_map(self, template, features, batched: bool = False):
        """Computes equation 1: S = beta * f_x(X), [b, 17, 17, 1] (20 -> 15)."""
        return backbone.cross_correlation(template, features, batched=batched)

    def score_maps(self, templates, features):
        """Computes equation 1 for k templates [1, 6, 6, 256]: a list of k maps [b, 17, 17]."""
        maps = backbone.cross_correlations(tf.concat(templates, axis=0), features)
        return tf.unstack(maps, axis=-1, num=len(templates))

    def siamese_template(self, z, training: bool = False):
        """Computes equation 2, plain SiamFC's template: [b, 127, 127, 3] -> [b, 6, 6, 256]."""
        return self.f_x(z, training=training)

    def template_features(self, z, training: bool = False):
        """Computes f_2(Z): exemplar [b, 127, 127, 3] -> [b, 12, 12, 256]."""
        return self.f_2(z, training=training)

    def initial_template(self, f2, training: bool = False):
        """Computes equation 4: beta = U1(f_2(Z)), [b, 6, 6, 256]."""
        return self.u1(f2, training=training)

    def score_loss(
        self, score, labels=None, weights=None, batched: bool = False, loss=losses.logistic_loss
    ):
        """Computes equation 5: L = l(S, Y), scalar.

        Args:
            score: S, [b, s, s, 1].
            labels: Y, [s, s, 1] or [b, s, s, 1]; the target in the centre by default.
            weights: Shape of the labels; balanced by default.
            batched: False: the mean over the batch, as the reference. True: the sum, so that each
                template's gradient is that of its own search region.
            loss: Function of (score, labels, weights), returning [b].

        Returns:
            The loss without regularization (which has no part in any gradient of equation 6).
        """
        if labels is None:
            labels = losses.logistic_labels(score.shape[1])
        if weights is None:
            weights = losses.balanced_weights(np.asarray(labels))
        each = loss(score, labels, weights)
        return tf.reduce_sum(each) if batched else tf.reduce_mean(each)

    def updated_feature(self, f2, gradient, training: bool = False, centred: bool = False):
        """Computes equation 6: h_2(Z) = f_2(Z) + U2(dL / df_2(Z)), [b, 12, 12, 256].

        Args:
            f2: f_2(Z), or h_2(Z) of the last update in tracking.
            gradient: dL / df_2(Z).
            training: Whether batch norm uses (and moves by) the batch's statistics.
            centred: Whether U2 of a gradient of zero, one value for each channel, is subtracted: a
                template whose loss has no gradient then stays as it is.
        """
        h2 = f2 + self.u2(gradient, training=training)
        if centred:
            h2 -= self.u2(tf.zeros_like(gradient[:1, :1, :1]))
        return h2

    def optimal_template(self, h2, training: bool = False):
        """Computes equation 7: beta* = U1(h_2(Z)), [b, 6, 6, 256]."""
        return self.u1_star(h2, training=training)

    def update(
        self,
        f2,
        features,
        labels=None,
        weights=None,
        *,
        training=False,
        batched=False,
        regions: int = 1,
        centred: bool = False,
        loss=losses.logistic_loss,
    ) -> Update:
        """Computes equations 4 to 7: the template that the search regions' gradient has improved.

        Args:
            f2: See `updated_feature`, as of `training` and `centred`.
            features: f_x(X), [b', h, w, 256].
            labels: Y, see `score_loss`, as of `weights` and `loss`.
            weights: Of the labels.
            training: Of U1, too.
            batched: See `backbone.cross_correlation` and `score_loss`.
            regions: With `batched`, the number of search regions of each template, which stand
                together: b' = b * regions.
            centred: Of equation 6.
            loss: Of equation 5.

        Raises:
            ValueError: If this variant has no U2.
        """
        if not self.has_update:
            raise ValueError(f"variant {self.variant!r} has no gradient update")

        def initial_loss(feature):
            template = self.initial_template(feature, training=training)
            if regions > 1:
                template = tf.repeat(template, regions, axis=0)
            score = self.score_map(template, features, batched=batched)
            return self.score_loss(score, labels, weights, batched=batched, loss=loss), score

        gradient, (initial, score) = update_branch.gradient_of_loss(initial_loss, f2)
        h2 = self.updated_feature(f2, gradient, training=training, centred=centred)
        template = self.optimal_template(h2, training=training)
        return Update(score, initial, gradient, h2, template)

    def call(
        self,
        inputs,
        labels=None,
        weights=None,
        training: bool = False,
        search_training: bool = False,
        batched: bool = False,
    ):
        """Computes both score maps of a batch of pairs, as training needs them.

        Args:
            inputs: Pair of exemplars [b, 127, 127, 3] and instances [b, 239 or 255, ..., 3].
            labels: Y, see `score_loss`, as of `weights`.
            weights: Of the labels.
            training: Batch statistics in the template branch and U2.
            search_training: Batch statistics in the search branch; the reference never uses them.
            batched: See `backbone.cross_correlation`.

        Returns:
            dict with `final_score` S* [b, s, s, 1] and, where there is an update, `initial_score`
            S, `initial_loss` L, `f2`, `gradient`, `h2` and `template`.
        """
        exemplars, instances = inputs
        features = self.search_features(instances, training=search_training)
        if not self.has_template_branch:
            template = self.siamese_template(exemplars, training=search_training)
            return {"final_score": self.score_map(template, features, batched)}
        f2 = self.template_features(exemplars, training=training)
        if not self.has_update:
            template = self.initial_template(f2, training=training)
            return {"final_score": self.score_map(template, features, batched)}
        update = self.update(f2, features, labels, weights, training=training, batched=batched)
        outputs = {"initial_score": update.score, "initial_loss": update.loss, "f2": f2}
        outputs |= {"gradient": update.gradient, "h2": update.h2, "template": update.template}
        return {**outputs, "final_score": self.score_map(update.template, features, batched)}

    def named_weights(self) -> dict[str, tf.Variable]:
        """Lists every variable by its TF1 name, batch norm's bookkeeping included."""
        return {k: v for block in self._block_list for k, v in block.named_weights().items()}

    def kernels(self) -> dict[str, tf.Variable]:
        """Lists the kernels that the L2 regularization counts, by TF1 name."""
        return {k: v for k, v in self.named_weights().items() if k.endswith("conv/weights")}

    def assign_weights(self, weights: Mapping[str, np.ndarray]) -> None:
        """Sets every variable to the array of its TF1 name.

        Raises:
            ValueError: If a name is missing, unknown, or of another shape; nothing is set then.
        """
        variables = self.named_weights()
        missing = sorted(set(variables) - set(weights))
        extra = sorted(set(weights) - set(variables))
        if missing or extra:
            raise ValueError(
                f"weights do not fit variant {self.variant!r}: "
                f"missing {missing or 'none'}, unknown {extra or 'none'}"
            )
        for name, variable in variables.items():
            given, needed = np.shape(weights[name]), tuple(variable.shape)
            if given != needed:
                raise ValueError(f"{name}: shape {given} given, {needed} needed")
        for name, variable in variables.items():
            variable.assign(weights[name])

    def folded(
        self,
        rgb: bool = False,
        dtype: str = "float32",
        minimal: bool = False,
        variant: Optional[str] = None,
    ) -> GradNet:
        """Makes a copy for inference: constant weights, batch norm folded into the convolutions.

        Args:
            rgb: Whether it will be given images that are RGB instead of BGR.
            dtype: Type of the arithmetic and the outputs; give it inputs of that type.
            minimal: Whether f_x convolves by minimal filtering, see `folding.FoldedConvBlock`.
            variant: Of the copy, if it needs fewer layers: "baseline" is f_x alone.
        """
        variant = variant or self.variant
        scopes = {layer.scope for layer in VARIANTS[variant]}
        blocks = {
            block.scope: folding.FoldedConvBlock(
                block,
                reverse_input=rgb and block.layer.in_channels == 3,
                dtype=dtype,
                minimal=minimal and block in self.f_x.blocks,
            )
            for block in self._block_list
            if block.scope in scopes
        }
        return GradNet(variant, blocks=blocks, dtype=dtype)
