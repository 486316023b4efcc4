"""The network that a training starts from, and U2 as a descent step.

With random weights U2 does next to nothing for long: the gradients are so small that batch norm's
epsilon outweighs their variance. A step against the gradient is what U2 has to learn anyway
(section 3.2), so it is a better start.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Optional

import numpy as np
import tensorflow as tf

from gradnet_tf.data import pairs
from gradnet_tf.network import architecture
from gradnet_tf.network.gradnet import GradNet
from gradnet_tf.training import objective
from gradnet_tf.training.config import TrainConfig
from gradnet_tf.weights.card import FILLED_LOCAL_STEP

DESCENT = 10.0  # Centre tap; with it the convolution of a usual gradient outweighs epsilon.
NOISE = 0.3  # Share of the random kernel that stays.
GAMMA = 0.3  # Step size: a change by one standard deviation of the gradient, in units of f_2.
CALIBRATION_GROUPS = 16


def make_network(config: TrainConfig, init: Optional[Mapping[str, np.ndarray]] = None) -> GradNet:
    """A network with the weights that `config` and an initial checkpoint say.

    Args:
        config: Stage, variant, init_template, precision and seed are used.
        init: Arrays by TF1 name of the initial checkpoint, bookkeeping included. Stage "gradnet"
            needs its search branch, stage "siamfc" starts from random values without it: then no
            layer may be frozen.

    Returns:
        A network of the variant `config.network_variant`.

    Raises:
        ValueError: If what `config` asks for is not in the initial checkpoint, or it is missing.
    """
    network = GradNet(config.network_variant, seed=config.seed, dtype=config.variable_type)
    if init is None:
        if config.stage == "gradnet":
            raise ValueError(
                "stage=gradnet leaves the search branch as it is and needs a trained one: give the "
                "checkpoint of stage=siamfc, or another, as the initial checkpoint"
            )
        if config.frozen_layers:
            raise ValueError(
                f"frozen_layers={config.frozen_layers} would leave random layers as they are: give "
                "an initial checkpoint, or frozen_layers=0 and search_statistics=batch to start "
                "from scratch"
            )
        return network
    weights = {name: variable.numpy() for name, variable in network.named_weights().items()}
    for name in weights:
        given = name
        if "_z" in name:
            if config.stage == "siamfc" or config.init_template == "random":
                continue
            if config.init_template == "search":
                given = _search_name(name)
                if given == name:  # U2 has no counterpart.
                    continue
            elif name not in init:
                raise ValueError(
                    f"init_template=checkpoint: the initial checkpoint has no {name}; give one of "
                    f"variant {config.network_variant}, or init_template=search"
                )
        elif name not in init:
            raise ValueError(f"the initial checkpoint has no {name}: it has no search branch")
        weights[name] = init[given]
    network.assign_weights(weights)
    if starts_as_descent(config):
        start_as_descent(network)
    return network


def starts_as_descent(config: TrainConfig) -> bool:
    """Whether U2 is made anew, as a descent step."""
    is_new = config.has_update and config.init_template != "checkpoint"
    return is_new and config.init_update == "descent"


def _search_name(name: str) -> str:
    """The name of the search branch's variable that stands where this one does."""
    for stage in (layer.scope for layer in architecture.F_X):
        name = name.replace(f"{stage}_zu/", f"{stage}/").replace(f"{stage}_z/", f"{stage}/")
    return name


def start_as_descent(network: GradNet) -> None:
    """Turns a new U2 into h_2 = f_2 - step size * gradient, up to tanh and some noise."""
    block = network.u2.block
    weights = block.named_weights()
    prefix = f"siamese/{block.scope}/"
    kernel = weights[prefix + "conv/weights"]
    values = NOISE * kernel.numpy()
    values[1, 1] -= DESCENT * np.eye(values.shape[2], dtype=values.dtype)
    kernel.assign(values)
    gamma = weights[prefix + "bn/gamma"]
    gamma.assign(np.full(gamma.shape, GAMMA, values.dtype))


def calibrate_update(
    network: GradNet, groups: Iterable, *, batched: bool = False, label: str = "logistic"
) -> None:
    """Sets U2's moving averages to the statistics of the gradients of some groups of pairs.

    Args:
        network: With a U2; nothing else of it changes.
        groups: Pairs of exemplars [k, 127, 127, 3] and instances [k, 239, 239, 3], BGR in 0..255.
        batched: False: template generalization; True: one template for each pair.
        label: Label map of the training, see `TrainConfig`; gradients of the Gaussian one are
            larger.
    """
    block = network.u2.block
    folded = network.folded()

    @tf.function(autograph=False)
    def moments(exemplars, instances):
        features = folded.search_features(tf.cast(instances, tf.float32))
        exemplars = exemplars if batched else exemplars[:1]
        f2 = network.template_features(exemplars)
        update = network.update(
            f2,
            tf.cast(features, f2.dtype),
            *objective.labels_of(label, features.shape[1] - 5),
            batched=batched,
            loss=objective.loss_of(label),
        )
        outputs = block.convolve(update.gradient * network.u2.scale)
        return tf.reduce_mean(outputs, [0, 1, 2]), tf.reduce_mean(outputs**2, [0, 1, 2])

    found = [[value.numpy().astype(np.float64) for value in moments(*group)] for group in groups]
    mean, square = np.mean(found, axis=0)
    weights = block.named_weights()
    prefix = f"siamese/{block.scope}/"
    for name, value in (("mean", mean), ("variance", square - mean**2)):
        weights[f"{prefix}bn/moving_{name}"].assign(value)
        nested = f"{prefix}siamese/{block.scope}/bn/moving_{name}"
        weights[f"{nested}/biased"].assign(value)
        weights[f"{nested}/local_step"].assign(FILLED_LOCAL_STEP)


def groups_to_calibrate(source: pairs.PairSource, config: TrainConfig) -> Iterator:
    """Some groups of training pairs, the same on every worker."""
    source = source.as_pairs()
    for exemplars, instances in source.iterate(source.train(0).take(CALIBRATION_GROUPS)):
        yield exemplars[: config.batch], instances[: config.batch]
