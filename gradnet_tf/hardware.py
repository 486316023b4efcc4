"""What a measurement ran on."""

from __future__ import annotations

import platform


def processor_name() -> str:
    """Names the model of the processor as the system does."""
    return _cpuinfo("model name") or platform.processor() or platform.machine()


def processor_flags() -> frozenset[str]:
    """Names the processor's instruction sets as Linux does; none elsewhere."""
    return frozenset((_cpuinfo("flags") or _cpuinfo("Features")).split())


def _cpuinfo(field: str) -> str:
    """Reads the first value of a field of /proc/cpuinfo; empty if there is none."""
    try:
        with open("/proc/cpuinfo", encoding="utf-8") as file:
            values = (line.partition(":")[2].strip() for line in file if line.startswith(field))
            return next(values, "")
    except OSError:
        return ""
