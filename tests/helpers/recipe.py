"""A hand-made GradNet and a synthetic sequence to run it on, both made from a seed.

The network is not trained, but its template branch resembles its search branch and its U2 comes
near to a descent step, so that tracking with it means something. The golden values in tests/data
were made with exactly these numbers: every draw, its order and the order of the arithmetic count,
and tests/recipe_test.py holds their digests. Names of variables are those of the TF1 checkpoint.
"""

from __future__ import annotations

import zlib

import numpy as np

from tests.helpers import goldens

# Scope of each convolution of one branch, with its kernel's side, input channels of one group
# and output channels.
CONVOLUTIONS = (
    ("scala1", 11, 3, 96),
    ("scala2", 5, 48, 256),
    ("scala3", 3, 256, 384),
    ("scala4", 3, 192, 384),
    ("scala5", 3, 192, 256),
)
U2 = "siamese/t_scala5_zz"

# Training steps after which the authors saved their checkpoint.
LOCAL_STEP = 299250.0

TARGET_SIDE = 64  # of the target's texture, in px
FADED = range(20, 26)  # frames in which the background shines through the target


def weights(seed: int) -> dict[str, np.ndarray]:
    """Returns the 58 variables of the network by TF1 name, float32, kernels in HWIO layout.

    Args:
        seed: 0 or 1, the seeds of which tests/data has the calibration.
    """
    variables = {}
    for scope, side, inputs, outputs in CONVOLUTIONS:
        search = f"siamese/{scope}"
        for name in (search, search + "_z"):
            variables.update(_convolution(search, name, side, inputs, outputs, seed))
            if scope != "scala5":
                gamma = _random(f"{search}/bn/gamma", seed).uniform(0.7, 1.3, outputs)
                beta = 0.2 * _random(f"{search}/bn/beta", seed).standard_normal(outputs)
                variables[f"{name}/bn/gamma"] = gamma
                variables[f"{name}/bn/beta"] = beta
    variables.update(_descent_step(seed))
    variables = {name: value.astype(np.float32) for name, value in variables.items()}
    for name, value in goldens.load(seed, "calib").items():
        scope, _, field = name.rpartition("/")
        if field == "out_scale":
            variables[f"{scope}/conv/weights"] *= np.float32(value)
        else:
            variables[name] = value
    return variables


def with_bookkeeping(variables: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Adds what TF1 stored beside each moving average for taking off its bias.

    For ``siamese/X/bn/moving_mean`` these are ``siamese/X/siamese/X/bn/moving_mean/biased``, here
    equal to the average itself, and ``.../local_step``; the same for ``moving_variance``.
    """
    result = dict(variables)
    for name, value in variables.items():
        if name.endswith(("/bn/moving_mean", "/bn/moving_variance")):
            scope = name.split("/bn/")[0]
            result[f"{scope}/{name}/biased"] = value.copy()
            result[f"{scope}/{name}/local_step"] = np.float32(LOCAL_STEP).reshape(())
    return result


def sequence(
    seed: int, length: int = 48, height: int = 144, width: int = 192
) -> tuple[np.ndarray, np.ndarray]:
    """Draws a textured target that swings, breathes, fades and leaves to the right.

    The background pans slowly to the right. The golden runs of seed s are on ``sequence(s + 100)``.

    Returns:
        Frames, uint8 [length, height, width, 3], BGR, and boxes, float64 [length, 4], as (x, y,
        width, height) in px; the last boxes reach over the right border.
    """
    random = np.random.RandomState(seed)
    background = _texture(random, height, width + 40, radii=(2, 5, 11))
    target = _texture(random, TARGET_SIDE, TARGET_SIDE, radii=(1, 3, 6))
    frames, boxes = [], []
    for index in range(length):
        time = index / (length - 1.0)
        pan = int(20 * time)
        frame = background[:, pan : pan + width].copy()
        box = _target_box(time, width)
        _paste(frame, _target_patch(target, background, box, faded=index in FADED), box)
        frames.append(frame)
        boxes.append(box)
    return np.stack(frames), np.array(boxes, np.float64)


def _random(name: str, seed: int) -> np.random.RandomState:
    """A stream of its own for each variable, whatever the order of drawing."""
    return np.random.RandomState((zlib.crc32(name.encode()) + seed) & 0xFFFFFFFF)


def _convolution(search, name, side, inputs, outputs, seed):
    """He-initialised kernel and bias of the search branch; the template branch's lie near by."""
    shape = (side, side, inputs, outputs)
    deviation = np.sqrt(2.0 / (side * side * inputs))
    kernel = _random(f"{search}/conv/weights", seed).standard_normal(shape) * deviation
    bias = _random(f"{search}/conv/biases", seed).standard_normal(outputs) * 0.1
    if name != search:
        own_kernel = _random(f"{name}/conv/weights", seed).standard_normal(shape)
        own_bias = _random(f"{name}/conv/biases", seed).standard_normal(outputs)
        kernel = kernel + 0.05 * deviation * own_kernel
        bias = bias + 0.01 * own_bias
    return {f"{name}/conv/weights": kernel, f"{name}/conv/biases": bias}


def _descent_step(seed):
    """U2 as a step against the gradient: minus the identity, with a little noise."""
    kernel = 0.002 * _random(f"{U2}/conv/weights", seed).standard_normal((3, 3, 256, 256))
    kernel[1, 1] -= np.eye(256)
    return {
        f"{U2}/conv/weights": kernel,
        f"{U2}/conv/biases": 0.01 * _random(f"{U2}/conv/biases", seed).standard_normal(256),
        f"{U2}/bn/gamma": _random(f"{U2}/bn/gamma", seed).uniform(0.15, 0.35, 256),
        f"{U2}/bn/beta": 0.01 * _random(f"{U2}/bn/beta", seed).standard_normal(256),
    }


def _texture(random, height, width, radii):
    """A smooth colour texture, uint8 [height, width, 3]: box-blurred noise of several radii."""
    total = np.zeros((height, width, 3))
    for radius in radii:
        noise = random.standard_normal((height + 2 * radius, width + 2 * radius, 3))
        padded = np.pad(noise, ((1, 0), (1, 0), (0, 0)))
        integral = np.cumsum(np.cumsum(padded, 0), 1)
        side = 2 * radius + 1
        lower, upper = slice(side, side + height), slice(None, height)
        right, left = slice(side, side + width), slice(None, width)
        sums = (
            integral[lower, right]
            - integral[upper, right]
            - integral[lower, left]
            + integral[upper, left]
        )
        total += sums / side
    total = (total - total.min()) / (total.max() - total.min())
    return (total * 255).astype(np.uint8)


def _target_box(time, frame_width):
    """The target's whole-pixel (x, y, width, height) at a time of 0 to 1."""
    breath = 1 + 0.25 * np.sin(3 * time * np.pi)
    width, height = int(round(26 * breath)), int(round(34 * breath))
    centre_x = 40 + (frame_width - 40 + 14) * time**1.6
    centre_y = 70 + 26 * np.sin(2 * np.pi * time)
    return int(round(centre_x - width / 2)), int(round(centre_y - height / 2)), width, height


def _target_patch(target, background, box, faded):
    """The target's texture in the size of its box, by nearest neighbour; float64."""
    x, y, width, height = box
    rows = np.arange(height) * TARGET_SIDE // height
    columns = np.arange(width) * TARGET_SIDE // width
    patch = target[rows][:, columns].astype(float)
    behind = background[max(y, 0) : max(y, 0) + height, max(x, 0) : max(x, 0) + width]
    if faded and behind.shape == patch.shape:
        patch = patch * 0.4 + 0.6 * behind
    return patch


def _paste(frame, patch, box):
    """Writes the part of the patch that lies inside the frame."""
    x, y, width, height = box
    left, right = max(x, 0), min(x + width, frame.shape[1])
    top, bottom = max(y, 0), min(y + height, frame.shape[0])
    if right > left and bottom > top:
        visible = patch[top - y : bottom - y, left - x : right - x]
        frame[top:bottom, left:right] = visible.astype(np.uint8)
