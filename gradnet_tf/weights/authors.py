"""Recognises the authors' own checkpoints by checksums.

The numbers are facts read from the indexes of the two checkpoints that the authors published: the
masked CRC-32C that TensorFlow stores for the raw little-endian float32 bytes of each tensor.
"""

from __future__ import annotations

import functools
from collections.abc import Collection, Mapping

import numpy as np

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

_POLYNOMIAL = 0x82F63B78  # Castagnoli, bits reversed
_LANES = 4096


def recognise(arrays: Mapping[str, np.ndarray], variant: str, filled: Collection[str] = ()) -> dict:
    """Compares weights with the authors' checkpoints.

    Args:
        arrays: Variables by TF1 name.
        variant: Their variant.
        filled: Names that were not in the source and are not compared.

    Returns:
        A JSON value: "checkpoint", the name of the authors' checkpoint or None, and "crc32c", the
        masked checksums ("0x...") of the tensors that were compared.
    """
    compared = {}
    checkpoint = None
    for known, (known_variant, facts) in KNOWN_CHECKPOINTS.items():
        if known_variant != variant:
            continue
        found = {name: masked_crc32c(arrays[name]) for name in facts if name not in filled}
        if all(found[name] == facts[name] for name in found):
            checkpoint = known
        compared.update({name: f"{crc:#010x}" for name, crc in found.items()})
    return {"checkpoint": checkpoint, "crc32c": compared}


def masked_crc32c(array: np.ndarray) -> int:
    """CRC-32C of an array's bytes (C order), masked as in TensorFlow's checkpoint index."""
    crc = crc32c(array.tobytes())
    return ((crc >> 15 | crc << 17) + 0xA282EAD8) & 0xFFFFFFFF


def crc32c(data: bytes) -> int:
    """CRC-32C (Castagnoli, RFC 3720).

    The data is cut into equal lanes that NumPy processes side by side, which is some hundred times
    faster than byte after byte. The state is linear over GF(2): the state after a lane is
    the state before it, carried through as many zero bytes, xor the lane's own state from zero.
    """
    table = _table()
    length = len(data) // _LANES
    head = len(data) - length * _LANES
    state = 0xFFFFFFFF
    for byte in data[:head]:
        state = int(table[(state ^ byte) & 0xFF]) ^ (state >> 8)
    if length:
        body = np.frombuffer(data, np.uint8, offset=head).reshape(_LANES, length)
        lanes = _advance(np.zeros(_LANES, np.uint32), np.ascontiguousarray(body.T))
        bits = np.uint32(1) << np.arange(32, dtype=np.uint32)
        carried = [int(c) for c in _advance(bits, np.zeros((length, 1), np.uint8))]
        for lane in lanes.tolist():
            moved = 0
            for bit, column in enumerate(carried):
                if state >> bit & 1:
                    moved ^= column
            state = moved ^ lane
    return state ^ 0xFFFFFFFF


def _advance(states: np.ndarray, rows: np.ndarray) -> np.ndarray:
    """CRC states uint32 [n] after one byte each from every row of uint8 [length, n or 1]."""
    table = _table()
    for row in rows:
        states = table[(states ^ row) & 0xFF] ^ (states >> np.uint32(8))
    return states


@functools.cache
def _table() -> np.ndarray:
    table = np.arange(256, dtype=np.uint32)
    for _ in range(8):
        table = np.where(table & 1, table >> 1 ^ np.uint32(_POLYNOMIAL), table >> 1)
    return table.astype(np.uint32)
