"""Reads the golden values of the reference implementation that stand in tests/data.

They were printed by the reference (TensorFlow 2.15.1 in TF1 mode, CPU, float32). Images in them are
BGR, as the reference's network is fed. The fields of each file:

* ``network``: one pass through the network, from exemplar to online update.
* ``crops``: exemplar crops and scale pyramids of 24 positions in one image.
* ``track_synthetic``, ``track_Walking2``: a free run of the tracker, evaluation by evaluation.
* ``track_Walking2_avx512``: the same on another processor, some of the fields; the last bit of
  float32 parts the two at frame 213.
* ``track_Walking2_avx2``, ``track_Walking2_avx2_48k``: its boxes without AVX-512, for two sizes of
  the first cache (see docs/differences.md).
* ``train``, ``train_metrics``, ``augment``: a training batch, its metrics, its augmentation.
* ``train_other_sign``: the third training step, where one activation has the other sign.
* ``calib``: batch-norm statistics and scales of the hand-made network (see `recipe`).
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

DATA = Path(__file__).resolve().parents[1] / "data"


def load(seed: int, name: str) -> dict[str, np.ndarray]:
    """Returns the arrays of tests/data/seed{seed}/{name}.npz by their names."""
    path = DATA / f"seed{seed}" / f"{name}.npz"
    if not path.is_file():
        present = ", ".join(sorted(f"{p.parent.name}/{p.stem}" for p in DATA.glob("seed*/*.npz")))
        raise FileNotFoundError(f"no golden values {path}; there are: {present}")
    with np.load(path, allow_pickle=False) as stored:
        return {key: stored[key] for key in stored.files}
