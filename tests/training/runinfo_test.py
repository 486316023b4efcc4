"""A working directory keeps to its flags."""

import json
import os

import pytest

from gradnet_tf.training import checkpoints, runinfo
from gradnet_tf.training.runinfo import WorkdirError

FLAGS = {"stage": "gradnet", "batch": 8, "rate": 1e-4, "data": ("a", "b"), "init": None, "log": 50}


def test_a_new_workdir_gets_the_flags_and_an_old_one_is_accepted(tmp_path):
    assert runinfo.claim(tmp_path, FLAGS) is True
    before = (tmp_path / "config.json").read_bytes()
    assert runinfo.claim(tmp_path, FLAGS) is False
    assert (tmp_path / "config.json").read_bytes() == before
    assert runinfo.read(tmp_path) == {**FLAGS, "data": ["a", "b"]}
    assert os.listdir(tmp_path) == ["config.json"]


def test_differing_flags_are_named_with_both_values(tmp_path):
    runinfo.claim(tmp_path, FLAGS)
    before = (tmp_path / "config.json").read_bytes()
    new = {**FLAGS, "batch": 4, "init": "größer.npz", "more": True}
    del new["stage"]
    with pytest.raises(WorkdirError) as caught:
        runinfo.claim(tmp_path, new)
    listed = 'batch: 8/4, init: null/"größer.npz", more: (not set)/true, stage: "gradnet"/(not set)'
    assert str(tmp_path) in str(caught.value) and f"(there/here): {listed};" in str(caught.value)
    assert (tmp_path / "config.json").read_bytes() == before


def test_a_float_that_differs_in_its_last_bit_differs(tmp_path):
    runinfo.claim(tmp_path, {"rate": 0.1 + 0.2})
    runinfo.claim(tmp_path, {"rate": 0.1 + 0.2})
    with pytest.raises(WorkdirError, match="rate: 0.30000000000000004/0.3;"):
        runinfo.claim(tmp_path, {"rate": 0.3})


def test_values_that_may_follow_on_each_other_are_recorded(tmp_path, caplog):
    alike = {"kind": ("a", "b"), "other": ("x",)}
    runinfo.claim(tmp_path, {**FLAGS, "kind": "a"})
    with caplog.at_level("INFO", logger="absl"):
        assert runinfo.claim(tmp_path, {**FLAGS, "kind": "b"}, alike=alike) is False
    assert 'goes on with kind="b" after "a"' in caplog.text
    assert runinfo.read(tmp_path)["kind"] == "b"
    with pytest.raises(WorkdirError, match=r'kind: "b"/"c"; give'):
        runinfo.claim(tmp_path, {**FLAGS, "kind": "c"}, alike=alike)
    with pytest.raises(WorkdirError, match=r'kind: "b"/"a"; give'):
        runinfo.claim(tmp_path, {**FLAGS, "kind": "a"})


def test_a_flag_that_another_one_vouches_for_may_differ(tmp_path):
    vouched = {"data": "hash"}
    runinfo.claim(tmp_path, {**FLAGS, "hash": "1"})
    assert runinfo.claim(tmp_path, {**FLAGS, "data": ["c"], "hash": "1"}, vouched=vouched) is False
    assert runinfo.read(tmp_path)["data"] == ["c"]
    with pytest.raises(WorkdirError, match=r'data: \["c"\]/\["d"\], hash: "1"/"2"; give'):
        runinfo.claim(tmp_path, {**FLAGS, "data": ["d"], "hash": "2"}, vouched=vouched)


def test_what_earlier_versions_did_not_record_is_added(tmp_path):
    runinfo.claim(tmp_path, FLAGS)
    new, unrecorded = {**FLAGS, "more": 1}, {"more": 1}
    with pytest.raises(WorkdirError, match="more: 1/2; give"):
        runinfo.claim(tmp_path, {**FLAGS, "more": 2}, unrecorded=unrecorded)
    assert runinfo.claim(tmp_path, new, unrecorded=unrecorded) is False
    with pytest.raises(WorkdirError, match="more: 1/2; give"):
        runinfo.claim(tmp_path, {**FLAGS, "more": 2}, unrecorded={"more": 2})


@pytest.mark.parametrize(
    "content",
    [b"", b"{", b"[]", b"7", b'{"format": "x"}', b"\xff", b'{"architectures": ["Bert"]}'],
)
def test_a_config_of_something_else_is_refused_and_stays(content, tmp_path):
    (tmp_path / "config.json").write_bytes(content)
    with pytest.raises(WorkdirError, match="config.json: is not the configuration of a training"):
        runinfo.claim(tmp_path, FLAGS)
    assert (tmp_path / "config.json").read_bytes() == content


def test_a_config_of_a_later_version_is_refused(tmp_path):
    runinfo.claim(tmp_path, FLAGS)
    path = tmp_path / "config.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), "version": 99}))
    with pytest.raises(WorkdirError, match="99.*expected"):
        runinfo.claim(tmp_path, FLAGS)


def test_checkpoints_of_unknown_flags_are_not_continued(tmp_path):
    checkpoints.CheckpointStore(tmp_path).save({}, {"step": 1})
    with pytest.raises(WorkdirError, match="holds checkpoints but no config.json"):
        runinfo.claim(tmp_path, FLAGS)
    assert os.listdir(tmp_path) == ["checkpoints"]


def test_an_empty_folder_for_checkpoints_is_no_run(tmp_path):
    checkpoints.CheckpointStore(tmp_path)
    assert runinfo.claim(tmp_path, FLAGS) is True


def test_another_version_of_tensorflow_is_a_warning(tmp_path, caplog):
    runinfo.claim(tmp_path, FLAGS)
    path = tmp_path / "config.json"
    content = json.loads(path.read_text())
    content["versions"]["tensorflow"] = "1.4.0"
    path.write_text(json.dumps(content))
    assert runinfo.claim(tmp_path, {**FLAGS, "log": 1}, alike={"log": (1, 50)}) is False
    assert "was started with tensorflow 1.4.0" in caplog.text
    assert json.loads(path.read_text())["versions"]["tensorflow"] == "1.4.0"


@pytest.mark.parametrize("value", [float("nan"), {1, 2}, object()])
def test_flags_that_are_no_json_are_refused_before_anything_is_written(value, tmp_path):
    with pytest.raises(ValueError, match="flags are no JSON"):
        runinfo.claim(tmp_path, {"flag": value})
    assert os.listdir(tmp_path) == []
