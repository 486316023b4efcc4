"""Tests of gradnet_tf.media.video; frames_test has more of sound videos, video_end_test of ends."""

import io
from fractions import Fraction

import numpy as np
import pytest
from PIL import Image

from gradnet_tf.media import video
from gradnet_tf.media.frames import FrameError, open_frames
from tests.helpers import videos

av = pytest.importorskip("av")

INTRA = {
    "libx264": {"g": "1"},
    "libx265": {"x265-params": "keyint=1:log-level=none:pools=1"},
    "mpeg4": {"g": "1"},
    "libvpx-vp9": {"g": "1", "deadline": "realtime", "cpu-used": "8"},
    "prores_ks": {},
    "mjpeg": {},
}
CHAINS = {  # With "b", shown in another order than coded.
    "h264": ("libx264", {"bf": "0"}),
    "h264 b": ("libx264", {"bf": "3", "b_strategy": "0"}),
    "hevc": ("libx265", {"x265-params": "bframes=0:log-level=none:pools=1"}),
    "hevc b": ("libx265", {"x265-params": "bframes=3:b-adapt=0:log-level=none:pools=1"}),
    "mpeg4": ("mpeg4", {"bf": "0"}),
    "mpeg4 b": ("mpeg4", {"bf": "2"}),
    "vp9": ("libvpx-vp9", {"deadline": "realtime", "cpu-used": "8"}),
    "mpeg2 b": ("mpeg2video", {"bf": "2"}),  # Its decoder gives no error.
}


def held(frames):
    return [frame.index for frame in frames if not frame.ok]


def levels(frames):
    return np.array([frame.image.mean() for frame in frames if frame.ok])


def is_level(frames):
    numbers = [frame.index for frame in frames if frame.ok]
    return np.abs(levels(frames) - videos.level(np.array(numbers))) < 5


# Damage.


@pytest.mark.parametrize("place", [1, 6, 11])
@pytest.mark.parametrize("codec", INTRA)
def test_a_broken_packet_is_the_frame_that_is_held(tmp_path, codec, place):
    path = tmp_path / ("clip.mov" if codec == "prores_ks" else "clip.mkv")
    videos.write(path, codec, options=INTRA[codec])
    assert is_level(open_frames(path)).all()
    assert videos.damage(path, place) == place
    frames = list(open_frames(path, on_bad_frame="hold"))
    assert (len(frames), held(frames)) == (12, [place])
    assert is_level(frames).all()
    with pytest.raises(FrameError, match=f"^frame {place} .*cannot decode .*Invalid data"):
        list(open_frames(path))


@pytest.mark.parametrize("place", [1, 2, 6, 10, 11])
@pytest.mark.parametrize("chain", CHAINS)
def test_frames_before_a_broken_packet_are_sound_and_none_is_missing(tmp_path, chain, place):
    """Those after it may hang on it; what of them can be shown is the decoder's to say."""
    path = tmp_path / "clip.mkv"
    codec, options = CHAINS[chain]
    videos.write(path, codec, options=options)
    number = videos.damage(path, place)
    frames = list(open_frames(path, on_bad_frame="hold"))
    assert len(frames) == 12
    assert number in held(frames)
    assert all(frame.duration == pytest.approx(0.04, abs=0.0011) for frame in frames)
    with pytest.raises(FrameError) as caught:
        list(open_frames(path))
    first = caught.value.index
    assert first == held(frames)[0] <= number
    if place == 11 or codec == "libx264":
        assert held(frames) == [number]  # Nothing hangs on it, or something is shown in its stead.
    assert is_level(frames[: max(number - 3, 0) if chain.endswith("b") else number]).all()


@pytest.mark.parametrize("suffix", [".mkv", ".mp4"])
@pytest.mark.parametrize("codec", ["libx264", "mjpeg", "mpeg4", "ffv1"])
def test_a_broken_first_packet_is_frame_0(tmp_path, codec, suffix):
    if codec == "ffv1" and suffix == ".mp4":
        pytest.skip("no such file")
    path = tmp_path / f"clip{suffix}"
    videos.write(path, codec)
    videos.damage(path, 0)
    for rule in ("stop", "hold"):
        with pytest.raises(FrameError, match=r"^frame 0 .*cannot decode"):
            list(open_frames(path, on_bad_frame=rule))


def test_what_hangs_on_a_broken_key_frame_is_held_up_to_the_next(tmp_path):
    """The decoder gives none of it, and no error after the first."""
    path = tmp_path / "clip.mp4"
    videos.write(path, "libx264", 12, options={"g": "4", "bf": "0", "sc_threshold": "0"})
    videos.damage(path, 4)
    frames = list(open_frames(path, on_bad_frame="hold"))
    assert len(frames) == 12
    assert {4, 5, 6} <= set(held(frames)) <= {4, 5, 6, 7}
    good = [frame for frame in frames if frame.index not in range(4, 8)]
    assert is_level(good).all()


@pytest.mark.parametrize("chain", ["h264 b", "vp9", "mpeg4 b"])
def test_damage_is_the_same_on_any_number_of_cores(tmp_path, monkeypatch, chain):
    path = tmp_path / "clip.mkv"
    codec, options = CHAINS[chain]
    videos.write(path, codec, options=options)
    contents, _ = videos.packets(path)
    data = path.read_bytes()
    noise = np.random.default_rng(0).bytes(len(contents[5]) // 2)  # The start stays.
    path.write_bytes(data.replace(contents[5], contents[5][: -len(noise)] + noise))
    choose = video._choose_threads
    seen = []
    for count in (1, 2, 8):

        def of_so_many(decoder, count=count):
            decoder.thread_count = count
            choose(decoder)

        monkeypatch.setattr(video, "_choose_threads", of_so_many)
        frames = list(open_frames(path, on_bad_frame="hold"))
        seen.append([None if frame.image is None else frame.image.tobytes() for frame in frames])
    assert seen[0] == seen[1] == seen[2]
    assert len(seen[0]) == 12


def test_files_of_the_project_that_were_damaged(shared_data):
    folder = shared_data("faults/video")
    sound = [frame.image for frame in open_frames(folder / "plain.mp4")]
    for name, number in (("bad_h264_19.mkv", 18), ("bad_h264_10.mp4", 10)):
        frames = list(open_frames(folder / name, on_bad_frame="hold"))
        assert (len(frames), held(frames)) == (20, [number])
        with pytest.raises(FrameError, match=f"^frame {number} "):
            list(open_frames(folder / name))
    for index in (8, 9):  # Not alike throughout, for they hang on the lost one.
        differences = [np.abs(frames[index].image - image.astype(int)).mean() for image in sound]
        assert np.argmin(differences) == index


def test_a_broadcast_that_begins_anywhere_begins_at_its_first_key_frame(tmp_path, caplog):
    path = tmp_path / "clip.ts"
    videos.write(path, "libx264", 12, options={"g": "6", "bf": "0", "sc_threshold": "0"})
    data = path.read_bytes()
    contents, _ = videos.packets(path)
    # From the packet that the second frame begins in.
    start = data.index(contents[1][:16]) // 188 * 188
    tables = data[: 188 * 3]
    path.write_bytes(tables + data[start:])
    frames = list(open_frames(path))
    assert len(frames) == 6
    np.testing.assert_allclose(levels(frames), videos.level(np.arange(6, 12)), atol=5)
    assert "clip.ts begins in the middle: 5 packets before its first key frame" in caplog.text


# Orientation.


@pytest.mark.parametrize(
    ("matrix", "expected"),
    [
        ((1, 0, 0, 1), lambda image: image),
        ((-1, 0, 0, 1), lambda image: image[:, ::-1]),
        ((1, 0, 0, -1), lambda image: image[::-1]),
        ((-1, 0, 0, -1), lambda image: image[::-1, ::-1]),
        ((0, 1, -1, 0), lambda image: np.rot90(image, -1)),  # Clockwise.
        ((0, -1, 1, 0), lambda image: np.rot90(image, 1)),
        ((0, 1, 1, 0), lambda image: image.swapaxes(0, 1)),
        ((0, -1, -1, 0), lambda image: np.rot90(image, 2).swapaxes(0, 1)),
    ],
)
@pytest.mark.parametrize("codec", ["libx264", "mpeg4"])
def test_frames_are_turned_and_mirrored_as_players_show_them(tmp_path, codec, matrix, expected):
    images = [np.full((32, 48, 3), 30 + 10 * i, np.uint8) for i in range(3)]
    for image in images:
        image[:16, :16] += 150  # Upper left,
        image[16:, :16] += 50  # lower left.
    path = tmp_path / "clip.mp4"
    videos.write(path, codec, images=images, options={"bf": "0"})
    unturned = [frame.image for frame in open_frames(path)]
    videos.set_matrix(path, *matrix)
    frames = list(open_frames(path))
    assert len(frames) == 3
    for frame, image in zip(frames, unturned):
        np.testing.assert_array_equal(frame.image, expected(image))
        assert frame.image.flags.c_contiguous


def test_mirrored_file_of_the_project(shared_data):
    folder = shared_data("faults/video")
    pairs = list(zip(open_frames(folder / "plain.mp4"), open_frames(folder / "hflip.mp4")))
    assert len(pairs) == 20
    for plain, mirrored in pairs:
        np.testing.assert_allclose(mirrored.image, plain.image[:, ::-1], atol=2)


# Streams.


@pytest.mark.parametrize("side", [16, 400])
def test_a_cover_picture_is_not_the_video(tmp_path, side):
    path = tmp_path / "clip.mp4"
    videos.write(path, "libx264", 5)
    cover = io.BytesIO()
    Image.new("RGB", (side, side), "red").save(cover, "jpeg")
    videos.add_cover(path, cover.getvalue())
    with av.open(str(path)) as container:
        assert [s.codec_context.name for s in container.streams.video] == ["mjpeg", "h264"]
    source = open_frames(path)
    assert (source.length, source.fps) == (5, 25)
    frames = list(source)
    assert len(frames) == 5
    assert is_level(frames).all()


def test_the_largest_video_stream_is_taken(tmp_path):
    path = tmp_path / "clip.mkv"
    with av.open(str(path), "w") as output:
        streams = []
        for size in ((16, 16), (48, 32), (32, 32)):
            stream = output.add_stream("mpeg4", rate=25)
            stream.width, stream.height, stream.pix_fmt = *size, "yuv420p"
            streams.append(stream)
        for _ in range(3):
            for stream in streams:
                image = np.zeros((stream.height, stream.width, 3), np.uint8)
                output.mux(stream.encode(av.VideoFrame.from_ndarray(image, format="rgb24")))
        for stream in streams:
            output.mux(stream.encode())
    assert [frame.image.shape for frame in open_frames(path)] == [(32, 48, 3)] * 3


# Edit lists and lengths.


@pytest.mark.parametrize("options", [{"bf": "0"}, {"bf": "2", "b_strategy": "0"}])
@pytest.mark.parametrize("times", [None, [0, 40, 80, 120, 400, 440, 480, 700, 740, 780, 820, 860]])
def test_an_edit_list_leaves_frames_out(tmp_path, caplog, options, times):
    path = tmp_path / "clip.mp4"
    videos.write(path, "libx264", 12, times=times, options={**options, "g": "4"})
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        ticks = 1 / stream.time_base
    begin, end = ((times or [40 * i for i in range(13)])[i] / 1000 for i in (3, 8))

    def show_a_part(content):
        start = int.from_bytes(content[12:16], "big")
        media = start + round(begin * ticks)
        return (
            content[:8]
            + round((end - begin) * 1000).to_bytes(4, "big")
            + media.to_bytes(4, "big")
            + content[16:]
        )

    videos.patch_box(path, b"elst", show_a_part)
    source = open_frames(path)
    frames = list(source)
    assert source.length == len(frames) == 5
    np.testing.assert_allclose(levels(frames), videos.level(np.arange(3, 8)), atol=5)
    assert not [record for record in caplog.records if record.name == "absl"]


# Rates.


def test_frames_last_until_the_next(tmp_path):
    path = tmp_path / "clip.mkv"
    videos.write(path, "libx264", 4, times=[0, 100, 350, 1350], rate=4)
    source = open_frames(path)
    assert source.fps == 4
    assert [frame.duration for frame in source] == pytest.approx([0.1, 0.25, 1, 0.25], abs=0.002)


def test_a_nominal_rate_of_timestamps_is_not_the_rate(tmp_path):
    """Browsers record so."""
    path = tmp_path / "clip.webm"
    times = [34 * index for index in range(24)]
    videos.write(path, "libvpx", 24, times=times, rate=1000, options={"deadline": "realtime"})
    source = open_frames(path)
    assert source.fps == pytest.approx(1000 / 34, abs=0.01)
    assert [frame.duration for frame in source] == pytest.approx([0.034] * 24)


@pytest.mark.parametrize("turned", [False, True])
def test_shape_of_pixels_is_that_of_upright_frames(tmp_path, turned):
    path = tmp_path / "clip.mp4"
    videos.write(path, "mpeg4", 2, aspect=Fraction(16, 11))
    if turned:
        videos.set_matrix(path, 0, 1, -1, 0)
    source = open_frames(path)
    assert source.pixel_aspect == (Fraction(11, 16) if turned else Fraction(16, 11))
    assert next(iter(source)).image.shape == ((64, 48, 3) if turned else (48, 64, 3))
