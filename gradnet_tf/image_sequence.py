"""Files with several images: animated GIF, WebP, PNG and AVIF, TIFF of many pages."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, BinaryIO, Optional, Union

import numpy as np

from gradnet_tf import files, image_files

_SHORTEST = 10  # Browsers take shorter durations, in milliseconds, for a mistake,
_USUAL = 100  # and show such an image for this long.
_UNTIMED = {"GIF": 0}  # Durations where none is given; a TIFF has none at all.
_TIMED_BY_LOADING = frozenset({"AVIF", "WEBP"})  # Others tell the duration before.


class ImageSequence:
    """The images of a file that holds one or more, in order.

    Attributes:
        length: Their number.
    """

    def __init__(self, file: Union[files.PathLike, BinaryIO], name: str):
        """Opens a file and counts its images.

        Args:
            file: Its path, or an open file.
            name: What messages call it.

        Raises:
            OSError: If it is not an image, or cannot be read.
        """
        self._file = file
        self._name = name
        self._durations: Optional[list[Optional[float]]] = None
        with image_files.opened(file, name) as image:
            self._places = image_files.places(image)
        self.length = len(self._places)

    def frames(self) -> Iterator[tuple[str, Any]]:
        """Decodes the images.

        Yields:
            Pairs of an image's place in the file and the PIL image, which is valid until the next
            one is asked for; where an image cannot be decoded, an `OSError` in its stead.
        """
        durations = []
        with image_files.opened(self._file, self._name) as image:
            for index, place in enumerate(self._places):
                try:
                    image.seek(place)
                    if image.format in _TIMED_BY_LOADING:
                        image.load()
                    durations.append(image.info.get("duration", _UNTIMED.get(image.format)))
                    found: Any = image
                except MemoryError:
                    raise
                except Exception as error:  # Pillow's decoders raise many types on damaged files.
                    reason = str(error) or type(error).__name__
                    found = OSError(f"cannot read image {self._name}: {reason}")
                yield f"{self._name}, frame {index}", found
        self._durations = durations

    def fps(self) -> Optional[float]:
        """Mean number of images per second; None if the file does not tell.

        The file is decoded for it, unless it has been.
        """
        if self._durations is None:
            for _ in self.frames():
                pass
        known = [d if d > _SHORTEST else _USUAL for d in self._durations if d is not None]
        return 1000 / float(np.mean(known)) if known and self.length > 1 else None
