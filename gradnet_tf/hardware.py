"""What a measurement ran on."""

from __future__ import annotations

import platform


def processor_name() -> str:
    """Model of the processor as the system calls it."""
    try:
        with open("/proc/cpuinfo", encoding="utf-8") as file:
            names = (line.partition(":")[2].strip() for line in file if "model name" in line)
            name = next(names, "")
    except OSError:
        name = ""
    return name or platform.processor() or platform.machine()
