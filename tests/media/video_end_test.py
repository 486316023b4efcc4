"""Tests of gradnet_tf.media.video_end: files that end too early, and sound ones that seem to."""

import numpy as np
import pytest

from gradnet_tf.media.frames import open_frames
from tests.helpers import videos

av = pytest.importorskip("av")

INDEX_FIRST = {"+movflags": "faststart"}


def warnings(caplog):
    """Ours; PyAV before 14 hands on what FFmpeg logs."""
    return [record.getMessage() for record in caplog.records if record.name == "absl"]


def decoded(path):
    """Number of frames that ffmpeg decodes with one thread."""
    count = 0
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        stream.thread_type = "NONE"
        for packet in container.demux(stream):
            try:
                count += len(packet.decode())
            except av.error.FFmpegError:
                continue
    return count


@pytest.mark.parametrize("place", [3, 10, 18, 19])
@pytest.mark.parametrize("codec", ["libx264", "mpeg4", "prores_ks", "mjpeg"])
def test_a_cut_mp4_gives_what_ffmpeg_decodes(tmp_path, caplog, codec, place):
    path = tmp_path / "clip.mov"
    videos.write(path, codec, 20, options=INDEX_FIRST)
    videos.cut(path, place)
    frames = list(open_frames(path))  # What is not whole at the end is no error of a frame.
    assert place - 1 <= len(frames) == decoded(path) <= place + 1
    (message,) = warnings(caplog)
    assert f"clip.mov is cut off: it ends after {len(frames)} frames (" in message
    assert message.endswith(" s), its header says 20 frames" if place < 19 else " s)")


@pytest.mark.parametrize("suffix", [".mkv", ".webm", ".avi", ".flv"])
def test_a_cut_file_is_said_to_be_shorter_than_its_header_says(tmp_path, caplog, suffix):
    path = tmp_path / f"clip{suffix}"
    codec = {".mkv": "libx264", ".webm": "libvpx", ".avi": "mjpeg", ".flv": "flv"}[suffix]
    videos.write(path, codec, 20)
    list(open_frames(path))
    assert not warnings(caplog)
    videos.cut(path, 12)
    frames = list(open_frames(path))
    assert 10 <= len(frames) <= 13
    (message,) = warnings(caplog)
    assert f"clip{suffix} is cut off: it ends after {len(frames)} frames (" in message
    assert message.endswith(" s), its header says 0.80 s")


def test_a_cut_transport_stream_is_told_by_its_last_packet(tmp_path, caplog):
    path = tmp_path / "clip.ts"
    videos.write(path, "libx264", 20)
    assert len(list(open_frames(path))) == 20
    assert not warnings(caplog)
    data = path.read_bytes()
    path.write_bytes(data[: len(data) * 8 // 10 // 188 * 188 + 100])
    count = len(list(open_frames(path)))
    assert 2 < count < 20
    assert f"clip.ts is cut off: it ends after {count} frames (" in warnings(caplog)[0]


def test_a_cut_file_of_the_project(shared_data, caplog):
    assert len(list(open_frames(shared_data("faults/video/trunc.mkv")))) == 7
    assert "it ends after 7 frames (0.36 s), its header says 0.80 s" in warnings(caplog)[0]


@pytest.mark.parametrize("suffix", [".mp4", ".mkv", ".ts", ".avi", ".mov", ".nut"])
@pytest.mark.parametrize(
    "options",
    [{"bf": "0"}, {"bf": "3", "b_strategy": "0"}, {"bf": "2", "+movflags": "frag_keyframe"}],
)
@pytest.mark.parametrize("times", ["constant", "variable", "late", "early"])
def test_nothing_sound_is_said_to_be_cut_off(tmp_path, caplog, suffix, options, times):
    if "+movflags" in options and suffix not in (".mp4", ".mov"):
        options = {"bf": "2"}
    path = tmp_path / f"clip{suffix}"
    shown = {
        "constant": None,
        "variable": [0, 20, 40, 60, 500, 540, 580, 900, 2900, 2920, 2940, 2960],
        "late": [3000 + 40 * index for index in range(12)],
        "early": [-120 + 40 * index for index in range(12)],
    }[times]
    if suffix == ".avi" and times != "constant":
        pytest.skip("AVI has no timestamps")
    videos.write(path, "libx264", 12, times=shown, options={"g": "6", **options})
    frames = list(open_frames(path))
    left_out = times == "early" and suffix in (".mp4", ".mov") and "+movflags" not in options
    assert len(frames) == (9 if left_out else 12)  # What comes before 0.
    assert not warnings(caplog)


@pytest.mark.parametrize("suffix", [".mkv", ".mp4", ".ts"])
def test_sound_that_is_longer_than_the_video(tmp_path, caplog, suffix):
    path = tmp_path / f"clip{suffix}"
    with av.open(str(path), "w") as output:
        video, audio = output.add_stream("mpeg4", rate=25), output.add_stream("aac", rate=8000)
        video.width, video.height, video.pix_fmt = 64, 48, "yuv420p"
        audio.layout = "mono"
        for index in range(8):
            image = av.VideoFrame.from_ndarray(videos.picture(index), format="rgb24")
            output.mux(video.encode(image))
        output.mux(video.encode())
        for index in range(30):
            sound = av.AudioFrame.from_ndarray(np.zeros((1, 1024), np.float32), "fltp", "mono")
            sound.rate, sound.pts = 8000, 1024 * index
            output.mux(audio.encode(sound))
        output.mux(audio.encode())
    assert len(list(open_frames(path))) == 8
    assert not warnings(caplog)
