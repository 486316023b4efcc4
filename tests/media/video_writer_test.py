"""Tests of gradnet_tf.media.video_writer."""

import errno
import fractions
import io
import os

import numpy as np
import pytest

from gradnet_tf.media import video_writer
from gradnet_tf.media.frames import open_frames

av = pytest.importorskip("av")


class FullDisk(io.RawIOBase):
    """A file that takes so many bytes and no more."""

    def __init__(self, path, space):
        self._file = open(path, "xb")  # noqa: SIM115
        self._space = space

    def writable(self):
        return True

    def seekable(self):
        return True

    def seek(self, *arguments):
        return self._file.seek(*arguments)

    def tell(self):
        return self._file.tell()

    def write(self, data):
        self._space -= len(data)
        if self._space < 0:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return self._file.write(data)

    def close(self):
        self._file.close()
        super().close()


def noise(count, size=(48, 64)):
    return np.random.default_rng(0).integers(0, 256, (count, *size, 3), np.uint8)


def write(path, frames, fps=25):
    with video_writer.VideoWriter(path, fps, frames.shape[2:0:-1]) as writer:
        for frame in frames:
            writer.write(frame)


@pytest.mark.parametrize("fps", [1, 25, 29.97, 60])
def test_frames_come_back(tmp_path, fps):
    path = tmp_path / "out.mp4"
    levels = np.arange(5, 250, 40)
    write(path, np.tile(levels[:, None, None, None], (1, 32, 48, 3)).astype(np.uint8), fps)
    source = open_frames(path)
    assert source.length == len(levels)
    assert source.fps == pytest.approx(fps, rel=1e-4)
    np.testing.assert_allclose([frame.image.mean() for frame in source], levels, atol=3)
    assert os.listdir(tmp_path) == ["out.mp4"]


def test_colours_are_rgb(tmp_path):
    write(tmp_path / "out.mp4", np.full((2, 32, 32, 3), (200, 40, 90), np.uint8))
    frame = next(iter(open_frames(tmp_path / "out.mp4")))
    np.testing.assert_allclose(frame.image.mean(axis=(0, 1)), (200, 40, 90), atol=5)


def test_frames_last_as_long_as_they_are_told_to(tmp_path):
    durations = [0.1, 0.034, 1.5, None, 0.0021, 0.7]
    frames = noise(len(durations))
    with video_writer.VideoWriter(tmp_path / "out.mp4", 25, (64, 48)) as writer:
        for frame, duration in zip(frames, durations):
            writer.write(frame, duration)
    found = [frame.duration for frame in open_frames(tmp_path / "out.mp4")]
    assert found[:-1] == pytest.approx([0.1, 0.034, 1.5, 0.04, 0.0021], abs=0.0001)
    if av.__version__ == "12.0.0":
        pytest.skip("this PyAV does not let the last frame last")
    assert found[-1] == pytest.approx(0.7, abs=0.0001)
    with av.open(str(tmp_path / "out.mp4")) as container:
        stream = container.streams.video[0]
        assert float(stream.duration * stream.time_base) == pytest.approx(2.3761, abs=0.0001)


def test_a_frame_lasts_at_least_a_tick(tmp_path):
    with video_writer.VideoWriter(tmp_path / "out.mp4", 25, (64, 48)) as writer:
        for frame in noise(4):
            writer.write(frame, 1e-7)
    assert len(list(open_frames(tmp_path / "out.mp4"))) == 4


def test_shape_of_pixels(tmp_path):
    aspect = fractions.Fraction(16, 11)
    with video_writer.VideoWriter(tmp_path / "out.mp4", 25, (64, 48), aspect) as writer:
        writer.write(noise(1)[0])
    assert open_frames(tmp_path / "out.mp4").pixel_aspect == aspect


def test_odd_sizes_are_padded_with_the_edge(tmp_path):
    write(tmp_path / "out.mp4", np.full((2, 33, 45, 3), 150, np.uint8))
    image = next(iter(open_frames(tmp_path / "out.mp4"))).image
    assert image.shape == (34, 46, 3)
    np.testing.assert_allclose(image, 150, atol=3)


def test_pixels_are_those_that_players_take(tmp_path):
    write(tmp_path / "out.mp4", noise(2))
    with av.open(str(tmp_path / "out.mp4")) as container:
        assert container.streams.video[0].codec_context.pix_fmt == "yuv420p"


def test_without_h264_it_is_mpeg4(tmp_path, monkeypatch):
    monkeypatch.setattr(video_writer, "_ENCODERS", ("no such encoder", "mpeg4"))
    write(tmp_path / "out.mp4", noise(3))
    with av.open(str(tmp_path / "out.mp4")) as container:
        assert container.streams.video[0].codec_context.name == "mpeg4"
    monkeypatch.setattr(video_writer, "_ENCODERS", ("no such encoder",))
    with pytest.raises(OSError, match=r"cannot write .*x\.mp4: PyAV has none of the encoders"):
        write(tmp_path / "x.mp4", noise(3))
    assert os.listdir(tmp_path) == ["out.mp4"]


@pytest.mark.parametrize("before", [None, b"an older video"])
def test_failure_leaves_what_was_there(tmp_path, before):
    path = tmp_path / "out.mp4"
    if before:
        path.write_bytes(before)
    with pytest.raises(KeyError), video_writer.VideoWriter(path, 25, (64, 48)) as writer:
        writer.write(noise(1)[0])
        assert len(os.listdir(tmp_path)) == (2 if before else 1)
        raise KeyError
    assert os.listdir(tmp_path) == (["out.mp4"] if before else [])
    if before:
        assert path.read_bytes() == before


@pytest.mark.parametrize("space", [0, 20, 20_000, 60_000])
def test_full_disk_gives_one_error_and_leaves_nothing(tmp_path, monkeypatch, space):
    monkeypatch.setattr(video_writer, "_open_output", lambda path: FullDisk(path, space))
    with pytest.raises(OSError, match=r"^cannot write .*out\.mp4: No space left") as caught:
        write(tmp_path / "out.mp4", noise(60))
    assert caught.value.errno == errno.ENOSPC
    assert os.listdir(tmp_path) == []


def test_full_disk_at_the_last_bytes(tmp_path, monkeypatch):
    """What Python still holds in its buffer counts as well."""
    write(tmp_path / "out.mp4", noise(3))
    size = (tmp_path / "out.mp4").stat().st_size

    def buffered(path):
        return io.BufferedWriter(FullDisk(path, size - 1), buffer_size=1 << 24)

    monkeypatch.setattr(video_writer, "_open_output", buffered)
    with pytest.raises(OSError, match=r"^cannot write .*new\.mp4: No space left"):
        write(tmp_path / "new.mp4", noise(3))
    assert os.listdir(tmp_path) == ["out.mp4"]


def test_wrong_frames_are_refused(tmp_path):
    with pytest.raises(ValueError, match=r"uint8 \(48, 64, 3\), got uint8 \(48, 65, 3\)"):
        with video_writer.VideoWriter(tmp_path / "out.mp4", 25, (64, 48)) as writer:
            writer.write(np.zeros((48, 65, 3), np.uint8))
    assert os.listdir(tmp_path) == []


def test_arguments_are_checked_before_the_file_is_made(tmp_path):
    for fps in (0, -1, float("nan"), float("inf")):
        with pytest.raises(ValueError, match="fps"):
            video_writer.VideoWriter(tmp_path / "out.mp4", fps, (64, 48))
    with pytest.raises(FileNotFoundError, match="there is no directory"):
        write(tmp_path / "no" / "out.mp4", noise(1))
    with pytest.raises(IsADirectoryError, match="is a directory"):
        write(tmp_path, noise(1))


def test_missing_pyav_is_explained(monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "av", None)
    with pytest.raises(ImportError, match=r"pip install gradnet_tf\[video\]"):
        video_writer.VideoWriter("out.mp4", 25, (64, 48))
