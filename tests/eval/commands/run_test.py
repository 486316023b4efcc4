"""The command `run`, from one end to the other, on tiny data sets."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from absl import flags

from gradnet_tf import datasets as eval_datasets
from gradnet_tf.eval.commands import run
from gradnet_tf.eval.results import discovery, submission
from tests.helpers import datasets, eval_data, toy_trackers

ROOT = Path(__file__).resolve().parents[3]
TOYS = "python:tests.helpers.toy_trackers"


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    return datasets.make_otb(tmp_path_factory.mktemp("otb"), videos=3, frames=6)


@pytest.fixture(scope="module")
def vot(tmp_path_factory):
    return eval_data.make_vot(tmp_path_factory.mktemp("vot"))


def call(*arguments, dataset="folder"):
    values = flags.FlagValues()
    run.define_flags(values)
    values(["run", f"--dataset={dataset}", *map(str, arguments)])
    return run.run(values)


def call_apart(*arguments, **environment):
    """In a process of its own, as a user does."""
    command = [sys.executable, "-m", "gradnet_tf.eval", "run", "--dataset=folder"]
    environment = {**os.environ, "PYTHONPATH": str(ROOT), **environment}
    return subprocess.run(
        [*command, *map(str, arguments)], capture_output=True, text=True, env=environment
    )


def test_two_trackers_on_a_folder(root, tmp_path, capsys):
    output = tmp_path / "out"
    assert call(f"--root={root}", f"--output={output}", f"--tracker={TOYS}:Drift",
                "--tracker=first box=static") == 0  # fmt: skip
    found = discovery.find_results([output])
    assert [each.tracker for each in found] == ["Drift", "first box"]
    assert found[0].names == ("Seq0", "Seq1", "Seq2")
    boxes = found[1].read("Seq1").boxes
    np.testing.assert_array_equal(boxes, [datasets.target_box(1)] * 6)
    text = (output / root.name / "first box" / "Seq1.txt").read_text().splitlines()
    assert text[3] == "11.0000,12.0000,24.0000,18.0000"  # 1-based
    provenance = found[1].provenance
    assert provenance["tracker"]["spec"] == "static"
    assert provenance["dataset"]["root"] == str(root)
    assert provenance["stack"]["numpy"] == np.__version__
    printed = capsys.readouterr()
    assert "Drift: 3 of 3 sequences, success AUC 0." in printed.out
    assert "[6/6] first box, Seq2: AUC 0." in printed.err


def test_continuing_does_only_what_is_missing(root, tmp_path, capsys):
    common = (f"--root={root}", f"--output={tmp_path}", f"--tracker={TOYS}:Drift")
    assert call(*common, "--sequences=Seq1") == 0
    folder = tmp_path / root.name / "Drift"
    first = {p: p.stat().st_mtime_ns for p in folder.rglob("*") if p.is_file()}
    assert call(*common) == 0
    assert "3 sequences (1 finished before)" in capsys.readouterr().out
    assert all(path.stat().st_mtime_ns == time for path, time in first.items())
    expected = eval_data.tree(tmp_path)
    # A truncated file is found and its sequence done again.
    path = folder / "Seq2.txt"
    path.write_bytes(path.read_bytes()[:-20])
    assert call(*common) == 0
    assert "3 sequences (2 finished before)" in capsys.readouterr().out
    assert eval_data.tree(tmp_path) == expected
    assert call(*common, "--force") == 0
    assert "before" not in capsys.readouterr().out
    assert eval_data.tree(tmp_path) == expected


def test_another_configuration_is_an_error(root, tmp_path, capsys):
    common = (f"--root={root}", f"--output={tmp_path}")
    assert call(*common, f"--tracker=T={TOYS}:Drift") == 0
    before = eval_data.tree(tmp_path, times=True)
    for change in (f"--tracker=T={TOYS}:Drift,step=2", f"--tracker=T={TOYS}:Drift --limit=3"):
        capsys.readouterr()
        assert call(*common, *change.split()) == run.BAD_ARGUMENTS
        error = capsys.readouterr().err
        assert error.count("\n") == 1 and "--force" in error
        assert ("configuration (there" in error) != ("--limit" in change)
        assert eval_data.tree(tmp_path, times=True) == before
    assert call(*common, f"--tracker=T={TOYS}:Drift,step=2", "--force") == 0
    assert eval_data.tree(tmp_path) != before


def test_a_failing_sequence_does_not_hide_the_others(root, tmp_path, capsys):
    _, y, _, _ = datasets.target_box(1)
    arguments = (f"--root={root}", f"--output={tmp_path}", f"--tracker={TOYS}:Failing,y={y}")
    for _ in range(2):
        assert call(*arguments) == run.FAILED
    folder = tmp_path / root.name / f"Failing y={y}"
    text = (folder / ".failed" / "Seq1.txt").read_text()
    assert text.startswith("Traceback") and "RuntimeError: nothing to be seen at 11" in text
    (found,) = discovery.find_results([tmp_path])
    assert found.names == ("Seq0", "Seq2") and list(found.failures) == ["Seq1"]
    printed = capsys.readouterr()
    assert "Seq1: failed: RuntimeError: nothing to be seen at 11" in printed.err
    assert "2 of 3 sequences (2 finished before), 1 failed, see" in printed.out


def test_broken_data_do_not_hide_the_others(tmp_path, capsys):
    data = datasets.make_otb(tmp_path / "otb", videos=3, frames=4)
    (data / "Seq0" / "groundtruth_rect.txt").write_text("1,2,3,4\nx\n1,2,3,4\n1,2,3,4\n")
    image = data / "Seq2" / "img" / "0003.jpg"
    image.write_bytes(image.read_bytes()[:100])
    arguments = (f"--root={data}", f"--output={tmp_path / 'out'}", "--tracker=static")
    assert call(*arguments) == run.FAILED
    (found,) = discovery.find_results([tmp_path / "out"])
    assert found.names == ("Seq1",)
    assert "groundtruth_rect.txt" in found.failures["Seq0"]
    assert "0003.jpg" in found.failures["Seq2"]
    # Mended, it is finished by the same command.
    for path in (data / "Seq0", data / "Seq2"):
        for file in path.rglob("*.*"):
            file.unlink()
    datasets.make_otb(tmp_path / "otb", videos=3, frames=4)
    assert call(*arguments) == 0
    assert not list((tmp_path / "out").rglob(".failed"))
    capsys.readouterr()


def test_processes_and_shards_give_the_same_files(root, tmp_path):
    trackers = (f"--tracker={TOYS}:Noisy", "--tracker=static")
    common = (f"--root={root}", *trackers)
    assert call(*common, f"--output={tmp_path / 'one'}") == 0
    expected = eval_data.tree(tmp_path / "one")
    done = call_apart(*common, f"--output={tmp_path / 'two'}", "--jobs=2")
    assert done.returncode == 0, done.stderr
    shards = tmp_path / "shards"
    for number in (2, 1):
        assert call(*common, f"--output={shards}", f"--shard={number}/2") == 0
    for output in (tmp_path / "two", shards):
        found = eval_data.tree(output)
        for name in expected:
            if name.endswith("provenance.json"):  # How many processes share the machine.
                expected[name] = found[name] = None
        assert found == expected


def start_apart(*arguments):
    command = [sys.executable, "-m", "gradnet_tf.eval", "run", "--dataset=folder"]
    return subprocess.Popen(
        [*command, *map(str, arguments)],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def test_two_runs_at_once_share_the_work(root, tmp_path, monkeypatch):
    log, output = tmp_path / "log", tmp_path / "two"
    monkeypatch.setenv(toy_trackers.LOG, str(log))
    arguments = (f"--root={root}", f"--output={output}", f"--tracker=T={TOYS}:Slow")
    both = [start_apart(*arguments, f"--jobs={jobs}") for jobs in (1, 2)]
    printed = [process.communicate() for process in both]
    assert [process.returncode for process in both] == [0, 0], printed
    # Each sequence was begun twice, to warm up and in earnest; and both tell of all of them.
    assert len(log.read_text().splitlines()) == 2 * 3
    assert all("T: 3 of 3 sequences" in out for out, _ in printed), printed
    (found,) = discovery.find_results([output])
    assert found.names == ("Seq0", "Seq1", "Seq2")
    assert all(len(found.read(name).seconds) == 6 and not found.read(name).notes
               for name in found.names)  # fmt: skip
    assert not list(output.rglob(".locks/*"))


def test_a_killed_run_keeps_nothing_from_the_next(root, tmp_path, monkeypatch):
    log, output = tmp_path / "log", tmp_path / "out"
    monkeypatch.setenv(toy_trackers.LOG, str(log))
    arguments = (f"--root={root}", f"--output={output}", f"--tracker=T={TOYS}:Slow")
    first = start_apart(*arguments, "--sequences=Seq0")
    while not log.exists():
        time.sleep(0.02)
        assert first.poll() is None, first.communicate()
    first.kill()
    first.communicate()
    assert list(output.rglob("Seq0.lock")) and not list(output.rglob("Seq0.txt"))
    assert call(*arguments) == 0
    assert not list(output.rglob(".locks/*"))


@pytest.mark.parametrize("jobs", [1, 2])
def test_killed_and_repeated(root, tmp_path, jobs):
    common = (f"--root={root}", f"--tracker={TOYS}:KilledOnce,at=4", f"--jobs={jobs}")
    flag = tmp_path / "flag"
    environment = {toy_trackers.KILL_ONCE: str(flag)}
    done = call_apart(*common, f"--output={tmp_path / 'a'}", **environment)
    assert flag.exists()
    if jobs == 1:
        assert done.returncode == -signal.SIGKILL
    else:  # A worker only: its sequence failed, and the others were done.
        assert done.returncode == run.FAILED
        assert "exit code -9" in done.stderr
    done = call_apart(*common, f"--output={tmp_path / 'a'}", **environment)
    assert done.returncode == 0, done.stderr
    assert call_apart(*common, f"--output={tmp_path / 'b'}", **environment).returncode == 0
    assert eval_data.tree(tmp_path / "a") == eval_data.tree(tmp_path / "b")


@pytest.mark.parametrize("name", ["SIGTERM", "SIGINT"])
def test_signals_stop_at_once(root, tmp_path, name):
    environment = {toy_trackers.KILL_ONCE: str(tmp_path / "flag")}
    number = getattr(signal, name)
    before = signal.signal(number, signal.default_int_handler)  # nohup may ignore it
    try:
        arguments = (f"--root={root}", f"--tracker={TOYS}:KilledOnce,by={name}")
        done = call_apart(*arguments, f"--output={tmp_path / 'out'}", **environment)
    finally:
        signal.signal(number, before)
    assert done.returncode == 128 + number
    assert "stopped; the same command goes on" in done.stderr and "Traceback" not in done.stderr
    assert not list((tmp_path / "out").rglob("Seq*"))


def test_supervised_runs_of_vot(vot, tmp_path, capsys):
    arguments = (f"--root={vot}", f"--output={tmp_path}", f"--tracker={TOYS}:Drift,step=50")
    assert call(*arguments, dataset="vot2013") == 0
    folder = tmp_path / "VOT2013" / "Drift step=50"
    files = sorted(path.name for path in (folder / "baseline" / "seq0").iterdir())
    # The first three repetitions are equal.
    assert files == [*(f"seq0_{n:03d}.txt" for n in (1, 2, 3)), "seq0_time.txt"]
    lines = (folder / "baseline" / "seq0" / "seq0_001.txt").read_text().splitlines()
    assert lines == ["1", "2", "0", "0", "0", "0", "1", "2"]
    for protocol, name in (("realtime", "realtime"), ("ope", "unsupervised")):
        assert call(*arguments, f"--protocol={protocol}", dataset="vot2013") == 0
        assert [p.name for p in (folder / name / "seq0").glob("*_0*")] == ["seq0_001.txt"]
    found = discovery.find_results([tmp_path])
    assert [each.protocol for each in found] == ["ope", "realtime", "supervised"]
    assert found[2].repetitions("seq1") == 3
    assert found[1].provenance["protocol"]["fps"] == 20
    capsys.readouterr()


def test_got10k(tmp_path, capsys):
    data = datasets.make_got10k(tmp_path / "data", videos=2, split="val")
    arguments = (f"--root={data}", f"--output={tmp_path / 'out'}", "--tracker=static")
    assert call(*arguments, dataset="got10k_val") == 0
    folder = tmp_path / "out" / "GOT-10k" / "static" / "GOT-10k_Val_000001"
    assert sorted(path.name for path in folder.iterdir()) == [
        "GOT-10k_Val_000001_001.txt",  # It says of itself that it is deterministic.
        "GOT-10k_Val_000001_time.txt",
    ]
    capsys.readouterr()


def test_a_submission_that_the_server_would_not_take(tmp_path, monkeypatch, capsys):
    datasets.make_got10k(tmp_path / "data", videos=2, frames=4, split="test")
    for path in (tmp_path / "data").rglob("groundtruth.txt"):
        path.write_text(path.read_text().splitlines()[0])
    monkeypatch.setattr(submission, "NAMES", submission.NAMES[:2])
    arguments = (f"--root={tmp_path / 'data'}", f"--output={tmp_path / 'out'}")
    tracker = "--tracker=python:tests.helpers.toy_trackers:Lost"
    assert call(*arguments, tracker, dataset="got10k_test") == run.FAILED
    printed = capsys.readouterr()
    assert "Lost: 2 of 180 sequences" in printed.out
    error = printed.err.splitlines()[-1]
    assert error.startswith("error: ") and "_000001_001.txt, line 2: 'nan" in error
    assert not (tmp_path / "out" / "GOT-10k" / "Lost.zip").exists()


def spoil(path):
    path.write_bytes(path.read_bytes()[:100])


def test_frames_that_cannot_be_read_are_held(tmp_path, capsys):
    data = datasets.make_otb(tmp_path / "otb", videos=2, frames=6)
    spoil(data / "Seq1" / "img" / "0004.jpg")
    arguments = (f"--root={data}", f"--output={tmp_path / 'out'}", f"--tracker={TOYS}:Drift")
    assert call(*arguments) == run.FAILED
    # It is another way of running them, as --limit is.
    assert call(*arguments, "--on_bad_frame=hold") == run.BAD_ARGUMENTS
    assert 'protocol.on_bad_frame (there "stop", here "hold")' in capsys.readouterr().err
    arguments = (f"--root={data}", f"--output={tmp_path / 'held'}", f"--tracker={TOYS}:Drift")
    for _ in range(2):
        assert call(*arguments, "--on_bad_frame=hold") == 0
        assert "1 unreadable frames held" in capsys.readouterr().out
    (found,) = discovery.find_results([tmp_path / "held"])
    read = found.read("Seq1")
    np.testing.assert_array_equal(read.boxes[3], read.boxes[2])
    assert read.held == (3,) and len(read.boxes) == 6 and np.isnan(read.seconds[3])
    assert found.provenance["protocol"]["on_bad_frame"] == "hold"


def test_a_submission_of_real_time_runs(tmp_path, monkeypatch, capsys):
    datasets.make_got10k(tmp_path / "data", videos=2, frames=8, split="test")
    for path in (tmp_path / "data").rglob("groundtruth.txt"):
        path.write_text(path.read_text().splitlines()[0])
    monkeypatch.setattr(submission, "NAMES", submission.NAMES[:2])
    arguments = (f"--root={tmp_path / 'data'}", f"--output={tmp_path / 'out'}")
    log = tmp_path / "log"
    monkeypatch.setenv(toy_trackers.LOG, str(log))
    tracker = f"--tracker=T={TOYS}:Slow,seconds=0.02"
    protocol = ("--protocol=realtime", "--realtime_fps=200")
    assert call(*arguments, tracker, *protocol, dataset="got10k_test") == 0
    assert (tmp_path / "out" / "GOT-10k" / "T@200fps.zip").exists()
    (found,) = discovery.find_results([tmp_path / "out"])
    assert np.isnan(found.read(found.names[0]).seconds).any()
    # More runs than the server takes are refused before any work.
    count = len(log.read_text())
    assert call(*arguments, tracker, "--repetitions=4", dataset="got10k_test") == run.BAD_ARGUMENTS
    assert "GOT-10k's server takes 3 at most" in capsys.readouterr().err
    assert len(log.read_text()) == count


def test_limit_and_clock(root, tmp_path):
    common = (f"--root={root}", f"--output={tmp_path}", "--tracker=static")
    assert call(*common, "--limit=3", "--protocol=realtime", "--realtime_fps=25") == 0
    (found,) = discovery.find_results([tmp_path])
    assert (found.tracker, found.protocol) == ("static@25fps", "realtime")
    assert len(found.read("Seq0").boxes) == 3
    identity = json.loads(json.dumps(found.provenance["identity"]))["protocol"]
    assert (identity["limit"], identity["fps"], identity["grace"]) == (3, 25, 3)


def test_several_starts(root, tmp_path, capsys):
    common = (f"--root={root}", f"--output={tmp_path}", f"--tracker={TOYS}:Drift")
    assert call(*common) == 0
    assert call(*common, "--starts=2", "--limit=2", "--sequences=Seq1") == 0
    assert call(*common, "--starts=3", "--sequences=Seq1") == 0
    before = eval_data.tree(tmp_path)
    capsys.readouterr()
    assert call(*common, "--starts=3") == 0
    assert "9 of 9 segments (3 finished before)" in capsys.readouterr().out
    after = eval_data.tree(tmp_path)
    assert {name: after[name] for name in before} == before
    found = {each.dataset: each for each in discovery.find_results([tmp_path])}
    assert found[root.name].names == ("Seq0", "Seq1", "Seq2")
    assert found[f"{root.name}-TRE2"].names == ("Seq1+1", "Seq1+4")
    assert len(found[f"{root.name}-TRE2"].read("Seq1+1").boxes) == 2
    split = found[f"{root.name}-TRE3"]
    assert split.names[:3] == ("Seq0+1", "Seq0+3", "Seq0+5")
    assert [len(split.read(name).boxes) for name in split.names[:3]] == [6, 4, 2]
    np.testing.assert_array_equal(split.read("Seq2+3").boxes[0], datasets.target_box(2, 0, 2))
    # From the first frame it is the same run.
    np.testing.assert_array_equal(split.read("Seq2+1").boxes, found[root.name].read("Seq2").boxes)


def test_several_starts_on_got10k(tmp_path, capsys):
    data = datasets.make_got10k(tmp_path / "data", videos=1, split="val")
    arguments = (f"--root={data}", f"--output={tmp_path / 'out'}", "--tracker=static")
    for _ in range(2):
        assert call(*arguments, "--starts=2", dataset="got10k_val") == 0
    assert "2 of 360 segments (2 finished before)" in capsys.readouterr().out
    (found,) = discovery.find_results([tmp_path / "out"])
    assert (found.dataset, found.layout) == ("GOT-10k-TRE2", "got10k")
    assert found.names == ("GOT-10k_Val_000001+1", "GOT-10k_Val_000001+3")
    assert found.repetitions("GOT-10k_Val_000001+3") == 1
    np.testing.assert_array_equal(
        found.read("GOT-10k_Val_000001+3").boxes, [datasets.target_box(0, 0, 2)] * 3
    )


def test_several_starts_where_the_truth_is_withheld(tmp_path, capsys):
    data = datasets.make_got10k(tmp_path / "data", videos=1, split="test")
    truth = next(data.rglob("groundtruth.txt"))
    truth.write_text(truth.read_text().splitlines()[0] + "\n")
    arguments = (f"--root={data}", f"--output={tmp_path / 'out'}", "--tracker=static")
    assert call(*arguments, "--starts=2", dataset="got10k_test") == run.BAD_ARGUMENTS
    error = capsys.readouterr().err
    assert "GOT-10k_Test_000001 has only one start" in error and error.count("\n") == 1
    assert not (tmp_path / "out").exists()


def test_supervised_runs_have_one_start(vot, tmp_path, capsys):
    arguments = (f"--root={vot}", f"--output={tmp_path}", "--tracker=static", "--starts=2")
    for protocol in ([], ["--protocol=realtime"]):
        assert call(*arguments, *protocol, dataset="vot2013") == run.BAD_ARGUMENTS
        error = capsys.readouterr().err
        assert "--starts is for runs without resets" in error and error.count("\n") == 1
    assert not list(tmp_path.iterdir())
    assert call(*arguments, "--protocol=ope", dataset="vot2013") == 0
    folder = tmp_path / "VOT2013-TRE2" / "static" / "unsupervised"
    assert (folder / "seq0+5" / "seq0+5_001.txt").exists()
    capsys.readouterr()


@pytest.mark.parametrize(
    "arguments, message",
    [
        (["--shard=0/2"], "--shard must be I/N"),
        (["--shard=3/2"], "--shard must be I/N"),
        (["--realtime_fps=25"], "--realtime_fps is for --protocol=realtime"),
        (["--protocol=supervised"], "no files for supervised results"),
        (["--repetitions=3"], "one run of a sequence"),
        (["--starts=6"], "6 starts need at least 7"),
        (["--tracker=opencv:tld"], "csrt, kcf, mil"),
        (["--tracker=static", "--tracker=static"], "two trackers are called"),
        (["--sequences=Nowhere"], "Nowhere"),
        (["--dataset=otb1000"], "otb1000"),
        (["--output="], "--output is missing"),
        (["--root="], "--root is missing"),
        (["--tracker=python:no.module:A"], "no.module"),
    ],
)
def test_bad_arguments_are_one_line_and_make_nothing(root, tmp_path, capsys, arguments, message):
    output = tmp_path / "out"
    status = call(f"--root={root}", f"--output={output}", *arguments)
    error = capsys.readouterr().err
    assert status == run.BAD_ARGUMENTS
    assert error.startswith("error: ") and error.count("\n") == 1 and message in error
    assert not output.exists()


def test_protocols_of_data_sets(root, vot):
    folder = eval_datasets.open_dataset("folder", str(root))
    vots = eval_datasets.open_dataset("vot2013", str(vot))
    assert run.choose_protocol(folder) == run.Protocol()
    chosen = run.choose_protocol(vots)
    assert (chosen.name, chosen.resets, chosen.repetitions, chosen.fps) == (
        *("supervised", True, 15),
        None,
    )
    chosen = run.choose_protocol(vots, "realtime")
    assert (chosen.resets, chosen.repetitions, chosen.fps, chosen.grace) == (True, 1, 20, 3)
    assert not run.choose_protocol(vots, "ope").resets
    assert not run.choose_protocol(folder, "realtime", 25).resets


def test_output_in_the_home_folder(root, tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    assert call(f"--root={root}", "--output=~/out", "--tracker=static", "--sequences=Seq0") == 0
    assert os.listdir(tmp_path) == ["out"]
