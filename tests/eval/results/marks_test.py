"""Marks of finished sequences."""

import hashlib

from gradnet_tf.eval.results import marks


def test_a_mark_is_read_if_it_is_whole(tmp_path):
    path = tmp_path / marks.DONE / "a.json"
    path.parent.mkdir()
    path.write_bytes(marks.encode_mark({"format": marks.FORMAT, "frames": 3}))
    assert marks.read_mark(tmp_path, "a") == {"format": marks.FORMAT, "frames": 3}
    path.write_text(path.read_text().replace("3", "4", 1))
    assert marks.read_mark(tmp_path, "a") is None
    assert marks.read_mark(tmp_path, "b") is None


def test_files_that_changed(tmp_path):
    (tmp_path / "a.txt").write_bytes(b"1")
    mark = {"files": {"a.txt": hashlib.sha256(b"1").hexdigest()}}
    assert marks.find_changed_file(tmp_path, mark) is None
    (tmp_path / "a.txt").write_bytes(b"2")
    assert marks.find_changed_file(tmp_path, mark).endswith("a.txt is not as it was written")


def test_other_code_belongs_where_it_is_kept():
    mark = {"identity": {"code": "1", "weights": "w"}}
    provenance = {"identity": {"code": "2", "weights": "w"}}
    assert not marks.belongs(mark, provenance)
    assert marks.belongs(mark, {**provenance, marks.KEPT: True})
