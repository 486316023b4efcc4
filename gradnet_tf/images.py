"""Brings every kind of image that a caller may hold to RGB uint8 [h, w, 3].

Free of TensorFlow: tensors are known by their method ``numpy()``.
"""

from __future__ import annotations

import os
from typing import Any, Optional

import numpy as np
from PIL import Image, ImageOps

# Half a grey level: what float arithmetic and resizing may add at the ends of a range.
_SLACK = 0.5
_EXIF_ORIENTATION = 0x0112


def as_rgb(image: Any, *, float_range: Optional[float] = None) -> np.ndarray:
    """Converts an image to RGB uint8.

    Args:
        image: One of
            - an array or tensor: [h, w, 3] RGB, [h, w] or [h, w, 1] greyscale, [h, w, 4] RGBA (the
              alpha channel is dropped); uint8, or another integer type wider than 16 bits with
              values 0..255, or floats in 0..1 or in 0..255;
            - a `PIL.Image.Image` with 8 bits per channel, palette images too;
            - the path of an image file.
            The EXIF orientation of files and PIL images is applied.
        float_range: What white is in a float image, 1 or 255. By default a float image whose
            largest value is at most 1 is taken to be in 0..1, which a very dark image in 0..255
            may be as well: for the frames of a video, ask `float_scale` once and pass its answer.
            Images of other types ignore it.

    Returns:
        uint8 [h, w, 3], RGB, C-contiguous. It may share memory with the input.

    Raises:
        TypeError: If it is not an image at all, or of a type that has no clear range.
        ValueError: If its shape or its values are not those of an image.
        OSError: If the file cannot be read or is damaged; the message names it.
    """
    if isinstance(image, (str, os.PathLike)):
        return _read(os.fspath(image))
    if isinstance(image, Image.Image):
        return _from_pil(image)
    array = _to_array(image)
    _check_shape(array.shape)
    return np.ascontiguousarray(_to_three_channels(_to_uint8(array, float_range)))


def float_scale(image: Any) -> Optional[int]:
    """Tells whether a float image is in 0..1 or in 0..255.

    Args:
        image: As `as_rgb` takes it.

    Returns:
        1 or 255; None if it is not a float image, or one that does not tell (all zero).
    """
    if isinstance(image, (str, os.PathLike, Image.Image)) or image is None:
        return None
    array = _to_array(image)
    if not np.issubdtype(array.dtype, np.floating) or not array.size or not np.any(array):
        return None
    return _infer_scale(float(array.max()))


def _infer_scale(largest: float) -> int:
    return 1 if largest <= 1 + _SLACK / 255 else 255


def _to_array(image: Any) -> np.ndarray:
    if image is None:
        raise TypeError("expected an image, got None (was the frame read at all?)")
    if not isinstance(image, np.ndarray):
        if not callable(getattr(image, "numpy", None)):
            raise TypeError(
                "expected an image (array [h, w, 3], PIL image, tensor or path), "
                f"got {type(image).__name__}"
            )
        image = np.asarray(image.numpy())
    # bfloat16 of tensors is a type that NumPy does not count among the floats.
    return image.astype(np.float32) if image.dtype.name == "bfloat16" else image


def _check_shape(shape: tuple[int, ...]) -> None:
    if 0 in shape:
        raise ValueError(f"the image is empty: its shape is {shape}")
    if len(shape) not in (2, 3):
        raise ValueError(f"expected one image [h, w, 3] or [h, w], got an array of shape {shape}")
    if len(shape) == 3 and shape[2] not in (1, 3, 4):
        hint = ""
        if shape[0] in (1, 3, 4):
            hint = "; channels come last here, try np.moveaxis(image, 0, -1)"
        raise ValueError(f"expected 1, 3 or 4 channels in the last axis, got shape {shape}{hint}")


def _to_uint8(array: np.ndarray, float_range: Optional[float]) -> np.ndarray:
    if array.dtype == np.uint8:
        return array
    if np.issubdtype(array.dtype, np.floating):
        return _from_float(array, float_range)
    if array.dtype == bool or not np.issubdtype(array.dtype, np.integer):
        raise TypeError(f"uint8 expected, got {array.dtype}")
    if array.dtype.itemsize == 2:
        raise TypeError(f"uint8 expected, got {array.dtype}; scale it to 0..255 first")
    low, high = array.min(), array.max()
    if low < 0 or high > 255:
        raise ValueError(f"expected values in 0..255, got {array.dtype} in {low}..{high}")
    return array.astype(np.uint8)


def _from_float(array: np.ndarray, float_range: Optional[float]) -> np.ndarray:
    if float_range not in (None, 1, 255):
        raise ValueError(f"float_range must be 1, 255 or None, got {float_range!r}")
    low, high = float(array.min()), float(array.max())
    scale = float_range or _infer_scale(high)
    slack = _SLACK * scale / 255
    # Written so that NaN fails as well.
    if not (low >= -slack and high <= scale + slack):
        wanted = "0..1 or 0..255" if float_range is None else f"0..{float_range:g}"
        raise ValueError(f"expected a float image in {wanted}, got min {low:g} and max {high:g}")
    # In float32 at least: 255 times a float16 is not exact.
    wide = array.astype(np.promote_types(array.dtype, np.float32))
    return np.clip(np.rint(wide * (255 / scale)), 0, 255).astype(np.uint8)


def _to_three_channels(array: np.ndarray) -> np.ndarray:
    if array.ndim == 2:
        array = array[:, :, np.newaxis]
    if array.shape[2] == 1:
        return np.repeat(array, 3, axis=2)
    return array[:, :, :3]


def _read(path: str) -> np.ndarray:
    try:
        with Image.open(path) as image:
            return _from_pil(image)
    except FileNotFoundError as error:
        raise FileNotFoundError(f"cannot read image {path}: there is no such file") from error
    except MemoryError:
        raise
    except Exception as error:  # Pillow's decoders raise many types on damaged files.
        reason = getattr(error, "strerror", None) or str(error) or type(error).__name__
        if isinstance(error, Image.UnidentifiedImageError):
            reason = "it is not an image, or damaged at its beginning"
        raise OSError(f"cannot read image {path}: {reason}") from error


def _from_pil(image: Image.Image) -> np.ndarray:
    if image.mode[0] in "IF" or _is_reduced_16_bit(image):
        raise TypeError(
            f"8 bits per channel expected, got {_depth(image)}; scale it to 0..255 first"
        )
    if 0 in image.size:
        raise ValueError(f"the image is empty: its size is {image.size}")
    if image.getexif().get(_EXIF_ORIENTATION, 1) != 1:
        image = ImageOps.exif_transpose(image)
    if image.mode == "P" and "transparency" in image.info:
        image = image.convert("RGBA")  # Pillow warns when it converts such a palette to RGB.
    return np.array(image.convert("RGB"))


def _is_reduced_16_bit(image: Image.Image) -> bool:
    """Whether Pillow would take the high bytes of a file with 16 bits per colour channel.

    Its mode says RGB then; what tells is the decoder's raw mode ("RGB;16B" and the like). "BGR;16"
    is something else: 16 bits for the three channels together.
    """
    for tile in getattr(image, "tile", ()):
        arguments = tile[3] if isinstance(tile[3], tuple) else (tile[3],)
        if any(isinstance(a, str) and a[0:1] in "RL" and ";16" in a for a in arguments):
            return True
    return False


def _depth(image: Image.Image) -> str:
    kind = "32 bits" if image.mode in ("I", "F") else "16 bits"
    return f"{kind} (Pillow mode {image.mode})"
