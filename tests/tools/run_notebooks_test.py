"""Tests of tools/run_notebooks.py: what is kept of a run. tests/examples runs real ones."""

import pytest

nbformat = pytest.importorskip("nbformat", reason="needs nbformat, of the extra dev")
run_notebooks = pytest.importorskip("tools.run_notebooks", reason="needs nbclient, of dev")


def test_widgets_go_and_photographs_stay_as_jpeg():
    v4 = nbformat.v4
    bar = {"application/vnd.jupyter.widget-view+json": {"model_id": "a"}, "text/plain": "0%"}
    photograph = {"image/jpeg": "aa", "image/png": "aaaa", "text/plain": "<Image>"}
    cell = v4.new_code_cell("x", execution_count=5)
    cell.outputs = [
        v4.new_output("display_data", data=bar),
        v4.new_output("display_data", data={"image/png": "plot"}),
        v4.new_output("execute_result", data=photograph, execution_count=5),
    ]
    notebook = v4.new_notebook(
        cells=[v4.new_markdown_cell("text"), cell],
        metadata={"kernelspec": {"name": "python3", "display_name": "P"}, "widgets": {"a": 1}},
    )
    run_notebooks.tidy(notebook)
    plot, shown = cell.outputs
    assert plot.data == {"image/png": "plot"}
    assert shown.data == {"image/jpeg": "aa", "text/plain": "<Image>"}
    assert cell.execution_count == shown.execution_count == 1
    assert set(notebook.metadata) == {"kernelspec", "language_info"}
    nbformat.validate(notebook)


def test_a_failing_cell_is_an_error(tmp_path):
    path = tmp_path / "bad.ipynb"
    cells = [nbformat.v4.new_code_cell("assert first == 3")]
    kernel = {"name": "python3", "display_name": "P"}
    notebook = nbformat.v4.new_notebook(cells=cells, metadata={"kernelspec": kernel})
    nbformat.write(notebook, path)
    run_notebooks.execute(path, tmp_path, first="first = 3", last="assert first == 3")
    with pytest.raises(Exception, match="AssertionError"):
        run_notebooks.execute(path, tmp_path, first="first = 4")
