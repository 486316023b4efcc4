"""Reads and encodes the JSON files beside the results in a tracker's folder.

* `.done/NAME.json` marks a finished sequence. It holds what made the results (`identity`), the
  sha256 of every file, and times that the benchmarks' formats have no place for;
* `provenance.json` tells what made all of them, see `running.provenance`.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Optional

from gradnet_tf.eval.results.identity import is_same, is_same_but_code
from gradnet_tf.files import disk

DONE = ".done"
FAILED = ".failed"
PROVENANCE = "provenance.json"
KEPT = "kept_other_code"  # In the provenance: whether results of other code belong to it as well.
FORMAT = "gradnet_tf results"
FORMAT_VERSION = 1
_DIGEST = "digest"  # In a mark: the sha256 of the rest of it.


def read_mark(root: disk.PathLike, name: str) -> Optional[dict[str, Any]]:
    """Reads the mark of a finished sequence; None without one that is as it was written."""
    mark = read_json(Path(root, DONE, f"{name}.json"))
    return mark if mark is not None and mark.pop(_DIGEST, None) == digest(mark) else None


def encode_mark(mark: Mapping[str, Any]) -> bytes:
    """Returns the text of a mark, with a hash that tells whether it is whole."""
    return encode({**mark, _DIGEST: digest(mark)})


def find_changed_file(root: disk.PathLike, mark: Mapping[str, Any]) -> Optional[str]:
    """Says which file of a finished sequence is not as it was written; None if all are."""
    for file, written in mark["files"].items():
        path = Path(root, file)
        try:
            if hashlib.sha256(path.read_bytes()).hexdigest() != written:
                return f"{path} is not as it was written"
        except OSError as error:
            return f"{path}: {error.strerror or error}"
    return None


def read_provenance(root: disk.PathLike) -> Optional[dict[str, Any]]:
    """Reads the provenance of a folder of results; None without a readable one."""
    return read_json(Path(root, PROVENANCE))


def belongs(mark: Mapping[str, Any], provenance: Mapping[str, Any]) -> bool:
    """Whether a finished sequence is one of the results that a provenance is of."""
    there, here = mark.get("identity", {}), provenance.get("identity", {})
    return (is_same_but_code if provenance.get(KEPT) else is_same)(there, here)


def encode(content: Mapping[str, Any], indent: Optional[int] = None) -> bytes:
    """Returns JSON values as the text of a file."""
    return (json.dumps(content, indent=indent, allow_nan=False) + "\n").encode()


def digest(content: Any) -> str:
    """Hashes JSON values, whatever the order of their names (sha256 in hex)."""
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()


def read_json(path: Path, kind: str = FORMAT) -> Optional[dict[str, Any]]:
    """Reads a file whose "format" is of that kind; None without a readable one."""
    try:
        content = json.loads(path.read_bytes())
    except (OSError, ValueError, RecursionError):
        return None
    return content if isinstance(content, dict) and content.get("format") == kind else None
