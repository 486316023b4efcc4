"""Tests of gradnet_tf.eval.commands.verify."""

import json

import pytest

from gradnet_tf.eval.commands import verify
from tests.helpers import eval_report as helper

LENGTHS = (11, 9)


@pytest.fixture
def data(tmp_path):
    return helper.write_otb(tmp_path / "data", LENGTHS)


def write(tmp_path, data, shifts, tracker="one"):
    boxes = {s: helper.shifted(n, k) for s, n, k in zip("AB", LENGTHS, shifts)}
    return helper.write_results(tmp_path / "results", data.name, tracker, boxes)


def call(tmp_path, data, *more):
    return helper.call(
        verify, "--dataset=folder", f"--root={data}", f"--results={tmp_path / 'results'}", *more
    )


@pytest.fixture
def saved(tmp_path, data):
    write(tmp_path, data, (0, 4))
    path = tmp_path / "old.json"
    assert call(tmp_path, data, f"--save={path}") == 0
    return path


def test_saved_numbers_by_hand(saved):
    content = json.loads(saved.read_text())
    assert content["convention"] == "otb"
    rows = content["trackers"]["one"]
    assert rows["A"]["auc"] == pytest.approx(20 / 21)
    assert rows["B"]["auc"] == pytest.approx((8 * 14 + 20) / (9 * 21))
    assert rows["B"]["frames"] == 9


def test_saving_twice_gives_the_same_bytes(tmp_path, data, saved):
    assert call(tmp_path, data, f"--save={tmp_path / 'b.json'}") == 0
    assert (tmp_path / "b.json").read_bytes() == saved.read_bytes()


def test_unchanged(tmp_path, data, saved, capsys):
    assert call(tmp_path, data, f"--against={saved}") == 0
    assert "one: 0 of 2 sequences changed" in capsys.readouterr().out


def test_changed_sequences_are_named(tmp_path, data, saved, capsys):
    write(tmp_path, data, (0, 10))
    assert call(tmp_path, data, f"--against={saved}") == 1
    printed = capsys.readouterr().out
    assert "one: 1 of 2 sequences changed" in printed
    # (8 * 14 + 20) / 189 to (8 * 7 + 20) / 189.
    assert "  B: auc 0.6984 -> 0.4021 (-0.2963)" in printed
    assert "  A:" not in printed


def test_tolerance(tmp_path, data, saved, capsys):
    write(tmp_path, data, (0, 3.9))
    assert call(tmp_path, data, f"--against={saved}", "--tolerance=0.05") == 0
    assert "other boxes within the tolerance: B" in capsys.readouterr().out
    assert call(tmp_path, data, f"--against={saved}", "--tolerance=0.0001") == 1
    assert "mean_iou" in capsys.readouterr().out


def test_missing_and_new_sequences(tmp_path, data, saved, capsys):
    folder = tmp_path / "results" / data.name / "one"
    (folder / "A.txt").unlink()
    assert call(tmp_path, data, f"--against={saved}") == 1
    assert "  A: no results now" in capsys.readouterr().out
    content = json.loads(saved.read_text())
    del content["trackers"]["one"]["A"]
    saved.write_text(json.dumps(content))
    write(tmp_path, data, (0, 4))
    assert call(tmp_path, data, f"--against={saved}") == 0
    assert "  new: A" in capsys.readouterr().out


def test_damaged_numbers(tmp_path, data, saved, capsys):
    whole = json.loads(saved.read_text())
    one = whole["trackers"]["one"]
    for change in (
        {"trackers": None},
        {"trackers": {"one": 3}},
        {"trackers": {"one": {"A": []}}},
        {"trackers": {"one": {**one, "A": {**one["A"], "auc": "0.5"}}}},
        {"convention": None},
    ):
        saved.write_text(json.dumps({**whole, **change}))
        assert call(tmp_path, data, f"--against={saved}") == 2
        assert capsys.readouterr().err == f"error: {saved} is not as verify --save wrote it\n"


def test_several_starts(tmp_path, data, capsys):
    lengths = {"A+01": 11, "A+06": 6, "B+1": 9, "B+5": 5}
    root, title = tmp_path / "results", f"{data.name}-TRE2"
    boxes = {name: helper.shifted(frames, 0) for name, frames in lengths.items()}
    helper.write_results(root, title, "one", boxes)
    path = tmp_path / "old.json"
    assert call(tmp_path, data, "--starts=2", f"--save={path}") == 0
    assert set(json.loads(path.read_text())["trackers"]["one"]) == set(lengths)
    helper.write_results(root, title, "one", {"A+06": helper.shifted(6, 20)})
    (root / title / "one" / "B+5.txt").unlink()
    # Sequences are named whole.
    for names, expected in (("A", "1 of 2"), ("B", "1 of 2"), ("A,B", "2 of 4")):
        arguments = ("--starts=2", f"--against={path}", f"--sequences={names}")
        assert call(tmp_path, data, *arguments) == 1
        printed = capsys.readouterr().out
        assert f"one: {expected} sequences changed" in printed
        assert ("A+06: auc 0.9524 -> 0.1587" in printed) == ("A" in names)
        assert ("B+5: no results now" in printed) == ("B" in names)
    # Numbers of one and of several starts are not compared.
    write(tmp_path, data, (0, 0))
    assert call(tmp_path, data, f"--against={path}") == 2
    assert f"'{title}', not '{data.name}'" in capsys.readouterr().err


def test_a_tracker_that_is_gone_has_changed(tmp_path, data, saved, capsys):
    write(tmp_path, data, (0, 4), "two")
    both = tmp_path / "both.json"
    assert call(tmp_path, data, f"--save={both}") == 0
    (tmp_path / "results" / data.name / "one").rename(tmp_path / "gone")
    assert call(tmp_path, data, f"--against={both}") == 1
    printed = capsys.readouterr().out
    assert "one: 2 of 2 sequences changed" in printed
    assert "two: 0 of 2 sequences changed" in printed
    assert call(tmp_path, data, f"--against={both}", "--trackers=two") == 0


def test_sequences_in_another_spelling(tmp_path, data, capsys):
    for old, new in (("A", "Basketball"), ("B", "Biker")):
        (data / old).rename(data / new)
    old = tmp_path / "old.json"
    for shift, argument in ((0, f"--save={old}"), (10, f"--against={old}")):
        boxes = {s: helper.shifted(n, shift) for s, n in zip(("Basketball", "Biker"), LENGTHS)}
        helper.write_results(tmp_path / "results", "OTB2015", "one", boxes)
        status = call(tmp_path, data, "--dataset=otb100", "--sequences=basketball", argument)
        assert status == (1 if shift else 0)
    assert "one: 1 of 1 sequences changed\n  Basketball: " in capsys.readouterr().out


def test_one_tracker_does_not_hide_sequences_of_another(tmp_path, data, saved):
    write(tmp_path, data, (0, 4), "two")
    (tmp_path / "results" / data.name / "two" / "A.txt").unlink()
    path = tmp_path / "both.json"
    assert call(tmp_path, data, f"--save={path}") == 0
    found = json.loads(path.read_text())["trackers"]
    assert {name: set(rows) for name, rows in found.items()} == {"one": {"A", "B"}, "two": {"B"}}


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        ((), "either --save=FILE or --against=FILE"),
        (("--save=a.json", "--against=b.json"), "either --save=FILE or --against=FILE"),
        (("--against={saved}", "--convention=lasot"), "convention 'otb', not 'lasot'"),
        (("--against={other}",), "was not written by verify --save"),
        (("--against={folder}/nothing.json",), "nothing.json"),
        (("--save={folder}/no/such.json",), "there is no directory"),
    ],
)
def test_bad_flags(tmp_path, data, saved, capsys, flags, message):
    other = tmp_path / "other.json"
    other.write_text("{}")
    names = {"saved": saved, "other": other, "folder": tmp_path}
    before = saved.read_bytes()
    assert call(tmp_path, data, *(flag.format(**names) for flag in flags)) == 2
    error = capsys.readouterr().err
    assert error.startswith("error: ") and message in error and error.count("\n") == 1
    assert saved.read_bytes() == before


def test_numbers_that_appear_or_vanish_are_changes():
    before = {"t": {"s": {"auc": None, "precision": 0.5, "frames": 3}}}
    now = {"t": {"s": {"auc": 0.1, "precision": None, "frames": 3}}}
    changes = verify.compare(before, now, 1.0)
    assert changes == {"t": {"s": ["auc none -> 0.1", "precision 0.5 -> none"]}}
    assert verify.compare(before, before, 0.0) == {"t": {}}


def test_frames_have_to_be_equal():
    before, now = ({"t": {"s": {"frames": frames}}} for frames in (100, 101))
    assert verify.compare(before, now, 5.0) == {"t": {"s": ["frames 100 -> 101 (+1.0000)"]}}


def test_exactly_the_tolerance_is_no_change():
    before, now = ({"t": {"s": {"auc": value}}} for value in (0.5, 0.6))
    assert verify.compare(before, now, 0.1) == {"t": {}}
    assert verify.compare(before, now, 0.0999)["t"]


def test_paths_in_the_home_folder(tmp_path, data, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    write(tmp_path, data, (0, 4))
    for flag in ("--save=~/old.json", "--against=~/old.json"):
        flags = ("--dataset=folder", "--root=~/data", "--results=~/results")
        assert helper.call(verify, *flags, flag) == 0
    assert (tmp_path / "old.json").is_file()


def test_what_is_left_out_is_said(tmp_path, data, capsys):
    write(tmp_path, data, (0, 4))
    write(tmp_path, data, (0, 4), tracker="broken")
    path = tmp_path / "results" / data.name / "one" / "B.txt"
    path.write_text("1,1,5,5\n" * 3)
    for times in (tmp_path / "results").rglob("*_time.txt"):
        times.unlink()
    for name in "AB":
        (tmp_path / "results" / data.name / "broken" / f"{name}.txt").write_text("1,1,5,5\n,\n")
    saved = tmp_path / "old.json"
    assert call(tmp_path, data, f"--save={saved}") == 0
    content = json.loads(saved.read_text())
    assert list(content["trackers"]) == ["one"] and list(content["trackers"]["one"]) == ["A"]
    assert content["sequences_of_benchmark"] == 2
    printed = capsys.readouterr().out
    assert f"one: 1 of 2 sequences of {data.name}\n" in printed
    detail = f"B is left out, without results of one ({path}: 3 boxes for 9 frames)"
    assert f"note: one: {detail}." in printed
    assert "note: broken is left out: " in printed and "B.txt, line 2: ','" in printed
    # Comparing says so, too.
    assert call(tmp_path, data, f"--against={saved}") == 0
    assert f"note: one: {detail}." in capsys.readouterr().out
    assert call(tmp_path, data, f"--save={saved}", "--trackers=broken") == 2
    assert "B.txt, line 2" in capsys.readouterr().err
