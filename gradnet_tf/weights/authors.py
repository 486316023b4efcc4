"""Recognises the authors' own checkpoints by checksums.

The numbers were read from the indexes of the two checkpoints that the authors published: the
masked CRC-32C that TensorFlow stores for the raw little-endian float32 bytes of each tensor.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Collection, Mapping

import numpy as np
import tensorflow as tf

# Checkpoint -> (variant, {tensor: masked crc32c}). The tracker was trained from the base with its
# search branch frozen, so the two share every scala1..5 tensor; what differs is the variant.
KNOWN_CHECKPOINTS: dict[str, tuple[str, dict[str, int]]] = {
    "base_l5_1t_49/model_epoch49.ckpt": (
        "full",
        {
            "siamese/scala1/conv/weights": 0x703198FC,
            "siamese/scala5_z/conv/weights": 0x5F4C6E89,
            "siamese/t_scala5_zz/conv/weights": 0x2B1CA9F6,
            "siamese/t_scala5_zz/conv/biases": 0x43850B3F,
            "siamese/scala1_z/siamese/scala1_z/bn/moving_mean/local_step": 0x61BD8F9D,
        },
    ),
    "base_256/model_epoch45.ckpt": (
        "baseline",
        {
            "siamese/scala1/conv/weights": 0x703198FC,
            "siamese/scala2/bn/moving_mean": 0x8BE8F61B,
            "siamese/scala5/conv/weights": 0xB1726E22,
            "siamese/scala5/conv/biases": 0x652DB540,
            "siamese/scala1/siamese/scala1/bn/moving_mean/local_step": 0x14E673E8,
        },
    ),
}


def recognise(arrays: Mapping[str, np.ndarray], variant: str, filled: Collection[str] = ()) -> dict:
    """Compares weights, but for the `filled` ones, which their source lacked, with the authors'.

    Returns:
        A JSON value: "checkpoint", the name of the authors' checkpoint or None, and "crc32c", the
        masked checksums ("0x...") of the tensors that were compared.
    """
    for known, (known_variant, facts) in KNOWN_CHECKPOINTS.items():
        if known_variant == variant:
            found = {name: masked_crc32c(arrays[name]) for name in facts if name not in filled}
            is_known = all(found[name] == facts[name] for name in found)
            compared = {name: f"{crc:#010x}" for name, crc in found.items()}
            return {"checkpoint": known if is_known else None, "crc32c": compared}
    return {"checkpoint": None, "crc32c": {}}


def masked_crc32c(array: np.ndarray) -> int:
    """Computes the CRC-32C of an array's bytes (C order), masked as in TensorFlow's indexes.

    TensorFlow writes the same checksum behind a record of a TFRecord file, and computes it there.
    """
    with tempfile.TemporaryDirectory(prefix="gradnet_tf-") as folder:
        path = os.path.join(folder, "record")
        with tf.io.TFRecordWriter(path) as writer:
            writer.write(array.tobytes())
        with open(path, "rb") as file:
            file.seek(-4, os.SEEK_END)
            return int.from_bytes(file.read(), "little")
