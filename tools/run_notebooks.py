"""Runs the notebooks of examples/ and keeps what they show: their committed outputs.

    python tools/run_notebooks.py examples/track.ipynb examples/gradient.ipynb

Each runs in an empty folder by the Python that runs this script. Widgets, progress bars among them,
are left out of what is kept: they need a running kernel.
"""

from __future__ import annotations

import os
import sys
import tempfile
import warnings
from pathlib import Path

import nbformat
from nbclient import NotebookClient

ROOT = Path(__file__).resolve().parents[1]
_SECONDS = 600  # For a cell.
_WIDGET = "application/vnd.jupyter.widget-view+json"


def execute(path: Path, folder: Path, first: str = "", last: str = "") -> nbformat.NotebookNode:
    """Runs a notebook in a folder, with code before and after it in the same process.

    Returns:
        The notebook with its outputs, without `first` and `last`; the file stays as it is.

    Raises:
        nbclient.exceptions.CellExecutionError: If a cell fails.
    """
    notebook = nbformat.read(path, as_version=4)
    cells = notebook.cells
    others = [nbformat.v4.new_code_cell(code) for code in (first, last)]
    notebook.cells = [others[0], *cells, others[1]]
    environment = {
        **os.environ,
        "PYTHONPATH": str(ROOT),
        "IPYTHONDIR": str(folder / ".ipython"),
        "TF_CPP_MIN_LOG_LEVEL": "3",
    }
    environment.pop("MPLBACKEND", None)  # The kernel has its own.
    client = NotebookClient(
        notebook,
        timeout=_SECONDS,
        kernel_name="python3",
        resources={"metadata": {"path": str(folder)}},
        store_widget_state=False,
        record_timing=False,
        coalesce_streams=True,
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Of the libraries that talk to the kernel.
        client.execute(env=environment)
    notebook.cells = cells
    return notebook


def tidy(notebook: nbformat.NotebookNode) -> None:
    """Leaves out of a notebook what means nothing without its kernel, and counts from 1.

    Of photographs, which come as JPEG and PNG, the JPEG stays: it is several times smaller.
    """
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    for number, cell in enumerate(code, 1):
        cell.execution_count = number
        cell.outputs = [output for output in cell.outputs if _WIDGET not in output.get("data", {})]
        for output in cell.outputs:
            if "execution_count" in output:
                output.execution_count = number
            if "image/jpeg" in output.get("data", {}):
                output.data.pop("image/png", None)
    notebook.metadata = {
        "kernelspec": notebook.metadata.kernelspec,
        "language_info": {"name": "python"},
    }


def main() -> None:
    """Runs the notebooks that the command line names."""
    for path in map(Path, sys.argv[1:]):
        with tempfile.TemporaryDirectory() as folder:
            notebook = execute(path, Path(folder))
        tidy(notebook)
        part = path.with_suffix(".part")
        nbformat.write(notebook, part)
        part.replace(path)
        print(path)


if __name__ == "__main__":
    main()
