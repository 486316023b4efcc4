"""Matplotlib, which is an optional dependency."""

from __future__ import annotations


def figure_class() -> type:
    """Matplotlib's `Figure`; pyplot's state is not touched.

    Raises:
        ImportError: If matplotlib is not installed.
    """
    try:
        from matplotlib.figure import Figure
    except ImportError as error:
        raise ImportError(
            "plots need matplotlib, which is not installed: pip install gradnet_tf[plot]"
        ) from error
    return Figure
