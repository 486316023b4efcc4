"""Tests of gradnet_tf.eval.paper.output: the files of an experiment."""

import io

import numpy as np
import pytest
from PIL import Image

from gradnet_tf.eval.paper import output
from gradnet_tf.eval.paper.settings import EXPERIMENTS, Settings
from gradnet_tf.eval.report import plots
from gradnet_tf.eval.report.tables import Column, Number, Table

TITLE = EXPERIMENTS["table1"].title


def make_document(**changes):
    columns = (Column("Name"), Column("Value", 2))
    tables = tuple(
        Table(name, f"Table {name}", columns, (("a|b", Number(value)),))
        for name, value in (("first", 1.5), ("second", 2.5))
    )
    values = {
        "tables": tables,
        "figures": {"": draw, "part": draw},
        "notes": ("A note.",),
        "parameters": {"pairs": ["x", "y"]},
        "weights": {"checkpoint": "abc123"},
        "commands": ("python -m something",),
    }
    return output.Document(**{**values, **changes})


def write(document, folder):
    return output.write(Settings("table1", folder, {"seed": 7}), document)


def draw():
    figure, axes = plots.new_figure(3, 2)
    axes.plot([0, 1], [1, 0])
    return figure


def test_files(tmp_path):
    folder = tmp_path / "out"
    written = write(make_document(), folder)
    names = ["table1.csv", "table1_second.csv"]
    names += [f"table1{part}.{kind}" for part in ("", "_part") for kind in ("png", "svg")]
    assert [path.name for path in written] == ["table1.md", *names]
    assert sorted(path.name for path in folder.iterdir()) == sorted(["table1.md", *names])
    assert (folder / "table1.csv").read_text() == "Name,Value\na|b,1.500000\n"
    with Image.open(folder / "table1.png") as image:
        assert image.size == (450, 300)
    page = (folder / "table1.md").read_text()
    for text in (
        *(f"# table1: {TITLE}", f"![{TITLE}](table1.png)", "| a\\|b | 1.50 |", "- A note."),
        *("| seed | 7 |", "| pairs | x, y |", "| weights of checkpoint | abc123 |"),
        *("| hardware.processor |", "| stack.numpy |", "python -m something"),
    ):
        assert text in page.replace("\\.", ".").replace("\\_", "_"), text


def test_the_same_numbers_give_the_same_bytes(tmp_path):
    for name in ("a", "b"):
        write(make_document(), tmp_path / name)
    for path in (tmp_path / "a").iterdir():
        assert path.read_bytes() == (tmp_path / "b" / path.name).read_bytes(), path.name


def test_a_drawing_that_fails_leaves_what_was_there(tmp_path):
    write(make_document(), tmp_path)
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}

    def fail():
        raise ValueError("cannot draw")

    with pytest.raises(ValueError, match="cannot draw"):
        write(make_document(notes=("Another",), figures={"": fail}), tmp_path)
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before


def test_maps_lie_on_the_exemplar_where_their_cells_do():
    # One cell is much larger than the others: red there, blue at the other end.
    values = np.zeros((12, 12))
    values[2, 9] = 1

    def show():
        figure, axes = plots.new_figure(2, 2)
        output.show_over_exemplar(axes, values, np.full((1, 127, 127, 3), 128.0))
        figure.set_layout_engine("none")
        axes.set_position((0, 0, 1, 1))
        return figure

    pixels = np.asarray(Image.open(io.BytesIO(output.render(show)["png"])).convert("RGB"), int)
    redness = pixels[..., 0] - pixels[..., 2]
    row, column = np.unravel_index(redness.argmax(), redness.shape)
    scale = 127 / pixels.shape[0]
    assert abs(row * scale - (19 + 8 * 2)) < 6 and abs(column * scale - (19 + 8 * 9)) < 6
    assert pixels[3, 3].tolist() == [128, 128, 128]  # Beyond the cells: the exemplar alone.


def test_images_are_turned_to_rgb():
    image = np.zeros((1, 2, 2, 3)) + [10.4, 20.6, 300]
    np.testing.assert_array_equal(output.to_rgb(image)[0, 0], [255, 21, 10])
