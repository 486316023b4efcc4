"""What an experiment gives, and the files that it becomes.

    NAME.md      tables, notes, and what made them: parameters, weights, software, hardware
    NAME.csv     the numbers (NAME_TABLE.csv of further tables)
    NAME.png, NAME.svg   the figure (NAME_PART.png of further ones)

Every file is whole or not there. The same numbers on the same machine give the same bytes.
"""

from __future__ import annotations

import dataclasses
import io
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import gradnet_tf
from gradnet_tf.eval.report import facts, plots, tables
from gradnet_tf.eval.results import provenance
from gradnet_tf.files import disk

if TYPE_CHECKING:
    from matplotlib.figure import Figure

FORMATS = ("png", "svg")


@dataclasses.dataclass(frozen=True, eq=False)
class Document:
    """What came of an experiment.

    Attributes:
        name: Of its files.
        title: What it shows.
        tables: The first one has the file `NAME.csv`.
        figures: Functions that draw, by the part of the file's name after NAME; "" for the main
            one.
        notes: Sentences.
        parameters: What the numbers depend on.
        weights: Hashes of weights by what they are.
        commands: Other commands that were run.
    """

    name: str
    title: str
    tables: tuple[tables.Table, ...] = ()
    figures: Mapping[str, Callable[[], Figure]] = dataclasses.field(default_factory=dict)
    notes: tuple[str, ...] = ()
    parameters: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    weights: Mapping[str, str] = dataclasses.field(default_factory=dict)
    commands: tuple[str, ...] = ()


def write(document: Document, folder: Path) -> list[Path]:
    """Writes the files; makes the folder where it is missing.

    Returns:
        The files, the page in Markdown first.

    Raises:
        OSError: If something cannot be written.
    """
    contents: dict[str, bytes] = {}
    for place, table in enumerate(document.tables):
        suffix = f"_{table.name}" if place else ""
        contents[f"{document.name}{suffix}.csv"] = tables.to_csv(table).encode()
    for part, draw in document.figures.items():
        stem = f"{document.name}_{part}" if part else document.name
        for kind, content in render(draw).items():
            contents[f"{stem}.{kind}"] = content
    pictures = [name for name in contents if name.endswith(f".{FORMATS[0]}")]
    contents = {f"{document.name}.md": to_markdown(document, pictures).encode(), **contents}
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in contents.items():
        disk.write_bytes(folder / name, content)
    return [folder / name for name in contents]


def render(draw: Callable[[], Figure]) -> dict[str, bytes]:
    """Draws a figure in the style of the reports; its files by format."""
    with plots.styled():
        figure = draw()
        # The layout is settled once, or it would depend on the order of the formats.
        figure.draw_without_rendering()
        figure.set_layout_engine("none")
        found = {}
        for kind in FORMATS:
            buffer = io.BytesIO()
            figure.savefig(buffer, format=kind, metadata=plots.METADATA[kind])
            found[kind] = buffer.getvalue()
        return found


def to_markdown(document: Document, pictures: list[str]) -> str:
    """The page that tells everything."""
    parts = [f"# {document.name}: {document.title}", ""]
    for name in pictures:
        parts += [f"![{document.title}]({name})", ""]
    parts += [tables.to_markdown(table) for table in document.tables]
    parts += [f"- {note}" for note in document.notes]
    parts += [""] * bool(document.notes)
    made = {
        **facts_of(document),
        **{f"weights of {name}": digest for name, digest in document.weights.items()},
    }
    rows = tuple((name, text) for name, text in made.items())
    columns = (tables.Column("What"), tables.Column("Value"))
    parts.append(tables.to_markdown(tables.Table("made", "What made it", columns, rows)))
    if document.commands:
        parts += ["Commands that were run:", "", "```", *document.commands, "```", ""]
    return "\n".join(parts)


def facts_of(document: Document) -> dict[str, str]:
    """Parameters, software and hardware, as texts by name."""
    made = {
        **document.parameters,
        "gradnet_tf": gradnet_tf.__version__,
        **provenance.describe_environment(),
    }
    return {name: text for name, text in facts.flatten(made) if text}
