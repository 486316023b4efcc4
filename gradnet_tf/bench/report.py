"""The tables that the benchmark prints."""

from __future__ import annotations

import os
import platform
from collections.abc import Mapping, Sequence

from gradnet_tf import hardware
from gradnet_tf.bench.roofline import Floor, Rates, features_work
from gradnet_tf.bench.startup import STEPS, FreshProcess
from gradnet_tf.bench.timing import Summary

_INSTRUCTIONS = (
    *("avx2", "avx512f", "avx512_vnni", "avx_vnni", "avx512_bf16", "amx_bf16", "asimddp"),
)


def environment() -> dict[str, str]:
    """Names the software and hardware of this process."""
    import tensorflow as tf

    details = tf.config.experimental.get_device_details
    names = [
        details(device).get("device_name", device.name)
        for device in tf.config.get_visible_devices("GPU")
    ]
    there = hardware.processor_flags()
    return {
        "TensorFlow": tf.__version__,
        "Python": platform.python_version(),
        "processor": f"{hardware.processor_name()} x {os.cpu_count()}",
        "instructions": ", ".join(name for name in _INSTRUCTIONS if name in there) or "unknown",
        "GPU": ", ".join(names) or "none",
        "load before": f"{os.getloadavg()[0]:.1f}",
    }


def markdown(rows: Sequence[Sequence[str]]) -> str:
    """Makes a Markdown table, head first, whose columns are as wide as their longest entry."""
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]

    def line(row):
        cells = [row[0].ljust(widths[0])]
        cells += [cell.rjust(width) for cell, width in zip(row[1:], widths[1:])]
        return "| " + " | ".join(cells) + " |"

    rule = ["-" * widths[0]] + ["-" * (width - 1) + ":" for width in widths[1:]]
    return "\n".join([line(rows[0]), line(rule), *(line(row) for row in rows[1:])])


def parts_table(parts: Mapping[str, Mapping[str, float]]) -> list[list[str]]:
    """Lists the parts of a frame: milliseconds and per cent by precision."""
    rows = [["part of a frame", *(f"{name}, ms" for name in parts), *(f"{n}, %" for n in parts)]]
    whole = {name: sum(seconds.values()) for name, seconds in parts.items()}
    for part in next(iter(parts.values())):
        row = [part] + [f"{1e3 * seconds[part]:.2f}" for seconds in parts.values()]
        rows.append(row + [f"{100 * s[part] / whole[name]:.1f}" for name, s in parts.items()])
    return rows


def speed_table(
    frames: Mapping[str, Summary], ends: Mapping[str, Summary], floor: Mapping[str, Floor]
) -> list[list[str]]:
    """Lists whole frames.

    Args:
        frames: Tracking only, by name; the others are compared with the first one.
        ends: End to end, from the file to the box, by name, as far as it was measured.
        floor: By name, of the rows that have one.
    """
    baseline = next(iter(frames))
    head = ["one target", "ms", "95%", "mean ms", "fps", "fps end to end", "95% end to end, ms"]
    rows = [[*head, f"times the {baseline}", "of the floor"]]
    for name, own in frames.items():
        row = [name, f"{1e3 * own.median:.1f}", f"{1e3 * own.high:.1f}", f"{1e3 * own.mean:.1f}"]
        row.append(f"{1 / own.mean:.1f}")
        end = ends.get(name)
        row += [f"{1 / end.mean:.1f}", f"{1e3 * end.high:.1f}"] if end else ["-", "-"]
        row.append(f"{frames[baseline].mean / own.mean:.2f}")
        least = floor[name].arithmetic if name in floor else None
        row.append(f"{100 * least / own.mean:.0f}%" if least else "-")
        rows.append(row)
    return rows


def presets_table(found: Mapping[str, Mapping[str, Mapping[str, Summary]]]) -> list[list[str]]:
    """Lists presets of the tracker in each precision.

    Args:
        found: By precision and preset "frame" (tracking only) and "end to end"; the other presets
            are compared with the first one.
    """
    baseline = next(iter(next(iter(found.values()))))
    head = ["precision", "preset", "ms", "95%", "mean ms", "fps", "fps end to end"]
    rows = [[*head, f"times {baseline}"]]
    for precision, presets in found.items():
        for name, summaries in presets.items():
            own, end = summaries["frame"], summaries["end to end"]
            row = [precision, name, f"{1e3 * own.median:.1f}", f"{1e3 * own.high:.1f}"]
            row += [f"{1e3 * own.mean:.1f}", f"{1 / own.mean:.1f}", f"{1 / end.mean:.1f}"]
            rows.append([*row, f"{presets[baseline]['frame'].mean / own.mean:.2f}"])
    return rows


def targets_table(seconds: Mapping[int, Summary], memory: Mapping[int, int]) -> list[list[str]]:
    """Lists what many targets in one step cost: a frame's seconds and bytes by their number."""
    first = next(summary.mean / count for count, summary in seconds.items())
    rows = [["targets", "ms a frame", "ms a target", "frames a second", "to one", "memory, MiB"]]
    for count, summary in seconds.items():
        each = summary.mean / count
        row = [f"{count}", f"{1e3 * summary.mean:.1f}", f"{1e3 * each:.2f}"]
        row += [f"{1 / summary.mean:.1f}", f"{each / first:.2f}"]
        rows.append([*row, f"{memory[count] / 2**20:.0f}"])
    return rows


def floors_text(rates: Rates, floor: Mapping[str, Floor]) -> str:
    """Says what the floors of the precisions are made of."""
    work, update = features_work(3), features_work(1)
    lines = [
        f"A frame takes {work.multiply_adds / 1e9:.2f} G multiply-adds as plain convolutions, an "
        f"update {update.multiply_adds / 1e9:.2f} G more; by minimal filtering, which float32 uses "
        f"on a processor, {work.multiplications / 1e9:.2f} and "
        f"{update.multiplications / 1e9:.2f} G multiplications are left. Floors of a frame with a "
        "fifth of an update:"
    ]
    for name, least in floor.items():
        if least.arithmetic is None:
            text = "arithmetic not known (no matrix product of this type)"
        else:
            rate = rates.multiply_adds[name]
            text = f"arithmetic {1e3 * least.arithmetic:.1f} ms"
            if least.minimal is not None:
                text += f" ({1e3 * least.minimal:.1f} ms by minimal filtering)"
            text += f" at {rate / 1e9:.0f} G a second"
        lines.append(
            f"{name}: {text}, memory {1e3 * least.memory:.1f} ms at "
            f"{rates.copied_bytes / 1e9:.0f} GB a second"
        )
    return "\n".join(lines)


def first_result_table(found: Mapping[str, FreshProcess]) -> list[list[str]]:
    """Lists seconds from the import to the first box, on the clock and of the processor.

    Args:
        found: By whose code it is; the others are compared with the last one.
    """
    rows = [["from import to the first box, s", *STEPS, "sum", "to the last", "whole process"]]
    last = list(found.values())[-1]
    for name, process in found.items():
        for what, steps, base in (
            ("clock", process.seconds, last.seconds),
            ("processor", process.processor, last.processor),
        ):
            whole, whole_base = (sum(values[step] for step in STEPS) for values in (steps, base))
            row = [f"{name}, {what}", *(f"{steps[step]:.2f}" for step in STEPS), f"{whole:.2f}"]
            row += [f"{whole / whole_base:.2f}"]
            rows.append([*row, f"{steps['whole']:.2f}" if "whole" in steps else "-"])
    return rows
