"""Which part of a benchmark is for training.

By default a reader leaves out what its benchmark keeps for validation or tests, and lists it among
its problems: who trains on a test set measures nothing with it any more.
"""

from __future__ import annotations

import functools
import os
import re
from collections.abc import Iterable
from typing import Callable, Optional

from gradnet_tf.data_prep.readers import tracks

TRAIN, ALL = "train", "all"
SPLITS = (TRAIN, ALL)

_WORD = r"(train|val|test)(?:id|idation|ing)?"
# A folder of the split, or a name such as GOT-10k_Val_000001 and ILSVRC2015_val_00000000.
_IN_PATH = re.compile(rf"(?:^|/){_WORD}(?=/|$)|_{_WORD}_[0-9]", re.IGNORECASE)
# Such as val2017, minival2014, valminusminival2014 and test-dev2017.
_IN_FILE = re.compile(rf"(?:mini|valminus)*{_WORD}(?![a-z])", re.IGNORECASE)
_SETS = {"val": "the validation set", "test": "the test set"}


def leave_out(
    items: Iterable[str],
    part_of: Callable[[str], Optional[str]],
    split: str,
    problems: list[tracks.Problem],
) -> list[str]:
    """Leaves out what is not for training, unless all is asked for.

    Args:
        items: Folders, files or names of videos.
        part_of: Says of one of them which set it belongs to, such as "the test set of LaSOT"; None
            if it is for training.
        split: One of `SPLITS`.
        problems: Gets an entry for each item that is left out.

    Returns:
        The others, in their order.

    Raises:
        ValueError: If there is no such split.
    """
    if split not in SPLITS:
        raise ValueError(f"split must be {' or '.join(SPLITS)}, got {split!r}")
    kept = []
    for item in items:
        part = part_of(item) if split == TRAIN else None
        if part is None:
            kept.append(item)
        else:
            detail = f"it belongs to {part}; --split={ALL} takes it"
            problems.append(tracks.Problem(tracks.NOT_FOR_TRAINING, item, detail))
    return kept


def by_name(name: str) -> Optional[str]:
    """The set that the last folder or name of a path with "/" belongs to; None if for training."""
    found = [match[1] or match[2] for match in _IN_PATH.finditer(name)]
    return _SETS.get(found[-1].lower()) if found else None


def by_file(name: str) -> Optional[str]:
    """The same of the name that COCO gives to a split, such as val2017."""
    match = _IN_FILE.match(name)
    return _SETS.get(match[1].lower()) if match else None


def by_path(path: str, base: str) -> Optional[str]:
    """As `by_name`, of a path from the folder `base` on, whose own name counts."""
    return by_name(os.path.relpath(path, os.path.dirname(base)).replace(os.sep, "/"))


def of_lasot(path: str) -> Optional[str]:
    """The set of a sequence of LaSOT, or of its extension, which is for tests alone."""
    name = os.path.basename(path).lower()
    if name in _lasot_test_set():
        return "the test set of LaSOT"
    if name.rpartition("-")[0] in _LASOT_EXTENSION:
        return "LaSOT's extension, a test set"
    return None


def of_otb(path: str) -> Optional[str]:
    """The set of a sequence of OTB, which is for tests alone; None for other sequences."""
    # Here, for the evaluation's readers need this package.
    from gradnet_tf.datasets import otb

    name = os.path.basename(path)
    is_target = otb.canonical(name) or otb.canonical(f"{name}-1")
    return "OTB-100, a test set" if is_target else None


_LASOT_EXTENSION = frozenset(
    """
    atv badminton cosplay dancingshoe footbag frisbee jianzi lantern misc opossum paddle raccoon
    rhino skatingshoe wingsuit
    """.split()
)


@functools.cache
def _lasot_test_set() -> frozenset[str]:
    # Here, for the evaluation's readers need this package.
    from gradnet_tf.datasets import lasot

    return frozenset(name.lower() for name in lasot.TEST_SET)
