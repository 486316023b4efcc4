"""Keeps the page to itself: nothing is loaded from, fetched from or sent to elsewhere."""

from __future__ import annotations

from typing import Any

# The browser refuses what is not of this page; Gradio makes scripts and styles as it runs.
_POLICY = (
    "default-src 'self' data: blob:; script-src 'self' 'unsafe-inline' 'unsafe-eval' blob:; "
    "style-src 'self' 'unsafe-inline'; connect-src 'self' data: blob:; form-action 'self'; "
    "frame-ancestors 'none'; base-uri 'self'"
)
_HEADERS = [
    (b"content-security-policy", _POLICY.encode()),
    (b"referrer-policy", b"no-referrer"),
    (b"x-content-type-options", b"nosniff"),
]


class Shield:
    """Wraps a server (ASGI): refuses requests to fetch from elsewhere, and tells browsers likewise.

    Args:
        app: The server.
    """

    def __init__(self, app: Any):
        self._app = app

    @classmethod
    def as_middleware(cls) -> Any:
        """Returns it as Starlette takes it."""
        from starlette.middleware import Middleware  # Comes with Gradio.

        return Middleware(cls)

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Answers a request."""

        async def send_with_headers(message: Any) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message.get("headers", []), *_HEADERS]
            await send(message)

        if scope["type"] == "http" and _is_elsewhere(scope.get("path", "")):
            start = {"type": "http.response.start", "status": 403, "headers": []}
            await send_with_headers(start)
            await send({"type": "http.response.body", "body": b"not on this machine"})
            return
        await self._app(scope, receive, send_with_headers)


def _is_elsewhere(path: str) -> bool:
    """Tells whether a path asks the server to fetch a page for the browser."""
    return "/proxy=" in path or "http:/" in path or "https:/" in path
