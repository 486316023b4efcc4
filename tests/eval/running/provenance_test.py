"""What is recorded beside results."""

import dataclasses
import json
import shutil
import subprocess

import numpy as np
import pytest

from gradnet_tf.datasets.sequences import Sequence
from gradnet_tf.eval.running import provenance
from gradnet_tf.eval.running.protocols import Protocol

BOXES = np.arange(12.0).reshape(3, 4) + 1


def sequence(**fields):
    frames = ("/a/1.jpg", "/a/2.jpg", "/a/3.jpg")
    return dataclasses.replace(Sequence("s", frames, BOXES), **fields)


def test_identity_is_json_and_tells_every_difference():
    def identity(weights="w", a=1, code="c", **protocol):
        tracker = {"weights": weights, "configuration": {"a": a}}
        protocol = dataclasses.asdict(Protocol(**protocol))
        record = {"gradnet_tf": "1", "tracker": tracker, "protocol": protocol}
        return provenance.make_identity(record, code)

    first = identity()
    assert json.loads(json.dumps(first)) == first == identity()
    for change in (dict(weights="v"), dict(a=2), dict(code="d"), dict(limit=5), dict(fps=25)):
        assert identity(**change) != first
    assert identity(on_bad_frame="hold") != first


def test_hash_of_data_is_of_what_the_tracker_gets():
    once, supervised = Protocol(), Protocol("supervised", resets=True)
    later, first = BOXES.copy(), BOXES.copy()
    later[2] += 1
    first[0] += 1
    moved = sequence(frames=("/b/1.jpg", "/b/2.jpg", "/b/3.jpg"))
    for protocol in (once, supervised):
        here = provenance.hash_data(sequence(), protocol)
        assert provenance.hash_data(moved, protocol) == here
        assert provenance.hash_data(sequence(boxes=first), protocol) != here
        other = sequence(frames=("/a/1.jpg", "/a/2.jpg", "/a/4.jpg"))
        assert provenance.hash_data(other, protocol) != here
    # The truth of later frames matters only where the tracker starts again by it.
    assert provenance.hash_data(sequence(boxes=later), once) == provenance.hash_data(
        sequence(), once
    )
    assert provenance.hash_data(sequence(boxes=later), supervised) != provenance.hash_data(
        sequence(), supervised
    )


def test_environment():
    found = provenance.describe_environment(jobs=3, batch=4)
    assert json.loads(json.dumps(found)) == found
    assert "git_commit" in found  # So every finished sequence has it.
    assert found["stack"]["numpy"] == np.__version__ and found["stack"]["tensorflow"]
    assert found["hardware"]["cores"] >= 1
    assert (found["hardware"]["jobs"], found["hardware"]["batch"]) == (3, 4)


def test_commit_of_a_checkout(tmp_path):
    assert provenance.find_commit(tmp_path) is None
    if shutil.which("git") is None:
        pytest.skip("needs git")

    def git(*arguments):
        identity = ("-c", "user.name=a", "-c", "user.email=a@example.org")
        command = ["git", "-C", str(tmp_path), *identity, *arguments]
        return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()

    git("init", "-q")
    (tmp_path / "a").write_text("1")
    git("add", "a")
    git("commit", "-q", "-m", "a")
    git("tag", "-a", "v1", "-m", "v1")
    commit = git("rev-parse", "HEAD")
    assert provenance.find_commit(tmp_path) == commit
    (tmp_path / "a").write_text("2")
    assert provenance.find_commit(tmp_path) == f"{commit}-dirty"
