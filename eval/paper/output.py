"""Writes what came of an experiment, and draws images and maps.

    NAME.md      tables, notes, and what made them: parameters, weights, software, hardware
    NAME.csv     the numbers (NAME_TABLE.csv of further tables)
    NAME.png, NAME.svg   the figure (NAME_PART.png of further ones)

Every file is whole or not there. The same numbers on the same machine give the same bytes.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

import gradnet_tf
from gradnet_tf.eval.paper.settings import EXPERIMENTS, Settings
from gradnet_tf.eval.report import descriptions, plots, tables
from gradnet_tf.eval.running import provenance
from gradnet_tf.files import disk

if TYPE_CHECKING:
    from matplotlib.figure import Figure

FORMATS = ("png", "svg")
COLOURS = "jet"  # Of heat maps, as in the paper's figures: red is high.
# Where the cells of f_2 lie on the exemplar: the first one's centre, from one to the next, px. Two
# convolutions and two poolings without padding, of strides 2, 2, 1 and 2.
_F2_FIRST, _F2_STRIDE = 19, 8


class Document(NamedTuple):
    """What came of an experiment."""

    tables: tuple[tables.Table, ...]  # The first one has the file NAME.csv.
    notes: tuple[str, ...]
    figures: Mapping[str, Callable[[], Figure]] = {}  # Functions by PART; "" for NAME.png.
    weights: Mapping[str, str] = {}  # Hashes by what they are of.
    parameters: Mapping[str, Any] = {}  # What the numbers depend on besides the settings.
    commands: tuple[str, ...] = ()  # Others that were run.


def write(settings: Settings, document: Document) -> list[Path]:
    """Writes the files and returns their paths, NAME.md first; raises an OSError if it cannot."""
    name, contents = settings.experiment, {}
    for place, table in enumerate(document.tables):
        suffix = f"_{table.name}" if place else ""
        contents[f"{name}{suffix}.csv"] = tables.to_csv(table).encode()
    for part, draw in document.figures.items():
        for kind, content in render(draw).items():
            contents[f"{name}{part and '_'}{part}.{kind}"] = content
    pictures = [file for file in contents if file.endswith(f".{FORMATS[0]}")]
    contents = {f"{name}.md": _to_markdown(settings, document, pictures).encode(), **contents}
    settings.output.mkdir(parents=True, exist_ok=True)
    for file, content in contents.items():
        disk.write_bytes(settings.output / file, content)
    return [settings.output / file for file in contents]


def render(draw: Callable[[], Figure]) -> dict[str, bytes]:
    """Draws a figure in the style of the reports; returns its files by format."""
    with plots.styled():
        return plots.render(draw(), FORMATS)


def show_image(axes, image: np.ndarray, title: str = "") -> None:
    """Shows an image BGR [1, h, w, 3]."""
    axes.imshow(to_rgb(image))
    _bare(axes, title)


def show_map(axes, values: np.ndarray) -> None:
    """Shows a heat map [h, w] alone, its least value blue and its largest one red."""
    axes.imshow(values, cmap=COLOURS)
    _bare(axes)


def show_over_exemplar(axes, values: np.ndarray, exemplar: np.ndarray, title: str = "") -> None:
    """Shows a heat map [12, 12] of f_2 where it lies on an exemplar [1, 127, 127, 3]."""
    size = exemplar.shape[1]
    low = _F2_FIRST - _F2_STRIDE / 2
    high = low + _F2_STRIDE * len(values)
    axes.imshow(to_rgb(exemplar))
    style = dict(cmap=COLOURS, alpha=0.65, interpolation="bilinear")
    axes.imshow(values, extent=(low, high, high, low), **style)
    axes.set(xlim=(-0.5, size - 0.5), ylim=(size - 0.5, -0.5))
    _bare(axes, title)


def to_rgb(image: np.ndarray) -> np.ndarray:
    """Turns BGR [1, h, w, 3], 0..255, into RGB uint8 [h, w, 3]."""
    return np.clip(np.rint(image[0, ..., ::-1]), 0, 255).astype(np.uint8)


def _bare(axes, title: str = "") -> None:
    axes.grid(visible=False)
    axes.set(xticks=[], yticks=[])
    axes.spines[:].set_visible(False)
    axes.set_title(title, fontsize=7)


def _to_markdown(settings: Settings, document: Document, pictures: list[str]) -> str:
    title = EXPERIMENTS[settings.experiment].title
    parts = [f"# {settings.experiment}: {title}", ""]
    parts += [text for file in pictures for text in (f"![{title}]({file})", "")]
    parts += [tables.to_markdown(table) for table in document.tables]
    parts += [f"- {note}" for note in document.notes]
    made = {
        **settings.parameters,
        **document.parameters,
        "gradnet_tf": gradnet_tf.__version__,
        **provenance.describe_environment(),
        **{f"weights of {name}": digest for name, digest in document.weights.items()},
    }
    heads, rows = {"What": None, "Value": None}, descriptions.flatten(made)
    parts += ["", tables.to_markdown(tables.plain_table("made", "What made it", heads, rows))]
    if document.commands:
        parts += ["Commands that were run:", "", "```", *document.commands, "```", ""]
    return "\n".join(parts)
