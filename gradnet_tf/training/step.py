"""One training step: the groups of all replicas, their mean gradient, the optimizer.

Each replica takes its share of the groups, one after the other. Batch norm uses the statistics of a
group (k pairs), and its moving averages move once a step, by the mean of the groups' statistics. So
one replica and many give the same losses on the same global batch.
"""

from __future__ import annotations

import functools
from collections.abc import Sequence
from typing import Any, Union

import numpy as np
import tensorflow as tf

from gradnet_tf.network import layers
from gradnet_tf.network.gradnet import GradNet
from gradnet_tf.training import objective as objectives
from gradnet_tf.training import optimizers
from gradnet_tf.training.config import TrainConfig

SCORES = ("final_score", "initial_score", "target")  # What has a row for each search region.


class TrainStep:
    """The compiled training step, and the validation step beside it.

    Make it inside the scope of the strategy under which it will run.

    Args:
        network: What is trained, of the variant `config.network_variant`.
        config: See `TrainConfig`.
        jit_compile: Whether XLA compiles a replica's part.

    Raises:
        ValueError: If the groups of a step cannot be shared out evenly among the replicas.
    """

    def __init__(self, network: GradNet, config: TrainConfig, *, jit_compile: bool = False):
        self.strategy = tf.distribute.get_strategy()
        self.replicas = self.strategy.num_replicas_in_sync
        check_groups(config.groups, self.replicas)
        self.network = network
        self.config = config
        self._offset = None
        if config.stage == "siamfc":
            self._offset = tf.Variable(config.score_offset, dtype=config.variable_type)
        self.objective = objectives.Objective(network, config, self._offset)
        variables = self.objective.variables
        self.optimizer: Union[optimizers.Adam, optimizers.Momentum]
        if config.optimizer == "adam":
            self.optimizer = optimizers.Adam(variables)
        else:
            self.optimizer = optimizers.Momentum(variables, config.momentum)
        self._moving: Sequence[layers.BatchNorm] = ()
        compile_ = functools.partial(tf.function, autograph=False)
        self._replica_gradients = compile_(self._gradients, jit_compile=jit_compile)
        self._replica_evaluate = compile_(self._evaluate, jit_compile=jit_compile)
        self._train = compile_(self._train_step)

    def __call__(
        self, exemplars, instances, step: int, stop: bool = False, task=()
    ) -> dict[str, tf.Tensor]:
        """Trains on the groups of one step.

        Args:
            exemplars: [groups * k, 127, 127, 3] BGR in 0..255, or what the strategy distributed.
            instances: [groups * k * regions, 239, 239, 3], likewise, or their features, see
                `Objective`.
            step: Steps done before this one; says the learning rate.
            stop: Whether this worker has been asked to stop.
            task: With several updates, what `Objective` takes as `task`, of all groups.

        Returns:
            What `Objective` returns: means of the scalars and the score maps of all groups. And
            `stop`, positive if any worker was asked to stop: all do after the same step.
        """
        rate = tf.constant(self.config.learning_rate_at(step), tf.float64)
        index, stop = tf.constant(step, tf.int64), tf.constant(float(stop))
        return self._train(exemplars, instances, task, rate, index, stop)

    def evaluate(self, exemplars, instances, task=()) -> dict[str, tf.Tensor]:
        """Losses and score maps of `config.groups` groups of any size, on this worker alone."""
        return self._replica_evaluate(exemplars, instances, task)

    def state(self) -> dict[str, np.ndarray]:
        """Everything that training changes, by name: weights, slots, offset."""
        return {name: variable.numpy() for name, variable in self._state_variables().items()}

    def load_state(self, state: dict[str, np.ndarray]) -> None:
        """Sets what `state` returned; if names or shapes differ, raises ValueError before.

        In stage "gradnet" the search branch must be that of `state` already when the step is made,
        for that is when it is folded.
        """
        variables = self._state_variables()
        differing = [
            name
            for name in sorted({*variables, *state})
            if name not in variables
            or name not in state
            or tuple(variables[name].shape) != state[name].shape
        ]
        if differing:
            raise ValueError(f"the state is one of another training: {', '.join(differing[:5])}")
        for name, variable in variables.items():
            variable.assign(state[name])

    def _state_variables(self) -> dict[str, tf.Variable]:
        variables = {**self.network.named_weights(), **self.optimizer.state()}
        if self._offset is not None:
            variables[objectives.OFFSET] = self._offset
        return variables

    def _groups(self, exemplars, instances, task, count):
        tasks: list[Any] = list(zip(*map(tf.unstack, task))) or [None] * count
        return list(zip(tf.split(exemplars, count), tf.split(instances, count), tasks))

    def _gradients(self, exemplars, instances, task=()):
        """A replica's sums over its groups: scalars, gradients and statistics, with score maps."""
        results = []
        count = instances.shape[0] // self.config.instances
        for group in self._groups(exemplars, instances, task, count):
            with layers.collecting_statistics() as statistics:
                outputs, gradients = self.objective.gradients(*group)
            self._moving = [entry.layer for entry in statistics]
            moments = [(entry.mean, entry.variance) for entry in statistics]
            results.append((outputs, gradients, moments))
        scores = _concat_scores([outputs for outputs, _, _ in results])
        sums = [(_scalars(outputs), *rest) for outputs, *rest in results]
        share = 1.0 / self.config.groups
        total = tf.nest.map_structure(lambda *values: tf.add_n(values) * share, *sums)
        return total, scores

    def _evaluate(self, exemplars, instances, task=()):
        groups = self._groups(exemplars, instances, task, self.config.groups)
        with layers.collecting_statistics():  # And forgetting: validation moves nothing.
            results = [
                self.objective(exemplars, instances, task, training=False)
                for exemplars, instances, task in groups
            ]
        scalars = [_scalars(outputs) for outputs in results]
        mean = tf.nest.map_structure(lambda *v: tf.add_n(v) / len(v), *scalars)
        return {**mean, **_concat_scores(results)}

    def _train_step(self, exemplars, instances, task, learning_rate, step, stop):
        batch = exemplars, instances, task
        if self.replicas == 1 and not tf.distribute.has_strategy():
            (scalars, gradients, moments), scores = self._replica_gradients(*batch)
        else:
            total, scores = self.strategy.run(self._replica_gradients, batch)
            scores = {name: self.strategy.gather(value, axis=0) for name, value in scores.items()}
            scalars, gradients, moments = self._summed(total)
            stop = self.strategy.run(tf.identity, (stop,))
            stop = self.strategy.reduce(tf.distribute.ReduceOp.SUM, stop, axis=None)
        for layer, (mean, variance) in zip(self._moving, moments):
            layer.move(mean, variance)
        self.optimizer.apply(gradients, learning_rate, step)
        return {**scalars, **scores, "stop": stop}

    def _summed(self, total):
        """Sums over replicas; gradients arrive where their variables are."""
        scalars, gradients, moments = total
        extended, add = self.strategy.extended, tf.distribute.ReduceOp.SUM
        names = list(gradients)
        reduced = extended.batch_reduce_to(
            add, [(gradients[name], self.optimizer.variables[name]) for name in names]
        )
        raw = [layer.named_weights()["bn/moving_mean"] for layer in self._moving]
        flat = [(value, mean) for pair, mean in zip(moments, raw) for value in pair]
        flat = extended.batch_reduce_to(add, flat) if flat else []
        moments = list(zip(flat[::2], flat[1::2]))
        scalars = {
            name: self.strategy.reduce(add, value, axis=None) for name, value in scalars.items()
        }
        return scalars, dict(zip(names, reduced)), moments


def check_groups(groups: int, replicas: int) -> None:
    """Raises ValueError if the groups of a step cannot be shared out evenly among the replicas."""
    if groups % replicas:
        raise ValueError(
            f"groups={groups} cannot be shared out among {replicas} replicas: give a multiple of "
            f"{replicas}"
        )


def _scalars(outputs: dict[str, tf.Tensor]) -> dict[str, tf.Tensor]:
    return {name: value for name, value in outputs.items() if name not in SCORES}


def _concat_scores(outputs: list[dict[str, tf.Tensor]]) -> dict[str, tf.Tensor]:
    names = [name for name in SCORES if name in outputs[0]]
    return {name: tf.concat([each[name] for each in outputs], axis=0) for name in names}
