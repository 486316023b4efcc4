"""Tests of the command `gradnet track`, with a tracker that needs no network."""

import contextlib
import errno
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import pytest
from absl import flags
from PIL import Image

from gradnet_tf.media.frames import open_frames
from gradnet_tf.track import __main__ as track
from gradnet_tf.track import session
from tests.tracking.run_test import FakeTracker

BOX = "--box=4,5,10,8"
COMMAND = [sys.executable, "-m", "gradnet_tf.track"]


@pytest.fixture
def made(monkeypatch):
    """Lets the binary make fake trackers; the list of options that it asked for them with."""
    calls = []

    def make(options):
        calls.append(options)
        return FakeTracker()

    monkeypatch.setattr(session, "make_tracker", make)
    return calls


@pytest.fixture
def source(tmp_path):
    folder = tmp_path / "img"
    folder.mkdir()
    for i in range(1, 6):
        Image.new("RGB", (64, 48), (40 * i,) * 3).save(folder / f"{i:04d}.jpg")
    return folder


@pytest.fixture
def out(tmp_path):
    folder = tmp_path / "out"
    folder.mkdir()
    return folder


def call(*arguments):
    values = flags.FlagValues()
    track.define_flags(values)
    rest = values(["track", *map(str, arguments)])
    return track.run(values, rest[1:])


def one_error(capsys):
    error = capsys.readouterr().err.splitlines()[-1]
    assert error.startswith("error: ")
    return error


def test_writes_boxes_video_and_sheet(source, out, made, capsys):
    pytest.importorskip("av")
    boxes, video = out / "boxes.txt", out / "overlay.mp4"
    assert call(f"--source={source}", BOX, f"--boxes={boxes}", f"--video={video}") == 0
    saved = np.loadtxt(boxes, delimiter=",")
    np.testing.assert_array_equal(saved[[0, 4]], [[4, 5, 10, 8], [8, 7, 10, 8]])
    assert open_frames(video).length == 5
    with Image.open(out / "overlay.sheet.png") as sheet:
        assert sheet.format == "PNG"
    assert sorted(os.listdir(out)) == ["boxes.txt", "overlay.mp4", "overlay.sheet.png"]
    captured = capsys.readouterr()
    lines = captured.out.splitlines()
    assert lines[0] == "frames: 5"
    assert lines[1].startswith("speed: ")
    assert lines[2:] == [
        f"boxes: {boxes}",
        f"contact sheet: {out / 'overlay.sheet.png'}",
        f"video: {video}",
    ]
    assert "5/5" in captured.err


def test_boxes_alone_and_rounded(source, out, made):
    assert call(f"--source={source}", BOX, f"--boxes={out / 'b.txt'}", "--format=reference") == 0
    assert (out / "b.txt").read_text().splitlines() == [
        "4,5,10,8",
        "5,6,10,8",
        "6,6,10,8",
        "7,6,10,8",
        "8,7,10,8",
    ]
    assert sorted(os.listdir(out)) == ["b.sheet.png", "b.txt"]


def test_sheet_elsewhere_or_none(source, out, made):
    boxes = f"--boxes={out / 'b.txt'}"
    assert call(f"--source={source}", BOX, boxes, "--sheet=") == 0
    assert os.listdir(out) == ["b.txt"]
    assert call(f"--source={source}", BOX, f"--sheet={out / 's.png'}") == 0
    assert sorted(os.listdir(out)) == ["b.txt", "s.png"]


def test_nothing_to_write(source, out, made, capsys):
    assert call(f"--source={source}", BOX) == 0
    assert capsys.readouterr().out.startswith("frames: 5\n")


def test_flags_reach_the_tracker(source, made):
    assert (
        call(
            f"--source={source}",
            BOX,
            "--checkpoint=some/dir",
            "--preset=paper",
            "--jit_compile=false",
            "--precision=int8",
        )
        == 0
    )
    (options,) = made
    assert (options.checkpoint, options.preset, options.jit_compile) == ("some/dir", "paper", False)
    assert options.precision == "int8"
    assert options.box == (4, 5, 10, 8)


def test_truth_is_compared_with(source, out, made, capsys):
    truth = out / "groundtruth_rect.txt"
    truth.write_text("4\t5\t10\t8\n5\t5.5\t10\t8\nnan nan nan nan\n100,100,10,8\n")
    assert call(f"--source={source}", BOX, f"--show_truth={truth}") == 0
    captured = capsys.readouterr()
    assert "mean IoU: 0.667, precision at 20 px: 0.667 (over 3 frames)" in captured.out
    assert "note: 5 frames, but 4 true boxes" in captured.err


def test_truth_without_boxes(source, out, made, capsys):
    (out / "truth.txt").write_text("nan,nan,nan,nan\n" * 5)
    assert call(f"--source={source}", BOX, f"--show_truth={out / 'truth.txt'}") == 0
    assert "there is no true box" in capsys.readouterr().out


def test_held_frames_are_counted(source, out, made, capsys):
    (source / "0003.jpg").unlink()
    arguments = (f"--source={source}", BOX, f"--boxes={out / 'b.txt'}")
    assert call(*arguments) == 1
    assert "frame 2 (0003.jpg)" in one_error(capsys)
    assert not made
    assert call(*arguments, "--on_bad_frame=hold") == 0
    assert capsys.readouterr().out.startswith("frames: 5 (1 held)\n")
    assert len((out / "b.txt").read_text().splitlines()) == 5


def test_bad_frame_in_the_middle_leaves_the_boxes_before_it(source, out, made, capsys):
    (source / "0004.jpg").write_bytes(b"no image")
    assert call(f"--source={source}", BOX, f"--boxes={out / 'b.txt'}") == 1
    error = capsys.readouterr().err.splitlines()
    assert error[-1].startswith("error: frame 3 (0004.jpg): cannot read image")
    assert error[-2] == f"the boxes of the first 3 frames: {out / 'b.txt.partial'}"
    assert len((out / "b.txt.partial").read_text().splitlines()) == 3
    assert os.listdir(out) == ["b.txt.partial"]


def test_interrupt_leaves_the_boxes_so_far(source, out, monkeypatch, capsys):
    class Interrupted(FakeTracker):
        def update(self, image):
            if self.box[0] == 6:
                raise KeyboardInterrupt
            return super().update(image)

    monkeypatch.setattr(session, "make_tracker", lambda options: Interrupted())
    assert call(f"--source={source}", BOX, f"--boxes={out / 'b.txt'}") == 130
    error = capsys.readouterr().err
    assert f"the boxes of the first 3 frames: {out / 'b.txt.partial'}" in error
    np.testing.assert_array_equal(np.loadtxt(out / "b.txt.partial", delimiter=",")[:, 0], [4, 5, 6])
    assert not (out / "b.txt").exists()


def test_failing_video_does_not_lose_the_boxes(source, out, made, monkeypatch, capsys):
    from gradnet_tf.media import video_writer

    pytest.importorskip("av")

    def full(path):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(video_writer, "_open_output", full)
    assert (
        call(f"--source={source}", BOX, f"--boxes={out / 'b.txt'}", f"--video={out / 'v.mp4'}") == 1
    )
    assert one_error(capsys) == f"error: cannot write {out / 'v.mp4'}: No space left on device"
    assert sorted(os.listdir(out)) == ["b.txt", "v.sheet.png"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "--box is missing"),
        (["--box="], "--box is missing"),
        (["--box=1,2,3"], "four numbers x,y,width,height, got '1,2,3'"),
        (["--box=1,2,3,x"], "four numbers"),
        (["--box=1,2,3,4,5"], "four numbers"),
        (["--box=31,0 26,0 24,0 20,0"], "four numbers"),
        (["--box=1,2,0,4"], "--box must have a positive width and height, got width 0, height 4"),
        (["--box=1,2,3,-4"], "--box must have a positive width and height"),
        (["--box=1,2,nan,4"], "--box must be finite numbers"),
        ([BOX, "extra"], "unexpected argument 'extra'"),
        ([BOX, "--boxes={tmp}/no/b.txt"], "there is no directory"),
        ([BOX, "--boxes={tmp}"], "is a directory"),
        ([BOX, "--video={tmp}/v.avi"], "--video must end in .mp4"),
        ([BOX, "--sheet={tmp}/v.jpg"], "--sheet must end in .png"),
        ([BOX, "--boxes={tmp}/x.png", "--sheet={tmp}/x.png"], "are the same file"),
        ([BOX, "--boxes={tmp}/t.txt", "--show_truth={tmp}/t.txt"], "--show_truth are the same"),
        ([BOX, "--boxes={tmp}/img/b.txt"], "would lie among the frames"),
        (
            [BOX, "--boxes={tmp}/t.txt", "--show_truth={tmp}/t.txt.partial"],
            "--show_truth is '{tmp}/t.txt.partial', where the boxes are kept",
        ),
        ([BOX, "--show_truth={tmp}/none.txt"], "cannot read {tmp}/none.txt: No such file or dir"),
        ([BOX, "--show_truth={tmp}"], "cannot read {tmp}: Is a directory"),
    ],
)
def test_flags_are_checked_before_any_work(tmp_path, source, made, capsys, arguments, message):
    pytest.importorskip("av")
    before = sorted(os.listdir(tmp_path))
    arguments = [argument.format(tmp=tmp_path) for argument in arguments]
    assert call(f"--source={source}", *arguments) == 1
    assert message.format(tmp=tmp_path) in one_error(capsys)
    assert not made
    assert sorted(os.listdir(tmp_path)) == before


def test_sources_are_checked_before_any_work(tmp_path, made, capsys):
    assert call(BOX) == 1
    assert "--source is missing" in one_error(capsys)
    assert call(BOX, f"--source={tmp_path / 'gone'}") == 1
    assert "there is no folder or file" in one_error(capsys)
    assert call(BOX, f"--source={tmp_path}") == 1
    assert f"no frames in {tmp_path}" in one_error(capsys)
    assert not made


def test_video_is_not_written_over_its_source(tmp_path, made, capsys):
    clip = tmp_path / "clip.mp4"
    clip.write_bytes(b"precious")
    assert call(BOX, f"--source={clip}", f"--video={tmp_path / '.' / 'clip.mp4'}") == 1
    assert "--video and --source are the same file" in one_error(capsys)
    assert clip.read_bytes() == b"precious"


def test_errors_of_the_tracker_are_one_line(source, monkeypatch, capsys):
    class Failing(FakeTracker):
        def init(self, image, box):
            raise ValueError("bad\nimage")

    monkeypatch.setattr(session, "make_tracker", lambda options: Failing())
    assert call(f"--source={source}", BOX) == 1
    assert one_error(capsys) == "error: bad image"


@pytest.mark.parametrize(
    ("flag", "message"), [("--format=xml", "xml"), ("--no_such_flag=1", "no_such_flag")]
)
def test_unknown_flags_and_values_are_one_line(flag, message):
    result = subprocess.run([*COMMAND, flag], capture_output=True, text=True)
    assert result.returncode == 1
    assert result.stderr.startswith("error: ")
    assert result.stderr.count("\n") == 1
    assert message in result.stderr


def test_help_lists_the_flags():
    result = subprocess.run([*COMMAND, "--help"], capture_output=True, text=True)
    assert "--on_bad_frame" in result.stdout and "--truth_origin" in result.stdout
    assert "x,y,width,height" in result.stdout


def test_wrong_flags_are_answered_without_tensorflow(tmp_path):
    code = (
        "import sys; from absl import flags; from gradnet_tf.track import __main__ as track\n"
        "values = flags.FlagValues(); track.define_flags(values)\n"
        f"values(['track', '--box=1,2,3,4', '--source={tmp_path}/gone'])\n"
        "assert track.run(values) == 1; assert 'tensorflow' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


@pytest.mark.parametrize("box", ["205 151 17 50", "205; 151; 17; 50", "[205, 151, 17, 50]"])
def test_boxes_as_people_write_them(tmp_path, made, box):
    Image.new("RGB", (320, 240)).save(tmp_path / "1.png")
    assert call(f"--source={tmp_path / '1.png'}", f"--box={box}") == 0
    assert made[0].box == (205, 151, 17, 50)


def test_a_box_outside_the_frame_is_answered_before_tensorflow_loads(source, made, capsys):
    assert call(f"--source={source}", "--box=205,151,17,50") == 1
    assert "lies outside the frame of 64x48 pixels" in one_error(capsys)
    assert not made


OTB_BOX = "--box=3,4,10,8"


@pytest.mark.parametrize(
    ("arguments", "iou"),
    [
        ([], "1.000"),
        (["--truth_origin=1"], "1.000"),
        (["--truth_origin=0"], "0.649"),
    ],
)
def test_truth_counts_from_1_as_benchmarks_do(source, out, made, capsys, arguments, iou):
    truth = out / "groundtruth_rect.txt"
    truth.write_text("".join(f"{4 + i},{5 + i / 2},10,8\n" for i in range(5)))
    assert call(f"--source={source}", OTB_BOX, f"--show_truth={truth}", *arguments) == 0
    captured = capsys.readouterr()
    assert f"mean IoU: {iou}, " in captured.out
    assert "note" not in captured.err


def test_a_box_that_is_copied_from_the_truth(source, out, made, capsys):
    """Both count alike then, whether from 0 or by mistake from 1, and the command says so."""
    truth = out / "groundtruth_rect.txt"
    truth.write_text("".join(f"{3 + i},{4 + i / 2},10,8\n" for i in range(5)))
    assert call(f"--source={source}", OTB_BOX, f"--show_truth={truth}") == 0
    captured = capsys.readouterr()
    assert "mean IoU: 1.000, " in captured.out
    assert f"note: --box is the first line of {truth} as it stands" in captured.err
    assert call(f"--source={source}", OTB_BOX, f"--show_truth={truth}", "--truth_origin=1") == 0
    assert "mean IoU: 0.649, " in capsys.readouterr().out


SLOW = """
import sys, time
from absl import flags
from gradnet_tf.track import __main__ as track, session
from gradnet_tf.tracking import overlay
from tests.tracking.run_test import FakeTracker

class Slow(FakeTracker):
    def init(self, image, box):
        super().init(image, box)
        self.frame = 0
        self.wait()

    def update(self, image):
        self.frame += 1
        self.wait()
        return super().update(image)

    def wait(self):
        if self.frame == stop:
            print("ready", flush=True)
            time.sleep(60)

stop = int(sys.argv[1])
if stop < 0:  # In the video, then.
    class Writer(overlay.VideoWriter):
        def write(self, image, duration=None):
            print("ready", flush=True)
            time.sleep(60)
    overlay.VideoWriter = Writer
session.make_tracker = lambda options: Slow()
values = flags.FlagValues()
track.define_flags(values)
values(["track", *sys.argv[2:]])
sys.exit(track.run(values))
"""


# Signals that whoever runs the tests ignores would be ignored by the command as well.
HEEDING = """
import os, signal, sys
for name in ("SIGINT", "SIGTERM", "SIGHUP"):
    signal.signal(signal.Signals[name], signal.SIG_DFL)
os.execvp(sys.argv[1], sys.argv[1:])
"""


@contextlib.contextmanager
def slow_process(stop, source, *arguments, before=()):
    """The command in a process of its own, which waits in the given frame; -1: in the video."""
    heeding = [sys.executable, "-c", HEEDING, *before]
    command = [*heeding, sys.executable, "-c", SLOW, str(stop), f"--source={source}", BOX]
    with subprocess.Popen(
        [*command, *map(str, arguments)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=Path(__file__).resolve().parents[2],
    ) as process:
        for line in process.stdout:
            if line == "ready\n":
                break
        try:
            yield process
        finally:
            process.kill()


@pytest.mark.parametrize(
    ("name", "status", "times"),
    [("SIGTERM", 143, 1), ("SIGHUP", 129, 1), ("SIGINT", 130, 1), ("SIGTERM", 143, 2)],
)
def test_signals_leave_the_boxes_so_far(source, out, name, status, times):
    boxes = out / "b.txt"
    with slow_process(3, source, f"--boxes={boxes}") as process:
        for _ in range(times):
            process.send_signal(signal.Signals[name])
        error = process.communicate(timeout=60)[1].splitlines()
    assert process.returncode == status
    assert error[-2:] == [
        f"the boxes of the first 3 frames: {boxes}.partial",
        f"interrupted by {name}",
    ]
    np.testing.assert_array_equal(np.loadtxt(f"{boxes}.partial", delimiter=",")[:, 0], [4, 5, 6])
    assert os.listdir(out) == ["b.txt.partial"]


def test_a_process_that_is_killed_leaves_the_boxes_so_far(source, out):
    with slow_process(3, source, f"--boxes={out / 'b.txt'}") as process:
        process.kill()
    np.testing.assert_array_equal(np.loadtxt(out / "b.txt.partial", delimiter=",")[:, 0], [4, 5, 6])


def test_signals_in_the_first_frame_leave_nothing(source, out):
    with slow_process(0, source, f"--boxes={out / 'b.txt'}") as process:
        process.terminate()
        error = process.communicate(timeout=60)[1].splitlines()
    assert process.returncode == 143
    assert error[-1] == "interrupted by SIGTERM"
    assert os.listdir(out) == []


@pytest.mark.parametrize("flag", ["--boxes={out}/v.txt", "--preset=paper"])
def test_signals_in_the_video_leave_the_boxes(source, out, flag):
    pytest.importorskip("av")
    flags_ = (flag.format(out=out), f"--video={out / 'v.mp4'}", "--sheet=")
    with slow_process(-1, source, *flags_) as process:
        process.terminate()
        error = process.communicate(timeout=60)[1].splitlines()
    assert process.returncode == 143
    assert error[-1] == "interrupted by SIGTERM"
    if flag.startswith("--boxes"):
        assert os.listdir(out) == ["v.txt"]
        assert len((out / "v.txt").read_text().splitlines()) == 5
    else:
        assert os.listdir(out) == ["v.boxes.partial"]
        assert error[-2] == f"the boxes of the first 5 frames: {out / 'v.boxes.partial'}"
        assert len((out / "v.boxes.partial").read_text().splitlines()) == 5


def test_boxes_of_a_video_alone_are_not_left_behind(source, out, made):
    pytest.importorskip("av")
    (out / "v.txt.partial").write_text("of another command")
    assert call(f"--source={source}", BOX, f"--video={out / 'v.mp4'}", "--sheet=") == 0
    assert sorted(os.listdir(out)) == ["v.mp4", "v.txt.partial"]


def test_boxes_are_on_disk_as_they_come(source, out, monkeypatch):
    seen = []

    class Watching(FakeTracker):
        def update(self, image):
            seen.append(len((out / "b.txt.partial").read_text().splitlines()))
            return super().update(image)

    monkeypatch.setattr(session, "make_tracker", lambda options: Watching())
    assert call(f"--source={source}", BOX, f"--boxes={out / 'b.txt'}", "--sheet=") == 0
    assert seen == [1, 2, 3, 4]
    assert os.listdir(out) == ["b.txt"]


def test_a_final_write_that_fails_leaves_the_boxes(source, out, made, monkeypatch, capsys):
    def full(*arguments):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "replace", full)
    assert call(f"--source={source}", BOX, f"--boxes={out / 'b.txt'}") == 1
    error = capsys.readouterr().err.splitlines()
    assert error[-2] == f"the boxes of the first 5 frames: {out / 'b.txt.partial'}"
    assert error[-1] == f"error: cannot write {out / 'b.txt'}: No space left on device"
    assert len((out / "b.txt.partial").read_text().splitlines()) == 5


def test_an_output_folder_that_disappears(source, out, tmp_path, monkeypatch, capsys):
    class Removing(FakeTracker):
        def update(self, image):
            shutil.rmtree(out, ignore_errors=True)
            return super().update(image)

    monkeypatch.setattr(session, "make_tracker", lambda options: Removing())
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    assert call(f"--source={source}", BOX, f"--boxes={out / 'b.txt'}") == 1
    error = capsys.readouterr().err.splitlines()
    assert error[-1] == f"error: cannot write {out / 'b.txt'}: there is no directory {out}"
    kept = error[-2].split(": ")[1]
    assert error[-2] == f"the boxes of the first 5 frames: {kept}"
    assert kept.startswith(str(tmp_path / "b-"))
    assert len(Path(kept).read_text().splitlines()) == 5


def test_boxes_on_stdout_are_alone_there(source, out, tmp_path):
    (tmp_path / "stdout").symlink_to("/proc/self/fd/1")  # As /dev/stdout.
    with slow_process(3, source, f"--boxes={tmp_path / 'stdout'}") as process:
        process.terminate()
        process.communicate(timeout=60)
    code = SLOW.replace("time.sleep(60)", "")
    command = [sys.executable, "-c", code, "9", f"--source={source}", BOX]
    done = subprocess.run(
        [*command, f"--boxes={tmp_path / 'stdout'}"],
        capture_output=True,
        text=True,
        cwd=Path(__file__).resolve().parents[2],
    )
    assert done.returncode == 0
    lines = done.stdout.splitlines()
    np.testing.assert_array_equal(np.loadtxt(lines, delimiter=",")[:, 0], [4, 5, 6, 7, 8])
    assert "frames: 5\n" in done.stderr
    assert sorted(os.listdir(tmp_path)) == ["img", "out", "stdout"]


def test_outputs_through_links(source, out, tmp_path, made):
    pytest.importorskip("av")
    for name in ("b.txt", "v.mp4", "s.png"):
        (tmp_path / name).symlink_to(out / name)
    flags_ = [f"--boxes={tmp_path}/b.txt", f"--video={tmp_path}/v.mp4", f"--sheet={tmp_path}/s.png"]
    assert call(f"--source={source}", BOX, *flags_) == 0
    assert sorted(os.listdir(out)) == ["b.txt", "s.png", "v.mp4"]
    assert all((tmp_path / name).is_symlink() for name in os.listdir(out))
    assert open_frames(out / "v.mp4").length == 5
    # The source behind a link is the source.
    (tmp_path / "loop.mp4").symlink_to(out / "v.mp4")
    assert call(f"--source={out / 'v.mp4'}", BOX, f"--video={tmp_path / 'loop.mp4'}") == 1
    assert open_frames(out / "v.mp4").length == 5


def test_a_pipe_without_a_reader_is_refused(source, out, made, capsys):
    os.mkfifo(out / "pipe")
    assert call(f"--source={source}", BOX, f"--boxes={out / 'pipe'}") == 1
    assert "nobody reads from this pipe; start its reader first" in one_error(capsys)
    assert not made
    assert os.listdir(out) == ["pipe"]


def test_precisions_are_those_of_the_tracker():
    from gradnet_tf.tracking.precision import PRECISIONS

    assert track.PRECISIONS == PRECISIONS
    with pytest.raises(flags.Error, match=r"float32\|bfloat16\|float16\|int8"):
        call("--precision=int4")


def test_a_precision_that_xla_cannot_compile(source, capsys):
    assert call(f"--source={source}", BOX, "--precision=int8", "--jit_compile=true") == 1
    assert "precision='int8' runs on the processor outside XLA" in one_error(capsys)


def test_home_folder_in_every_path(source, out, made, monkeypatch, capsys):
    monkeypatch.setenv("HOME", str(source.parent))
    (out / "truth.txt").write_text("4,5,10,8\n" * 5)
    flags = ["--boxes=~/out/b.txt", "--sheet=~/out/s.png", "--show_truth=~/out/truth.txt"]
    assert call("--source=~/img", BOX, *flags, "--checkpoint=~/c.npz") == 0
    assert sorted(os.listdir(out)) == ["b.txt", "s.png", "truth.txt"]
    assert made[0].checkpoint == f"{source.parent}/c.npz"
    assert call("--source=~/img", BOX, "--boxes=~/img/b.txt") == 1
    assert "would lie among the frames" in one_error(capsys)


def test_animated_image(tmp_path, made, capsys):
    pages = [Image.new("RGB", (64, 48), (40 * i,) * 3) for i in range(5)]
    path = tmp_path / "clip.webp"
    pages[0].save(path, save_all=True, append_images=pages[1:], lossless=True)
    assert call(f"--source={path}", BOX) == 0
    assert capsys.readouterr().out.startswith("frames: 5\nspeed: ")


def test_single_image_has_no_speed(source, made, capsys):
    assert call(f"--source={source / '0001.jpg'}", BOX) == 0
    assert capsys.readouterr().out == "frames: 1\n"


def test_16_bit_images(tmp_path, made, capsys):
    folder = tmp_path / "deep"
    folder.mkdir()
    for i in range(3):
        ramp = np.arange(48 * 64, dtype=np.uint16).reshape(48, 64) + 9000 + i
        Image.fromarray(ramp).save(folder / f"{i}.png")
    assert call(f"--source={folder}", BOX) == 0
    assert capsys.readouterr().out.startswith("frames: 3\n")
