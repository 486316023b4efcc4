"""Streams: which are live, that those drop frames and others none, and how they end."""

import contextlib
import gc
import os
import threading
import time

import numpy as np
import pytest

from gradnet_tf.media import streams
from gradnet_tf.media.frames import FrameError, open_frames
from gradnet_tf.media.streams import StreamSource
from tests.helpers import stream_servers, videos

av = pytest.importorskip("av")

COUNT = 12


def threads():
    return [t for t in threading.enumerate() if t.name == "gradnet_tf-stream"]


@pytest.fixture(autouse=True)
def no_thread_is_left():
    yield
    gc.collect()
    wait_for(lambda: not threads())


@pytest.fixture(scope="module")
def clips(tmp_path_factory):
    """The same frames as a transport stream and as an MP4 that can be read from its start."""
    folder = tmp_path_factory.mktemp("clips")
    options = {"g": "4", "bf": "0"}
    videos.write(folder / "clip.ts", "libx264", COUNT, options=options)
    videos.write(
        folder / "clip.mp4", "libx264", COUNT, options={**options, "+movflags": "faststart"}
    )
    return folder


@pytest.fixture
def camera(monkeypatch):
    stream_servers.fake_camera(monkeypatch)


def wait_for(condition):
    deadline = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def levels(source):
    return [frame.image.mean() for frame in source]


def expected(count=COUNT):
    return [videos.level(index) for index in range(count)]


def feed(path, content):
    """Writes a named pipe from a thread."""

    def write():
        with open(path, "wb") as pipe:
            pipe.write(content)

    thread = threading.Thread(target=write)
    thread.start()
    return thread


@pytest.mark.parametrize("clip", ["clip.ts", "clip.mp4"])
def test_a_named_pipe_is_read_frame_by_frame(tmp_path, clips, clip):
    os.mkfifo(tmp_path / "pipe")
    thread = feed(tmp_path / "pipe", (clips / clip).read_bytes())
    with open_frames(tmp_path / "pipe") as source:
        assert isinstance(source, StreamSource) and not source.is_live
        assert (source.fps, source.size) == (25, (48, 64))
        frames = list(source)
        np.testing.assert_allclose([frame.image.mean() for frame in frames], expected(), atol=3)
        assert all(frame.duration == pytest.approx(0.04, abs=1e-3) for frame in frames)
        assert source.dropped == 0
        with pytest.raises(ValueError, match="can be read only once, and has been"):
            iter(source)
    thread.join()


def test_standard_input(clips, monkeypatch):
    reading, writing = os.pipe()
    monkeypatch.setattr(streams, "_STANDARD_INPUT", f"pipe:{reading}")
    thread = feed(f"/proc/self/fd/{writing}", (clips / "clip.ts").read_bytes())
    thread.join()  # So little fits into the pipe.
    os.close(writing)
    with open_frames("-", start_frame=2, end_frame=8) as source:
        assert source.description == "standard input" and not source.is_live
        frames = list(source)
    os.close(reading)
    assert [frame.index for frame in frames] == list(range(2, 9))
    assert frames[0].name == "standard input, frame 2"
    np.testing.assert_allclose([f.image.mean() for f in frames], expected(9)[2:], atol=3)


def test_damage_in_a_pipe_is_at_its_place(tmp_path, clips):
    videos.write(tmp_path / "clip.mkv", "mjpeg", COUNT)
    videos.damage(tmp_path / "clip.mkv", 5)
    os.mkfifo(tmp_path / "pipe")
    for rule in ("hold", "stop"):
        thread = feed(tmp_path / "pipe", (tmp_path / "clip.mkv").read_bytes())
        with open_frames(tmp_path / "pipe", on_bad_frame=rule) as source:
            if rule == "hold":
                assert [n for n, frame in enumerate(source) if not frame.ok] == [5]
            else:
                with pytest.raises(FrameError, match="frame 5 .*cannot decode the stream"):
                    list(source)
        thread.join()


def test_a_file_that_a_server_sends_is_read_frame_by_frame(clips):
    content = (clips / "clip.mp4").read_bytes()
    with stream_servers.http_server(content, length=True) as url, open_frames(url) as source:
        assert not source.is_live and len(source) == COUNT
        np.testing.assert_allclose(levels(source), expected(), atol=3)
        assert source.dropped == 0


@pytest.mark.parametrize("serve", [stream_servers.http_server, stream_servers.rtsp_server])
def test_a_live_stream_is_read_to_its_end(clips, serve):
    with serve((clips / "clip.ts").read_bytes()) as url, open_frames(url) as source:
        assert source.is_live and source.length is None
        frames = list(source)
    assert [frame.index for frame in frames] == list(range(len(frames)))
    assert frames[0].name == f"the stream {url}, frame 0"
    brightness = [frame.image.mean() for frame in frames]
    assert 0 < len(frames) <= COUNT and brightness == sorted(brightness)
    # It is current; of RTSP, the last frame's end is not sent.
    assert brightness[-1] > videos.level(COUNT - 2) - 3


def test_a_camera_is_current_and_counts_what_it_dropped(camera):
    with open_frames("camera:0") as source:
        assert source.is_live and source.size == (48, 64)
        frames = iter(source)
        first = next(frames)
        wait_for(lambda: source.dropped >= 3)
        late = next(frames)
        assert (first.index, late.index) == (0, 1)
        assert first.duration is None and late.duration >= 0.02
        source.end()
        assert list(frames) == []


class Gate:
    """Frames 0 to 3 at once, then 4 when it opens, or an error."""

    def __init__(self, error=None):
        self.error, self.waits, self.opens = error, threading.Event(), threading.Event()

    def frames(self):
        yield from range(4)
        self.waits.set()
        self.opens.wait(60)
        if self.error:
            raise self.error
        yield 4


def make_reader(gate, is_live, flag=None):
    flag = flag or streams._Flag()
    return streams._Reader(gate.frames(), is_live, flag, contextlib.ExitStack())


def test_the_newest_frame_is_taken_and_the_others_are_counted():
    gate = Gate()
    reader = make_reader(gate, True)
    assert gate.waits.wait(60)
    assert reader.dropped == 3
    reader.start_counting()
    frames = iter(reader)
    assert next(frames) == 3
    gate.opens.set()
    assert list(frames) == [4]
    assert reader.dropped == 0


def test_every_frame_is_taken_where_the_sender_waits():
    gate = Gate()
    gate.opens.set()
    reader = make_reader(gate, False)
    assert list(reader) == [0, 1, 2, 3, 4]
    assert reader.dropped == 0


def test_errors_come_after_the_frames_before_them():
    gate = Gate(KeyError("lost"))
    gate.opens.set()
    frames = iter(make_reader(gate, False))
    assert [next(frames) for _ in range(4)] == [0, 1, 2, 3]
    with pytest.raises(KeyError, match="lost"):
        next(frames)


@pytest.mark.parametrize("is_live", [True, False])
def test_it_ends_while_it_waits_for_a_frame(is_live):
    gate, flag = Gate(), streams._Flag()
    frames = iter(make_reader(gate, is_live, flag))
    while next(frames) != 3:
        pass
    timer = threading.Timer(0.3, setattr, (flag, "is_set", True))
    timer.start()
    assert list(frames) == []
    timer.join()
    gate.opens.set()


def test_a_source_that_nobody_reads_ends_its_thread(camera):
    open_frames("camera:0")
    gc.collect()


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("camera:97", "cannot open the stream camera:97: No such file or directory"),
        ("http://127.0.0.1:9/x", "cannot open the stream http://127.0.0.1:9/x: Connection refused"),
        ("rtsp://127.0.0.1:9/x", "cannot open the stream rtsp://127.0.0.1:9/x: Connection refused"),
    ],
)
def test_what_cannot_be_opened_is_named(source, message):
    with pytest.raises(OSError, match=message):
        open_frames(source)


def test_what_is_no_video_is_named(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    thread = feed(tmp_path / "pipe", b"no video")
    with pytest.raises(OSError, match=r"cannot open the stream .*pipe: Invalid data"):
        open_frames(tmp_path / "pipe")
    thread.join()


def test_cameras_elsewhere(monkeypatch):
    monkeypatch.setattr(streams.sys, "platform", "darwin")
    with pytest.raises(OSError, match="by Linux's video4linux only"):
        open_frames("camera:0")


@pytest.mark.parametrize("source", ["camera", "camera:x", "img", "clip.mp4", "ftp://a/b"])
def test_what_is_no_stream(source):
    assert streams.find(source) is None
