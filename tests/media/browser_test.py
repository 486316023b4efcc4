"""The live page: what a browser on this machine gets, and that nobody waits for it."""

import http.client
import io
import threading
import time

import numpy as np
import pytest
from PIL import Image

from gradnet_tf.media.browser import BrowserDisplay


def grey(value):
    return np.full((24, 32, 3), value, np.uint8)


@pytest.fixture
def display():
    with BrowserDisplay() as made:
        yield made


def get(display, path, **headers):
    host = display.url.split("/")[2]
    connection = http.client.HTTPConnection(host, timeout=20)
    connection.request("GET", path, headers=headers)
    return connection.getresponse()


def read_jpeg(response, size=(32, 24)):
    """The next image of the stream: its mean; None at the end."""
    line = response.readline()
    if not line:
        return None
    length = 0
    while line.strip():
        if line.lower().startswith(b"content-length:"):
            length = int(line.split(b":")[1])
        line = response.readline()
    image = Image.open(io.BytesIO(response.read(length)))
    assert image.size == size
    assert response.readline() == b"\r\n"
    return round(float(np.mean(np.asarray(image))))


def test_the_page_is_local_and_shows_the_stream(display):
    assert display.url.startswith("http://127.0.0.1:")
    response = get(display, "/")
    assert response.status == 200 and b'<img src="stream"' in response.read()


def test_each_viewer_gets_the_newest_image(display):
    display.show(grey(10))
    display.show(grey(20))
    first, second = get(display, "/stream"), get(display, "/stream")
    assert "multipart/x-mixed-replace; boundary=" in first.getheader("Content-Type")
    assert read_jpeg(first) == read_jpeg(second) == 20
    display.show(grey(30))
    assert read_jpeg(first) == read_jpeg(second) == 30


def test_the_stream_ends_with_the_display():
    with BrowserDisplay() as display:
        display.show(grey(10))
        response = get(display, "/stream")
        assert read_jpeg(response) == 10
    assert read_jpeg(response) is None


def test_a_viewer_may_wait_for_the_first_image_and_leave(display):
    response = get(display, "/stream")
    display.show(grey(40))
    assert read_jpeg(response) == 40
    response.close()
    for value in range(100):
        display.show(grey(value))
    assert read_jpeg(get(display, "/stream")) == 99


def test_nobody_waits_for_a_viewer_who_does_not_read(display):
    display.show(grey(1))
    get(display, "/stream")
    noise = np.random.default_rng(0).integers(0, 255, (480, 640, 3), np.uint8)
    start = time.monotonic()
    for _ in range(200):
        display.show(noise)
    assert time.monotonic() - start < 5


@pytest.mark.parametrize(
    ("path", "host"), [("/other", None), ("/", "example.com:80"), ("/stream", "example.com")]
)
def test_other_pages_and_other_names_are_refused(display, path, host):
    headers = {} if host is None else {"Host": host}
    assert get(display, path, **headers).status == 404


def test_no_thread_is_left_that_serves():
    with BrowserDisplay():
        pass
    time.sleep(0.1)
    assert not [t for t in threading.enumerate() if t.name == "gradnet_tf-display"]
