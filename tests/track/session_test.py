"""Several targets, parts of a source, streams and the live page on the command line."""

import http.client
import os
import signal
import threading

import numpy as np
import pytest
from PIL import Image

from gradnet_tf.media.frames import open_frames
from gradnet_tf.track import session
from tests.helpers import stream_servers, videos
from tests.media.browser_test import read_jpeg
from tests.track.main_test import BOX, call, made, one_error, out, source  # noqa: F401
from tests.tracking.run_test import FakeTargets, FakeTracker

OTHER_BOX = "--box=20,30,12,9"


@pytest.fixture
def many(monkeypatch):
    monkeypatch.setattr(session, "make_tracker", lambda options: FakeTargets())


@pytest.fixture
def camera(monkeypatch):
    pytest.importorskip("av")
    stream_servers.fake_camera(monkeypatch)
    return "--source=camera:0"


def test_several_targets_in_one_table(source, out, many, capsys):  # noqa: F811
    pytest.importorskip("av")
    arguments = (f"--source={source}", BOX, OTHER_BOX, f"--boxes={out / 'b.txt'}", "--format=mot")
    assert call(*arguments, f"--video={out / 'v.mp4'}") == 0
    table = np.loadtxt(out / "b.txt", delimiter=",")
    assert table.shape == (10, 10)
    np.testing.assert_array_equal(table[:, 0], np.repeat(np.arange(1, 6), 2))
    np.testing.assert_array_equal(table[:, 1], [1, 2] * 5)
    np.testing.assert_array_equal(table[8:, 2:6], [[9, 8, 10, 8], [25, 33, 12, 9]])
    assert sorted(os.listdir(out)) == ["b.txt", "v.mp4", "v.sheet.png"]
    assert open_frames(out / "v.mp4").length == 5
    assert f"boxes: {out / 'b.txt'}\n" in capsys.readouterr().out


def test_several_targets_in_a_file_each(source, out, many, capsys):  # noqa: F811
    boxes = f"--boxes={out / 'b.txt'}"
    assert call(f"--source={source}", BOX, OTHER_BOX, boxes, "--sheet=") == 0
    assert sorted(os.listdir(out)) == ["b.0.txt", "b.1.txt"]
    assert np.loadtxt(out / "b.1.txt", delimiter=",")[4].tolist() == [24, 32, 12, 9]
    printed = capsys.readouterr().out
    assert f"boxes: {out / 'b.0.txt'}\nboxes: {out / 'b.1.txt'}\n" in printed


def test_what_several_targets_cannot_have(source, out, many, capsys):  # noqa: F811
    two = (f"--source={source}", BOX, OTHER_BOX)
    assert call(*two, f"--show_truth={out / 'truth.txt'}") == 1
    assert "--show_truth is of one target, but there are 2 boxes" in one_error(capsys)
    assert call(*two, "--boxes=/dev/null") == 1
    assert "choose mot, csv, json" in one_error(capsys)
    assert call(*two, "--box=200,300,5,5") == 1
    assert "boxes[2]: box [200.0, 300.0, 5.0, 5.0]" in one_error(capsys)
    assert call(*two, f"--boxes={out / 'x.mp4'}", f"--video={out / 'x.1.mp4'}") == 1
    assert "--video and --boxes are the same file" in one_error(capsys)
    assert os.listdir(out) == []


def test_interrupt_leaves_a_file_for_each_target(source, out, monkeypatch, capsys):  # noqa: F811
    class Interrupted(FakeTargets):
        def update(self, image):
            raise KeyboardInterrupt

    monkeypatch.setattr(session, "make_tracker", lambda options: Interrupted())
    assert call(f"--source={source}", BOX, OTHER_BOX, f"--boxes={out / 'b.txt'}") == 130
    error = capsys.readouterr().err
    for number in (0, 1):
        path = out / f"b.{number}.txt.partial"
        assert f"the boxes of the first 1 frames: {path}" in error
        assert len(path.read_text().splitlines()) == 1


def test_a_part_of_the_source(source, out, made, capsys):  # noqa: F811
    truth = out / "truth.txt"
    truth.write_text("".join(f"{4 + i},{5 + i / 2},10,8\n" for i in (-1, 0, 1, 2, 3)))
    part = ("--start_frame=1", "--end_frame=3", f"--show_truth={truth}", "--truth_origin=0")
    arguments = (f"--source={source}", BOX, *part)
    assert call(*arguments, f"--boxes={out / 'b.csv'}", "--format=csv") == 0
    captured = capsys.readouterr()
    assert captured.out.startswith("frames: 3\n")
    assert "mean IoU: 1.000, " in captured.out and "(over 3 frames)" in captured.out
    assert "note" not in captured.err
    table = np.loadtxt(out / "b.csv", delimiter=",", skiprows=1)
    np.testing.assert_array_equal(table[:, 0], [1, 2, 3])
    np.testing.assert_array_equal(table[:, 2], [4, 5, 6])


def test_parts_that_are_not_there(source, out, made, capsys):  # noqa: F811
    assert call(f"--source={source}", BOX, "--start_frame=5") == 1
    assert f"no frames in '{source}' from frame 5 on" in one_error(capsys)
    assert call(f"--source={source}", BOX, "--start_frame=3", "--end_frame=2") == 1
    assert "end_frame 2 is before start_frame 3" in one_error(capsys)
    (out / "truth.txt").write_text("1,2,3,4\n")
    assert call(f"--source={source}", BOX, "--start_frame=3", f"--show_truth={out}/truth.txt") == 1
    assert "truth.txt ends before --start_frame=3" in one_error(capsys)
    assert not made


@pytest.fixture
def pipe(tmp_path):
    """A named pipe through which 12 frames come."""
    pytest.importorskip("av")
    videos.write(tmp_path / "clip.ts", "mpeg2video", 12)
    content = (tmp_path / "clip.ts").read_bytes()
    os.mkfifo(tmp_path / "pipe")

    def write():
        with open(tmp_path / "pipe", "wb") as file:
            file.write(content)

    thread = threading.Thread(target=write)
    thread.start()
    yield tmp_path / "pipe"
    thread.join()


def test_a_pipe_gives_all_outputs_in_one_pass(pipe, out, made, capsys):  # noqa: F811
    files = (f"--boxes={out / 'b.txt'}", f"--video={out / 'v.mp4'}")
    assert call(f"--source={pipe}", BOX, *files) == 0
    assert sorted(os.listdir(out)) == ["b.txt", "v.mp4", "v.sheet.png"]
    assert len((out / "b.txt").read_text().splitlines()) == 12
    frames = list(open_frames(out / "v.mp4"))
    assert len(frames) == 12
    np.testing.assert_allclose(
        [frame.image[30:, 40:].mean() for frame in frames], [videos.level(n) for n in range(12)],
        atol=8,
    )  # fmt: skip
    captured = capsys.readouterr()
    assert "dropped" not in captured.out and f"video: {out / 'v.mp4'}" in captured.out


class Signalling(FakeTracker):
    """Sends its process a signal in the fourth frame that it tracks."""

    number = signal.SIGTERM

    def init(self, image, box):
        super().init(image, box)
        self.count = 0

    def update(self, image):
        self.count += 1
        if self.count == 4:
            os.kill(os.getpid(), self.number)
        return super().update(image)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_is_the_end_of_a_live_stream(
    camera,
    out,  # noqa: F811
    monkeypatch,
    capsys,
    number,
):
    monkeypatch.setattr(Signalling, "number", number)
    monkeypatch.setattr(session, "make_tracker", lambda options: Signalling())
    files = (f"--boxes={out / 'b.json'}", "--format=json", f"--video={out / 'v.mp4'}")
    assert call(camera, BOX, *files) == 0
    assert sorted(os.listdir(out)) == ["b.json", "v.mp4", "v.sheet.png"]
    captured = capsys.readouterr()
    assert captured.out.startswith("frames: 5\ndropped: ")
    assert captured.err.splitlines()[-1] == f"ended by {number.name}"
    assert len((out / "b.json").read_text().splitlines()) == 6
    frames = list(open_frames(out / "v.mp4"))
    assert len(frames) == 5 and all(frame.duration > 0 for frame in frames)


def test_the_tracker_is_warm_before_the_first_frame(camera, monkeypatch):
    seen = []

    class Watching(Signalling):
        def init(self, image, box):
            seen.append(image.any())
            super().init(image, box)

    monkeypatch.setattr(session, "make_tracker", lambda options: Watching())
    assert call(camera, BOX, "--end_frame=2") == 0
    assert seen == [False, True]


def test_a_box_outside_of_a_live_stream(camera, made, capsys):  # noqa: F811
    assert call(camera, "--box=100,10,5,5") == 1
    assert "lies outside the frame of 64x48 pixels" in one_error(capsys)
    assert not made


def test_the_live_page(source, monkeypatch, capsys):  # noqa: F811
    """A viewer gets the frame that was tracked last, with its box."""
    seen = []

    class Watched(FakeTracker):
        def update(self, image):
            url = capsys.readouterr().err.split("display: ")[-1].split()[0] if not seen else None
            if url:
                connection = http.client.HTTPConnection(url.split("/")[2], timeout=20)
                connection.request("GET", "/stream")
                response = connection.getresponse()
                seen.append(read_jpeg(response, (64, 48)))
                response.close()
            return super().update(image)

    monkeypatch.setattr(session, "make_tracker", lambda options: Watched())
    assert call(f"--source={source}", BOX, "--display=browser") == 0
    (mean,) = seen
    assert abs(mean - np.asarray(Image.open(source / "0001.jpg")).mean()) < 25
