"""Tests of the command `report`: what it writes, loads and says."""

import csv
import hashlib
import json
import re

import pytest
from PIL import Image

from gradnet_tf.datasets import open_dataset
from gradnet_tf.eval.commands import report, run
from gradnet_tf.eval.report import clips, page, writing
from gradnet_tf.eval.results import discovery
from gradnet_tf.eval.running import start_frames
from gradnet_tf.eval.scoring import evaluate, loading
from gradnet_tf.eval.trackers import sources
from tests.helpers import eval_report as helper

LENGTHS = (8, 9)


@pytest.fixture
def data(tmp_path):
    return helper.write_otb(tmp_path / "data", LENGTHS)


@pytest.fixture
def found(tmp_path, data):
    return helper.write_two_trackers(tmp_path / "results", data.name, LENGTHS)


def call(data, found, output, *more):
    return helper.call(
        report,
        "--dataset=folder",
        f"--root={data}",
        f"--results={found}",
        f"--output={output}",
        "--samples=100",
        *more,
    )


def contents(folder):
    return {
        p.relative_to(folder).as_posix(): p.read_bytes() for p in folder.rglob("*") if p.is_file()
    }


def test_published_results_are_scored_from_annotations_alone(tmp_path, data, found, capsys):
    assert call(data, found, tmp_path / "with", "--formats=") == 0
    for image in data.glob("*/img/*"):
        image.unlink()
    output = tmp_path / "without"
    assert call(data, found, output, "--formats=") == 0
    printed = capsys.readouterr().out
    assert "note: There are no images: annotations alone are scored" in printed
    tables = [tmp_path / name / "tables/overview.csv" for name in ("with", "without")]
    assert tables[0].read_text() == tables[1].read_text()
    files = set(contents(output))
    assert "index.html" in files and not [name for name in files if name.startswith("sheets")]


def test_report_has_every_part(tmp_path, data, found, capsys):
    output = tmp_path / "report"
    assert call(data, found, output, "--formats=svg") == 0
    files = set(contents(output))
    assert {"index.html", "summary.json", "report.json", "plots/success.svg"} <= files
    assert {"sheets/one_worst.png", "sheets/two_best.png", "sheets/differences.png"} <= files
    assert {f"tables/overview.{suffix}" for suffix in ("csv", "md", "tex")} <= files
    with open(output / "tables" / "comparison.csv", encoding="utf-8") as file:
        assert next(csv.reader(file)) == ["Sequence", "one", "two", "Difference"]
    printed = capsys.readouterr().out
    assert "| one |" in printed
    assert f"report: {output / 'index.html'}" in printed
    assert sorted(p.name for p in tmp_path.iterdir()) == ["data", "report", "results"]
    summary = json.loads((output / "summary.json").read_text())
    assert summary["rules"]["Counting"].startswith("OTB")
    assert "Tiger1" not in summary["rules"]["Frames"]
    assert summary["coverage"] == "2 of 2 sequences" and summary["sequences_of_benchmark"] == 2
    assert summary["trackers"][0]["totals"]["auc"] == pytest.approx(20 / 21)
    page = (output / "index.html").read_text()
    assert "Tiger1" not in page and "error &lt;= 20 px" in page


def test_the_chosen_pair_is_compared_everywhere(tmp_path, data, found):
    assert call(data, found, tmp_path / "r", "--formats=", "--compare=two,one") == 0
    with open(tmp_path / "r" / "tables" / "comparison.csv", encoding="utf-8") as file:
        assert next(csv.reader(file)) == ["Sequence", "two", "one", "Difference"]
    assert '"pair":[1,0]' in (tmp_path / "r" / "index.html").read_text()


def test_the_same_input_gives_the_same_bytes(tmp_path, data, found):
    for name in ("a", "b"):
        assert call(data, found, tmp_path / name, "--formats=") == 0
    assert contents(tmp_path / "a") == contents(tmp_path / "b")


def test_images_in_the_page_keep_to_their_size(tmp_path, data, found):
    found_sizes = []
    for size in (10, 0.1, 0.05):
        assert call(data, found, tmp_path / "r", "--formats=", f"--page_mb={size}") == 0
        text = (tmp_path / "r" / "index.html").read_text()
        images = re.findall(r'(?:base64,|")([A-Za-z0-9+/]{300,}=*)"', text)
        found_sizes.append(sum(map(len, images)))
        assert found_sizes[-1] <= size * 1e6
    assert found_sizes[0] > 1e5 > found_sizes[1] > found_sizes[2] > 0


def test_older_report_is_replaced_file_by_file(tmp_path, data, found):
    output = tmp_path / "report"
    assert call(data, found, output, "--formats=") == 0
    whole = set(contents(output))
    (output / "mine.txt").write_text("keep")
    (output / "sheets" / "two_worst.png").write_bytes(b"edited")
    assert call(data, found, output, "--formats=", "--trackers=one") == 0
    after = contents(output)
    assert after["mine.txt"] == b"keep"
    # What the older report wrote is gone, unless somebody changed it.
    assert after["sheets/two_worst.png"] == b"edited"
    assert "sheets/two_best.png" not in after
    assert "sheets/differences.png" in whole - set(after)
    listed = json.loads(after["report.json"])["files"]
    for name, digest in listed.items():
        assert hashlib.sha256(after[name]).hexdigest() == digest


def test_other_folders_are_left_alone(tmp_path, data, found, capsys):
    output = tmp_path / "precious"
    output.mkdir()
    (output / "report.json").write_text('{"format": "mine"}')
    assert call(data, found, output, "--formats=") == 2
    assert "precious holds other files" in capsys.readouterr().err
    assert set(contents(output)) == {"report.json"}


def test_nothing_is_left_after_a_failure(tmp_path, data, found, monkeypatch, capsys):
    output = tmp_path / "report"
    assert call(data, found, output, "--formats=") == 0
    before = contents(output)

    def fail(*arguments):
        raise OSError("disk is full")

    monkeypatch.setattr(writing.page, "render", fail)
    assert call(data, found, output, "--formats=", "--tiles=0") == 2
    assert capsys.readouterr().err.endswith("error: disk is full\n")
    assert contents(output) == before
    assert call(data, found, tmp_path / "new", "--formats=") == 2
    assert not (tmp_path / "new").exists()
    assert sorted(p.name for p in tmp_path.iterdir()) == ["data", "report", "results"]


def test_a_report_that_was_stopped_midway_can_be_written_again(tmp_path, data, found, monkeypatch):
    output, write, left = tmp_path / "report", writing.disk.write_bytes, [5]

    def stop(*arguments):
        left[0] -= 1
        if left[0] < 0:
            raise KeyboardInterrupt
        write(*arguments)

    monkeypatch.setattr(writing.disk, "write_bytes", stop)
    assert call(data, found, output, "--formats=") == 130
    assert len(contents(output)) == 5
    monkeypatch.undo()
    for name in (output, tmp_path / "other"):
        assert call(data, found, name, "--formats=") == 0
    assert contents(output) == contents(tmp_path / "other")


@pytest.mark.parametrize(
    ("flag", "message"),
    [
        ("--formats=gif", "'gif' is none of png, svg, pdf"),
        ("--compare=one", "--compare needs two trackers"),
        ("--compare=one,two,one", "--compare needs two trackers, got 'one,two,one'"),
        ("--compare=one,three", "no tracker 'three' among one, two"),
        ("--trackers=three", "no results of three; there are one, two"),
        ("--sequences=Z", "Z"),
        ("--output=", "--output is missing"),
        ("--root=/nowhere", "/nowhere"),
    ],
)
def test_bad_flags(tmp_path, data, found, capsys, flag, message):
    assert call(data, found, tmp_path / "report", "--formats=", flag) == 2
    error = capsys.readouterr().err.splitlines()[-1]
    assert error.startswith("error: ") and message in error
    assert not (tmp_path / "report").exists()


def test_names_of_sheets_are_safe_and_unique():
    stems = writing._file_stems(["a/b", "a:b", "../..", "A_B"])
    assert stems == ["a_b", "a_b_2", "tracker", "A_B_3"]


@pytest.fixture
def edited(tmp_path, data, monkeypatch):
    """Results of which those of B are of another code; `flags` of the run that made these."""

    def make(*flags):
        common = (f"--root={data}", f"--output={tmp_path / 'own'}", "--tracker=static")
        for name, code in (("A", "1"), ("B", "2")):
            read = lambda spec, code=code: sources.Code(code * 64, {})  # noqa: E731
            monkeypatch.setattr(sources, "read_code", read)
            more = flags if name == "B" else ("--sequences=A",)
            assert helper.call(run, "--dataset=folder", *common, *more) == 0
        return tmp_path / "own"

    return make


def test_results_of_different_code_are_never_joined_in_silence(tmp_path, data, edited, capsys):
    output = tmp_path / "report"
    assert call(data, edited("--keep_other_code"), output, "--formats=") == 0
    printed = capsys.readouterr().out
    note = (
        "static joins results of different code: A by the code 111111111111; B by the code "
        "222222222222."
    )
    assert f"note: {note}" in printed
    assert "| static (mixed code) |" in printed
    summary = json.loads((output / "summary.json").read_text())
    assert summary["trackers"][0]["name"] == "static (mixed code)" and summary["notes"] == [note]
    assert note in (output / "index.html").read_text()
    for path in (output / "tables").glob("overview.*"):
        assert "static (mixed code)" in path.read_text()
    # A part of them is of one code.
    loaded = loading.load(
        open_dataset("folder", str(data), ["A"]), discovery.find_results([tmp_path / "own"])
    )
    assert loaded.trackers[0].name == "static" and not loaded.notes


def test_a_mixed_tracker_is_compared_by_its_name(tmp_path, data, found, edited):
    results_flag = f"--results={edited('--keep_other_code')}"
    arguments = (data, found, tmp_path / "report", "--formats=", results_flag)
    assert call(*arguments, "--compare=static,one") == 0
    with open(tmp_path / "report" / "tables" / "comparison.csv", encoding="utf-8") as file:
        assert next(csv.reader(file))[1:3] == ["static (mixed code)", "one"]
    assert call(*arguments, "--compare=static,nobody") == 2


def test_results_of_other_code_that_are_to_be_done_again_are_left_out(tmp_path, data, edited):
    found = discovery.find_results([edited("--shard=2/2")])
    loaded = loading.load(open_dataset("folder", str(data)), found)
    assert [s.name for s in loaded.dataset.sequences] == ["B"]
    assert loaded.notes == (
        "A is left out, without results of static (it was tracked by other code).",
    )


def test_several_starts(tmp_path, data):
    root = tmp_path / "results"
    # Frames 1 and 5 of 8, 1 and 5 of 9.
    lengths = {"A+1": 8, "A+5": 4, "B+1": 9, "B+5": 5}
    for name, shifts in (("one", (0, 4, 0, 0)), ("two", (4, 4, 4, 20))):
        boxes = {s: helper.shifted(n, k) for (s, n), k in zip(lengths.items(), shifts)}
        helper.write_results(root, f"{data.name}-TRE2", name, boxes)
    output = tmp_path / "report"
    # Results of whole sequences beside them are passed over.
    helper.write_results(root, data.name, "one", {"A": helper.shifted(8, 20)})
    assert call(data, root, output, "--formats=", "--starts=2") == 0
    with open(output / "tables" / "sequences_auc.csv", encoding="utf-8") as file:
        rows = {row[0]: [float(number) for number in row[1:]] for row in csv.reader(file)
                if row[0] != "Sequence"}  # fmt: skip
    whole, part = 20 / 21, (3 * 14 + 20) / (4 * 21)
    assert list(rows) == list(lengths)
    assert rows["A+5"] == [4, pytest.approx(part, abs=1e-6), pytest.approx(part, abs=1e-6)]
    assert rows["B+5"] == [5, pytest.approx(whole, abs=1e-6), pytest.approx(4 / 21, abs=1e-6)]
    summary = json.loads((output / "summary.json").read_text())
    assert summary["sequences"] == list(lengths)
    assert summary["trackers"][0]["totals"]["auc"] == pytest.approx((3 * whole + part) / 4)
    assert call(data, root, tmp_path / "other", "--formats=", "--starts=3") == 2
    assert not (tmp_path / "other").exists()


def test_the_player_shows_the_frames_of_a_segment(data):
    split = start_frames.segments(open_dataset("folder", str(data)), 2)
    tracker = helper.make_tracker("x", split, (0, 4, 0, 4))
    evaluation = evaluate.evaluate(split, [tracker], "otb", samples=100)
    clip = clips.make_clips(evaluation, 10_000_000, 100)[3]
    frame = Image.open(data / "B" / "img" / "0005.png")
    assert clip.images[0] == clips.encode_jpeg(frame.convert("RGB"))
    assert len(clip.places) == 5
    (found,) = page.payload(evaluation, [clip])["player"]
    # Frames 1 to 5 of the segment are numbers 5 to 9 of the sequence.
    assert (found["offset"], found["total"], found["frames"]) == (4, 5, [1, 2, 3, 4, 5])
    assert len(found["ground_truth"]) == len(found["boxes"][0]) == 5


def test_output_in_the_home_folder(tmp_path, data, found, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    assert call("~/data", "~/results", "~/report", "--formats=") == 0
    assert (tmp_path / "report" / "index.html").is_file()
    assert not (tmp_path / "~").exists()
