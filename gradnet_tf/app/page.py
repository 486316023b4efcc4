"""The page, made with Gradio: its parts, and what happens when they are used."""

from __future__ import annotations

import base64
import contextlib
import functools
import html
import io
import logging
import os
import shutil
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Callable, Optional

from PIL import Image

from gradnet_tf.app import box_editor, chart
from gradnet_tf.app.session import COLOURS, Progress, Session, draw_boxes
from gradnet_tf.app.sessions import Sessions
from gradnet_tf.app.shield import Shield
from gradnet_tf.media import demo_clip, drawing
from gradnet_tf.tracking.config import PRECISIONS, PRESETS

try:
    import gradio as gr
    from gradio_image_annotation import image_annotator
except ImportError as error:
    raise ImportError(
        "the page needs Gradio, which is not installed: pip install gradnet_tf[app]"
        if sys.version_info >= (3, 10)
        else "the page needs Gradio, which needs Python 3.10 or later"
    ) from error

_TITLE = "GradNet: track what you draw"
_OWN_PRESET = "default"  # What the weights ask for.
_BAD_INPUT = (ImportError, OSError, ValueError, TypeError)  # A sentence on the page, not a crash.
_SECONDS = 0.4  # Between two looks at what is under way.
_PREVIEW = 480  # Pixels of its longer side.
# Pictures turned on their side would only be in the way here; the rest keeps the page narrow.
_CSS = """
.gradio-container {max-width: 1180px !important; margin: auto}
#editor button[aria-label*="otate"], #editor button[title*="otate"] {display: none}
#status progress {width: 100%; height: 1rem}
#status img {max-width: 100%; display: block; margin: auto}
#chart img {cursor: pointer}
"""


@contextlib.contextmanager
def serving(video: Optional[str] = None) -> Iterator[str]:
    """Serves the page at 127.0.0.1 while the block runs.

    Args:
        video: A video or folder that every page starts with.

    Yields:
        The page's address.
    """
    os.environ["GRADIO_ANALYTICS_ENABLED"] = "False"
    logging.getLogger("httpx").setLevel(logging.WARNING)  # By which Gradio asks itself.
    with Sessions() as sessions:
        os.environ["GRADIO_TEMP_DIR"] = str(sessions.uploads)
        gr.set_static_paths([sessions.files])
        page = make_page(sessions, video)
        page.queue(default_concurrency_limit=4)
        _, address, _ = page.launch(
            server_name="127.0.0.1",
            prevent_thread_lock=True,
            quiet=True,
            share=False,
            ssr_mode=False,
            footer_links=[],
            allowed_paths=[str(sessions.files)],
            theme=_theme(),
            css=_CSS,
            app_kwargs={"middleware": [Shield.as_middleware()]},
        )
        try:
            yield address.rstrip("/")
        finally:
            page.close(verbose=False)


def make_page(sessions: Sessions, video: Optional[str] = None) -> Any:
    """Makes the page.

    Args:
        sessions: Where its sessions are kept.
        video: See `serving`.

    Returns:
        A `gradio.Blocks`.
    """
    with gr.Blocks(title=_TITLE, analytics_enabled=False, delete_cache=(600, 3600)) as page:
        gr.Markdown(
            f"# {_TITLE}\nChoose a video, move to the frame to start from, draw a box around "
            "each target and track. Everything stays on this machine."
        )
        with gr.Row():
            upload = gr.UploadButton("Upload a video", elem_id="upload")
            demo = gr.Button("Open the demo clip", elem_id="demo")
            given = gr.Button(f"Open {Path(video).name}" if video else "", visible=bool(video))
        title = gr.Markdown("There is no video yet.", elem_id="title")
        with gr.Row():
            with gr.Column(scale=3):
                # Captions stand above, for the components' own would cover part of the picture.
                gr.Markdown("**Frame**: draw boxes; with the hand, move those that are there")
                editor = image_annotator(
                    show_label=False,
                    elem_id="editor",
                    sources=[],
                    disable_edit_boxes=True,
                    show_remove_button=True,
                    show_clear_button=False,
                    show_download_button=False,
                    show_share_button=False,
                    boxes_alpha=0.1,
                    box_min_size=3,
                    image_type="filepath",
                )
                # It would write a copy of the picture at every event; the boxes are all we need.
                editor.preprocess_image = lambda image: None
                slider = gr.Slider(0, 1, 0, step=1, label="Frame", elem_id="frame")
            with gr.Column(scale=2):
                with gr.Row():
                    preset = gr.Dropdown([_OWN_PRESET, *PRESETS], label="Preset")
                    precision = gr.Dropdown(list(PRECISIONS), label="Precision")
                with gr.Row():
                    track = gr.Button("Track from here", variant="primary", elem_id="track")
                    stop = gr.Button("Stop", variant="stop", elem_id="stop")
                status = gr.HTML(elem_id="status")
                overlay = gr.Video(show_label=False, interactive=False, elem_id="overlay")
        gr.Markdown("**Confidence**: red where it is below 0.5; a click shows that frame")
        plot = gr.Image(
            show_label=False,
            interactive=False,
            elem_id="chart",
            buttons=[],
        )
        with gr.Row():
            boxes = gr.File(label="Boxes", interactive=False, height=120, elem_id="boxes")
            film = gr.File(label="Video", interactive=False, height=120, elem_id="film")

        results = [overlay, plot, boxes, film]
        shown = [title, slider, editor]
        on = functools.partial(_connect, sessions)
        on(upload.upload, _open_upload, [upload], [*shown, status, *results])
        on(demo.click, _open_demo, [], [*shown, status, *results])
        if video:
            open_given = functools.partial(_open, path=video)
            on(given.click, open_given, [], [*shown, status, *results])
            on(page.load, open_given, [], [*shown, status, *results])
        on(slider.input, _show, [slider], [editor], trigger_mode="always_last")
        on(plot.select, _show_clicked, [], [slider, editor])
        tracked = [slider, editor, status, *results]
        on(track.click, _track, [editor, preset, precision], tracked)
        on(stop.click, Session.stop, [], [], queue=False)

        def leave(request: gr.Request) -> None:
            sessions.close(request.session_hash)

        page.unload(leave)
    return page


def _theme() -> Any:
    """Gradio's own, with the fonts of the system: its usual ones come from elsewhere."""
    return gr.themes.Default(font=("system-ui", "sans-serif"), font_mono=("monospace",))


def _connect(
    sessions: Sessions,
    event: Callable,
    handler: Callable,
    inputs: list,
    outputs: list,
    **options: Any,
) -> None:
    """Has an event call a handler with the page's session and the inputs.

    A handler is a function, or a generator function for what takes its time. What a person can put
    right is shown as a sentence.
    """

    def session(request: gr.Request) -> Session:
        return sessions.get(request.session_hash or "")

    # Gradio finds the request, and what was clicked, by the types of the arguments.
    if handler is _show_clicked:

        def call(request: gr.Request, place: gr.SelectData):
            with _told(session(request)):
                return handler(session(request), place.index[0])

    elif handler is _track:

        def call(request: gr.Request, *values: Any):  # type: ignore[misc]
            with _told(session(request)):
                yield from handler(session(request), *values)

    else:

        def call(request: gr.Request, *values: Any):  # type: ignore[misc]
            with _told(session(request)):
                return handler(session(request), *values)

    event(
        call,
        inputs,
        outputs,
        api_visibility="private",
        show_progress="minimal" if handler is not _track else "hidden",
        **options,
    )


@contextlib.contextmanager
def _told(session: Session) -> Iterator[None]:
    try:
        yield
    except _BAD_INPUT as error:
        text = str(error).replace(f"{session.folder}{os.sep}", "")
        raise gr.Error(html.escape(text[:1].upper() + text[1:]), print_exception=False) from error


def _open_upload(session: Session, upload: str) -> list:
    path = session.folder / Path(upload).name
    shutil.move(upload, path)  # From where Gradio would keep it.
    try:
        return _open(session, path)
    except BaseException:
        path.unlink(missing_ok=True)
        raise


def _open_demo(session: Session) -> list:
    return _open(session, demo_clip.find_clip())


def _open(session: Session, path: Any) -> list:
    """Opens a video: title, slider, editor, status, and results that are empty."""
    session.open(path)
    height, width = session.frame_hw
    title = (
        f"**{html.escape(session.name or '')}**: {session.length} frames of {width}x{height} "
        "pixels. Draw a box around each target, then track."
    )
    return [title, *_show(session, 0, True), "", None, None, None, None]


def _show(session: Session, frame: float, with_slider: bool = False) -> Any:
    """Shows a frame in the editor, and on the slider as well if that is wanted."""
    session.frame = int(frame)
    editor = _edited(session)
    if not with_slider:
        return editor
    return [gr.Slider(maximum=session.length - 1, value=session.frame), editor]


def _show_clicked(session: Session, x: float) -> list:
    return _show(session, chart.frame_at(x, session.length), True)


def _edited(session: Session) -> dict:
    """What the editor shows of the session's frame."""
    image = session.image(session.frame)
    # A name of its own for each frame, for browsers keep pictures by their addresses.
    path = session.folder / f"frame{session.frame}_{time.time_ns()}.jpg"
    for old in session.folder.glob("frame*.jpg"):
        old.unlink()
    box_editor.make_picture(image).save(path, quality=92)
    scale = box_editor.picture_scale(image.shape[:2])
    boxes = box_editor.show_boxes(session.boxes(session.frame), scale, COLOURS)
    return {"image": str(path), "boxes": boxes}


def _track(session: Session, edited: Optional[dict], preset: str, precision: str) -> Iterator[list]:
    """Tracks, and shows how far it is; then draws the video, and shows what was found."""
    same = gr.skip()
    frame = session.frame
    scale = box_editor.picture_scale(session.image(frame).shape[:2])
    edited = edited or {}
    if edited.get("orientation"):
        raise ValueError("the frame is turned: turn it upright, then draw the boxes")
    drawn = box_editor.read_boxes(edited.get("boxes", ()), session.boxes(frame), scale)

    def make_tracker() -> Any:
        from gradnet_tf.tracking.tracker import Tracker  # Loads TensorFlow.

        return Tracker(preset=None if preset == _OWN_PRESET else preset, precision=precision)

    yield [same, same, "<p>Starting the tracker …</p>", same, same, same, same]
    for text in _watch(session.track(frame, drawn, make_tracker)):
        yield [same, same, text, same, same, same, same]
    last = session.tracked - 1
    plot, words, files = (
        _plot(session),
        _summary(session),
        [str(path) for path in session.save_boxes()],
    )
    slider, editor = _show(session, last if last + 1 < session.length else frame, True)
    yield [slider, editor, words, None, plot, files, None]
    for text in _watch(session.draw()):
        yield [same, same, text, same, same, same, same]
    film = str(session.video) if session.video else None
    yield [same, same, words, film, same, same, film]


def _watch(steps: Iterator[Progress]) -> Iterator[str]:
    """Runs steps to their end; gives a look at them now and then."""
    last = float("-inf")
    with contextlib.closing(steps):  # type: ignore[type-var]
        for step in steps:
            if time.monotonic() - last > _SECONDS:
                last = time.monotonic()
                yield _progress(step)


def _progress(step: Progress) -> str:
    """A bar, the frame, and what was found in it, as HTML."""
    image = draw_boxes(step.image, step.boxes)
    buffer = io.BytesIO()
    Image.fromarray(drawing.resize_to(image, _PREVIEW)).save(buffer, "jpeg", quality=80)
    data = base64.b64encode(buffer.getvalue()).decode()
    rate = "" if step.fps != step.fps else f", {step.fps:.1f} frames a second"
    words = f"{step.what}: frame {step.frame}, {step.done} of {step.total}{rate}"
    return (
        f'<progress max="{step.total}" value="{step.done}"></progress><p>{words}</p>'
        f'<img alt="{words}" src="data:image/jpeg;base64,{data}">'
    )


def _summary(session: Session) -> str:
    tracked, length = session.tracked, session.length
    ended = "to the end" if tracked == length else f"to frame {tracked - 1} of {length - 1}"
    return f"<p>Tracked {ended}. {chart.describe_low_frames(session.confidences())}</p>"


def _plot(session: Session) -> str:
    path = session.folder / f"confidence_{time.time_ns()}.png"
    for old in session.folder.glob("confidence_*.png"):
        old.unlink()
    path.write_bytes(chart.plot_confidences(session.confidences(), COLOURS))
    return str(path)
