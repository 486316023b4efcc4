"""What happens when the parts of the page are used: what is shown then."""

from __future__ import annotations

import base64
import contextlib
import html
import io
import shutil
import time
from collections.abc import Generator, Iterator
from pathlib import Path
from typing import Any, Optional

from PIL import Image

from gradnet_tf.app import box_editor, chart
from gradnet_tf.app.libraries import gr
from gradnet_tf.app.session import Progress, Session
from gradnet_tf.media import demo_clip, drawing

OWN_PRESET = "default"  # What the weights ask for.
_SECONDS = 0.4  # Between two looks at what is under way.
_PREVIEW = 480  # Pixels of its longer side.


def open_upload(session: Session, upload: str) -> list:
    """Opens a video that was uploaded, see `open_video`; it is kept while the session lasts."""
    path = session.folder / Path(upload).name
    shutil.move(upload, path)  # From where Gradio would keep it.
    try:
        return open_video(session, path)
    except BaseException:
        path.unlink(missing_ok=True)
        raise


def open_demo(session: Session) -> list:
    """Opens the demo's clip, see `open_video`."""
    return open_video(session, demo_clip.find_clip())


def open_video(session: Session, path: Any) -> list:
    """Opens a video: title, slider, editor, status, and results that are empty."""
    session.open(path)
    height, width = session.frame_hw
    title = (
        f"**{html.escape(session.name or '')}**: {session.length} frames of {width}x{height} "
        "pixels. Draw a box around each target, then track."
    )
    return [title, *show(session, 0, True), "", None, None, None, None]


def show(session: Session, frame: float, with_slider: bool = False) -> Any:
    """Shows a frame in the editor, and on the slider as well if that is wanted."""
    session.frame = int(frame)
    editor = _edited(session)
    if not with_slider:
        return editor
    return [gr.Slider(maximum=session.length - 1, value=session.frame), editor]


def show_clicked(session: Session, x: float) -> list:
    """Shows the frame at a place of the plot: slider, editor."""
    return show(session, chart.frame_at(x, session.length), True)


def _edited(session: Session) -> dict:
    """What the editor shows of the session's frame."""
    image = session.image(session.frame)
    # A name of its own for each frame, for browsers keep pictures by their addresses.
    path = session.folder / f"frame{session.frame}_{time.time_ns()}.jpg"
    for old in session.folder.glob("frame*.jpg"):
        old.unlink()
    box_editor.make_picture(image).save(path, quality=92)
    scale = box_editor.picture_scale(image.shape[:2])
    boxes = box_editor.show_boxes(session.boxes(session.frame), scale, drawing.TARGETS)
    return {"image": str(path), "boxes": boxes}


def track(session: Session, edited: Optional[dict], preset: str, precision: str) -> Iterator[list]:
    """Tracks by a preset, or `OWN_PRESET`, from what the editor tells; then draws the video.

    Yields:
        Slider, editor, status, overlay, plot, boxes, video: how far it is, and what was found.
    """
    same = gr.skip()
    frame = session.frame
    scale = box_editor.picture_scale(session.image(frame).shape[:2])
    edited = edited or {}
    if edited.get("orientation"):
        raise ValueError("the frame is turned: turn it upright, then draw the boxes")
    drawn = box_editor.read_boxes(edited.get("boxes", ()), session.boxes(frame), scale)

    def make_tracker() -> Any:
        from gradnet_tf.tracking.tracker import Tracker  # Loads TensorFlow.

        return Tracker(preset=None if preset == OWN_PRESET else preset, precision=precision)

    yield [same, same, "<p>Starting the tracker …</p>", same, same, same, same]
    try:
        for text in _watch(session.track(frame, drawn, make_tracker)):
            yield [same, same, text, same, same, same, same]
    except Exception:
        yield [same, same, _summary(session), same, same, same, same]
        raise
    last = session.tracked - 1
    plot, words = _plot(session), _summary(session)
    files = [str(path) for path in session.save_boxes()]
    slider, editor = show(session, last if last + 1 < session.length else frame, True)
    yield [slider, editor, words, None, plot, files, None]
    for text in _watch(session.draw()):
        yield [same, same, text, same, same, same, same]
    film = str(session.video) if session.video else None
    yield [same, same, words, film, same, same, film]


def _watch(steps: Generator[Progress, None, None]) -> Iterator[str]:
    """Runs steps to their end; gives a look at them now and then."""
    first, last = 0.0, float("-inf")
    with contextlib.closing(steps):
        for count, step in enumerate(steps):
            now = time.monotonic()
            first = first if count else now
            if now - last > _SECONDS:
                last = now
                yield _progress(step, count / (now - first) if now > first else None)


def _progress(step: Progress, fps: Optional[float]) -> str:
    """A bar, the frame, and what was found in it, as HTML."""
    image = drawing.draw_targets(step.image, step.boxes)
    buffer = io.BytesIO()
    Image.fromarray(drawing.resize_to(image, _PREVIEW)).save(buffer, "jpeg", quality=80)
    data = base64.b64encode(buffer.getvalue()).decode()
    rate = "" if fps is None else f", {fps:.1f} frames a second"
    words = f"{step.what}: frame {step.frame}, {step.done} of {step.total}{rate}"
    return (
        f'<progress max="{step.total}" value="{step.done}"></progress><p>{words}</p>'
        f'<img alt="{words}" src="data:image/jpeg;base64,{data}">'
    )


def _summary(session: Session) -> str:
    tracked, length = session.tracked, session.length
    if not tracked:
        return ""
    ended = "to the end" if tracked == length else f"to frame {tracked - 1} of {length - 1}"
    return f"<p>Tracked {ended}. {chart.describe_low_frames(session.confidences())}</p>"


def _plot(session: Session) -> str:
    path = session.folder / f"confidence_{time.time_ns()}.png"
    for old in session.folder.glob("confidence_*.png"):
        old.unlink()
    path.write_bytes(chart.plot_confidences(session.confidences(), drawing.TARGETS))
    return str(path)
