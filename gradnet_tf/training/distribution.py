"""What a training over several replicas and workers needs besides its step.

Every function takes the strategy under whose scope the training runs; the default strategy, where
there is none, stands for one worker with one replica.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from concurrent import futures
from typing import Any

import tensorflow as tf


def is_chief(strategy: tf.distribute.Strategy) -> bool:
    """Whether this worker is the one that writes: the chief, or the first worker without one."""
    resolver = strategy.cluster_resolver
    if resolver is None or not resolver.task_type:
        return True
    return resolver.task_type == "chief" or (
        "chief" not in resolver.cluster_spec().jobs and resolver.task_id == 0
    )


def check_same_step(strategy: tf.distribute.Strategy, step: int) -> None:
    """Raises ValueError on all workers, which must all call this, unless their steps are equal."""
    replicas = strategy.num_replicas_in_sync
    if replicas == 1:
        return
    # Numbers whose sum and sum of squares are those of equal numbers are equal.
    total, squares = _sum(strategy, tf.constant([step, step**2], tf.float64))
    if total**2 != squares * replicas:
        raise ValueError(
            f"this worker goes on after step {step}, others after another one: all workers need "
            "the same working directory"
        )


def wait_for_all(strategy: tf.distribute.Strategy) -> None:
    """Returns when every worker has called this: one that leaves early takes down the others."""
    if strategy.num_replicas_in_sync > 1:
        _sum(strategy, tf.constant(1.0))


def _sum(strategy: tf.distribute.Strategy, value):
    """The sum of what all replicas have, as NumPy."""
    each = strategy.run(tf.identity, (value,))
    return strategy.reduce(tf.distribute.ReduceOp.SUM, each, axis=None).numpy()


def call_alone(function: Callable[..., Any], *arguments, **keywords) -> Any:
    """Calls a function on this worker alone, outside the strategy's scope, which is a thread's.

    A variable that is made inside the scope waits for the other workers.
    """
    with futures.ThreadPoolExecutor(1) as pool:
        return pool.submit(function, *arguments, **keywords).result()


def copy_from_first(strategy: tf.distribute.Strategy, variables: Iterable[tf.Variable]) -> None:
    """Gives all replicas the values of the first one, which may differ by rounding before."""
    if strategy.num_replicas_in_sync == 1:
        return
    for variable in variables:
        value = tf.constant(variable.numpy())

        def contribution(value=value):
            is_first = tf.distribute.get_replica_context().replica_id_in_sync_group == 0
            return tf.where(is_first, value, tf.zeros_like(value))

        parts = strategy.run(contribution)
        variable.assign(strategy.reduce(tf.distribute.ReduceOp.SUM, parts, axis=None))


def distribute(
    strategy: tf.distribute.Strategy, batches: Callable[[tuple[int, int]], tf.data.Dataset]
) -> Iterable:
    """The batches of a training, each part where it is needed; all of them without a strategy.

    `batches` gives the part of a worker, (index, count), of every global batch. What is returned is
    what the strategy's `run` takes as arguments: replicas in the order of their workers have
    consecutive parts of the global batch.
    """
    if not tf.distribute.has_strategy():
        return batches((0, 1))

    def of_worker(context):
        count = context.num_input_pipelines
        replicas = strategy.num_replicas_in_sync // count

        def split(images):
            return tf.reshape(images, [replicas, images.shape[0] // replicas, *images.shape[1:]])

        # Consecutive elements go to consecutive replicas of the worker.
        return batches((context.input_pipeline_id, count)).flat_map(
            lambda *batch: tf.data.Dataset.from_tensor_slices(tf.nest.map_structure(split, batch))
        )

    return strategy.distribute_datasets_from_function(of_worker)
