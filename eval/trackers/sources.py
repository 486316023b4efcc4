"""Finds the source files that a tracker's boxes depend on, and hashes them.

These are the modules that a tracker imports, directly or not, and those of this package that read
the images and run a tracker over a sequence. Nothing is imported to find them: the imports are read
in the sources. What pip installed is left out, for it has a version instead.

A module's hash is that of its syntax tree without docstrings: an edited comment does not make
another tracker, nor does the layout. It is the same for all versions of Python.
"""

from __future__ import annotations

import ast
import dataclasses
import functools
import hashlib
import importlib.machinery
import importlib.util
import pkgutil
import sys
import sysconfig
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path
from typing import Any, Optional

from gradnet_tf.eval.trackers import registry
from gradnet_tf.eval.trackers.registry import TrackerSpec

_OURS = "gradnet_tf"
_IMAGES = f"{_OURS}.media.images"
_TRACKER = f"{_OURS}.tracking.tracker"
# They give the frames to a tracker, and start it again; what else they import makes no boxes.
_LOOP = (
    f"{_OURS}.boxes.checks",
    f"{_OURS}.eval.metrics.regions",
    f"{_OURS}.eval.metrics.supervised",
    f"{_OURS}.eval.running.protocols",
    f"{_OURS}.eval.running.realtime",
)
_SIDE_BY_SIDE = (f"{_OURS}.eval.running.side_by_side", f"{_OURS}.eval.running.video_batch")
_BASELINES = f"{_OURS}.eval.trackers.baselines"
# Imported by the tracker for other uses of it: videos, drawings, files.
_WITHOUT_BOXES = {
    _OURS,
    f"{_OURS}.files.disk",
    f"{_OURS}.files.folder",
    f"{_OURS}.media.drawing",
    f"{_OURS}.media.frames",
    f"{_OURS}.media.video",
    f"{_OURS}.tracking.plotting",
    f"{_OURS}.tracking.run",
    f"{_OURS}.tracking.thumbnails",
}
_DIGITS = 16  # Of the hash of a single module.


@dataclasses.dataclass(frozen=True)
class Code:
    """The sources of a tracker: one sha256 of all of them, and a hash of each module."""

    digest: str
    modules: Mapping[str, str]


def read_code(spec: TrackerSpec) -> Code:
    """Finds the sources that the boxes of a tracker depend on, as they are on disk.

    Raises an ImportError if a Python class is not there, an OSError if a source cannot be read.
    """
    importlib.invalidate_caches()
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
    modules = {name: hash_source(found[name].read_bytes())[:_DIGITS] for name in sorted(found)}
    text = "".join(f"{name} {digest}\n" for name, digest in modules.items())
    return Code(hashlib.sha256(text.encode()).hexdigest(), modules)


@functools.cache  # Trackers share most of their sources.
def hash_source(content: bytes) -> str:
    """Hashes what a Python source does; what is no Python source is hashed as it is."""
    try:
        content = repr(_plain(ast.parse(content))).encode()
    except (SyntaxError, ValueError, RecursionError):
        pass
    return hashlib.sha256(content).hexdigest()


def _plain(node: Any) -> Any:
    """Makes lists of a syntax tree, without docstrings and without the fields that are empty.

    Newer versions of Python know more fields, but leave them empty in an older program.
    """
    if isinstance(node, list):
        return [_plain(one) for one in node if not _is_docstring(one)]
    if not isinstance(node, ast.AST):
        return ascii(node)
    fields = [(name, value) for name, value in ast.iter_fields(node) if value not in (None, [])]
    return [type(node).__name__, *((name, _plain(value)) for name, value in fields)]


def _is_docstring(node: Any) -> bool:
    value = node.value if isinstance(node, ast.Expr) else None
    return isinstance(value, ast.Constant) and isinstance(value.value, str)


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
        elif isinstance(node, ast.If) and _name(node.test) == "TYPE_CHECKING":
            waiting.extend(node.orelse)
        else:
            waiting.extend(ast.iter_child_nodes(node))
            if isinstance(node, ast.Call) and _name(node.func) in ("import_module", "__import__"):
                first = node.args[0] if node.args else None
                if isinstance(first, ast.Constant) and isinstance(first.value, str):
                    yield _absolute(first.value, package)


def _absolute(name: str, package: str) -> str:
    """Returns the full name of a module that is named from within a package."""
    try:
        return importlib.util.resolve_name(name, package)
    except ImportError:  # It leads out of all packages.
        return ""


def _name(expression: ast.expr) -> Optional[str]:
    """Returns the last part of a dotted name."""
    return getattr(expression, "id", getattr(expression, "attr", None))


def _locate(name: str) -> tuple[Optional[Path], list[str]]:
    """Finds a module's file, and where the modules in it lie; neither where there is none."""
    loaded = sys.modules.get(name)
    if loaded is not None:
        file, places = getattr(loaded, "__file__", None), getattr(loaded, "__path__", None)
    else:
        spec = _find_spec(name)
        file = spec.origin if spec and spec.has_location else None
        places = spec.submodule_search_locations if spec else None
    path = Path(file) if file else None
    return (path if path and path.is_file() else None), list(places or ())


def _find_spec(name: str) -> Optional[importlib.machinery.ModuleSpec]:
    """Finds a module without importing its parents, as `importlib.util.find_spec` would."""
    parent = name.rpartition(".")[0]
    if parent:
        finders = map(pkgutil.get_importer, _locate(parent)[1])
        return next(filter(None, (finder.find_spec(name) for finder in finders if finder)), None)
    try:
        return importlib.util.find_spec(name)
    except (ImportError, ValueError):
        return None


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
