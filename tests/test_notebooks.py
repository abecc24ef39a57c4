"""The notebooks run from top to bottom, and hold what they gave when they last ran."""

from __future__ import annotations

import json
import re
import time
from pathlib import Path
from typing import Any

import matplotlib
import pytest

matplotlib.use("Agg")
from matplotlib import pyplot

ROOT = Path(__file__).resolve().parents[1]
NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))


def named(path: Path) -> str:
    return path.name


def code_cells(path: Path) -> list[dict[str, Any]]:
    return [cell for cell in json.loads(path.read_text())["cells"] if cell["cell_type"] == "code"]


def test_there_are_notebooks() -> None:
    assert NOTEBOOKS


@pytest.mark.parametrize("path", NOTEBOOKS, ids=named)
def test_notebook_runs(path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every cell, in order, in less than a minute of the processor's time; it draws as many figures as are stored."""
    shown = 0

    def show() -> None:
        nonlocal shown
        for number in pyplot.get_fignums():
            pyplot.figure(number).canvas.draw()
            shown += 1
        pyplot.close("all")

    pyplot.close("all")  # what other tests have left
    monkeypatch.setattr(pyplot, "show", show)
    monkeypatch.chdir(tmp_path)
    namespace: dict[str, Any] = {"__name__": "__main__"}
    started = time.process_time()
    with matplotlib.rc_context():
        for number, cell in enumerate(code_cells(path)):
            exec(compile("".join(cell["source"]), f"{path.name}, code cell {number}", "exec"), namespace)
        show()
    assert time.process_time() - started < 60
    stored = [
        output for cell in code_cells(path) for output in cell["outputs"] if "image/png" in output.get("data", {})
    ]
    assert shown == len(stored)


@pytest.mark.parametrize("path", NOTEBOOKS, ids=named)
def test_notebook_is_stored_as_it_ran(path: Path) -> None:
    notebook = json.loads(path.read_text())
    assert notebook["nbformat"] == 4
    cells = code_cells(path)
    assert [cell["execution_count"] for cell in cells] == list(range(1, len(cells) + 1)), "run all cells, then save"
    outputs = [output for cell in cells for output in cell["outputs"]]
    assert not [output for output in outputs if output["output_type"] == "error"]
    texts = "".join("".join(output.get("text", "")) for output in outputs)
    assert not re.search(r"/(home|root|Users|tmp|work)/|Warning", texts)
    assert path.stat().st_size < 2**20
