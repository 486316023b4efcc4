"""Runs the commands of README.md and docs/: ``python tools/check_docs.py [DOCUMENT ...]``.

Every fenced block of shell or Python is run in a temporary folder that holds small stand-ins under
the names that the documents use (OTB, RECORDS, SIAMFC ...). Trainings and experiments are cut to a
few steps, see `SHORTER`; what is left out is named with its reason, see `LEFT_OUT`.
"""

from __future__ import annotations

import argparse
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))  # for tests.helpers; a script sees only its own folder
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")  # before TensorFlow is loaded

from PIL import Image  # noqa: E402

from tests.helpers import datasets  # noqa: E402

DOCUMENTS = ("README.md", "CONTRIBUTING.md", "checkpoints/README.md", "docs/*.md")
BLOCK = re.compile(r"^( *)```(\w*)\n(.*?)^ *```", re.DOTALL | re.MULTILINE)
LANGUAGES = {"bash", "python"}  # Of blocks that are run; others are text, output or settings.

# (what a block says, what is run): the same command on a smaller scale.
SHORTER = (
    (r"--steps=\d+", "--steps=2"),
    (r"--steps_per_epoch=\d+", "--steps_per_epoch=1"),
    (r"--validation_batches=\d+", "--validation_batches=1"),
    (r"(gradnet_tf\.train (?:(?!--steps=).)*)$", r"\1 --steps=2 --steps_per_epoch=1"),
    (r"--experiment=table1", "--experiment=table1 --pairs=1 --iterations=20"),
    (r"--experiment=(figure10?) ", r"--experiment=\1 --pairs=2 "),
    (r"--experiment=figure4", "--experiment=figure4 --pairs=4"),
    (r"--experiment=figure2", "--experiment=figure2 --points=2"),
)
# (what a block says, why it is not run here).
LEFT_OUT = (
    (r"make (demo|test)\b", "continuous integration runs it"),
    (r"make app|jupyter lab", "it serves a page until it is stopped"),
    (r"make (lint|docs|bench)", "it is a target of its own"),
    (r"pytest", "continuous integration runs the tests"),
    (r"gradnet_tf\.bench|tools/bench|tools/(run_)?hlo", "it measures for minutes"),
    (r"NAME|\.\.\.", "it shows a pattern, not a command"),
    (r"import got10k|from got10k", "make test-peers runs it"),
    (r"pip install|git clone", "it needs the network"),
)
PRELUDE = """
paths = sorted(__import__("glob").glob("Walking2/img/*.jpg"))
first_image, next_image = paths[:2]
x, y, width, height = 129, 131, 31, 115
boxes = [(129, 131, 31, 115), (100, 80, 40, 60)]
more_boxes = [(50, 60, 50, 50)]
"""


class Block(NamedTuple):
    """A fenced block of a document."""

    place: str  # File and line.
    language: str
    text: str


def blocks(path: Path) -> list[Block]:
    """Returns the blocks of a document that are shell or Python."""
    text, found = path.read_text(encoding="utf-8"), []
    for match in BLOCK.finditer(text):
        indent, language, body = match.groups()
        if language in LANGUAGES:
            line = text.count("\n", 0, match.start()) + 1
            body = re.sub(rf"^{indent}", "", body, flags=re.MULTILINE)
            found.append(Block(f"{path.relative_to(ROOT)}:{line}", language, body))
    return found


def commands(block: Block) -> list[str]:
    """Splits a block of shell at its commands; a loop is one command."""
    text = re.sub(r"\\\n\s*", "", block.text)
    found, loop = [], ""
    for line in text.splitlines():
        if loop or line.startswith("for "):
            loop += line + "\n"
            if line == "done":
                found.append(loop)
                loop = ""
        elif line and not line.startswith("#"):
            found.append(line)
    return found


def shorter(command: str) -> str:
    """Returns the command on a smaller scale."""
    command = re.sub(r"\s+# .*$", "", command)
    for pattern, replacement in SHORTER:
        command = re.sub(pattern, replacement, command)
    return command


def reason_to_leave_out(text: str) -> str:
    """Says why something is not run; the empty text where it is."""
    return next((why for pattern, why in LEFT_OUT if re.search(pattern, text)), "")


def run(command: list[str], folder: Path) -> str:
    """Runs a command; returns what it printed where it failed, and the empty text otherwise."""
    # `python` is the one that runs this.
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    environment = dict(os.environ, PATH=path, PYTHONPATH=str(ROOT))
    done = subprocess.run(
        command,
        cwd=folder,
        env=environment,
        check=False,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    return f"{done.stdout[-2000:]}\nstatus {done.returncode}" if done.returncode else ""


def write_stand_ins(folder: Path) -> None:
    """Makes what the documents name: sequences, training data, records, weights, checkpoints."""
    (folder / "out").mkdir()
    for name, videos in (("TRAIN", 14), ("TRAIN2", 14), ("SEQUENCES", 2)):
        datasets.make_otb(folder / name, videos, frames=4)
    datasets.make_coco(folder / "STILLS", images=14)
    datasets.make_got10k(folder / "GOT-10k", videos=14)
    names = {"OTB": ("Couple", "Walking2"), "DEV": ("Dog", "Girl"), "DEV2": ("Coke", "Subway")}
    for root, sequences in names.items():
        datasets.make_otb(folder / root, len(sequences), frames=6)
        for place, name in enumerate(sequences):
            (folder / root / f"Seq{place}").rename(folder / root / name)
    write_walking2(folder / "OTB/Walking2")
    (folder / "Walking2").symlink_to("OTB/Walking2")
    sources = "--source=Walking2/img --box=129,131,31,115 --boxes=boxes.txt"
    prepare(f"python -m gradnet_tf.track {sources} --video=video.mp4", folder)
    for name in ("SIAMFC", "SIAMFC_3S", "EARLIER", "WITHOUT_GENERALIZATION"):
        (folder / name).symlink_to(ROOT / "checkpoints/gradnet")
    tracks = {"RECORDS": "otb --root=TRAIN", "RECORDS2": "otb --root=TRAIN2"}
    for name, source in {**tracks, "PHOTOGRAPHS": "coco --root=STILLS"}.items():
        command = f"python -m gradnet_tf.data_prep --source={source} --output={name}"
        prepare(command, folder)
    # The authors' checkpoints: here the ones of this project under the authors' names.
    convert = "python -m gradnet_tf.convert --checkpoint=checkpoints/gradnet --to_tf1="
    (folder / "checkpoints").symlink_to(ROOT / "checkpoints")
    prepare(f"{convert}ckpt/base_l5_1t_49/model_epoch49.ckpt", folder)
    prepare(f"{convert}ckpt/base_256/model_epoch45.ckpt", folder)
    (folder / "checkpoints").unlink()  # A command may write it.


def write_walking2(folder: Path) -> None:
    """Gives a sequence the size and the first box of the real one, which documents name."""
    paths = sorted((folder / "img").iterdir())
    for path in paths:
        with Image.open(path) as image:
            image.resize((384, 288)).save(path)
    (folder / "groundtruth_rect.txt").write_text("130,132,31,115\n" * len(paths))


def prepare(command: str, folder: Path) -> None:
    """Runs a command that must not fail."""
    problem = run(["bash", "-c", command], folder)
    if problem:
        sys.exit(f"{command}\n{problem}")


def check(path: Path, folder: Path) -> int:
    """Runs what a document says; prints a line for each command, and returns how many failed."""
    failed, program = 0, PRELUDE
    for block in blocks(path):
        parts = commands(block) if block.language == "bash" else [block.text]
        for part in parts:
            title = f"{block.place}: {part.splitlines()[0][:90]}"
            why = reason_to_leave_out(part)
            if why:
                print(f"left out  {title} ({why})", flush=True)
                continue
            if block.language == "python":
                program += part  # A document's blocks build on each other.
                command = [sys.executable, "-c", program]
            else:
                command = ["bash", "-ec", shorter(part)]
            start = time.perf_counter()
            problem = run(command, folder)
            failed += bool(problem)
            verdict = f"FAILED    {title}\n{problem}" if problem else f"ran       {title}"
            print(f"{verdict} ({time.perf_counter() - start:.0f} s)", flush=True)
    return failed


def main() -> None:
    """Checks the documents that are named, or all."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("documents", nargs="*", help="Documents; all of them by default.")
    named = parser.parse_args().documents
    found = [ROOT / name for name in named] or [p for d in DOCUMENTS for p in sorted(ROOT.glob(d))]
    failed = 0
    with tempfile.TemporaryDirectory() as name:
        stand_ins = Path(name) / "stand_ins"
        stand_ins.mkdir()
        write_stand_ins(stand_ins)
        for path in found:  # Each in a folder of its own: documents do not build on each other.
            folder = Path(name) / str(path.relative_to(ROOT)).replace(os.sep, "_")
            shutil.copytree(stand_ins, folder, symlinks=True)
            failed += check(path, folder)
    if failed:
        sys.exit(f"{failed} commands of the documents failed")


if __name__ == "__main__":
    main()
