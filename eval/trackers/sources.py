"""Which source files a tracker's boxes depend on, and one hash of them.

The boxes follow from the sources that make them as much as from weights and constants. These are
the modules that a tracker imports, directly or not, and those of this package that read the images
and run a tracker over a sequence. Nothing is imported to find them: the imports are read in the
sources. What pip installed is left out, for it has a version instead.

A module's hash is that of its tokens without comments, docstrings and layout: an edited comment
does not make another tracker, nor do other line ends. It is the same for an installed package as
for a checkout, and for all versions of Python.
"""

from __future__ import annotations

import ast
import dataclasses
import functools
import hashlib
import importlib.machinery
import importlib.util
import io
import sys
import sysconfig
import tokenize
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path
from typing import Any, Optional

from gradnet_tf.eval.trackers import registry
from gradnet_tf.eval.trackers.registry import TrackerSpec

_OURS = "gradnet_tf"
_IMAGES = f"{_OURS}.media.images"
_TRACKER = f"{_OURS}.tracking.tracker"
# They give the frames to a tracker, and start it again; what else they import makes no boxes.
_LOOP = tuple(
    f"{_OURS}.{name}"
    for name in (
        *("boxes.checks", "eval.running.protocols", "eval.running.realtime"),
        *("eval.metrics.regions", "eval.metrics.supervised"),
    )
)
_SIDE_BY_SIDE = tuple(f"{_OURS}.eval.running.{name}" for name in ("side_by_side", "video_batch"))
_BASELINES = f"{_OURS}.eval.trackers.baselines"
# Imported by the tracker for other uses of it: videos, drawings, files.
_WITHOUT_BOXES = {
    _OURS,
    *(
        f"{_OURS}.{name}"
        for name in (
            *("files.disk", "files.folder"),
            *("media.drawing", "media.frames", "media.video"),
            *("tracking.plotting", "tracking.run", "tracking.thumbnails"),
        )
    ),
}
_DIGITS = 16  # Of the hash of a single module.
_SKIPPED = (tokenize.COMMENT, tokenize.NL, tokenize.ENCODING, tokenize.ENDMARKER)


@dataclasses.dataclass(frozen=True)
class Code:
    """The sources of a tracker: one sha256 of all of them, and a hash of each module."""

    digest: str
    modules: Mapping[str, str]


def read_code(spec: TrackerSpec) -> Code:
    """Finds the sources that the boxes of a tracker depend on, as they are on disk.

    Raises:
        ImportError: If a Python class is not there.
        OSError: If a source cannot be read.
    """
    found: dict[str, Path] = {}
    exact = set(_LOOP)
    if spec.kind == registry.PYTHON:
        # The class may be defined elsewhere than in the module that names it.
        home = getattr(registry.find_class(spec.target), "__module__", None)
        roots = [name for name in (spec.target.partition(":")[0], home) if name]
        own = {name.partition(".")[0] for name in roots}
        for root in roots:
            _follow(root, found, own)
    elif spec.kind != registry.GRADNET:
        exact.add(_BASELINES)
    if spec.kind == registry.GRADNET or any(map(_is_ours, found)):
        # Not by its imports alone: `gradnet_tf.Tracker` is imported when it is asked for.
        _follow(_TRACKER, found)
        exact.update(_SIDE_BY_SIDE)
    _follow(_IMAGES, found)
    found.update((name, file) for name in exact if (file := _locate(name)[0]))
    found.pop(_OURS, None)  # It tells the version and what is imported when, no more.
    modules = {name: _hash_file(found[name])[:_DIGITS] for name in sorted(found)}
    text = "".join(f"{name} {digest}\n" for name, digest in modules.items())
    return Code(hashlib.sha256(text.encode()).hexdigest(), modules)


@functools.cache  # Trackers share most of their sources.
def hash_source(content: bytes) -> str:
    """Hashes what a Python source does: its tokens, without comments, docstrings and layout.

    What is no Python source is hashed as it is.
    """
    try:
        text = "\n".join(_tokens(content))
    except (SyntaxError, tokenize.TokenError, UnicodeDecodeError):
        return hashlib.sha256(content).hexdigest()
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def _tokens(content: bytes) -> Iterator[str]:
    """Yields the words of a program; those of lines that are nothing but a string are left out.

    From Python 3.12 on an f-string is many tokens: its source is taken as one, as it was before.
    """
    content = content.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
    encoding, _ = tokenize.detect_encoding(io.BytesIO(content).readline)
    lines = content.decode(encoding).splitlines(keepends=True)
    line: list[tuple[int, str]] = []
    start, depth = (0, 0), 0
    for token in tokenize.tokenize(io.BytesIO(content).readline):
        name = tokenize.tok_name[token.type]
        if name.endswith("STRING_START"):
            start, depth = (start if depth else token.start), depth + 1
            continue
        if name.endswith("STRING_END"):
            depth -= 1
            if not depth:
                line.append((tokenize.NAME, _cut(lines, start, token.end)))
            continue
        if depth or token.type in _SKIPPED:
            continue
        if token.type in (tokenize.INDENT, tokenize.DEDENT):
            yield name
        elif token.type != tokenize.NEWLINE:
            line.append((token.type, token.string))
        else:
            if not all(kind == tokenize.STRING for kind, _ in line):
                yield from (*(text for _, text in line), name)
            line = []


def _cut(lines: list[str], start: tuple[int, int], end: tuple[int, int]) -> str:
    """Returns the source between two places (line from 1, column from 0)."""
    if start[0] == end[0]:
        return lines[start[0] - 1][start[1] : end[1]]
    between = lines[start[0] : end[0] - 1]
    return "".join((lines[start[0] - 1][start[1] :], *between, lines[end[0] - 1][: end[1]]))


def _hash_file(path: Path) -> str:
    content = path.read_bytes()
    return hash_source(content) if path.suffix == ".py" else hashlib.sha256(content).hexdigest()


def _follow(name: str, found: dict[str, Path], own: Collection[str] = ()) -> None:
    """Adds a module, the packages that it lies in, and what they import, to `found`.

    Top-level packages in `own` are followed even where pip installed them.
    """
    waiting = [name]
    while waiting:
        name = waiting.pop()
        top, parent = name.partition(".")[0], name.rpartition(".")[0]
        if name in found or not (_is_ours(name) or top in own or not _is_library(top)):
            continue
        file, places = _locate(name)
        if parent and (file or places):
            waiting.append(parent)
        if file is None:
            continue
        found[name] = file
        if file.suffix == ".py":
            imported = _imports(file, name if places else parent)
            leave = _WITHOUT_BOXES if _is_ours(name) else ()
            waiting.extend(other for other in imported if other not in leave)


def _is_ours(name: str) -> bool:
    return name.partition(".")[0] == _OURS


def _imports(file: Path, package: str) -> Iterator[str]:
    """Yields names that may be modules, of all imports in a source; `package` is where it lies."""
    try:
        waiting: list[ast.AST] = [ast.parse(file.read_bytes())]
    except (SyntaxError, ValueError):
        return
    while waiting:
        node = waiting.pop()
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = _absolute("." * node.level + (node.module or ""), package)
            yield base
            yield from (f"{base}.{alias.name}" for alias in node.names if alias.name != "*")
        elif isinstance(node, ast.If) and _is_for_types(node.test):
            waiting.extend(node.orelse)
        else:
            waiting.extend(ast.iter_child_nodes(node))
            if isinstance(node, ast.Call) and _name(node.func) in ("import_module", "__import__"):
                first = node.args[0] if node.args else None
                if isinstance(first, ast.Constant) and isinstance(first.value, str):
                    yield _absolute(first.value, package)


def _absolute(name: str, package: str) -> str:
    """Returns the full name of a module that is named from within a package."""
    level = len(name) - len(name.lstrip("."))
    if not level:
        return name
    above = package.split(".")[: len(package.split(".")) - level + 1]
    return ".".join(filter(None, [*above, name[level:]]))


def _name(expression: ast.expr) -> Optional[str]:
    """Returns the last part of a dotted name."""
    return getattr(expression, "id", getattr(expression, "attr", None))


def _is_for_types(test: ast.expr) -> bool:
    return _name(test) == "TYPE_CHECKING"


def _locate(name: str) -> tuple[Optional[Path], list[str]]:
    """Finds a module's file, and where the modules in it lie; neither where there is none."""
    loaded = sys.modules.get(name)
    if loaded is not None:
        return _place(getattr(loaded, "__file__", None), getattr(loaded, "__path__", ()))
    parent, _, last = name.rpartition(".")
    if not parent:
        try:
            spec = importlib.util.find_spec(name)
        except (ImportError, ValueError):
            spec = None
        if spec is None:
            return None, []
        return _place(spec.origin if spec.has_location else None, spec.submodule_search_locations)
    for folder in _locate(parent)[1]:
        path = Path(folder, last)
        if (path / "__init__.py").is_file():
            return path / "__init__.py", [str(path)]
        for suffix in (".py", *importlib.machinery.EXTENSION_SUFFIXES):
            file = path.with_name(last + suffix)
            if file.is_file():
                return file, []
        if path.is_dir():
            return None, [str(path)]
    return None, []


def _place(file: Optional[str], places: Any) -> tuple[Optional[Path], list[str]]:
    path = Path(file) if file else None
    return (path if path and path.is_file() else None), list(places or ())


@functools.cache
def _is_library(top: str) -> bool:
    """Whether a top-level module is Python's own, or one that pip installed."""
    if top in sys.builtin_module_names:
        return True
    file, places = _locate(top)
    place = Path(places[0]) if places else file
    if place is None:
        return True  # Not there at all.
    folder = place.resolve().parent
    installed = {Path(path).resolve() for path in sysconfig.get_paths().values()}
    # The folder of `pip install --target` is known by what pip writes beside the packages.
    return bool(installed & {folder, *folder.parents}) or any(folder.glob("*.dist-info"))
