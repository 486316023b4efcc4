"""The page, made with Gradio: its parts, and what happens when they are used."""

from __future__ import annotations

import contextlib
import functools
import html
import logging
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Callable, Optional

from gradnet_tf.app import actions
from gradnet_tf.app.libraries import gr, image_annotator
from gradnet_tf.app.session import Session
from gradnet_tf.app.sessions import Sessions
from gradnet_tf.app.shield import Shield
from gradnet_tf.tracking.config import PRECISIONS, PRESETS

_TITLE = "GradNet: track what you draw"
_BAD_INPUT = (ImportError, OSError, ValueError, TypeError)  # A sentence on the page, not a crash.
# A turned picture would only be in the way here, and so would empty places of results.
_CSS = """
.gradio-container {max-width: 1180px !important; width: 100%; margin: auto}
#editor button[aria-label*="otate"], #editor button[title*="otate"] {display: none}
#status progress {width: 100%; height: 1rem; appearance: none; border: none}
#status progress, #status progress::-webkit-progress-bar {background: var(--border-color-primary)}
#status progress::-webkit-progress-value {background: var(--color-accent)}
#status progress::-moz-progress-bar {background: var(--color-accent)}
#status img {width: 100%}
#overlay:not(:has(video)), #film:not(:has(a)), #results:not(:has(#chart img)) {display: none}
#chart img {cursor: pointer}
"""


@contextlib.contextmanager
def serving(sessions: Sessions, video: Optional[str] = None) -> Iterator[str]:
    """Serves the page at 127.0.0.1 while the block runs.

    Args:
        sessions: Where its sessions are kept.
        video: A video or folder that every page starts with.

    Yields:
        The page's address.
    """
    os.environ["GRADIO_ANALYTICS_ENABLED"] = "False"
    logging.getLogger("httpx").setLevel(logging.WARNING)  # By which Gradio asks itself.
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
        # Gradio's own, with the fonts of the system: its usual ones come from elsewhere.
        theme=gr.themes.Default(font=("system-ui", "sans-serif"), font_mono=("monospace",)),
        css=_CSS,
        app_kwargs={"middleware": [Shield.as_middleware()]},
    )
    try:
        yield address.rstrip("/")
    finally:
        page.close(verbose=False)


def make_page(sessions: Sessions, video: Optional[str] = None) -> Any:
    """Makes the page, a `gradio.Blocks`, for `serving`."""
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
                    preset = gr.Dropdown([actions.OWN_PRESET, *PRESETS], label="Preset")
                    precision = gr.Dropdown(list(PRECISIONS), label="Precision")
                with gr.Row():
                    track = gr.Button("Track from here", variant="primary", elem_id="track")
                    stop = gr.Button("Stop", variant="stop", elem_id="stop")
                status = gr.HTML(elem_id="status")
                overlay = gr.Video(show_label=False, interactive=False, elem_id="overlay")
        with gr.Column(elem_id="results"):
            gr.Markdown("**Confidence**: red where it is below 0.5; a click shows that frame")
            plot = gr.Image(show_label=False, interactive=False, elem_id="chart", buttons=[])
            file = functools.partial(gr.File, interactive=False, min_width=300)
            with gr.Row():
                boxes = file(label="Boxes", elem_id="boxes")
                film = file(label="Video", elem_id="film")

        results = [overlay, plot, boxes, film]
        shown = [title, slider, editor]
        on = functools.partial(_connect, sessions)
        on(upload.upload, actions.open_upload, [upload], [*shown, status, *results])
        on(demo.click, actions.open_demo, [], [*shown, status, *results])
        if video:
            open_given = functools.partial(actions.open_video, path=video)
            on(given.click, open_given, [], [*shown, status, *results])
            on(page.load, open_given, [], [*shown, status, *results])
        on(slider.input, actions.show, [slider], [editor], trigger_mode="always_last")
        on(plot.select, actions.show_clicked, [], [slider, editor])
        tracked = [slider, editor, status, *results]
        on(track.click, actions.track, [editor, preset, precision], tracked)
        on(stop.click, Session.stop, [], [], queue=False)

        def leave(request: gr.Request) -> None:
            sessions.close(request.session_hash)

        page.unload(leave)
    return page


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
    if handler is actions.show_clicked:

        def call(request: gr.Request, place: gr.SelectData):
            with _told(session(request)):
                return handler(session(request), place.index[0])

    elif handler is actions.track:

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
        show_progress="minimal" if handler is not actions.track else "hidden",
        **options,
    )


@contextlib.contextmanager
def _told(session: Session) -> Iterator[None]:
    try:
        yield
    except _BAD_INPUT as error:
        text = str(error).replace(f"{session.folder}{os.sep}", "")
        raise gr.Error(html.escape(text[:1].upper() + text[1:]), print_exception=False) from error
