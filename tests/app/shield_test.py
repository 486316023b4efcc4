"""Tests of gradnet_tf.app.shield, without a server."""

import asyncio

import pytest

from gradnet_tf.app.shield import Shield


def answer(path):
    """Status and headers that a server behind the shield gives."""
    messages = []

    async def server(scope, receive, send):
        await send({"type": "http.response.start", "status": 200, "headers": []})

    async def send(message):
        messages.append(message)

    asyncio.run(Shield(server)({"type": "http", "path": path}, None, send))
    return messages[0]["status"], dict(messages[0]["headers"])


def test_browsers_are_told_to_load_nothing_from_elsewhere():
    status, headers = answer("/")
    assert status == 200
    assert b"default-src 'self'" in headers[b"content-security-policy"]


@pytest.mark.parametrize(
    "path",
    [
        "/gradio_api/file=http://example.org/x",
        "/gradio_api/file=https:/example.org/x",
        "/gradio_api/proxy=http://example.org",
    ],
)
def test_the_server_fetches_nothing(path):
    assert answer(path)[0] == 403
