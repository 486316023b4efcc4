"""Supervised runs as `supervised` and `expected_overlap` take them."""

from __future__ import annotations

import enum
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np


class FrameCode(enum.IntEnum):
    """What happened in a frame of a supervised run."""

    TRACKED = 0
    INIT = 1
    FAILED = 2
    SKIPPED = 3


class Run(NamedTuple):
    """A supervised run over a sequence; functions take any tuple of this order.

    Attributes:
        sequence: Its name.
        codes: int64 [n], `FrameCode`; the first is INIT.
        overlaps: float64 [n] of `overlaps`; NaN where there is none. Only those of tracked frames
            count.
        tags: Attributes, bool [n] each (got10k only).
    """

    sequence: str
    codes: np.ndarray
    overlaps: np.ndarray
    tags: Mapping[str, np.ndarray] = {}


def group_runs(runs: Sequence[Run]) -> list[list[Run]]:
    """Runs by sequence, in the order of their first ones.

    Raises:
        ValueError: If there are none, or one is malformed; the message names its sequence.
    """
    groups: dict[str, list[Run]] = {}
    for run in runs:
        name, codes, values, *tags = run
        codes, values = np.asarray(codes), np.asarray(values, np.float64)
        if codes.ndim != 1 or not len(codes) or codes.shape != values.shape:
            raise ValueError(
                f"{name}: codes {list(codes.shape)} and overlaps {list(values.shape)} must be "
                "[n], n > 0, both"
            )
        if codes[0] != FrameCode.INIT or not np.isin(codes, list(FrameCode)).all():
            raise ValueError(
                f"{name}: codes must start with {int(FrameCode.INIT)} and be of "
                f"{[int(code) for code in FrameCode]}, got {codes[:10].tolist()} ..."
            )
        group = groups.setdefault(name, [])
        if group and len(group[0].codes) != len(codes):
            raise ValueError(
                f"{name}: repetitions of {len(group[0].codes)} and {len(codes)} frames"
            )
        group.append(Run(name, codes, values, *tags))
    if not groups:
        raise ValueError("there are no runs to measure")
    return list(groups.values())


def sequence_lengths(groups: list[list[Run]]) -> np.ndarray:
    """Frames of each sequence, int64 [s]."""
    return np.array([len(group[0].codes) for group in groups])
