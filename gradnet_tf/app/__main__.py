r"""Opens a page, on this machine alone, to draw boxes on a video with the mouse and track them.

    python -m gradnet_tf.app [VIDEO]

VIDEO is a video file or a folder of frames; others can be uploaded on the page. The page is at
http://127.0.0.1:7860, or at the next port that is free. Nothing is sent to anywhere else.
"""

from __future__ import annotations

import contextlib
import os
import threading
from collections.abc import Sequence

from absl import flags

from gradnet_tf import command_line
from gradnet_tf.app.sessions import Sessions
from gradnet_tf.files import disk
from gradnet_tf.media.frames import open_frames


def run(values: flags.FlagValues, arguments: Sequence[str] = ()) -> int:
    """Serves the page, with the video if one is given, until it is stopped; the exit status."""

    def serve() -> None:
        command_line.refuse(arguments[1:])
        video = disk.local_path(arguments[0]) if arguments else None
        if video:
            open_frames(video)  # An error comes here, not on the page.
        with Sessions() as sessions:
            # Gradio makes this folder as soon as it is imported.
            os.environ["GRADIO_TEMP_DIR"] = str(sessions.uploads)
            from gradnet_tf.app import page

            with page.serving(sessions, video) as url:
                print(f"Open {url} in a browser; Ctrl-C ends.", flush=True)
                # Gradio prints what browsers ask for.
                with open(os.devnull, "w") as nowhere, contextlib.redirect_stdout(nowhere):
                    threading.Event().wait()

    return command_line.finish(serve, stopped="closed; temporary files are deleted")


if __name__ == "__main__":
    command_line.main(lambda: None, run)
