"""The network that a training starts from."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Optional

import numpy as np

from gradnet_tf.network import architecture
from gradnet_tf.network.gradnet import GradNet
from gradnet_tf.training import calibration
from gradnet_tf.training.config import TrainConfig


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
    names = list(network.named_weights())
    taken = {name: init[name] for name in names if name in init and "_z" not in name}
    missing = [name for name in names if "_z" not in name and name not in taken]
    if missing:
        raise ValueError(f"the initial checkpoint has no {missing[0]}: it has no search branch")
    if config.stage == "gradnet" and config.init_template != "random":
        for name in names:
            if "_z" not in name:
                continue
            if config.init_template == "search":
                source = _search_name(name)
                if source != name:  # U2 has no counterpart.
                    taken[name] = init[source]
            elif name in init:
                taken[name] = init[name]
            else:
                raise ValueError(
                    f"init_template=checkpoint: the initial checkpoint has no {name}; give one of "
                    f"variant {config.network_variant}, or init_template=search"
                )
    start = {name: variable.numpy() for name, variable in network.named_weights().items()}
    network.assign_weights({**start, **taken})
    if starts_as_descent(config):
        calibration.start_as_descent(network)
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
