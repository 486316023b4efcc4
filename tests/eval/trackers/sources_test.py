"""The sources that make a tracker's boxes, and their hash."""

import ast
import itertools
import shutil
import sys
from pathlib import Path

import pytest

import gradnet_tf
from gradnet_tf.eval.results import identity
from gradnet_tf.eval.trackers import registry, sources

ROOT = Path(gradnet_tf.__file__).parent
_numbers = itertools.count()

SOURCE = b'''"""Follows."""
import numpy as np  # arrays


class Tracker:
    """A tracker."""

    def init(self, image, box):
        self.box = f"{box!r:>{10}} {{}} \\
#"
        x = """

        # no comment"""
        return x
'''


def code(text):
    return sources.read_code(registry.parse_tracker(text))


@pytest.mark.parametrize(
    "old, new, same",
    [
        (b"# arrays", b"# more of arrays", True),
        (b"  # arrays", b"", True),
        (b'"""A tracker."""', b'"""What follows\n\n    a target."""', True),
        (b'    """A tracker."""\n', b"", True),
        (b'"""Follows."""\n', b"", True),
        (b"\n", b"\r\n", True),
        (b"(self, image, box)", b"(\n        self, image,\n        box)", True),
        (b"return x", b"return  x  ", True),
        (b"return x\n", b"return x", True),
        (b"return x", b"return -x", False),
        (b"# no comment", b"# a comment", False),
        (b"\n\n        # no", b"\n        # no", False),
        (b"!r:>{10}", b"!s:>{10}", False),
        (b"{{}}", b"{ {} }", False),
        (b"        return x\n", b"    return x\n", False),
        (b"self.box = ", b"", False),
    ],
)
def test_what_a_source_does_is_hashed(old, new, same):
    assert old in SOURCE
    changed = SOURCE.replace(old, new)
    ast.parse(changed)
    assert (sources.hash_source(changed) == sources.hash_source(SOURCE)) is same


def test_marks_of_the_encoding_and_the_width_of_indents_do_not_matter():
    expected = sources.hash_source(SOURCE)
    assert sources.hash_source(b"\xef\xbb\xbf" + SOURCE) == expected
    latin = b"# -*- coding: latin-1 -*-\nx = '\xe4'\n"
    assert sources.hash_source(latin) == sources.hash_source("x = 'ä'\n".encode())
    lines = SOURCE.split(b"\n")
    narrow = [line if b"no comment" in line else line.replace(b"    ", b"\t") for line in lines]
    assert sources.hash_source(b"\n".join(narrow)) == expected


def test_the_hash_is_the_same_for_every_version_of_python():
    expected = "e219ec04"
    assert sources.hash_source(SOURCE)[:8] == expected


def test_what_is_no_source_has_a_hash_as_well():
    assert sources.hash_source(b"'''never ends") != sources.hash_source(b"'''never end")
    assert sources.hash_source(b"\xff\xfe\x00") != sources.hash_source(b"\xff\xfe\x01")


def test_modules_of_our_own_trackers():
    gradnet = set(code("gradnet").modules)
    ours = {f"network.{name}" for name in ("gradnet", "crops", "update_branch")} | {"media.images"}
    ours |= {f"tracking.{name}" for name in ("batched_step", "config", "rules", "step")}
    ours |= {f"eval.running.{name}" for name in ("protocols", "side_by_side", "video_batch")}
    ours.add("eval.metrics.supervised")
    assert {f"gradnet_tf.{name}" for name in ours} <= gradnet
    # What draws, trains, reads videos, or measures does not matter, nor does the version.
    names = {name[len("gradnet_tf.") :] for name in gradnet}
    assert not names & {"", "media.drawing", "media.frames", "media.video", "train"}
    others = ("training", "data", "eval.report", "eval.results")
    assert not any(name.startswith(others) for name in names)
    static, opencv = code("static"), code("opencv:mil")
    assert static == opencv and "gradnet_tf.eval.trackers.baselines" in static.modules
    assert "gradnet_tf.network.gradnet" not in static.modules


@pytest.fixture
def copy(tmp_path, monkeypatch):
    """Our package as it is installed, without the links to the top level."""
    folder = tmp_path / "site" / "gradnet_tf"
    shutil.copytree(ROOT, folder, ignore=shutil.ignore_patterns("__pycache__", "checkpoints"))
    for name, module in list(sys.modules.items()):
        if name.partition(".")[0] == "gradnet_tf" and getattr(module, "__file__", None):
            path = folder.joinpath(*name.split(".")[1:])
            is_package = hasattr(module, "__path__")
            file = path / "__init__.py" if is_package else path.with_suffix(".py")
            monkeypatch.setattr(module, "__file__", str(file))
            if is_package:
                monkeypatch.setattr(module, "__path__", [str(path)])
    return folder


def test_an_installed_package_has_the_hash_of_its_checkout(copy, monkeypatch):
    installed = code("gradnet")
    place, _ = sources._locate("gradnet_tf.eval.running.protocols")
    assert place == copy / "eval/running/protocols.py"
    monkeypatch.undo()
    assert code("gradnet") == installed


def test_an_edited_file_makes_other_trackers(copy):
    before = {kind: code(kind) for kind in ("gradnet", "static")}
    for file, kinds in {
        "tracking/step.py": {"gradnet"},
        "eval/running/video_batch.py": {"gradnet"},
        "media/images.py": {"gradnet", "static"},
        "eval/running/protocols.py": {"gradnet", "static"},
        "eval/trackers/baselines.py": {"static"},
        "media/drawing.py": set(),
        "__init__.py": set(),
        "training/loop.py": set(),
        "eval/results/tracker_results.py": set(),
    }.items():
        path = copy / file
        content = path.read_text()
        path.write_text(content + "\nEDITED = 1\n")
        name = "gradnet_tf." + file[:-3].replace("/", ".")
        for kind, old in before.items():
            changed = [name] if kind in kinds else []
            assert identity.find_changes(old.modules, code(kind).modules) == changed
            assert (code(kind).digest != old.digest) == bool(changed)
        path.write_text(content + "\n# A comment.\n")
    assert {kind: code(kind) for kind in before} == before


@pytest.fixture
def project(tmp_path, monkeypatch):
    """Somebody's tracker: a module, a package, and what they import in every way."""
    number = next(_numbers)  # Python keeps what it imported once.
    names = {name: f"{name}_{number}" for name in ("mine", "beside", "package", "later", "types")}
    files = {
        f"{names['mine']}.py": f"""
            import numpy
            import {names["package"]}.inner.deep as deep
            from typing import TYPE_CHECKING
            if TYPE_CHECKING:
                import {names["types"]}
            from {names["beside"]} import *
            class Tracker:
                def init(self, image, box):
                    import importlib
                    importlib.import_module("{names["later"]}")
        """,
        f"{names['beside']}.py": "x = 1\n",
        f"{names['later']}.py": "x = 1\n",
        f"{names['types']}.py": "x = 1\n",
        f"{names['package']}/__init__.py": "",
        f"{names['package']}/other.py": "x = 1\n",
        f"{names['package']}/unused.py": "x = 1\n",
        f"{names['package']}/inner/__init__.py": "",
        f"{names['package']}/inner/deep.py": "from .. import other\nfrom . import near\n",
        f"{names['package']}/inner/near.py": "x = 1\n",
    }
    for file, text in files.items():
        path = tmp_path / file
        path.parent.mkdir(parents=True, exist_ok=True)
        lines = text.strip("\n").splitlines()
        indent = len(lines[0]) - len(lines[0].lstrip()) if lines else 0
        path.write_text("".join(line[indent:] + "\n" for line in lines))
    monkeypatch.syspath_prepend(tmp_path)
    yield tmp_path, names
    for name in [name for name in sys.modules if name.partition(".")[0] in names.values()]:
        del sys.modules[name]


@pytest.mark.parametrize(
    "file, matters",
    [
        ("{mine}.py", True),
        ("{beside}.py", True),
        ("{later}.py", True),
        ("{package}/__init__.py", True),
        ("{package}/other.py", True),
        ("{package}/inner/deep.py", True),
        ("{package}/inner/near.py", True),
        ("{package}/unused.py", False),
        ("{types}.py", False),
    ],
)
def test_a_python_tracker_is_what_it_imports(project, file, matters):
    root, names = project
    text = f"python:{names['mine']}:Tracker"
    before = code(text)
    assert not any(name.startswith(("numpy", "importlib", "typing")) for name in before.modules)
    path = root / file.format(**names)
    path.write_text(path.read_text() + "\ny = 2\n")
    assert (code(text).digest != before.digest) is matters
    assert ("gradnet_tf.network.gradnet" in before.modules) is False


def test_a_python_tracker_around_ours_is_ours_as_well(tmp_path, monkeypatch):
    name = f"around_{next(_numbers)}"
    (tmp_path / f"{name}.py").write_text("import gradnet_tf\nclass A:\n    pass\n")
    monkeypatch.syspath_prepend(tmp_path)
    found = code(f"python:{name}:A").modules
    assert {name, "gradnet_tf.network.gradnet", "gradnet_tf.tracking.step"} <= set(found)
    del sys.modules[name]


def test_what_pip_installed_is_left_out_unless_it_is_the_tracker(tmp_path, monkeypatch):
    number = next(_numbers)
    library, tracker = f"library_{number}", f"installed_{number}"
    target = tmp_path / "target"
    (target / f"{library}-1.dist-info").mkdir(parents=True)
    (target / f"{library}.py").write_text("x = 1\n")
    (target / f"{tracker}.py").write_text(f"import {library}\nclass A:\n    pass\n")
    monkeypatch.syspath_prepend(target)
    found = set(code(f"python:{tracker}:A").modules)
    assert tracker in found and library not in found
    for name in (library, tracker):
        del sys.modules[name]
