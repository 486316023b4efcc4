"""The recipe gives bit for bit the numbers that the golden values were made with."""

import hashlib

import numpy as np
import pytest

from tests.helpers import goldens, recipe

WEIGHTS = {
    0: "7bf265e075737f9b77a472af026ea6be9b71452ebbf51593d9498c776a6fe922",
    1: "d4faad95f2361c193b7c3eabdd1bdc79cab55a63f771e052bc5fbf494d9cc529",
}
FRAMES = {
    100: "eab40004a6bcd481e0155eb99603291b3e3a912068501f5e5822a548506e59f8",
    101: "5ee0421243988d80d7ced5a565873f2fa56581c3f7bfe3cb5c061e5a71e0cbd0",
}
BOXES = "042ebf613e416c39d49fbf1b7cfc5d84a1afccaeb028dfefe9a6e9249a92933a"


@pytest.mark.parametrize("seed", WEIGHTS)
def test_weights_are_bit_identical(seed):
    variables = recipe.weights(seed)
    digest = hashlib.sha256()
    for name in sorted(variables):
        assert variables[name].dtype == np.float32, name
        digest.update(name.encode())
        digest.update(np.ascontiguousarray(variables[name]).tobytes())
    assert len(variables) == 58
    assert digest.hexdigest() == WEIGHTS[seed]


@pytest.mark.parametrize("seed", FRAMES)
def test_sequence_is_bit_identical(seed):
    frames, boxes = recipe.sequence(seed)
    assert frames.shape == (48, 144, 192, 3) and frames.dtype == np.uint8
    assert hashlib.sha256(frames.tobytes()).hexdigest() == FRAMES[seed]
    assert boxes.dtype == np.float64
    assert hashlib.sha256(boxes.tobytes()).hexdigest() == BOXES


def test_sequence_is_the_one_of_the_golden_run():
    np.testing.assert_array_equal(recipe.sequence(100)[1], goldens.load(0, "track_synthetic")["gt"])


def test_bookkeeping_of_every_moving_average():
    plain = recipe.weights(0)
    full = recipe.with_bookkeeping(plain)
    # 9 batch norms, each with two moving averages, each with two companions.
    assert len(full) == len(plain) + 36
    biased = full["siamese/scala1_z/siamese/scala1_z/bn/moving_mean/biased"]
    np.testing.assert_array_equal(biased, plain["siamese/scala1_z/bn/moving_mean"])
    step = full["siamese/scala1_z/siamese/scala1_z/bn/moving_variance/local_step"]
    assert step.shape == () and step.dtype == np.float32 and step == 299250
    assert set(plain) < set(full)


def test_goldens_name_what_is_missing():
    with pytest.raises(FileNotFoundError, match="seed0/network"):
        goldens.load(7, "network")
