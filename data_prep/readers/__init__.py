"""Readers of the data sets that training data is made of.

A reader lists files and reads annotations; it opens no image. Sets lie in folders of this machine
(or mounted on it). What a benchmark keeps for validation or tests is left out unless it is asked
for, see `splits`.
"""

from __future__ import annotations

from typing import Callable

from gradnet_tf.data_prep.readers import coco, got10k, ilsvrc_vid, lasot, otb, siamfc_crops
from gradnet_tf.data_prep.readers.tracks import Reading

# Name of a source: read(root, progress=False, split="train"), which raises OSError if `root` is no
# folder, and ValueError if nothing in it is usable.
SOURCES: dict[str, Callable[..., Reading]] = {
    "ilsvrc_vid": ilsvrc_vid.read,
    "got10k": got10k.read,
    "lasot": lasot.read,
    "otb": otb.read,
    "coco": coco.read,
    "siamfc_crops": siamfc_crops.read,
}
