"""Shows images in a browser on the same machine, as a stream of JPEG files (MJPEG)."""

from __future__ import annotations

import http.server
import io
import threading
from typing import Any, Optional

import numpy as np
from PIL import Image

_QUALITY = 85  # Of the JPEG files.
_BOUNDARY = "gradnet_tf-frame"
_PAGE = b"""<!doctype html><meta charset="utf-8"><title>gradnet_tf</title>
<style>body { margin: 0; background: #222 } img { display: block; margin: auto; height: 100vh;
width: 100vw; object-fit: contain }</style><img src="stream" alt="the frames as they are tracked">
"""


class BrowserDisplay:
    """Serves the newest image on a page of 127.0.0.1; a context manager.

    Whoever watches too slowly misses images, and nobody waits. Images are encoded only while
    somebody watches.
    """

    def __init__(self) -> None:
        self._server = _Server(("127.0.0.1", 0), _Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}/"  # Of the page.

    def __enter__(self) -> BrowserDisplay:
        threading.Thread(
            target=self._server.serve_forever, name="gradnet_tf-display", daemon=True
        ).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.put(None)
        self._server.shutdown()
        self._server.server_close()

    def show(self, image: np.ndarray) -> None:
        """Shows an image, uint8 [h, w, 3] RGB, which must not change afterwards."""
        self._server.put(image)


class _Server(http.server.ThreadingHTTPServer):
    """Holds the newest image for the threads of its requests."""

    daemon_threads = True
    block_on_close = False

    def __init__(self, *arguments: Any):
        super().__init__(*arguments)
        self._changed = threading.Condition()
        self._image: Optional[np.ndarray] = None
        self._number = 0
        self._encoded = (0, b"")
        self._is_over = False

    def put(self, image: Optional[np.ndarray]) -> None:
        """Takes the next image; None ends the streams after the last one."""
        with self._changed:
            if image is None:
                self._is_over = True
            else:
                self._image = image
                self._number += 1
            self._changed.notify_all()

    def next_jpeg(self, after: int) -> Optional[tuple[int, bytes]]:
        """Waits for an image later than number `after`; None at the end."""
        with self._changed:
            self._changed.wait_for(lambda: self._is_over or self._number > after)
            if self._number <= after or self._image is None:
                return None
            if self._encoded[0] != self._number:
                buffer = io.BytesIO()
                Image.fromarray(self._image).save(buffer, "jpeg", quality=_QUALITY)
                self._encoded = self._number, buffer.getvalue()
            return self._encoded


class _Handler(http.server.BaseHTTPRequestHandler):
    server: _Server

    def do_GET(self) -> None:
        # A page of another name that leads here could read what is shown.
        host = self.headers.get("Host", "").rpartition(":")[0]
        if host not in ("127.0.0.1", "localhost") or self.path not in ("/", "/stream"):
            self.send_error(404)
        elif self.path == "/":
            self._start("text/html")
            self.wfile.write(_PAGE)
        else:
            self._start(f"multipart/x-mixed-replace; boundary={_BOUNDARY}")
            self._stream()

    def _start(self, kind: str) -> None:
        self.send_response(200)
        self.send_header("Content-Type", kind)
        self.send_header("Cache-Control", "no-store")
        self.end_headers()

    def _stream(self) -> None:
        number = 0
        try:
            while (found := self.server.next_jpeg(number)) is not None:
                number, jpeg = found
                head = f"Content-Type: image/jpeg\r\nContent-Length: {len(jpeg)}\r\n\r\n"
                self.wfile.write(f"--{_BOUNDARY}\r\n{head}".encode() + jpeg + b"\r\n")
        except OSError:  # Nobody watches any more.
            pass

    def log_message(self, *_: Any) -> None:
        """Says nothing on stderr."""
