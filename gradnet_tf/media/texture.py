"""Synthetic texture with the statistics of photographs."""

from __future__ import annotations

import numpy as np


def natural_noise(random: np.random.Generator, height: int, width: int, slope: float) -> np.ndarray:
    """Makes noise whose amplitude falls with the frequency, as that of natural images does.

    The larger the exponent `slope`, the smoother is the noise. It is float64 [height, width, 3] of
    mean 0, and its channels share most of it.
    """
    frequency = np.hypot(np.fft.fftfreq(height)[:, np.newaxis], np.fft.fftfreq(width))
    frequency[0, 0] = 1.0 / max(height, width)
    noise = random.standard_normal([4, height, width])
    fields = np.fft.ifft2(np.fft.fft2(noise) / frequency**slope).real
    fields /= fields.std(axis=(1, 2), keepdims=True)
    return np.moveaxis(fields[:1] + 0.3 * fields[1:], 0, -1)
