"""Channel means and covariances over all pixels of all crops, summed up in parts.

The reference's colour augmentation shifts a crop along the axes of this covariance. Pixels are
whole numbers, so the sums are kept as integers: they are exact, whatever the order of the parts.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable
from fractions import Fraction
from typing import Any

import numpy as np

_CHANNELS = 3


@dataclasses.dataclass(frozen=True)
class PixelSums:
    """What mean and covariance are computed from; a sum over parts is exact.

    Attributes:
        pixels: Number of pixels.
        sums: Sum of each channel, RGB.
        products: Sum of the product of each two channels, row by row [3][3].
    """

    pixels: int = 0
    sums: tuple[int, ...] = (0,) * _CHANNELS
    products: tuple[tuple[int, ...], ...] = ((0,) * _CHANNELS,) * _CHANNELS

    def __add__(self, other: PixelSums) -> PixelSums:
        return PixelSums(
            self.pixels + other.pixels,
            tuple(a + b for a, b in zip(self.sums, other.sums)),
            tuple(
                tuple(a + b for a, b in zip(row, other_row))
                for row, other_row in zip(self.products, other.products)
            ),
        )

    def mean(self) -> np.ndarray:
        """Mean colour, float64 [3], RGB, 0..255; NaN without pixels."""
        if not self.pixels:
            return np.full(_CHANNELS, np.nan)
        return np.array([float(Fraction(total, self.pixels)) for total in self.sums])

    def covariance(self) -> np.ndarray:
        """Covariance of the population (divisor n), float64 [3, 3]; NaN without pixels.

        In rational numbers to the last step: nothing cancels.
        """
        covariance = np.full((_CHANNELS, _CHANNELS), np.nan)
        n = self.pixels
        if n:
            for i, j in np.ndindex(_CHANNELS, _CHANNELS):
                numerator = n * self.products[i][j] - self.sums[i] * self.sums[j]
                covariance[i, j] = float(Fraction(numerator, n * n))
        return covariance

    def to_json(self) -> dict[str, Any]:
        """The sums as JSON can hold them."""
        products = [list(row) for row in self.products]
        return {"pixels": self.pixels, "sums": list(self.sums), "products": products}

    @classmethod
    def from_json(cls, values: dict[str, Any]) -> PixelSums:
        """Undoes `to_json`; a KeyError or TypeError if it is something else."""
        return cls(
            int(values["pixels"]),
            tuple(int(value) for value in values["sums"]),
            tuple(tuple(int(value) for value in row) for row in values["products"]),
        )


def of_image(image: np.ndarray) -> PixelSums:
    """Sums over one image, uint8 [h, w, 3], RGB."""
    # float64 is exact here up to 2**53 / 255**2, far more pixels than an image has.
    pixels = image.reshape(-1, _CHANNELS).astype(np.float64)
    products = pixels.T @ pixels
    return PixelSums(
        len(pixels),
        tuple(int(value) for value in np.ones(len(pixels)) @ pixels),  # faster than sum(axis=0)
        tuple(tuple(int(value) for value in row) for row in products),
    )


def total(parts: Iterable[PixelSums]) -> PixelSums:
    """Sums parts up."""
    result = PixelSums()
    for part in parts:
        result = result + part
    return result
