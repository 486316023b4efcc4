"""Lets a plain checkout be used as if it were installed.

The repository keeps ``eval`` and ``data_prep`` at its top level; setup.py installs them as
``gradnet_tf.eval`` and ``gradnet_tf.data_prep``. Here the same two names are found when the package
is imported from a checkout that was not installed.
"""

from __future__ import annotations

import importlib.machinery
import importlib.util
import sys
from collections.abc import Sequence
from pathlib import Path
from types import ModuleType
from typing import Optional

_ROOT = Path(__file__).resolve().parents[1]
_FOLDERS = {"gradnet_tf.eval": "eval", "gradnet_tf.data_prep": "data_prep"}


class _CheckoutFinder:
    """Finds just the packages of `_FOLDERS`, for the import system (`sys.meta_path`)."""

    @staticmethod
    def find_spec(
        fullname: str,
        path: Optional[Sequence[str]] = None,
        target: Optional[ModuleType] = None,
    ) -> Optional[importlib.machinery.ModuleSpec]:
        """Returns where a package lies, None for every other name."""
        del path, target
        if fullname not in _FOLDERS:
            return None
        folder = _ROOT / _FOLDERS[fullname]
        return importlib.util.spec_from_file_location(
            fullname, folder / "__init__.py", submodule_search_locations=[str(folder)]
        )


def register() -> None:
    """Makes the top-level folders importable, if this is a checkout; else does nothing.

    The finder comes last, so that whatever an installation provides goes before it.
    """
    is_checkout = all(
        (_ROOT / name).is_file()
        for name in ("setup.py", *(f"{folder}/__init__.py" for folder in _FOLDERS.values()))
    )
    if is_checkout and _CheckoutFinder not in sys.meta_path:
        sys.meta_path.append(_CheckoutFinder)
