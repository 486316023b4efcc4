"""Compares identities: everything but the data that the boxes of a tracker depend on.

Results whose identities differ in the code alone are of the same tracker before and after an edit.
The marks of an older version tell no code, which counts as other code.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from gradnet_tf.datasets.sequences import shorten

# What of an identity changes with the sources. Hashes of the modules are beside it in a mark.
_CODE = ("version", "code")
_NAMED = 5  # Modules in a message.


def is_same(there: Mapping[str, Any], here: Mapping[str, Any]) -> bool:
    """Whether two identities are of the same tracker, code included."""
    return is_same_but_code(there, here) and all(there.get(k) == here.get(k) for k in _CODE)


def is_same_but_code(there: Mapping[str, Any], here: Mapping[str, Any]) -> bool:
    """Whether two identities are of the same tracker, before and after an edit perhaps."""
    return _settings(there) == _settings(here)


def find_changes(there: Mapping[str, str], here: Mapping[str, str]) -> list[str]:
    """Returns the names of the modules that differ between two mappings of them to hashes."""
    return sorted(name for name in {*there, *here} if there.get(name) != here.get(name))


def describe_differences(there: Mapping[str, Any], here: Mapping[str, Any]) -> str:
    """Names what differs, with both values, in words."""
    # What an older version did not know is no difference where it has its default.
    there, here = (_flatten({**identity, **_settings(identity)}) for identity in (there, here))
    names = [*here, *(name for name in there if name not in here)]
    return ", ".join(
        f"{name} (there {_short(there.get(name))}, here {_short(here.get(name))})"
        for name in names
        if there.get(name) != here.get(name)
    )


def describe_code(
    mark: Mapping[str, Any], identity: Mapping[str, Any], modules: Mapping[str, str]
) -> str:
    """Says how the code in the mark of a finished sequence differs from one's own, in words."""
    if not mark["identity"].get("code"):
        return "code that was not recorded then"
    changed = find_changes(mark.get("modules", {}), modules)
    if not changed:
        return f"other code ({describe_differences(mark['identity'], identity)})"
    return f"other code ({shorten(changed, _NAMED)})"


def _settings(identity: Mapping[str, Any]) -> dict[str, Any]:
    """Returns an identity without the code; what older versions did not know has its default."""
    settings = {key: value for key, value in identity.items() if key not in _CODE}
    if "protocol" in settings:
        settings["protocol"] = {"on_bad_frame": "stop", **settings["protocol"]}
    return settings


def _flatten(values: Mapping[str, Any]) -> dict[str, Any]:
    """Returns the values, and those of mappings in them, which "protocol.limit" names."""
    flat: dict[str, Any] = {}
    for name, value in values.items():
        if isinstance(value, Mapping):
            flat.update((f"{name}.{key}", inner) for key, inner in value.items())
        else:
            flat[name] = value
    return flat


def _short(value: Any) -> str:
    if isinstance(value, str) and len(value) == 64:  # A hash.
        return f"{value[:12]}..."
    return json.dumps(value)
