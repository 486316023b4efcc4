"""Reads image files with Pillow, those with several images (GIF, WebP, PNG, AVIF, TIFF) too."""

from __future__ import annotations

import contextlib
import os
import stat
from collections.abc import Iterator
from typing import Any, BinaryIO, Optional, Union

import numpy as np
from PIL import Image, UnidentifiedImageError

from gradnet_tf.files import disk

# Formats whose files may hold images of one time after the other. Other formats hold versions of
# one image, such as MPO, or its layers.
_SEVERAL = frozenset({"AVIF", "FLI", "GIF", "JXL", "PNG", "TIFF", "WEBP"})
# Suffixes of formats for which Pillow needs a library or a plugin that it may lack.
_NEED_DECODER = frozenset({".avif", ".heic", ".heif", ".jp2", ".jxl", ".webp"})
_NEW_SUBFILE_TYPE = 254  # Tag of TIFF; bit 0 is a reduced copy, bit 2 a mask of another page.
_SHORTEST = 10  # Browsers take shorter durations, in milliseconds, for a mistake,
_USUAL = 100  # and show such an image for this long.
_UNTIMED = {"GIF": 0}  # Durations where none is given; a TIFF has none at all.
_TIMED_BY_LOADING = frozenset({"AVIF", "WEBP"})  # Others tell the duration before.


@contextlib.contextmanager
def opened(
    file: Union[disk.PathLike, BinaryIO], name: Optional[str] = None
) -> Iterator[Image.Image]:
    """Opens an image file, given by its path, or open and read from its beginning.

    Whatever Pillow raises, also while the image is used, becomes an `OSError` that calls the file
    `name`, by default its path if it has one.
    """
    name = name or name_of(file)
    subject = f"cannot read image {name}" if name else "cannot read an image from memory"
    try:
        if isinstance(file, (str, os.PathLike)):
            file = disk.local_path(file)
            kind = os.stat(file).st_mode
            if not stat.S_ISREG(kind) and not stat.S_ISDIR(kind):
                raise OSError("it is a pipe or a device; save it to a file first")
        with Image.open(file) as image:
            yield image
    except FileNotFoundError as error:
        raise FileNotFoundError(f"{subject}: there is no such file") from error
    except MemoryError:
        raise
    except Exception as error:  # Pillow's decoders raise many types on damaged files.
        reason = getattr(error, "strerror", None) or str(error) or type(error).__name__
        if isinstance(error, UnidentifiedImageError):
            suffix = os.path.splitext(name or "")[1].lower()
            reason = "it is not an image, or damaged at its beginning"
            if suffix in _NEED_DECODER and suffix not in Image.registered_extensions():
                reason = f"this installation of Pillow has no decoder for {suffix}"
        raise OSError(f"{subject}: {reason}") from error


def places(image: Image.Image) -> list[int]:
    """Lists the numbers to `seek` for the images of a file that follow each other in time.

    Left out are a PNG's picture for programs that know no animation, and reduced copies in a TIFF.
    """
    if image.format == "TIFF":
        return _pages(image) or [0]
    count = getattr(image, "n_frames", 1) if image.format in _SEVERAL else 1
    covered = image.format == "PNG" and count > 1 and getattr(image, "default_image", False)
    return list(range(int(covered), count))


def _pages(image: Any) -> list[int]:
    found: list[int] = []
    number = 0
    while True:
        try:
            image.seek(number)
        except EOFError:
            return found
        except Exception:  # The file is damaged here and holds at least this page.
            return [*found, number]
        if not image.tag_v2.get(_NEW_SUBFILE_TYPE, 0) & 5:
            found.append(number)
        number += 1


def is_file(image: Any) -> bool:
    """Tells whether an image is the path of a file, or an open one."""
    if isinstance(image, (str, os.PathLike)):
        return True
    return callable(getattr(image, "read", None)) and callable(getattr(image, "seek", None))


def name_of(file: Any) -> Optional[str]:
    """Returns the path of a file that may be open; None if it has none."""
    name = file if isinstance(file, (str, os.PathLike)) else getattr(file, "name", None)
    return os.fspath(name) if isinstance(name, (str, os.PathLike)) else None


class ImageFile:
    """The images of a file that holds one or more, in order.

    Raises:
        OSError: If it is not an image, or cannot be read.
    """

    def __init__(self, file: Union[disk.PathLike, BinaryIO], name: str):
        self._file = file
        self._name = name
        self._durations: Optional[list[float]] = None
        with opened(file, name) as image:
            self._places = places(image)
        self.length = len(self._places)  # Number of its images.

    def frames(self) -> Iterator[tuple[str, Any, Optional[float]]]:
        """Decodes the images.

        Yields:
            An image's place in the file; the PIL image, which is valid until the next one is asked
            for, or an `OSError` in its stead where it cannot be decoded; and the seconds for which
            it is shown, None if the file does not tell.
        """
        durations = []
        with opened(self._file, self._name) as image:
            for index, place in enumerate(self._places):
                seconds = None
                try:
                    image.seek(place)
                    if image.format in _TIMED_BY_LOADING:
                        image.load()
                    seconds = _seconds(image)
                    found: Any = image
                except MemoryError:
                    raise
                except Exception as error:  # Pillow's decoders raise many types on damaged files.
                    reason = str(error) or type(error).__name__
                    found = OSError(f"cannot read image {self._name}: {reason}")
                if seconds is not None:
                    durations.append(seconds)
                yield f"{self._name}, frame {index}", found, seconds
        self._durations = durations

    def fps(self) -> Optional[float]:
        """Computes the mean number of images per second; None if the file does not tell.

        The file is decoded for it, unless it has been.
        """
        if self._durations is None:
            for _ in self.frames():
                pass
        return 1 / float(np.mean(self._durations)) if self._durations else None


def _seconds(image: Image.Image) -> Optional[float]:
    duration = image.info.get("duration", _UNTIMED.get(image.format or ""))
    if duration is None:
        return None
    return (duration if duration > _SHORTEST else _USUAL) / 1000
