"""Plans of a run: what is to be done, what is finished, and what stops it before any work."""

import dataclasses
import importlib
import sys

import numpy as np
import pytest

from gradnet_tf.datasets.sequences import Dataset, Problem
from gradnet_tf.eval.results import discovery
from gradnet_tf.eval.results.marks import read_provenance
from gradnet_tf.eval.running import planning, start_frames, tasks
from gradnet_tf.eval.running.protocols import Protocol
from gradnet_tf.eval.trackers import registry
from tests.helpers import eval_data

TOYS = "python:tests.helpers.toy_trackers"
OPE = Protocol()


@pytest.fixture(scope="module")
def sequences(tmp_path_factory):
    root = tmp_path_factory.mktemp("frames")
    return tuple(eval_data.make_sequence(root, name, 6, video) for video, name in enumerate("abc"))


def make_dataset(sequences, **fields):
    settings = {"convention": "otb", "layout": "otb", "protocol": "ope"}
    return Dataset("folder", "Small", "/data", sequences=sequences, **{**settings, **fields})


def plan(dataset, output, *texts, protocol=OPE, **options):
    specs = registry.parse_trackers(texts or ("static",))
    return planning.make_plan(dataset, specs, protocol, output, **options)


def test_tasks_of_every_tracker_and_sequence(sequences, tmp_path):
    found = plan(make_dataset(sequences), tmp_path, "static", f"T={TOYS}:Drift")
    assert [(task.name, task.sequence.name) for task in found.tasks] == [
        (tracker, name) for tracker in ("static", "T") for name in "abc"
    ]
    assert not found.finished
    # What made the results is written before the first of them.
    for name in ("static", "T"):
        root = tmp_path / "Small" / name
        assert read_provenance(root)["tracker"]["name"] == name
        assert [path.name for path in root.iterdir()] == ["provenance.json"]


def test_what_is_finished_is_not_planned_again(sequences, tmp_path):
    dataset = make_dataset(sequences)
    done = [tasks.execute(task) for task in plan(dataset, tmp_path).tasks[:2]]
    found = plan(dataset, tmp_path)
    assert [task.sequence.name for task in found.tasks] == ["c"]
    assert [task.sequence.name for task, _ in found.finished] == ["a", "b"]
    for (_, outcome), before in zip(found.finished, done):
        assert outcome.finished_before and not before.finished_before
        assert outcome.score == pytest.approx(before.score, abs=1e-12)
        assert outcome.frames == before.frames == 5
        assert outcome.seconds == pytest.approx(before.seconds, abs=1e-7)
    assert len(plan(dataset, tmp_path, force=True).tasks) == 3


def test_what_is_damaged_or_of_other_frames_is_planned_again(sequences, tmp_path):
    dataset = make_dataset(sequences)
    for task in plan(dataset, tmp_path).tasks:
        tasks.execute(task)
    (tmp_path / "Small" / "static" / "b.txt").write_text("1,2,3,4\n")
    moved = dataclasses.replace(sequences[2], boxes=sequences[2].boxes + [1, 0, 0, 0])
    found = plan(make_dataset((*sequences[:2], moved)), tmp_path)
    assert [task.sequence.name for task in found.tasks] == ["b", "c"]


@pytest.fixture
def edit(tmp_path, monkeypatch):
    """Somebody's tracker, and how it is edited: gives the text that names it."""
    folder = tmp_path / "code"
    folder.mkdir()
    monkeypatch.syspath_prepend(folder)

    def edit(step):
        # As another process sees it: there is another module each time.
        for name in ("edited_tracker", "edited_step"):
            sys.modules.pop(name, None)
        (folder / "edited_step.py").write_text(f"STEP = {step!r}\n")
        (folder / "edited_tracker.py").write_text(
            "from edited_step import STEP\n"
            "from tests.helpers.toy_trackers import Drift\n"
            "class Edited(Drift):\n"
            "    def __init__(self):\n"
            "        super().__init__(STEP)\n"
        )
        importlib.invalidate_caches()
        return "python:edited_tracker:Edited"

    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    yield edit
    for name in ("edited_tracker", "edited_step"):
        sys.modules.pop(name, None)


def second_boxes(root):
    return {path.stem: np.loadtxt(path, delimiter=",")[1, 0] for path in sorted(root.glob("?.txt"))}


def test_results_of_edited_code_are_done_again(sequences, tmp_path, edit, caplog):
    dataset, output = make_dataset(sequences), tmp_path / "out"
    for task in plan(dataset, output, edit(1.0)).tasks[:2]:
        tasks.execute(task)
    root = output / "Small" / "Edited"
    first = second_boxes(root)
    assert not plan(dataset, output, edit(1.0)).tasks[1:]  # The same text is the same code.
    caplog.clear()
    found = plan(dataset, output, edit(5.0))
    assert [task.sequence.name for task in found.tasks] == ["a", "b", "c"] and not found.finished
    assert caplog.text.count("WARNING") == 1
    assert (
        "Edited: 2 of the finished sequences were tracked by other code (edited_step): they are"
        in caplog.text
    )
    for task in found.tasks:
        tasks.execute(task)
    assert {name: x - first[name] for name, x in second_boxes(root).items() if name in first} == (
        pytest.approx({"a": 4.0, "b": 4.0})
    )
    assert len(plan(dataset, output, edit(5.0)).finished) == 3


def test_results_of_other_code_are_kept_where_that_is_asked_for(sequences, tmp_path, edit, caplog):
    dataset, output = make_dataset(sequences), tmp_path / "out"
    for task in plan(dataset, output, edit(1.0)).tasks[:2]:
        tasks.execute(task)
    text = edit(5.0)
    found = plan(dataset, output, text, keep_other_code=True)
    assert [task.sequence.name for task in found.tasks] == ["c"]
    assert [outcome.other_code for _, outcome in found.finished] == [True, True]
    assert (
        "2 of the finished sequences were tracked by other code (edited_step) and are kept"
        in caplog.text
    )
    tasks.execute(found.tasks[0])
    (made,) = discovery.find_results([output])
    assert made.names == ("a", "b", "c") and made.is_mixed(made.names)
    # The next run without the flag does them again; until then they are no results.
    found = plan(dataset, output, text)
    assert [task.sequence.name for task in found.tasks] == ["a", "b"]
    (made,) = discovery.find_results([output])
    assert made.names == ("c",) and made.stale == ("a", "b")


def test_a_part_is_forced_beside_results_of_other_code(sequences, tmp_path, edit):
    dataset, output = make_dataset(sequences), tmp_path / "out"
    for task in plan(dataset, output, edit(1.0)).tasks:
        tasks.execute(task)
    text, part = edit(5.0), make_dataset(sequences[:1])
    with pytest.raises(ValueError, match="b for one: other code"):
        plan(part, output, text, force=True)
    for task in plan(part, output, text, force=True, keep_other_code=True).tasks:
        tasks.execute(task)
    (made,) = discovery.find_results([output])
    assert made.names == ("a", "b", "c") and made.is_mixed("abc") and not made.is_mixed("bc")


def test_a_part_of_the_sequences_is_not_mixed_with_the_rest_of_other_code(
    sequences, tmp_path, edit
):
    output = tmp_path / "out"
    for task in plan(make_dataset(sequences[:2]), output, edit(1.0)).tasks:
        tasks.execute(task)
    text, before = edit(5.0), eval_data.tree(output, times=True)
    with pytest.raises(ValueError, match=r"a for one: other code \(edited_step\)"):
        plan(make_dataset(sequences[2:]), output, text)
    assert eval_data.tree(output, times=True) == before
    # A sequence that cannot be read now is not in the way.
    broken = make_dataset(sequences[1:], problems=(Problem("a", "a.txt is empty"),))
    assert [task.sequence.name for task in plan(broken, output, text).tasks] == ["b", "c"]


def test_parts_of_a_run_by_shards_are_done_again_each(sequences, tmp_path, edit):
    dataset, output = make_dataset(sequences), tmp_path / "out"
    for task in plan(dataset, output, edit(1.0)).tasks:
        tasks.execute(task)
    text = edit(5.0)
    for task in plan(dataset, output, text, shard=(1, 2)).tasks:
        tasks.execute(task)
    (made,) = discovery.find_results([output])
    assert made.names == ("a", "c") and made.stale == ("b",)
    assert [task.sequence.name for task in plan(dataset, output, text, shard=(2, 2)).tasks] == ["b"]


def test_shards_divide_the_sequences(sequences, tmp_path):
    parts = [
        [task.sequence.name for task in plan(make_dataset(sequences), tmp_path, shard=(i, 2)).tasks]
        for i in (1, 2)
    ]
    assert parts == [["a", "c"], ["b"]]


def test_a_limit_cuts_the_sequences(sequences, tmp_path):
    found = plan(make_dataset(sequences), tmp_path, protocol=Protocol(limit=4))
    assert [len(task.sequence.frames) for task in found.tasks] == [4, 4, 4]
    assert found.tasks[0].sequence.boxes.shape == (4, 4)


def test_a_conflict_leaves_no_trace(sequences, tmp_path):
    dataset = make_dataset(sequences)
    for task in plan(dataset, tmp_path, f"T={TOYS}:Drift").tasks:
        tasks.execute(task)
    before = eval_data.tree(tmp_path, times=True)
    # The first tracker would be fine; it must not be begun.
    with pytest.raises(ValueError, match="configuration"):
        plan(dataset, tmp_path, "static", f"T={TOYS}:Drift,step=2")
    assert eval_data.tree(tmp_path, times=True) == before


def test_an_unknown_tracker_leaves_no_trace(sequences, tmp_path):
    with pytest.raises(ImportError, match="no.module"):
        plan(make_dataset(sequences), tmp_path, "static", "python:no.module:A")
    assert not list(tmp_path.iterdir())


def test_what_is_left_out_is_recorded(sequences, tmp_path):
    dataset = make_dataset(sequences[:1], problems=(Problem("b", "b.txt is empty"),))
    plan(dataset, tmp_path)
    failed = tmp_path / "Small" / "static" / ".failed"
    assert (failed / "b.txt").read_text() == "b.txt is empty\n"


def test_a_record_of_a_whole_sequence_goes_when_it_is_split(sequences, tmp_path):
    problem = Problem("b", "b.txt is empty")
    broken = start_frames.segments(make_dataset(sequences[:1], problems=(problem,)), 2)
    for task in plan(broken, tmp_path).tasks:
        tasks.execute(task)
    failed = tmp_path / "Small-TRE2" / "static" / ".failed"
    assert [path.name for path in failed.iterdir()] == ["b.txt"]
    found = plan(start_frames.segments(make_dataset(sequences[:2]), 2), tmp_path)
    assert [task.sequence.name for task in found.tasks] == ["b+1", "b+4"]
    for task in found.tasks:
        tasks.execute(task)
    assert not failed.exists()


def test_segments_go_where_nothing_else_is(sequences, tmp_path):
    roots = []
    for starts in (1, 2, 3):
        found = plan(start_frames.segments(make_dataset(sequences), starts), tmp_path)
        assert len(found.tasks) == 3 * starts
        for task in found.tasks:
            assert tasks.execute(task).error is None
        roots += {task.store.root for task in found.tasks}
    assert len(set(roots)) == 3
    # The first box of a segment is its own.
    last = np.loadtxt(roots[2] / "a+5.txt", delimiter=",", ndmin=2)
    np.testing.assert_allclose(last[0] - [1, 1, 0, 0], sequences[0].boxes[4])
    assert len(last) == 2


def test_names_and_folders_tell_the_clock(sequences, tmp_path):
    (spec,) = registry.parse_trackers(["static"])
    late = Protocol(name="realtime", fps=25)
    assert planning.result_name(spec, OPE, "otb") == "static"
    assert planning.result_name(spec, late, "otb") == "static@25fps"
    # VOT has a folder of its own for it.
    assert planning.result_name(spec, late, "vot") == "static"
    found = plan(make_dataset(sequences, layout="vot"), tmp_path, protocol=late)
    assert found.tasks[0].store.root == tmp_path / "Small" / "static" / "realtime"
