"""Tests of gradnet_tf.media.frames, and of the folders and threads behind it."""

import io
import os
import tempfile
import threading

import numpy as np
import pytest
from absl import logging
from PIL import Image

from gradnet_tf.files.folder import list_frames
from gradnet_tf.media.frames import FrameError, FrameSource, open_frames
from gradnet_tf.media.video_writer import VideoWriter


def grey(value, size=(6, 8)):
    return np.full((*size, 3), value, np.uint8)


def write_folder(folder, names):
    folder.mkdir(parents=True, exist_ok=True)
    for name in names:
        Image.new("RGB", (8, 6)).save(folder / name)
    return folder


def truncate(path):
    content = path.read_bytes()
    path.write_bytes(content[: len(content) // 2])


def threads():
    return [t for t in threading.enumerate() if t.name == "gradnet_tf-prefetch"]


def values(source):
    return [int(frame.image[0, 0, 0]) for frame in source]


@pytest.fixture
def clip(tmp_path):
    pytest.importorskip("av")
    path = tmp_path / "clip.mp4"
    with VideoWriter(path, 30, (32, 16)) as writer:
        for i in range(7):
            writer.write(grey(30 * i, (16, 32)))
    return path


# Folders.


def test_folder_is_read_in_order_of_numbers(tmp_path):
    for number in (1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11):
        Image.fromarray(grey(number)).save(tmp_path / f"{number}.png")
    source = open_frames(tmp_path)
    assert values(source) == list(range(1, 12))
    assert len(source) == source.length == 11
    assert source.fps is None
    assert [frame.name for frame in source][:2] == ["1.png", "2.png"]
    assert [frame.index for frame in source] == list(range(11))


def test_suffixes_of_either_case_and_nothing_else(tmp_path):
    names = ["a.JPG", "b.jpeg", "c.PNG", "d.bmp", "e.gif", "f.webp", "g.tif"]
    write_folder(tmp_path, names)
    (tmp_path / "notes.txt").write_text("x")
    (tmp_path / "._a.jpg").write_text("not an image")
    assert [frame.name for frame in open_frames(tmp_path)] == names


@pytest.mark.parametrize("inside", ["img", "color"])
def test_sequence_folder(tmp_path, inside):
    write_folder(tmp_path / inside, ["0001.jpg", "0002.jpg"])
    write_folder(tmp_path, ["preview.jpg"])
    assert [frame.name for frame in open_frames(str(tmp_path))] == ["0001.jpg", "0002.jpg"]


def test_folder_without_frames(tmp_path):
    (tmp_path / "notes.txt").write_text("x")
    with pytest.raises(ValueError, match=f"no frames in {tmp_path}"):
        open_frames(tmp_path)


@pytest.mark.parametrize(
    ("present", "missing"),
    [
        (["0001", "0002", "0004"], ["0003"]),
        (["0008", "0009", "0012", "0013"], ["0010", "0011"]),
        (["8", "9", "11", "12"], ["10"]),
        (["0000", "0005", "0010", "0020"], ["0015"]),
        (["cam2_01", "cam2_02", "cam2_04"], ["cam2_03"]),
        (["0001", "0002", "0003"], []),
        (["0001", "0006", "0011"], []),
        (["0001", "0002"], []),
        (["0001", "0002", "0100", "0101"], []),  # Two shots rather than 97 lost frames.
        (["0010", "0013", "0017", "0020"], []),  # Irregular, like times.
        (["a", "b", "d"], []),
        (["x1_y1", "x2_y5", "x4_y9"], []),
        (["1", "01", "2"], []),
    ],
)
def test_missing_numbers(tmp_path, present, missing):
    write_folder(tmp_path, [f"{stem}.png" for stem in present])
    files, lost = list_frames(tmp_path)
    assert [file.stem for file in lost] == missing
    assert sorted(file.stem for file in files) == sorted(present + missing)


def test_missing_frame_stops_at_once_and_is_named(tmp_path):
    write_folder(tmp_path, ["0001.jpg", "0002.jpg", "0004.jpg"])
    with pytest.raises(FrameError, match=r"frame 2 \(0003\.jpg\): .*is missing.*hold") as caught:
        open_frames(tmp_path)
    assert (caught.value.index, caught.value.name) == (2, "0003.jpg")


def test_missing_frame_is_held(tmp_path):
    write_folder(tmp_path, ["0001.jpg", "0002.jpg", "0004.jpg"])
    frames = list(open_frames(tmp_path, on_bad_frame="hold"))
    assert [frame.ok for frame in frames] == [True, True, False, True]
    assert frames[2].image is None
    assert frames[2].name == "0003.jpg"
    assert "there is no such file" in frames[2].error


@pytest.mark.parametrize("prefetch", [0, 8])
def test_truncated_frame_stops_and_is_named(tmp_path, prefetch):
    write_folder(tmp_path, ["1.jpg", "2.jpg", "3.jpg"])
    truncate(tmp_path / "2.jpg")
    frames = iter(open_frames(tmp_path, prefetch=prefetch))
    assert next(frames).ok
    with pytest.raises(FrameError, match=r"frame 1 \(2\.jpg\): cannot read image .*2\.jpg"):
        next(frames)
    assert next(frames, None) is None
    assert not threads()


def test_truncated_frame_is_held(tmp_path):
    write_folder(tmp_path, ["1.jpg", "2.jpg", "3.jpg"])
    truncate(tmp_path / "2.jpg")
    assert [frame.ok for frame in open_frames(tmp_path, on_bad_frame="hold")] == [True, False, True]


def test_first_frame_must_be_good(tmp_path):
    write_folder(tmp_path, ["1.jpg", "2.jpg"])
    truncate(tmp_path / "1.jpg")
    with pytest.raises(FrameError, match=r"frame 0 \(1\.jpg\)"):
        list(open_frames(tmp_path, on_bad_frame="hold"))


def test_pattern_and_single_file(tmp_path):
    write_folder(tmp_path, ["a2.png", "a10.png", "b1.png"])
    assert [f.name for f in open_frames(str(tmp_path / "a*.png"))] == ["a2.png", "a10.png"]
    assert [f.name for f in open_frames(tmp_path / "b1.png")] == ["b1.png"]
    with pytest.raises(FileNotFoundError, match="there is no folder or file"):
        open_frames(str(tmp_path / "c*.png"))


@pytest.mark.parametrize("form", ["~/{}", "file://{home}/{}", "file:{home}/{}", "{home}/{}"])
@pytest.mark.parametrize("name", ["clip", "clip/0*.png", "clip/0001.png", "my [raw]/*.png"])
def test_spellings_of_paths(tmp_path, monkeypatch, form, name):
    monkeypatch.setenv("HOME", str(tmp_path))
    for place in ("clip", "my [raw]"):
        write_folder(tmp_path / place, ["0001.png", "0002.png"])
    wanted = ["0001.png"] if name.endswith("1.png") else ["0001.png", "0002.png"]
    path = form.format(name, home=tmp_path)
    assert [frame.name for frame in open_frames(path)] == wanted


def test_urls_may_be_quoted(tmp_path):
    write_folder(tmp_path / "a b#1%", ["1.png"])
    assert len(open_frames((tmp_path / "a b#1%").as_uri())) == 1


def test_names_as_on_windows(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    write_folder(tmp_path, ["C:\\clips\\1.png"])
    assert len(open_frames("C:\\clips\\1.png")) == 1
    with pytest.raises(FileNotFoundError, match="no folder or file"):
        open_frames("D:\\clips\\1.png")


@pytest.mark.parametrize(
    ("source", "hint"),
    [
        ("ftp://example.com/a.mp4", "of URLs, rtsp, http and https are read"),
        ("camera", "there is no folder or file 'camera'$"),
    ],
)
def test_what_is_no_file_is_explained(source, hint):
    with pytest.raises(FileNotFoundError, match=hint):
        open_frames(source)


def test_devices_are_refused_at_once(tmp_path):
    (tmp_path / "link").symlink_to("/dev/null")
    for path in ("/dev/null", tmp_path / "link"):
        with pytest.raises(OSError, match="is a device; a camera is camera:0"):
            open_frames(path)


def test_open_pipe_of_images_is_read_once():
    reading, writing = os.pipe()
    with os.fdopen(writing, "wb") as file:
        Image.fromarray(grey(7)).save(file, format="png")
    with os.fdopen(reading, "rb") as file:
        source = open_frames(file)
    assert values(source) == values(source) == [7]


def test_uploaded_file():
    """Web frameworks hand over such files."""
    with tempfile.SpooledTemporaryFile() as file:
        Image.fromarray(grey(7)).save(file, format="png")
        assert values(open_frames(file)) == [7]


def test_one_series_is_taken(tmp_path):
    write_folder(tmp_path, ["1.jpg", "2.jfif", "3.jpg", "1.png", "2.png", "3.png", "cover.jpg"])
    assert [frame.name for frame in open_frames(tmp_path)] == ["1.jpg", "2.jfif", "3.jpg"]


def write_16_bit(folder, values):
    ramp = np.arange(48, dtype=np.uint16).reshape(6, 8)
    for i, value in enumerate(values):
        Image.fromarray(ramp + value).save(folder / f"{i}.png")


def test_16_bit_images_share_the_range_of_the_first(tmp_path, monkeypatch):
    said = []
    monkeypatch.setattr(logging, "warning", lambda text, *values: said.append(text % values))
    write_16_bit(tmp_path, [3000, 3047])
    source = open_frames(tmp_path)
    first, second = source
    np.testing.assert_array_equal(first.image[..., 1].ravel(), np.rint(np.arange(48) * 255 / 47))
    np.testing.assert_array_equal(second.image, 255)
    assert said == [
        f"{str(tmp_path)!r}: the images have 16 bits; values of 3000 to 3047 become 0 to 255"
    ]
    arrays = [np.asarray(Image.open(tmp_path / "0.png")).astype(np.uint16)] * 2
    np.testing.assert_array_equal([f.image for f in open_frames(arrays)], [first.image] * 2)


def test_16_bit_image_after_others_is_a_bad_frame(tmp_path):
    write_16_bit(tmp_path, [0, 0])
    Image.fromarray(grey(1)).save(tmp_path / "0.png")
    with pytest.raises(FrameError, match=r"frame 1 .*8 bits per channel expected"):
        list(open_frames(tmp_path))


# Lists, arrays and iterables.


def test_list_of_paths_and_images(tmp_path):
    write_folder(tmp_path, ["1.png"])
    source = open_frames([tmp_path / "1.png", grey(7), Image.new("L", (8, 6), 9)])
    assert values(source) == [0, 7, 9]
    assert values(source) == [0, 7, 9]
    assert source.reiterable


def test_missing_file_of_a_list(tmp_path):
    write_folder(tmp_path, ["1.png"])
    with pytest.raises(FrameError, match=r"frame 1 \(.*gone\.png\): .*no such file"):
        list(open_frames([tmp_path / "1.png", tmp_path / "gone.png"]))


def test_array_of_frames():
    assert values(open_frames(np.stack([grey(1), grey(2)]))) == [1, 2]
    with pytest.raises(ValueError, match=r"\[n, h, w, 3\], got shape .* pass \[image\]"):
        open_frames(grey(1))


def test_generator_is_read_once():
    source = open_frames(grey(i) for i in range(5))
    assert not source.reiterable
    assert source.length is None
    with pytest.raises(TypeError, match="not known"):
        len(source)
    assert values(source) == [0, 1, 2, 3, 4]
    with pytest.raises(ValueError, match="only once"):
        iter(source)


def test_iterable_that_can_be_read_again():
    class Clip:
        def __iter__(self):
            return (grey(i) for i in range(3))

    source = open_frames(Clip())
    assert source.reiterable
    assert values(source) == values(source) == [0, 1, 2]


def test_buffer_that_is_filled_again_does_not_change_frames_that_wait():
    def camera():
        buffer = grey(0)
        for i in range(6):
            buffer[:] = i
            yield buffer

    assert values(open_frames(camera())) == list(range(6))


def test_float_range_is_that_of_the_first_frame():
    frames = [np.full((4, 4, 3), v, np.float32) for v in (0, 200, 0.9)]
    assert values(open_frames(frames)) == [0, 200, 1]


def test_none_in_an_iterable_is_a_bad_frame():
    with pytest.raises(FrameError, match="frame 1: expected an image, got None"):
        list(open_frames(iter([grey(1), None])))
    frames = list(open_frames(iter([grey(1), None]), on_bad_frame="hold"))
    assert [frame.ok for frame in frames] == [True, False]


def test_errors_of_the_callers_own_iterable_come_through():
    def broken():
        yield grey(1)
        raise KeyError("mine")

    frames = iter(open_frames(broken(), on_bad_frame="hold"))
    assert next(frames).ok
    with pytest.raises(KeyError, match="mine"):
        next(frames)


@pytest.mark.parametrize("source", [[], np.zeros((0, 4, 4, 3), np.uint8)])
def test_no_frames(source):
    with pytest.raises(ValueError, match="no frames"):
        open_frames(source)


def test_no_frames_of_a_generator():
    with pytest.raises(ValueError, match="no frames in the generator"):
        list(open_frames(x for x in ()))


@pytest.mark.parametrize("source", [None, 3, b"path", {}, {"a.jpg"}, Image.new("RGB", (4, 4))])
def test_no_source(source):
    with pytest.raises(TypeError, match="expected a folder, a video file"):
        open_frames(source)


def test_array_of_another_library_that_is_one_image():
    class Wrapped:
        shape = (6, 8, 3)
        dtype = np.dtype(np.uint8)

        def __iter__(self):
            return iter(grey(1))

    with pytest.raises(ValueError, match=r"got shape \(6, 8, 3\); for a single image pass"):
        open_frames(Wrapped())


class Capture:
    """What `cv2.VideoCapture` offers."""

    def __init__(self, images, announced=None, fps=25.0, start=0):
        self._images = images
        self._properties = {1: start, 5: fps, 7: len(images) if announced is None else announced}
        self._left = iter(images[start:])

    def isOpened(self):  # noqa: N802
        return bool(self._images)

    def get(self, number):
        return float(self._properties[number])

    def read(self):
        image = next(self._left, None)
        return image is not None, image


def test_capture_of_opencv():
    bgr = [np.full((4, 4, 3), (i, 100, 200), np.uint8) for i in range(3)]
    source = open_frames(Capture(bgr))
    assert (source.length, source.fps, source.reiterable) == (3, 25, False)
    frames = list(source)
    assert [frame.image[0, 0].tolist() for frame in frames] == [[200, 100, i] for i in range(3)]
    with pytest.raises(ValueError, match="only once"):
        iter(source)


def test_capture_of_opencv_that_is_at_work_or_live():
    assert open_frames(Capture([grey(i) for i in range(3)], start=1)).length == 2
    live = open_frames(Capture([grey(1), grey(2)[..., 0]], announced=-1, fps=0))
    assert (live.length, live.fps) == (None, None)
    assert values(live) == [1, 2]


def test_capture_of_opencv_that_ends_early(monkeypatch):
    said = []
    monkeypatch.setattr(logging, "warning", lambda text, *values: said.append(text % values))
    assert len(list(open_frames(Capture([grey(1), grey(2)], announced=5)))) == 2
    assert said == ["the VideoCapture ends after 2 of 5 frames"]


def test_capture_of_opencv_that_is_not_open():
    with pytest.raises(OSError, match="not open: there is no such video"):
        open_frames(Capture([]))


def test_capture_of_opencv_itself(clip):
    cv2 = pytest.importorskip("cv2")
    capture = cv2.VideoCapture(str(clip))
    source = open_frames(capture)
    assert (source.length, source.fps) == (7, 30)
    np.testing.assert_allclose(values(source), 30 * np.arange(7), atol=3)
    capture.release()


def test_video_frames_of_pyav(clip):
    av = pytest.importorskip("av")
    with av.open(str(clip)) as container:
        frames = values(open_frames(container.decode(video=0)))
    np.testing.assert_allclose(frames, 30 * np.arange(7), atol=3)


def test_files_in_memory_that_are_no_images(tmp_path, clip):
    with pytest.raises(OSError, match="^a file in memory is no image .* of a video give the path"):
        open_frames(io.BytesIO(clip.read_bytes()))
    with open(clip, "rb") as file:
        assert len(open_frames(file)) == 7
    with open(clip, errors="replace") as file, pytest.raises(TypeError, match='mode "rb"'):
        open_frames(file)


@pytest.mark.parametrize(
    ("start", "end", "expected"),
    [(0, None, range(6)), (2, None, range(2, 6)), (0, 3, range(4)), (2, 2, [2]), (4, 99, [4, 5])],
)
def test_a_part_of_a_source(start, end, expected):
    source = open_frames([grey(i) for i in range(6)], start_frame=start, end_frame=end)
    assert len(source) == len(expected) and source.start_frame == start
    found = list(source)
    assert [frame.index for frame in found] == [frame.image[0, 0, 0] for frame in found]
    assert [frame.index for frame in found] == list(expected)


def test_a_part_that_is_not_there(tmp_path):
    with pytest.raises(ValueError, match="no frames in the list of frames from frame 6 on"):
        list(open_frames([grey(i) for i in range(6)], start_frame=6))
    with pytest.raises(ValueError, match="end_frame 2 is before start_frame 3"):
        open_frames([grey(0)], start_frame=3, end_frame=2)
    with pytest.raises(ValueError, match="start_frame must be 0 or more, got -1"):
        open_frames([grey(0)], start_frame=-1)
    write_folder(tmp_path, ["1.jpg", "3.jpg", "4.jpg"])
    with pytest.raises(FrameError, match=r"frame 1 \(2\.jpg\)"):
        open_frames(tmp_path)
    assert [frame.index for frame in open_frames(tmp_path, start_frame=2)] == [2, 3]


def test_the_first_frame_of_a_part_must_be_good():
    source = open_frames([grey(0), None, grey(2)], on_bad_frame="hold", start_frame=1)
    with pytest.raises(
        FrameError, match=r"^frame 1: expected an image, got None [^\"]*read at all\?\)$"
    ):
        list(source)


def test_options_are_checked():
    with pytest.raises(ValueError, match="'stop' or 'hold', got 'skip'"):
        open_frames([grey(1)], on_bad_frame="skip")
    with pytest.raises(ValueError, match="prefetch"):
        open_frames([grey(1)], prefetch=-1)
    source = open_frames([grey(1)])
    assert open_frames(source) is source


# The background thread.


def test_decoding_is_done_in_another_thread_and_only_a_little_ahead():
    made = []
    passed = threading.Semaphore(0)

    def frames():
        for i in range(100):
            made.append(threading.current_thread())
            passed.release()
            yield grey(i)

    iterator = iter(open_frames(frames(), prefetch=3))
    next(iterator)
    for _ in range(4):  # The one that was taken, and three that wait.
        assert passed.acquire(timeout=60)
    assert len(made) == 4
    assert threading.main_thread() not in made
    iterator.close()


@pytest.mark.parametrize("give_up", ["close iterator", "close source", "drop"])
def test_thread_ends_when_the_consumer_stops_early(give_up):
    closed = threading.Event()

    def entries():
        try:
            while True:
                yield "frame", grey(1)
        finally:
            closed.set()

    source = FrameSource(entries, description="endless", prefetch=2)
    iterator = iter(source)
    next(iterator)
    (thread,) = threads()
    if give_up == "close iterator":
        iterator.close()
    elif give_up == "close source":
        with source:
            pass
    del iterator
    thread.join(60)
    assert not thread.is_alive()
    assert closed.is_set()


def test_sources_can_be_read_at_the_same_time():
    source = open_frames([grey(i) for i in range(20)], prefetch=2)
    pairs = [(a.index, b.index) for a, b in zip(source, source)]
    assert pairs == [(i, i) for i in range(20)]


def test_source_of_ones_own():
    source = FrameSource(lambda: iter([("a", grey(1))]), description="mine", prefetch=1)
    assert [frame.name for frame in source] == ["a"]


# Videos.


def test_video(clip):
    source = open_frames(clip)
    assert (source.length, source.fps, source.reiterable) == (7, 30, True)
    np.testing.assert_allclose(values(source), 30 * np.arange(7), atol=3)
    frame = next(iter(source))
    assert frame.image.shape == (16, 32, 3)
    assert frame.image.dtype == np.uint8
    assert frame.name == f"{clip}, frame 0"


@pytest.mark.parametrize(
    "name", ["12:30.mp4", "Movie: part 1.mp4", "http:x.mp4", "a,b:c.mp4", "[1] 100%d.mp4", "~x.mp4"]
)
def test_names_that_ffmpeg_would_take_for_a_protocol(clip, monkeypatch, name):
    clip.rename(clip.with_name(name))
    monkeypatch.chdir(clip.parent)
    for path in (name, f"./{name}", clip.with_name(name)):
        assert len(list(open_frames(path))) == 7


def test_video_named_as_a_gif(clip):
    """As some pages of the web give them."""
    assert len(open_frames(clip.rename(clip.with_suffix(".gif")))) == 7


def test_rotation_of_a_video_is_applied(tmp_path):
    av = pytest.importorskip("av")
    image = grey(0, (32, 48))
    image[:16, :16] = 255  # Upper left; turned counterclockwise it comes to the lower left.
    with av.open(str(tmp_path / "turned.mp4"), "w") as container:
        stream = container.add_stream("mpeg4", rate=25)
        if not hasattr(stream, "set_display_rotation"):
            pytest.skip("this PyAV cannot write a rotation")
        stream.width, stream.height, stream.pix_fmt = 48, 32, "yuv420p"
        stream.set_display_rotation(90)
        container.mux(stream.encode(av.VideoFrame.from_ndarray(image, format="rgb24")))
        container.mux(stream.encode())
    (frame,) = open_frames(tmp_path / "turned.mp4")
    assert frame.image.shape == (48, 32, 3)
    np.testing.assert_allclose(frame.image, np.rot90(image), atol=60)


def test_files_that_are_no_videos_are_named(tmp_path):
    pytest.importorskip("av")
    text = tmp_path / "text.mp4"
    text.write_text("no video")
    with pytest.raises(OSError, match=r"cannot open video .*text\.mp4: Invalid data"):
        open_frames(text)
    with pytest.raises(FileNotFoundError, match=r"there is no folder or file '.*gone\.mp4'"):
        open_frames(tmp_path / "gone.mp4")


def test_sound_is_no_video(tmp_path):
    import wave

    pytest.importorskip("av")
    with wave.open(str(tmp_path / "sound.wav"), "wb") as sound:
        sound.setnchannels(1)
        sound.setsampwidth(2)
        sound.setframerate(8000)
        sound.writeframes(bytes(800))
    with pytest.raises(OSError, match="no video stream"):
        open_frames(tmp_path / "sound.wav")


def test_video_without_its_end_cannot_be_opened(clip):
    truncate(clip)
    with pytest.raises(OSError, match=r"cannot open video .*clip\.mp4"):
        open_frames(clip)


def test_damage_in_the_middle_of_a_video(tmp_path):
    """Packets overwritten by zeros: each is a bad frame, the others go on."""
    av = pytest.importorskip("av")
    path = tmp_path / "damaged.avi"
    noise = np.random.default_rng(0).integers(0, 256, (6, 16, 32, 3), np.uint8)
    with av.open(str(path), "w") as container:
        stream = container.add_stream("mjpeg", rate=25)
        stream.width, stream.height, stream.pix_fmt = 32, 16, "yuvj420p"
        for image in noise:
            container.mux(stream.encode(av.VideoFrame.from_ndarray(image, format="rgb24")))
        container.mux(stream.encode())
    content = path.read_bytes()
    starts = [i for i in range(len(content)) if content.startswith(b"\xff\xd8\xff", i)]
    assert len(starts) == 6
    size = int.from_bytes(content[starts[3] - 4 : starts[3]], "little")
    path.write_bytes(content[: starts[3]] + bytes(size) + content[starts[3] + size :])
    frames = list(open_frames(path, on_bad_frame="hold"))
    assert [frame.ok for frame in frames] == [True, True, True, False, True, True]
    assert "cannot decode" in frames[3].error
    with pytest.raises(FrameError, match=r"frame 3 \(.*damaged\.avi, frame 3\)"):
        list(open_frames(path))


def test_missing_pyav_is_explained(clip, monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "av", None)
    with pytest.raises(ImportError, match=r"pip install gradnet_tf\[video\]"):
        open_frames(clip)
