"""Draws where the time of a frame goes, and what many targets cost, from numbers of the benchmark.

`python -m gradnet_tf.bench --json=bench.json` writes the numbers, and
`python tools/draw_bench.py bench.json chart.png` the picture.
"""

from __future__ import annotations

import json
import sys

from matplotlib.figure import Figure

COLOURS = {
    "decode": "#6b4f3a",
    "transfer": "#00757f",
    "crops": "#b07d00",
    "features": "#0b62c4",
    "response": "#c2186b",
    "update": "#d1480a",
    "rest": "#9aa4b0",
}


def draw(results: dict) -> Figure:
    """Draws what the JSON file of `gradnet_tf.bench` holds."""
    figure = Figure(figsize=(10, 3.4), layout="constrained")
    left, right = figure.subplots(1, 2, width_ratios=[3, 2])
    parts = results["parts"]
    start = dict.fromkeys(parts, 0.0)
    for part, colour in COLOURS.items():
        lengths = [1e3 * max(seconds[part], 0.0) for seconds in parts.values()]
        left.barh(
            list(parts), lengths, left=list(start.values()), color=colour, label=part, height=0.6
        )
        start = {name: start[name] + length for name, length in zip(start, lengths)}
    left.invert_yaxis()
    left.set_xlabel("ms a frame, end to end")
    left.legend(ncols=4, fontsize=8, loc="lower center", bbox_to_anchor=(0.5, 1.0), frameon=False)
    if results["targets"]:
        counts = [row["targets"] for row in results["targets"]]
        each = [1e3 * row["seconds"]["mean"] / row["targets"] for row in results["targets"]]
        right.plot(counts, each, "o-")
        right.set_ylim(0, 1.1 * max(each))
        right.set_xscale("log", base=2)
        right.set_xticks(counts, [str(count) for count in counts])
    right.set(xlabel="targets in one step", ylabel="ms a target")
    right.grid(alpha=0.3)
    there = results["environment"]
    device = there["processor"] if there["GPU"] == "none" else there["GPU"]
    figure.suptitle(f"{device}, TensorFlow {there['TensorFlow']}", fontsize=9)
    return figure


if __name__ == "__main__":
    source, picture = sys.argv[1:]
    with open(source, encoding="utf-8") as file:
        draw(json.load(file)).savefig(picture, dpi=110)
