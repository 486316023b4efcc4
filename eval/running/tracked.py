"""Judges the weights of a training by tracking, since the loss says little about that."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any, Optional

import numpy as np
from absl import logging

from gradnet_tf.datasets import open_dataset
from gradnet_tf.datasets.sequences import Dataset, part
from gradnet_tf.eval.running import progress, protocols, start_frames
from gradnet_tf.tracking.tracker import Tracker


@dataclasses.dataclass(frozen=True)
class TrackedSequences:
    """Sequences, or segments of them, on which a training tracks at the end of every epoch.

    Of each sequence, `limit` frames are tracked at most, with the `preset` of `TrackerConfig`.
    """

    dataset: Dataset
    limit: int
    preset: str

    @property
    def claims(self) -> dict[str, Any]:
        """What the choice of the best weights depends on, as JSON values."""
        names = [sequence.name for sequence in self.dataset.sequences]
        return {"sequences": names, "limit": self.limit, "preset": self.preset}

    def success_auc(self, weights: Mapping[str, np.ndarray]) -> float:
        """Returns the mean success AUC (21 thresholds, 0 to 1) of weights, arrays by TF1 name.

        Raises an OSError if an image cannot be read.
        """
        tracker = Tracker(weights=weights, preset=self.preset)
        found = []
        protocol = protocols.Protocol(limit=self.limit)
        for sequence in self.dataset.sequences:
            sequence = part(sequence, end=self.limit)
            result = protocols.run_sequence(tracker, sequence, protocol)
            found.append(progress.score(sequence, result.boxes))
            logging.info("tracked %s: %.3f", sequence.name, found[-1])
        return float(np.mean(found))


def open_sequences(
    root: str,
    names: Optional[Sequence[str]] = None,
    *,
    dataset: str = "otb100",
    starts: int = 1,
    limit: int = 100,
    preset: str = "tuned",
) -> TrackedSequences:
    """Opens a data set, one of `gradnet_tf.datasets.DATASETS`, in the folder `root` to track on it.

    Each sequence (by default all) becomes as many segments as there are `starts`, see
    `gradnet_tf.eval.running.start_frames`. The other arguments are those of `TrackedSequences`.
    Raises an OSError if `root` cannot be read, a ValueError for a value that is out of its range.
    """
    protocols.Protocol(limit=limit)
    chosen = start_frames.segments(open_dataset(dataset, root, names), starts)
    return TrackedSequences(chosen, limit, preset)
