"""Channel means and covariances over all pixels of all crops, summed up in parts.

The reference's colour augmentation shifts a crop along the axes of this covariance. Pixels are
whole numbers, and so are their sums, which are exact whatever the order of the parts: in an int64
[4, 4], the number of pixels is at [0, 0], the sums of red, green and blue stand beside and below
it, and at [1:, 1:] are the sums of the products of each two channels. It holds billions of crops.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

from gradnet_tf.data.description import Statistics


def of_image(image: np.ndarray) -> np.ndarray:
    """Sums up one image, uint8 [h, w, 3], RGB."""
    # float64 is exact here up to 2**53 / 255**2, far more pixels than an image has.
    pixels = np.ones((image.shape[0] * image.shape[1], 4))
    pixels[:, 1:] = image.reshape(-1, 3)
    return (pixels.T @ pixels).astype(np.int64)


def total(parts: Iterable[np.ndarray]) -> np.ndarray:
    """Sums parts up."""
    return sum(parts, np.zeros((4, 4), np.int64))


def describe(sums: np.ndarray) -> Statistics:
    """Computes mean and covariance (divisor n) of pixels, one at least."""
    # In Python's integers to the last step, so that nothing cancels or overflows.
    (count, *totals), *rows = sums.tolist()
    covariance = [
        [(count * product - a * b) / count**2 for b, product in zip(totals, products)]
        for a, *products in rows
    ]
    return Statistics(np.array([value / count for value in totals]), np.array(covariance), count)


def to_json(sums: np.ndarray) -> dict[str, Any]:
    """Writes the sums as JSON can hold them."""
    (count, *totals), *rows = sums.tolist()
    return {"pixels": count, "sums": totals, "products": [row[1:] for row in rows]}


def from_json(values: dict[str, Any]) -> np.ndarray:
    """Undoes `to_json`; a KeyError or TypeError if it is something else."""
    rows = [[total, *row] for total, row in zip(values["sums"], values["products"])]
    return np.array([[values["pixels"], *values["sums"]], *rows], np.int64)
