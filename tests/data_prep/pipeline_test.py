"""The whole of data_prep/ on small folders: binary, resuming, kills, processes, preview."""

import hashlib
import importlib
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from absl import flags
from PIL import Image

from gradnet_tf.data import description, records
from gradnet_tf.data_prep import curate, layout, pipeline, preview, runner, shards

ROOT = Path(__file__).resolve().parents[2]
FRAMES = (3, 2, 4, 1)  # of the sequences A, B, C, D


@pytest.fixture(scope="module", autouse=True)
def _needs_beam():
    pytest.importorskip("apache_beam", reason="needs apache-beam: pip install gradnet_tf[prep]")


@pytest.fixture
def source(tmp_path):
    """Four OTB-like sequences; a box of A is empty, an image of C is damaged."""
    random = np.random.default_rng(0)
    root = tmp_path / "source"
    for name, count in zip("ABCD", FRAMES):
        (root / name / "img").mkdir(parents=True)
        for index in range(count):
            pixels = random.integers(0, 256, (60, 80, 3), dtype=np.uint8)
            Image.fromarray(pixels).save(root / name / "img" / f"{index + 1:04d}.jpg")
        lines = [f"{20 + index},15,24,18" for index in range(count)]
        if name == "A":
            lines[1] = "0,0,0,0"
        (root / name / "groundtruth_rect.txt").write_text("\n".join(lines) + "\n")
    os.truncate(root / "C" / "img" / "0002.jpg", 300)
    return root


@pytest.fixture
def config(source, tmp_path):
    def make(output="output", **options):
        values = {"source": "otb", "root": str(source), "shards": 3, "jobs": 1, **options}
        return pipeline.PrepConfig(output=str(tmp_path / output), **values)

    return make


def hashes(folder):
    """SHA-256 of every file in a data set's folder but the lock."""
    return {
        path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in Path(folder).rglob("*")
        if path.is_file() and path.name != "lock"
    }


def all_records(made, folder):
    return [
        record
        for shard in made.shards
        for record, _ in records.read_shard(os.path.join(folder, shard.name))
    ]


def test_data_set(config, tmp_path):
    made = pipeline.prepare(config())
    output = tmp_path / "output"
    assert made.counts == {"videos": 4, "tracks": 4, "frames": 8}
    assert made.problems == {"empty box": 1, "unreadable image": 1}
    assert {problem["kind"] for problem in made.problem_list} == set(made.problems)
    assert made.source == "otb" and made.root == str(tmp_path / "source")
    assert made.options["shards"] == 3 and made.options["quality"] == 95
    found = {record.video: record.frames.tolist() for record in all_records(made, output)}
    assert found == {"A": [1, 3], "B": [1, 2], "C": [1, 3, 4], "D": [1]}
    for shard in made.shards:
        content = (output / shard.name).read_bytes()
        assert hashlib.sha256(content).hexdigest() == shard.sha256
        assert len(content) == shard.bytes
    loaded = description.load(str(output))
    np.testing.assert_array_equal(loaded.exemplar.covariance, made.exemplar.covariance)
    assert loaded.counts == made.counts and loaded.shards == made.shards
    assert not list(output.rglob("*.plan.json")) and not list(output.rglob("*.tmp"))


@pytest.mark.parametrize("name, field", [("exemplar", "exemplars"), ("instance", "instances")])
def test_statistics_of_all_shards_are_numpys(config, tmp_path, name, field):
    made = pipeline.prepare(config())
    crops = []
    for record in all_records(made, tmp_path / "output"):
        for jpeg in getattr(record, field):
            path = tmp_path / "crop.jpg"
            path.write_bytes(jpeg)
            with Image.open(path) as image:
                crops.append(np.asarray(image, np.float64).reshape(-1, 3))
    pixels = np.concatenate(crops)
    statistics = getattr(made, name)
    assert statistics.pixels == len(pixels)
    np.testing.assert_allclose(statistics.mean, pixels.mean(axis=0), rtol=1e-13)
    np.testing.assert_allclose(statistics.covariance, np.cov(pixels.T, ddof=0), rtol=1e-10)


def test_several_processes_give_the_same_bytes(config, tmp_path, monkeypatch):
    pipeline.prepare(config("one"))
    monkeypatch.setenv("PYTHONPATH", str(ROOT), prepend=os.pathsep)
    pipeline.prepare(config("two", jobs=2))
    assert hashes(tmp_path / "one") == hashes(tmp_path / "two")


def test_a_second_run_makes_nothing_again(config, tmp_path, monkeypatch):
    pipeline.prepare(config())
    before = hashes(tmp_path / "output")
    monkeypatch.setattr(curate, "cut_crops", None)
    pipeline.prepare(config())
    assert hashes(tmp_path / "output") == before


@pytest.mark.parametrize("lost", ["shard", "summary", "half a shard", "dataset.json", "index"])
def test_what_was_lost_is_made_again(config, tmp_path, lost):
    pipeline.prepare(config())
    output = tmp_path / "output"
    before = hashes(output)
    shard = output / layout.shard_name(1, 3)
    if lost == "shard":
        shard.unlink()
    elif lost == "summary":
        os.unlink(layout.summary_path(str(output), 1))
    elif lost == "half a shard":
        os.truncate(shard, shard.stat().st_size // 2)
    elif lost == "dataset.json":
        (output / "dataset.json").unlink()
    else:
        index = output / (shard.name + ".index.npz")
        index.unlink()
        before.pop(index.name)  # Readers do without it.
    pipeline.prepare(config())
    assert hashes(output) == before


KILLED = """
import os, signal, sys
from gradnet_tf.data_prep import curate, pipeline

cut_crops, calls = curate.cut_crops, []

def killing(*arguments, **options):
    calls.append(1)
    if len(calls) == 6:
        os.kill(os.getpid(), signal.SIGKILL)
    return cut_crops(*arguments, **options)

curate.cut_crops = killing
source, output = sys.argv[1:]
pipeline.prepare(pipeline.PrepConfig("otb", source, output, shards=3, jobs=1))
"""


def test_killed_and_run_again(config, source, tmp_path):
    output = tmp_path / "output"
    done = subprocess.run(
        [sys.executable, "-c", KILLED, str(source), str(output)],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT) + os.pathsep + os.environ.get("PYTHONPATH", "")},
        capture_output=True,
    )
    assert done.returncode == -signal.SIGKILL, done.stderr
    finished = [n for n in range(3) if layout.finished_summary(str(output), n, 3)]
    assert 0 < len(finished) < 3
    assert len(list(output.glob("tracks-*.tfrecord"))) == len(finished)
    assert list(output.glob("tracks-*.tmp")) and not (output / "dataset.json").exists()
    pipeline.prepare(config())
    pipeline.prepare(config("whole"))
    assert hashes(output) == hashes(tmp_path / "whole")


def test_a_failure_keeps_finished_shards(config, tmp_path, monkeypatch):
    make_records = shards._make_records

    def fail(tracks, quality, tally):
        tracks = list(tracks)
        if any(track.video == "A" for track in tracks):
            raise OSError("No space left")
        return make_records(tracks, quality, tally)

    output = tmp_path / "output"
    with monkeypatch.context() as patch:
        patch.setattr(shards, "_make_records", fail)
        with pytest.raises(runner.PipelineError, match="No space left.*shards are kept"):
            pipeline.prepare(config())
    assert not (output / "dataset.json").exists()
    pipeline.prepare(config())
    pipeline.prepare(config("whole"))
    assert hashes(output) == hashes(tmp_path / "whole")


@pytest.mark.parametrize(
    "options, message",
    [
        ({"quality": 80}, "quality was 95 and is now 80"),
        ({"shards": 2}, "shards was 3 and is now 2"),
        ({"limit_tracks": 3}, "limit_tracks was None and is now 3"),
        ({"source": "got10k"}, "source was 'otb' and is now 'got10k'"),
    ],
)
def test_other_options_are_refused(config, tmp_path, options, message):
    pipeline.prepare(config())
    before = hashes(tmp_path / "output")
    with pytest.raises(ValueError, match=message):
        pipeline.prepare(config(**options))
    assert hashes(tmp_path / "output") == before


def test_a_changed_source_is_refused(config, source):
    pipeline.prepare(config())
    (source / "B" / "groundtruth_rect.txt").write_text("9,9,9,9\n9,9,9,9\n")
    with pytest.raises(ValueError, match="annotations was"):
        pipeline.prepare(config())


@pytest.fixture
def half(config, source, tmp_path):
    """An output of which one shard of three is still to be made."""
    pipeline.prepare(config())
    os.unlink(layout.summary_path(str(tmp_path / "output"), 1))
    return tmp_path / "output"


@pytest.mark.parametrize("way", ["moved", "link", "relative", "home"])
def test_a_source_that_moved_is_gone_on_with(half, config, source, tmp_path, monkeypatch, way):
    """Scratch folders of a cluster have another name in every job."""
    other = tmp_path / "job2" / "data"
    other.parent.mkdir()
    if way == "moved":
        source.rename(other)
    else:
        other.symlink_to(source)
    root = {"relative": "job2/data", "home": "~/job2/data"}.get(way, str(other))
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))
    finished = half / layout.shard_name(0, 3)
    before = finished.stat().st_mtime_ns
    made = pipeline.prepare(config(root=root))
    assert made.root == str(other)
    assert finished.stat().st_mtime_ns == before
    # And back again, from the options of the second run.
    if way != "moved":
        made = pipeline.prepare(config())
    fresh = pipeline.prepare(config("fresh", root=made.root))
    assert fresh.shards == made.shards and fresh.options == made.options


def test_another_source_at_another_place_is_refused(half, config, source, tmp_path):
    other = tmp_path / "other"
    shutil.copytree(source, other)
    (other / "B" / "groundtruth_rect.txt").write_text("9,9,9,9\n9,9,9,9\n")
    with pytest.raises(ValueError, match="root was .*source' and is now .*other'; annotations was"):
        pipeline.prepare(config(root=str(other)))


@pytest.fixture
def with_test_set(source):
    """The source, and a sequence of OTB's beside the others."""
    shutil.copytree(source / "D", source / "Basketball")


def test_a_test_set_is_left_out_and_the_description_says_so(config, with_test_set, tmp_path):
    made = pipeline.prepare(config())
    assert made.counts["videos"] == 4 and made.options["split"] == "train"
    assert made.problems["not for training"] == 1
    assert "OTB-100" in description.load(str(tmp_path / "output")).problem_list[0]["detail"]
    everything = pipeline.prepare(config("all", split="all"))
    assert everything.counts["videos"] == 5 and everything.options["split"] == "all"
    assert "not for training" not in everything.problems
    with pytest.raises(ValueError, match="split was 'all' and is now 'train'; annotations was"):
        pipeline.prepare(config("all"))


@pytest.mark.parametrize("is_test_set_there", [False, True])
def test_an_output_of_an_earlier_version(config, source, tmp_path, request, is_test_set_there):
    """It has everything, and its options say nothing about it."""
    if is_test_set_there:
        request.getfixturevalue("with_test_set")
    pipeline.prepare(config(split="all"))
    path = layout.options_path(str(tmp_path / "output"))
    options = layout.read_json(path)
    del options["split"]
    layout.write_json(path, options)
    if is_test_set_there:
        with pytest.raises(ValueError, match="split was 'all' and is now 'train'"):
            pipeline.prepare(config())
        assert pipeline.prepare(config(split="all")).options["split"] == "all"
    else:
        assert pipeline.prepare(config()).options["split"] == "train"


def test_a_second_process_is_refused(config, tmp_path):
    fcntl = pytest.importorskip("fcntl")
    folder = tmp_path / "output" / layout.FOLDER
    folder.mkdir(parents=True)
    with open(folder / "lock", "w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        with pytest.raises(OSError, match="in use"):
            pipeline.prepare(config())


def test_nothing_usable(config, source, tmp_path):
    for path in source.rglob("*.jpg"):
        path.write_bytes(b"")
    with pytest.raises(ValueError, match="nothing usable.*could be cut"):
        pipeline.prepare(config())
    assert not (tmp_path / "output" / "dataset.json").exists()


@pytest.mark.parametrize(
    "options, message",
    [
        ({"source": "ilsvrc"}, "source must be one of coco, got10k.*, got 'ilsvrc'"),
        ({"split": "val"}, "split must be one of train, all, got 'val'"),
        ({"shards": 0}, "shards must be at least 1, got 0"),
        ({"jobs": 0}, "jobs must be at least 1"),
        ({"quality": 101}, "quality must be 1 to 100, got 101"),
    ],
)
def test_wrong_settings(config, options, message):
    with pytest.raises(ValueError, match=message):
        config(**options)


@pytest.mark.parametrize(
    "options, message",
    [
        ({"shards": 5}, "5 shards for 4 tracks"),
        ({"beam_options": "--runner=NoRunner"}, "jobs is for the local runner"),
        ({"beam_options": "--runner=NoRunner", "jobs": None}, "NoRunner"),
        ({"beam_options": "'--runner"}, "cannot read beam_options"),
        ({"beam_options": "--runer=FlinkRunner"}, "there is no --runer, and no --runner"),
        (
            {"beam_options": "runner=SparkRunner"},
            "'runner=SparkRunner' is no option; .*two dashes",
        ),
        ({"beam_options": "-runner=SparkRunner"}, "'-runner=SparkRunner' is no option"),
        ({"beam_options": "\u2014runner=SparkRunner"}, "runner=SparkRunner' is no option"),
        ({"beam_options": "---runner=SparkRunner"}, "'---runner=SparkRunner' is no option"),
        ({"beam_options": "runner SparkRunner"}, "'runner' is no option"),
        ({"beam_options": "--streaming runner=SparkRunner"}, "'runner=SparkRunner' is no option"),
        ({"beam_options": "--save_main_session --"}, "'--' is no option"),
        ({"beam_options": "--Runner=SparkRunner"}, "there is no --Runner; it is --runner"),
        (
            {"beam_options": "--runner=FlinkRunner --flink-master=a:1", "jobs": None},
            "there is no --flink-master; it is --flink_master",
        ),
        ({"beam_options": "--runner=", "jobs": None}, "--runner is empty"),
        ({"beam_options": "--runner", "jobs": None}, "--runner: expected one argument"),
        (
            {"beam_options": "--runner=DirectRunner --runner SparkRunner", "jobs": None},
            "--runner is given more than once",
        ),
        (
            {"beam_options": "--direct_num_workers=many"},
            "beam_options.*many': argument .*invalid int",
        ),
    ],
)
def test_wrong_options_are_found_before_any_work(config, tmp_path, options, message):
    with pytest.raises(ValueError, match=message):
        pipeline.prepare(config(**options))
    assert not (tmp_path / "output").exists()


def test_a_runner_by_its_options(config, tmp_path):
    pipeline.prepare(config("one"))
    beam_options = "--runner BundleBasedDirectRunner --experiments a --experiments=b"
    pipeline.prepare(config("two", jobs=None, beam_options=beam_options))
    assert hashes(tmp_path / "one") == hashes(tmp_path / "two")


def test_output_that_is_a_file(config, tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(NotADirectoryError, match="file is no folder"):
        pipeline.prepare(config("file/output"))


def test_without_apache_beam(config, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "apache_beam", None)
    with pytest.raises(ImportError, match=r"pip install 'gradnet_tf\[prep\]'"):
        pipeline.prepare(config())
    assert not (tmp_path / "output").exists()


def test_preview_draws_boxes_on_random_crops(config, tmp_path):
    made = pipeline.prepare(config())
    output = str(tmp_path / "output")
    sheet = preview.contact_sheet(output, pairs=5)
    assert sheet.size == (8 * 259 + 4, 2 * 259 + 4)
    assert preview.contact_sheet(output, pairs=5).tobytes() == sheet.tobytes()
    assert preview.contact_sheet(output, pairs=5, seed=1).tobytes() != sheet.tobytes()
    everything = np.asarray(preview.contact_sheet(output, pairs=100))
    assert everything.shape[:2] == (2 * 259 + 4, 8 * 259 + 4)
    # The first pair is the first frame of the first shard; its box is drawn red.
    record, _ = next(records.read_shard(os.path.join(output, made.shards[0].name)))
    left, top, width, height = curate.boxes_in_crops(record.boxes[0])[1]
    row, column = 4 + round(top + height) - 1, 4 + 259 + round(left + width / 2)
    assert everything[row, column].tolist() == [255, 40, 40]


@pytest.fixture
def binary():
    return importlib.import_module("gradnet_tf.data_prep.__main__")


def run(binary, *words):
    values = flags.FlagValues()
    binary.define_flags(values)
    return binary.run(values, values(["data_prep", *words])[1:])


def test_binary(binary, source, tmp_path, capsys):
    output = tmp_path / "output"
    words = ["--source=otb", f"--root={source}", f"--output={output}", "--jobs=1"]
    assert run(binary, *words, "--preview") == 0
    printed = capsys.readouterr()
    assert "8 frames of 4 tracks of 4 videos in 4 shards" in printed.out
    assert "empty box: 1, unreadable image: 1" in printed.out
    assert "4 of 4 shards" in printed.err
    with Image.open(output / "preview.png") as sheet:
        assert sheet.mode == "RGB"
    shutil.copytree(source / "D", source / "Basketball")
    assert run(binary, *words) == 0  # What is left out changes nothing, and is said.
    assert "1 left out, not for training: --split=all takes them" in capsys.readouterr().out
    assert run(binary, *words, "stray") == 1
    assert run(binary, *words, "--quality=50") == 1
    assert "error: " in capsys.readouterr().err
    assert run(binary, "--source=otb", f"--root={tmp_path / 'none'}", f"--output={output}2") == 1
    error = capsys.readouterr().err
    assert "none" in error and error.count("\n") == 1 and not Path(f"{output}2").exists()


@pytest.mark.parametrize("jobs", [1, 2])
def test_a_failed_write_is_one_line(binary, source, tmp_path, monkeypatch, capfd, caplog, jobs):
    """Also in a process of its own."""
    shard = tmp_path / "output" / layout.shard_name(2, 4)
    shard.mkdir(parents=True)  # No file can take its name.
    monkeypatch.setenv("PYTHONPATH", str(ROOT), prepend=os.pathsep)
    words = ["--source=otb", f"--root={source}", f"--output={shard.parent}", f"--jobs={jobs}"]
    assert run(binary, *words) == 1
    printed = capfd.readouterr().err
    assert "Traceback" not in printed and "OSError" not in printed
    assert f"error: the pipeline failed: cannot write {shard}: " in printed
    assert printed.endswith("; finished shards are kept, the same command continues\n")
    assert "while running" not in printed
    assert not [record for record in caplog.records if record.levelname == "ERROR"]


def test_binary_refuses_an_unknown_source(binary):
    with pytest.raises(flags.IllegalFlagValueError, match="imagenet"):
        run(binary, "--source=imagenet", "--root=x", "--output=y")
