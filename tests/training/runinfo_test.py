"""A working directory keeps to its flags."""

import json
import os

import pytest

from gradnet_tf.training import checkpoints, runinfo
from gradnet_tf.training.runinfo import WorkdirError

FLAGS = {"stage": "gradnet", "batch": 8, "rate": 1e-4, "data": ("a", "b"), "init": None, "log": 50}


def test_a_new_workdir_gets_the_flags_and_an_old_one_is_accepted(tmp_path):
    runinfo.claim(tmp_path, FLAGS)
    before = (tmp_path / "config.json").read_bytes()
    runinfo.claim(tmp_path, FLAGS)
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


def test_precisions_with_float32_variables_may_follow_on_each_other(tmp_path, caplog):
    runinfo.claim(tmp_path, {**FLAGS, "precision": "float32"})
    with caplog.at_level("INFO", logger="absl"):
        runinfo.claim(tmp_path, {**FLAGS, "precision": "bfloat16"})
    assert 'goes on with precision="bfloat16" after "float32"' in caplog.text
    assert runinfo.read(tmp_path)["precision"] == "bfloat16"
    with pytest.raises(WorkdirError, match=r'precision: "bfloat16"/"float64"; give'):
        runinfo.claim(tmp_path, {**FLAGS, "precision": "float64"})


def test_data_may_lie_elsewhere_while_their_digest_is_the_same(tmp_path):
    runinfo.claim(tmp_path, {**FLAGS, "data_digest": "1"})
    runinfo.claim(tmp_path, {**FLAGS, "data": ["c"], "data_digest": "1"})
    assert runinfo.read(tmp_path)["data"] == ["c"]
    with pytest.raises(WorkdirError, match=r'data: \["c"\]/\["d"\], data_digest: "1"/"2"; give'):
        runinfo.claim(tmp_path, {**FLAGS, "data": ["d"], "data_digest": "2"})


def test_what_earlier_versions_did_not_record_is_added(tmp_path):
    runinfo.claim(tmp_path, FLAGS)
    with pytest.raises(WorkdirError, match="updates: 1/2; give"):
        runinfo.claim(tmp_path, {**FLAGS, "updates": 2})
    runinfo.claim(tmp_path, {**FLAGS, "updates": 1, "statistics_digest": "3"})
    assert runinfo.read(tmp_path)["updates"] == 1
    with pytest.raises(WorkdirError, match='statistics_digest: "3"/"4"; give'):
        runinfo.claim(tmp_path, {**FLAGS, "updates": 1, "statistics_digest": "4"})


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
    runinfo.claim(tmp_path, FLAGS)


def test_another_version_of_tensorflow_is_a_warning(tmp_path, caplog):
    runinfo.claim(tmp_path, {**FLAGS, "precision": "float32"})
    path = tmp_path / "config.json"
    content = json.loads(path.read_text())
    content["versions"]["tensorflow"] = "1.4.0"
    path.write_text(json.dumps(content))
    runinfo.claim(tmp_path, {**FLAGS, "precision": "bfloat16"})
    assert "was started with tensorflow 1.4.0" in caplog.text
    assert json.loads(path.read_text())["versions"]["tensorflow"] == "1.4.0"
