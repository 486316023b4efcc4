"""Sources of frames: folders, videos, lists and iterables, decoded in the background."""

from __future__ import annotations

import io
import os
import stat
from collections.abc import Iterable, Iterator, Mapping, Sequence, Set
from pathlib import Path
from typing import Any, Optional

import numpy as np
from absl import logging
from PIL import Image

from gradnet_tf.files import disk, folder
from gradnet_tf.media import image_files, streams, video
from gradnet_tf.media.frame_source import Entry, Frame, FrameError, FrameSource, bad_frame

__all__ = ["Frame", "FrameError", "FrameSource", "open_frames"]

# Signatures of files that may hold several images.
_ANIMATIONS = (b"GIF8", b"\x89PNG\r\n", b"II*\0", b"MM\0*", b"WEBP")


def open_frames(
    source: Any,
    *,
    on_bad_frame: str = "stop",
    prefetch: int = 8,
    start_frame: int = 0,
    end_frame: Optional[int] = None,
) -> FrameSource:
    """Opens a source of frames.

    Args:
        source: One of
            - a folder of images, or one that holds them in ``img/`` or ``color/`` (the layouts of
              OTB and VOT), in the order of the numbers in their names. A gap in a row of
              consecutive numbers is a missing, that is a bad, frame. Of several series one is
              taken, see `gradnet_tf.files.series.choose`. Each file is one frame;
            - a video file (needs PyAV): the stream that ffmpeg would take, upright, see
              `gradnet_tf.media.video.read_frames`;
            - a file with several images: an animated GIF, WebP, PNG or AVIF, a TIFF of many pages;
            - a pattern of image paths, such as ``"shot/*.png"``;
            - a stream, which is read once: ``camera:0``, a URL of rtsp, http or https, ``-``
              (standard input) or a named pipe, see `gradnet_tf.media.streams`;
            - an open binary file, such as an `io.BytesIO`, with one or several images;
            - a list or tuple of paths or images, an array [n, h, w, 3];
            - any iterable of images, read once and in the background if it is a generator;
            - a `cv2.VideoCapture`, read from where it is;
            - a `FrameSource`, which is returned as it is.
            In paths, ``~`` stands for the home folder. For what an image may be see
            `gradnet_tf.media.images.as_rgb`. If the first image has 16 bits, its range of values
            becomes 0..255 in all of them, see `gradnet_tf.media.images.deep_range`.
        on_bad_frame: What happens at a frame that is missing, damaged or no image: "stop" raises,
            "hold" yields a `Frame` without an image. The first frame must be good in either case.
        prefetch: Number of frames decoded ahead by the background thread; 0 uses none.
        start_frame: Number of the first frame to be yielded, from 0. Frames keep their numbers.
        end_frame: Number of the last one; by default the source's last.

    Returns:
        The source. Files are looked for, and the header of a video is read, at once; images are
        decoded while iterating, where `FrameError` says which frame is bad. Whatever a caller's
        own iterable raises comes through as it is.

    Raises:
        TypeError: If the source is none of these.
        ValueError: If there are no frames, or an option has no such value.
        FrameError: With "stop", if a frame is missing in the numbering of a folder.
        OSError: If there is no such file, or it cannot be opened.
        ImportError: For a video, if PyAV is not installed.
    """
    if isinstance(source, FrameSource):
        return source
    if on_bad_frame not in ("stop", "hold"):
        raise ValueError(f"on_bad_frame must be 'stop' or 'hold', got {on_bad_frame!r}")
    if isinstance(prefetch, bool) or not isinstance(prefetch, int) or prefetch < 0:
        raise ValueError(f"prefetch must be a number of frames, 0 or more, got {prefetch!r}")
    if start_frame < 0:
        raise ValueError(f"start_frame must be 0 or more, got {start_frame}")
    if end_frame is not None and end_frame < start_frame:
        raise ValueError(f"end_frame {end_frame} is before start_frame {start_frame}")
    options: dict[str, Any] = {
        **{"on_bad_frame": on_bad_frame, "prefetch": prefetch},
        **{"start_frame": start_frame, "end_frame": end_frame},
    }
    if isinstance(source, (str, os.PathLike)):
        return _open_path(disk.local_path(source), options)
    if callable(getattr(source, "isOpened", None)) and callable(getattr(source, "read", None)):
        return _open_capture(source, options)
    if image_files.is_file(source):
        return _open_file(source, options)
    if not isinstance(source, (np.ndarray, list, tuple)) and callable(
        getattr(source, "numpy", None)
    ):
        source = source.numpy()
    shape = getattr(source, "shape", None)
    if isinstance(shape, tuple) and hasattr(source, "dtype") and len(shape) != 4:
        raise ValueError(
            f"an array of frames must be [n, h, w, 3], got shape {shape}"
            + ("; for a single image pass [image]" if len(shape) in (2, 3) else "")
        )
    if isinstance(source, (np.ndarray, list, tuple)):
        kind = "array" if isinstance(source, np.ndarray) else "list"
        if not len(source):
            raise ValueError(f"no frames in the {kind} of frames: it is empty")
        return _from_items(source, f"the {kind} of frames", length=len(source), **options)
    unordered = (Mapping, Set, bytes, bytearray, Image.Image)
    if isinstance(source, unordered) or not isinstance(source, Iterable):
        raise TypeError(
            "expected a folder, a video file, or a list, array or iterable of images, "
            f"got {type(source).__name__}"
        )
    items: Any = source
    length: Optional[int]
    try:
        length = len(items)
    except TypeError:  # It has no length, or says only now that it does not know it.
        length = None
    return _from_items(
        items,
        f"the {type(source).__name__} of frames",
        length=length,
        # An iterator gives itself when asked for one, anything else gives a new one.
        reiterable=not isinstance(source, Iterator),
        copy=True,
        **options,
    )


def _open_path(path: str, options: dict) -> FrameSource:
    place = streams.find(path)
    if place is not None:
        return streams.StreamSource(path, place, **options)
    if os.path.isdir(path):
        frames, missing = folder.list_frames(path)
        end = len(frames) if options["end_frame"] is None else options["end_frame"] + 1
        wanted = set(frames[options["start_frame"] : end])
        missing = [file for file in missing if file in wanted]
        if missing and options["on_bad_frame"] == "stop":
            error = FileNotFoundError(
                f"{missing[0]} is missing"
                + (f" (and {len(missing) - 1} more)" if len(missing) > 1 else "")
            )
            raise bad_frame(frames.index(missing[0]), missing[0].name, error)
        return _from_files(frames, path, options)
    if not os.path.exists(path):
        return _open_pattern(path, options)
    if not stat.S_ISREG(os.stat(path).st_mode):
        raise OSError(f"{path!r} is a device; a camera is camera:0, and so on")
    with open(path, "rb") as file:
        signature = file.read(16)
    signature = signature[8:] if signature.startswith(b"RIFF") else signature
    suffix = Path(path).suffix.lower()
    if suffix in folder.image_suffixes() or signature.startswith(_ANIMATIONS):
        try:
            images = image_files.ImageFile(path, path)
        except OSError:
            images = None
        if images is not None and images.length > 1:
            return _from_image_file(images, path, options)
        # A damaged image is an error of its first frame. Many a "GIF" of the web is a video.
        if images is not None or suffix != ".gif" or signature.startswith(_ANIMATIONS):
            return _from_files([Path(path)], path, options)
    options = {"description": f"the video {path}", **video.read_header(path), **options}
    return FrameSource(lambda: video.read_frames(path), **options)


def _open_pattern(path: str, options: dict) -> FrameSource:
    found = folder.match(path) if path else []
    if not found:
        hint = "; of URLs, rtsp, http and https are read" if "://" in path else ""
        raise FileNotFoundError(f"there is no folder or file {path!r}{hint}")
    if len(found) == 1:
        return _open_path(str(found[0]), options)
    return _from_files(found, path, options)


def _open_file(file: Any, options: dict) -> FrameSource:
    if isinstance(file, io.TextIOBase):
        raise TypeError('an open file of images must be binary: open it with mode "rb"')
    name = getattr(file, "name", None)
    name = name if isinstance(name, str) else "a file in memory"
    if not getattr(file, "seekable", lambda: True)():  # Temporary files in memory may lack it.
        file = io.BytesIO(file.read())
    try:
        images = image_files.ImageFile(file, name)
    except OSError as error:
        if os.path.isfile(name):
            return _open_path(name, options)
        raise OSError(
            f"{name} is no image that Pillow reads; of a video give the path (save it to a file)"
        ) from error
    return _from_image_file(images, name, options)


def _from_image_file(images: image_files.ImageFile, name: str, options: dict) -> FrameSource:
    options = {"length": images.length, "fps": images.fps, **options}
    return FrameSource(images.frames, description=f"{name!r}", **options)


def _open_capture(capture: Any, options: dict) -> FrameSource:
    """Takes the frames of a `cv2.VideoCapture`; the numbers are OpenCV's ``CAP_PROP_...``."""
    if not capture.isOpened():
        raise OSError("the VideoCapture is not open: there is no such video, or it cannot be read")
    announced = int(capture.get(7)) - int(capture.get(1))  # FRAME_COUNT, POS_FRAMES
    fps = capture.get(5)

    def entries() -> Iterator[Entry]:
        count = 0
        while True:
            good, image = capture.read()
            if not good:
                break
            yield f"frame {count}", image[..., ::-1] if image.ndim == 3 else image
            count += 1
        if count < announced:
            logging.warning("the VideoCapture ends after %d of %d frames", count, announced)

    return FrameSource(
        entries,
        description="the VideoCapture",
        length=announced if announced > 0 else None,
        fps=fps if fps > 0 else None,
        reiterable=False,
        **options,
    )


def _from_files(paths: Sequence[Path], path: str, options: dict) -> FrameSource:
    return FrameSource(
        lambda: ((file.name, file) for file in paths),
        description=f"{path!r}",
        length=len(paths),
        **options,
    )


def _from_items(items: Iterable[Any], description: str, **options: Any) -> FrameSource:
    def entries() -> Iterator[Entry]:
        for index, item in enumerate(items):
            is_path = isinstance(item, (str, os.PathLike))
            yield os.fspath(item) if is_path else f"frame {index}", item

    return FrameSource(entries, description=description, **options)
