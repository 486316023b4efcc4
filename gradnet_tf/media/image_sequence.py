"""Files with several images: animated GIF, WebP, PNG and AVIF, TIFF of many pages."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, BinaryIO, Optional, Union

import numpy as np
from PIL import Image

from gradnet_tf.files import disk
from gradnet_tf.media import image_files

_SHORTEST = 10  # Browsers take shorter durations, in milliseconds, for a mistake,
_USUAL = 100  # and show such an image for this long.
_UNTIMED = {"GIF": 0}  # Durations where none is given; a TIFF has none at all.
_TIMED_BY_LOADING = frozenset({"AVIF", "WEBP"})  # Others tell the duration before.


class ImageSequence:
    """The images of a file that holds one or more, in order.

    Attributes:
        length: Their number.
    """

    def __init__(self, file: Union[disk.PathLike, BinaryIO], name: str):
        """Opens a file and counts its images.

        Args:
            file: Its path, or an open file.
            name: What messages call it.

        Raises:
            OSError: If it is not an image, or cannot be read.
        """
        self._file = file
        self._name = name
        self._durations: Optional[list[float]] = None
        with image_files.opened(file, name) as image:
            self._places = image_files.places(image)
        self.length = len(self._places)

    def frames(self) -> Iterator[tuple[str, Any, Optional[float]]]:
        """Decodes the images.

        Yields:
            An image's place in the file; the PIL image, which is valid until the next one is asked
            for, or an `OSError` in its stead where it cannot be decoded; and the seconds for which
            it is shown, None if the file does not tell.
        """
        durations = []
        with image_files.opened(self._file, self._name) as image:
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
        """Mean number of images per second; None if the file does not tell.

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
