"""Fields of a configuration that say what they are for and which values they take."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any, NamedTuple


class Range(NamedTuple):
    """What a number may be, and how that is said."""

    test: Callable[[Any], bool]
    words: str

    def check(self, config: Any, name: str) -> None:
        """Raises ValueError if a field of a configuration has another value."""
        value = getattr(config, name)
        if not self.test(value):
            raise ValueError(f"{name} must be {self.words}, got {value!r}")


COUNT = Range(lambda v: v >= 1, "at least 1")
NOT_NEGATIVE = Range(lambda v: v >= 0, "at least 0")
SHARE = Range(lambda v: 0 <= v <= 1, "in 0..1")
BELOW_1 = Range(lambda v: 0 <= v < 1, "in [0, 1)")


def constant(default: Any, text: str, valid: Any = None) -> Any:
    """A field: its default, the help of its flag, and its choices or its range."""
    return dataclasses.field(default=default, metadata={"help": text, "valid": valid})


def names_of(config: Any) -> set[str]:
    """Names the fields of a configuration, or of its class."""
    return {field.name for field in dataclasses.fields(config)}


def check(config: Any) -> None:
    """Raises ValueError if a value is none of the choices of its field, or out of its range."""
    for field in dataclasses.fields(config):
        valid = field.metadata.get("valid")
        if valid and not isinstance(valid, Range):
            valid = Range(valid.__contains__, f"one of {', '.join(valid)}")
        if valid:
            valid.check(config, field.name)
