"""What the benchmark prints and draws."""

from __future__ import annotations

import os
import platform
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Optional

from gradnet_tf import hardware
from gradnet_tf.bench.roofline import Floor, Rates, features_work
from gradnet_tf.media.figures import figure_class

if TYPE_CHECKING:
    from gradnet_tf.bench.scaling import Scale
    from gradnet_tf.bench.timing import Summary

COLOURS = {
    "decode": "#6b4f3a",
    "transfer": "#00757f",
    "crops": "#b07d00",
    "features": "#0b62c4",
    "response": "#c2186b",
    "update": "#d1480a",
    "rest": "#9aa4b0",
}


def environment() -> dict[str, str]:
    """Software and hardware of this process."""
    import tensorflow as tf

    devices = tf.config.list_logical_devices("GPU")
    names = [
        tf.config.experimental.get_device_details(device).get("device_name", device.name)
        for device in tf.config.get_visible_devices("GPU")
    ]
    return {
        "TensorFlow": tf.__version__,
        "Python": platform.python_version(),
        "processor": f"{hardware.processor_name()} x {os.cpu_count()}",
        "instructions": ", ".join(_instructions()) or "unknown",
        "GPU": ", ".join(names) if devices else "none",
        "load before": f"{os.getloadavg()[0]:.1f}",
    }


def _instructions() -> list[str]:
    known = ("avx2", "avx512f", "avx512_vnni", "avx_vnni", "avx512_bf16", "amx_bf16", "asimddp")
    return [name for name in known if name in hardware.processor_flags()]


def parts_table(parts: Mapping[str, Mapping[str, float]]) -> list[list[str]]:
    """Rows of a table of the parts of a frame: milliseconds and per cent by precision."""
    rows = [["part of a frame", *(f"{name}, ms" for name in parts), *(f"{n}, %" for n in parts)]]
    whole = {name: sum(seconds.values()) for name, seconds in parts.items()}
    for part in next(iter(parts.values())):
        row = [part] + [f"{1e3 * seconds[part]:.2f}" for seconds in parts.values()]
        rows.append(row + [f"{100 * s[part] / whole[name]:.1f}" for name, s in parts.items()])
    return rows


def speed_table(
    names: Sequence[str],
    baseline: Optional[str],
    frames: Mapping[str, Summary],
    ends: Mapping[str, Summary],
    floor: Mapping[str, Floor],
) -> list[list[str]]:
    """Rows of a table of whole frames.

    Args:
        names: Of the rows.
        baseline: The row that the others are compared with.
        frames: Tracking only, by name.
        ends: End to end, from the file to the box, by name, as far as it was measured.
        floor: By name, of the rows that have one.
    """
    head = ["one target", "ms", "95%", "mean ms", "fps", "fps end to end", "95% end to end, ms"]
    rows = [[*head, f"times the {baseline}" if baseline else "times", "of the floor"]]
    for name in names:
        own = frames[name]
        row = [name, f"{1e3 * own.median:.1f}", f"{1e3 * own.high:.1f}", f"{1e3 * own.mean:.1f}"]
        row.append(f"{1 / own.mean:.1f}")
        end = ends.get(name)
        row += [f"{1 / end.mean:.1f}", f"{1e3 * end.high:.1f}"] if end else ["-", "-"]
        row.append(f"{frames[baseline].mean / own.mean:.2f}" if baseline else "-")
        least = floor[name].arithmetic if name in floor else None
        row.append(f"{100 * least / own.mean:.0f}%" if least else "-")
        rows.append(row)
    return rows


def floors_text(rates: Rates, floor: Mapping[str, Floor]) -> str:
    """What the floors of the precisions are made of."""
    work, update = features_work(3), features_work(1)
    lines = [
        f"A frame takes {work.multiply_adds / 1e9:.2f} G multiply-adds as plain convolutions, an "
        f"update {update.multiply_adds / 1e9:.2f} G more. Floors of a frame with a fifth of an "
        "update:"
    ]
    for name, least in floor.items():
        if least.arithmetic is None:
            text = "arithmetic not known (no matrix product of this type)"
        else:
            rate = rates.multiply_adds[name]
            text = f"arithmetic {1e3 * least.arithmetic:.1f} ms at {rate / 1e9:.0f} G a second"
        lines.append(
            f"{name}: {text}, memory {1e3 * least.memory:.1f} ms at "
            f"{rates.copied_bytes / 1e9:.0f} GB a second"
        )
    return "\n".join(lines)


def draw(
    path: str,
    parts: Mapping[str, Mapping[str, float]],
    scales: Sequence[Scale],
    title: str,
) -> None:
    """Draws where the time goes, and the scaling with the number of targets.

    Args:
        path: Of the picture; its ending says the format.
        parts: Seconds of the parts of a frame by precision.
        scales: What many targets cost; may be empty.
        title: Above it.

    Raises:
        ImportError: If matplotlib is not installed.
    """
    figure = figure_class()(figsize=(10, 3.4), layout="constrained")
    left, right = figure.subplots(1, 2, width_ratios=[3, 2])
    names = list(parts)
    start = [0.0] * len(names)
    for part, colour in COLOURS.items():
        lengths = [1e3 * max(parts[name][part], 0.0) for name in names]
        left.barh(names, lengths, left=start, color=colour, label=part, height=0.6)
        start = [one + other for one, other in zip(start, lengths)]
    left.invert_yaxis()
    left.set_xlabel("ms a frame, end to end")
    left.legend(ncols=4, fontsize=8, loc="lower center", bbox_to_anchor=(0.5, 1.0), frameon=False)
    if scales:
        counts = [scale.targets for scale in scales]
        each = [1e3 * scale.seconds.mean / scale.targets for scale in scales]
        right.plot(counts, each, "o-")
        right.set_ylim(0, 1.1 * max(each))
        right.set_xscale("log", base=2)
        right.set_xticks(counts, [str(count) for count in counts])
    right.set(xlabel="targets in one step", ylabel="ms a target")
    right.grid(alpha=0.3)
    figure.suptitle(title, fontsize=9)
    figure.savefig(path, dpi=110)
