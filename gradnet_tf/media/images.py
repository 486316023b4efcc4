"""Brings every kind of image that a caller may hold to RGB uint8 [h, w, 3].

Free of TensorFlow: tensors are known by their method ``numpy()``.
"""

from __future__ import annotations

from typing import Any, Callable, Optional

import numpy as np
from absl import logging
from PIL import Image, ImageOps

from gradnet_tf.media import image_files, video

# Half a grey level: what float arithmetic and resizing may add at the ends of a range.
_SLACK = 0.5
_EXIF_ORIENTATION = 0x0112
# Shares of the values of a 16-bit image that become black and white at least, in percent: dead
# pixels of a thermal camera must not take the whole range.
_EXTREMES = 0.01
Range = tuple[float, float]


def as_rgb(
    image: Any, *, float_range: Optional[float] = None, deep_range: Optional[Range] = None
) -> np.ndarray:
    """Converts an image to RGB uint8 [h, w, 3], C-contiguous; it may share the input's memory.

    Args:
        image: One of
            - an array or tensor: [h, w, 3] RGB, [h, w] or [h, w, 1] greyscale, [h, w, 4] RGBA (the
              alpha channel is dropped); uint8, or another integer type wider than 16 bits with
              values 0..255, or floats in 0..1 or in 0..255. Whatever NumPy can make an array of by
              ``numpy()``, ``__array__`` or ``__dlpack__`` counts as one (TensorFlow, PyTorch and
              JAX on the processor);
            - a `PIL.Image.Image` with 8 bits per channel, palette images too;
            - an `av.VideoFrame`;
            - the path of an image file, or a binary file that is open, such as an `io.BytesIO`. Of
              a file with several images it is the first.
            The orientation of files, PIL images and video frames is applied.
        float_range: What white is in a float image, 1 or 255. By default a float image whose
            largest value is at most 1 is taken to be in 0..1, which a very dark image in 0..255
            may be as well: for the frames of a video, ask `float_scale` once and pass its answer.
        deep_range: What black and white are in an image of 16 bits, see `deep_range`. Without it
            such images are refused, for a single one does not tell the range of a video.

    Raises:
        TypeError: If it is not an image at all, or of a type that has no clear range.
        ValueError: If its shape or its values are not those of an image.
        OSError: If the file cannot be read or is damaged; the message names it.
    """
    if image_files.is_file(image):
        with image_files.opened(image) as opened:
            first, *others = image_files.places(opened)
            if others:
                name = image_files.name_of(image) or "a file in memory"
                logging.warning("%s holds several images; the first is taken", name)
            opened.seek(first)
            return _from_pil(opened, deep_range)
    if isinstance(image, Image.Image):
        try:
            return _from_pil(image, deep_range)
        except (MemoryError, OSError, TypeError, ValueError):
            raise
        except Exception as error:  # Pillow's decoders raise many types on damaged files.
            raise OSError(f"cannot read the image: {error or type(error).__name__}") from error
    array = _to_array(image)
    _check_shape(array.shape)
    return np.ascontiguousarray(_to_three_channels(_to_uint8(array, float_range, deep_range)))


def unwrapped(image: Any) -> Any:
    """Makes an array of a tensor or the like, as `as_rgb` does; files and PIL images stay."""
    return image if _is_pillows(image) else _to_array(image)


def float_scale(image: Any) -> Optional[int]:
    """Tells whether a float image is in 0..1 or in 0..255: 1 or 255.

    None if it is not a float image, or one that does not tell (all zero).
    """
    array = None if _is_pillows(image) or image is None else _to_array(image)
    if array is None or array.dtype.kind != "f" or not np.any(array):
        return None
    return _infer_scale(float(array.max()))


def _is_pillows(image: Any) -> bool:
    return image_files.is_file(image) or isinstance(image, Image.Image)


def deep_range(image: Any) -> Optional[Range]:
    """Tells what to take for black and white in an image of 16 bits and in those that follow it.

    It is the smallest and the largest value, but for a share of 0.01% on either side. Of a file
    whose colours have 16 bits, 0 and 65535, since Pillow reads only their upper halves. None if the
    image has no 16 bits, or one value only.
    """
    if image_files.is_file(image):
        with image_files.opened(image) as opened:
            return deep_range(opened)
    if isinstance(image, Image.Image):
        if _is_reduced_16_bit(image):
            return 0, 65535
        if not _is_deep_grey(image):
            return None
        image.getexif()  # Pillow before 10 cannot tell it once the pixels are loaded.
        array = np.asarray(image)
    else:
        array = _to_array(image)
        if not _is_deep(array):
            return None
    if not array.size:
        return None
    low = float(np.percentile(array, _EXTREMES, method="lower"))
    high = float(np.percentile(array, 100 - _EXTREMES, method="higher"))
    return (low, high) if low < high else None


def _infer_scale(largest: float) -> int:
    return 1 if largest <= 1 + _SLACK / 255 else 255


def _to_array(image: Any) -> np.ndarray:
    if image is None:
        raise TypeError("expected an image, got None (was the frame read at all?)")
    if not isinstance(image, np.ndarray):
        convert = _converter(image)
        if convert is None:
            hint = "; wrap the bytes of a file in io.BytesIO" if isinstance(image, bytes) else ""
            raise TypeError(
                "expected an image (array [h, w, 3], PIL image, tensor or path), "
                f"got {type(image).__name__}{hint}"
            )
        try:
            image = np.asarray(convert())
        except Exception as error:  # Each library has its own, such as for data on a GPU.
            raise TypeError(f"cannot make an array of a {type(image).__name__}: {error}") from error
    # bfloat16 of tensors is a type that NumPy does not count among the floats.
    return image.astype(np.float32) if image.dtype.name == "bfloat16" else image


def _converter(image: Any) -> Optional[Callable[[], Any]]:
    """Finds what makes an array of an image that is none; None if nothing does."""
    if isinstance(image, type):
        return None
    is_av = type(image).__module__.split(".")[0] == "av"
    if is_av and callable(getattr(image, "to_ndarray", None)):
        return lambda: video.to_rgb(image)
    if callable(getattr(image, "numpy", None)):
        return image.numpy
    if callable(getattr(image, "__array__", None)):
        return lambda: image
    if callable(getattr(image, "__dlpack__", None)):
        return lambda: np.from_dlpack(image)
    return None


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


def _to_uint8(
    array: np.ndarray, float_range: Optional[float], deep_range: Optional[Range]
) -> np.ndarray:
    if _is_deep(array) and deep_range is not None:
        return _from_deep(array, deep_range)
    if array.dtype == np.uint8:
        return array
    if array.dtype.kind == "f":
        return _from_float(array, float_range)
    if array.dtype.kind not in "iu" or _is_deep(array):
        hint = "; scale it to 0..255 first" if _is_deep(array) else ""
        raise TypeError(f"uint8 expected, got {array.dtype}{hint}")
    low, high = array.min(), array.max()
    if low < 0 or high > 255:
        raise ValueError(f"expected values in 0..255, got {array.dtype} in {low}..{high}")
    return array.astype(np.uint8)


def _is_deep(array: np.ndarray) -> bool:
    return array.dtype.kind in "iu" and array.dtype.itemsize == 2


def _from_deep(array: np.ndarray, deep_range: Range) -> np.ndarray:
    low, high = deep_range
    scaled = (array.astype(np.float32) - low) * (255 / (high - low))
    return np.clip(np.rint(scaled), 0, 255).astype(np.uint8)


def _from_float(array: np.ndarray, float_range: Optional[float]) -> np.ndarray:
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


def _from_pil(image: Image.Image, deep_range: Optional[Range]) -> np.ndarray:
    is_deep_grey = _is_deep_grey(image)
    is_deep = is_deep_grey or _is_reduced_16_bit(image)
    if image.mode == "F" or (is_deep and deep_range is None):
        bits = 32 if image.mode in ("I", "F") else 16
        raise TypeError(
            f"8 bits per channel expected, got {bits} bits (Pillow mode {image.mode}); "
            "scale it to 0..255 first"
        )
    if 0 in image.size:
        raise ValueError(f"the image is empty: its size is {image.size}")
    if image.getexif().get(_EXIF_ORIENTATION, 1) != 1:
        image = ImageOps.exif_transpose(image)
    if is_deep_grey and deep_range is not None:
        return _to_three_channels(_from_deep(np.asarray(image), deep_range))
    if image.mode == "P" and "transparency" in image.info:
        image = image.convert("RGBA")  # Pillow warns when it converts such a palette to RGB.
    return np.array(image.convert("RGB"))


def _is_deep_grey(image: Image.Image) -> bool:
    # Some formats and versions of Pillow give 16 bits as "I", 32 bits.
    return image.mode[0] == "I"


def _is_reduced_16_bit(image: Image.Image) -> bool:
    """Tells whether Pillow takes only the high bytes of a file with 16 bits per colour channel.

    Its mode says RGB then; what tells is the decoder's raw mode ("RGB;16B" and the like), but not
    "BGR;16", which is 16 bits for the three channels together.
    """
    found = [tile[3] for tile in getattr(image, "tile", ())]
    words = [word for item in found for word in (item if isinstance(item, tuple) else (item,))]
    return any(isinstance(word, str) and word[:1] in "RL" and ";16" in word for word in words)
