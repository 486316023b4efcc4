"""Judges the weights of a training by tracking: success AUC on chosen sequences.

The loss of a training says little about tracking, where a template meets its own errors.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any, Optional

import numpy as np
from absl import logging

from gradnet_tf.datasets import open_dataset
from gradnet_tf.datasets.sequences import Dataset
from gradnet_tf.eval.running import progress, protocols, start_frames
from gradnet_tf.tracking.tracker import Tracker


@dataclasses.dataclass(frozen=True)
class TrackedSequences:
    """Sequences on which a training tracks at the end of every epoch.

    Attributes:
        dataset: The sequences, or segments of them.
        limit: Frames of each at most.
        preset: Of `TrackerConfig`.
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
        """Mean success AUC (21 thresholds) of the sequences.

        Args:
            weights: Arrays by TF1 name.

        Returns:
            0 to 1.

        Raises:
            OSError: If an image cannot be read.
        """
        tracker = Tracker(weights=weights, preset=self.preset)
        found = []
        for sequence in self.dataset.sequences:
            sequence = protocols.cut(sequence, self.limit)
            protocol = protocols.Protocol(limit=self.limit)
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
    """Opens sequences to track on.

    Args:
        root: Their folder.
        names: Which of them; all by default.
        dataset: One of `gradnet_tf.datasets.DATASETS`.
        starts: Segments of each sequence, see `gradnet_tf.eval.running.start_frames`.
        limit: Frames of each segment at most.
        preset: Of `TrackerConfig`.

    Raises:
        OSError: `root` cannot be read.
        ValueError: If there is no such data set or sequence, or a value is out of its range.
    """
    protocols.Protocol(limit=limit)
    chosen = start_frames.segments(open_dataset(dataset, root, names), starts)
    return TrackedSequences(chosen, limit, preset)
